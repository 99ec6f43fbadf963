"""The night products by name: what there is, with which options, and how one is made from a sequence."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, tzinfo
from pathlib import Path

from skycam_project.common.nights import evening, site_zone
from timelapse.night import drawing
from timelapse.night.engine import NightProducts, Wishes
from timelapse.night.frames import Camera
from timelapse.night.keogram import Keogram, NothingYetError
from timelapse.night.kinds import COMMON as COMMON
from timelapse.night.kinds import KINDS, Options, checked
from timelapse.night.kinds import kind_of as kind_of
from timelapse.night.season import Season
from timelapse.night.source import NightSource, session_meta, site_of
from timelapse.night.trails import Gates
from timelapse.pipeline.errors import CancelledError
from timelapse.pipeline.frames import FrameSource

Progress = Callable[[int, int], None]
"""Frames done, frames in all."""
Cancelled = Callable[[], bool]


def make(
    name: str,
    source: FrameSource,
    options: Options,
    folder: Path,
    progress: Progress = lambda done, total: None,
    cancelled: Cancelled = lambda: False,
) -> list[Path]:
    """Make a product of a sequence; begun work in `folder` goes on.

    Args:
        name: of `KINDS`.
        source: `timelapse.pipeline.frames.open_source`.
        options: of the product and `COMMON`.
        folder: of the result.
        progress: is told after every frame.
        cancelled: is asked before every frame.

    Returns:
        The product's files.

    Raises:
        UnknownKindError, InvalidValueError: of what was asked for.
        NothingYetError: no frame could be used.
        CancelledError: `cancelled` said so; what is done is kept for the next try.
        OSError: the disk refuses.
    """
    chosen = checked(name, options)
    pixels = None if chosen["pixels"] == "auto" else chosen["pixels"]
    night = NightSource(source, _camera(source, chosen), pixels, chosen["offset_adu"])
    if name == "season":
        return _season(night, folder, progress, cancelled)
    kind, zone = KINDS[name], site_zone()
    gates = Gates(chosen["sun_deg"], chosen["moon_lit"], chosen["clouds"]) if "clouds" in chosen else Gates()
    wishes = Wishes(kind.parts, _title(source, zone), zone, gates, fps=chosen.get("fps", 25))
    products = NightProducts(folder, night.camera, wishes)
    with closing(night.reader):
        for done, frame in enumerate(night.frames(products.wants)):
            if cancelled():
                products.save()
                raise CancelledError(f"{kind.title}: cancelled after {done} frames")
            products.append(frame)
            progress(done + 1, len(night))
    products.finish()
    made = sorted(path for pattern in kind.files for path in folder.glob(pattern))
    if not made and name != "meteors":
        raise NothingYetError(f"{kind.title}: none of {len(night)} frames could be used{products.why()}")
    progress(len(night), len(night))
    return made


def _season(night: NightSource, folder: Path, progress: Progress, cancelled: Cancelled) -> list[Path]:
    from timelapse.night.frames import Look

    zone = site_zone()
    season = Season(folder / ".state" / "nights", zone)
    keograms: dict[date, Keogram] = {}
    for done, frame in enumerate(night.frames()):
        if cancelled():
            raise CancelledError(f"Long-term keogram: cancelled after {done} frames")
        keograms.setdefault(evening(frame.start, zone), Keogram()).append(Look(frame, night.camera))
        progress(done + 1, len(night))
    for day, keogram in keograms.items():
        season.add(day, keogram)
    return [drawing.save_png(folder / "season.png", season.picture())]


def _camera(source: FrameSource, chosen: Options) -> Camera:
    site = site_of(session_meta(source.path).get("location"))
    if chosen["latitude_deg"] is not None and chosen["longitude_deg"] is not None:
        site = site_of({"lat": chosen["latitude_deg"], "lon": chosen["longitude_deg"]})
    return Camera(site, chosen["scale_arcsec"], chosen["lens"])


def _title(source: FrameSource, zone: tzinfo = UTC) -> str:
    first = next((frame.time for frame in source.frames if frame.time), None)
    meta = session_meta(source.path)
    what = meta.get("target") or meta.get("instrument") or source.title
    return f"{what}, {first.astimezone(zone):%-d %B %Y}" if first else str(what)
