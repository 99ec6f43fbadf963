"""How timelapses, night products and fused pictures are made again, for `sessions reproduce`: importing this registers them."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sessions import provenance
from sessions.calibration.lookup import Corrections
from timelapse import alone
from timelapse.fusion import making as fusion
from timelapse.night.kinds import KINDS


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
    work = Work("timelapse", "", "", str(_input(sources)), str(folder), str(folder / ".work"), recipe)
    making.make(work, quiet, lambda: False)
    return making.outputs(folder)


def night_product(kind: str) -> provenance.Maker:
    """The maker of one night product."""

    def make(sources: Sequence[provenance.Source], parameters: Mapping[str, Any], folder: Path) -> list[Path]:
        from timelapse.night import products
        from timelapse.pipeline.frames import open_source

        found = parameters.get("found", {})
        masters = found.get("masters", [])
        # The same masters as then, none that came since; they lie in `<library>/<kind>/`.
        library = sources[-1].path.parents[1] if masters else folder
        corrections = Corrections(library, {one["sha256"] for one in masters})
        with closing(open_source(_input(sources), found.get("camera"))) as source:
            made = products.make(kind, source, parameters["options"], folder, corrections=corrections)
            return made.files

    return make


def film(sources: Sequence[provenance.Source], parameters: Mapping[str, Any], folder: Path) -> list[Path]:
    """A film that a command made."""
    return alone.again(parameters, folder, _input(sources))


provenance.register("timelapse", timelapse)
provenance.register(alone.KIND, film)
for name in KINDS:
    provenance.register(name, night_product(name))
for name in ("fused", "focused"):
    provenance.register(name, fusion.maker(name))
