"""How timelapses, night products and fused pictures are made again, for `sessions reproduce`: importing this registers them."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sessions import provenance
from sessions.calibration.lookup import Corrections
from timelapse import alone, seasons
from timelapse.fusion import making as fusion
from timelapse.night.kinds import KINDS


def _split(
    sources: Sequence[provenance.Source], parameters: Mapping[str, Any], folder: Path
) -> tuple[Path, Corrections]:
    """What the frames come from, and the same masters as then, none that came since."""
    wanted = {one["sha256"] for one in parameters.get("found", {}).get("masters", [])}
    masters = [source.path for source in sources if source.path.stem in wanted]
    frames = [source for source in sources if source.path.stem not in wanted]
    # They lie in `<library>/<kind>/`.
    return _input(frames), Corrections(masters[0].parents[1] if masters else folder, wanted)


def _input(sources: Sequence[provenance.Source]) -> Path:
    """The session's file, or the folder whose files the sources are."""
    if sources[0].path.suffix == ".asdf":
        return sources[0].path
    return Path(os.path.commonpath([source.path.parent for source in sources]))


def timelapse(
    sources: Sequence[provenance.Source], parameters: Mapping[str, Any], folder: Path
) -> list[Path]:
    """A timelapse from its record; curves and scores are measured again."""
    from timelapse import making
    from timelapse.work import Work

    quiet = lambda _: None  # noqa: E731
    recipe = {"recipe": parameters["recipe"], "draft": False}
    source, corrections = _split(sources, parameters, folder)
    work = Work("timelapse", "", "", str(source), str(folder), str(folder / ".work"), recipe)
    making.make(work, quiet, lambda: False, corrections)
    return making.outputs(folder)


def night_product(kind: str) -> provenance.Maker:
    """The maker of one night product."""

    def make(sources: Sequence[provenance.Source], parameters: Mapping[str, Any], folder: Path) -> list[Path]:
        from timelapse.night import products
        from timelapse.pipeline.frames import open_source

        found, options = parameters.get("found", {}), parameters["options"]
        if any(option.name == "marks" for option in KINDS[kind].options):
            options = {"marks": False} | options  # older records do not name it: there were none
        path, corrections = _split(sources, parameters, folder)
        with closing(open_source(path, found.get("camera"))) as source:
            return products.make(kind, source, options, folder, corrections=corrections).files

    return make


def season(sources: Sequence[provenance.Source], parameters: Mapping[str, Any], folder: Path) -> list[Path]:
    """The long-term keogram from the lines of its nights."""
    from skycam_project.common.nights import site_zone
    from timelapse.night.drawing import save_png
    from timelapse.night.season import PICTURE, Season

    return [save_png(folder / PICTURE, Season(sources[0].path.parent, site_zone()).picture())]


def film(sources: Sequence[provenance.Source], parameters: Mapping[str, Any], folder: Path) -> list[Path]:
    """A film that a command made."""
    path, corrections = _split(sources, parameters, folder)
    return alone.again(parameters, folder, path, corrections)


provenance.register("timelapse", timelapse)
provenance.register(alone.KIND, film)
for name in KINDS:
    provenance.register(name, season if name == seasons.KIND else night_product(name))
for name in ("fused", "focused"):
    provenance.register(name, fusion.maker(name))
