"""The star table: 899 000 stars brighter than V 11, in memory as plain columns, found by cone.

The file (5.2 MB) is made by `sky.build_catalogue`; its sources and licences are in `data/README.md`. Places
are ICRS of epoch J2000 to 0.04″. The sources carry no proper motions: the 35 stars of
`data/proper_motion.csv` (the first-magnitude and the fastest ones) have theirs, the others stand where they
were in 2000. Of the stars brighter than V 8 half are less than 0.7″ off in 2026 and a tenth more than 3.5″;
fainter ones less.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sky.angles import east_north
from skycam_project.common.units import Degrees, Magnitudes

DATA = Path(__file__).parent / "data"
FAINTEST: Magnitudes = 11.0
"""The shipped table is complete to here, save in the densest parts of the Milky Way."""

_UNKNOWN_COLOUR = -128
_TURN = 2**24  # right ascension is stored in 1/2**24 turns
_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
_MAS = np.pi / 180 / 3600e3


@dataclass(frozen=True, slots=True, eq=False)
class StarTable:
    """Columns of one row per star, in 1° zones of declination, right ascension rising within a zone."""

    xyz: NDArray[np.float32]  # (n, 3) ICRS unit vectors, J2000
    v: NDArray[np.float32]  # V, mag
    bv: NDArray[np.float32]  # B-V, mag; drawn from the colours of faint stars where none was measured
    ra: NDArray[np.int32]  # 1/2**24 turns
    zone: NDArray[np.int64]  # (181,) first row of each zone
    hip: dict[int, int]  # Hipparcos number -> row
    moving: NDArray[np.int64]  # rows with a proper motion, rising
    motion: NDArray[np.float64]  # (m, 3) change of their unit vectors per Julian year

    def __len__(self) -> int:
        return len(self.v)

    def cone(
        self, direction: NDArray[np.float64], radius_deg: Degrees, faintest: Magnitudes = 99.0
    ) -> NDArray[np.int64]:
        """Rows within a radius of an ICRS unit vector and not fainter than `faintest`, unordered."""
        limit = np.float32(np.cos(np.radians(min(radius_deg, 180.0))))
        aim = direction.astype(np.float32)
        if radius_deg > 60:
            return np.flatnonzero((self.xyz @ aim >= limit) & (self.v <= faintest))
        parts = [np.arange(first, end) for first, end in self._slices(direction, np.radians(radius_deg))]
        rows = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        return rows[(self.xyz[rows] @ aim >= limit) & (self.v[rows] <= faintest)]

    def _slices(self, direction: NDArray[np.float64], radius: float) -> list[tuple[int, int]]:
        dec = np.arctan2(direction[2], np.hypot(direction[0], direction[1]))
        centre = np.arctan2(direction[1], direction[0]) % (2 * np.pi) / (2 * np.pi) * _TURN
        low = max(0, int(np.floor(np.degrees(dec - radius) + 90)))
        high = min(179, int(np.floor(np.degrees(dec + radius) + 90)))
        whole = abs(dec) + radius >= np.pi / 2 - 1e-3
        half = _TURN / 2 if whole else np.arcsin(np.sin(radius) / np.cos(dec)) / (2 * np.pi) * _TURN + 2
        found = []
        for zone in range(low, high + 1):
            first, end = int(self.zone[zone]), int(self.zone[zone + 1])
            if half >= _TURN / 2:
                found.append((first, end))
                continue
            ra = self.ra[first:end]
            for turn in (-_TURN, 0, _TURN):
                a, b = max(centre - half + turn, 0), min(centre + half + turn, _TURN)
                if a < b:
                    found.append((first + int(np.searchsorted(ra, a)), first + int(np.searchsorted(ra, b))))
        return found

    def places(self, rows: NDArray[np.int64], moment: datetime) -> NDArray[np.float64]:
        """ICRS unit vectors (n, 3) of `rows` at `moment`, proper motion included."""
        out = self.xyz[rows].astype(np.float64)
        at = np.searchsorted(self.moving, rows)
        found = (
            np.flatnonzero(self.moving[np.minimum(at, len(self.moving) - 1)] == rows)
            if len(self.moving)
            else []
        )
        if len(found):
            years = (moment - _J2000).total_seconds() / (365.25 * 86400)
            out[found] += self.motion[at[found]] * years
            out[found] /= np.linalg.norm(out[found], axis=1, keepdims=True)
        return out


def _hash(a: NDArray[np.int32], b: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """A mixed number (splitmix64) per star from its stored place: a drawn colour stays the same."""
    x = a.astype(np.uint64) << np.uint64(20) ^ b.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


@lru_cache(maxsize=1)
def proper_motions() -> dict[int, tuple[float, float]]:
    """Hipparcos number -> milliarcseconds per year to the east (with cos Dec) and to the north."""
    with (DATA / "proper_motion.csv").open(encoding="utf-8", newline="") as file:
        return {
            int(line["hip"]): (float(line["pm_ra_cosdec_mas_per_year"]), float(line["pm_dec_mas_per_year"]))
            for line in csv.DictReader(file)
        }


def _motions(xyz: NDArray[np.float32], hip: dict[int, int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rows, motions = [], []
    for number, (to_east, to_north) in proper_motions().items():
        if number in hip:
            v = xyz[hip[number]].astype(np.float64)
            east, north = east_north(v / np.linalg.norm(v))
            rows.append(hip[number])
            motions.append((east * to_east + north * to_north) * _MAS)
    order = np.argsort(rows)
    return np.array(rows, np.int64)[order], np.array(motions, np.float64).reshape(-1, 3)[order]


def load(folder: Path = DATA) -> StarTable:
    """Read `stars.npz` of `folder`; 0.3 s. Raises `OSError`, or `ValueError` if it is broken."""
    with np.load(folder / "stars.npz") as file:
        columns = {name: file[name] for name in file.files}
    first = columns["zone"].astype(np.int64)
    step = columns["ra_step_low"].astype(np.int32) + (columns["ra_step_high"].astype(np.int32) << 16)
    total = np.cumsum(step, dtype=np.int64)
    before = np.concatenate([[0], total])[first[:-1]]
    zones = np.repeat(np.arange(180), np.diff(first))
    ra = (total - before[zones]).astype(np.int32)
    lon = ra * (2 * np.pi / _TURN)
    lat = np.radians(zones - 90 + (columns["dec"] + 0.5) / 65536)
    flat = np.cos(lat)
    xyz = np.stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)], axis=1).astype(np.float32)
    drawn = columns["colour_law"][(_hash(ra, columns["dec"]) >> np.uint64(56)).astype(np.int64)]
    bv = np.where(columns["bv"] == _UNKNOWN_COLOUR, drawn, columns["bv"] / np.float32(50)).astype(np.float32)
    hip = dict(zip(columns["hip"].tolist(), columns["hip_row"].tolist(), strict=True))
    moving, motion = _motions(xyz, hip)
    return StarTable(xyz, columns["v"].astype(np.float32) / 100 - 2, bv, ra, first, hip, moving, motion)


@lru_cache(maxsize=1)
def stars() -> StarTable:
    """The shipped table, read once per process (20 MB)."""
    return load()
