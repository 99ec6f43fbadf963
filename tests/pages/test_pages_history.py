"""Sessions, one session and the gallery in a real browser: recorded by a real `SessionManager`, read by a person."""

import io
import subprocess
import sys
from datetime import UTC, datetime

import asdf
import numpy as np
import pytest
from astropy.io import fits
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from site_process import ROOT, Site, quiet_scene
from test_pages_look import is_red_in_every_state, switch

from sessions.catalogue.ledger import Ledger
from sessions.store.manager import SessionManager
from tests import history_nights
from tests.history_nights import BRIGHT, PLACE, SHAPE, SIDE

pytestmark = pytest.mark.full
PATIENCE = 20_000


@pytest.fixture(scope="module")
def past():
    """A site with five finished sessions and one that runs."""
    with Site.running(quiet_scene()) as site:
        root = site.data / "sessions"
        paths = history_nights.record(root)
        mirror = [sys.executable, "tests/mirror_sessions.py"]
        subprocess.run(mirror, cwd=ROOT, env=site.environment, check=True)
        clock = history_nights.SetClock(datetime.now(UTC))
        with SessionManager(root, PLACE, instrument="east", clock=clock) as sessions:
            history_nights.fill(sessions.start_session("observation", target="Whole sky"), clock, 4)
            site.names = {
                word: next(p.stem for p in paths if word in p.name)
                for word in ("m-31", "m-42", "ngc-7000", "maintenance")
            }
            site.names["running"] = sessions.active_session.id
            yield site


def open_session(visit, past, word="m-31", who="otto", **options):
    opened = visit(past, who, **options)
    opened.page.set_default_timeout(PATIENCE)
    opened.page.goto(f"{past.url}/sessions/{past.names[word]}/")
    opened.page.locator("#charts canvas").first.wait_for()
    opened.page.locator("#logp .log li").first.wait_for()
    return opened


def pictured(page, query="#thumbs img"):
    page.locator(query).first.wait_for()
    page.wait_for_function(
        "(query) => [...document.querySelectorAll(query)].filter((i) => i.complete && i.naturalWidth).length > 3",
        arg=query,
    )


PAGES = {
    "sessions": ("/sessions/?month=2026-11", ".rows a"),
    "gallery": ("/gallery/?month=2026-11", ".thumbs img"),
    "frames": ("/gallery/?view=frames", ".thumbs img"),
    "session": ("/sessions/{}/", "#charts canvas"),
}


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole_in_every_theme(visit, past, name, width):
    path, there = PAGES[name]
    opened = visit(past, width=width, height=800)
    page = opened.page
    page.goto(past.url + path.format(past.names["m-31"]))
    page.locator(there).first.wait_for(timeout=PATIENCE)
    if name == "session":
        page.locator("#logp .log li").first.wait_for(timeout=PATIENCE)
    for theme in ("light", "dark", "night"):
        switch(page, theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        found = Axe().run(page)
        assert not found.response["violations"], f"{theme}: {found.generate_report()}"
    is_red_in_every_state(page)
    assert opened.errors == []
    assert all(
        url.startswith((past.url, past.url.replace("http", "ws"), "data:", "blob:"))
        for url in opened.requests
    )


def test_calendar_and_filters_lead_to_a_session(visit, past):
    page = visit(past).page
    page.goto(f"{past.url}/sessions/?month=2026-11")
    page.get_by_role("link", name="19 November: 2 sessions").click()
    assert page.locator(".rows a").all_inner_texts()[1:] == ["focus run", "M 31"]
    assert page.locator(".nights h2").all_inner_texts() == ["Running", "Night of 19 November"]
    page.get_by_role("link", name="Show all").click()
    page.get_by_label("Type").select_option("maintenance")
    page.get_by_role("button", name="Apply").click()
    assert page.locator(".nights h2").all_inner_texts() == ["Running", "Night of 19 November"]
    page.get_by_role("link", name="Show all").click()
    page.locator(".targets").get_by_role("link", name="M 31").click()
    page.locator(".rows").last.get_by_role("link", name="M 31").click()
    page.wait_for_url(f"{past.url}/sessions/{past.names['m-31']}/")
    assert page.get_by_role("heading", level=1).inner_text() == "M 31, night of 19 November"


def test_strip_shows_the_frames_that_were_taken(visit, past):
    page = open_session(visit, past).page
    pictured(page)
    shot = page.locator("#thumbs .view").first.screenshot()
    picture = np.asarray(Image.open(io.BytesIO(shot)).convert("L")).astype(int)
    # The thumbnail is cropped to a square around the middle of the frame.
    side, (height, width) = picture.shape[0], SHAPE
    scale = side / height
    left = (BRIGHT[1] - (width - height) / 2 + SIDE / 2) * scale
    top = (BRIGHT[0] + SIDE / 2) * scale
    assert picture[int(top), int(left)] > 200, "the bright square"
    assert np.median(picture) < 90, "the sky"


def test_lightbox_goes_through_the_frames_by_keyboard(visit, past):
    opened = open_session(visit, past)
    page = opened.page
    pictured(page)
    page.locator("#thumbs button").nth(1).focus()
    page.keyboard.press("Enter")
    page.locator("#lightbox .view img").wait_for()
    first = page.locator("#lb-h").inner_text()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("(before) => document.querySelector('#lb-h').textContent !== before", arg=first)
    assert "Exposure 20 s" in page.locator("#lightbox dl").inner_text()
    source = page.locator("#lightbox .view img").get_attribute("src")
    page.locator("#lightbox label:has([value=linear])").click()
    page.wait_for_function(
        "(before) => document.querySelector('#lightbox img').getAttribute('src') !== before", arg=source
    )
    assert not Axe().run(page).response["violations"]
    page.keyboard.press("Escape")
    assert not page.locator("#lightbox").is_visible()
    assert opened.errors == []


def test_downloads_open_elsewhere(visit, past, tmp_path):
    page = open_session(visit, past, "m-42", accept_downloads=True).page
    with page.expect_download() as waiting:
        page.get_by_role("link", name="ASDF,").click()
    waiting.value.save_as(tmp_path / "session.asdf")
    with asdf.open(tmp_path / "session.asdf", ignore_unrecognized_tag=True) as file:
        assert file["meta"]["target"] == "M 42"
        assert np.array_equal(np.array(file["cameras"]["main"]["frames"][2]), history_nights.frame(2))
    pictured(page)
    page.locator("#thumbs button").nth(1).click()
    with page.expect_download() as waiting:
        page.locator("#lightbox").get_by_role("link", name="FITS").click()
    waiting.value.save_as(tmp_path / "frame.fits")
    with fits.open(tmp_path / "frame.fits") as units:
        assert units[0].data[BRIGHT] == 30_000 and units[0].header["OBJECT"] == "M 42"


def test_log_is_filtered_searched_and_goes_on(visit, past):
    page = open_session(visit, past).page
    rows = page.locator("#logp .log li")
    assert rows.count() == 100 and "300 rows" in page.locator("#logp footer").inner_text()
    page.get_by_role("button", name="Older rows").click()
    page.wait_for_function("() => document.querySelectorAll('#logp .log li').length === 200")
    page.locator("#logp label:has([value=ERROR])").click()
    page.wait_for_function("() => document.querySelectorAll('#logp .log li').length === 1")
    assert "frame 120 stored" in rows.first.inner_text()
    page.locator("#logp label:has([value=DEBUG])").click()
    page.get_by_label("Search the log").fill("FRAME 29")
    page.wait_for_function("() => document.querySelectorAll('#logp .log li').length === 11")
    page.get_by_label("Search the log").fill("nothing says this")
    page.get_by_text("No row matches").wait_for()


def test_charts_are_drawn_with_their_gap_and_as_a_table(visit, past):
    page = open_session(visit, past).page
    figures = page.locator("#charts figure")
    assert figures.count() >= 6
    assert "Temperature" in figures.first.inner_text() and "lens" in figures.first.inner_text()
    shot = np.asarray(
        Image.open(io.BytesIO(figures.first.locator("canvas").screenshot())).convert("RGB")
    ).astype(int)
    blue = (shot[..., 2] > 180) & (shot[..., 0] < 190)
    columns = np.flatnonzero(blue.any(axis=0))
    assert len(columns) > 100 and np.diff(columns).max() > 60, "a line with a gap in it"
    page.get_by_role("button", name="Show as table").click()
    assert page.locator("#charts table").first.locator("tbody tr").count() >= 24
    label = page.get_by_role("button", name="Show as table")
    assert label.get_attribute("aria-pressed") == "true"


def test_an_event_leads_to_the_frame_of_its_moment(visit, past):
    page = open_session(visit, past).page
    assert page.locator("#events li").count() == 2
    page.locator("#events li", has_text="capture gap").get_by_role("button").click()
    page.locator("#lightbox .view img").wait_for()
    assert "frame 12," in page.locator("#lb-h").inner_text()


def test_viewers_read_and_are_told_what_they_may_not(visit, past):
    page = open_session(visit, past, who="vera").page
    for name, role in (("Protect", "operator"), ("Verify", "operator"), ("Delete", "owner")):
        button = page.get_by_role("button", name=name, exact=True).first
        assert button.get_attribute("aria-disabled") == "true"
        button.click(force=True)
        assert page.locator("#act-why").inner_text() == f"Needs the {role} role."
    assert not page.locator("#deletion").is_visible()


def test_operators_protect_and_verify(visit, past):
    page = open_session(visit, past, "ngc-7000").page
    page.get_by_role("button", name="Verify").click()
    page.locator("[data-f=verified]").get_by_text("checksums are right").wait_for()
    button = page.locator("[data-do=protect]")
    button.click()
    page.wait_for_function(
        "() => document.querySelector('[data-do=protect]').getAttribute('aria-pressed') === 'true'"
    )
    page.reload()
    assert page.locator("[data-do=protect]").inner_text() == "Protected"
    page.locator("[data-do=protect]").click()
    page.wait_for_function(
        "() => document.querySelector('[data-do=protect]').getAttribute('aria-pressed') === 'false'"
    )


def test_an_owner_deletes_in_three_steps(visit, past):
    page = open_session(visit, past, "m-42", who="olga").page
    page.get_by_role("button", name="Delete", exact=True).first.click()
    dialog = page.locator("#deletion")
    assert "No other copy is known" in dialog.inner_text()
    assert page.evaluate("document.activeElement.textContent") == "Keep"
    go = dialog.get_by_role("button", name="Delete")
    go.click(force=True)
    assert dialog.is_visible(), "not without the word"
    assert not Axe().run(page).response["violations"]
    dialog.get_by_label("Type delete to go on").fill("delete")
    go.click()
    page.wait_for_url(f"{past.url}/sessions/")
    assert Ledger(past.data / "sessions").unfinished(), "asked for; the processing worker does it"


def test_a_running_session_is_shown_with_its_frames_and_a_way_to_tonight(visit, past):
    page = open_session(visit, past, "running").page
    assert "Running" in page.locator(".page-head").inner_text()
    pictured(page)
    assert page.get_by_role("link", name="ASDF,").count() == 0
    page.locator(".page-head").get_by_role("link", name="Tonight").click()
    page.wait_for_url(f"{past.url}/")


def test_gallery_opens_a_frame_and_its_session(visit, past):
    opened = visit(past)
    page = opened.page
    page.goto(f"{past.url}/gallery/?instrument=dslr")
    pictured(page, ".thumbs img")
    assert page.locator(".nightrow h2").first.inner_text() == "19 November, M 31"
    page.locator(".thumbs button").first.click()
    page.locator("#lightbox .view img").wait_for()
    page.locator("#lightbox").get_by_role("link", name="Session").click()
    page.wait_for_url(f"{past.url}/sessions/{past.names['m-31']}/")
    assert opened.errors == []


def test_every_frame_is_in_the_gallery_newest_first(visit, past):
    page = visit(past).page
    page.goto(f"{past.url}/gallery/?view=frames&instrument=dslr")
    page.locator(f"[data-session={past.names['m-31']}] .thumbs li").first.wait_for()
    page.wait_for_function(
        "(id) => document.querySelectorAll(`[data-session=${id}] .thumbs button.thumb`).length === 25",
        arg=past.names["m-31"],
    )
    names = page.locator(f"[data-session={past.names['m-31']}] .thumbs img").evaluate_all(
        "(all) => all.map((i) => i.alt)"
    )
    assert (
        "guide" in names[0]
        and names[1].startswith("Frame 23 of main")
        and names[-1].startswith("Frame 0 of main")
    )


@pytest.mark.parametrize("path", ["/admin/", "/admin/observing_sessions/session/"])
def test_the_admin_runs_under_the_content_policy_and_is_red_at_night(visit, past, path):
    opened = visit(past, "olga", theme="night")
    opened.page.goto(past.url + path)
    opened.page.locator("#content").wait_for()
    picture = Image.open(io.BytesIO(opened.page.screenshot())).convert("RGB")
    red, green, blue = (band[1] for band in picture.getextrema())
    assert red > 200 and max(green, blue) <= 8
    assert opened.errors == []
