"""Products by name: of folders and sessions, by the command, and live beside a running session."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner
from night_fields import EVENING, Field
from PIL import Image

from sessions.store.manager import SessionManager
from skycam_project.cli.group import Options
from skycam_project.cli.products import products as command
from skycam_project.common.errors import InvalidValueError
from timelapse.following import Follower
from timelapse.night import products
from timelapse.night.reading import looks_like_mosaic
from timelapse.pipeline.errors import CancelledError
from timelapse.pipeline.frames import open_source

FIELD = Field(size=240, stars=90, sky=60.0)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Six pictures with times, one broken, one of another size."""
    place = tmp_path_factory.mktemp("pictures")
    for n in range(6):
        grey = np.clip(FIELD.light(0.2 * n) / 4, 0, 255).astype(np.uint8)
        exif = Image.Exif()
        taken = EVENING + timedelta(seconds=32 * n)
        exif.get_ifd(0x8769)[0x9003] = f"{taken:%Y:%m:%d %H:%M:%S}"
        exif.get_ifd(0x8769)[0x829A] = 30.0
        Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save(place / f"{n}.jpg", quality=95, exif=exif)
    (place / "6.jpg").write_bytes(b"\xff\xd8 not a picture")
    Image.new("RGB", (64, 64)).save(place / "7.jpg")
    return place


@pytest.mark.parametrize("kind", sorted(products.KINDS))
def test_each_kind_of_a_folder(folder, tmp_path, kind):
    seen = []
    made = products.make(
        kind, open_source(folder), {}, tmp_path, lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (6, 6)
    assert made or kind == "meteors"
    for path in made:
        assert path.is_relative_to(tmp_path)
        assert path.stat().st_size > 200
        if path.suffix in (".png", ".jpg"):
            with Image.open(path) as image:
                assert np.asarray(image).std() > 1


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
    made = products.make("stack", source, {"pixels": "mono"}, tmp_path / "out")
    source.close()
    from astropy.io import fits

    with fits.open(tmp_path / "out" / "stack.fits") as file:
        data, used = np.array(file[0].data), file[0].header["STACKCNT"]
    assert used == 4
    assert np.median(data) == pytest.approx(60, abs=2)
    assert {path.name for path in made} == {"stack.png", "stack.fits"}


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
            (live,) = [wait_for(lambda: next(iter((tmp_path / "products").glob("*/roof/live")), None))]
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
            sessions.end_session()
            assert child.wait(50) == 0
        finally:
            follower.close()
    head = orjson.loads((live / ".state" / "head.json").read_bytes())
    assert len(head["direct"]) == len(set(head["direct"])) == 6
    assert len(head["curves"]["rows"]) == 6
    assert (live / "mini.mp4").exists()
