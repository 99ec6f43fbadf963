"""The night in one picture: a column of each frame beside the next, time to scale."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sky.coordinates import Site
from skycam_project.common.clock import from_microseconds, microseconds_utc
from skycam_project.common.errors import SkycamError
from timelapse.night import drawing
from timelapse.night.developing import softening
from timelapse.night.frames import Look
from timelapse.night.opencv import cv2
from timelapse.night.state import Arrays, Meta

_STRIP = 5  # columns whose median is the frame's column
_ROWS = 720
_GAP = 2.5
"""A pause longer than this many usual intervals is shown as a gap."""


class NothingYetError(SkycamError):
    """A product has no frame so far."""

    code = "nothing_yet"


@dataclass(eq=False)
class Keogram:
    """Columns of a night, in the order of time.

    A column is the median of five in the middle of the frame, at most 720 rows high. With `path` it
    follows a line over the picture instead, such as the meridian of an all-sky camera.

    Attributes:
        path: (n, 2) x, y of its pixels, top first.
        ends: what is at the top and at the bottom, such as ("N", "S").
    """

    path: NDArray[np.float64] | None = None
    ends: tuple[str, str] | None = None
    _times: list[tuple[int, int]] = field(default_factory=list)  # start, exposure; microseconds
    _columns: list[NDArray[Any]] = field(default_factory=list)
    _tone: tuple[float, float, bool] | None = None  # offset, top, linear

    def __len__(self) -> int:
        return len(self._columns)

    def append(self, look: Look) -> None:
        """Add a frame's column; frames may come in any order."""
        frame = look.frame
        column = self._column(look)
        if self._columns and column.shape != self._columns[0].shape:
            column = cv2.resize(column[:, None], (1, len(self._columns[0])), interpolation=cv2.INTER_AREA)[
                :, 0
            ]
        if self._tone is None:
            self._tone = frame.offset, frame.top, frame.linear
        entry = microseconds_utc(frame.start), round(frame.exposure_s * 1e6)
        at = len(self._times)
        while at and self._times[at - 1][0] > entry[0]:
            at -= 1
        self._times.insert(at, entry)
        self._columns.insert(at, column)

    def _column(self, look: Look) -> NDArray[Any]:
        image, kind = look.frame.image, look.frame.kind
        if self.path is not None:
            shifts = np.arange(_STRIP) - _STRIP // 2
            x = self.path[:, 0, None].astype(np.float32) + shifts[None].astype(np.float32)
            y = np.repeat(self.path[:, 1, None].astype(np.float32), _STRIP, axis=1)
            strip = cv2.remap(look.colour, x, y, cv2.INTER_NEAREST)
        else:
            first = image.shape[1] // 2 // 2 * 2 - 4
            part = np.ascontiguousarray(image[:, max(first, 0) : first + 10])
            if kind == "mosaic":
                part = cv2.cvtColor(part, cv2.COLOR_BayerRGGB2RGB)
            elif part.ndim == 2:
                part = cv2.cvtColor(part, cv2.COLOR_GRAY2RGB)
            strip = part[:, 2 : 2 + _STRIP]
        column = np.median(strip, axis=1).astype(image.dtype)
        if len(column) > _ROWS:
            column = cv2.resize(column[:, None], (1, _ROWS), interpolation=cv2.INTER_AREA)[:, 0]
        return column

    # ---- between processes

    def state(self) -> tuple[Meta, Arrays]:
        """For `restore`."""
        meta: Meta = {
            "tone": self._tone,
            "ends": self.ends,
        }
        arrays: Arrays = {"times": np.array(self._times, np.int64).reshape(-1, 2)}
        if self._columns:
            arrays["columns"] = np.stack(self._columns)
        if self.path is not None:
            arrays["path"] = self.path
        return meta, arrays

    def restore(self, meta: Meta, arrays: Arrays) -> None:
        """Go on where `state` was taken."""
        self._times = [(int(a), int(b)) for a, b in arrays["times"]]
        self._columns = list(arrays["columns"]) if "columns" in arrays else []
        self._tone = tuple(meta["tone"]) if meta["tone"] else None
        self.ends = tuple(meta["ends"]) if meta["ends"] else None
        self.path = arrays.get("path")

    # ---- pictures

    def _colours(self) -> NDArray[np.uint8]:
        """(rows, n, 3) as shown: the usual night at a fifth of the range, its sky nearly grey."""
        assert self._tone is not None  # noqa: S101 - for the type checker
        offset, top, linear = self._tone
        columns = np.stack(self._columns, axis=1)
        if not linear:
            return columns if columns.dtype == np.uint8 else (columns >> 8).astype(np.uint8)
        light = np.maximum(columns.astype(np.float32) - np.float32(offset), 0)
        dark = np.median(light, axis=0)  # (n, 3)
        usual = np.maximum(np.median(dark[dark.sum(axis=1) <= np.median(dark.sum(axis=1))], axis=0), 0.1)
        light *= (np.clip(usual[1] / usual, 0.25, 4.0) * [0.96, 1.0, 1.06]).astype(np.float32)
        soft = softening(float(usual[1]), top - offset, 0.2)
        light = np.arcsinh(light / soft) * np.float32(255 / np.arcsinh((top - offset) / soft))
        return np.minimum(light, 255).astype(np.uint8)

    def spans(self) -> list[tuple[datetime, datetime]]:
        """From when to when each column stands: to the next one, unless there is a gap."""
        if not self._times:
            return []
        starts = np.array([t for t, _ in self._times], np.int64)
        usual = float(np.median(np.diff(starts))) if len(starts) > 1 else 0.0
        found = []
        for n, (start, exposure) in enumerate(self._times):
            own = start + max(exposure, usual)
            following = int(starts[n + 1]) if n + 1 < len(starts) else own
            end = following if following - start <= _GAP * max(usual, exposure) else own
            found.append((from_microseconds(start), from_microseconds(int(end))))
        return found

    def strip(
        self, width: int, start: datetime, end: datetime
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(rows, width, 3) of the time from `start` to `end` to scale, and which columns have frames.

        Raises `NothingYetError` before the first frame.
        """
        if not self._columns:
            raise NothingYetError("the keogram has no frame yet")
        colours = self._colours()
        spans = self.spans()
        centre = [start + (end - start) * ((x + 0.5) / width) for x in range(width)]
        begins = np.array([microseconds_utc(a) for a, _ in spans])
        which = np.searchsorted(begins, [microseconds_utc(c) for c in centre], side="right") - 1
        known = np.array([n >= 0 and c < spans[n][1] for n, c in zip(which, centre, strict=True)])
        out = colours[:, np.maximum(which, 0)]
        # Several frames to a pixel: the one in the middle stands for them; each frame shows somewhere.
        out[:, ~known] = drawing.hatched(width, len(colours))[:, ~known]
        return out, known

    def bare(self, width: int = 1600, height: int = 128) -> Image.Image:
        """The keogram from its first frame to its last without axis and labels, for pages.

        Raises `NothingYetError`.
        """
        spans = self.spans()
        if not spans:
            raise NothingYetError("the keogram has no frame yet")
        pixels, _ = self.strip(width, spans[0][0], spans[-1][1])
        return Image.fromarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))

    def picture(
        self,
        title: str = "Keogram",
        site: Site | None = None,
        zone: tzinfo = UTC,
        width: int = 1600,
        window: tuple[datetime, datetime] | None = None,
    ) -> Image.Image:
        """The keogram with axis and labels.

        Args:
            title: above it.
            site: for the bands of twilight and moon.
            zone: of the time axis.
            width: of the sheet.
            window: from when to when; from the first frame to the last by default.

        Raises:
            NothingYetError: there is no frame.
        """
        if not self._columns:
            raise NothingYetError("the keogram has no frame yet")
        spans = self.spans()
        begin, end = window or (spans[0][0], spans[-1][1])
        left, right, top = 46, width - 24, 48
        axis = drawing.TimeAxis(begin, max(end, begin + timedelta(minutes=1)), left, right, zone)
        pixels, _ = self.strip(right - left, axis.start, axis.end)
        rows = int(np.clip(len(pixels), 240, _ROWS))
        if len(pixels) != rows:
            pixels = cv2.resize(pixels, (pixels.shape[1], rows), interpolation=cv2.INTER_LINEAR)
        band = 14 if site else 0
        sheet, draw = drawing.paper(width, top + rows + band + 46)
        missing = _gaps_text(spans)
        drawing.heading(draw, left, right, title, f"{len(self)} frames{missing} · {axis.zone_name()}")
        axis.draw(draw, top, top + rows + band)
        sheet.paste(Image.fromarray(pixels), (left, top))
        if site:
            drawing.sky_bands(draw, axis, top + rows + 2, band - 2, site)
        if self.ends:
            draw.text(
                (left - 12, top + 4), self.ends[0], fill=drawing.SOFT, font=drawing.font(14), anchor="ra"
            )
            draw.text(
                (left - 12, top + rows - 4),
                self.ends[1],
                fill=drawing.SOFT,
                font=drawing.font(14),
                anchor="rd",
            )
        draw.rectangle([left - 1, top - 1, right, top + rows], outline=drawing.LINE)
        return sheet


def _gaps_text(spans: list[tuple[datetime, datetime]]) -> str:
    pauses = [b[0] - a[1] for a, b in pairwise(spans) if b[0] > a[1]]
    if not pauses:
        return ""
    minutes = sum(p.total_seconds() for p in pauses) / 60
    return f", {len(pauses)} gap{'s' if len(pauses) > 1 else ''} ({minutes:.0f} min)"
