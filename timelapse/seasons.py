"""The long-term keogram: one product of each instrument, which each night makes a line longer. Pure Python."""

from pathlib import Path
from typing import TYPE_CHECKING

from sessions import provenance
from sessions.store import ids
from skycam_project.common.nights import site_zone
from timelapse import sidecar

if TYPE_CHECKING:
    from timelapse.night.engine import NightProducts

KIND = "season"


def home(root: Path, instrument: str) -> Path:
    """The folder of an instrument's long-term keogram below the products'."""
    return root / "seasons" / (ids.slug(instrument, 32) or "folders") / KIND


def add(root: Path, instrument: str, products: "NightProducts") -> None:
    """Put a night in; of a telescope, which looks elsewhere each time, there is none. Raises `OSError`."""
    from timelapse.night import season
    from timelapse.night.keogram import NothingYetError

    if products.camera.pointed:
        return
    folder = home(root, instrument)
    try:
        season.grown(folder, [(products.keogram, products.grades.quality())], site_zone())
    except NothingYetError:
        return  # less than a minute, the width of its columns
    describe(folder, instrument)


def lines_of(folder: Path) -> list[provenance.Input]:
    """What the picture was drawn from, by hash: a small file of each night. Raises `OSError`."""
    from timelapse.night.season import LINES, Season

    return [provenance.of_file(path) for path in Season(folder / LINES, site_zone()).files()]


def describe(folder: Path, instrument: str) -> None:
    """Write the record and `product.json`; the uuid of an older one stays. Raises `OSError`."""
    from timelapse.night.season import LINES, PICTURE, Season, scores_of

    made, scores = [folder / PICTURE], scores_of(folder, site_zone())
    parameters = {"options": {}, "found": {}, "scores": scores}
    provenance.write(folder, KIND, lines_of(folder), parameters, made)
    nights = Season(folder / LINES, site_zone()).nights()
    try:
        uuid = {"uuid": sidecar.read(folder).uuid}
    except sidecar.SidecarError:
        uuid = {}
    title = f"Long-term keogram, {instrument}" if instrument else "Long-term keogram"
    files = sidecar.files_of(folder, made)
    sidecar.write(folder, sidecar.Facts(
        kind=KIND, title=title, night=nights[-1].isoformat(), instrument=instrument, scores=scores, files=files, **uuid,
    ))  # fmt: skip
