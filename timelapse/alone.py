"""A film that a command made, outside `products/`: its record beside it, and how it is made again. Pure Python."""

import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessions import provenance
from sessions.calibration.lookup import Corrections
from timelapse.making import PACKAGES, found_of, inputs_of, masters_of

if TYPE_CHECKING:
    from timelapse.pipeline.job import Report

KIND = "film"


def inputs(source: Path) -> list[provenance.Input] | None:
    """What a film is made from, by hash, asked before it is made; None: a session that still grows."""
    from timelapse.pipeline.sessions import is_running

    return None if source.is_dir() and is_running(source) else inputs_of(source)


def record(out: Path, found: list[provenance.Input], camera: str | None, report: "Report") -> None:
    """Write `<out>.provenance.json`. Raises `OSError`."""
    scores = {"quality": round(report.quality, 4)}
    parameters = {
        "recipe": report.recipe, "camera": camera, "name": out.name, "found": found_of(report), "scores": scores,
    }  # fmt: skip
    provenance.write(out, KIND, [*found, *masters_of(report)], parameters, _files(report), packages=PACKAGES)


def _files(report: "Report") -> list[Path]:
    named = [
        *(str(one["path"]) for one in report.outputs),
        report.poster,
        report.contact_sheet,
        report.curves,
    ]
    return [Path(name) for name in named if name]


def again(parameters: Mapping[str, Any], folder: Path, source: Path, corrections: Corrections) -> list[Path]:
    """Make it again in a folder, from the same session or folder of pictures and the same masters."""
    from timelapse.pipeline.frames import open_source
    from timelapse.pipeline.job import make
    from timelapse.pipeline.recipe import Recipe

    recipe = Recipe.from_json(parameters["recipe"])
    out = folder / Path(parameters["name"]).name
    with tempfile.TemporaryDirectory() as work, closing(open_source(source, parameters["camera"])) as opened:
        return _files(make(opened, recipe, out, Path(work), corrections=corrections))
