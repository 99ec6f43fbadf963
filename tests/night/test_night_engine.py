"""One engine for all products: killed at any frame it goes on, and no frame counts twice."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import orjson
import pytest
from night_feeder import feed
from PIL import Image

HERE = Path(__file__).parent
FRAMES = 10


def results(folder: Path) -> dict[str, bytes]:
    """Every picture and table, without what names a moment of making."""
    kept = {}
    for path in sorted(folder.rglob("*")):
        if (
            path.is_file()
            and ".state" not in path.parts
            and path.suffix in (".png", ".jpg", ".json", ".fits")
        ):
            kept[path.relative_to(folder).as_posix()] = path.read_bytes()
    return kept


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, feed(folder, FRAMES)


def killed_after(folder: Path, frames: int, save_every: float) -> None:
    """Run the feeder and kill it as soon as it has said so many frames."""
    environment = os.environ | {"PYTHONPATH": f"{HERE}:{HERE.parents[1]}"}
    arguments = [
        sys.executable,
        str(HERE / "night_feeder.py"),
        str(folder),
        str(FRAMES),
        "0.05",
        str(save_every),
    ]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        for _ in range(frames):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_all_products_are_there(whole):
    folder, products = whole
    assert len(products) == FRAMES
    names = set(results(folder))
    assert {
        "keogram.png",
        "keogram-strip.png",
        "stack.png",
        "stack.fits",
        "startrails.jpg",
        "startrails-satellites.jpg",
        "curves.png",
    } <= names
    assert (folder / "mini.mp4").stat().st_size > 1000
    assert (folder / "startrail_film.mp4").stat().st_size > 1000
    assert products.stack.used + sum(products.stack.reasons.values()) == FRAMES
    records = [orjson.loads(path.read_bytes()) for path in sorted((folder / "meteors").glob("*.json"))]
    assert [record["frame"] for record in records] == ["000005"]
    assert 130 < records[0]["length_px"] < 220
    for name in records[0]["files"]:
        assert (folder / "meteors" / name).stat().st_size > 500


def test_films_play_frame_by_frame(whole):
    import av

    folder, _ = whole
    with av.open(str(folder / "startrail_film.mp4")) as film:
        frames = [frame.to_ndarray(format="gray") for frame in film.decode(video=0)]
    assert len(frames) == FRAMES
    assert frames[-1].mean() > frames[0].mean()


@pytest.mark.parametrize(("frames", "save_every"), [(4, 0.0), (7, 0.3)])
def test_killed_it_goes_on_to_the_same_result(whole, tmp_path, frames, save_every):
    killed_after(tmp_path, frames, save_every)
    products = feed(tmp_path, FRAMES)
    assert len(products) == FRAMES
    assert products.stack.used == whole[1].stack.used
    assert products.trails.used == whole[1].trails.used
    assert [row.name for row in products.curves.rows] == [row.name for row in whole[1].curves.rows]
    one, other = results(whole[0]), results(tmp_path)
    assert one.keys() == other.keys()
    for name, data in one.items():
        if name == "stack.fits":
            assert np.allclose(products.stack.image(), whole[1].stack.image(), atol=1e-3)
        elif name.endswith((".png", ".jpg")):
            with Image.open(whole[0] / name) as a, Image.open(tmp_path / name) as b:
                assert np.array_equal(np.asarray(a), np.asarray(b)), name
        else:
            assert data == other[name], name


def test_offered_again_nothing_changes(whole, tmp_path):
    feed(tmp_path, FRAMES)
    before = results(tmp_path)
    again = feed(tmp_path, FRAMES)
    assert again.stack.used == whole[1].stack.used
    assert results(tmp_path) == before


def test_a_damaged_state_begins_anew(whole, tmp_path):
    feed(tmp_path, FRAMES)
    for part in (tmp_path / ".state").glob("0*/stack"):
        part.write_bytes(part.read_bytes()[:1000])
    assert feed(tmp_path, FRAMES).stack.used == whole[1].stack.used
