"""Telemetry as charts: each line thinned to what a screen can show, gaps left as gaps.

A chart is `{name, column, unit, lines: [{name, points: [[time_ms, value], …]}]}`. A value of None in a line says
that the readings paused: a chart breaks its line there and never joins what was not measured.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

Chart = dict[str, Any]
POINTS = 800
"""Points of one line at most, but for the marks of gaps; each pixel column keeps its lowest and highest value."""
MOST_LINES = 12
"""Lines of one chart; more sensors than that say nothing on one pair of axes."""
MOST_CHARTS = 40
OF_FRAMES = (
    ("exposure_us", "exposure_s", "s", 1e-6),
    ("gain", "gain", "", 1.0),
    ("sensor_temp_c", "sensor_temp_c", "degC", 1.0),
)
"""What cameras say with each frame: column of the frame table, name of the chart, unit, factor."""
GAP_INTERVALS = 2.5
"""A pause longer than so many usual intervals is a gap (interface guide, section 8)."""


def thin(times_us: np.ndarray, values: np.ndarray, points: int = POINTS) -> list[list[Any]]:
    """One line: `[time_ms, value]` in order of time, `[time_ms, None]` where a gap begins.

    Args:
        times_us: microseconds UTC, any order.
        values: as many numbers; NaN where there is none.
        points: about so many at most.
    """
    good = np.isfinite(values)
    order = np.argsort(times_us[good], kind="stable")
    times, numbers = times_us[good][order], values[good][order]
    if not len(times):
        return []
    steps = np.diff(times)
    usual = float(np.median(steps)) if len(steps) else 0.0
    gaps = np.flatnonzero(steps > max(GAP_INTERVALS * usual, 1)) if usual else np.zeros(0, int)
    keep = _extremes(times, numbers, points)
    keep = np.unique(np.concatenate([keep, gaps, gaps + 1])) if len(gaps) <= points else keep
    breaks = set(gaps.tolist()) if len(gaps) <= points else set()
    line: list[list[Any]] = []
    for place in keep.tolist():
        line.append([int(times[place]) // 1000, float(numbers[place])])
        if place in breaks:
            line.append([int(times[place]) // 1000 + 1, None])
    return line


def _extremes(times: np.ndarray, values: np.ndarray, points: int) -> np.ndarray:
    """Places of the lowest and highest value of each of `points / 2` equal spans of time, and of both ends."""
    if len(times) <= points:
        return np.arange(len(times))
    span = max(int(times[-1] - times[0]), 1)
    bucket = ((times - times[0]) * (points // 2) // (span + 1)).astype(np.int64)
    by_value = np.lexsort((values, bucket))
    starts = np.flatnonzero(np.diff(bucket[by_value], prepend=-1))
    ends = np.append(starts[1:], len(times)) - 1
    return np.unique(np.concatenate([by_value[starts], by_value[ends], [0, len(times) - 1]]))


def build(series: Iterable[tuple[str, str, str, dict[str, tuple[np.ndarray, np.ndarray]]]]) -> list[Chart]:
    """Charts of `(series, column, unit, lines by name)`; what has no value at all is left out."""
    charts = []
    for name, column, unit, lines in series:
        known = {label: line for label, line in lines.items() if np.isfinite(line[1]).any()}
        shown = list(known.items())[:MOST_LINES]
        drawn = [{"name": label, "points": thin(times, values)} for label, (times, values) in shown]
        if drawn:
            charts.append(
                {"name": name, "column": column, "unit": unit, "lines": drawn, "lines_total": len(known)}
            )
        if len(charts) == MOST_CHARTS:
            break
    return charts


def by_label(
    times: np.ndarray, values: np.ndarray, labels: np.ndarray | None, words: list[str]
) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """Lines of one column, one for each label; a single nameless one without labels."""
    if labels is None:
        yield "", (times, values)
        return
    for code, word in enumerate(words):
        mask = labels == code
        if mask.any():
            yield word, (times[mask], values[mask])
