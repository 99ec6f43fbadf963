"""One chunk of a timelapse: decode, move, remap, denoise, encode to every output that lacks it.

A chunk is a closed group of pictures and depends on its own frames and a few before it only, so any worker may
make any chunk and gets the same pictures.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from timelapse.pipeline import hdr, retime
from timelapse.pipeline.analysis import decoded
from timelapse.pipeline.denoise import Denoiser
from timelapse.pipeline.encode import Encoder
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.finishing import Finishing
from timelapse.pipeline.frames import FrameSource
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import Output, Recipe
from timelapse.pipeline.solution import Solution

WARM_UP = 12
"""Frames before a chunk that its denoiser sees."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file that a chunk makes."""

    path: Path
    output: Output


def processed(
    source: FrameSource, solution: Solution, recipe: Recipe, first: int, end: int
) -> Iterator[tuple[int, Planes]]:
    """Working planes of the frames `first` … `end` - 1 of the video; each is valid for one step.

    Raises `FrameError` when a frame that could be read in the analysis cannot be read any more.
    """
    finishing = Finishing(source, solution, recipe)
    if solution.moments is None:
        for place, picture in _sequence(source, solution, recipe, finishing, first, end):
            yield place, finishing.shown(picture, place)
        return
    moments = solution.moments[first:end]
    places = int(moments[0]), int(moments[-1] + 1)
    sequence = _sequence(
        source, solution, recipe, finishing, places[0], min(places[1] + 1, len(solution.indices))
    )
    with contextlib.closing(sequence):
        pictures = retime.between(sequence, moments, recipe.speed.blend)
        for number, (moment, picture) in enumerate(zip(moments, pictures, strict=True)):
            yield first + number, finishing.shown(picture, float(moment))


def _sequence(
    source: FrameSource, solution: Solution, recipe: Recipe, finishing: Finishing, first: int, end: int
) -> Generator[tuple[int, Planes], None, None]:
    """Moved and denoised pictures at places `first` … `end` - 1 of the sequence."""
    start = max(0, first - WARM_UP) if recipe.denoise else first
    denoiser = Denoiser(recipe.denoise) if recipe.denoise else None
    places = range(start, end)
    frames = decoded(source, [solution.indices[place] for place in places])
    with contextlib.closing(frames):
        for place, (index, planes) in zip(places, frames, strict=True):
            if isinstance(planes, FrameError):
                name = source.frames[index].name
                raise FrameError(f"{name} could be read before, and now cannot: {planes}")
            picture = finishing.moved(planes, place)
            if denoiser is not None:
                picture = denoiser(picture, solution.light_step(place))
            if place >= first:
                yield place, picture


def render_chunk(
    source: FrameSource,
    solution: Solution,
    recipe: Recipe,
    span: tuple[int, int],
    parts: Sequence[Part],
    step: Callable[[int], None] = lambda done: None,
) -> None:
    """Make the parts of one chunk; all are on disk under their names when this returns, or none is begun.

    Args:
        source: frames.
        solution: what is done to them.
        recipe: what is wanted.
        span: places in the sequence, first and end.
        parts: files to make.
        step: told the number of frames of the chunk that are done; may raise to stop.

    Raises:
        FrameError: a frame has gone since the analysis.
        EncoderError: an encoder does not work.
        OSError: the disk refused.
    """
    size = (source.size[0] & ~1, source.size[1] & ~1)
    encoders: list[Encoder] = []
    try:
        for part in parts:
            encoders.append(Encoder(part.path, part.output, size, recipe.rate, recipe.chunk, solution.light))
        transfers = [part.output.transfer for part in parts]
        with _Beside(lambda planes: _encode(planes, encoders, transfers)) as beside:
            for place, planes in processed(source, solution, recipe, *span):
                beside.put(planes)
                step(place - span[0] + 1)
        for encoder in encoders:
            encoder.close()
    except BaseException:
        for encoder in encoders:
            encoder.abandon()
        raise


def _encode(planes: Planes, encoders: Sequence[Encoder], transfers: Sequence[str]) -> None:
    made = {"sdr": planes}
    for encoder, transfer in zip(encoders, transfers, strict=True):
        if transfer not in made:
            made[transfer] = hdr.convert(planes, transfer)
        encoder.write(made[transfer])


class _Beside:
    """Does work in a thread of its own, in order, at most one piece behind; its error is raised here."""

    def __init__(self, work: Callable[[Planes], None]) -> None:
        self._work = work
        self._waiting: queue.Queue[Planes | None] = queue.Queue(1)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="encode", daemon=True)

    def __enter__(self) -> "_Beside":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._waiting.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, planes: Planes) -> None:
        if self._error is not None:
            raise self._error
        self._waiting.put(planes)

    def _run(self) -> None:
        while (planes := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    self._work(planes)
                except BaseException as error:
                    self._error = error
