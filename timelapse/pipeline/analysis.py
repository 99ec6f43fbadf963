"""Looking at every frame once: exposure against its neighbours, place against a key frame, brightness.

One row per frame, in parts of `PART` frames; a part is a Parquet file whose name says which frames it is of,
so that a sequence that grew needs its new frames only, and a crash costs one part.
"""

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from sky.kernels import exact_kernel
from skycam_project.common import allocator
from timelapse.pipeline import quality, rigid, tonebins
from timelapse.pipeline.deflicker import LAGS
from timelapse.pipeline.encode import settle
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.frames import FrameSource, luma8, small
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import VERSION
from timelapse.pipeline.tracking import Hold, KeyFrame, Match

PART = 64
"""Frames of a part."""
_OVERLAP = 5
_FEW_PATCHES = 40
_PATIENCE = 10
"""Frames between two attempts at a better key frame."""
_AHEAD = 3
_GRADED = 1_000_000
"""Pixels in which sharpness and noise are measured."""
_DARK = 64.0
"""Mean luma, 0 to 255, below which stars are looked for."""
_FEW_STARS = 8


def _no_pairs() -> np.ndarray:
    return np.zeros(_SHAPES["pairs"], np.float32)


def _no_place() -> np.ndarray:
    return np.full((2, 3), np.nan)


@dataclass(slots=True)
class Row:
    """What was seen in one frame.

    Attributes:
        index: of the frame in its source.
        name: of the frame.
        reason: why it cannot be used, "" when it can.
        pairs: `[len(LAGS), 3, BINS, 2]` against the usable frames before it; see `tonebins.compare`.
        matrix: `[2, 3]` from the first key frame's points to this frame's; NaN when it was not found.
        key: index of the key frame it was found relative to, -1 for none.
        base: `[2, 3]` of that key frame.
        patches: that agreed on the place.
        sigma_px: their scatter, pixels.
        mean: luma, 0 … 255.
        brightest: luma that 1 pixel in 100,000 exceeds, 0 … 255.
        darkest: luma that 1 pixel in 1,000 does not reach, 0 … 255.
        exposure_day, exposure_night, entropy, noise_sigma, focus_ratio: see `quality.Measures`.
        fwhm_px: width of the stars, median; NaN by day, and with fewer than `_FEW_STARS`.
    """

    index: int
    name: str
    reason: str = ""
    pairs: np.ndarray = field(default_factory=_no_pairs)
    matrix: np.ndarray = field(default_factory=_no_place)
    key: int = -1
    base: np.ndarray = field(default_factory=_no_place)
    patches: int = 0
    sigma_px: float = 0.0
    mean: float = 0.0
    brightest: float = 0.0
    darkest: float = 0.0
    exposure_day: float = 0.0
    exposure_night: float = 0.0
    entropy: float = 0.0
    noise_sigma: float = 0.0
    focus_ratio: float = 1.0
    fwhm_px: float = float("nan")


def analyse(
    source: FrameSource,
    indices: list[int],
    folder: Path,
    hold: Hold | None = Hold.CAMERA,
    step: Callable[[int], None] = lambda done: None,
) -> list[Row]:
    """Rows of frames `indices` of a source; parts that are in `folder` already are read.

    Args:
        source: frames.
        indices: the ones to look at, rising.
        folder: for the parts; made when missing.
        hold: what places are found by; None when none are wanted.
        step: told the number of frames done, after each that is looked at now and at the end; may raise to stop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    state = _State(source, hold)
    for path, part in parts(source, indices, folder, hold):
        if path.exists():
            rows += load(path)
            state.stale = True
        else:
            state.begin(rows)
            new = []
            for index, planes in decoded(source, part):
                new.append(state.look(index, planes))
                step(len(rows) + len(new))
            save(new, path)
            allocator.give_back()
            rows += new
    step(len(rows))
    return rows


def parts(
    source: FrameSource, indices: list[int], folder: Path, hold: Hold | None
) -> Iterator[tuple[Path, list[int]]]:
    """The parts of an analysis: their files and frames."""
    seen = hashlib.sha256(json.dumps([VERSION, hold, asdict(source.wish)]).encode())
    for first in range(0, len(indices), PART):
        part = indices[first : first + PART]
        for index in part:
            seen.update(source.frames[index].digest.encode())
        yield folder / f"{first:06d}-{seen.hexdigest()[:24]}.parquet", part


def decoded(
    source: FrameSource, indices: list[int]
) -> Generator[tuple[int, Planes | FrameError], None, None]:
    """Frames in order, two threads ahead."""

    def read(index: int) -> Planes | FrameError:
        try:
            return source.read_yuv(index)
        except FrameError as error:
            return error

    waiting: deque[tuple[int, Future[Planes | FrameError]]] = deque()
    with ThreadPoolExecutor(2) as pool:
        try:
            for index in indices:
                waiting.append((index, pool.submit(read, index)))
                if len(waiting) == _AHEAD:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _places(rows: list[Row]) -> Iterator[np.ndarray]:
    """Where each frame is; the last known place where it was not found."""
    place = np.eye(2, 3)
    for row in rows:
        if np.isfinite(row.matrix).all():
            place = row.matrix
        yield place


class _State:
    """What is carried from frame to frame: the last small pictures, the key frame, the last places."""

    def __init__(self, source: FrameSource, hold: Hold | None) -> None:
        self._source = source
        self._hold = hold
        self._neighbours = tonebins.Neighbours(LAGS, source.size[0])
        self._recent: deque[tuple[int, np.ndarray, np.ndarray]] = deque(maxlen=_OVERLAP)
        self._key: KeyFrame | None = None
        self._key_index, self._base = -1, np.eye(2, 3)
        self._usual = 0.0
        self._patience = 0
        self.stale = False

    def begin(self, rows: list[Row]) -> None:
        """Before each part. When its forerunners were read from files: bring back what they had left."""
        self._patience = 0
        if not self.stale:
            self._neighbours.begin()
            return
        self.stale = False
        usable = [row for row in rows if not row.reason]
        self._neighbours.begin(
            (small(self._source.read_yuv(row.index)), place)
            for row, place in list(zip(usable, _places(usable), strict=True))[-max(LAGS) :]
        )
        keyed = [row for row in usable if row.key >= 0]
        if not keyed or not self._hold:
            return
        self._key_index, self._base = keyed[-1].key, keyed[-1].base
        self._key = KeyFrame(self._source.read_luma(self._key_index))
        self._usual = 0.0
        for row in keyed:
            if row.key == self._key_index != row.index:
                self._learn(row.sigma_px)
        self._recent.clear()
        self._recent.extend(
            (row.index, self._source.read_luma(row.index), row.matrix) for row in keyed[-_OVERLAP:]
        )

    def look(self, index: int, decoded: Planes | FrameError) -> Row:
        """The row of the next frame."""
        row = Row(index, self._source.frames[index].name)
        if isinstance(decoded, FrameError):
            row.reason = str(decoded)
            return row
        picture = small(decoded)
        luma = luma8(decoded)
        counts = np.zeros(256, np.int64)
        _count(luma, counts)
        row.mean = float((counts * np.arange(256)).sum() / counts.sum())
        summed = np.cumsum(counts)
        row.brightest = float(np.searchsorted(summed, summed[-1] * (1 - 1e-5)))
        row.darkest = float(np.searchsorted(summed, summed[-1] * 1e-3))
        _grade(luma, picture, row)
        if self._hold:
            self._place(luma, row)
        row.pairs = self._neighbours.add(picture, row.matrix)
        return row

    def _place(self, luma: np.ndarray, row: Row) -> None:
        if self._key is None:
            try:
                self._key = KeyFrame(luma)
            except FrameError:
                return  # dark, or fog: the next frame may do
            self._key_index = row.index
            found: Match | None = Match(np.eye(2, 3), 1000, 0.0)
        else:
            found = self._found(self._key, luma, self._recent[-1][2], self._base)
            if self._is_weak(found):
                found = self._renewed(luma, found)
        if found is None:
            return
        row.key, row.base = self._key_index, self._base
        row.matrix = rigid.compose(found.matrix, self._base)
        row.patches, row.sigma_px = found.patches, found.sigma
        if row.index != self._key_index:
            self._learn(found.sigma)
        self._recent.append((row.index, luma, row.matrix))

    def _found(self, key: KeyFrame, luma: np.ndarray, last: np.ndarray, base: np.ndarray) -> Match | None:
        """Where a frame lies relative to a key frame at `base`, the frame before it at `last`."""
        return key.find(luma, rigid.compose(last, rigid.inverse(base)), self._hold or Hold.CAMERA)

    def _learn(self, sigma: float) -> None:
        self._usual = 0.95 * self._usual + 0.05 * sigma if self._usual else sigma

    def _is_weak(self, found: Match | None) -> bool:
        self._patience -= 1
        if self._patience > 0:
            return False
        return found is None or found.patches < _FEW_PATCHES or (found.sigma > 2 * self._usual > 0.5)

    def _renewed(self, luma: np.ndarray, found: Match | None) -> Match | None:
        """The place by a new key frame, the last frame that had one, where that is better than `found`."""
        self._patience = _PATIENCE
        if not self._recent:
            return found
        index, last, base = self._recent[-1]
        try:
            key = KeyFrame(last)
        except FrameError:
            return found
        better = self._found(key, luma, base, base)
        if better is None or (found is not None and better.patches < 1.5 * found.patches):
            return found
        size = (luma.shape[1], luma.shape[0])
        ties = [rigid.pose(base, size)]
        for _, other, matrix in list(self._recent)[:-1]:
            match = self._found(key, other, matrix, base)
            if match is not None and match.patches >= _FEW_PATCHES:
                ties.append(rigid.pose(rigid.compose(rigid.inverse(match.matrix), matrix), size))
        self._key, self._key_index = key, index
        self._base = rigid.movement(np.mean(ties, axis=0), size)
        self._usual = 0.0
        return better


@exact_kernel
def _count(luma, counts):
    for j in range(0, luma.shape[0], 2):
        for i in range(0, luma.shape[1], 2):
            counts[luma[j, i]] += 1


def _grade(luma: np.ndarray, picture: np.ndarray, row: Row) -> None:
    height, width = luma.shape
    if (
        luma.size > _GRADED
    ):  # the middle shows it; the whole of a large frame would cost as much as its tracking
        side = (_GRADED / luma.size) ** 0.5 / 2
        rows, columns = (slice(int(n * (0.5 - side)), int(n * (0.5 + side))) for n in (height, width))
        luma = np.ascontiguousarray(luma[rows, columns])
    seen = quality.measure(luma, picture)
    row.exposure_day, row.exposure_night = seen.exposure_day, seen.exposure_night
    row.entropy, row.noise_sigma, row.focus_ratio = seen.entropy, seen.noise_sigma, seen.focus_ratio
    if row.mean < _DARK:
        from sky.detection import detect

        stars = detect(luma, "mono")
        widths = stars.fwhm[~stars.saturated]
        if len(widths) >= _FEW_STARS:
            row.fwhm_px = float(np.median(widths))


_SHAPES = {"pairs": (len(LAGS), 3, tonebins.BINS, 2), "matrix": (2, 3), "base": (2, 3)}


def save(rows: list[Row], path: Path) -> None:
    """Write rows as Parquet; on disk when this returns. Raises `OSError`."""
    import polars

    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(Row)}
    for name in _SHAPES:
        columns[name] = [value.ravel().tolist() for value in columns[name]]
    kinds = {"pairs": polars.List(polars.Float32), "reason": polars.String, "name": polars.String}
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    polars.DataFrame(columns, schema_overrides=kinds).write_parquet(temporary)
    settle(temporary, path)


def load(path: Path) -> list[Row]:
    """What `save` wrote."""
    import polars

    rows = []
    for values in polars.read_parquet(path).iter_rows(named=True):
        for name, shape in _SHAPES.items():
            kind = np.float32 if name == "pairs" else float
            values[name] = np.array(values[name], kind).reshape(shape)
        rows.append(Row(**values))
    return rows
