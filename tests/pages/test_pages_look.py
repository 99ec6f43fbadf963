"""How the pages look and what they ask of a browser: three themes, four widths, axe, no stranger."""

import io
import re
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from site_process import Site, quiet_scene

pytestmark = pytest.mark.full

THEMES = ("light", "dark", "night")
WIDTHS = {360: 740, 768: 1024, 1280: 800, 1440: 900}
DARKEST = 8


@pytest.fixture(scope="module")
def unowned():
    """The first run: nobody has an account."""
    with Site.running(quiet_scene(), people=False) as site:
        yield site


PAGES = {
    "tonight": ("otto", "/", "Capturing|fault"),
    "telescope": ("otto", "/telescope/0/", "Tracking"),
    "status": ("otto", "/status/", "running"),
    "timelapses": ("otto", "/timelapses/", "Nothing made yet"),
    "login": (None, "/login/", "Log in"),
    "not-found": ("otto", "/nothing/", "Nothing here"),
    "welcome": (None, "/welcome/#token=abc", "Welcome"),
}


def open_page(request, visit, name: str, **options):
    who, path, words = PAGES[name]
    site = request.getfixturevalue("unowned" if name == "welcome" else "busy")
    opened = visit(site, who, **options)
    opened.page.goto(site.url + path)
    opened.page.get_by_text(re.compile(words)).first.wait_for()
    for picture in {"tonight": ("#frame", ".tele img"), "telescope": (".pan > canvas",)}.get(name, ()):
        opened.page.locator(picture).wait_for()
    return opened, site


def switch(page, theme: str) -> None:
    """Through the menu, as a person does."""
    page.get_by_role("button", name="Theme and brightness").click()
    page.locator(f"#look label:has([value={theme}])").click()
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.dataset.theme") == theme


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole_in_every_theme(request, visit, name, width):
    opened, site = open_page(request, visit, name, width=width, height=WIDTHS[width])
    page = opened.page
    for theme in THEMES:
        switch(page, theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        if width in (360, 1280):
            found = Axe().run(page)
            assert not found.response["violations"], f"{theme}: {found.generate_report()}"
    if width in (360, 1280):
        is_red_in_every_state(page)
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "night", "a theme is kept"
    complaints = [error for error in opened.errors if not (name == "not-found" and "404" in error)]
    assert complaints == []
    strangers = {urlsplit(url).netloc for url in opened.requests if not url.startswith(("data:", "blob:"))}
    assert strangers <= {urlsplit(site.url).netloc}, "a request leaves the host"


def brightest(page) -> tuple[int, int, int]:
    """Largest red, green and blue of all pixels of the page as shown."""
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    return tuple(band[1] for band in picture.getextrema())


def is_red_in_every_state(page) -> None:
    """No pixel with green or blue, whatever is open, focused or wrong."""
    states = [("plain", lambda: None)]
    for name, button in (("theme menu", "Theme and brightness"), ("account menu", "Account")):
        if page.get_by_role("button", name=button).count():
            states.append((name, page.get_by_role("button", name=button).first.click))
    for name, query in (
        ("field", "main :is(input, select):not([type=hidden])"),
        ("button", "main :is(button, a)"),
    ):
        if page.locator(query).count():
            states.append((name, page.locator(query).first.focus))
    if page.locator("#lost").count():
        states.append(("lost", lambda: page.evaluate("document.querySelector('#lost').hidden = false")))
    for name, enter in states:
        page.keyboard.press("Escape")
        enter()
        red, green, blue = brightest(page)
        assert red > 200, "something is to be seen"
        assert max(green, blue) <= DARKEST, f"{name}: green {green}, blue {blue}"


def test_dimmer_darkens_the_whole_night_theme(visit, busy):
    page = visit(busy, theme="night").page
    page.goto(busy.url)
    page.get_by_role("button", name="Theme and brightness").click()
    before = brightest(page)[0]
    page.get_by_label("Dim below").focus()
    page.keyboard.press("Home")
    assert brightest(page)[0] < before * 0.4
    page.reload()
    assert brightest(page)[0] < before * 0.4, "the dimmer is kept"


def test_laptop_shows_the_whole_page_without_scrolling(visit, busy):
    page = visit(busy).page
    page.goto(busy.url)
    page.locator("#now .hud.tl").wait_for()
    assert page.evaluate("document.documentElement.scrollHeight") <= 800


def test_stop_is_on_the_screen_of_a_phone_wherever_it_is_scrolled(visit, busy):
    page = visit(busy, width=360, height=740).page
    page.goto(busy.url)
    page.locator("#now .hud.tl").wait_for()
    for where in (0, 600, 5000):
        page.evaluate(f"scrollTo(0, {where})")
        box = page.get_by_role("button", name="Stop", exact=True).bounding_box()
        assert 0 <= box["y"] <= 740 - box["height"]
        assert box["height"] >= 44, "a finger needs 44 px"


def test_frame_fills_its_place_at_every_width(visit, busy):
    for width, height in WIDTHS.items():
        page = visit(busy, width=width, height=height).page
        page.goto(busy.url)
        page.locator("#frame").wait_for()
        image, view = page.locator("#frame").bounding_box(), page.locator(".sky").bounding_box()
        assert image == view
        assert view["height"] >= 200
