"""Every product has a quality, near the one of the whole night, whatever it is made of."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner
from night_fields import EVENING, Field, frame_of, save_jpeg

from sky.coordinates import Site
from skycam_project.cli.group import Options
from skycam_project.cli.products import products as command
from skycam_project.common.nights import site_zone
from timelapse.night.engine import PARTS, NightProducts, Wishes
from timelapse.night.frames import Camera, Look
from timelapse.night.grades import EVERY, Grades
from timelapse.night.kinds import KINDS
from timelapse.night.season import Season, scores_of

FIELD = Field(size=256, stars=120)
FRAMES = 24
NOON = EVENING.replace(hour=11)
ALPS = Site(46.0, 7.5)


def night():
    """Frames of which the middle third is behind clouds, and the last ones are out of focus."""
    blurred = Field(size=256, stars=120, fwhm=6.0)
    for n in range(FRAMES):
        field = blurred if n >= 18 else FIELD
        light = field.light(0.1 * n)
        if 8 <= n < 16:
            light = 0.02 * (light - field.sky) + 3 * field.sky
        yield frame_of(field.pixels(light, n), n)


def scored(folder: Path, parts: frozenset[str]) -> dict[str, float]:
    products = NightProducts(folder, Camera(), Wishes(parts))
    for frame in night():
        products.append(frame)
    return products.scores()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> float:
    return scored(tmp_path_factory.mktemp("whole"), frozenset(PARTS))["quality"]


@pytest.mark.parametrize("part", PARTS)
def test_a_product_alone_is_as_good_as_the_whole_night(tmp_path, whole, part):
    assert 0.1 < whole < 0.8
    assert scored(tmp_path, frozenset({part}))["quality"] == pytest.approx(whole, abs=0.03)


def test_a_film_looks_for_the_stars_of_few_frames(tmp_path):
    products = NightProducts(tmp_path, Camera(), Wishes(frozenset({"mini"})))
    for frame in night():
        products.append(frame)
    assert len(products.curves.rows) == FRAMES / EVERY


def test_it_goes_on_after_a_crash(tmp_path):
    parts = frozenset({"keogram"})
    frames = list(night())
    one = NightProducts(tmp_path / "one", Camera(), Wishes(parts))
    first = NightProducts(tmp_path / "two", Camera(), Wishes(parts))
    for frame in frames:
        one.append(frame)
    for frame in frames[:10]:
        first.append(frame)
    first.save()
    second = NightProducts(tmp_path / "two", Camera(), Wishes(parts))
    for frame in frames[10:]:
        second.append(frame)
    assert second.scores() == one.scores()


def test_daylight_is_judged_as_a_picture():
    """Stars are no measure there; a frame that is burnt out is worse than one that is not."""
    random = np.random.default_rng(1)
    ground = random.uniform(3000, 30000, (120, 160))
    light = np.repeat(np.repeat(ground, 4, axis=0), 4, axis=1)
    found = []
    for gain in (1.0, 6.0):
        grades = Grades(whole=False)
        for n in range(5):
            image = np.clip(gain * light + random.normal(0, 30, light.shape), 0, 65535).astype(np.uint16)
            grades.append(Look(frame_of(image, n, start=NOON + timedelta(seconds=n)), Camera(ALPS)))
        assert not grades.curves.rows
        found.append(grades.quality())
        again = Grades(whole=False)
        again.restore(orjson.loads(orjson.dumps(grades.state())))
        assert again.quality() == found[-1]
    assert 0.5 < found[0] <= 1
    assert found[1] < found[0] - 0.2


def test_of_nothing_there_is_no_quality(tmp_path):
    assert NightProducts(tmp_path, Camera(), Wishes(frozenset({"mini"}))).scores() == {}
    assert scores_of(tmp_path, site_zone()) == {}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_command_says_it_for_every_kind(tmp_path, kind):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(5):
        save_jpeg(pictures, n, np.clip(FIELD.light(0.2 * n) / 20, 0, 255).astype(np.uint8))
    out = tmp_path / "out"
    made = CliRunner().invoke(
        command, ["make", kind, str(pictures), "-o", str(out), "--output", "json"], obj=Options(None)
    )
    assert made.exit_code == 0, made.output
    quality = orjson.loads(made.stdout)["scores"]["quality"]
    assert 0 < quality <= 1
    record = orjson.loads((out / "provenance.json").read_bytes())
    assert record["parameters"]["scores"] == {"quality": quality}


def test_nights_of_a_long_term_keogram_share_its_quality(tmp_path):
    season = Season(tmp_path, site_zone())
    products = NightProducts(tmp_path / "night", Camera(), Wishes(frozenset({"keogram"})))
    for frame in night():
        products.append(frame)
    season.add(products.keogram, 0.9)
    assert season.quality() == 0.9
    season.add(products.keogram, 0.5)  # the same frames anew
    assert season.quality() == 0.5
    season.add(products.keogram)  # by somebody who does not know
    assert season.quality() is None
