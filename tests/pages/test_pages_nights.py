"""A night's pictures and curves on `/timelapses/`; beside what has none there is nothing."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from site_process import ROOT, Site, quiet_scene
from test_pages_look import THEMES, brightest, switch
from test_pages_timelapses import until

from timelapse import sidecar
from timelapse.night import drawing
from timelapse.night.films import encode
from timelapse.night.products import files_of

pytestmark = [pytest.mark.full, pytest.mark.timeout(120)]
FIND = "import django; django.setup(); from timelapse import products; products.find_all()"
NIGHT = "2026/night of <i>stars</i>"


@pytest.fixture(scope="module")
def nights() -> Iterator[Site]:
    """With a whole night, a keogram alone and a timelapse."""
    with Site.running(quiet_scene()) as site:
        make_products(site)
        yield site


def make_products(site: Site) -> None:
    products = site.data / "products" / "2026-11-10" / "roof"
    for kind, title in (("timelapse", "A film"), ("keogram", "Keogram alone"), ("night", NIGHT)):
        home = products / f"{kind}-1"
        write_keogram(home)
        if kind == "night":
            write_night(home)
        files = sidecar.files_of(home, files_of("night", home))
        facts = sidecar.Facts(
            kind=kind,
            title=title,
            night="2026-11-10",
            instrument="roof",
            files=files,
            scores={"quality": 0.81},
        )
        sidecar.write(home, facts)
    subprocess.run([sys.executable, "-c", FIND], cwd=ROOT, env=site.environment, check=True)


def write_keogram(home: Path) -> None:
    drawing.save_png(home / "keogram.png", np.full((300, 1600, 3), 70, np.uint8))
    drawing.save_thumbnail(home / "keogram.png", np.full((300, 1600, 3), 70, np.uint8))


def write_night(home: Path) -> None:
    for number, name in enumerate(
        ("startrails.jpg", "startrails-satellites.jpg", "meteors/20261110-221409-0.jpg")
    ):
        drawing.save_jpeg(home / name, np.full((200, 300, 3), 60 + 40 * number, np.uint8))
    (home / "stack.fits").write_bytes(b"SIMPLE")
    drawing.save_png(home / "stack.png", np.full((200, 300, 3), 200, np.uint8))
    encode(home / "meteors" / "20261110-221409-0.mp4", [np.full((128, 192, 3), 90, np.uint8)] * 8, 8)
    minutes = [*range(20), *range(40, 60)]
    curves = {
        "time_ms": [1794340800000 + 60_000 * n for n in minutes],
        "stars": minutes,
        "quality": [0.8] * 40,
    }
    (home / "curves.json").write_bytes(orjson.dumps(curves))


def choose(page, title: str) -> None:
    page.locator("#jobs tbody tr", has_text=title).get_by_role("button", name="Show").click()
    expect(page.locator("#job h2")).to_have_text(title)


def test_a_night_shows_all_its_pictures_and_its_curves(visit, nights):
    opened = visit(nights)
    page = opened.page
    page.goto(f"{nights.url}/timelapses/")
    choose(page, NIGHT)
    expect(page.locator("#plots")).to_be_hidden()
    expect(page.locator("#night figcaption b:first-child")).to_have_text(["Stars", "Quality"])
    expect(page.locator("#night canvas")).to_have_count(2)
    tiles = page.locator("#job .tile")
    expect(tiles).to_have_text(
        ["Keogram", "Star trails", "Trails with satellites", "Stack", re.compile(r"^Meteor, \d\d:14:09$")]
    )
    until(page, "[...document.querySelectorAll('.tile img')].every((one) => one.naturalWidth > 0)")
    expect(page.locator("#job .files a")).to_have_text([re.compile("^Keogram PNG")])
    tiles.nth(3).click()
    expect(tiles.nth(3)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("img", name="Stack, ")).to_be_visible()
    expect(page.locator("#job .files a")).to_have_text([re.compile("^Stack PNG"), re.compile("^Stack FITS")])
    tiles.nth(4).click()
    until(page, "document.querySelector('#film').videoWidth === 192")
    expect(page.locator("#still")).to_be_hidden()
    expect(page.locator("#job [data-f=facts]")).to_contain_text("quality 0.81")
    page.get_by_role("button", name="Show as table").click()
    expect(page.locator("#night table")).to_have_count(2)
    assert opened.errors == []


def test_beside_a_product_without_curves_there_is_nothing(visit, nights):
    page = visit(nights).page
    page.goto(f"{nights.url}/timelapses/")
    choose(page, "Keogram alone")
    for panel in ("#plots", "#night", "#job .tiles"):
        expect(page.locator(panel)).to_be_hidden()
    wide = page.locator("#job").bounding_box()["width"]
    assert wide > 0.95 * page.viewport_size["width"]
    choose(page, "A film")
    expect(page.locator("#plots")).to_be_visible()
    expect(page.locator("#night")).to_be_hidden()


@pytest.mark.parametrize("width", [360, 1280])
def test_a_night_is_whole_in_every_theme(visit, nights, width):
    opened = visit(nights, width=width, height=740)
    page = opened.page
    page.goto(f"{nights.url}/timelapses/")
    choose(page, NIGHT)
    page.locator("#night canvas").first.wait_for()
    for theme in THEMES:
        switch(page, theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        found = Axe().run(page)
        assert not found.response["violations"], f"{theme}: {found.generate_report()}"
    red, green, blue = brightest(page)
    assert red > 200 and max(green, blue) <= 8
    assert opened.errors == []


def test_a_running_night_is_not_done_and_cannot_be_deleted(visit, nights):
    session = "observation_roof_20261111_200000"
    partial = nights.data / "sessions" / ".live" / f"{session}.partial"
    partial.mkdir(parents=True)
    home = nights.data / "products" / "2026-11-11" / "roof" / f"night-{session}"
    write_keogram(home)
    facts = {
        "kind": "night",
        "title": "Tonight",
        "night": "2026-11-11",
        "instrument": "roof",
        "session": session,
    }
    sidecar.write(home, sidecar.Facts(**facts, files=sidecar.files_of(home, files_of("night", home))))
    subprocess.run([sys.executable, "-c", FIND], cwd=ROOT, env=nights.environment, check=True)
    page = visit(nights).page
    page.goto(f"{nights.url}/timelapses/")
    row = page.locator("#jobs tbody tr", has_text="Tonight")
    expect(row).to_contain_text("Grows every minute")
    expect(row.get_by_role("button", name="Delete")).to_have_count(0)
    row.get_by_role("button", name="Show").click()
    expect(page.locator("#job [data-f=state]")).to_contain_text("Grows every minute")
    partial.rmdir()
    page.reload()
    expect(row).to_contain_text("Done")
    expect(row.get_by_role("button", name="Delete")).to_have_count(1)
