"""Rigid movements in the plane: `[2, 3]` matrices that turn and shift, fitted so that outliers fall out."""

import numpy as np

_TRIES = 200
"""Pairs of points that are asked which movement most others share."""
_NEAR = 0.25
"""Pixels off at which a point counts a half."""
_ENOUGH = 0.6
"""Share of the points that leaves no doubt."""


def fit(
    before: np.ndarray, after: np.ndarray, weights: np.ndarray | None = None, scale: bool = False
) -> tuple[np.ndarray, np.ndarray, float]:
    """The movement that takes points `before` to `after`: what most share, then least squares with the weights of Geman and McClure.

    Half of the points may move by themselves, and alike: clouds do. A median, or weights alone, would end between
    them and the ground.

    Args:
        before: `[n, 2]` pixels, n >= 2.
        after: the same points where they are now.
        weights: `[n]`, None for ones.
        scale: allow a change of size too (focus breathing).

    Returns the matrix, the points' final weights relative to their own (near 0: outliers), and the scatter of
    the others in pixels.
    """
    own = np.ones(len(before)) if weights is None else weights
    matrix = shared(before, after, own, scale)
    sigma, trust = _NEAR, _votes(matrix, before, after)
    for _ in range(12):
        matrix = _least_squares(before, after, own * trust**2, scale)
        apart = off(matrix, before, after)
        near = apart[apart < 3 * max(sigma, 0.1)]  # grows with what it finds, from the middle
        sigma = max(0.02, 1.4826 * float(np.median(near if len(near) else apart)))
        trust = 1 / (1 + (apart / (2 * sigma)) ** 2)
    return matrix, trust, sigma


def shared(before: np.ndarray, after: np.ndarray, own: np.ndarray, scale: bool = False) -> np.ndarray:
    """The movement `[2, 3]` that most points share, by pairs of them (Fischler and Bolles, CACM 24, 1981); the same each time.

    Arguments as of `fit`, with weights.
    """
    apart = np.linalg.norm(after - before - np.median(after - before, axis=0), axis=1)
    best = _least_squares(before, after, own / (1 + (apart / 1.5) ** 2), scale)
    most = float(own @ _votes(best, before, after))
    if most >= _ENOUGH * own.sum():
        return best
    random = np.random.default_rng(len(before))
    pairs = random.integers(0, len(before), (_TRIES, 2))
    apart = np.linalg.norm(before[pairs[:, 0]] - before[pairs[:, 1]], axis=1)
    pairs = pairs[(apart >= np.median(apart)) & (apart > 0)]  # near ones say little of the turn
    # All at once, with points as complex numbers: a turn is a factor.
    old, new = before @ [1, 1j], after @ [1, 1j]
    turns = (np.diff(new[pairs]) / np.diff(old[pairs]))[:, 0]
    turns = turns if scale else np.exp(1j * np.angle(turns))
    shifts = new[pairs].mean(1) - turns * old[pairs].mean(1)
    votes = _trust(np.abs(new - turns[:, None] * old - shifts[:, None])) @ own
    if not len(votes) or votes.max() <= most:
        return best
    turn, shift = turns[votes.argmax()], shifts[votes.argmax()]
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _votes(matrix: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return _trust(off(matrix, before, after))


def _trust(apart: np.ndarray) -> np.ndarray:
    return 1 / (1 + (apart / _NEAR) ** 2)


def off(matrix: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """`[n]` pixels between where a movement takes points `[n, 2]` and where they are."""
    return np.linalg.norm(after - before @ matrix[:, :2].T - matrix[:, 2], axis=1)


def _least_squares(before: np.ndarray, after: np.ndarray, weight: np.ndarray, scale: bool) -> np.ndarray:
    total = weight.sum()
    centre = (weight[:, None] * before).sum(0) / total
    target = (weight[:, None] * after).sum(0) / total
    a, b = before - centre, after - target
    along = (weight * (a * b).sum(1)).sum()
    across = (weight * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])).sum()
    angle = np.arctan2(across, along)
    size = np.hypot(along, across) / (weight * (a * a).sum(1)).sum() if scale else 1.0
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, target - turn @ centre])


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """First `inner`, then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def inverse(matrix: np.ndarray) -> np.ndarray:
    """What undoes a movement."""
    turn = np.linalg.inv(matrix[:, :2])
    return np.column_stack([turn, -turn @ matrix[:, 2]])


def pose(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`[3]`: shift of the picture's centre in pixels (x, y), and turn in radians."""
    centre = (np.array(size) - 1) / 2
    shift = matrix[:, :2] @ centre + matrix[:, 2] - centre
    return np.array([*shift, np.arctan2(matrix[1, 0], matrix[0, 0])])


def movement(pose: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The inverse of `pose`."""
    centre = (np.array(size) - 1) / 2
    turn = np.array([[np.cos(pose[2]), -np.sin(pose[2])], [np.sin(pose[2]), np.cos(pose[2])]])
    return np.column_stack([turn, centre + pose[:2] - turn @ centre])
