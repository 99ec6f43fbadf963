"""The form of a new timelapse as data: every choice of a recipe, simple ones first, the rest in folded groups.

The page sends only what differs from the standard shown, so that a profile's own values stand.
"""

from dataclasses import dataclass
from typing import Any

from skycam_project.common.nights import site_zone


@dataclass(frozen=True, slots=True)
class Choice:
    """One field.

    Attributes:
        path: in the recipe, parts joined by a point; what the API names when it refuses a value.
        label: for people.
        kind: number, whole, text, switch, select, logo.
        standard: what holds when nobody says.
        hint: range and standard, one line.
        unit: after the field.
        options: (value, words) of a select.
    """

    path: str
    label: str
    kind: str
    standard: Any = ""
    hint: str = ""
    unit: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """Of the element."""
        return "r-" + self.path.replace(".", "-").replace("_", "-")

    @property
    def shown(self) -> str:
        """The standard as it stands in the field."""
        return f"{self.standard:g}" if isinstance(self.standard, float) else str(self.standard)


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under one heading."""

    title: str
    choices: tuple[Choice, ...]


PLACES = (
    ("bottom-left", "Bottom left"),
    ("bottom-right", "Bottom right"),
    ("top-left", "Top left"),
    ("top-right", "Top right"),
)
SIZES = ((3840, 2160), (2560, 1440), (1920, 1080), (1280, 720))
ALSO = ("1080p", "hdr10", "hlg", "av1", "h265", "prores", "ffv1", "webp", "frames")
ALSO_WORDS = {
    "1080p": "1080p H.264", "hdr10": "HDR10", "hlg": "HLG", "av1": "AV1", "h265": "H.265", "prores": "ProRes",
    "ffv1": "FFV1, lossless", "webp": "Animation (WebP)", "frames": "Untouched frames (ZIP)",
}  # fmt: skip


def groups() -> list[Group]:
    """All folded groups."""
    from timelapse.pipeline.colour import Look
    from timelapse.pipeline.lens import Fisheye
    from timelapse.pipeline.overlay import Overlay
    from timelapse.pipeline.recipe import Recipe

    r, look, over, eye = Recipe(), Look(), Overlay(), Fisheye()
    number, whole, switch, select = "number", "whole", "switch", "select"
    return [
        Group("Flicker, motion, noise and frames", (
            Choice("deflicker", "Flicker faster than", number, r.deflicker, "6 to 300, 0 leaves it, standard 40", "frames"),
            Choice("smooth_path", "Path of a moving camera", number, r.smooth_path, "6 to 300, standard 60", "frames"),
            Choice("denoise", "Noise reduction", number, r.denoise, "0 to 1, standard 0.8"),
            Choice("least_quality", "Leave out frames below", number, r.least_quality, "Quality 0 to 1, 0 keeps all"),
            Choice("turn", "Turn the picture", select, "", options=(
                ("", "As most frames say"), ("0", "Not at all"), ("90", "90° to the right"), ("180", "Upside down"),
                ("270", "90° to the left"))),
            Choice("first", "First frame", whole, r.first, "From 0"),
            Choice("last", "Last frame", whole, "", "Empty: to the end"),
            Choice("bracket", "Frames in a bracket", whole, r.bracket, "1 to 9, 1: none"),
            Choice("calibrate", "Darks and flats of the library", switch, r.calibrate),
            Choice("keep_events", "Lightning stays as it is", switch, r.keep_events),
        )),
        Group("Colours and lens", (
            Choice("look.saturation", "Colour", number, look.saturation, "0 grey to 3, standard 1"),
            Choice("look.contrast", "Contrast", number, look.contrast, "−1 to 1, standard 0"),
            Choice("look.shadows_ev", "Brighter shadows", number, look.shadows_ev, "−2 to 3, standard 0", "EV"),
            Choice("look.lights", "Hold bright tones", number, look.lights, "0 to 1, standard 0"),
            Choice("look.local_contrast", "Contrast by neighbourhood", number, look.local_contrast, "0 to 4, 0: none"),
            Choice("look.dehaze", "Take off haze", number, look.dehaze, "0 to 1, standard 0"),
            Choice("develop.white_balance", "White balance of RAW", select, r.develop.white_balance, options=(
                ("camera", "As the camera said"), ("daylight", "Daylight"), ("auto", "Grey on average"))),
            Choice("develop.exposure_ev", "Brightness of RAW", number, r.develop.exposure_ev, "−8 to 8, standard 0", "EV"),
            Choice("develop.stretch", "Linear counts", select, r.develop.stretch, options=(
                ("auto", "Lift a dark sky"), ("off", "Over their whole range"))),
            Choice("lens", "Lens", select, "", options=(
                ("", "Leave it"), ("auto", "Straighten, by the camera’s data"),
                ("panorama", "Whole sky to a panorama"), ("straight", "Whole sky to a window"))),
            Choice("lens.azimuth_deg", "Window towards", number, eye.azimuth_deg, "−360 to 360, from the top clockwise", "°"),
            Choice("lens.altitude_deg", "Height of the window", number, eye.altitude_deg, "0 to 90, standard 35", "°"),
            Choice("lens.field_deg", "Width of the window", number, eye.field_deg, "20 to 140, standard 90", "°"),
            Choice("lens.radius", "Radius of the sky’s circle", number, eye.radius, "0.05 to 1 of the width"),
        )),
        Group("Date and logo", (
            Choice("overlay.text", "Text", "text", over.text, "%d %B %H:%M is the frame’s time"),
            Choice("overlay.zone", "Its time zone", "text", site_zone().key, "Such as Europe/Zurich"),
            Choice("overlay.place", "Place of the text", select, over.place, options=PLACES),
            Choice("overlay.size", "Height of the text", number, over.size, "0.01 to 0.2 of the picture"),
            Choice("overlay.logo", "Logo", "logo", "", "A PNG, at most 512 kB"),
            Choice("overlay.logo_place", "Place of the logo", select, over.logo_place, options=PLACES),
            Choice("overlay.logo_size", "Height of the logo", number, over.logo_size, "0.01 to 0.5 of the picture"),
            Choice("overlay.opacity", "Opacity of both", number, over.opacity, "0 to 1, standard 0.85"),
        )),
        Group("Encoder and files", (
            Choice("preset", "Encoder’s effort", select, "", "", options=(("", "Standard"),)),
            Choice("crf", "Quality (CRF)", number, "", "Lower is better; empty: standard"),
            Choice("bits", "Bits", select, "", options=(("", "Standard"), ("8", "8"), ("10", "10"), ("12", "12"))),
            Choice("size", "Fit into", select, "", options=(
                ("", "The format’s size"), *((f"{w}x{h}", f"{w} × {h}") for w, h in SIZES))),
            Choice("chunk", "Frames that a crash may cost", whole, r.chunk, "24 to 1000, standard 120"),
            Choice("hardware", "Use a video chip where there is one", switch, False),
            Choice("poster", "Poster", switch, r.poster),
            Choice("contact_sheet", "Contact sheet", switch, r.contact_sheet),
        )),
    ]  # fmt: skip


MOMENTS = (
    ("at", "At", "%"),
    ("zoom", "Zoom", "×"),
    ("x", "Across", "0–1"),
    ("y", "Down", "0–1"),
    ("exposure_ev", "Brighter", "EV"),
    ("temperature_k", "Warmer", "K"),
    ("tint", "Magenta", "±1"),
    ("speed", "Speed", "×"),
)
"""Columns of a key frame: its part of the recipe, name, unit."""


def context() -> dict[str, Any]:
    """What the page's template needs."""
    from timelapse.pipeline.profiles import PROFILES
    from timelapse.pipeline.recipe import NAMED, PRESETS

    return {
        "groups": groups(),
        "moments": MOMENTS,
        "profiles": [(name, values["title"]) for name, values in PROFILES.items()],
        "also": [(name, ALSO_WORDS[name]) for name in ALSO],
        "profiles_data": {name: _filled(values) for name, values in PROFILES.items()},
        "formats_data": {name: {"codec": "h265", **values} for name, values in NAMED.items()},
        "presets_data": PRESETS,
    }


def _filled(profile: dict[str, Any]) -> dict[str, Any]:
    """A profile as the form shows it: values of fields by their path, and rows of moments."""
    own = {name: value for name, value in profile.items() if name not in ("title", "look", "key_frames")}
    look = {f"look.{name}": value for name, value in profile.get("look", {}).items()}
    return {"fields": own | look, "moments": profile.get("key_frames", [])}
