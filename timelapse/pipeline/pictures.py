"""Outputs that are not video streams: poster, contact sheet, animated WebP, the untouched originals."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from timelapse.pipeline.encode import fitted, settle
from timelapse.pipeline.finishing import Finishing
from timelapse.pipeline.frames import FrameSource
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import Output, Recipe
from timelapse.pipeline.solution import Solution

CODECS = frozenset({"webp", "frames"})
_WEBP_FRAMES = 60
_SHEET = (6, 5)
_CELL = (320, 180)


def rgb(planes: Planes) -> np.ndarray:
    """`[h, w, 3]` RGB uint8 of working planes."""
    import av
    import cv2

    size = planes.size
    frame = av.VideoFrame(*size, "yuv444p")
    full = [
        planes.y,
        *(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in (planes.u, planes.v)),
    ]
    for plane, source in zip(frame.planes, full, strict=True):
        target = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width]
        target[:] = np.minimum(source.astype(np.uint32) + 128, 65535) >> 8
    frame.colorspace, frame.color_range = 5, 1
    return frame.to_ndarray(format="rgb24")


def picture(finishing: Finishing, place: int, box: tuple[int, int] | None = None) -> np.ndarray:
    """The finished picture at a place of the sequence, RGB uint8, made to fit into `box`."""
    import cv2

    done = rgb(finishing.still(place))
    size = fitted((done.shape[1], done.shape[0]), box)
    return done if size == done.shape[1::-1] else cv2.resize(done, size, interpolation=cv2.INTER_AREA)


def stills(
    source: FrameSource, solution: Solution, recipe: Recipe, output: Path
) -> tuple[Path | None, Path | None]:
    """Poster and contact sheet beside an output, as the recipe wants them. Raises `OSError`, `FrameError`."""
    poster = sheet = None
    count = len(solution.indices)
    finishing = Finishing(source, solution, recipe)
    if recipe.poster:
        poster = output.with_name(f"{output.stem}-poster.jpg")
        _save(picture(finishing, count // 2, (1920, 1080)), poster)
    if recipe.contact_sheet:
        sheet = output.with_name(f"{output.stem}-sheet.jpg")
        _save(_sheet(finishing, count), sheet)
    return poster, sheet


def _sheet(finishing: Finishing, count: int) -> np.ndarray:
    across, down = _SHEET
    canvas = np.full((down * (_CELL[1] + 8) + 8, across * (_CELL[0] + 8) + 8, 3), 16, np.uint8)
    for number, place in enumerate(_spread(count, across * down)):
        cell = picture(finishing, place, _CELL)
        y = 8 + number // across * (_CELL[1] + 8) + (_CELL[1] - cell.shape[0]) // 2
        x = 8 + number % across * (_CELL[0] + 8) + (_CELL[0] - cell.shape[1]) // 2
        canvas[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return canvas


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, wanted))})


def _save(pixels: np.ndarray, path: Path) -> None:
    from PIL import Image

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        Image.fromarray(pixels).save(temporary, "JPEG", quality=90)
        settle(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write(
    source: FrameSource,
    solution: Solution,
    recipe: Recipe,
    output: Output,
    path: Path,
    check: Callable[[], None],
) -> None:
    """Make an output of `CODECS`; on disk when this returns.

    `check` is called before every frame and may raise to stop.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if output.codec == "webp":
            _webp(source, solution, recipe, output, temporary, check)
        else:
            _originals(source, solution, temporary, check)
        settle(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _webp(
    source: FrameSource,
    solution: Solution,
    recipe: Recipe,
    output: Output,
    path: Path,
    check: Callable[[], None],
) -> None:
    from PIL import Image

    finishing = Finishing(source, solution, recipe)
    places = [solution.place(frame) for frame in _spread(solution.length, _WEBP_FRAMES)]
    images = []
    for place in places:
        check()
        images.append(Image.fromarray(picture(finishing, place, output.size)))
    seconds = solution.length / recipe.fps
    images[0].save(
        path,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=max(20, round(1000 * min(seconds, 6.0) / len(images))),
        loop=0,
        quality=round(output.crf if output.crf is not None else 75),
        method=4,
    )


def _originals(source: FrameSource, solution: Solution, path: Path, check: Callable[[], None]) -> None:
    """A zip file (zip64 where needed) of the files as they came, with `frames.json`."""
    listing = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for index in solution.indices:
            check()
            frame = source.frames[index]
            name, data = source.read_original(index)
            archive.writestr(f"{index:06d}-{name}", data)
            listing.append(
                {
                    "file": f"{index:06d}-{name}",
                    "time": frame.time.isoformat() if frame.time else None,
                    "exposure_s": frame.exposure_s,
                    "iso": frame.iso,
                    "aperture_f": frame.aperture_f,
                    "camera": frame.camera,
                }
            )
        archive.writestr("frames.json", json.dumps(listing, indent=1))
