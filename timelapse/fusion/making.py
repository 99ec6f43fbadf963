"""One picture from several files, with the record of how it was made: brackets and focus runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sessions import provenance

PACKAGES = ("opencv-python-headless", "numpy")


def make(kind: str, pictures: Sequence[Path], out: Path, parameters: Mapping[str, Any]) -> None:
    """Make a picture and its record, `<out>.provenance.json`.

    Args:
        kind: `fused` (a bracket of exposures) or `focused` (different distances sharp).
        pictures: the files, in order.
        out: the picture; JPEG, PNG or TIFF by its suffix.
        parameters: `align`, and of `fused` `ghosts`; True or False.

    Raises `InvalidValueError` for a file that is no picture, `OSError`.
    """
    _make(kind, pictures, out, parameters)
    inputs = [provenance.of_file(path) for path in pictures]
    provenance.write(out, kind, inputs, {**parameters, "name": out.name}, packages=PACKAGES)


def _make(kind: str, pictures: Sequence[Path], out: Path, parameters: Mapping[str, Any]) -> None:
    from timelapse.fusion import align, exposure, files, focus  # OpenCV: only where a picture is made

    frames = [files.read(path) for path in pictures]
    if kind == "fused":
        frames = files.by_brightness(frames)
        frames = align.align(frames) if parameters["align"] else frames
        files.write(exposure.fuse(frames, ghosts=parameters["ghosts"]), out)
    else:
        frames = align.align(frames, breathing=True) if parameters["align"] else frames
        files.write(focus.focus_stack(frames), out)


def maker(kind: str) -> provenance.Maker:
    """How such a picture is made again."""

    def again(
        sources: Sequence[provenance.Source], parameters: Mapping[str, Any], folder: Path
    ) -> list[Path]:
        out = folder / Path(parameters["name"]).name
        _make(kind, [source.path for source in sources], out, parameters)
        return [out]

    return again
