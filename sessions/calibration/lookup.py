"""The masters of a frame, for every part that makes something from frames: one call a frame."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sessions.calibration.key import Key, key_of_row
from sessions.calibration.library import FOLDERS, Correction, Library
from sessions.calibration.matching import Master, Matches, match
from skycam_project.common.clock import from_microseconds


class Corrections:
    """Finds what corrects each frame of a run of frames, and remembers what was used and what was missing.

    ```python
    corrections = Corrections(data / "sessions" / "calibration")
    for …:
        found = corrections.of_frame(camera, info, settings, row, pixels.shape)
        pixels = found.apply(pixels).pixels     # or its parts: found.offset, found.flat, found.hot
    record["masters"], record["gaps"] = corrections.used, corrections.gaps
    ```

    Frames of equal settings share one correction, and masters that are added meanwhile are seen. From one thread.

    Args:
        root: `<sessions>/calibration`; need not be there yet.

    Attributes:
        gaps: what was missing, in words (`no dark for 30 s, gain 60, −5 °C`), and for how many frames.
    """

    def __init__(self, root: Path) -> None:
        self._library = Library(root)
        self._stamp: tuple[int, ...] = ()
        self._masters: list[Master] = []
        self._last: tuple[Any, Correction] | None = None
        self._used: dict[tuple[str, str], dict[str, Any]] = {}
        self.gaps: dict[str, int] = {}

    def of_frame(
        self,
        camera: str,
        info: Mapping[str, Any],
        settings: Mapping[str, Any],
        row: Mapping[str, Any],
        shape: tuple[int, ...],
        mosaic: bool | None = None,
    ) -> Correction:
        """What corrects one frame. A missing master is no error: `gaps` names it.

        Args:
            camera: name of its camera in the session.
            info: of the camera, as the session has it.
            settings: of the camera, as the session has them.
            row: of the frame table, or `v` of its journal record with `time` (aware, or microseconds UTC).
            shape: of its pixels as the sensor gave them, `[h, w]` or `[h, w, 3]`.
            mosaic: whether the pixels have the colours of a mosaic; None: what `info` says.

        Returns:
            `offset` (dark or bias; float32 ADU, or None), `flat` (its median is 1, or None), `hot` (bad pixels, bool,
            or None), all of the frame's shape but for `hot`, which is `[h, w]`; and `apply`, which does all three.

        Raises:
            DamagedFileError: a master is damaged.
            OSError: a master cannot be read.
        """
        time = row["time"]
        at = time if isinstance(time, datetime) else from_microseconds(time)
        colours = bool(info.get("bayer_pattern")) and len(shape) == 2 if mosaic is None else mosaic
        return self.of_key(key_of_row(camera, info, settings, row, shape), at, colours)

    def of_key(self, wanted: Key, at: datetime, mosaic: bool) -> Correction:
        """As `of_frame`, for who knows the key."""
        matches = match(self._known(), wanted, at)
        for gap in matches.gaps:
            self.gaps[gap] = self.gaps.get(gap, 0) + 1
        correction = self._correction(matches, mosaic)
        for one in correction.used:
            self._used[one["sha256"], one["how"]] = one
        return correction

    @property
    def used(self) -> list[dict[str, Any]]:
        """The masters that changed pixels, as a product's record says it: `kind`, `sha256`, `file`, `how`, `factor`."""
        return list(self._used.values())

    def _known(self) -> list[Master]:
        """The masters, listed again when a folder has changed."""
        folders = [self._library.root / name for name in FOLDERS.values()]
        stamp = tuple(folder.stat().st_mtime_ns if folder.is_dir() else 0 for folder in folders)
        if stamp != self._stamp:
            self._stamp, self._masters = stamp, self._library.masters()
        return self._masters

    def _correction(self, matches: Matches, mosaic: bool) -> Correction:
        key = matches.dark, matches.bias, matches.flat, mosaic
        if self._last is None or self._last[0] != key:
            self._last = key, Correction(self._library, matches, mosaic)
        return self._last[1]
