"""The night products by name: what there is, with which options, and how one is made from a sequence."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sessions.calibration.lookup import Corrections, corrections_of
from skycam_project.common.nights import evening, site_zone
from timelapse.night import season
from timelapse.night.engine import NightProducts, Wishes
from timelapse.night.frames import Camera, Look
from timelapse.night.grades import Grades
from timelapse.night.keogram import Keogram, NothingYetError
from timelapse.night.kinds import COMMON as COMMON
from timelapse.night.kinds import KINDS, Options, checked
from timelapse.night.kinds import kind_of as kind_of
from timelapse.night.source import NightSource, camera_of, session_meta, site_of
from timelapse.night.trails import Gates
from timelapse.pipeline.errors import CancelledError
from timelapse.pipeline.frames import FrameSource, Said

Progress = Callable[[int, int], None]
"""Frames done, frames in all."""
Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Made:
    """A product.

    Attributes:
        files: it consists of.
        found: for its record: masters, gaps, how frames were placed, why some were left out.
        masters: files of the calibration masters that it used.
        scores: quality, 0 to 1; empty only where there is nothing.
    """

    files: list[Path]
    found: dict[str, Any] = field(default_factory=dict)
    masters: list[Path] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)


def make(
    name: str,
    source: FrameSource,
    options: Options,
    folder: Path,
    progress: Progress = lambda done, total: None,
    cancelled: Cancelled = lambda: False,
    corrections: Corrections | None = None,
    after: Callable[[NightProducts], None] = lambda products: None,
) -> Made:
    """Make a product of a sequence; begun work in `folder` goes on.

    Args:
        name: of `KINDS`.
        source: `timelapse.pipeline.frames.open_source`.
        options: of the product and `COMMON`.
        folder: of the result.
        progress: is told after every frame.
        cancelled: is asked before every frame.
        corrections: calibration masters; None: those of the library beside the session.
        after: is given what was made, when all of it is there; not for the long-term keogram.

    Raises:
        UnknownKindError, InvalidValueError: of what was asked for.
        NothingYetError: no frame could be used.
        CancelledError: `cancelled` said so; what is done is kept for the next try.
        OSError: the disk refuses.
    """
    chosen = checked(name, options)
    pixels = None if chosen["pixels"] == "auto" else chosen["pixels"]
    meta = session_meta(source.path)
    said = source.said(0)
    camera = camera_for(meta, said, chosen)
    night = NightSource(
        source, camera, pixels, chosen["offset_adu"], corrections or corrections_of(source.path)
    )
    with closing(night.reader):
        if name == "season":
            picture, scores = _season(night, folder, progress, cancelled)
            return Made([picture], night.reader.found(), scores=scores)
        first = next((frame.time for frame in source.frames if frame.time), None)
        products = begin(name, folder, camera, chosen, title_of(meta, first, source.title))
        title = KINDS[name].title
        for done, frame in enumerate(night.frames(products.wants)):
            if cancelled():
                products.save()
                raise CancelledError(f"{title}: cancelled after {done} frames")
            products.append(frame)
            progress(done + 1, len(night))
        products.finish()
        after(products)
        made = files_of(name, folder)
        if not made and name != "meteors":
            raise NothingYetError(f"{title}: none of {len(night)} frames could be used{products.why()}")
        progress(len(night), len(night))
        found = night.reader.found() | products.found()
        if said is not None:
            found["camera"] = said.camera
        if damaged := night.damaged:
            found["left_out"] = damaged
        return Made(made, found, night.reader.files(), products.scores())


def begin(name: str, folder: Path, camera: Camera, chosen: Mapping[str, Any], title: str) -> NightProducts:
    """The products of a kind, to be fed with frames; begun work in `folder` goes on.

    Args:
        name: of `KINDS`, but `season`.
        folder: of the result.
        camera: its frames'.
        chosen: `checked` options.
        title: of the pictures.
    """
    kind = KINDS[name]
    parts = kind.parts - {"stack"} if name == "night" and not camera.pointed else kind.parts
    gates = Gates(chosen["sun_deg"], chosen["moon_lit"], chosen["clouds"]) if "clouds" in chosen else Gates()
    own = {name: chosen[name] for name in ("fps", "marks", "megapixels") if name in chosen}
    wishes = Wishes(parts, title, site_zone(), gates, **own)
    return NightProducts(folder, camera, wishes)


def files_of(name: str, folder: Path) -> list[Path]:
    """What there is of a product, as far as it is made; what people look for first in front."""
    found = (path for pattern in KINDS[name].files for path in sorted(folder.glob(pattern)))
    return [path for path in found if not path.name.startswith(".")]


def _season(
    night: NightSource, folder: Path, progress: Progress, cancelled: Cancelled
) -> tuple[Path, dict[str, float]]:
    """The picture with the frames' nights in it, and its scores."""
    zone = site_zone()
    nights: dict[date, tuple[Keogram, Grades]] = {}
    for done, frame in enumerate(night.frames()):
        if cancelled():
            raise CancelledError(f"Long-term keogram: cancelled after {done} frames")
        keogram, grades = nights.setdefault(evening(frame.start, zone), (Keogram(), Grades(whole=False)))
        look = Look(frame, night.camera)
        keogram.append(look)
        grades.append(look)
        progress(done + 1, len(night))
    picture = season.grown(folder, [(keogram, grades.quality()) for keogram, grades in nights.values()], zone)
    return picture, season.scores_of(folder, zone)


def camera_for(meta: Mapping[str, Any], said: Said | None, chosen: Options) -> Camera:
    """A session's camera by what the session says; chosen options stand above that.

    Args:
        meta: of the session; empty for a folder of pictures.
        said: of its first frame.
        chosen: `checked` options.
    """
    site = site_of(meta.get("location"))
    if chosen["latitude_deg"] is not None and chosen["longitude_deg"] is not None:
        site = site_of({"lat": chosen["latitude_deg"], "lon": chosen["longitude_deg"]})
    camera = camera_of(site, said)
    return replace(camera, lens=chosen["lens"], scale_arcsec=chosen["scale_arcsec"] or camera.scale_arcsec)


def title_of(meta: Mapping[str, Any], first: datetime | None, otherwise: str) -> str:
    """What stands above a night's pictures."""
    what = str(meta.get("target") or meta.get("instrument") or otherwise)
    return f"{what}, {first.astimezone(site_zone()):%-d %B %Y}" if first else what
