"""Worlds that nothing was tuned to: another mountain, tone curve, flicker and shake each, small and quick."""

import tempfile
from pathlib import Path

import numpy as np

from bench import _timelapse_metrics as metrics
from bench import _timelapse_scene as scene
from timelapse.pipeline import scenelight
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import Job
from timelapse.pipeline.recipe import Recipe


def _world(seed: int, contrast: float, flicker: float, shake_px: float, step_ev: float = 0.0) -> scene.Errors:
    return scene.Errors(
        count=scene.SET_B.count,
        size=(960, 540),
        seed=seed,
        contrast=contrast,
        flicker=flicker,
        shake_px=shake_px,
        turn_deg=0.008 * shake_px,
        step_ev=step_ev,
    )


WORLDS = (
    _world(31, 0.2, 0.05, 2),
    _world(32, 0.4, 0.02, 8),
    _world(33, 0.6, 0.05, 4),
    _world(34, 0.8, 0.02, 2),
    _world(35, 0.8, 0.05, 8),
    _world(36, 0.6, 0.12, 2),
    _world(37, 0.2, 0.12, 8),
    _world(38, 0.4, 0.12, 4),
    _world(39, 0.6, 0.05, 4, step_ev=1 / 3),
    _world(40, 0.3, 0.05, 8, step_ev=1 / 3),
    _world(41, 0.8, 0.08, 4),
    _world(42, 0.5, 0.08, 8),
)


def line(folder: Path, errors: scene.Errors) -> str:
    """Measures of the encoded result of one world, as a row of a table."""
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "out.mp4"
        job = Job(open_source(folder / "cap"), Recipe(poster=False), out, Path(work) / "work")
        rows = job.analyse()
        solved = job.solve(rows)
        job.render(solved)
        job.finish(rows, solved)
        after = metrics.measure(metrics.decoded(out), folder, every=4)
    curve, asked = solved.exposure.curve, job.recipe.deflicker
    bends = scenelight.where_light_bends(curve, asked)
    period = scenelight.light_period(curve.mean(1), asked, bends)
    exposure = scene.known_errors(errors)[0]
    return (
        f"{errors.seed:5} {errors.contrast:9.1f} {np.std(exposure):8.3f} {errors.shake_px:6.0f} {period:7.0f}"
        f" {after['frame_dl']:7.3f} {after['cell_de']:6.3f} {after['frame_dl_fast']:8.3f} {after['cell_de_fast']:6.3f}"
        f" {after['jitter_px']:7.3f} {after['drift_px']:6.3f}"
    )


HEAD = " seed  contrast  error EV  shake  period      dL   cell  fast dL   cell  jitter  drift"
