"""Rigid movements in the plane: `[2, 3]` matrices that turn and shift, fitted so that outliers fall out."""

import numpy as np


def fit(
    before: np.ndarray, after: np.ndarray, weights: np.ndarray | None = None, scale: bool = False
) -> tuple[np.ndarray, np.ndarray, float]:
    """The movement that takes points `before` to `after`, by iteratively reweighted least squares (Cauchy).

    Args:
        before: `[n, 2]` pixels, n >= 2.
        after: the same points where they are now.
        weights: `[n]`, None for ones.
        scale: allow a change of size too (focus breathing).

    Returns the matrix, the points' final weights relative to their own (near 0: outliers), and the scatter of
    the others in pixels.
    """
    own = np.ones(len(before)) if weights is None else weights
    off = np.linalg.norm(after - before - np.median(after - before, axis=0), axis=1)
    weight = own / (1 + (off / 1.5) ** 2)
    matrix, sigma, trust = np.eye(2, 3), 0.0, weight
    for _ in range(12):
        total = weight.sum()
        centre = (weight[:, None] * before).sum(0) / total
        target = (weight[:, None] * after).sum(0) / total
        a, b = before - centre, after - target
        along = (weight * (a * b).sum(1)).sum()
        across = (weight * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])).sum()
        angle = np.arctan2(across, along)
        size = np.hypot(along, across) / (weight * (a * a).sum(1)).sum() if scale else 1.0
        turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.column_stack([turn, target - turn @ centre])
        off = np.linalg.norm(after - before @ turn.T - matrix[:, 2], axis=1)
        sigma = max(0.02, 1.4826 * float(np.median(off)))
        trust = 1 / (1 + (off / (2 * sigma)) ** 2)
        weight = own * trust
    return matrix, trust, sigma


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
