"""Which session a telescope's frame belongs to, and what is laid out of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from sessions.store.manager import SessionManager
from sessions.store.reading import open_session
from telescope.dwarf.frame import Exposure, Frame
from telescope.dwarf.session.state import Board
from telescope.preview import stretched
from telescope.sink import TelescopeSink

HELD = {"telescope": {"holding": ["7"]}}


@pytest.fixture
def sessions(tmp_path):
    with SessionManager(tmp_path / "sessions", instrument="telescope-0") as manager:
        yield manager


@pytest.fixture
def sink(sessions, tmp_path):
    board = Board()
    board.set("mount", target_name="M 31", target_ra_hours=0.7123, target_dec_deg=41.269, position_known=True)
    board.set("filters", names=("VIS", "Astro"), position=1)
    made = TelescopeSink(sessions, board, tmp_path / "images", tmp_path / "previews")
    made.board = board
    return made


def frame(folder: Path, number: int = 1, light: bool = True) -> Frame:
    path = folder / f"{number:06d}.fits"
    rows, columns = np.mgrid[:2180, :3856]
    pixels = ((rows % 2 * 2 + columns % 2) * 1000 + columns % 997).astype(np.uint16)
    fits.PrimaryHDU(pixels).writeto(path)
    start = datetime.now(UTC) + timedelta(seconds=number)
    return Frame(path, Exposure(15.0, 60, light), start, start + timedelta(seconds=15), temperature_c=12.0)


def state(parked: bool = False, clients=HELD) -> dict:
    return {"mount": {"parked": parked}, "clients": clients}


async def test_the_first_light_frame_opens_an_observation_named_after_the_target(sink, sessions, tmp_path):
    taken = frame(tmp_path)
    content = taken.path.read_bytes()
    name = await sink.frame(taken)
    session = sessions.active_session
    assert (session.type, session.target) == ("observation", "M 31")
    assert name == f"{session.id}/000000"
    assert taken.path.read_bytes() == content, "the host still needs its file"
    path = sessions.end_session()
    with open_session(path) as file:
        assert file["cameras"]["tele"]["originals"][0][:].tobytes() == content
        (row,) = file["cameras"]["tele"]["frame_table"]
        assert (row["exposure_us"], row["gain"], row["filter"]) == (15_000_000, 60.0, "Astro")
        assert file["meta"]["target_coords"]["ra"] == pytest.approx(10.6845)


async def test_a_dark_opens_nothing(sink, sessions, tmp_path):
    await sink.frame(frame(tmp_path, light=False))
    assert sessions.active_session.type == "idle"


@pytest.mark.parametrize(("dec_deg", "same"), [(41.9, True), (43.0, False)])
async def test_a_target_more_than_a_degree_away_is_another_session(sink, sessions, tmp_path, dec_deg, same):
    await sink.frame(frame(tmp_path, 1))
    first = sessions.active_session.id
    sink.board.set("mount", target_name="elsewhere", target_dec_deg=dec_deg)
    await sink.frame(frame(tmp_path, 2))
    assert (sessions.active_session.id == first) is same


@pytest.mark.parametrize(
    ("seen", "ends"),
    [(state(), False), (state(parked=True), True), (state(clients={"telescope": {"holding": []}}), True)],
)
async def test_an_observation_ends_on_park_and_with_the_last_client(sink, sessions, tmp_path, seen, ends):
    await sink.frame(frame(tmp_path))
    sink.watch(seen)
    assert (sessions.active_session.type == "idle") is ends


async def test_pixels_are_laid_out_in_alpacas_order_and_cropped_about_the_centre(sink, tmp_path):
    taken = frame(tmp_path)
    number = await sink.frame(taken)
    image = await sink.image(taken, number)
    assert image["shape"] == [3840, 2160]
    laid_out = np.frombuffer((tmp_path / "images" / image["file"]).read_bytes(), "<u2").reshape(3840, 2160)
    with fits.open(taken.path) as file:
        original = np.asarray(file[0].data)
    assert np.array_equal(laid_out.T, original[10:2170, 8:3848])
    for name in ("preview", "thumbnail"):
        with Image.open(tmp_path / "previews" / sink.newest[name]) as picture:
            assert picture.mode == "RGB" and picture.width in (1600, 320)
    second = frame(tmp_path, 2)
    await sink.image(second, await sink.frame(second))
    assert len(list((tmp_path / "images").iterdir())) == 1, "only the newest image is kept"


def test_a_faint_nebula_is_lifted_out_of_the_background():
    generator = np.random.default_rng(1)
    pixels = generator.normal(500, 10, (400, 600)).astype(np.uint16)
    pixels[100:160, 100:160] += 25
    pixels[300:304, 400:404] = 4000
    picture = stretched(pixels)
    assert picture.shape == (200, 300, 3)
    background, nebula = picture[10:40, 200:280].mean(), picture[52:78, 52:78].mean()
    assert nebula > background + 20
    assert picture[150:152, 200:202].min() > 200, "a star is white"


async def test_clouds_before_the_telescope_are_an_event(sink, sessions, tmp_path):
    sink.board.set("mount", tracking=True, tracking_active=True)
    random = np.random.default_rng(3)
    sky = random.normal(500, 12, (2180, 3856))
    starry = sky.copy()
    for x, y in zip(random.integers(20, 3800, 60), random.integers(20, 2100, 60), strict=True):
        starry[y - 2 : y + 3, x - 2 : x + 3] += 2500
    counts = []
    for number, pixels in enumerate([starry, starry, starry, sky, sky]):
        taken = frame(tmp_path, number)
        fits.PrimaryHDU(pixels.astype(np.uint16)).writeto(taken.path, overwrite=True)
        name = await sink.frame(taken)
        await sink.image(taken, name)
        counts.append(sink.newest["stars"])
    assert min(counts[:3]) >= 40 and max(counts[3:]) <= 10
    with open_session(sessions.end_session()) as file:
        assert file["telemetry"]["stars"].column("value") == counts
        assert "cloud_detected" in [row["event"] for row in file["observability"]["events"]]


async def test_flats_are_a_session_of_their_own(sink, sessions, tmp_path):
    taken = frame(tmp_path, 1)
    await sink.frame(replace(taken, exposure=Exposure(0.1, 60, flat=True)))
    assert (sessions.active_session.type, sessions.active_session.purpose) == ("alignment", "flats")
    sink.watch(state(parked=True))
    assert sessions.active_session.type == "alignment", "flats are taken parked"
    await sink.end_calibration()
    assert sessions.active_session.type == "idle"
    await sink.frame(replace(frame(tmp_path, 2), exposure=Exposure(0.1, 60, flat=True)))
    await sink.frame(frame(tmp_path, 3))
    assert sessions.active_session.type == "observation"
