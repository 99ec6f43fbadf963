"""The star table, the deep-sky table, names."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sky.angles import longitude_latitude, separation_deg, unit_vector
from sky.catalogue import stars
from sky.coordinates import Observer, Site
from sky.deepsky import objects
from sky.errors import UnknownObjectError
from sky.names import resolve


@pytest.mark.parametrize(
    ("hip", "ra", "dec", "v", "bv"),
    [
        (32349, 101.28716, -16.71612, -1.44, 0.009),  # Sirius
        (69673, 213.91530, 19.18241, -0.05, 1.239),  # Arcturus
        (11767, 37.95456, 89.26411, 1.97, 0.636),  # Polaris
        (27989, 88.79294, 7.40706, 0.45, 1.500),  # Betelgeuse
        (87937, 269.45208, 4.69339, 9.54, 1.570),  # Barnard's star
    ],
)
def test_well_known_stars_stand_where_they_belong(hip, ra, dec, v, bv):
    table = stars()
    row = table.hip[hip]
    assert separation_deg(table.xyz[row], unit_vector(ra, dec)) * 3600 < 0.6
    assert table.v[row] == pytest.approx(v, abs=0.011)
    assert table.bv[row] == pytest.approx(bv, abs=0.011)


def test_proper_motion_moves_barnards_star_by_ten_arcseconds_a_year():
    table = stars()
    row = np.array([table.hip[87937]])
    years = [table.places(row, datetime(y, 1, 1, tzinfo=UTC))[0] for y in (2000, 2026)]
    assert separation_deg(*years) * 3600 == pytest.approx(26 * 10.36, abs=0.5)


def test_counts_grow_as_the_sky_does():
    counts = np.histogram(stars().v, [5, 6, 7, 8, 9, 10, 11])[0]
    ratio = counts[1:] / counts[:-1]
    assert (ratio > 2.4).all()
    assert (ratio < 3.4).all()
    assert len(stars()) == 899_101


@given(st.floats(0, 359.99), st.floats(-90, 90), st.floats(0.01, 59), st.floats(5, 11))
@settings(max_examples=60, deadline=None)
def test_a_cone_holds_exactly_the_stars_within_it(ra, dec, radius, faintest):
    table = stars()
    aim = unit_vector(ra, dec)
    every = np.flatnonzero(
        (table.xyz @ aim.astype(np.float32) >= np.float32(np.cos(np.radians(radius)))) & (table.v <= faintest)
    )
    # The float32 product may differ in its last bit between a slice and the whole table.
    mine = table.cone(aim, radius, faintest)
    assert len(np.setxor1d(mine, every)) <= 1 + len(every) // 10_000
    assert len(mine) == len(np.unique(mine))


def test_colours_without_a_measurement_are_the_same_at_every_load():
    from sky.catalogue import load

    assert (load().bv == stars().bv).all()


def test_no_bright_star_stands_twice():
    """A fast star of Tycho-2's supplement would, once where it was in 1991 and once where it was in 2000."""
    table = stars()
    bright = np.flatnonzero(table.v < 4.2)
    xyz = table.xyz[bright].astype(np.float64)
    chord = np.linalg.norm(xyz[:, None] - xyz[None], axis=2) * 206265
    close = np.argwhere(np.triu(chord < 40, 1))
    pairs = {
        tuple(sorted((round(float(table.v[bright[a]]), 1), round(float(table.v[bright[b]]), 1))))
        for a, b in close
    }
    # Only true doubles remain, and their members differ (alpha Centauri, gamma Virginis, theta1 Orionis …).
    assert all(abs(a - b) > 0.05 or a > 2 for a, b in pairs)


def test_andromeda_has_size_and_angle():
    table = objects()
    m31 = next(o for o in table.objects if o.name == "NGC0224")
    assert (m31.kind, m31.position_angle_deg, m31.hubble) == ("G", 35, "Sb")
    assert m31.major_arcmin == pytest.approx(177.83)
    assert m31.v == pytest.approx(3.44)
    near = table.within(unit_vector(m31.ra_deg, m31.dec_deg), 0.5)
    assert [o.name for o in near[:3]] == ["NGC0224", "NGC0221", "NGC0205"]


def test_large_object_is_found_from_beside_it():
    m31 = objects().within(unit_vector(10.68, 42.9), 0.5)
    assert "NGC0224" in [o.name for o in m31]


@pytest.mark.parametrize(
    ("text", "name", "ra", "dec"),
    [
        ("M31", "M31", 10.6848, 41.2691),
        ("m 042", "M42", 83.8188, -5.3896),
        ("Messier 102", "M101", 210.8023, 54.3489),
        ("NGC 7000", "NGC7000", 314.8214, 44.5288),
        ("ic 434", "IC0434", 85.2537, -2.4538),
        ("Andromeda galaxy", "M31", 10.6848, 41.2691),
        ("Pleiades", "M45", 56.8692, 24.1053),
        ("C 20", "NGC7000", 314.8214, 44.5288),
        ("vega", "Vega", 279.2347, 38.7837),
        ("alpha Lyrae", "Vega", 279.2347, 38.7837),
        ("α Lyr", "Vega", 279.2347, 38.7837),
        ("alpha Boötis", "Arcturus", 213.9153, 19.1824),
        ("61 Cyg", "61 Cyg", 316.7248, 38.7494),
        ("HIP 32349", "Sirius", 101.2872, -16.7161),
    ],
)
def test_names_are_understood(text, name, ra, dec):
    found = resolve(text)
    assert found.name == name
    assert separation_deg(unit_vector(found.ra_deg, found.dec_deg), unit_vector(ra, dec)) * 3600 < 1


def test_planets_need_a_time_and_fast_stars_follow_it():
    observer = Observer(Site(46, 7), datetime(2026, 11, 20, 20, tzinfo=UTC))
    assert resolve("Jupiter", observer).ra_deg == pytest.approx(148.37, abs=0.01)
    with pytest.raises(UnknownObjectError, match="moves"):
        resolve("Jupiter")
    moved = resolve("Barnard's Star", observer).dec_deg - resolve("Barnard's Star").dec_deg
    assert moved * 3600 == pytest.approx(10.327 * 26.89, abs=0.2)


@given(st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_text_gives_a_target_or_a_clear_error(text):
    try:
        found = resolve(text)
    except UnknownObjectError as error:
        assert repr(text) in str(error)
    else:
        assert 0 <= found.ra_deg < 360


def test_directions_survive_the_round_trip():
    xyz = stars().xyz[::5000].astype(np.float64)
    assert separation_deg(unit_vector(*longitude_latitude(xyz)), xyz).max() < 1e-9
