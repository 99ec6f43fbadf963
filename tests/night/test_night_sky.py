"""Meteors, sky brightness and clouds against what the renderer knows; it tells the products nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from night_fields import frame_of

from sky.angles import separation_deg, unit_vector
from sky.coordinates import Site
from sky.instruments import ALLSKY, DSLR_SMALL
from sky.renderer import Conditions, Fixed, Meteor, render, render_with_truth
from sky.renderer.skylight import cloud_depth
from sky.renderer.transients import meteor_track
from sky.renderer.view import View
from timelapse.night.curves import Curves
from timelapse.night.frames import Camera, Look, NightFrame
from timelapse.night.plates import Plates
from timelapse.night.quality import scores
from timelapse.night.sightings import Watch
from timelapse.night.skyview import SkyView

SITE = Site(46.0, 7.5, 1000.0)
NIGHT = datetime(2026, 11, 10, 19, tzinfo=UTC)
SMALL = replace(DSLR_SMALL, sensor=replace(DSLR_SMALL.sensor, width=1200, height=800))
AIM = Fixed(50, 180)


def watched(conditions: Conditions, frames: int = 5) -> dict[str, list]:
    watch, found = Watch(), {}
    for n in range(frames):
        start = NIGHT + timedelta(seconds=32 * n)
        image = render(SMALL, AIM, start, 30.0, 1600, conditions)
        top, offset = float(SMALL.sensor.top_adu), SMALL.sensor.offset_adu
        look = Look(NightFrame(str(n), start, 30.0, image, "mosaic", top, offset), Camera(SITE))
        for judged, sightings in watch.push(look):
            found[judged.frame.digest] = sightings
    return found | {judged.frame.digest: sightings for judged, sightings in watch.flush()}


def test_a_meteor_is_found_where_it_was():
    meteor = Meteor(NIGHT + timedelta(seconds=32 * 2 + 10), 180.0, 45.0, 70.0, 6.0, -1.0)
    quiet = Conditions(SITE, satellites_per_hour=0, meteors_per_hour=0, hills=False)
    found = watched(replace(quiet, meteors=(meteor,)))
    meteors = {digest: [s for s in sightings if s.kind == "meteor"] for digest, sightings in found.items()}
    assert {digest: len(each) for digest, each in meteors.items()} == {"0": 0, "1": 0, "2": 1, "3": 0, "4": 0}
    view = View(SMALL, AIM, NIGHT + timedelta(seconds=64), 30.0, quiet)
    _, x, y, _ = meteor_track(view, meteor)
    ends = meteors["2"][0].streak.ends
    away = np.hypot(ends[:, :1] - x[[0, -1]], ends[:, 1:] - y[[0, -1]])
    assert min(away[0, 0] + away[1, 1], away[0, 1] + away[1, 0]) < 60


def test_satellites_and_aircraft_are_no_meteors():
    busy = Conditions(
        SITE, satellites_per_hour=250, aircraft_per_hour=60, meteors_per_hour=0, hills=False, seed=7
    )
    kinds = [s.kind for sightings in watched(busy, 6).values() for s in sightings]
    assert kinds.count("satellite") + kinds.count("aircraft") >= 2
    assert kinds.count("meteor") == 0


def all_sky(view: SkyView, start: datetime, conditions: Conditions):
    image, truth = render_with_truth(ALLSKY, Fixed(90, 180), start, 20.0, 0, conditions)
    frame = frame_of(image, 0, start=start, exposure_s=20.0, kind="mosaic", top=16383.0, offset=100.0)
    look = Look(frame, Camera(SITE))  # neither lens nor scale are said: its stars tell them
    return view.measure(look), truth


def true_cover(conditions: Conditions, start: datetime) -> float:
    random = np.random.default_rng(0)
    up, azimuth = random.uniform(np.sin(np.radians(20)), 1, 20_000), random.uniform(0, 2 * np.pi, 20_000)
    flat = np.sqrt(1 - up * up)
    directions = np.stack([np.sin(azimuth) * flat, np.cos(azimuth) * flat, up], axis=1)
    return float((cloud_depth(conditions, start.timestamp() + 10, directions) > 0.7).mean())


def test_sky_brightness_and_clouds_of_an_all_sky_camera():
    view = SkyView()
    quiet = Conditions(SITE, satellites_per_hour=0, meteors_per_hour=0, seed=3)
    for hour, mag in ((0, 21.6), (1, 20.0), (2, 18.5), (13 * 24 + 3, 21.6)):
        numbers, truth = all_sky(view, NIGHT + timedelta(hours=hour), replace(quiet, zenith_mag=mag))
        assert (truth.sky_mag < mag - 1) == (hour > 24)  # the moon is up on the last one
        assert numbers.sky_mag == pytest.approx(truth.sky_mag, abs=0.05 if hour < 24 else 0.1)
        assert numbers.cloud == pytest.approx(0.0, abs=0.05)
    for hour, cover in ((3, 0.6), (4, 0.8), (5, 0.7)):
        start, cloudy = NIGHT + timedelta(hours=hour), replace(quiet, cloud_cover=cover)
        numbers, _ = all_sky(view, start, cloudy)
        assert numbers.cloud == pytest.approx(true_cover(cloudy, start), abs=0.10)


WIDE = replace(
    ALLSKY, sensor=replace(ALLSKY.sensor, width=1548, height=1040, pixel_um=4.8, full_well_e=30_000.0)
)
MOONLIT = datetime(2026, 11, 22, tzinfo=UTC)


def wide(n: int, minute: float, cover: float, exposure_s: float = 60.0) -> Look:
    """An all-sky frame under a moon of nine tenths, so many minutes after midnight."""
    conditions = Conditions(SITE, cloud_cover=cover, satellites_per_hour=0, meteors_per_hour=0, seed=7)
    start = MOONLIT + timedelta(minutes=minute)
    image = render(WIDE, Fixed(90, 180), start, exposure_s, 0, conditions, seed=n)
    frame = frame_of(image, n, start=start, exposure_s=exposure_s, kind="mosaic", top=16383.0, offset=100.0)
    return Look(frame, Camera(SITE, WIDE.scale_arcsec))


def test_clouds_are_forgotten_when_the_sky_clears():
    """Edges of moonlit clouds stand where faint stars are expected, brighter than they."""
    view = SkyView()
    clear = view.measure(wide(0, -30, 0.0))
    covered = [view.measure(wide(n, minute, 0.9)).cloud for n, minute in enumerate((61, 64, 67, 70), 1)]
    after = view.measure(wide(5, 160, 0.0))
    assert clear.cloud == pytest.approx(0.0, abs=0.1)
    assert min(covered) > 0.7
    assert after.cloud == pytest.approx(0.0, abs=0.1)
    assert after.sky_mag == pytest.approx(SkyView().measure(wide(5, 160, 0.0)).sky_mag, abs=0.1)


def test_a_night_that_begins_behind_clouds_is_cloudy():
    first, view = SkyView(), SkyView()
    first.measure(wide(0, -30, 0.0))
    view.fit = first.fit  # the lens is known, nothing else is
    assert view.measure(wide(1, 75.1, 0.9)).cloud > 0.7


def test_edges_of_clouds_are_no_meteors():
    watch, found = Watch(), []
    for n in range(6):
        found += watch.push(wide(n, 59.4 + 64 / 60 * n, 0.9))
    found += watch.flush()
    assert sum(len(sightings) for _, sightings in found) > 3, "lines that are something else"
    assert [s.reason for _, sightings in found for s in sightings if s.kind == "meteor"] == []


@pytest.mark.parametrize(("aim", "wrong"), [(AIM, 1.03), (Fixed(35, 310), 0.97)])
def test_sky_brightness_behind_an_ordinary_lens(aim, wrong):
    """Nobody says where the camera looks: site, time and about the scale of its lens are enough."""
    quiet = Conditions(SITE, satellites_per_hour=0, meteors_per_hour=0, hills=False)
    plates, curves = Plates(), Curves()
    for n, mag in enumerate((21.6, 19.5)):
        start = NIGHT + timedelta(minutes=40 * n)
        image, truth = render_with_truth(SMALL, aim, start, 15.0, 1600, replace(quiet, zenith_mag=mag))
        frame = frame_of(image, n, start=start, exposure_s=15.0, kind="mosaic", top=16383.0, offset=600.0)
        look = Look(frame, Camera(SITE, SMALL.scale_arcsec * wrong))
        look.solution = plates.solve(look)
        assert look.solution is not None
        ra, dec = look.solution.wcs.sky(599.5, 399.5)
        assert separation_deg(unit_vector(ra, dec), unit_vector(truth.ra_deg, truth.dec_deg)) < 0.05
        assert curves.append(look).sky_mag == pytest.approx(truth.sky_mag, abs=0.12)
    assert curves.no_sky_brightness() == ""


@pytest.mark.parametrize(
    ("camera", "changes", "reason"),
    [
        (Camera(), {}, "the site is not known"),
        (Camera(SITE, lens="perspective"), {}, "no scale is known"),
        (Camera(SITE, 30.0, lens="perspective"), {}, "fit no field"),
        (Camera(SITE, 64.0), {"dark_known": False}, "the dark level is not known"),
        (Camera(SITE, 64.0), {"linear": False}, "tone curve"),
    ],
)
def test_what_is_missing_for_a_sky_brightness_is_said(camera, changes, reason):
    random = np.random.default_rng(1)
    image = (600 + 20 * random.standard_normal((400, 600))).astype(np.uint16)
    frame = frame_of(image, 0, start=NIGHT, kind="mosaic", top=16383.0, offset=500.0)
    look, curves = Look(replace(frame, **changes), camera), Curves()
    look.solution = Plates().solve(look)
    assert curves.append(look).sky_mag is None
    assert reason in curves.no_sky_brightness()


def test_rows_scores_and_sheet(tmp_path):
    import polars

    quiet = Conditions(SITE, satellites_per_hour=0, meteors_per_hour=0, hills=False)
    curves = Curves()
    for n, cover in enumerate((0.0, 0.0, 0.9)):
        start = NIGHT + timedelta(minutes=n)
        image = render(SMALL, AIM, start, 15.0, 1600, replace(quiet, cloud_cover=cover, seed=2))
        curves.append(
            Look(frame_of(image, n, start=start, kind="mosaic", top=16383.0, offset=600.0), Camera(SITE))
        )
    table = polars.read_parquet(curves.write(tmp_path / "curves.parquet"))
    assert table.height == 3
    assert table["stars"][2] < 0.6 * table["stars"][0]
    assert table["cloud"][2] > table["cloud"][1] + 0.3
    assert table["quality_total"][2] < table["quality_total"][1]
    assert table["quality_total"].is_between(0, 1).all()
    again = Curves()
    again.restore(curves.state())
    assert again.table() == curves.table()
    assert curves.picture("Night", SITE).size[0] == 1600


def test_scores_say_what_is_worst():
    """The best tenth of a session is the measure of its focus: three frames as sharp as it ever was, then one of each fault."""
    rows = [(0.12, 0.0, 1.0, 2.9, 1.0)] * 3 + [
        (0.12, 0.0, 1.0, 12.0, 0.9), (0.12, 0.0, 1.0, 3.0, 0.02), (0.94, 0.2, 1.0, 3.0, 1.0), (0.12, 0.0, 1.0, np.nan, 1.0),
    ]  # fmt: skip
    found = scores(*(np.array(column) for column in zip(*rows, strict=True)))
    assert (found.total[:3] > 0.9).all()
    trailed = "out of focus or trailed"
    assert found.reasons() == ["", "", "", trailed, "clouds", "badly exposed", trailed]
    assert found.focus[6] == 0
    assert scores(*np.empty((5, 0))).total.size == 0
