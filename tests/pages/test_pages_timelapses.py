"""`/timelapses/` with a real worker behind it: a film from the form to the player."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect
from site_process import ROOT, Site, quiet_scene
from test_pages_look import THEMES, brightest, switch
from two_step import confirm

from skycam_project.config.broker import broker_socket
from skycam_project.config.places import runtime_folder
from skycam_project.supervisor.broker import command, find_server

pytestmark = [pytest.mark.full, pytest.mark.timeout(120)]
WORK = """
import django
django.setup()
from timelapse import services
assert services.work_once()
"""
FAILED = """
import django
django.setup()
from timelapse import queue, services
from timelapse.errors import JobError
services.create_timelapse({"fps": 12}, folder="garden", title="East <b>sunrise</b>")
queue.failed(queue.claim(), JobError("Disk was full at 61 %.", final=True))
"""
WAITS = """
import django
django.setup()
from datetime import UTC, datetime, timedelta
from timelapse import queue, services
from timelapse.errors import JobError
from timelapse.models import Job
services.create_timelapse({"fps": 13}, folder="garden", title="Waits")
queue.failed(queue.claim(), JobError("The disk of /data became full.", code="disk_full"))
Job.objects.filter(title="Waits").update(next_try_at=datetime.now(UTC) + timedelta(seconds=80))
"""

MORE = """
import django
django.setup()
from timelapse import services
services.create_timelapse({}, folder="garden", title="Next")
"""


def until(page, expression: str, seconds: float = 20) -> None:
    """Wait for something that only JavaScript sees; the page's policy forbids Playwright's own way."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def garden(folder: Path, frames: int = 60) -> None:
    """A bright disc that sinks, under flicker."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[0:216, 0:384]
    ground = rng.uniform(20, 90, (216, 384))
    for number in range(frames):
        disc = 150.0 * (np.hypot(columns - 190, rows - 40 - number) < 28)
        grey = np.clip((ground + disc) * rng.uniform(0.93, 1.07), 0, 255).astype(np.uint8)
        Image.fromarray(np.stack([grey, grey // 2, grey // 3], -1)).save(folder / f"{number:04d}.jpg")


class Studio:
    """A site with a broker, a folder of images, and a worker when one is asked for."""

    def __init__(self, site: Site, broker: subprocess.Popen) -> None:
        self.site, self.broker, self.url = site, broker, site.url

    def python(self, text: str) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-c", text], cwd=ROOT, env=self.site.environment)


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    site = Site(quiet_scene())
    garden(site.data / "images" / "garden")
    (site.data / "images" / "garden" / "0060.jpg").write_bytes(b"no picture")
    run = runtime_folder(site.data)
    (site.data / "broker").mkdir(exist_ok=True)
    reading, writing = os.pipe()
    broker = subprocess.Popen(
        command(find_server(), broker_socket(run), site.data / "broker"),
        env={**os.environ, "SKYCAM_PARENT_FD": str(reading)}, pass_fds=[reading], stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(reading)
    try:
        site.start_host()
        site.start_server()
        yield Studio(site, broker)
    finally:
        os.close(writing)
        site.close()
        broker.wait(20)


@pytest.fixture(scope="module")
def film(studio) -> Studio:
    """With one finished film and one failed job."""
    make = WORK.replace(
        "assert",
        """services.create_timelapse({"chunk": 24, "outputs": [{"preset": "ultrafast"}], "contact_sheet": True,
        "overlay": {"text": "%H:%M"}}, folder="garden")\nassert""",
    )
    assert studio.python(make).wait(100) == 0
    assert studio.python(FAILED).wait(30) == 0
    return studio


def test_chromium_plays_the_film_and_seeks_in_it(visit, film):
    opened = visit(film.site)
    page = opened.page
    page.goto(f"{film.url}/timelapses/")
    row = page.locator("#jobs tbody tr", has_text="Timelapse, garden")
    row.get_by_role("button", name="Play").click()
    until(page, "document.querySelector('#film').currentTime > 0.5")
    assert page.evaluate("document.querySelector('#film').videoWidth") == 384
    page.evaluate("document.querySelector('#film').currentTime = 1.9")
    until(
        page, "document.querySelector('#film').currentTime > 2.0 && !document.querySelector('#film').seeking"
    )
    assert page.evaluate("document.querySelector('#film').error") is None
    expect(page.locator("#job [data-f=facts]")).to_contain_text("0:02")
    names = page.locator("#job .files a").all_inner_texts()
    assert any(name.startswith("Film MP4") for name in names) and any(
        name.startswith("Poster") for name in names
    )
    with page.expect_download() as download:
        page.get_by_role("link", name="Film MP4").click()
    assert download.value.suggested_filename == "timelapse.mp4"
    assert opened.errors == []


def test_curves_show_what_was_and_what_is_left(visit, film):
    page = visit(film.site).page
    page.goto(f"{film.url}/timelapses/")
    expect(page.locator("#plots canvas")).to_have_count(2)
    before, after = (
        page.locator("[data-f=flicker-rms]").inner_text().removeprefix("rms ").removesuffix(" %").split(" → ")
    )
    assert float(after) < float(before) / 3
    page.locator("#plots summary", has_text="Show as table").click()
    expect(page.locator("#plots tbody tr")).to_have_count(60)


def test_what_frames_could_not_do_stands_beside_the_film(visit, film):
    page = visit(film.site).page
    page.goto(f"{film.url}/timelapses/")
    page.locator("#jobs tbody tr", has_text="Timelapse, garden").get_by_role("button", name="Play").click()
    expect(page.locator("#job [data-f=notes]")).to_have_text(
        "No frame says when it was taken: the text with its time is left out there."
    )
    page.get_by_text("1 frame left out").click()
    expect(page.locator("#job [data-f=left] li")).to_have_text(
        ["0060.jpg: not a picture, or its header is damaged"]
    )
    page.locator("#job summary", has_text="Contact sheet").click()
    until(page, "document.querySelector('#job .sheet img').naturalWidth > 1000")


def test_a_kind_of_sky_fills_the_form_and_stays_free(visit, film):
    page = visit(film.site).page
    page.goto(f"{film.url}/timelapses/")
    page.get_by_role("button", name="New timelapse").click()
    page.get_by_label("Frames of").select_option(label="Folder garden")
    for group in page.locator("#form summary").all():
        group.click()
    flicker, noise, colour = (
        page.get_by_label(name, exact=True) for name in ("Flicker faster than", "Noise reduction", "Colour")
    )
    page.get_by_label("Noise reduction").fill("0.3")
    sky, warmer = page.get_by_label("Kind of sky"), page.locator("#moments [data-moment=temperature_k]")
    sky.select_option("golden")
    expect(page.locator("#profile-values")).to_contain_text("flicker faster than 60 frames, colour 1.05")
    for field, value in ((flicker, "60"), (colour, "1.05"), (warmer, "300"), (noise, "0.3")):
        expect(field).to_have_value(value)
    sky.select_option("night")
    for field, value in ((flicker, "80"), (colour, "1"), (noise, "0.3")):
        expect(field).to_have_value(value)
    expect(warmer).to_have_count(0)
    sky.select_option("blue")
    flicker.fill("40")
    page.get_by_role("button", name="Remove").first.click()
    sent = []
    page.route(
        "**/control/v1/timelapses/", lambda route: sent.append(route.request.post_data_json) or route.abort()
    )
    page.get_by_role("button", name="Start").click()
    until(page, "!document.querySelector('#form-error').hidden")
    recipe = sent[0]["recipe"]
    assert recipe == recipe | {"profile": "blue", "deflicker": 40, "denoise": 0.3, "key_frames": []}
    assert "look" not in recipe
    sky.select_option("")
    expect(flicker).to_have_value("40")
    expect(colour).to_have_value("1")


def test_a_failure_says_why_and_names_are_text(visit, film):
    page = visit(film.site).page
    page.goto(f"{film.url}/timelapses/")
    row = page.locator("#jobs tbody tr", has_text="East <b>sunrise</b>")
    expect(row).to_contain_text("Disk was full at 61 %.")
    row.get_by_role("button", name="Why").click()
    expect(page.locator("#job [data-f=fault]")).to_be_visible()
    expect(page.locator("#job .notice")).to_contain_text("Disk was full at 61 %.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_a_job_that_waits_for_room_says_how_long_and_is_tried_now(visit, film):
    assert film.python(WAITS).wait(30) == 0
    page = visit(film.site).page
    page.goto(f"{film.url}/timelapses/")
    row = page.locator("#jobs tbody tr", has_text="Waits")
    row.get_by_role("button", name="Show").click()
    state = page.locator("#job [data-f=state]")
    expect(state).to_contain_text("Waits for room, looks in")
    before = state.inner_text()
    until(page, f"!document.querySelector('#job [data-f=state]').innerText.includes({before.strip()!r})")
    expect(page.locator("#job .notice")).to_contain_text("It is tried again by itself.")
    page.get_by_role("button", name="Try now").click()
    expect(row).to_contain_text("Waiting")
    expect(page.get_by_role("button", name="Try now")).to_be_hidden()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel? Finished chunks stay.").click()
    expect(row).to_contain_text("Cancelled")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_with_a_film_is_whole_in_every_theme(visit, film, width):
    opened = visit(film.site, width=width, height=740)
    page = opened.page
    page.goto(f"{film.url}/timelapses/")
    page.locator("#plots canvas").first.wait_for()
    page.get_by_role("button", name="New timelapse").click()
    for group in page.locator("#form summary").all():
        group.click()
    page.get_by_role("button", name="Add a moment").click()
    for theme in THEMES:
        switch(page, theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        found = Axe().run(page)
        assert not found.response["violations"], f"{theme}: {found.generate_report()}"
    page.locator("#film").hover()
    red, green, blue = brightest(page)
    assert red > 200 and max(green, blue) <= 8
    assert opened.errors == []


def test_a_viewer_looks_and_is_told_what_is_missing(visit, film):
    page = visit(film.site, "vera").page
    page.goto(f"{film.url}/timelapses/")
    expect(page.locator("#jobs tbody tr", has_text="Timelapse, garden").first).to_be_visible()
    assert page.get_by_role("button", name="Delete").count() == 0
    page.get_by_role("button", name="New timelapse").click()
    expect(page.locator("#form-error")).to_have_text("Needs the operator role.")


def test_folded_fields_become_the_recipe_and_a_wrong_one_is_unfolded(visit, film, tmp_path):
    page = visit(film.site).page
    page.goto(f"{film.url}/timelapses/")
    page.get_by_role("button", name="New timelapse").click()
    page.get_by_label("Frames of").select_option(label="Folder garden")
    page.get_by_label("Kind of sky").select_option("storm")
    for group in page.locator("#form summary").all():
        group.click()
    page.get_by_label("Quality (CRF)").fill("77")
    page.get_by_label("Encoder’s effort").select_option("ultrafast")
    page.get_by_label("Colour", exact=True).fill("1,2")
    page.get_by_label("Lens", exact=True).select_option("straight")
    page.get_by_label("Height of the window").fill("40")
    page.get_by_label("Text", exact=True).fill("%H:%M")
    Image.new("RGBA", (20, 10), "red").save(tmp_path / "logo.png")
    page.locator("#r-overlay-logo").set_input_files(tmp_path / "logo.png")
    for at, zoom in (("0", "1"), ("100", "2")):
        page.get_by_role("button", name="Add a moment").click()
        row = page.locator("#moments tbody tr").last
        row.locator("[data-moment=at]").fill(at)
        row.locator("[data-moment=zoom]").fill(zoom)
    row.locator("[data-moment=speed]").fill("2")
    page.get_by_text("1080p H.264", exact=True).click()
    page.locator("#form summary", has_text="Encoder and files").click()  # folded again
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#r-crf")).to_be_focused()
    expect(page.locator("#form .field > .err")).to_contain_text("0 to 51")
    page.get_by_label("Quality (CRF)").fill("30")
    with page.expect_response(
        lambda answer: answer.request.method == "POST" and answer.status == 201
    ) as made:
        page.get_by_role("button", name="Start").click()
        page.wait_for_timeout(100)
    job = made.value.json()
    if "recipe" not in job:  # the logo's answer came first
        job = page.request.get(f"{film.url}/control/v1/timelapses/").json()["jobs"][0]
        job = page.request.get(f"{film.url}/control/v1/timelapses/{job['uuid']}/").json()
    recipe = job["recipe"]["recipe"]
    assert recipe["profile"] == "storm" and recipe["look"]["saturation"] == 1.2
    assert [(one["codec"], one["crf"], one["preset"]) for one in recipe["outputs"][:1]] == [
        ("h265", 30, "ultrafast")
    ]
    assert [one["name"] for one in recipe["outputs"][1:]] == ["1080p", "preview"]
    assert recipe["lens"] | {"view": "straight", "altitude_deg": 40} == recipe["lens"]
    assert recipe["overlay"]["text"] == "%H:%M" and len(recipe["overlay"]["logo"]) == 64
    assert [(one["at"], one["zoom"]) for one in recipe["key_frames"]] == [(0, 1), (1, 2)]
    assert recipe["speed"]["points"] == [[1, 2]]
    confirm(page.get_by_role("button", name="Cancel"))
    expect(page.locator("#job [data-f=state]")).to_have_text("Cancelled")


def test_from_the_form_over_live_progress_to_the_film(visit, film):
    opened = visit(film.site)
    page = opened.page
    page.goto(f"{film.url}/timelapses/")
    page.get_by_role("button", name="New timelapse").click()
    page.get_by_label("Frames of").select_option(label="Folder garden")
    page.get_by_label("Format").select_option(label="1080p H.264 (plays everywhere)")
    page.get_by_label("Frames per second").fill("999")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#form .field > .err")).to_contain_text("1 to 240")
    expect(page.get_by_label("Frames per second")).to_be_focused()
    page.get_by_label("Frames per second").fill("30")
    page.get_by_label("Title").fill("My garden")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#job h2")).to_have_text("My garden")
    expect(page.locator("#waiting")).to_have_text("1 waiting")
    worker = film.python(WORK)
    expect(page.locator("#running")).to_have_text("1 running", timeout=30000)
    expect(page.locator("#job [data-f=percent]")).to_contain_text("%", timeout=30000)
    seen = set()
    end = time.monotonic() + 60
    while "Done" not in (word := page.locator("#job [data-f=state]").inner_text()) and time.monotonic() < end:
        seen.add(word)
        page.wait_for_timeout(50)
    assert worker.wait(60) == 0
    expect(page.locator("#job [data-f=state]")).to_have_text("Done")
    assert seen & {"Looking at frames", "Making the draft", "Rendering"}, seen
    page.locator("#jobs tr", has_text="My garden").get_by_role("button", name="Play").click()
    until(page, "document.querySelector('#film').currentTime > 0.2")
    row = page.locator("#jobs tr", has_text="My garden")
    delete = row.get_by_role("button", name="Delete")
    delete.focus()
    assert film.python(MORE).wait(30) == 0
    expect(page.locator("#jobs tr", has_text="Next")).to_be_visible()
    expect(delete).to_be_focused()  # rows that stay as they are are not made anew
    confirm(delete)
    expect(row.get_by_role("button", name="Delete")).to_have_count(0)
    assert [error for error in opened.errors if "400" not in error] == [], (
        "the refused form is the one complaint"
    )
