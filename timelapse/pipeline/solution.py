"""From rows to what is done to each frame: milliseconds for a night, done once per job."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from timelapse.pipeline import deflicker, denoise, grading, quality, rigid, warp
from timelapse.pipeline.analysis import Row
from timelapse.pipeline.colour import Look, apply_curve
from timelapse.pipeline.encode import Light, settle
from timelapse.pipeline.frames import FrameInfo, Problem
from timelapse.pipeline.keyframes import track
from timelapse.pipeline.recipe import Recipe
from timelapse.pipeline.retime import positions
from timelapse.pipeline.smoothing import whittaker

_CROP_LIMIT = 0.04
_FLASH_EV = 0.7
"""Between neighbours: more is another scene, not its light."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What is done to each usable frame.

    Attributes:
        indices: `[n]` of the frames in their source.
        exposure: curves and response.
        correction: `[n, 3]` EV per channel.
        poses: `[n, 3]` shift x, y in pixels and turn in radians, as found.
        path: `[n, 3]` as they shall be.
        matrices: `[n, 2, 3]` where a pixel of the result is found in the frame.
        light: for HDR10.
        black: code 0 … 255 that haze lifts the sequence's black to.
        look: of the recipe.
        moments: `[m]` place in the sequence of each frame of the video; None when they are the same.
        scores: quality of each usable frame.
        poor: frames that were left out because of theirs.
    """

    indices: list[int]
    exposure: deflicker.Exposure
    correction: np.ndarray
    poses: np.ndarray
    path: np.ndarray
    matrices: np.ndarray
    light: Light
    black: float
    look: Look
    moments: np.ndarray | None
    scores: list[quality.Scores]
    poor: list[Problem]

    @property
    def length(self) -> int:
        """Frames of the video."""
        return len(self.indices) if self.moments is None else len(self.moments)

    def place(self, frame: int) -> int:
        """The place in the sequence that a frame of the video shows, or is nearest to."""
        return frame if self.moments is None else round(float(self.moments[frame]))

    def tables(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Tone tables of the frame at a place of the sequence; see `deflicker.tables`."""
        tables = deflicker.tables(self.exposure.response, self.correction[place])
        return tables if self.look == Look() else apply_curve(self.look, *tables, self.black)

    def light_step(self, place: int) -> denoise.Light:
        """How the shown light of the scene changes from the place before; steady at the first, and at a flash."""
        step = self.exposure.curve[place] - self.exposure.curve[place - 1]
        if place == 0 or np.abs(step).max() > _FLASH_EV:
            return denoise.STEADY
        response = self.exposure.response
        caught, caught_factor = (table[::16] for table in deflicker.tables(response, step))
        before, before_factor = (table[::16] for table in self.tables(place - 1))
        after, after_factor = self.tables(place)
        fine = np.linspace(0, 256, len(after), endpoint=False)
        after, after_factor = (np.interp(caught, fine, table) for table in (after, after_factor))
        rising = np.maximum.accumulate(before + np.arange(256) * 1e-6)
        codes = (np.arange(256) + 0.5 - 16) * 255 / 219  # of luma that is shown
        change = np.interp(codes, rising, after - before)
        factor = caught_factor * after_factor / before_factor
        return denoise.Light(
            np.rint(change * 219 * 256 / 255).astype(np.int32), float(np.mean(factor[32:224]))
        )


def solve(
    rows: Sequence[Row], frames: Sequence[FrameInfo], size: tuple[int, int], recipe: Recipe
) -> Solution:
    """Exposure and path of a sequence.

    Args:
        rows: one per frame looked at.
        frames: all frames of the source.
        size: of the frames, pixels.
        recipe: what is wanted.
    """
    usable = [row for row in rows if not row.reason]
    count = len(usable)
    pairs = np.stack([row.pairs for row in usable])
    recorded = np.array([_recorded_ev(frames[row.index]) for row in usable])
    exposure = deflicker.solve(pairs, count, recipe.deflicker or 40.0, recorded, recipe.keep_events)
    correction = exposure.correction if recipe.deflicker else np.zeros((count, 3))
    correction = correction + track(recipe.key_frames, "exposure_ev", count)[:, None]
    poses = _poses(usable, size)
    path, zoom = _path(poses, size, recipe)
    enlarge = _enlarging(zoom, size)
    matrices = np.stack(
        [
            rigid.compose(
                rigid.compose(rigid.movement(pose, size), rigid.inverse(rigid.movement(wish, size))), enlarge
            )
            for pose, wish in zip(poses, path, strict=True)
        ]
    )
    if recipe.stabilise == "off":
        matrices = np.repeat(warp.IDENTITY[None], count, axis=0)
    scores = grading.grade(usable, poses, recipe)
    poor = grading.poor(usable, scores, recipe.least_quality)
    keep = [place for place in range(count) if place not in poor]
    usable = [usable[place] for place in keep]
    exposure = replace(
        exposure, curve=exposure.curve[keep], smooth=exposure.smooth[keep], events=exposure.events[keep]
    )
    correction = correction[keep]
    return Solution(
        indices=[row.index for row in usable],
        exposure=exposure,
        correction=correction,
        poses=poses[keep],
        path=path[keep],
        matrices=matrices[keep],
        light=_light(usable, exposure, correction),
        black=float(np.median([row.darkest for row in usable])),
        look=recipe.look,
        moments=positions(recipe.speed, [frames[row.index].time for row in usable]) if recipe.speed else None,
        scores=[scores[place] for place in keep],
        poor=list(poor.values()),
    )


def left_out(rows: Sequence[Row]) -> list[Problem]:
    """Frames that turned out unusable."""
    return [Problem(row.name, row.reason) for row in rows if row.reason]


def _recorded_ev(frame: FrameInfo) -> float:
    if not frame.exposure_s or not frame.iso:
        return float("nan")
    return float(np.log2(frame.exposure_s * frame.iso / (frame.aperture_f or 1.0) ** 2))


def _poses(rows: Sequence[Row], size: tuple[int, int]) -> np.ndarray:
    """`[n, 3]`; frames that were not found lie between their neighbours."""
    found = np.array([bool(np.isfinite(row.matrix).all()) for row in rows])
    poses = np.zeros((len(rows), 3))
    if not found.any():
        return poses
    known = np.flatnonzero(found)
    measured = np.stack([rigid.pose(rows[int(place)].matrix, size) for place in known])
    for part in range(3):
        poses[:, part] = np.interp(np.arange(len(rows)), known, measured[:, part])
    return poses


def _path(poses: np.ndarray, size: tuple[int, int], recipe: Recipe) -> tuple[np.ndarray, float]:
    """Poses as they shall be, and how much the picture is enlarged to hide its edges."""
    if recipe.stabilise != "moving":
        return np.repeat(np.median(poses, axis=0)[None], len(poses), axis=0), 1.0
    path = whittaker(poses, recipe.smooth_path)
    off = poses - path
    reach = np.hypot(*size) / 2
    sides = [2 * (np.abs(off[:, axis]) + np.abs(off[:, 2]) * reach) / size[axis] for axis in range(2)]
    wanted = float(np.max(sides, initial=0.0))
    if wanted > _CROP_LIMIT:  # follow the camera rather than cut more off
        path = poses - off * (_CROP_LIMIT / wanted)
        wanted = _CROP_LIMIT
    return path, 1 / (1 - wanted)


def _enlarging(zoom: float, size: tuple[int, int]) -> np.ndarray:
    centre = (np.array(size) - 1) / 2
    return np.column_stack([np.eye(2) / zoom, centre - centre / zoom])


def _light(rows: Sequence[Row], exposure: deflicker.Exposure, correction: np.ndarray) -> Light:
    """Light levels of the result, diffuse white at 203 cd/m2 (ITU-R BT.2408)."""
    from timelapse.pipeline.hdr import nits

    brightest, mean = 1.0, 1.0
    for row, change in zip(rows, correction, strict=True):
        luma, _ = deflicker.tables(exposure.response, change, 256)
        brightest = max(brightest, nits(float(luma[min(255, round(row.brightest))])))
        mean = max(mean, nits(float(luma[min(255, round(row.mean))])))
    return Light(brightest, mean)


def save_curves(solution: Solution, frames: Sequence[FrameInfo], rows: Sequence[Row], path: Path) -> None:
    """Write what was found and done as Parquet, one row per frame looked at, for plots.

    Columns: `index name time reason exposure_ev smooth_ev correction_ev event x_px y_px turn_deg path_x_px
    path_y_px path_turn_deg patches sigma_px mean`, and the scores `exposure_score … total_score`. On disk when this returns.
    """
    import polars

    place = {index: number for number, index in enumerate(solution.indices)}
    table = []
    for row in rows:
        entry = {
            "index": row.index,
            "name": row.name,
            "time": frames[row.index].time,
            "reason": row.reason or None,
        }
        if (number := place.get(row.index)) is not None:
            pose, path_pose = solution.poses[number], solution.path[number]
            entry |= {
                "exposure_ev": float(solution.exposure.curve[number].mean()),
                "smooth_ev": float(solution.exposure.smooth[number].mean()),
                "correction_ev": float(solution.correction[number].mean()),
                "event": bool(solution.exposure.events[number]),
                **dict(zip(("x_px", "y_px"), map(float, pose[:2]), strict=True)),
                "turn_deg": float(np.degrees(pose[2])),
                **dict(zip(("path_x_px", "path_y_px"), map(float, path_pose[:2]), strict=True)),
                "path_turn_deg": float(np.degrees(path_pose[2])),
                "patches": row.patches,
                "sigma_px": row.sigma_px,
                "mean": row.mean,
                **{f"{name}_score": score for name, score in asdict(solution.scores[number]).items()},
            }
        table.append(entry)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    polars.DataFrame(table, infer_schema_length=None).write_parquet(temporary)
    settle(temporary, path)
