"""libgphoto2's widgets as capabilities, settings as texts to set; every vendor has its own names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from camera.drivers.base import (
    ApertureCapability,
    Applied,
    Capabilities,
    Choice,
    ExposureCapability,
    FormatCapability,
    GainCapability,
    PreviewCapability,
    Settings,
)
from camera.drivers.gphoto2.values import (
    format_flags,
    is_bulb,
    nearest,
    numbered,
    parse_aperture,
    parse_iso,
    parse_percent,
    parse_shutter,
    stops,
)

SHUTTER: Final = ("shutterspeed", "shutterspeed2", "exposuretime")
APERTURE: Final = ("aperture", "f-number")
ISO: Final = ("iso",)
FORMAT: Final = ("imageformat", "imagequality")
MODE: Final = ("autoexposuremode", "expprogram")
BATTERY: Final = ("batterylevel",)
IDENTITY: Final = ("manufacturer", "cameramodel", "serialnumber", "deviceversion", "lensname")
"""Names to try, in this order."""

PREPARE: Final = (
    ("viewfinder", ("0",)),
    ("autoiso", ("Off", "0")),
    ("capturetarget", ("Memory card", "card", "sdram+card")),
    ("reviewtime", ("None", "Off", "0")),
    ("drivemode", ("Single", "Single Frame", "Single shot")),
    ("autofocus", ("Off",)),
)
"""What is set once after opening, where the camera offers it: pictures stay on the card until they are
safe, nothing is shown after a shot, and the lens does not hunt for focus in the dark."""

BULBS: Final = (
    ("eosremoterelease", "Press Full MF", "Release Full"),
    ("eosremoterelease", "Press Full", "Release Full"),
    ("bulb", 1, 0),
)
"""Widget, value that opens the shutter, value that closes it."""

ALL: Final = (
    *SHUTTER,
    *APERTURE,
    *ISO,
    *FORMAT,
    *MODE,
    *BATTERY,
    *IDENTITY,
    *(name for name, _ in PREPARE),
    "eosremoterelease",
    "bulb",
    "datetime",
)
"""Everything we ask a camera for when it is opened."""

PTPIP_MODEL: Final = "PTP/IP Camera"
"""Libgphoto2's one name for all cameras on the network."""
BULB_MAX: Final = 3600.0
"""Seconds: the longest bulb exposure we offer."""
SNAP: Final = 1 / 6
"""EV: half of the usual third of a stop; a setting further off than this is worth a warning."""
PREVIEW_FPS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Dial:
    """A setting of the camera: widget, its choices with their numbers, or a range."""

    name: str
    texts: Mapping[str, float] = field(default_factory=dict)
    limits: tuple[float, float, float] | None = None

    def text_for(self, wanted: float) -> str | float:
        """What to set for a number: the nearest choice in stops, or the number within the range."""
        if self.limits:
            low, high, _step = self.limits
            return min(high, max(low, wanted))
        return nearest(self.texts, wanted)


def _dial(
    widgets: Mapping[str, Any], names: tuple[str, ...], parse: Callable[[str], float | None]
) -> Dial | None:
    """The first of the named widgets that can be set and holds numbers."""
    for name in names:
        widget = widgets.get(name)
        if widget is None or widget["readonly"]:
            continue
        if limits := widget.get("range"):
            return Dial(name, limits=tuple(limits))
        if texts := numbered(widget.get("choices", ()), parse):
            return Dial(name, texts)
    return None


@dataclass(frozen=True, slots=True)
class Panel:
    """What a camera lets us set and see, worked out once from the widgets it has."""

    capabilities: Capabilities
    shutter: Dial | None = None
    aperture: Dial | None = None
    iso: Dial | None = None
    format: str | None = None
    formats: tuple[str, ...] = ()
    bulb_text: str | None = None
    bulb: tuple[str, str | int, str | int] | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @classmethod
    def read(cls, widgets: Mapping[str, Any], preview: bool) -> "Panel":
        """From the widgets as the child reports them; `preview`: the camera has live view."""
        shutter = _dial(widgets, SHUTTER, parse_shutter)
        aperture = _dial(widgets, APERTURE, parse_aperture)
        iso = _dial(widgets, ISO, parse_iso)
        form = next((name for name in FORMAT if widgets.get(name, {}).get("choices")), None)
        formats = tuple(widgets[form]["choices"]) if form else ()
        choices = widgets[shutter.name].get("choices", ()) if shutter else ()
        bulb_text = next(filter(is_bulb, choices), None)
        bulb = _bulb(widgets) if bulb_text else None
        capabilities = Capabilities(
            exposure=_exposure(shutter, bulb is not None),
            gain=_gain(iso),
            aperture=ApertureCapability(tuple(aperture.texts.values()))
            if aperture and aperture.texts
            else None,
            formats=tuple(FormatCapability(name, raw=format_flags(name)[0]) for name in formats),
            preview=PreviewCapability(PREVIEW_FPS) if preview else None,
            bracket=shutter is not None,
            events="push",
        )
        identity = {name: str(widgets[name]["value"]) for name in IDENTITY if name in widgets}
        return cls(
            capabilities,
            shutter,
            aperture,
            iso,
            form,
            formats,
            bulb_text,
            bulb,
            identity,
            _mode_warning(widgets),
        )

    def model(self, library_name: str) -> str:
        """What libgphoto2 calls a USB camera; what a network camera calls itself, maker first."""
        if library_name != PTPIP_MODEL:
            return library_name
        name, maker = self.identity.get("cameramodel", ""), self.identity.get("manufacturer", "")
        maker = maker.removesuffix(" Corporation").removesuffix(" Inc.").removesuffix(".")
        if not name:
            return library_name
        return name if not maker or name.lower().startswith(maker.split()[0].lower()) else f"{maker} {name}"

    def is_bulb(self, exposure: float) -> bool:
        """Whether an exposure needs bulb: over the longest time by more than a sixth of a stop."""
        limit = self.capabilities.exposure.maximum if self.capabilities.exposure else 0.0
        return self.bulb is not None and limit > 0 and stops(exposure, limit) > SNAP

    def texts_for(self, settings: Settings) -> dict[str, str | float]:
        """Widgets and values to set, in order. Numbers that the camera has no dial for are left out."""
        texts: dict[str, str | float] = {}
        if settings.format is not None and self.format:
            texts[self.format] = settings.format
        if settings.aperture_f is not None and self.aperture:
            texts[self.aperture.name] = self.aperture.text_for(settings.aperture_f)
        if settings.gain is not None and self.iso:
            texts[self.iso.name] = self.iso.text_for(settings.gain)
        if settings.exposure_s is not None and self.shutter:
            bulb = self.bulb_text if self.is_bulb(settings.exposure_s) else None
            texts[self.shutter.name] = bulb or self.shutter.text_for(settings.exposure_s)
        return texts

    def shown_names(self) -> list[str]:
        """Widgets to read back."""
        dials = (self.shutter, self.aperture, self.iso)
        return [dial.name for dial in dials if dial] + ([self.format] if self.format else [])

    def applied(self, settings: Settings, shown: Mapping[str, Any]) -> Applied:
        """What the camera's own texts mean, with a warning for each wish it did not fulfil."""
        exposure = self._number(self.shutter, shown, parse_shutter)
        if self.shutter and settings.exposure_s and is_bulb(str(shown.get(self.shutter.name, ""))):
            exposure = min(settings.exposure_s, BULB_MAX)
        iso = self._number(self.iso, shown, parse_iso)
        f_number = self._number(self.aperture, shown, parse_aperture)
        form = str(shown[self.format]) if self.format and self.format in shown else None
        wishes = (
            ("exposure", settings.exposure_s, exposure, "s"),
            ("ISO", settings.gain, iso, ""),
            ("aperture f/", settings.aperture_f, f_number, ""),
        )
        warnings = [text for wish in wishes if (text := _unfulfilled(*wish))]
        if settings.format is not None and form != settings.format:
            warnings.append(f"format {settings.format}: the camera has set {form or 'its own'}")
        return Applied(exposure, iso, "ISO" if iso else None, f_number, form, (*self.warnings, *warnings))

    @staticmethod
    def _number(
        dial: Dial | None, shown: Mapping[str, Any], parse: Callable[[str], float | None]
    ) -> float | None:
        return parse(str(shown[dial.name])) if dial and dial.name in shown else None

    def files_per_exposure(self, form: str | None) -> int:
        """1, or 2 where the format says that a raw file and a JPEG are written."""
        return 2 if form is not None and format_flags(form) == (True, True) else 1


def _unfulfilled(name: str, wanted: float | None, got: float | None, unit: str) -> str | None:
    if wanted is None:
        return None
    if got is None:
        return f"{name} {wanted:g}{unit}: cannot be set on this camera"
    if abs(stops(got, wanted)) > SNAP:
        return f"{name} {wanted:g}{unit}: the camera has set {got:g}{unit}, its nearest"
    return None


def _exposure(dial: Dial | None, bulb: bool) -> ExposureCapability | None:
    if dial is None:
        return None
    maximum = BULB_MAX if bulb else None
    if dial.limits:
        low, high, step = dial.limits
        return ExposureCapability(Choice.RANGE, low, high, step=step, bulb=bulb, bulb_max=maximum)
    values = tuple(dial.texts.values())
    return ExposureCapability(Choice.ENUM, values[0], values[-1], values, bulb=bulb, bulb_max=maximum)


def _gain(dial: Dial | None) -> GainCapability | None:
    if dial is None:
        return None
    if dial.limits:
        low, high, _step = dial.limits
        return GainCapability(Choice.RANGE, "ISO", low, high, low)
    values = tuple(dial.texts.values())
    base = next((value for value in values if value >= 100), values[0])
    return GainCapability(Choice.ENUM, "ISO", values[0], values[-1], base, values)


def _bulb(widgets: Mapping[str, Any]) -> tuple[str, str | int, str | int] | None:
    for name, start, end in BULBS:
        widget = widgets.get(name)
        if widget and (isinstance(start, int) or start in widget.get("choices", ())):
            return name, start, end
    return None


def _mode_warning(widgets: Mapping[str, Any]) -> tuple[str, ...]:
    for name in MODE:
        if name in widgets and (value := str(widgets[name]["value"])) not in ("M", "Manual", "Bulb"):
            return (f"the camera's mode is {value}: turn its dial to M, or it will not keep our exposure",)
    return ()


def preparation(widgets: Mapping[str, Any]) -> dict[str, str]:
    """What of `PREPARE` this camera offers and has not set."""
    texts: dict[str, str] = {}
    for name, wanted in PREPARE:
        widget = widgets.get(name)
        if widget is None or widget["readonly"]:
            continue
        choices = {str(choice).lower(): choice for choice in widget.get("choices", ("0", "1"))}
        found = next((choices[text.lower()] for text in wanted if text.lower() in choices), None)
        if found is not None and str(widget["value"]) != found:
            texts[name] = found
    return texts


def battery(shown: Mapping[str, Any]) -> int | None:
    """Percent, where the camera says it in numbers."""
    return next((parse_percent(str(shown[name])) for name in BATTERY if name in shown), None)
