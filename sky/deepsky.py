"""Galaxies, nebulae and clusters: a table read from the OpenNGC database that comes with PyOngc.

The database (data CC-BY-SA-4.0, Mattia Verga) is a dependency and is read in place. Its own classes make
one query and some string work per object; the whole table is wanted here at once, so it is read with one
query.
"""

import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sky.angles import unit_vector
from skycam_project.common.units import Degrees, Magnitudes

GALAXY = "G"
GLOBULAR = "GCl"
PLANETARY = "PN"
NEBULAE = frozenset({"Cl+N", "HII", "EmN", "Neb", "RfN", "SNR"})
SHINING = frozenset({GALAXY, GLOBULAR, PLANETARY}) | NEBULAE
"""Kinds that have light of their own beside the stars of the star table."""

_MINOR_OVER_MAJOR = 0.7  # where the catalogue gives one axis only
_SIZE_ARCMIN = {GALAXY: 0.6, PLANETARY: 0.2, GLOBULAR: 3.0}  # where it gives none
_SURFACE = {"SNR": 24.0, "RfN": 23.0}  # V mag/arcsec² of nebulae without a magnitude, others 23.3
_BRIGHTEST_GAS = 21.7  # mean over the nebula; M42 has 22.0
_BV = {GALAXY: 0.85, GLOBULAR: 0.7, PLANETARY: 0.9}

_QUERY = """SELECT name, type, ra, dec, majax, minax, pa, bmag, vmag, hubble, commonnames
            FROM objects WHERE ra IS NOT NULL AND type NOT IN ('Dup', 'NonEx') ORDER BY id"""


@dataclass(frozen=True, slots=True)
class DeepSkyObject:
    """One object of the catalogue; sizes and brightness are estimates where the catalogue has none."""

    name: str  # NGC0224, IC0434, Mel022 …
    kind: str  # OpenNGC's type: G, GCl, OCl, PN, HII, SNR …
    ra_deg: Degrees
    dec_deg: Degrees
    major_arcmin: float
    minor_arcmin: float
    position_angle_deg: Degrees  # of the major axis, east of north
    v: Magnitudes  # total
    hubble: str  # of a galaxy: E, S0, SBb …
    titles: tuple[str, ...]  # "Andromeda Galaxy" …


@dataclass(frozen=True, slots=True, eq=False)
class DeepSkyTable:
    """All objects, and their directions and reaches as arrays for a quick search."""

    objects: tuple[DeepSkyObject, ...]
    xyz: NDArray[np.float64]  # (n, 3) ICRS
    reach_deg: NDArray[np.float64]  # half of the major axis
    v: NDArray[np.float64]
    shining: NDArray[np.bool_]

    def within(
        self, direction: NDArray[np.float64], radius_deg: Degrees, faintest: Magnitudes = 99.0
    ) -> list[DeepSkyObject]:
        """Shining objects that reach into a cone about an ICRS unit vector, brightest first."""
        limit = np.cos(np.radians(np.minimum(radius_deg + 1.5 * self.reach_deg, 180)))
        rows = np.flatnonzero((self.xyz @ direction >= limit) & (self.v <= faintest) & self.shining)
        return [self.objects[n] for n in rows[np.argsort(self.v[rows], kind="stable")]]


def database() -> sqlite3.Connection:
    """PyOngc's database, read-only."""
    import pyongc

    return sqlite3.connect(f"{Path(pyongc.DBPATH).as_uri()}?mode=ro", uri=True)


def _estimate_v(kind: str, b: float | None, v: float | None, major: float, minor: float) -> float:
    spread = 2.5 * float(np.log10(np.pi / 4 * major * minor * 3600))  # mag/arcsec² minus mag
    known = v if v is not None else b - _BV.get(kind, 0.0) if b is not None else None
    if kind in NEBULAE:
        # The magnitude of a nebula with a cluster is mostly that of its stars, which the star table has.
        return max(known, _BRIGHTEST_GAS - spread) if known is not None else _SURFACE.get(kind, 23.3) - spread
    return known if known is not None else 15.5


@lru_cache(maxsize=1)
def objects() -> DeepSkyTable:
    """The table, read once per process (0.1 s)."""
    connection = database()
    try:
        rows = connection.execute(_QUERY).fetchall()
    finally:
        connection.close()
    found = []
    for name, kind, ra, dec, major, minor, angle, b, v, hubble, titles in rows:
        size = major or _SIZE_ARCMIN.get(kind, 1.0)
        width = minor or (size if kind in (GLOBULAR, PLANETARY) else size * _MINOR_OVER_MAJOR)
        found.append(
            DeepSkyObject(
                name,
                kind,
                float(np.degrees(ra)),
                float(np.degrees(dec)),
                size,
                width,
                float(angle or 0),
                _estimate_v(kind, b, v, size, width),
                hubble or "",
                tuple(t for t in (titles or "").split(",") if t),
            )
        )
    return DeepSkyTable(
        tuple(found),
        unit_vector([o.ra_deg for o in found], [o.dec_deg for o in found]),
        np.array([o.major_arcmin / 120 for o in found]),
        np.array([o.v for o in found]),
        np.array([o.kind in SHINING for o in found]),
    )
