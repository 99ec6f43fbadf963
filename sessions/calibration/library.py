"""The library of darks, flats and bias: masters in `<sessions>/calibration`, shared by their hash.

```
calibration/darks/<sha256>.frame     the master, float32, one complete ASDF file
calibration/darks/<sha256>.json      its settings; written last: a master without it is not there
calibration/darks/<sha256>.frame.provenance.json   which frames of which sessions it was made from
```
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from sessions.calibration import masters
from sessions.calibration.key import Key
from sessions.calibration.matching import Master, Matches, match
from sessions.store import frames
from sessions.store.blocks import Codec
from sessions.store.errors import DamagedFileError
from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import write_atomic

FOLDERS = {"dark": "darks", "flat": "flats", "bias": "bias"}


@dataclass(slots=True)
class Applied:
    """A corrected frame.

    Attributes:
        pixels: float32 ADU, offset removed when there was a dark or bias.
        used: the masters, as `Match.used`.
        gaps: what was missing, in words.
        repaired: hot pixels that were replaced by their neighbours.
    """

    pixels: NDArray[np.float32]
    used: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    repaired: int = 0


class Correction:
    """What is done to every frame of the same settings; made once, applied to many.

    Args:
        library: where the masters are.
        matches: which.
        mosaic: whether the frames' pixels have the colours of a mosaic.
    """

    def __init__(self, library: "Library", matches: Matches, mosaic: bool = True) -> None:
        self.matches, self.mosaic = matches, mosaic
        bias: NDArray[np.float32] | None = library.pixels(matches.bias.master) if matches.bias else None
        self.offset = bias
        self.hot: NDArray[np.bool_] | None = None
        self.flat: NDArray[np.float32] | None = None
        if matches.dark:
            dark = library.pixels(matches.dark.master)
            self.hot = masters.hot_map(dark if dark.ndim == 2 else dark.max(axis=2))
            scaled = matches.dark.how == "scaled" and bias is not None
            self.offset = (
                bias + (dark - bias) * np.float32(matches.dark.factor)
                if scaled and bias is not None
                else dark
            )
        if matches.flat:
            # A flat is short: its dark current does not count, but its offset does.
            flat = library.pixels(matches.flat.master)
            self.flat = masters.normalised_flat(flat, bias if bias is not None else 0.0, mosaic)

    @property
    def used(self) -> list[dict[str, Any]]:
        """The masters that change pixels."""
        return self.matches.used

    def apply(self, pixels: np.ndarray, repair: bool = True) -> Applied:
        """Correct one frame.

        Args:
            pixels: as the sensor gave them, ADU.
            repair: replace hot pixels.

        Raises `InvalidValueError` when the masters have another size.
        """
        result = pixels.astype(np.float32)
        for name, frame in (("dark", self.offset), ("flat", self.flat)):
            if frame is not None and frame.shape != result.shape:
                raise InvalidValueError("frame", result.shape, f"{frame.shape}, as its {name} is")
        if self.offset is not None:
            result -= self.offset
        if self.flat is not None:
            result /= self.flat
        repaired = 0
        if repair and self.hot is not None:
            masters.repair(result, self.hot, self.mosaic)
            repaired = int(np.count_nonzero(self.hot))
        return Applied(result, self.used, list(self.matches.gaps), repaired)


class Library:
    """The masters of one data folder.

    Args:
        root: `<sessions>/calibration`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pixels = lru_cache(maxsize=6)(self._pixels)
        """Pixels of a master, float32; the last six are kept. Raises `DamagedFileError`, `OSError`."""

    def masters(self) -> list[Master]:
        """All masters, newest first."""
        found = []
        for kind, folder in FOLDERS.items():
            for path in sorted((self.root / folder).glob("*.json")):
                if not path.name.endswith(".provenance.json") and (one := _read(kind, path)) is not None:
                    found.append(one)
        return sorted(found, key=lambda one: one.taken_at, reverse=True)

    def match(self, wanted: Key, at: datetime) -> Matches:
        """The best masters for a frame of these settings, taken at an aware moment."""
        return match(self.masters(), wanted, at)

    def correction(self, wanted: Key, at: datetime, mosaic: bool = True) -> Correction:
        """What is to be done to all frames of these settings."""
        return Correction(self, self.match(wanted, at), mosaic)

    def apply(self, pixels: np.ndarray, wanted: Key, at: datetime, mosaic: bool = True) -> Applied:
        """Correct one frame. Raises as `Correction.apply`."""
        return self.correction(wanted, at, mosaic).apply(pixels)

    def add(
        self, kind: str, pixels: NDArray[np.float32], key: Key, count: int, taken_at: datetime, mosaic: bool
    ) -> Master:
        """Keep a master; the same pixels are kept once.

        Args:
            kind: `dark`, `flat` or `bias`.
            pixels: float32, ADU.
            key: the settings of its frames.
            count: of its frames.
            taken_at: middle of the times of its frames, aware.
            mosaic: whether its pixels have the colours of a mosaic.

        Raises `OSError`.
        """
        folder = self.root / FOLDERS[kind]
        folder.mkdir(parents=True, exist_ok=True)
        encoded = frames.encode(pixels.astype(np.float32), {"master": kind, "key": key.as_dict()}, Codec.BLSC)
        path = folder / f"{encoded.sha256}{frames.SUFFIX}"
        hot = int(np.count_nonzero(masters.hot_map(pixels))) if kind == "dark" else 0
        frames.write(path, encoded)
        said = {
            "key": key.as_dict(), "frames": count, "taken_at": iso_utc(taken_at), "hot_pixels": hot, "mosaic": mosaic,
            "made_at": iso_utc(datetime.now(UTC)),
        }  # fmt: skip
        write_atomic(path.with_suffix(".json"), orjson.dumps(said, option=orjson.OPT_INDENT_2))
        return Master(kind, key, path, encoded.sha256, count, taken_at, hot, mosaic)

    def gaps(self, wanted: Iterable[tuple[Key, datetime]]) -> dict[str, int]:
        """What is missing for frames, in words, and for how many of them."""
        known, missing = self.masters(), dict[str, int]()
        for key, at in wanted:
            for gap in match(known, key, at).gaps:
                missing[gap] = missing.get(gap, 0) + 1
        return missing

    @staticmethod
    def _pixels(master: Master) -> NDArray[np.float32]:
        try:
            return frames.read(master.path)[0].astype(np.float32, copy=False)
        except DamagedFileError as error:
            raise DamagedFileError(
                f"the {master.kind} {master.path.name} is damaged: {error}; make it again or delete it"
            ) from error


def _read(kind: str, path: Path) -> Master | None:
    """A master by its JSON; None when it is no longer whole."""
    try:
        said = orjson.loads(path.read_bytes())
        taken = datetime.fromisoformat(said["taken_at"])
        frame = path.with_suffix(frames.SUFFIX)
        if not frame.is_file():
            return None
        return Master(
            kind, Key(**said["key"]), frame, path.stem, int(said["frames"]), taken, int(said["hot_pixels"]), bool(said["mosaic"])
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None
