"""The telescope's page and card in a browser: what is shown, what is sent, and what stops."""

import math
import re
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from site_process import Site, quiet_scene
from test_pages_look import DARKEST, brightest, switch
from two_step import confirm

from sky.coordinates import Observer
from sky.coordinates import Site as Place

pytestmark = pytest.mark.full

SCENE = quiet_scene() | {"telescope": {"frames": 1}}
BELOW = (
    "M 42 is at altitude -12.0°, below the limit of 0.0°; choose a target that is up, or wait until it rises"
)


@pytest.fixture(scope="module")
def yard():
    """A site with a connected telescope; tests leave it connected, tracking, with the first scene."""
    with Site.running(SCENE) as site:
        yield site


@pytest.fixture
def scope(visit, yard):
    """The telescope's page of an operator."""
    opened = visit(yard)
    opened.page.goto(f"{yard.url}/telescope/0/")
    expect(opened.page.locator(".pan > canvas")).to_be_visible()
    yield opened.page
    # Refusals and a server that is gone are noted by the browser; everything else is a mistake.
    assert [
        error for error in opened.errors if not re.search("status of [45]|ERR_CONNECTION|WebSocket", error)
    ] == []


def twice(page, name: str) -> None:
    confirm(page.get_by_role("button", name=name, exact=True))


def heard(page) -> list:
    """What reached the host, oldest first."""
    state = page.evaluate(
        "fetch('/control/v1/telescopes/0/status/', {headers: {Accept: 'application/json'}}).then((r) => r.json())"
    )
    return state["heard"]


def test_page_shows_the_state_and_dashes_what_is_not_known(scope, yard):
    for words in ("00h 42m 43.2s", "+41° 16′ 12″", "61.4°, 283.2°"):
        expect(scope.locator("#point")).to_contain_text(words)
    expect(scope.locator("#point [data-f=off]")).to_have_text("14″ off")
    expect(scope.locator("#point [data-f=solved]")).to_contain_text("ago")
    expect(scope.locator("#device")).to_contain_text("43.2 GB of 58.0")
    expect(scope.locator("#tube .hud.bl")).to_have_text("5 s · gain 60 · Astro")
    expect(scope.locator("#log")).to_contain_text("frame 1 stored")
    unknown = {
        "mount": {"position_known": False},
        "telemetry": {"battery_percent": None},
        "focus": {"position": None},
    }
    yard.set_scene(SCENE | {"telescope": {"force": unknown}})
    for slot in ("ra", "dec", "altaz"):
        expect(scope.locator(f"#point [data-f={slot}]")).to_have_text("–")
    expect(scope.locator("#device [data-f=battery]")).to_have_text("–")
    expect(scope.locator("#focus [data-f=position]")).to_have_text("–")
    expect(scope.get_by_role("button", name="Focus in")).to_have_attribute("aria-disabled", "true")
    known = {
        "mount": {"position_known": True},
        "telemetry": {"battery_percent": 71},
        "focus": {"position": 1184},
    }
    yard.set_scene(SCENE | {"telescope": {"force": known}})
    expect(scope.locator("#focus [data-f=position]")).to_have_text("1184")
    yard.set_scene(SCENE)


def test_slew_takes_two_steps_and_says_refusals_at_the_field(scope, yard):
    field = scope.get_by_label("Go to")
    field.fill("0.712 41.27")
    expect(field).to_have_accessible_description("RA 00h 42m 43.2s, Dec +41° 16′ 12″")
    field.fill("5 34 31.9 -22 00 52")
    before = len(heard(scope))
    field.press("Enter")
    assert len(heard(scope)) == before, "the first step asks"
    field.press("Enter")
    expect(scope.locator("#headline")).to_have_text("Slewing")
    expect(scope.locator("#headline")).to_have_text("Tracking")
    name, given = heard(scope)[-1]
    assert name == "slew"
    assert given["ra_hours"] == pytest.approx(5 + 34 / 60 + 31.9 / 3600)
    assert given["dec_deg"] == pytest.approx(-22 - 52 / 3600)
    field.fill("M 31")
    twice(scope, "Slew")
    expect(scope.locator("#point [data-f=target]")).to_have_text("M31")
    assert heard(scope)[-1][1]["dec_deg"] == pytest.approx(41.27, abs=0.01)
    field.fill("no such star")
    twice(scope, "Slew")
    expect(field).to_have_accessible_description(re.compile("no such star"))
    yard.set_scene(SCENE | {"telescope": {"refuse": {"slew": BELOW}}})
    field.fill("M 42")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    twice(scope, "Slew")
    expect(field).to_have_accessible_description(BELOW)
    yard.set_scene(SCENE)


@pytest.mark.parametrize(
    "typed", ["", "0 42 44", "25 0 0 +41 0 0", "0 42 44 +91 0 0", "0 61 0 +41 0 0", "1 2 3 4 5"]
)
def test_what_cannot_be_a_place_is_not_sent(scope, typed):
    field = scope.get_by_label("Go to")
    field.fill(typed)
    before = heard(scope)
    twice(scope, "Slew")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert heard(scope) == before


def test_places_are_read_as_astronomers_write_them(scope):
    places = {
        "0 42 44 +41 16 09": (0.712222, 41.269167),
        "00h42m44s +41°16′09″": (0.712222, 41.269167),
        "0:42:44 -0:30:00": (0.712222, -0.5),
        "0.712 41.27": (0.712, 41.27),
        "0,712 −41,27": (0.712, -41.27),
        "12 30 5 15": (12.5, 5.25),
    }
    found = scope.evaluate(
        "async (typed) => { const { place } = await import('/static/js/telescope/sky.js'); return typed.map(place); }",
        [*places, "M 31", "NGC 7000", "47 Tuc", "61 Cyg", "3C 273", "Jupiter"],
    )
    for answer, (ra, dec) in zip(found, places.values(), strict=False):
        assert (answer["ra_hours"], answer["dec_deg"]) == (
            pytest.approx(ra, abs=1e-5),
            pytest.approx(dec, abs=1e-5),
        )
    assert [answer.get("target") for answer in found[6:]] == [
        "M 31",
        "NGC 7000",
        "47 Tuc",
        "61 Cyg",
        "3C 273",
        "Jupiter",
    ]


def test_dome_agrees_with_the_ephemeris(scope):
    moment = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
    observer = Observer(Place(52.5, 13.4, 0.0), moment)
    for ra, dec in ((0.712, 41.27), (5.6, -5.4), (18.6, 38.8)):
        altitude, azimuth = (float(angle) for angle in observer.altaz(ra * 15, dec))
        found = scope.evaluate(
            """async (given) => {
                const { horizontal } = await import('/static/js/telescope/sky.js'); return horizontal(...given); }""",
            [ra, dec, {"lat": 52.5, "lon": 13.4}, moment.timestamp() * 1000],
        )
        assert found["altitude"] == pytest.approx(altitude, abs=0.6)
        beside = ((found["azimuth"] - azimuth + 180) % 360 - 180) * math.cos(math.radians(altitude))
        assert beside == pytest.approx(0, abs=0.6)


def test_a_key_of_the_pad_moves_while_it_is_held_and_every_way_of_letting_go_stops(scope):
    pad, status = scope.locator("#pad"), scope.locator("#headline")
    up = pad.get_by_role("button", name="Move up")

    def pointer():
        up.hover()
        scope.mouse.down()

    ways = [
        (pointer, scope.mouse.up),
        (lambda: (up.focus(), scope.keyboard.down("ArrowLeft")), lambda: scope.keyboard.up("ArrowLeft")),
        (lambda: (up.focus(), scope.keyboard.down("Space")), lambda: scope.keyboard.up("Space")),
        (pointer, lambda: scope.keyboard.press("Escape")),
        (pointer, lambda: scope.evaluate("dispatchEvent(new Event('blur'))")),
        (pointer, lambda: pad.get_by_role("button", name="Stop moving").focus()),
    ]
    for begin, end in ways:
        begin()
        expect(status).to_have_text("Moving by hand")
        end()
        expect(status).to_have_text("Tracking")
        assert heard(scope)[-1] == ["joystick", {"angle_deg": 0.0, "length": 0.0}]
        scope.mouse.up()
    angles = {given["angle_deg"] for name, given in heard(scope) if name == "joystick" and given["length"]}
    assert angles == {90.0, 180.0}
    pushed = next(given["length"] for name, given in heard(scope) if name == "joystick" and given["length"])
    assert 29.9 * pushed**3 + 0.1 == pytest.approx(0.5, abs=0.01)


def test_a_held_key_is_let_go_when_the_connection_is_lost(scope, yard):
    scope.locator("#pad").get_by_role("button", name="Move up").hover()
    scope.mouse.down()
    expect(scope.locator("#headline")).to_have_text("Moving by hand")
    yard.end(yard.server)
    expect(scope.locator("#lost")).to_be_visible()
    assert scope.locator("[data-held]").count() == 0
    yard.start_server()
    expect(scope.locator("#live")).to_have_text("Live", timeout=20_000)
    before = heard(scope)
    scope.wait_for_timeout(600)
    assert heard(scope) == before, "nothing goes on by itself"
    scope.mouse.up()
    scope.get_by_role("button", name="Stop moving").click()
    expect(scope.locator("#headline")).to_have_text("Tracking")


def test_expose_shows_progress_then_the_frame_and_abort_ends_it(scope):
    was = scope.locator("#tube .hud.tl").inner_text()
    scope.locator("#exposure").select_option(label="15 s")
    scope.locator("#gain").select_option(label="120")
    scope.get_by_role("button", name="Expose").click()
    expect(scope.locator("#expo [data-f=phase]")).to_have_text("Exposing")
    expect(scope.locator("#tube .progress")).to_be_visible()
    expect(scope.locator("#tube .hud.tr")).to_have_text(re.compile(r"1\d s left"))
    expect(scope.locator("#tube .hud.bl")).to_have_text("15 s · gain 120 · Astro")
    assert scope.locator("#tube .hud.tl").inner_text() != was
    expect(scope.locator("#tube .progress")).to_be_hidden()
    scope.get_by_role("button", name="Expose").click()
    expect(scope.locator("#expo [data-f=phase]")).to_have_text("Exposing")
    scope.get_by_role("button", name="Abort").click()
    expect(scope.locator("#expo [data-f=phase]")).to_have_text("Idle")
    expect(scope.locator("#trouble")).to_contain_text("aborted")
    assert ["expose", {"exposure_s": 15.0, "gain": 120}] in heard(scope)


def test_filter_focus_track_park_and_stop_reach_the_host(scope):
    scope.locator("#filter").select_option(label="VIS")
    scope.get_by_role("button", name="Set", exact=True).click()
    scope.get_by_label("Steps", exact=True).select_option("50")
    scope.get_by_role("button", name="Focus out 50 steps").click()
    expect(scope.locator("#focus [data-f=position]")).to_have_text("1234")
    scope.get_by_role("button", name="Halt").click()
    twice(scope, "Autofocus")
    track = scope.get_by_role("checkbox", name="Tracking")
    track.click()
    expect(track).not_to_be_checked()
    expect(scope.locator("#point [data-f=off]")).to_be_visible()
    track.click()
    expect(track).to_be_checked()
    twice(scope, "Calibrate")
    twice(scope, "Park")
    expect(scope.locator("#point-why")).to_contain_text("unpark first")
    expect(scope.get_by_role("button", name="Move up")).to_have_attribute("aria-disabled", "true")
    scope.get_by_role("button", name="Unpark").click()
    expect(scope.get_by_role("button", name="Unpark")).to_be_hidden()
    scope.locator("#point").get_by_role("button", name="Stop", exact=True).click()
    expect(track).not_to_be_checked()
    track.click()
    expect(track).to_be_checked()
    names = [name for name, _ in heard(scope)][-11:]
    assert names == ["set_filter", "focus_move", "focus_halt", "autofocus", "track", "track", "calibrate", "park", "unpark",
                     "abort_slew", "track"]  # fmt: skip


def test_disconnect_and_connect_and_control_of_another_app(scope, yard):
    twice(scope, "Disconnect")
    expect(scope.locator("#headline")).to_have_text("Not connected")
    expect(scope.locator("#point [data-f=ra]")).to_have_text("–")
    expect(scope.locator("#expo-why")).to_have_text("The telescope is not connected.")
    scope.get_by_role("button", name="Connect", exact=True).click()
    expect(scope.locator("#headline")).not_to_have_text("Not connected")
    yard.set_scene(SCENE | {"telescope": {"force": {"connection": {"role": "slave"}}}})
    expect(scope.locator("#trouble")).to_contain_text("Another app controls the telescope")
    expect(scope.get_by_role("button", name="Expose")).to_have_attribute("aria-disabled", "true")
    twice(scope, "Take control")
    expect(scope.locator("#trouble")).to_be_hidden()
    yard.set_scene(SCENE)


def test_stretch_changes_the_pixels_and_reset_brings_them_back(scope):
    read = """() => { const c = document.querySelector('.pan > canvas');
        return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].reduce((a, b) => a + b, 0); }"""
    before = scope.evaluate(read)
    scope.get_by_label("Brightness", exact=True).fill("0.8")
    scope.wait_for_timeout(100)
    assert scope.evaluate(read) > before * 1.2
    scope.get_by_role("button", name="Reset").click()
    scope.get_by_label("Black", exact=True).fill("60")
    scope.wait_for_timeout(100)
    assert scope.evaluate(read) < before * 0.9
    scope.get_by_role("button", name="Reset").click()
    scope.wait_for_timeout(100)
    assert scope.evaluate(read) == before
    scope.get_by_role("button", name="Show pixels one to one").click()
    assert scope.locator(".pan > canvas").bounding_box()["width"] == 1600


def test_a_viewer_sees_the_same_buttons_refused(visit, yard):
    page = visit(yard, "vera").page
    page.goto(f"{yard.url}/telescope/0/")
    for panel in ("#point", "#expo", "#focus", "#device"):
        expect(page.locator(f"{panel} .why")).to_have_text("Needs the operator role.")
        for button in page.locator(f"{panel} footer button:visible").all():
            expect(button).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_role("checkbox", name="Tracking")).to_be_disabled()
    page.locator("#pad").get_by_role("button", name="Move up").hover()
    page.mouse.down()
    expect(page.locator("[data-held]")).to_have_count(0)


def test_card_on_tonight_stops_at_once_and_parks_in_two_steps(visit, yard):
    page = visit(yard).page
    page.goto(yard.url)
    card = page.locator(".tele")
    expect(card.locator("img")).to_be_visible()
    expect(card.locator(".hud.tl")).to_have_text(re.compile("M ?31|RA"))
    expect(card.locator("[data-f=error]")).to_have_text("14″")
    card.get_by_role("button", name="Stop telescope").click()
    expect(card.locator("[data-f=tracking]")).to_have_text("off")
    assert heard(page)[-1] == ["abort_slew", {}]

    def only_asked():
        assert heard(page)[-1] == ["abort_slew", {}]

    confirm(card.get_by_role("button", name="Park"), only_asked)
    expect(card.locator("[data-f=state]")).to_have_text("Parked")
    card.get_by_role("link", name="Open").click()
    page.get_by_role("button", name="Unpark").click()
    expect(page.locator("#headline")).not_to_have_text("Parked")


def test_trouble_errors_and_armed_buttons_are_accessible_and_red_at_night(visit, yard):
    page = visit(yard, theme="night").page
    yard.set_scene(
        SCENE
        | {
            "telescope": {
                "force": {"mount": {"problem": "The goto ended without tracking. Are stars to be seen?"}}
            }
        }
    )
    page.goto(f"{yard.url}/telescope/0/")
    expect(page.locator("#trouble")).to_contain_text("goto ended")
    page.get_by_label("Go to").fill("25 0 0 +41 0 0")
    twice(page, "Slew")
    page.get_by_role("button", name="Crosshair").click()
    page.get_by_role("button", name="Park").click()
    expect(page.locator("[data-armed]")).to_have_count(1)
    assert max(brightest(page)[1:]) <= DARKEST
    yard.set_scene(
        SCENE | {"telescope": {"force": {"connection": {"role": "slave"}, "mount": {"problem": ""}}}}
    )
    expect(page.locator("#trouble")).to_contain_text("Another app")
    for theme in ("night", "light", "dark"):
        switch(page, theme)
        found = Axe().run(page)
        assert not found.response["violations"], f"{theme}: {found.generate_report()}"
    yard.set_scene(
        SCENE | {"telescope": {"force": {"connection": {"role": "host"}, "mount": {"problem": ""}}}}
    )
    expect(page.locator("#trouble")).to_be_hidden()
