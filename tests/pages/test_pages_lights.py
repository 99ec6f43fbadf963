"""The page of the lights in a real browser, with the real engine."""

import io
import json
import math
import time
from pathlib import Path

import pytest
from PIL import Image
from site_process import Site, quiet_scene
from two_step import confirm

from lighting.engine.ulid import new_ulid
from skycam_project.common.link import ask, read

pytestmark = pytest.mark.full

SETTINGS = {
    "DMX_INTERLOCK": "enforce", "DMX_PROJECTS_ENABLED": "true", "DMX_CLOUD_BACKUP_ENABLED": "true", "DMX_MQTT_ENABLED": "false",
    "DMX_USB_ENABLED": "true", "DMX_USB_PORT": "/nowhere/ttyUSB0",
}  # fmt: skip


@pytest.fixture(scope="module")
def lit():
    with Site.running(quiet_scene(), lights=SETTINGS) as site:
        yield site


def rgb(site):
    return read(site.data / "run", "lighting")["rgb"]


def until(condition, seconds=15.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def colour(site):
    state = rgb(site)
    return state["r"], state["g"], state["b"]


def tell(site, *rgb):
    command = {"cmdId": new_ulid(), "src": "esp", **dict(zip("rgb", rgb, strict=True))}
    ask(site.data / "run", "lighting", "submit", command=command)
    until(lambda: colour(site) == rgb)


def open_lights(visit, site, sent=None, **options):
    """The page, once it shows the lights; the colours that it sends go into the list `sent`."""
    opened = visit(site, **options)
    if sent is not None:

        def framed(text):
            message = json.loads(text)
            if message.get("type") == "set":
                sent.append((message["r"], message["g"], message["b"]))

        opened.page.on("websocket", lambda socket: socket.on("framesent", framed))
    opened.page.goto(f"{site.url}/lights/")
    opened.page.locator("#headline[data-s=ok], #headline[data-s=busy]").wait_for()
    return opened


def test_a_drag_over_the_wheel_arrives_and_its_last_point_is_the_colour(visit, lit):
    opened = open_lights(visit, lit)
    page, before = opened.page, rgb(lit)["seq"]
    page.locator("#range-r").fill("200")
    until(lambda: rgb(lit)["r"] == 200)
    box = page.locator("#wheel").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(middle[0] + step, middle[1])
    page.mouse.up()
    shown = page.locator("[data-f=next]").inner_text()
    until(lambda: ", ".join(map(str, colour(lit))) == shown)
    assert rgb(lit)["updatedBy"] == "ui" and before < rgb(lit)["seq"] <= before + 130
    assert opened.errors == []


def around(page, sent):
    """Drag along the wheel's edge, from red a quarter of the way; the brightest part of each colour that was sent."""
    page.wait_for_timeout(100)
    del sent[:]
    box = page.locator("#wheel").bounding_box()
    middle, radius = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), box["width"] / 2 - 3
    for step in range(20):
        angle = step / 20 * math.pi / 2
        page.mouse.move(middle[0] + radius * math.sin(angle), middle[1] - radius * math.cos(angle))
        if not step:
            page.mouse.down()
    page.mouse.up()
    until(lambda: sent)
    page.wait_for_timeout(100)
    return [max(colour) for colour in sent]


def test_out_of_the_dark_the_wheel_lights_at_the_last_brightness_that_stood(visit, lit):
    tell(lit, 0, 0, 0)
    sent = []
    page = open_lights(visit, lit, sent).page
    assert set(around(page, sent)) == {255}, "nothing is known of an earlier brightness"
    until(lambda: colour(lit) == sent[-1])
    red = page.locator("#range-r")
    with page.expect_response("**/blackout"):
        page.keyboard.press("b")
    red.fill("90")
    page.wait_for_timeout(600)
    red.evaluate("""slider => ["40", "1", "0"].forEach((value) => {
      slider.value = value;
      slider.dispatchEvent(new Event("input"));
    })""")
    until(lambda: colour(lit) == (0, 0, 0))
    assert set(around(page, sent)) == {90}, "a slider that is pulled down passes 1 on its way"
    with page.expect_response("**/blackout"):
        page.keyboard.press("b")
    tell(lit, 0, 120, 0)
    page.locator("[data-f=next]").get_by_text("0, 120, 0").wait_for()
    page.wait_for_timeout(500)
    scene = {"id": "out", "name": "Out", "channelValues": {}, "rgb": {"r": 0, "g": 0, "b": 0}, "fadeMs": 500}
    ask(lit.data / "run", "lighting", "put_scenes", scenes=[scene])
    ask(lit.data / "run", "lighting", "recall", scene="out")
    page.locator("[data-f=next]").get_by_text("0, 0, 0", exact=True).wait_for()
    ask(lit.data / "run", "lighting", "put_scenes", scenes=[])
    assert set(around(page, sent)) == {120}, "a fade passes every level"


def test_a_colour_after_a_blackout_is_not_darkened_by_it(visit, lit):
    page = open_lights(visit, lit).page
    page.locator("#range-b").fill("50")
    until(lambda: rgb(lit)["b"] == 50)
    page.evaluate("""() => {
      const quick = window.fetch;
      window.fetch = async (path, options) => {
        if (path === "/blackout") await new Promise((done) => setTimeout(done, 700));
        return quick(path, options);
      };
    }""")
    page.keyboard.press("b")
    until(lambda: colour(lit) == (0, 0, 0))
    page.locator("#range-r").fill("31")
    until(lambda: rgb(lit)["r"] == 31)
    page.wait_for_timeout(900)
    assert rgb(lit)["r"] == 31, "the order to be dark came before it"


def test_the_keyboard_alone_changes_hue_and_blacks_out(visit, lit):
    page = open_lights(visit, lit).page
    page.locator("#range-g").fill("90")
    until(lambda: rgb(lit)["g"] == 90)
    page.locator("#wheel").focus()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    until(lambda: rgb(lit)["b"] > 0)
    page.keyboard.press("b")
    until(lambda: colour(lit) == (0, 0, 0))
    page.locator("#range-r").fill("31")
    until(lambda: rgb(lit)["r"] == 31)
    page.locator("#scene-name").press_sequentially("bbb")
    page.wait_for_timeout(300)
    assert rgb(lit)["r"] == 31, "who writes a name means the letter"


def test_a_page_shows_what_others_set(visit, lit):
    page = open_lights(visit, lit).page
    tell(lit, 12, 34, 56)
    page.get_by_text("12, 34, 56").first.wait_for()
    page.get_by_text("set by esp").wait_for()


def test_a_scene_is_saved_recalled_and_becomes_a_step_of_the_show(visit, lit):
    page = open_lights(visit, lit).page
    page.locator("#range-r").fill("77")
    page.locator("#scene-name").fill("Walk <b>in</b>")
    page.locator("#scene-fade").fill("0")
    page.get_by_role("button", name="Save as scene").click()
    scene = page.get_by_role("button", name="Walk <b>in</b>")
    scene.wait_for()
    page.get_by_role("button", name="Blackout").click()
    until(lambda: colour(lit) == (0, 0, 0))
    scene.click()
    until(lambda: rgb(lit)["r"] == 77)
    page.get_by_role("button", name="All scenes").click()
    page.get_by_text("1 step", exact=True).wait_for()
    page.locator("#range-r").fill("66")
    page.locator("#scene-name").fill("walk <B>in</b>")
    page.get_by_role("button", name="Save as scene").click()
    (kept,) = until(
        lambda: [row for row in ask(lit.data / "run", "lighting", "scenes").result if row["rgb"]["r"] == 66]
    )
    scene = page.locator(".scene")
    scene.get_by_text("66, ").wait_for()
    assert scene.get_attribute("data-scene") == kept["id"], "the same name is the same scene"
    page.locator("#scenes-edit").click()

    def only_asked():
        assert ask(lit.data / "run", "lighting", "scenes").result, "the first press only asks"

    confirm(scene, only_asked)
    page.get_by_text("No scenes yet.").wait_for()
    page.locator("#scene-fade").fill("lots")
    page.locator("#scene-name").fill("x")
    page.get_by_role("button", name="Save as scene").click()
    page.get_by_text("0 to 3600 s").first.wait_for()


def test_what_is_wanted_during_an_exposure_waits_for_its_end(visit, lit):
    page = open_lights(visit, lit).page
    run = lit.data / "run"
    page.get_by_role("button", name="Blackout").click()
    until(lambda: colour(lit) == (0, 0, 0))
    ask(run, "lighting", "exposure_begin", id="All-sky frame 7", kind="light", duration_s=30)
    try:
        page.get_by_text("All-sky frame 7 is exposing").wait_for()
        page.locator("#range-r").fill("55")
        page.get_by_text("After this frame").wait_for()
        assert colour(lit) == (0, 0, 0)
        ask(run, "lighting", "exposure_end", id="All-sky frame 7")
        until(lambda: rgb(lit)["r"] == 55)
        ask(run, "lighting", "exposure_begin", id="frame 8", kind="light", duration_s=30)
        page.get_by_text("frame 8 is exposing").wait_for()
        override = page.locator("#override")
        override.click()
        override.click()
        page.get_by_text("Say why").first.wait_for()
        page.get_by_label("Reason").fill("somebody fell")
        override.click()
        override.click()
        page.get_by_text("Overridden: somebody fell (otto)").wait_for()
        until(lambda: rgb(lit)["r"] == 55)
        page.get_by_role("button", name="Dark again").click()
        until(lambda: colour(lit) == (0, 0, 0))
    finally:
        ask(run, "lighting", "exposure_end", id="frame 8")


def test_red_only_closes_the_other_sliders(visit, lit):
    page = open_lights(visit, lit).page
    page.locator("#colour .seg label:has([value=dark])").click()
    until(lambda: read(lit.data / "run", "lighting")["mode"] == "dark")
    page.get_by_text("held at 64 or less").wait_for()
    assert page.locator("#range-g").is_disabled()
    page.locator("#range-r").fill("255")
    until(lambda: colour(lit) == (64, 0, 0))
    page.locator("#colour .seg label:has([value=normal])").click()
    until(lambda: read(lit.data / "run", "lighting")["mode"] == "normal")


def test_a_killed_engine_comes_back_to_the_page_with_the_last_colour(visit, lit):
    opened = open_lights(visit, lit)
    page, before = opened.page, rgb(lit)["seq"]
    lit.engine.kill()
    lit.engine.wait()
    page.locator("#headline").get_by_text("does not answer").wait_for()
    page.locator("#range-r").fill("123")
    lit.start_lights()
    page.locator("[data-f=now]").get_by_text("123, ").wait_for()
    page.locator("#headline").get_by_text("lit").wait_for()
    assert rgb(lit)["r"] == 123
    assert rgb(lit)["seq"] > before and page.locator("#error").is_hidden()


def test_no_light_closes_everything_and_says_who(visit, lit):
    page = open_lights(visit, lit).page
    page.locator("#range-r").fill("40")
    until(lambda: rgb(lit)["r"] == 40)
    page.locator("#colour .seg label:has([value=blackout])").click()
    page.get_by_text("No light, set by otto").wait_for()
    assert page.locator("#range-r").is_disabled()
    page.locator("#wheel").click(position={"x": 120, "y": 8}, force=True)
    page.locator("[data-f=next]").get_by_text("0, 0, 0", exact=True).wait_for()
    assert colour(lit) == (0, 0, 0)
    page.locator("#colour .seg label:has([value=normal])").click()
    until(lambda: read(lit.data / "run", "lighting")["mode"] == "normal")
    page.locator("#range-r:enabled").wait_for()


def test_a_project_is_renamed_and_copied(visit, lit):
    page = open_lights(visit, lit).page
    until(lambda: page.locator("#project-name").input_value())  # what there is has been loaded
    page.locator("#project-name").fill("Open night")
    page.locator("#project-venue").fill("Roof <i>east</i>")
    page.locator("#project-form").get_by_role("button", name="Save", exact=True).click()
    chosen = page.locator("#project-select option:checked")
    until(lambda: chosen.inner_text() == "Open night")
    page.locator("#project-name").fill("Guests")
    page.locator("#project-copy").click()
    until(lambda: chosen.inner_text() == "Guests")
    assert page.locator("#project-venue").input_value() == "Roof <i>east</i>"
    page.locator("#project-select").select_option(label="Open night")
    until(lambda: page.locator("#project-name").input_value() == "Open night")
    assert read(lit.data / "run", "lighting")["project"]["name"] == "Open night"


def test_a_project_goes_through_a_file(visit, lit, tmp_path):
    page = open_lights(visit, lit).page
    until(lambda: page.locator("#project-name").input_value())
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as a file").click()
    assert download.value.suggested_filename.endswith(".lights.json")
    file = json.loads(Path(download.value.path()).read_text())
    file["project"]["name"] = "Brought <b>along</b>"
    (tmp_path / "x.json").write_text(json.dumps(file))
    page.locator("#project-import").set_input_files(tmp_path / "x.json")
    until(lambda: "Brought <b>along</b>" in page.locator("#project-select option").all_inner_texts())
    for name, content, why in (("a.json", "{", "It is no exp"), ("b.json", "{}", "this is not a snap")):
        (tmp_path / name).write_text(content)
        page.locator("#project-import").set_input_files(tmp_path / name)
        page.locator("#error").get_by_text(f"{name}: {why}").wait_for()


def test_a_show_is_paused_and_goes_on(visit, lit):
    page = open_lights(visit, lit).page
    run = lit.data / "run"
    scene = {"id": "paused", "name": "Slowly", "rgb": {"r": 3, "g": 0, "b": 0}}
    ask(run, "lighting", "put_scenes", scenes=[scene])
    ask(run, "lighting", "put_show", show={"steps": [{"sceneId": "paused", "holdMs": 3_600_000}]})
    page.locator("#show-pause[aria-disabled=true]").wait_for()
    page.locator("#show-start:not([aria-disabled])").click()
    page.locator("#show-pause:not([aria-disabled])").click()
    until(lambda: read(run, "lighting")["show"]["paused"])
    page.get_by_role("button", name="Go on").click()
    until(lambda: not read(run, "lighting")["show"]["paused"])
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.locator("#show-stop").click()
    until(lambda: not read(run, "lighting")["show"]["running"])
    ask(run, "lighting", "put_scenes", scenes=[])


def test_fixtures_master_and_a_device_that_is_not_there(visit, lit):
    page = open_lights(visit, lit).page
    page.locator("#fx-name").fill("panel")
    page.locator("#fx-role").select_option("flat-panel")
    page.locator("#fx-kind").select_option("dimmer 16")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("rowheader", name="Panel").wait_for()
    page.locator("#fixture").select_option("panel")
    page.locator("#range-r").fill("128")
    until(lambda: read(lit.data / "run", "lighting")["fixtures"][-1]["level"] == 128 * 257)
    page.get_by_role("button", name="Remove Panel").click()
    page.get_by_role("rowheader", name="Panel").wait_for(state="detached")
    page.get_by_text("/nowhere/ttyUSB0 cannot be opened").first.wait_for()
    page.get_by_role("button", name="Reconnect").click()
    page.locator("#error").get_by_text("cannot be opened").wait_for()


def test_backups_are_made_and_restored_in_two_steps(visit, lit):
    page = open_lights(visit, lit).page
    page.locator("#range-b").fill("99")
    until(lambda: rgb(lit)["b"] == 99)
    page.get_by_role("button", name="Back up now").click()
    row = page.get_by_role("row").filter(has_text="by hand").first
    row.wait_for()
    page.get_by_role("button", name="Blackout").click()
    until(lambda: colour(lit) == (0, 0, 0))

    def only_asked():
        assert colour(lit) == (0, 0, 0), "the first press only asks"

    confirm(row.get_by_role("button", name="Restore"), only_asked)
    until(lambda: rgb(lit)["b"] == 99)
    page.get_by_role("row").filter(has_text="pre-restore").first.wait_for()


def test_a_viewer_looks_and_does_not_touch(visit, lit):
    page = open_lights(visit, lit, who="vera").page
    before = rgb(lit)["seq"]
    page.get_by_role("button", name="Blackout").click()
    page.locator("#error").get_by_text("Needs the operator role").wait_for()
    assert page.locator("#range-r").is_disabled() and rgb(lit)["seq"] == before


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_whole_in_every_theme(visit, lit, width):
    from axe_playwright_python.sync_playwright import Axe

    opened = open_lights(visit, lit, width=width, height=800)
    page = opened.page
    page.locator("#range-r").fill("10")
    for theme in ("light", "dark", "night"):
        page.get_by_role("button", name="Theme and brightness").click()
        page.locator(f"#look label:has([value={theme}])").click()
        page.keyboard.press("Escape")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        found = Axe().run(page)
        assert not found.response["violations"], f"{theme}: {found.generate_report()}"
        if theme == "night":
            page.locator("#range-g").fill("200")
            picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
            (_, red), (_, green), (_, blue) = picture.getextrema()
            assert red > 200 and green <= 8 and blue <= 8
    assert opened.errors == []
