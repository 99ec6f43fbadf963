"""Commands, roles, the keyboard, log in and first run, as a person does them."""

import re

import pytest
from playwright.sync_api import expect
from site_process import PASSWORD, Site, quiet_scene

pytestmark = pytest.mark.full


@pytest.fixture
def tonight(visit, quiet):
    """The page of an operator, its camera connected and waiting."""
    opened = visit(quiet)
    page = opened.page
    page.goto(quiet.url)
    expect(page.locator("#camera-status")).to_have_text("Ready")
    yield opened
    if page.get_by_role("button", name="Connect", exact=True).is_visible():
        page.get_by_role("button", name="Connect", exact=True).click()
    stop = page.get_by_role("button", name="Stop")
    if not stop.get_attribute("aria-disabled"):
        stop.click()
    expect(page.locator("#camera-status")).to_have_text("Ready")


def focused(page) -> str:
    return page.evaluate(
        "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()"
    )


def test_start_and_stop_with_the_keyboard_alone(tonight):
    page = tonight.page
    walked = []
    for _ in range(30):
        page.keyboard.press("Tab")
        walked.append(focused(page))
        if walked[-1] == "Start":
            break
    assert walked[0] == "Skip to content"
    order = [
        walked.index(name)
        for name in ("Skip to content", "Tonight", "Status", "Theme and brightness", "Account", "Start")
    ]
    assert order == sorted(order), "the order of the keyboard is the order of the page"
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_have_text("Capturing")
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "Stop"
    page.keyboard.press("Space")
    expect(page.locator("#camera-status")).to_have_text("Ready")
    expect(page.locator("#headline")).to_have_text("Idle")


def test_skip_link_leads_to_the_content(tonight):
    tonight.page.keyboard.press("Tab")
    tonight.page.keyboard.press("Enter")
    assert tonight.page.url.endswith("#main")


def test_run_takes_the_settings_of_the_fields_and_can_be_changed(tonight):
    page = tonight.page
    page.get_by_label("Interval").fill("5")
    page.get_by_label("Exposure", exact=True).select_option(label="0.5 s")
    page.get_by_label("ISO").select_option(label="3200")
    page.get_by_label("Aperture").select_option(label="f/2.8")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#facts")).to_contain_text("every 5 s")
    expect(page.locator("#exposure-now")).to_contain_text("0.5s")
    expect(page.locator("#now .hud.br")).to_have_text("0.5 s · f/2.8 · ISO 3200")
    apply = page.get_by_role("button", name="Apply")
    expect(apply).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Interval").fill("7,5")
    expect(apply).not_to_have_attribute("aria-disabled", "true")
    apply.click()
    expect(page.locator("#facts")).to_contain_text("every 7.5 s")
    expect(page.get_by_label("Interval")).to_have_value("7.5")


def test_fields_follow_the_camera_until_somebody_edits_them(tonight):
    page = tonight.page
    field = page.get_by_label("Interval")
    was = field.input_value()
    field.fill("99")
    page.get_by_role("button", name="Single").click()
    expect(page.locator("#now .hud.tl")).to_be_visible()
    assert field.input_value() == "99", "news from the camera does not take away what is being typed"
    field.press("Escape")
    assert field.input_value() == was


def test_a_shutter_that_can_be_held_open_offers_more_than_its_list(tonight):
    offered = tonight.page.get_by_label("Exposure", exact=True).locator("option").all_inner_texts()
    assert offered[0] == "1/4000 s"
    assert offered[offered.index("30 s") :] == [
        "30 s",
        "45 s",
        "60 s",
        "90 s",
        "120 s",
        "180 s",
        "240 s",
        "300 s",
        "600 s",
    ]


def test_fields_are_made_of_what_each_camera_can_do(visit, busy):
    page = visit(busy).page
    page.goto(busy.url)
    expect(page.get_by_label("Aperture")).to_be_visible()
    page.locator("li[data-camera=east] button").click()
    field = page.get_by_label("Exposure", exact=True)
    expect(field).to_have_accessible_description("1/10000 to 3600 s")
    expect(page.get_by_label("dB")).to_have_accessible_description("0 to 48")
    expect(page.get_by_label("Aperture")).to_have_count(0)
    field.fill("1/20000")
    page.get_by_role("button", name="Start").click()
    expect(field).to_have_accessible_description("A number, 1/10000 to 3600 s.")
    field.fill("1/250 s")
    expect(field).not_to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize("words", ["", "0.1", "-5", "100000", "abc", "1e3", "5 minutes", "1/0"])
def test_a_wrong_value_is_named_at_its_field_and_nothing_is_sent(tonight, words):
    page = tonight.page
    field = page.get_by_label("Interval")
    field.fill(words)
    sent = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page.get_by_role("button", name="Start").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("A number, 0.2 to 86\u202f400 s.")
    assert sent == []
    field.fill("10")
    expect(field).not_to_have_attribute("aria-invalid", "true")


def test_a_refusal_of_the_host_is_shown_at_the_field_it_names(tonight):
    page = tonight.page
    page.get_by_label("Interval").fill("1")
    page.get_by_label("Exposure", exact=True).select_option(label="30 s")
    page.get_by_role("button", name="Start").click()
    shown = page.locator("#fields .err, #why.err")
    expect(shown).to_contain_text("30 s or more")
    expect(page.locator("#camera-status")).to_have_text("Ready")


def test_a_silent_server_is_said_in_words(tonight):
    page = tonight.page
    page.route("**/control/v1/**", lambda route: route.abort())
    page.get_by_role("button", name="Single").click()
    expect(page.locator("#why")).to_contain_text("The server does not answer.")
    page.unroute("**/control/v1/**")


def test_disconnect_takes_two_steps(tonight):
    page = tonight.page
    button = page.locator("[data-do=disconnect]")
    button.click()
    expect(button).to_have_text("Press again: disconnect")
    expect(page.locator("#say")).to_have_text("Press again: disconnect")
    button.press("Escape")
    expect(button).to_have_text("Disconnect")
    expect(page.locator("#camera-status")).to_have_text("Ready")
    button.click()
    button.click()
    expect(page.locator("#camera-status")).to_have_text("Not found")
    expect(page.locator("#session")).to_contain_text("No session is running.")


def test_a_viewer_sees_the_same_buttons_refused(visit, quiet):
    page = visit(quiet, "vera").page
    page.goto(quiet.url)
    expect(page.locator("#why")).to_have_text("Needs the operator role.")
    sent = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    for name in ("Stop", "Start", "Single", "Disconnect"):
        button = page.get_by_role("button", name=name)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_accessible_description("Needs the operator role.")
        button.focus()
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
    expect(page.get_by_label("Interval")).to_be_disabled()
    assert sent == []
    status = page.evaluate(
        "fetch('/control/v1/cameras/default/stop/', {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json',"
        " 'X-CSRFToken': document.querySelector('meta[name=\"skycam:csrf\"]').content}}).then((answer) => answer.status)"
    )
    assert status == 403, "the server refuses as well"


def test_account_menu_names_person_and_role_and_logs_out(visit, quiet):
    state = visit(quiet, "olga")
    page = state.page
    page.goto(quiet.url)
    page.get_by_role("button", name="Account").first.click()
    expect(page.locator("#account")).to_contain_text("olga, owner")
    page.context.clear_cookies()  # this log-in is shared with other tests: end one of its own
    page.goto(quiet.url)
    page.get_by_label("Name").fill("olga")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(quiet.url + "/")
    page.get_by_role("button", name="Account").first.click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(re.compile("/login/"))
    page.goto(quiet.url)
    page.wait_for_url(re.compile("/login/"))


def test_log_in_works_without_javascript_and_leads_where_one_wanted_to_go(visit, quiet):
    page = visit(quiet, None, java_script_enabled=False).page
    page.goto(quiet.url + "/status/")
    page.get_by_label("Name").fill("otto")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#refused")).to_contain_text("Name and password do not belong together.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(quiet.url + "/status/")
    page.goto(quiet.url + "/")
    # A browser driven like this shows no <noscript>, so its text is read where it stands.
    assert re.search(
        r"<noscript>.*Live values need JavaScript\..*/latest/default\.jpg", page.content(), re.DOTALL
    )


def test_first_run_makes_the_owner_from_the_fragment(visit):
    with Site.running(quiet_scene(), people=False) as site:
        opened = visit(site, None)
        page, token = opened.page, site.setup_token
        page.goto(site.url + "/")
        page.wait_for_url(site.url + "/welcome/")
        page.goto(f"{site.url}/welcome/#token=wrong")
        page.reload()
        for name, value in (("Name", "olga"), ("Password", PASSWORD), ("Password again", PASSWORD + "x")):
            page.get_by_label(name, exact=True).fill(value)
        page.get_by_role("button", name="Create owner").click()
        expect(page.get_by_text("Not the same as above.")).to_be_visible()
        page.get_by_label("Password again").fill(PASSWORD)
        page.get_by_role("button", name="Create owner").click()
        expect(page.locator("#refused")).to_contain_text("not valid")

        page.goto("about:blank")
        page.goto(f"{site.url}/welcome/#token={token}")
        assert page.get_by_label("Set-up token").input_value() == token
        assert page.url == f"{site.url}/welcome/", "the token is out of the address bar"
        for name, value in (("Name", "olga"), ("Password", PASSWORD), ("Password again", PASSWORD)):
            page.get_by_label(name, exact=True).fill(value)
        page.get_by_role("button", name="Create owner").click()
        page.wait_for_url(site.url + "/")
        expect(page.locator("#live")).to_have_text("Live")
        page.goto(site.url + "/welcome/")
        page.wait_for_url(site.url + "/")
        assert not any(token in url for url in opened.requests), (
            "the token is in no address that a server sees"
        )
        assert token not in site.log()
