"""The quality of each frame of a sequence, and which frames are not good enough."""

from collections.abc import Sequence

import numpy as np

from timelapse.pipeline import quality
from timelapse.pipeline.analysis import Row
from timelapse.pipeline.frames import Problem
from timelapse.pipeline.recipe import Recipe


def grade(rows: Sequence[Row], poses: np.ndarray, recipe: Recipe) -> list[quality.Scores]:
    """Scores of usable frames.

    Args:
        rows: of the frames.
        poses: `[n, 3]` of the frames, pixels and radians.
        recipe: whose profile says whether it is night.
    """
    night = recipe.profile == "night"
    measures = [
        quality.Measures(
            exposure_day=row.exposure_day,
            exposure_night=row.exposure_night,
            entropy=row.entropy,
            noise_sigma=row.noise_sigma,
            focus_ratio=row.focus_ratio,
        )
        for row in rows
    ]
    # Against the usual place: the frame after a jump is no worse than its neighbours.
    usual = np.median(poses[:, :2], axis=0) if recipe.stabilise in ("tripod", "stars") else _before(poses)
    jumps = np.hypot(*(poses[:, :2] - usual).T)
    widths = [row.fwhm_px for row in rows]
    stars = night and np.isfinite(widths).any()
    return quality.scores(
        measures, jumps.tolist(), quality.night_focus(widths) if stars else None, night=night
    )


def _before(poses: np.ndarray) -> np.ndarray:
    return np.vstack([poses[:1, :2], poses[:-1, :2]])


def poor(rows: Sequence[Row], scores: Sequence[quality.Scores], least: float) -> dict[int, Problem]:
    """Frames below `least` by their place, unless fewer than two would be left."""
    found = quality.poor(scores, least) if least else {}
    if len(rows) - len(found) < 2:
        return {}
    return {place: Problem(rows[place].name, reason) for place, reason in found.items()}
