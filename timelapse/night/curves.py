"""The night in numbers: a row per frame, a table for programs and a sheet of curves for people."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image

from sky.coordinates import Site
from skycam_project.common.clock import from_microseconds, microseconds_utc
from skycam_project.common.files import write_atomic
from skycam_project.common.units import Degrees, Magnitudes, MicrosecondsUtc, Pixels, Seconds
from timelapse.night import drawing
from timelapse.night.frames import Look
from timelapse.night.keogram import NothingYetError
from timelapse.night.quality import Scores, scores
from timelapse.night.skyview import SkyView

_PANEL = 118
_SKY = "Sky, mag per square arcsec"
_LEAST = {_SKY: 0.5}
"""Span of a panel below which noise would look like news."""


@dataclass(frozen=True, slots=True)
class Row:
    """One frame; None: not known."""

    time_us: MicrosecondsUtc
    exposure_s: Seconds
    sun_deg: Degrees | None
    moon_deg: Degrees | None
    moon_lit: float | None
    stars: int
    fwhm_px: Pixels | None
    background: float  # share of the range
    noise: float  # of a pixel, in 1/255 of the range
    clipped: float
    sky_mag: Magnitudes | None
    cloud: float | None
    name: str


class Curves:
    """Rows of a night, in the order of time."""

    def __init__(self) -> None:
        self.view = SkyView()
        self.rows: list[Row] = []

    def append(self, look: Look) -> Row:
        """Measure a frame."""
        frame, stars = look.frame, look.stars
        span = frame.top - frame.offset
        planes = 3 if frame.kind == "rgb" else 1
        numbers = self.view.measure(look)
        row = Row(
            time_us=microseconds_utc(frame.start),
            exposure_s=frame.exposure_s,
            sun_deg=look.sun_deg,
            moon_deg=look.moon[0] if look.moon else None,
            moon_lit=look.moon[1] if look.moon else None,
            stars=len(stars),
            fwhm_px=look.fwhm,
            background=float((np.median(stars.background) / planes - frame.offset) / span),
            noise=float(np.median(stars.noise) / np.sqrt(planes) / span * 255),
            clipped=float((frame.image[::3, ::3] >= frame.top).mean()),
            sky_mag=numbers.sky_mag,
            cloud=numbers.cloud,
            name=frame.name,
        )
        at = len(self.rows)
        while at and self.rows[at - 1].time_us > row.time_us:
            at -= 1
        self.rows.insert(at, row)
        return row

    def no_sky_brightness(self) -> str:
        """Why no frame has a sky brightness, for people; empty when one has."""
        return "" if any(row.sky_mag is not None for row in self.rows) else self.view.unknown

    def state(self) -> dict[str, Any]:
        """For `restore`; JSON."""
        return {"rows": [asdict(row) for row in self.rows], "view": self.view.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.rows = [Row(**row) for row in state["rows"]]
        self.view.restore(state["view"])

    # ---- what comes out

    def scores(self) -> Scores:
        """Quality of each row within the session."""

        def column(name: str) -> NDArray[np.float64]:
            return np.array([getattr(row, name) for row in self.rows], np.float64)  # None becomes NaN

        clear = 1 - np.nan_to_num(column("cloud"))
        return scores(column("background"), column("clipped"), column("noise"), column("fwhm_px"), clear)

    def table(self) -> dict[str, list[Any]]:
        """Columns, the quality scores with them."""
        columns: dict[str, list[Any]] = {"time": [from_microseconds(row.time_us) for row in self.rows]}
        for name in Row.__slots__:
            if name != "time_us":
                columns[name] = [getattr(row, name) for row in self.rows]
        found = self.scores()
        return columns | found.columns() | {"reason": found.reasons()}

    def write(self, path: Path) -> Path:
        """The table as Parquet. Raises `NothingYetError`, `OSError`."""
        import polars

        self._needed()
        buffer = BytesIO()
        polars.DataFrame(self.table(), strict=False).write_parquet(buffer, compression="zstd")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, buffer.getvalue())
        return path

    def write_plots(self, path: Path) -> Path:
        """What pages draw, as JSON: `time_ms` and a list of each series, null where it is not known; unknown ones are left out.

        Raises `NothingYetError`, `OSError`.
        """
        self._needed()
        cloud = [None if row.cloud is None else round(100 * row.cloud, 1) for row in self.rows]
        series: dict[str, list[Any]] = {
            "stars": [row.stars for row in self.rows],
            "sky_mag": [_rounded(row.sky_mag) for row in self.rows],
            "cloud_pct": cloud,
            "fwhm_px": [_rounded(row.fwhm_px) for row in self.rows],
            "quality": [_rounded(total) for total in self.scores().total.tolist()],
        }
        known = {name: values for name, values in series.items() if any(v is not None for v in values)}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, orjson.dumps({"time_ms": [row.time_us // 1000 for row in self.rows]} | known))
        return path

    def _needed(self) -> None:
        if not self.rows:
            raise NothingYetError("no frame has been measured yet")

    def picture(
        self, title: str = "Night", site: Site | None = None, zone: tzinfo = UTC, width: int = 1600
    ) -> Image.Image:
        """Star count, sky brightness, cloud cover, sharpness and quality over the night. Raises `NothingYetError`."""
        self._needed()
        table = self.table()
        times: list[datetime] = table["time"]
        cloud = [None if c is None else 100 * c for c in table["cloud"]]
        panels: list[tuple[str, str, list[Any], tuple[float | None, float | None]]] = [
            ("Stars", "stars", table["stars"], (0, None)),
            (_SKY, "sqm", table["sky_mag"], (None, None)),
            ("Cloud, %", "cloud", cloud, (0, 100)),
            ("FWHM, px", "fwhm", table["fwhm_px"], (0, None)),
            ("Quality", "quality", table["quality_total"], (0, 1)),
        ]
        panels = [p for p in panels if any(v is not None for v in p[2])]
        left, right, top, band = 86, width - 24, 52, 14 if site else 0
        bottom = top + len(panels) * _PANEL
        sheet, draw = drawing.paper(width, bottom + band + 40)
        end = max(times[-1], from_microseconds(self.rows[0].time_us + 60_000_000))
        axis = drawing.TimeAxis(times[0], end, left, right, zone)
        drawing.heading(draw, left, right, title, f"{len(times)} frames · {axis.zone_name()}")
        axis.draw(draw, top, bottom + band)
        if site:
            drawing.sky_bands(draw, axis, bottom + 2, band - 2, site)
        for n, (label, name, values, ends) in enumerate(panels):
            self._panel(draw, axis, (label, drawing.SERIES[name], times, values, ends), top + n * _PANEL)
        return sheet

    @staticmethod
    def _panel(draw: Any, axis: drawing.TimeAxis, series: tuple, top: int) -> None:
        label, colour, times, values, ends = series
        low, high = _range([v for v in values if v is not None], ends, _LEAST.get(label, 0.0))
        foot, head = top + _PANEL - 14, top + 12
        draw.rectangle([axis.left - 1, head - 8, axis.right, foot + 8], outline=drawing.LINE)

        def y(value: float) -> float:
            return foot - (value - low) / (high - low) * (foot - head)

        for value in (low, high):
            draw.text(
                (axis.left - 10, y(value)),
                f"{round(value, 3):g}",
                fill=drawing.SOFT,
                font=drawing.font(12),
                anchor="rm",
            )
        usual = float(np.median(np.diff([t.timestamp() for t in times]))) if len(times) > 1 else 0.0
        line: list[tuple[float, float]] = []
        last: datetime | None = None
        for moment, value in zip(times, values, strict=True):
            if value is None or (last and (moment - last).total_seconds() > 3 * usual + 1):
                _stroke(draw, line, colour)
                line = []
            if value is not None:
                line.append((axis.x(moment), y(value)))
                last = moment
        _stroke(draw, line, colour)
        place, font = (axis.left + 8, head - 4), drawing.font(13)
        draw.rectangle(draw.textbbox(place, label, font=font, anchor="la"), fill=drawing.PAPER)
        draw.text(place, label, fill=colour, font=font, anchor="la")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _stroke(draw: Any, line: list[tuple[float, float]], colour: str) -> None:
    if len(line) > 1:
        draw.line(line, fill=colour, width=2, joint="curve")
    elif line:
        x, y = line[0]
        draw.ellipse([x - 1.5, y - 1.5, x + 1.5, y + 1.5], fill=colour)


def _range(values: list[float], ends: tuple[float | None, float | None], least: float) -> tuple[float, float]:
    """Round ends that hold all values, at least so far apart; given ones are ends."""
    low, high = ends
    low = min(values) if low is None else low
    high = max(*values, low) if high is None else high
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    if high - low < 1e-9:
        high = low + 1.0
    step = 10 ** float(np.floor(np.log10(high - low)))
    step = next(s * step for s in (0.2, 0.5, 1, 2) if (high - low) / (s * step) <= 12)
    return float(np.floor(low / step) * step), float(np.ceil(high / step) * step)
