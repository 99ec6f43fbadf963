"""`curves.json`: what flicker and motion were in the frames, and what is left of them in the film. Pure Python."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from skycam_project.common.files import write_atomic

if TYPE_CHECKING:
    from timelapse.checking import Measured

CURVE_POINTS = 4000
"""Frames of a plot; longer nights are thinned by their extremes."""


def write(table: Path, folder: Path, measured: "Measured | None" = None) -> dict[str, float]:
    """`curves.json`: flicker in per cent and motion in pixels by frame, before and after, for the page's plots.

    `after` is what was measured in the film; empty until there is one. Returns the four RMS values that are known.
    """
    import numpy as np
    import polars as pl

    rows = pl.read_parquet(table).filter(pl.col("reason").is_null())
    before = {
        "flicker": 100 * (2.0 ** (rows["exposure_ev"] - rows["smooth_ev"]).to_numpy() - 1),
        "motion": np.hypot(*((rows[f"{axis}_px"] - rows[f"path_{axis}_px"]).to_numpy() for axis in "xy")),
    }
    after: dict[str, Any] = {}
    if measured is not None and len(measured.flicker_pct) == len(rows):
        after = {"flicker": measured.flicker_pct, "motion": measured.motion_px}
    kept = _extremes(before["flicker"].tolist(), max(1, math.ceil(len(rows) / CURVE_POINTS)))
    curves: dict[str, Any] = {"frame": rows["index"].gather(kept).to_list()}
    found: dict[str, float] = {}
    for name in before:
        curves[name] = {}
        for when, values in (("before", before), ("after", after)):
            series = values.get(name)
            curves[name][when] = [] if series is None else [round(float(series[n]), 4) for n in kept]
            if series is not None:
                rms = round(float((series**2).mean() ** 0.5), 4)
                curves[name][f"rms_{when}"] = found[f"{name}_rms_{when}"] = rms
    write_atomic(folder / "curves.json", orjson.dumps(curves))
    return found


def scores(found: Mapping[str, float]) -> dict[str, float]:
    """0 to 1: how much of 5 % flicker and 20 px motion is not there (processing.md, section 8)."""
    worst = {"flicker": 5.0, "motion": 20.0}
    return {
        name: round(max(0.0, 1 - found[f"{name}_rms_after"] / most), 4)
        for name, most in worst.items()
        if f"{name}_rms_after" in found
    }


def _extremes(values: Sequence[float], step: int) -> list[int]:
    """Numbers of the rows to keep: of each two steps the least and the greatest, so that a spike survives."""
    if step == 1:
        return list(range(len(values)))
    kept: set[int] = set()
    for begin in range(0, len(values), 2 * step):
        there = range(begin, min(begin + 2 * step, len(values)))
        kept |= {min(there, key=values.__getitem__), max(there, key=values.__getitem__)}
    return sorted(kept)
