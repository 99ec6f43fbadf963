"""What the server sends of telescopes: pages and navigation only where one is configured, commands checked before they travel."""

from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from django.test import Client

from dashboard.choices import Role
from dashboard.mirrors import mirrors
from dashboard.services import create_user

PASSWORD = "a clear night in march"


@pytest.fixture(autouse=True)
def people(settings, db):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    create_user("olga", PASSWORD, Role.OWNER)
    create_user("vera", PASSWORD, Role.VIEWER)
    mirrors.cache_clear()
    yield
    mirrors.cache_clear()


@pytest.fixture
def telescope(settings):
    settings.CONFIG = replace(
        django_settings.CONFIG, telescope_host="192.0.2.1", telescope_name="Dwarf <of> the yard"
    )


def person(name: str = "olga") -> Client:
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


@pytest.mark.parametrize("path", ["/", "/status/"])
def test_without_a_telescope_no_page_names_one(path):
    assert b"telescope" not in person().get(path).content.lower()
    assert person().get("/telescope/0/").status_code == 404


def test_navigation_leads_to_the_telescope(telescope):
    page = person().get("/").content.decode()
    assert page.count('href="/telescope/0/"') == 3, "both navigations and the card"
    assert person().get("/telescope/0/").content.decode().count('aria-current="page">') == 2


@pytest.mark.parametrize("number", ["1", "00", "x", "telescope"])
def test_an_unknown_number_is_not_found(telescope, number):
    assert person().get(f"/telescope/{number}/").status_code == 404


def test_page_asks_for_a_login(telescope):
    assert Client().get("/telescope/0/")["Location"] == "/login/?next=/telescope/0/"


def test_page_holds_name_and_place_as_text(telescope, settings):
    settings.CONFIG = replace(settings.CONFIG, latitude=-33.5, longitude=151.25, telescope_horizon=12.5)
    page = person("vera").get("/telescope/0/").content.decode()
    assert "<h1>Dwarf &lt;of&gt; the yard</h1>" in page
    assert 'data-lat="-33.5" data-lon="151.25" data-horizon="12.5"' in page


def joystick(client: Client, **body):
    return client.post("/control/v1/telescopes/0/joystick/", body, content_type="application/json")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"angle_deg": 400, "length": 0.5}, "angle_deg"),
        ({"angle_deg": 90, "length": 1.5}, "length"),
        ({"length": 0.5}, "angle_deg"),
    ],
)
def test_joystick_is_checked_at_the_door(telescope, body, field):
    answer = joystick(person(), **body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_joystick_needs_an_operator_and_a_host(telescope):
    assert joystick(person("vera"), angle_deg=0, length=0).status_code == 403
    assert joystick(person(), angle_deg=0, length=0).status_code == 503
