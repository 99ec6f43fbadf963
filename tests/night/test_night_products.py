"""Products by name: of folders and sessions, by the command, and live beside a running session."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner
from night_fields import EVENING, Field, save_jpeg
from PIL import Image

from sessions import provenance
from sessions.store.manager import SessionManager
from sky.coordinates import Site
from sky.instruments import DWARF3_TELE
from sky.renderer import AltAz, Conditions, render_with_truth
from skycam_project.cli.group import Options
from skycam_project.cli.products import products as command
from skycam_project.common.errors import InvalidValueError
from timelapse import makers, sidecar  # noqa: F401 - makers registers how products are made again
from timelapse.following import Follower
from timelapse.night import products
from timelapse.night.reading import looks_like_mosaic
from timelapse.pipeline.errors import CancelledError
from timelapse.pipeline.frames import open_source

FIELD = Field(size=256, stars=100, sky=60.0)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Six pictures with times, one broken, one of another size."""
    place = tmp_path_factory.mktemp("pictures")
    for n in range(6):
        save_jpeg(place, n, np.clip(FIELD.light(0.2 * n) / 4, 0, 255).astype(np.uint8))
    (place / "6.jpg").write_bytes(b"\xff\xd8 not a picture")
    Image.new("RGB", (64, 64)).save(place / "7.jpg")
    return place


@pytest.mark.parametrize("kind", sorted(products.KINDS))
def test_each_kind_of_a_folder(folder, tmp_path, kind):
    seen = []
    made = products.make(
        kind, open_source(folder), {}, tmp_path, lambda done, total: seen.append((done, total))
    ).files
    assert seen[-1] == (6, 6)
    assert made or kind == "meteors"
    for path in made:
        assert path.is_relative_to(tmp_path)
        assert path.stat().st_size > 200
        if path.suffix in (".png", ".jpg"):
            with Image.open(path) as image:
                assert np.asarray(image).std() > 1


def test_star_trails_of_pictures_keep_the_pictures_tones(folder, tmp_path):
    """JPEGs are no counts: their sky, 15 of 255, must not be stretched once more."""
    products.make("startrails", open_source(folder), {}, tmp_path)
    with Image.open(tmp_path / "startrails.jpg") as trails, Image.open(folder / "0.jpg") as frame:
        assert abs(float(np.median(np.asarray(trails))) - float(np.median(np.asarray(frame)))) <= 3


@pytest.mark.parametrize(
    ("options", "field"),
    [({"fps": 0}, "fps"), ({"fps": True}, "fps"), ({"colour": 1}, "options"), ({"lens": "cubic"}, "lens"),
     ({"latitude_deg": 91}, "latitude_deg"), ({"fps": "many"}, "fps")],
)  # fmt: skip
def test_a_wrong_option_names_itself(options, field):
    with pytest.raises(InvalidValueError) as error:
        products.checked("mini", options)
    assert error.value.field == field


def test_cancelled_it_goes_on_later(folder, tmp_path):
    asked = iter([False, False, True])
    with pytest.raises(CancelledError):
        products.make("startrails", open_source(folder), {}, tmp_path, cancelled=lambda: next(asked))
    seen = []
    products.make("startrails", open_source(folder), {}, tmp_path, lambda done, total: seen.append(done))
    fresh = tmp_path / "fresh"
    products.make("startrails", open_source(folder), {}, fresh)
    assert (fresh / "startrails.jpg").read_bytes() == (tmp_path / "startrails.jpg").read_bytes()


def test_the_command_makes_lists_and_refuses(folder, tmp_path):
    run = CliRunner()
    made = run.invoke(
        command, ["make", "keogram", str(folder), "-o", str(tmp_path), "--output", "json"], obj=Options(None)
    )
    assert made.exit_code == 0, made.output
    report = orjson.loads(made.stdout)
    assert report["frames"] == 6
    assert {problem["name"] for problem in report["left_out"]} == {"6.jpg", "7.jpg"}
    assert Path(report["files"][0]).name == "keogram.png"
    record = orjson.loads((tmp_path / "provenance.json").read_bytes())
    assert record["kind"] == "keogram"
    listed = orjson.loads(run.invoke(command, ["list", "--output", "json"], obj=Options(None)).stdout)
    assert set(listed) == set(products.KINDS)
    for arguments in (["make", "aurora", str(folder)], ["make", "mini", str(folder), "--set", "fps=900"]):
        entry = [
            sys.executable,
            "-m",
            "skycam_project.cli",
            "products",
            *arguments,
            "-o",
            str(tmp_path / "x"),
        ]
        refused = subprocess.run(entry, capture_output=True, text=True, cwd=ROOT, check=False)
        assert refused.returncode == 2
        assert len(refused.stderr.strip().splitlines()) == 1


def session(root: Path) -> SessionManager:
    return SessionManager(root, {"lat": 46.0, "lon": 7.5, "alt": 500.0}, instrument="roof")


def add(running, n: int) -> None:
    pixels = FIELD.pixels(FIELD.light(0.2 * n), n)
    running.add_frame("roof", pixels, time=EVENING + timedelta(seconds=32 * n), exposure_us=30_000_000)


def test_arrays_of_a_session_keep_their_counts(tmp_path):
    with session(tmp_path / "sessions") as sessions:
        running = sessions.start_session("observation", target="sky")
        for n in range(4):
            add(running, n)
        path = sessions.end_session()
    source = open_source(path)
    made = products.make("stack", source, {"pixels": "mono"}, tmp_path / "out").files
    source.close()
    from astropy.io import fits

    with fits.open(tmp_path / "out" / "stack.fits") as file:
        data, used = np.array(file[0].data), file[0].header["STACKCNT"]
    assert used == 4
    assert np.median(data) == pytest.approx(60, abs=2)
    assert {path.name for path in made} == {"stack.png", "stack.fits"}


def test_a_telescopes_frames_are_solved(tmp_path):
    """By the optics and directions of its session: the stack lies by plates, and the sky has a brightness."""
    import polars

    tele = replace(DWARF3_TELE, sensor=replace(DWARF3_TELE.sensor, width=1280, height=960))
    calm = Conditions(Site(46.0, 7.5, 500.0), satellites_per_hour=0, hills=False)
    info = {"model": "DWARF 3 tele", "pixel_size_um": 2.0, "focal_length_mm": 150.0, "bayer_pattern": "RGGB"}
    with session(tmp_path / "sessions") as sessions:
        running = sessions.start_session("observation", target="sky")
        for n in range(4):
            start = EVENING + timedelta(minutes=5 * n)
            pixels, truth = render_with_truth(tele, AltAz(30.0, 38.0), start, 15.0, 60, calm, seed=n)
            running.add_frame(
                "tele", pixels, info=info, time=start, exposure_us=15_000_000, ra_deg=30.3, dec_deg=37.9
            )
        path = sessions.end_session()
    source = open_source(path)
    made = products.make("night", source, {"offset_adu": 200}, tmp_path / "out")
    source.close()
    assert made.found["placed_by"] == {"plate": 3, "pattern": 0}
    assert made.found["stacked"] == 4
    rows = polars.read_parquet(tmp_path / "out" / "curves.parquet")
    np.testing.assert_allclose(rows["sky_mag"], truth.sky_mag, atol=0.1)


def test_a_mosaic_is_told_from_a_grey_picture():
    random = np.random.default_rng(0)
    grey = random.normal(500, 20, (200, 200)).astype(np.uint16)
    mosaic = grey.copy()
    mosaic[0::2, 0::2] = mosaic[0::2, 0::2] * 0.8
    assert not looks_like_mosaic(grey)
    assert looks_like_mosaic(mosaic)


def wait_for(what, seconds: float = 50.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def test_products_follow_a_running_session(tmp_path, monkeypatch):
    """A child is killed in the middle of the night; when the session ends every frame is in, once."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with session(tmp_path / "sessions") as sessions:
        follower = Follower(tmp_path / "sessions", tmp_path / "products")
        try:
            follower.look(0.0)
            assert not follower._children  # nobody observes
            running = sessions.start_session("observation", target="sky")
            for n in range(3):
                add(running, n)
            follower.look(1.0)
            (live,) = [wait_for(lambda: next(iter((tmp_path / "products").glob("*/roof/night-*")), None))]
            wait_for(lambda: (live / "keogram.png").exists())
            (child,) = follower._children.values()
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            for n in range(3, 6):
                add(running, n)
            follower.look(2.0)
            assert not follower._children  # not at once
            follower.look(400.0)
            wait_for(lambda: (live / "curves.png").exists() and (live / "keogram.png").exists())
            (child,) = follower._children.values()
            path = sessions.end_session()
            assert child.wait(50) == 0
        finally:
            follower.close()
    import polars

    assert len(polars.read_parquet(live / "curves.parquet")) == 6
    facts = sidecar.read(live)
    assert (facts.kind, facts.instrument, facts.session) == ("night", "roof", path.stem)
    assert {"keogram.png", "mini.mp4", "startrails.jpg"} <= {file["name"] for file in facts.files}
    assert not (live / ".state").exists()
    again = provenance.reproduce(live, tmp_path / "sessions")
    assert [(one.path, one.likeness) for one in again.outputs if not one.ok] == []
    assert again.ok
    (season,) = (tmp_path / "products").glob("seasons/roof/season")
    long_term = sidecar.read(season)
    assert (long_term.kind, long_term.instrument, long_term.night) == ("season", "roof", "2026-11-10")
    assert [file["name"] for file in long_term.files] == ["season.png"]
    assert provenance.reproduce(season).ok
    before = {one.path: one.sha256 for one in again.record.outputs}
    (live / "provenance.json").unlink()  # as if the machine had stopped before the session was a file
    (live / ".state").mkdir()
    follower = Follower(tmp_path / "sessions", tmp_path / "products")
    try:
        follower.look(0.0)
        (child,) = follower._children.values()
        assert child.wait(50) == 0
    finally:
        follower.close()
    assert {one.path: one.sha256 for one in provenance.read(live).outputs} == before
    assert sidecar.read(live).uuid == facts.uuid
    assert not (live / ".state").exists()
    assert again.record.parameters["found"]["gaps"] == {"no dark for 30 s": 6, "no flat for roof": 6}
    assert sidecar.read(season).uuid == long_term.uuid
    assert provenance.reproduce(season).ok
