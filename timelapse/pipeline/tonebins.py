"""How much brighter one frame is than another, tone by tone: medians that moving things do not move."""

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from sky.kernels import exact_kernel
from timelapse.pipeline import rigid

BINS = 32
CENTRES = (np.arange(BINS) + 0.5) * 256 / BINS
"""Code value in the middle of each bin."""
MINIMUM = 150
"""Pixels a bin needs to count."""


_HALVED = 400
"""Pixels of width from which small frames are compared at half their size: as exact, in a third of the time."""
_FAR = 0.04
"""Of the width: frames further from where they are laid than that are laid anew."""


class Neighbours:
    """The last frames laid over each other: a tree that sways by a pixel is darker here and brighter there.

    Frames of a camera that shakes by a pixel of the small picture show six times the error otherwise.

    Args:
        lags: frames are compared with the ones so many before them.
        width: of the frames, pixels; they are compared as small pictures.
    """

    def __init__(self, lags: Sequence[int], width: int) -> None:
        self._lags, self._width = lags, width
        self._last: deque[tuple[np.ndarray, np.ndarray, np.ndarray]] = deque(maxlen=max(lags))
        self._anchor = self._place = np.eye(2, 3)

    def begin(self, frames: Iterable[tuple[np.ndarray, np.ndarray]] | None = None) -> None:
        """Lay all where the last one is: after this only the frames matter, not when they were added.

        Args:
            frames: instead of those there are: small pictures and places, in order.
        """
        kept = [(picture, place) for picture, place, _ in self._last] if frames is None else list(frames)
        self._last.clear()
        if kept:
            self._anchor = self._place = kept[-1][1]
        for picture, place in kept:
            self._last.append((picture, place, self._laid(picture, place)))

    def add(self, picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Differences of the next frame against the ones before it.

        Args:
            picture: `[h, w, 3]` uint8, small.
            matrix: `[2, 3]` from points of the first frame to this one's, in pixels of the frame; NaN where it is
                not known: as the last one.

        Returns `[len(lags), 3, BINS, 2]` float32, see `compare`; zero where there was no frame.
        """
        if np.isfinite(matrix).all():
            self._place = matrix
        if self._moved(picture) > _FAR * self._width:
            self._anchor = self._place
            self._last = deque(
                ((one, place, self._laid(one, place)) for one, place, _ in self._last), self._last.maxlen
            )
        laid = self._laid(picture, self._place)
        found = np.zeros((len(self._lags), 3, BINS, 2), np.float32)
        for number, lag in enumerate(self._lags):
            if len(self._last) >= lag:
                found[number] = compare(self._last[-lag][2], laid)
        self._last.append((picture, self._place, laid))
        return found

    def _moved(self, picture: np.ndarray) -> float:
        """How far the corners of this place are from where it would be laid, pixels of the frame."""
        height, width = picture.shape[:2]
        corners = np.array([[0, 0], [1, 0], [0, height / width], [1, height / width]]) * self._width
        there, here = (corners @ place[:, :2].T + place[:, 2] for place in (self._anchor, self._place))
        return float(np.abs(there - here).max())

    def _laid(self, picture: np.ndarray, place: np.ndarray) -> np.ndarray:
        import cv2

        height, width = picture.shape[:2]
        matrix = rigid.compose(place, rigid.inverse(self._anchor))
        if not np.allclose(matrix, np.eye(2, 3), atol=1e-6):
            scale = self._width / width
            middle = (scale - 1) / 2  # of a small pixel, in those of the frame
            shift = (matrix[:, :2] @ [middle, middle] + matrix[:, 2] - middle) / scale
            flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP  # linear blurs; black outside does not count
            picture = cv2.warpAffine(
                picture, np.column_stack([matrix[:, :2], shift]), (width, height), flags=flags
            )
        if width < _HALVED:
            return picture
        return cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)


def compare(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Median code difference of two small frames per channel and tone.

    Args:
        before: `[h, w, 3]` uint8.
        after: of the same size.

    Returns `[3, BINS, 2]` float32: the median of after - before of pixels whose mean code lies in the bin
    (interpolated within codes), and its standard error; an error of 0 marks a bin with too few pixels. Codes
    near the ends of the range are left out.
    """
    found = np.zeros((3, BINS, 2), np.float32)
    for channel in range(3):
        counts = np.zeros((BINS, 512), np.int32)
        _count(before, after, channel, counts)
        _medians(counts, found[channel])
    return found


@exact_kernel
def _count(before, after, channel, counts):
    for j in range(before.shape[0]):
        for i in range(before.shape[1]):
            x, y = int(before[j, i, channel]), int(after[j, i, channel])
            if min(x, y) > 3 and max(x, y) < 250:
                counts[((x + y) * BINS) >> 9, y - x + 256] += 1


@exact_kernel
def _quantile(counts, part, total):
    wanted, below = part * total, 0
    for code in range(512):
        here = counts[code]
        if here and below + here >= wanted:
            return code - 256.5 + (wanted - below) / here
        below += here
    return 0.0


@exact_kernel
def _medians(counts, found):
    for tone in range(counts.shape[0]):
        total = 0
        for code in range(512):
            total += counts[tone, code]
        if total > MINIMUM:
            spread = _quantile(counts[tone], 0.75, total) - _quantile(counts[tone], 0.25, total)
            found[tone, 0] = _quantile(counts[tone], 0.5, total)
            found[tone, 1] = max(0.3, spread / 1.35) * 1.25 / np.sqrt(total)
