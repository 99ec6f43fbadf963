"""The masters of a frame, for every part that makes something from frames: one call a frame."""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sessions.calibration.key import key_of_row
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
        only: SHA-256 of the masters that may be used, to make something again as it was; None: all.

    Attributes:
        gaps: what was missing, in words (`no dark for 30 s, gain 60, −5 °C`), and for how many frames.
    """

    def __init__(self, root: Path, only: Collection[str] | None = None) -> None:
        self._only = only
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
        colours = bool(info.get("bayer_pattern")) and len(shape) == 2 if mosaic is None else mosaic
        return self.correction(self.matches(camera, info, settings, row, shape), colours)

    def matches(
        self,
        camera: str,
        info: Mapping[str, Any],
        settings: Mapping[str, Any],
        row: Mapping[str, Any],
        shape: tuple[int, ...],
    ) -> Matches:
        """The masters of one frame, not read yet; see `of_frame`. What is missing is in `gaps` afterwards."""
        time = row["time"]
        at = time if isinstance(time, datetime) else from_microseconds(time)
        matches = match(self._known(), key_of_row(camera, info, settings, row, shape), at)
        for gap in matches.gaps:
            self.gaps[gap] = self.gaps.get(gap, 0) + 1
        return matches

    def correction(self, matches: Matches, mosaic: bool) -> Correction:
        """What is done to frames of these masters, which are in `used` afterwards. Raises as `of_frame`."""
        key = matches.dark, matches.bias, matches.flat, mosaic
        if self._last is None or self._last[0] != key:
            self._last = key, Correction(self._library, matches, mosaic)
        for one in matches.used:
            self._used[one["sha256"], one["how"]] = one
        return self._last[1]

    @property
    def used(self) -> list[dict[str, Any]]:
        """The masters that changed pixels, as a product's record says it: `kind`, `sha256`, `file`, `how`, `factor`."""
        return list(self._used.values())

    def files(self) -> list[Path]:
        """Where the masters lie that changed pixels."""
        return sorted(one.path for one in self._masters if any(one.sha256 == used for used, _ in self._used))

    def _known(self) -> list[Master]:
        """The masters, listed again when a folder has changed."""
        folders = [self._library.root / name for name in FOLDERS.values()]
        stamp = tuple(folder.stat().st_mtime_ns if folder.is_dir() else 0 for folder in folders)
        if stamp != self._stamp:
            self._stamp = stamp
            self._masters = [
                one for one in self._library.masters() if self._only is None or one.sha256 in self._only
            ]
        return self._masters


def corrections_of(session: Path) -> Corrections | None:
    """The calibration library of the sessions' folder that a session lies in; None: it lies in none."""
    for folder in session.absolute().parents[:5]:
        if (folder / "calibration").is_dir() or (folder / ".live").is_dir():
            return Corrections(folder / "calibration")
    return None
