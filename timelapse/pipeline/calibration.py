"""Darks, flats and bad pixels of a session's frames, taken out of the counts before these become a picture."""

import hashlib
import json
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sessions.calibration.library import Correction
from sessions.calibration.lookup import Corrections
from sessions.calibration.matching import Matches
from sessions.exchange.decoding import Decoded
from sessions.store.errors import DamagedFileError
from skycam_project.common.errors import InvalidValueError
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.said import Said


class Calibration:
    """The masters of each frame, chosen before the first frame is read: they are part of what names the result.

    Args:
        corrections: finds them; knows afterwards which were used and which were missing.
    """

    def __init__(self, corrections: Corrections) -> None:
        self.corrections = corrections
        self._lock = Lock()
        self._broken: dict[tuple[str, ...], str] = {}

    def matches(self, said: Said, shape: tuple[int, ...]) -> Matches | None:
        """The masters that change a frame; None: none do. One that cannot be read is a gap.

        Args:
            said: what the session says of the frame.
            shape: of its counts.
        """
        found = self.corrections.matches(said.camera, said.info, said.settings, said.row, shape)
        names = tuple(one["sha256"] for one in found.used)
        if not names:
            return None
        if names not in self._broken:
            self._broken[names] = self._tried(found)
        if reason := self._broken[names]:
            self.corrections.gaps[reason] = self.corrections.gaps.get(reason, 0) + 1
            return None
        return found

    def _tried(self, found: Matches) -> str:
        """Why masters cannot be used, "" when they can."""
        try:
            self.corrections.correction(found, mosaic=True)
        except (DamagedFileError, OSError) as error:
            return str(error)
        return ""

    def correction(self, found: Matches, mosaic: bool) -> Correction:
        """What is done to a frame; safe from several threads. Raises `FrameError`."""
        try:
            with self._lock:
                return self.corrections.correction(found, mosaic)
        except (DamagedFileError, OSError) as error:
            raise FrameError(str(error)) from error


def named(digest: str, found: Matches) -> str:
    """SHA-256, hexadecimal, of a frame and its masters."""
    return hashlib.sha256(json.dumps([digest, found.used]).encode()).hexdigest()


def light(
    found: Correction,
    counts: NDArray[np.float32],
    top: float | None,
    black: NDArray[np.float32] | float = 0.0,
) -> NDArray[np.float32]:
    """Counts above black of a frame without dark, flat and bad pixels; what saturated is at its top still.

    Args:
        found: what is done.
        counts: `[h, w]` or `[h, w, 3]` ADU.
        top: of a saturated pixel; None: not known.
        black: of a dark pixel, for frames without dark and bias, and of the top.

    Raises `FrameError` when the masters have another shape.
    """
    try:
        own = black if found.offset is None else np.float32(0)
        result = found.apply(counts - own).pixels
    except InvalidValueError as error:
        raise FrameError(str(error)) from error
    if top is not None:
        full = counts >= top
        if found.hot is not None:
            full &= ~found.hot if counts.ndim == 2 else ~found.hot[..., None]
        result[full] = (top - np.broadcast_to(black, counts.shape))[full]
    return result


def raw_mosaic(found: Correction, file: Decoded) -> NDArray[np.uint16]:
    """The mosaic of a RAW file, corrected, with its black and white levels as before. Raises `FrameError`."""
    height, width = file.pixels.shape
    cell = np.array(file.blacks, np.float32).reshape(2, 2)
    black = np.tile(cell, (height // 2 + 1, width // 2 + 1))[:height, :width]
    white = file.levels[1]
    counts = light(found, file.pixels.astype(np.float32), white, black) + black
    return np.clip(counts + np.float32(0.5), 0, white).astype(np.uint16)
