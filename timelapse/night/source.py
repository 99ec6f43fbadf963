"""From a folder or a session to frames of a night, each with what is known of its camera."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sessions.calibration.lookup import Corrections
from sky.angles import ARCSEC_PER_RADIAN
from sky.coordinates import Site
from sky.detection import Kind
from timelapse.night.frames import Camera, NightFrame
from timelapse.night.reading import Reader
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.frames import FrameInfo, FrameSource, Said

_UNDATED_STEP_S = 30.0
_UNDATED = datetime(2000, 1, 1, tzinfo=UTC)


class NightSource:
    """Frames of a `FrameSource` for night products.

    Args:
        source: where they come from.
        camera: what is known of the camera.
        kind: mosaic, mono, or None: found out from the first array.
        offset: value of a dark pixel of raw frames; None: what the file says, else 0.
        corrections: finds their calibration masters.

    Attributes:
        reader: knows which calibration masters were used and missing.
        damaged: frames that looked whole and are not, by name, and why.
    """

    def __init__(
        self,
        source: FrameSource,
        camera: Camera,
        kind: Kind | None = None,
        offset: float | None = None,
        corrections: Corrections | None = None,
    ) -> None:
        self.source, self.camera = source, camera
        self.reader = Reader(kind, offset, corrections)
        self.damaged: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.source)

    def frames(self, wanted: Callable[[str], bool] = lambda digest: True) -> Iterator[NightFrame]:
        """The frames whose digest is wanted, in the order of time; damaged ones are noted in `damaged`."""
        for info in self.source.frames:
            if not wanted(info.digest):
                continue
            try:
                yield self.read(info)
            except FrameError as error:
                self.damaged[info.name] = str(error)

    def read(self, info: FrameInfo) -> NightFrame:
        """One frame. Raises `FrameError`."""
        start = info.time or _UNDATED + timedelta(seconds=info.index * _UNDATED_STEP_S)
        content, said = self.source.content(info.index), self.source.said(info.index)
        return self.reader.frame(content, said, info.digest, info.name, start, info.exposure_s)


def site_of(location: Mapping[str, Any] | None) -> Site | None:
    """A session's `location`."""
    if not location or location.get("lat") is None or location.get("lon") is None:
        return None
    return Site(float(location["lat"]), float(location["lon"]), float(location.get("alt") or 0.0))


def session_meta(path: Path) -> Mapping[str, Any]:
    """Identity of a session (a finished file or a running folder); empty for a folder of pictures."""
    from sessions.store import layout, tree

    if path.is_dir():
        return layout.read_head(path) or {}
    try:
        return tree.read_header(path)[0].get("meta", {})
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


def camera_of(site: Site | None, said: Said | None) -> Camera:
    """A camera by what its session says: a telescope tells its focal length, and where each frame looks."""
    if said is None:
        return Camera(site)
    focal_mm, pixel_um = (_positive(said.info.get(name)) for name in ("focal_length_mm", "pixel_size_um"))
    binning = _positive(said.settings.get("binning")) or 1.0
    scale = ARCSEC_PER_RADIAN * pixel_um * binning / 1000 / focal_mm if focal_mm and pixel_um else None
    return Camera(site, scale, pointed=said.pointed)


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None
