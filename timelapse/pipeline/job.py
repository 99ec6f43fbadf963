"""From a source and a recipe to finished files: analyse, solve, render chunk by chunk, join.

Everything in the work folder is named by a digest of what it was made of, so a job that is started again, or
by another worker at the same time, takes what is there. A chunk belongs to who holds its lock file (`flock`):
a killed worker's chunk is free at once.
"""

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sessions.calibration.lookup import Corrections, corrections_of
from skycam_project.common import allocator
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import claimed, claimed_in_turn
from skycam_project.common.units import Seconds
from timelapse.pipeline import analysis, join, pictures, quality, solution
from timelapse.pipeline.brackets import bracketed
from timelapse.pipeline.calibration import Calibration
from timelapse.pipeline.errors import CancelledError, SourceError
from timelapse.pipeline.frames import FrameSource, Problem
from timelapse.pipeline.notes import notes
from timelapse.pipeline.recipe import Output, Recipe
from timelapse.pipeline.render import Part, render_chunk
from timelapse.pipeline.tracking import Hold

_POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes:
        stage: `analyse`, `render`, `wait` (another worker makes the last chunks) or `join`.
        done, total: frames of this stage.
        fps: frames per second of this stage since this run began, of all workers; 0 at its beginning.
        remaining_s: seconds to the end of the stage; None when not known.
        kept: frames of this stage that an earlier run had made; they cost no time now.
    """

    stage: str
    done: int
    total: int
    fps: float
    remaining_s: Seconds | None
    kept: int = 0


@dataclass(slots=True)
class Report:
    """What a job made.

    Attributes:
        source: what it was made of.
        frames: in the result.
        left_out: frames that are not, with the reason.
        notes: what else people should know; see `notes.notes`.
        outputs: name, path, bytes, codec, width, height, frames of each file.
        poster, contact_sheet, curves: paths; None when not made.
        recipe: as JSON.
        digest: of source and recipe.
        flicker_ev: RMS exposure error before, EV.
        quality: of the product, 0 … 1; see `quality.of_product`.
        motion_px: RMS movement of the picture's centre before, pixels.
        seconds: duration of each stage in this run.
        masters: of the calibration library that corrected frames, as `sessions.calibration` says it.
        gaps: masters that were missing, in words, and for how many frames.
        master_files: paths of the masters.
    """

    source: str
    frames: int
    left_out: list[Problem]
    notes: list[str]
    outputs: list[dict[str, Any]]
    poster: str | None
    contact_sheet: str | None
    curves: str | None
    recipe: dict[str, Any]
    digest: str
    flicker_ev: float
    motion_px: float
    quality: float
    seconds: dict[str, float] = field(default_factory=dict)
    masters: list[dict[str, Any]] = field(default_factory=list)
    gaps: dict[str, int] = field(default_factory=dict)
    master_files: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def ignore(progress: Progress) -> None:
    """Progress that nobody wants."""


def never() -> bool:
    """A job that is not cancelled."""
    return False


def digest(source: FrameSource, recipe: Recipe) -> str:
    """SHA-256, hexadecimal, of frames and recipe: equal digests make equal files."""
    return recipe.digest(source.digest, json.dumps([asdict(output) for output in recipe.outputs]))


def held_by(recipe: Recipe, source: FrameSource) -> Hold | None:
    """What holds the picture still; None where nobody shall. A telescope follows the sky: so does the film of its frames."""
    if recipe.stabilise == "off":
        return None
    said = source.said(0) if recipe.stabilise == "tripod" and len(source) else None
    return Hold.STARS if recipe.stabilise == "stars" or (said and said.pointed) else Hold.CAMERA


def make(
    source: FrameSource,
    recipe: Recipe,
    output: Path,
    work: Path,
    progress: Callable[[Progress], None] = ignore,
    cancelled: Callable[[], bool] = never,
    corrections: Corrections | None = None,
) -> Report:
    """Make a timelapse; may be called again after a crash, and by several processes at once.

    Args:
        source: frames.
        recipe: what is wanted.
        output: path of the first output; the others lie beside it as `<stem>-<name><suffix>`.
        work: folder for parts; may be shared between jobs and hosts, and deleted when none runs.
        progress: told how far the job is, several times a second at most.
        cancelled: asked at every frame.
        corrections: calibration masters; None: those of the library beside the session.

    Raises:
        SourceError: fewer than 2 frames can be used.
        InvalidValueError: the recipe begins behind the last frame.
        CancelledError: `cancelled` said so.
        EncoderError, FrameError: see `render_chunk`.
        OSError: the disk refused.
    """
    return Job(source, recipe, output, work, progress, cancelled, corrections).run()


class Job:
    """The stages of one job; see `make`."""

    def __init__(
        self,
        source: FrameSource,
        recipe: Recipe,
        output: Path,
        work: Path,
        progress: Callable[[Progress], None] = ignore,
        cancelled: Callable[[], bool] = never,
        corrections: Corrections | None = None,
    ) -> None:
        known = (corrections or corrections_of(source.path)) if recipe.calibrate else None
        self.corrections = known
        source.calibrate(Calibration(known) if known else None)
        source.turn(recipe.turn)
        self.source = bracketed(source, recipe.bracket)
        self.source.develop(recipe.develop)
        self.recipe = recipe
        self.output = output
        self.folder = work
        self._progress = progress
        self._cancelled = cancelled
        self._seconds: dict[str, float] = {}
        self._chunks = work / "chunks"
        self._chunks.mkdir(parents=True, exist_ok=True)

    def run(self) -> Report:
        """All stages."""
        rows = self.analyse()
        solved = self.solve(rows)
        self.render(solved)
        return self.finish(rows, solved)

    def analyse(self) -> list[analysis.Row]:
        """Rows of all frames; one worker makes them, others wait for it."""
        if self.recipe.first >= len(self.source):
            raise InvalidValueError("first", self.recipe.first, f"0 to {len(self.source) - 1}")
        last = len(self.source) if self.recipe.last is None else self.recipe.last + 1
        indices = list(range(self.recipe.first, min(last, len(self.source))))
        meter = self._meter("analyse", len(indices))
        with self._locked("analysis"):
            held = held_by(self.recipe, self.source)
            rows = analysis.analyse(self.source, indices, self.folder / "analysis", held, meter)
        self._seconds["analyse"] = meter.seconds
        return rows

    def solve(self, rows: list[analysis.Row]) -> solution.Solution:
        """What is done to each frame. Raises `SourceError` when there are too few."""
        usable = sum(not row.reason for row in rows)
        if usable < 2:
            raise SourceError(
                f"{self.source.title}: {usable} of {len(rows)} frames can be used, 2 are needed"
            )
        return solution.solve(rows, self.source.frames, self.source.size, self.recipe)

    def spans(self, solved: solution.Solution) -> list[tuple[int, int]]:
        """Places of the chunks in the sequence."""
        count = solved.length
        return [
            (first, min(first + self.recipe.chunk, count)) for first in range(0, count, self.recipe.chunk)
        ]

    def part(self, solved: solution.Solution, span: tuple[int, int], output: Output) -> Path:
        """The file of one chunk of one output."""
        frames = "".join(self.source.frames[index].digest for index in solved.indices)
        description = json.dumps({**asdict(output), "name": ""}, sort_keys=True)
        name = self.recipe.digest(frames, description, json.dumps(span))
        return self._chunks / f"{span[0]:07d}-{name[:32]}.part"

    def render(self, solved: solution.Solution) -> None:
        """Make the chunks that nobody has made or is making; return when all are there."""
        meter = self._meter("render", solved.length)
        left = deque(span for span in self.spans(solved) if self._missing(solved, span))
        busy: list[tuple[int, int]] = []  # other workers make them
        done = solved.length - _frames(left)
        meter(done)
        while left or busy:
            if not left:
                self._check()
                self._progress(Progress("wait", done, solved.length, 0.0, None))
                time.sleep(_POLL_S)
                left, busy = deque(busy), []
            span = left.popleft()
            if not self._render_one(solved, span, meter, done):
                busy.append(span)
            busy = [each for each in busy if self._missing(solved, each)]
            done = solved.length - _frames(left) - _frames(busy)
            meter(done)
        self._seconds["render"] = meter.seconds

    def _render_one(
        self, solved: solution.Solution, span: tuple[int, int], meter: "_Meter", before: int
    ) -> bool:
        """Whether the chunk is there now; False while another worker makes it."""
        if not self._missing(solved, span):
            return True
        with claimed(self._lock(f"chunk-{self.part(solved, span, self.recipe.outputs[0]).stem}")) as mine:
            if not mine:
                return False
            parts = self._missing(solved, span)
            if parts:
                render_chunk(self.source, solved, self.recipe, span, parts, lambda done: meter(before + done))
                allocator.give_back()
            return True

    def _missing(self, solved: solution.Solution, span: tuple[int, int]) -> list[Part]:
        videos = [output for output in self.recipe.outputs if output.codec not in pictures.CODECS]
        parts = [Part(self.part(solved, span, output), output) for output in videos]
        return [part for part in parts if not part.path.exists()]

    def finish(self, rows: list[analysis.Row], solved: solution.Solution) -> Report:
        """Join the chunks and write what goes with them."""
        begin = time.monotonic()
        self._progress(Progress("join", 0, len(self.recipe.outputs), 0.0, None))
        spans = self.spans(solved)
        made = []
        with self._locked("join"):
            for output in self.recipe.outputs:
                path = self.path(output)
                parts = [(self.part(solved, span, output), span[1] - span[0]) for span in spans]
                if output.codec in pictures.CODECS:
                    pictures.write(self.source, solved, self.recipe, output, path, self._check)
                else:
                    join.join(parts, path, output, self.recipe.rate)
                made.append(describe(path, output, self.source.size, solved.length))
            curves = self.output.with_name(f"{self.output.stem}-curves.parquet")
            solution.save_curves(solved, self.source.frames, rows, curves)
            poster, sheet = pictures.stills(self.source, solved, self.recipe, self.output)
        self._seconds["join"] = time.monotonic() - begin
        known = self.corrections
        error = solved.exposure.curve - solved.exposure.smooth
        moved = solved.poses[:, :2] - solved.poses[:, :2].mean(0)
        return Report(
            source=str(self.source.path),
            frames=solved.length,
            notes=notes(self.source, self.recipe),
            left_out=[*self.source.problems, *solution.left_out(rows), *solved.poor],
            outputs=made,
            poster=str(poster) if poster else None,
            contact_sheet=str(sheet) if sheet else None,
            curves=str(curves),
            recipe=self.recipe.to_json(),
            digest=digest(self.source, self.recipe),
            flicker_ev=float((error**2).mean() ** 0.5),
            motion_px=float((moved**2).sum(1).mean() ** 0.5),
            quality=quality.of_product([score.total for score in solved.scores]),
            seconds={name: round(seconds, 3) for name, seconds in self._seconds.items()},
            masters=known.used if known else [],
            gaps=dict(known.gaps) if known else {},
            master_files=[str(path) for path in known.files()] if known else [],
        )

    def path(self, output: Output) -> Path:
        """Where an output goes: the first as asked, the others beside it."""
        if output is self.recipe.outputs[0]:
            return self.output
        return self.output.with_name(f"{self.output.stem}-{output.name}{output.suffix}")

    def _check(self) -> None:
        if self._cancelled():
            raise CancelledError(f"{self.output.name}: cancelled; finished chunks are kept")

    def _meter(self, stage: str, total: int) -> "_Meter":
        return _Meter(stage, total, self._progress, self._check)

    def _lock(self, name: str) -> Path:
        return self._chunks / f"{name}.lock"

    def _locked(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Hold a lock file; wait for it, unless cancelled."""
        return claimed_in_turn(self._lock(name), self._check)


def _frames(spans: Iterable[tuple[int, int]]) -> int:
    return sum(last - first for first, last in spans)


class _Meter:
    """Counts frames, says how fast, stops when cancelled."""

    def __init__(
        self, stage: str, total: int, progress: Callable[[Progress], None], check: Callable[[], None]
    ) -> None:
        self._stage, self._total, self._progress, self._check = stage, total, progress, check
        self._begin = self._last = time.monotonic()
        self._first: int | None = None

    def __call__(self, done: int) -> None:
        self._check()
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._last < 0.2 and done < self._total:
            return
        self._last = now
        gone = now - self._begin
        fps = (done - self._first) / gone if gone > 0 else 0.0
        remaining = (self._total - done) / fps if fps > 0 else None
        self._progress(Progress(self._stage, done, self._total, fps, remaining, self._first))

    @property
    def seconds(self) -> float:
        """Since the stage began."""
        return time.monotonic() - self._begin


def describe(path: Path, output: Output, size: tuple[int, int], frames: int) -> dict[str, Any]:
    """What is said of a finished file."""
    from timelapse.pipeline.encode import fitted

    width, height = fitted((size[0] & ~1, size[1] & ~1), output.size)
    return {
        "name": output.name,
        "path": str(path),
        "bytes": path.stat().st_size,
        "codec": output.codec,
        "width": width,
        "height": height,
        "frames": frames,
    }
