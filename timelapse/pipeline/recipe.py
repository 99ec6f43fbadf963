"""What a timelapse is to be: a frozen value, JSON in and out, whose digest names every chunk."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from types import UnionType
from typing import Any, get_args, get_origin

from skycam_project.common.errors import InvalidValueError
from timelapse.pipeline.colour import Look
from timelapse.pipeline.develop import Develop
from timelapse.pipeline.keyframes import KeyFrame, key_frames
from timelapse.pipeline.lens import Lens, lens_from_json
from timelapse.pipeline.overlay import Overlay
from timelapse.pipeline.profiles import with_profile
from timelapse.pipeline.retime import Speed

VERSION = 6
"""Counts changes of the pipeline that change pixels: chunks of another version are not used."""

CODECS = {
    "h265": ((8, 10, 12), ".mp4"),
    "av1": ((8, 10), ".mp4"),
    "h264": ((8, 10), ".mp4"),
    "prores": ((10,), ".mov"),
    "ffv1": ((8, 10), ".mkv"),
    "webp": ((8,), ".webp"),
    "frames": ((8,), ".zip"),
}
"""Codec to the bit depths it takes and its file's suffix. `frames` is the untouched originals in a zip file."""

PRESETS = {
    "h265": ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"),
    "h264": ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"),
    "av1": tuple(str(number) for number in range(14)),
    "prores": ("proxy", "lt", "standard", "hq"),
    "ffv1": (),
    "webp": (),
    "frames": (),
}
"""Codec to its presets, fastest first (AV1: 0 slowest … 13 fastest)."""

_DEFAULT_PRESET = {"h265": "fast", "h264": "fast", "av1": "10", "prores": "hq"}
_DEFAULT_CRF = {"h265": 17.0, "h264": 20.0, "av1": 30.0}
_CRF_LIMIT = {"h265": 51.0, "h264": 51.0, "av1": 63.0, "webp": 100.0}
TRANSFERS = ("sdr", "hdr10", "hlg")
STABILISE = ("tripod", "stars", "moving", "off")
NAMED: dict[str, dict[str, Any]] = {
    "main": {},
    "h265": {"codec": "h265"},
    "av1": {"codec": "av1"},
    "hdr10": {"codec": "h265", "bits": 10, "transfer": "hdr10"},
    "hlg": {"codec": "h265", "bits": 10, "transfer": "hlg"},
    "1080p": {"codec": "h264", "bits": 8, "size": (1920, 1080)},
    "preview": {
        "codec": "h264",
        "bits": 8,
        "size": (1280, 720),
        "preset": "veryfast",
        "crf": 24.0,
        "fragmented": True,
    },
    "draft": {
        "codec": "h264",
        "bits": 8,
        "size": (960, 540),
        "preset": "ultrafast",
        "crf": 26.0,
        "fragmented": True,
    },
    "prores": {"codec": "prores"},
    "ffv1": {"codec": "ffv1", "bits": 10},
    "webp": {"codec": "webp", "size": (480, 270)},
    "frames": {"codec": "frames"},
}
"""Outputs by name: what differs from `Output()`."""


def _fail(field_name: str, value: object, allowed: str) -> None:
    raise InvalidValueError(field_name, value, allowed)


@dataclass(frozen=True, slots=True)
class Output:
    """One file to be made of the processed frames.

    Attributes:
        name: distinguishes the outputs of a recipe; part of the file's name except for the first.
        codec: one of `CODECS`.
        preset: speed, one of `PRESETS[codec]`; None takes the usual one.
        crf: quality, lower is better and larger (webp: 0 … 100, higher is better); None takes the usual one.
        bits: per sample; None takes 10 where the codec has it, else 8.
        size: the picture is made to fit into this width and height, never enlarged; None keeps the frames'.
        transfer: `sdr`, `hdr10` (PQ, BT.2020) or `hlg`.
        fragmented: MP4 that a browser can play while it grows.
        hardware: try the machine's video encoder first.
    """

    name: str = "main"
    codec: str = "h265"
    preset: str | None = None
    crf: float | None = None
    bits: int | None = None
    size: tuple[int, int] | None = None
    transfer: str = "sdr"
    fragmented: bool = False
    hardware: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.replace("-", "").isalnum() or len(self.name) > 32:
            _fail("name", self.name, "up to 32 letters, digits and hyphens")
        if self.codec not in CODECS:
            _fail("codec", self.codec, ", ".join(CODECS))
        depths, _ = CODECS[self.codec]
        if self.preset is None:
            object.__setattr__(self, "preset", _DEFAULT_PRESET.get(self.codec))
        elif self.preset not in PRESETS[self.codec]:
            _fail("preset", self.preset, ", ".join(PRESETS[self.codec]) or f"none for {self.codec}")
        if self.bits is None:
            object.__setattr__(self, "bits", 10 if 10 in depths else 8)
        elif self.bits not in depths:
            _fail("bits", self.bits, f"{', '.join(map(str, depths))} for {self.codec}")
        self._check_quality()
        if self.size is not None:
            width, height = self.size
            if not all(isinstance(side, int) and 16 <= side <= 16384 and side % 2 == 0 for side in self.size):
                _fail("size", f"{width}x{height}", "even width and height, 16 to 16384")
        if self.transfer not in TRANSFERS:
            _fail("transfer", self.transfer, ", ".join(TRANSFERS))
        if self.transfer != "sdr" and (self.codec not in ("h265", "av1") or self.bits == 8):
            _fail("transfer", self.transfer, "hdr10 and hlg need h265 or av1 with 10 bits or more")
        if self.fragmented and CODECS[self.codec][1] != ".mp4":
            _fail("fragmented", True, "only for MP4 files")

    def _check_quality(self) -> None:
        if self.crf is None:
            object.__setattr__(self, "crf", _DEFAULT_CRF.get(self.codec))
            return
        limit = _CRF_LIMIT.get(self.codec)
        if limit is None:
            _fail("crf", self.crf, f"none for {self.codec}")
        elif not 0 <= self.crf <= limit:
            _fail("crf", self.crf, f"0 to {limit:g} for {self.codec}")

    @property
    def suffix(self) -> str:
        """Of the file."""
        return CODECS[self.codec][1]


def named(name: str, **changes: Any) -> Output:
    """An output of `NAMED`, with changes. Raises `InvalidValueError`."""
    if name not in NAMED:
        _fail("outputs", name, ", ".join(NAMED))
    return Output(**{"name": name, **NAMED[name], **changes})


@dataclass(frozen=True, slots=True)
class Recipe:
    """How frames become a timelapse.

    Attributes:
        fps: frames per second of the video, 1 … 240.
        first: frames before this one are left out.
        last: frames after this one are left out; None for all.
        deflicker: exposure errors faster than this many frames are taken out; 0 for off, else 6 … 300. It must
            exceed twice the period of a camera's exposure steps. See `scenelight.scene_light`.
        keep_events: lightning and headlights stay as they are.
        stabilise: `tripod` (every frame onto the same spot; a telescope's by its stars), `stars` (the sky stands
            still and the ground turns), `moving` (a smooth path) or `off`.
        smooth_path: period of the smooth path, 6 … 300 frames.
        denoise: 0 (off) … 1 (strongest).
        chunk: frames of a chunk, 24 … 1000; the unit of work that a crash can cost.
        outputs: at least one, with different names.
        poster: also make a poster (JPEG).
        contact_sheet: also make a contact sheet (JPEG).
        profile: name of the profile whose values were taken, for people.
        turn: frames are turned clockwise by so many degrees, 0, 90, 180 or 270; None: as most of them say.
        bracket: frames of one bracket, which become one by exposure fusion; 1 for none.
        calibrate: darks, flats and bad pixels of the library are taken out of a session's RAW files and linear counts.
        develop: how RAW files and linear counts become pictures.
        lens: correction of the lens; None for none.
        least_quality: frames whose quality is below are left out, 0 … 1.
        look: colours and tones.
        key_frames: brightness, colour and the part that is shown, over the sequence.
        speed: how time runs.
        overlay: what is written on the picture; None for nothing.
    """

    fps: float = 25.0
    first: int = 0
    last: int | None = None
    deflicker: float = 40.0
    keep_events: bool = True
    stabilise: str = "tripod"
    smooth_path: float = 60.0
    denoise: float = 0.8
    chunk: int = 120
    outputs: tuple[Output, ...] = field(default_factory=lambda: (Output(),))
    poster: bool = True
    contact_sheet: bool = False
    profile: str | None = None
    turn: int | None = None
    bracket: int = 1
    calibrate: bool = True
    develop: Develop = field(default_factory=Develop)
    lens: Lens | None = None
    least_quality: float = 0.0
    look: Look = field(default_factory=Look)
    key_frames: tuple[KeyFrame, ...] = ()
    speed: Speed = field(default_factory=Speed)
    overlay: Overlay | None = None

    def __post_init__(self) -> None:
        _number("fps", self.fps, 1, 240)
        _integer("first", self.first, 0, 10_000_000)
        if self.last is not None:
            _integer("last", self.last, self.first, 10_000_000)
        if self.deflicker:
            _number("deflicker", self.deflicker, 6, 300)
        if self.stabilise not in STABILISE:
            _fail("stabilise", self.stabilise, ", ".join(STABILISE))
        _number("smooth_path", self.smooth_path, 6, 300)
        _number("denoise", self.denoise, 0, 1)
        if self.turn not in (None, 0, 90, 180, 270):
            _fail("turn", self.turn, "0, 90, 180, 270")
        _integer("chunk", self.chunk, 24, 1000)
        _integer("bracket", self.bracket, 1, 9)
        _number("least_quality", self.least_quality, 0, 1)
        names = [output.name for output in self.outputs]
        if not names or len(set(names)) != len(names):
            _fail("outputs", names, "at least one, with different names")

    @property
    def rate(self) -> Fraction:
        """Frames per second as the container says it."""
        return Fraction(self.fps).limit_denominator(1001)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives back the same recipe."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Recipe":
        """A recipe of plain values; keys that are missing take their defaults.

        `outputs` may hold names of `NAMED` and mappings; a `profile` gives values that are not given otherwise.
        Raises `InvalidValueError` with the field.
        """
        given = with_profile(dict(data))
        parts = {name: read(given.pop(name)) for name, read in _PARTS.items() if name in given}
        values = _known(cls, given)
        if "outputs" in values:
            values["outputs"] = tuple(_output(entry) for entry in values["outputs"])
        return cls(**values, **parts)

    def digest(self, *parts: str) -> str:
        """SHA-256, hexadecimal, of the pipeline's version, what changes pixels, and `parts`."""
        kept = {name: value for name, value in self.to_json().items() if name not in _NOT_PIXELS}
        if kept["overlay"]:
            kept["overlay"]["logo"] = ""  # its content counts, not where it lies
        return hashlib.sha256(json.dumps([VERSION, kept, *parts], sort_keys=True).encode()).hexdigest()


_NOT_PIXELS = frozenset({"outputs", "poster", "contact_sheet", "profile", "calibrate"})  # masters name frames
_PARTS: dict[str, Callable[[Any], Any]] = {
    "develop": Develop.from_json,
    "lens": lens_from_json,
    "look": Look.from_json,
    "key_frames": key_frames,
    "speed": Speed.from_json,
    "overlay": Overlay.from_json,
}
"""Fields that are values of their own, and their readers."""


def _output(entry: Any) -> Output:
    if isinstance(entry, Output):
        return entry
    if isinstance(entry, str):
        return named(entry)
    if not isinstance(entry, Mapping):
        _fail("outputs", entry, "a name or a mapping")
    values = _known(Output, entry)
    if values.get("size") is not None:
        if len(values["size"]) != 2:
            _fail("size", values["size"], "width and height")
        values["size"] = tuple(values["size"])
    return Output(**values)


def _known(cls: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """Keys and types of JSON values checked against the dataclass; ranges are its own matter."""
    kinds = {
        entry.name: get_args(entry.type) if isinstance(entry.type, UnionType) else (entry.type,)
        for entry in fields(cls)
    }
    for name, value in data.items():
        if name not in kinds:
            _fail(str(name), value, f"one of the fields {', '.join(kinds)}")
        allowed = {get_origin(kind) or kind for kind in kinds[name]}
        allowed |= {int} if float in allowed else {list} if tuple in allowed else set()
        if type(value) not in allowed:
            words = {_WORDS[kind] for kind in allowed if kind in _WORDS}
            _fail(name, value, " or ".join(sorted(words)))
    return dict(data)


_WORDS = {bool: "true or false", str: "text", float: "a number", int: "a whole number", list: "a list"}


def _number(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        _fail(name, value, f"{low:g} to {high:g}")


def _integer(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or not low <= value <= high:
        _fail(name, value, f"a whole number, {low} to {high}")
