"""Texts of libgphoto2's settings as numbers: every vendor spells them differently."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from skycam_project.common.units import Seconds, Stops

_NUMBER: Final = r"\d{1,9}(?:[.,]\d{1,9})?"
_SHUTTER: Final = re.compile(
    rf"(?:({_NUMBER})\s+)?({_NUMBER})(?:\s*/\s*({_NUMBER}))?\s*(?:s|sec|\")?", re.IGNORECASE
)
_APERTURE: Final = re.compile(rf"(?:f\s*/?\s*)?({_NUMBER})", re.IGNORECASE)
_ISO: Final = re.compile(rf"(?:iso\s*)?({_NUMBER})", re.IGNORECASE)
_PERCENT: Final = re.compile(rf"({_NUMBER})\s*%?.{{0,20}}", re.DOTALL)
_RAW: Final = re.compile(r"\b(?:c?raw|nef|cr[23]|arw|raf|orf|rw2|dng)", re.IGNORECASE)
_JPEG: Final = re.compile(r"jpe?g|fine|norm|basic|\bstd\b", re.IGNORECASE)


def parse_shutter(text: str) -> Seconds | None:
    """Seconds of a shutter name, `None` when it is not a time.

    `1/4000`, `30`, `0.5`, `0,5`, `10 1/2`, `1/1.3`, `0.0200s`; not `Bulb`, `Time`, `Auto`.
    """
    match = _SHUTTER.fullmatch(text.strip())
    if not match:
        return None
    whole, number, divisor = (_float(part) if part else None for part in match.groups())
    if whole is not None and divisor is None:  # two numbers without a fraction
        return None
    value = (whole or 0.0) + (number or 0.0) / (1.0 if divisor is None else divisor or math.inf)
    return value if value > 0 else None


def is_bulb(text: str) -> bool:
    """Whether a shutter name means "open as long as the button is pressed"."""
    return text.strip().lower() == "bulb"


def parse_aperture(text: str) -> float | None:
    """The f-number of `f/2.8`, `F2.8`, `2.8`, `f/3,5`; `None` for anything else (and for f/0)."""
    return _positive(_APERTURE.fullmatch(text.strip()))


def parse_iso(text: str) -> float | None:
    """The ISO value of `400` or `ISO 400`; `None` for `Auto`, `Lo 0.3` and the like."""
    return _positive(_ISO.fullmatch(text.strip()))


def parse_percent(text: str) -> int | None:
    """A battery's 0 to 100 of `80%`, `80`, `50 % (charging)`; `None` for words."""
    match = _PERCENT.fullmatch(text.strip())
    value = _float(match[1]) if match else None
    return round(value) if value is not None and value <= 100 else None


def format_flags(text: str) -> tuple[bool, bool]:
    """Whether a file format's name promises a raw file, and whether a JPEG."""
    raw = bool(_RAW.search(text))
    return raw, bool(_JPEG.search(text)) or not raw


def numbered(texts: Iterable[str], parse: Callable[[str], float | None]) -> dict[str, float]:
    """The choices that are numbers, with their value, in ascending order."""
    pairs = [(text, parse(text)) for text in texts]
    return dict(sorted(((t, v) for t, v in pairs if v is not None), key=lambda pair: pair[1]))


def nearest(values: Mapping[str, float], wanted: float) -> str:
    """The choice whose value is nearest to `wanted` in stops. Raises `ValueError` when there is none."""
    return min(values, key=lambda text: abs(stops(values[text], wanted)))


def stops(value: float, reference: float) -> Stops:
    """How many factors of two `value` is above `reference`; both > 0."""
    return math.log2(value / reference)


def _float(text: str) -> float:
    return float(text.replace(",", "."))


def _positive(match: re.Match[str] | None) -> float | None:
    value = _float(match[1]) if match else 0.0
    return value if value > 0 else None
