"""From what a sensor counted to a picture: RAW files, FITS, arrays of sessions.

All frames of a sequence are developed alike: one white balance, one black and one white level, taken from a few frames
once. Levels of each frame by itself would be flicker.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sessions.calibration.library import Correction
from sessions.exchange.decoding import UndecodableError
from sky.tone import asinh_softening
from skycam_project.common.errors import InvalidValueError
from timelapse.pipeline import calibration
from timelapse.pipeline.decoders import Decoders
from timelapse.pipeline.errors import FrameError

Fix = Callable[[bool], Correction]
"""What corrects a frame, told whether its pixels have the colours of a mosaic. Raises `FrameError`."""
BALANCES = ("camera", "daylight", "auto")
STRETCHES = ("auto", "off")
GAMMA = 2.2
SAMPLES = 5
"""Frames that levels and balance are taken from."""
FULL = 65535.0
_BACKGROUND = 0.12
"""Code, 0 to 1, that a stretched sky background gets."""
_FAINT = 0.15
"""Share of full scale below which the brightest thousandth of a frame needs a stretch."""
_PEDESTAL = 128
"""Black of a calibrated mosaic while it is interpolated: its noise must not end at 0."""
_PATTERNS = {"RGGB": "BG", "BGGR": "RG", "GRBG": "GB", "GBRG": "GR"}
"""OpenCV names a mosaic by its second row and column."""


@dataclass(frozen=True, slots=True)
class File:
    """A frame that is a file: its name, whose suffix says what it is, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """A frame that is an array: counts, and the pattern of its mosaic ("" for none)."""

    pixels: NDArray[Any]
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Develop:
    """What is wanted.

    Attributes:
        white_balance: `camera` (median of what the frames say), `daylight`, `auto` (the sequence is grey on average),
            or factors of red, green and blue.
        exposure_ev: brighter by this much.
        stretch: `auto` lifts linear counts of a dark sky so that it shows; `off` shows counts over their whole range.
    """

    white_balance: str | tuple[float, float, float] = "camera"
    exposure_ev: float = 0.0
    stretch: str = "auto"

    def __post_init__(self) -> None:
        balance = self.white_balance
        if isinstance(balance, str):
            if balance not in BALANCES:
                raise InvalidValueError(
                    "develop.white_balance", balance, f"{', '.join(BALANCES)}, or three factors"
                )
        elif len(balance) != 3 or not all(_number(factor) and 0.05 <= factor <= 20 for factor in balance):
            raise InvalidValueError("develop.white_balance", balance, "three factors from 0.05 to 20")
        if not _number(self.exposure_ev) or not -8 <= self.exposure_ev <= 8:
            raise InvalidValueError("develop.exposure_ev", self.exposure_ev, "a number from -8 to 8")
        if self.stretch not in STRETCHES:
            raise InvalidValueError("develop.stretch", self.stretch, ", ".join(STRETCHES))

    @classmethod
    def from_json(cls, data: Any) -> "Develop":
        """Wishes of plain values. Raises `InvalidValueError`."""
        if isinstance(data, Develop):
            return data
        known = {field.name for field in fields(cls)}
        if not isinstance(data, dict) or not set(data) <= known:
            raise InvalidValueError("develop", data, f"a mapping of {', '.join(sorted(known))}")
        values = dict(data)
        if isinstance(values.get("white_balance"), list):
            values["white_balance"] = tuple(values["white_balance"])
        return cls(**values)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Levels:
    """How linear counts of one sequence become codes; made once, used for each frame.

    Attributes:
        black, white: of the counts that show as black and as white.
        softness: knee of the asinh curve, see `sky.tone`; 0 for a plain power law.
        balance: factors of red, green, blue.
    """

    black: float = 0.0
    white: float = FULL
    softness: float = 0.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)


def linear(pixels: NDArray[Any], pattern: str = "", found: Correction | None = None) -> NDArray[Any]:
    """Counts `[h, w]` or `[h, w, 3]` of 0 to 65535, of whatever an array holds; a mosaic is interpolated.

    Args:
        pixels: `[h, w]` or `[h, w, 3]`; integers over their type's range, floats of 0 to 1 or of 0 to 65535.
        pattern: of the mosaic, such as `RGGB`; "" for none.
        found: masters that correct the counts first; below 0 they have what noise is below black.

    Raises `FrameError` when the masters have another shape.
    """
    import cv2

    counts, top = pixels.astype(np.float32), None
    if pixels.dtype.kind == "f":
        counts = np.nan_to_num(counts)
        scale = FULL if float(counts.max(initial=0)) <= 1.0 else 1.0
    else:
        top = float(np.iinfo(pixels.dtype).max)
        scale = FULL / top
    if found:
        counts = calibration.light(found, counts, top)
    counts *= np.float32(scale)
    if pixels.ndim == 2 and pattern in _PATTERNS:
        code = getattr(cv2, f"COLOR_BAYER_{_PATTERNS[pattern]}2RGB_EA")
        below = np.float32(_PEDESTAL if found else 0)
        whole = np.clip(counts + below, 0, FULL).astype(np.uint16)
        return cv2.cvtColor(whole, code).astype(np.float32) - below
    return counts


def picture(counts: NDArray[Any], levels: Levels) -> NDArray[Any]:
    """A picture `[h, w]` or `[h, w, 3]` of linear counts.

    Args:
        counts: see `linear`.
        levels: of the sequence.
    """
    import cv2

    light = (counts - np.float32(levels.black)) * np.float32(1 / (levels.white - levels.black))
    if light.ndim == 3:
        light *= np.array(levels.balance, np.float32)
    np.clip(light, 0, 1, out=light)
    if levels.softness:
        knee = np.float32(levels.softness)
        code = np.arcsinh(light / knee) / np.arcsinh(1 / knee)
    else:
        code = cv2.pow(light, 1 / GAMMA)
    return (code * np.float32(FULL) + np.float32(0.5)).astype(np.uint16)


def levels(samples: Sequence[NDArray[Any]], wish: Develop) -> Levels:
    """Levels of a sequence.

    Args:
        samples: linear counts of some of its frames; none gives the whole range.
        wish: what is wanted.
    """
    white = FULL / 2**wish.exposure_ev
    found = Levels(white=white, balance=_balance(samples, wish))
    if not samples or wish.stretch == "off":
        return found
    greys = [sample.mean(axis=2) if sample.ndim == 3 else sample for sample in samples]
    bright = float(np.median([np.percentile(grey[::4, ::4], 99.9) for grey in greys]))
    if bright > _FAINT * FULL:  # a picture by itself
        return found
    middle = float(np.median([np.median(grey[::4, ::4]) for grey in greys]))
    scatter = float(
        np.median([1.48 * np.median(np.abs(grey[::4, ::4] - np.median(grey[::4, ::4]))) for grey in greys])
    )
    if scatter < 1:  # nothing in it: a test picture, a closed shutter
        return found
    black = max(0.0, middle - 3 * scatter)
    background = max((middle - black) / max(1.0, white - black), 1e-6)
    return replace(found, black=black, softness=asinh_softening(background, _BACKGROUND))


def _balance(samples: Sequence[NDArray[Any]], wish: Develop) -> tuple[float, float, float]:
    if isinstance(wish.white_balance, tuple):
        red, green, blue = wish.white_balance
        return red / green, 1.0, blue / green
    colours = [sample for sample in samples if sample.ndim == 3]
    if wish.white_balance != "auto" or not colours:
        return 1.0, 1.0, 1.0
    means = np.median([np.median(sample[::4, ::4], axis=(0, 1)) for sample in colours], axis=0)
    red, green, blue = np.maximum(means, 1.0)
    return float(green / red), 1.0, float(green / blue)


class Developer:
    """Develops the frames of one sequence alike; levels are taken when the first linear frame is asked for.

    RAW and FITS files are decoded in a child process with limits (security: hostile files).

    Args:
        wish: what is wanted.
        sample: linear counts of frames spread over the sequence; called once.
    """

    def __init__(self, wish: Develop, sample: Callable[["Developer"], list[NDArray[Any]]]) -> None:
        self._wish = wish
        self._sample = sample
        self._lock = Lock()
        self._decoders = Decoders()
        self._levels: Levels | None = None
        self._camera: list[float] | None = None
        self._balances: list[list[float]] = []

    def show(self, content: File | Counts, fix: Fix | None = None) -> NDArray[Any]:
        """The picture `[h, w]` or `[h, w, 3]` uint16 of a frame, corrected by its masters. Raises `FrameError`."""
        with self._lock:
            if self._levels is None:
                samples = self._sample(self)
                if self._wish.white_balance == "camera" and self._balances:
                    self._camera = [float(part) for part in np.median(self._balances, axis=0)]
                    if any(balance != self._camera for balance in self._balances):
                        samples = self._sample(self)
                self._levels = levels(samples, self._wish)
        return picture(self.counts(content, fix), self._levels)

    def counts(self, content: File | Counts, fix: Fix | None = None) -> NDArray[Any]:
        """Linear counts of a frame, see `linear`, corrected by its masters. Raises `FrameError`."""
        if isinstance(content, Counts):
            found = fix(bool(content.pattern)) if fix else None
            return linear(content.pixels, content.pattern, found)
        daylight = self._wish.white_balance != "camera"  # other wishes are factors on top of it
        try:
            with self._decoders.one() as decoder:
                mosaic = None
                if fix:
                    file = decoder.decode(content.data, content.name)
                    if not file.levels:  # no RAW file: there is nothing more to develop
                        return linear(file.pixels, file.pattern, fix(bool(file.cards.get("BAYERPAT"))))
                    mosaic = calibration.raw_mosaic(fix(True), file)
                found = decoder.develop(
                    content.data, content.name, self._camera, daylight=daylight, mosaic=mosaic
                )
        except UndecodableError as error:
            raise FrameError(str(error)) from error
        if found.balance and len(self._balances) < SAMPLES:
            self._balances.append(found.balance)
        return linear(found.pixels, found.pattern)

    def close(self) -> None:
        """End the child processes; they start again when they are needed."""
        self._decoders.close()
