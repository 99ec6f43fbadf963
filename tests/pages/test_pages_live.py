"""The page follows the devices, says when it cannot, and finds its way back."""

import re
import signal
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from site_process import Site, quiet_scene

from skycam_project.common.nights import night_label
from tests.pages.conftest import REASON

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def own():
    """A capturing camera in a site of its own, for tests that end its processes and start them again."""
    with Site.running({"cameras": {"default": {"interval_s": 1, "exposure_s": 0.3}}}) as site:
        yield site


def opened(visit, site, path="/", who="otto", **options):
    page = visit(site, who, **options).page
    page.goto(site.url + path)
    expect(page.locator("#live")).to_have_text("Live")
    return page


def frame_number(page) -> int:
    expect(page.locator("#now .hud.tl")).to_have_text(re.compile(r"frame \d+"))
    return int(page.locator("#now .hud.tl").inner_text().split()[-1])


def test_new_frames_replace_the_old_one(visit, own):
    page = opened(visit, own)
    first = frame_number(page)
    expect(page.locator("#now .hud.tl")).to_have_text(f"frame {first + 2}")
    expect(page.locator("#frame")).to_have_attribute(
        "src", re.compile(f"0+{first + 2}-preview|0+{first + 3}-preview")
    )
    expect(page.locator("#headline")).to_have_text("Capturing")
    expect(page.locator("#facts")).to_contain_text("every 1 s")


def test_countdown_goes_on_while_a_frame_is_taken(visit):
    """The host cannot know the next slot then; the page knows it is one interval after the start of this one."""
    with Site.running({"cameras": {"default": {"interval_s": 60, "exposure_s": 40}}}) as site:
        page = opened(visit, site)
        expect(page.locator("#camera-status")).to_have_text("Exposing")
        countdown = page.locator("#capture [data-f=next]")
        expect(countdown).to_have_text(re.compile(r"^[1-5]\d s$"))
        first = int(countdown.inner_text().split()[0])
        page.wait_for_function(
            "first => parseInt(document.querySelector('#capture [data-f=next]').textContent) <= first - 2",
            arg=first,
        )
        expect(page.locator("#exposing")).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]"))


def test_page_survives_a_restart_of_the_server(visit, own):
    page = opened(visit, own)
    page.evaluate("window.same = true")
    before = frame_number(page)
    own.end(own.server)
    expect(page.locator("#lost")).to_contain_text(re.compile(r"Connection lost \d+ s ago, trying"))
    expect(page.locator("#lost")).to_contain_text(re.compile(r"You see the state of \d\d:\d\d:\d\d\."))
    expect(page.locator("#live")).to_have_text("Not live")
    expect(page.locator("#headline")).to_have_text("Not live")
    for panel in ("now", "capture", "session", "system"):
        expect(page.locator(f"#{panel}")).to_have_attribute("data-state", "stale")
    assert page.evaluate("getComputedStyle(document.querySelector('#capture')).borderTopStyle") == "dashed"
    own.start_server()
    expect(page.locator("#lost")).to_be_hidden(timeout=20_000)
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.locator("#capture")).not_to_have_attribute("data-state", "stale")
    assert frame_number(page) > before
    assert page.evaluate("window.same"), "the page was not loaded again"


def test_a_host_that_hangs_is_reported_and_comes_back(visit, own):
    page = opened(visit, own)
    frame_number(page)
    own.host.send_signal(signal.SIGSTOP)
    expect(page.locator("#camera-status")).to_have_text(re.compile("No data"), timeout=15_000)
    expect(page.locator("#reason")).to_contain_text("silent")
    expect(page.locator("#headline")).to_have_text(re.compile("no data"))
    expect(page.locator("#capture")).to_have_attribute("data-state", "stale")
    expect(page.locator("#capture [data-f=next]")).to_have_text("–")
    expect(page.locator("#why")).to_contain_text("does not answer")
    assert page.locator("#live").inner_text() == "Live", "the connection itself is well"
    own.host.send_signal(signal.SIGCONT)
    expect(page.locator("#headline")).to_have_text("Capturing", timeout=15_000)


def test_a_login_that_ended_is_said_and_not_tried_for_ever(visit, own):
    page = opened(visit, own)
    page.context.clear_cookies()
    own.end(own.server)
    own.start_server()
    expect(page.locator("#lost")).to_contain_text("You are logged out.", timeout=20_000)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile("/login/"))


def test_a_fault_says_what_since_when_and_what_to_do(visit, busy):
    page = opened(visit, busy)
    page.locator("li[data-camera=east] button").click()
    expect(page.locator("#camera-status")).to_have_text("Fault")
    what, more = REASON.split(". ", 1)
    expect(page.locator("#reason")).to_contain_text(what)
    expect(page.locator("#reason")).to_contain_text(more)
    expect(page.locator("#reason")).to_contain_text(re.compile(r"Since \d\d:\d\d"))
    expect(page.locator("#headline")).to_have_attribute("data-s", "fault")


def test_thumbnails_choose_the_camera_and_the_choice_is_kept(visit, busy):
    page = opened(visit, busy)
    east = page.locator("li[data-camera=east] button")
    east.click()
    expect(east).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#frame")).to_have_attribute("src", re.compile("/cameras/east/"))
    page.reload()
    expect(page.locator("#frame")).to_have_attribute("src", re.compile("/cameras/east/"))


def test_a_camera_without_a_frame_is_hatched_and_says_so(visit, quiet):
    page = opened(visit, quiet)
    expect(page.locator("#missing")).to_have_text("No frame yet.")
    expect(page.locator("#frame")).to_be_hidden()
    expect(page.locator("#now .hud.tl")).to_be_hidden()


def test_a_preview_that_is_gone_is_said(visit, own):
    page = visit(own).page
    page.route("**/preview/**", lambda route: route.fulfill(status=404))
    page.goto(own.url)
    expect(page.locator("#missing")).to_contain_text("could not be loaded")


def test_names_and_reasons_stay_text(visit, busy):
    page = opened(visit, busy)
    page.locator("li[data-camera=east] button").click()
    expect(page.locator("#now-h")).to_contain_text("<img src=x")
    expect(page.locator("li[data-camera=east] .word")).to_contain_text("<img src=x")
    assert page.locator("img[src=x]").count() == 0
    assert "owned" not in page.title()


def test_an_open_page_follows_processes(visit):
    scene = quiet_scene()
    with Site.running(scene) as site:
        page = opened(visit, site)
        expect(page.locator("#system-status")).to_have_text("All 5 running")
        broken = {"state": "waiting", "restarts": 2, "reason": "killed by SIGKILL", "pid": None}
        site.set_scene(scene | {"processes": {"processing": broken}})
        expect(page.locator("#system-status")).to_have_text("1 of 5")
        expect(page.locator("#processes")).to_contain_text("waiting: killed by SIGKILL")
        page.goto(site.url + "/status/")
        expect(page.locator("#headline")).to_have_text("Not running: processing")
        row = page.get_by_role("row", name="processing")
        expect(row).to_contain_text("killed by SIGKILL")
        expect(row).to_contain_text("2")
        expect(page.locator("#parts")).to_contain_text("the broker does not answer")


def test_a_hidden_page_draws_nothing(visit, own):
    page = visit(own).page
    page.add_init_script("let gone = false; Object.defineProperty(document, 'hidden', { get: () => gone }); window.hide = (x) => {"
                         " gone = x; document.dispatchEvent(new Event('visibilitychange')); };")  # fmt: skip
    page.goto(own.url)
    frame_number(page)
    page.evaluate("hide(true)")
    page.wait_for_load_state("networkidle")  # a picture that was on its way may still arrive
    page.evaluate("new Promise(requestAnimationFrame)")
    before = page.locator("main").inner_html()
    page.wait_for_timeout(2500)  # two frames were taken meanwhile
    assert page.locator("main").inner_html() == before
    page.evaluate("hide(false)")
    expect(page.locator("#session [data-f=frames]")).not_to_have_text(
        re.search(r'data-f="frames">(\d+)', before)[1]
    )


def test_a_hundred_messages_are_drawn_once(visit, quiet):
    page = opened(visit, quiet)
    drawn = page.evaluate(
        """async () => {
        let socket;
        window.WebSocket = class extends EventTarget { static OPEN = 1; constructor() { super(); socket = this; } close() {} };
        const { Live } = await import("/static/js/live.js");
        const live = new Live("/ws/live/");
        live.open();
        await new Promise(requestAnimationFrame);
        let count = 0, seen;
        live.onchange((now) => { count += 1; seen = now.devices.get("camera/x").version; });
        for (let version = 1; version <= 100; version++) {
            const data = JSON.stringify({ type: "state", device: "camera/x", version, epoch: "e", time: "2026-11-20T18:00:00Z", data: {} });
            socket.dispatchEvent(new MessageEvent("message", { data }));
        }
        await new Promise((done) => setTimeout(done, 200));
        return [count, seen];
    }"""
    )
    assert drawn == [1, 100]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Auckland", "America/St_Johns"])
def test_night_is_named_as_the_server_names_it(visit, quiet, zone):
    """Both halves of the project agree at every hour around noon, midnight, new year and the changes of the clocks."""
    days = [(2026, 3, 29), (2026, 10, 25), (2026, 12, 31), (2027, 1, 1), (2026, 4, 5), (2026, 9, 27)]
    moments = [
        datetime(*day, tzinfo=UTC) + timedelta(minutes=30 * step) for day in days for step in range(-1, 97)
    ]
    page = opened(visit, quiet)
    labels = page.evaluate(
        """async ([zone, moments]) => {
        const { Local } = await import("/static/js/format.js");
        const local = new Local(zone);
        return moments.map((ms) => local.night(ms));
    }""",
        [zone, [moment.timestamp() * 1000 for moment in moments]],
    )
    assert labels == [night_label(moment, ZoneInfo(zone)) for moment in moments]


def test_numbers_are_written_as_the_guide_says(visit, quiet):
    page = opened(visit, quiet)
    wanted = {
        "num(-1.94, 1)": "−1.9", "num(-0.01, 1)": "0.0", "num(9999)": "9999", "num(12418)": "12\u202f418", "num(null)": "–",
        "num(NaN, 2)": "–", "span(22)": "22 s", "span(240)": "4 min", "span(8340)": "2 h 19 min", "span(5399)": "1 h 30 min",
        "span(undefined)": "–", "exposureText(30)": "30 s", "exposureText(0.5)": "0.5 s", "exposureText(0.004)": "1/250 s",
        "exposureText(1.3)": "1.3 s", "exposureText(null)": "–", "apertureText(2.8)": "f/2.8", "apertureText(4)": "f/4",
        "gainText(1600, 'ISO')": "ISO 1600", "gainText(60, '')": "gain 60", "bytes(27600000)": "27.6 MB", "bytes(0)": "0 B",
        "bytes(999600)": "1.00 MB", "bytes(412e9)": "412 GB", "bytes(null)": "–", "room(412e9, 24.3e6, 60)": "11 d",
        "room(90e9, 24.3e6, 60)": "61 h", "room(1e9, 25e6, 60)": "40 min", "room(1e9, 0, 60)": None,
    }  # fmt: skip
    got = page.evaluate(
        f"""async () => {{
        const {{ num, span, exposureText, apertureText, gainText, bytes, room }} = await import("/static/js/format.js");
        return [{", ".join(wanted)}];
    }}"""
    )
    assert dict(zip(wanted, got, strict=True)) == wanted
