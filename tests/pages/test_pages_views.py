"""What the server sends: log in with its brake, error pages, headers, and no style or script in the page itself."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import reverse

from dashboard import views
from dashboard.choices import Role
from dashboard.services import create_user
from skycam_project.common.nights import evening, night_label, site_zone

PASSWORD = "a clear night in march"
PAGES = ("tonight", "status", "login", "welcome")


@pytest.fixture(autouse=True)
def people(settings, db):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    create_user("olga", PASSWORD, Role.OWNER)


@pytest.fixture
def owner() -> Client:
    client = Client()
    assert client.login(username="olga", password=PASSWORD)
    return client


def log_in(name="olga", password=PASSWORD, address="10.0.0.1", **more):
    return Client(REMOTE_ADDR=address).post("/login/", {"username": name, "password": password, **more})


def test_log_in_leads_to_the_page_that_was_asked_for_and_never_elsewhere():
    assert Client().get("/status/")["Location"] == "/login/?next=/status/"
    assert log_in(next="/status/")["Location"] == "/status/"
    for trap in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        assert log_in(next=trap)["Location"] == "/"


def test_five_wrong_passwords_are_a_pause_for_that_name_and_address_only():
    for _ in range(5):
        assert b"do not belong together" in log_in(password="guess").content
    blocked = log_in()
    assert blocked.status_code == 200 and b"Too many tries" in blocked.content
    assert b"Too many tries" in log_in(name="OLGA").content
    assert log_in(address="10.0.0.2").status_code == 302, (
        "the owner is not locked out by somebody else's guesses"
    )


def test_an_address_that_tries_many_names_is_a_pause_as_well():
    for number in range(20):
        log_in(name=f"guess{number}", password="x")
    assert b"Too many tries" in log_in().content


def test_a_good_log_in_forgets_the_failures_before_it():
    for _ in range(4):
        log_in(password="guess")
    assert log_in().status_code == 302
    for _ in range(4):
        log_in(password="guess")
    assert log_in().status_code == 302


def test_unknown_names_and_wrong_passwords_read_the_same():
    once = rb'(?:value|nonce)="[^"]*"'  # tokens, and the name that comes back
    known, unknown = (
        re.sub(once, b"", log_in(name=name, password="guess").content) for name in ("olga", "nobody")
    )
    assert known == unknown and b"do not belong together" in known


def test_a_name_with_markup_comes_back_as_text():
    page = log_in(name="<script>alert(1)</script>", password="x").content
    assert b"<script>alert" not in page and b"&lt;script&gt;" in page


def test_log_out_needs_a_post(owner):
    assert owner.get("/logout/").status_code == 405
    assert owner.get("/").status_code == 200
    assert owner.post("/logout/")["Location"] == "/login/"
    assert owner.get("/").status_code == 302


def sent(client: Client) -> dict[str, str]:
    """Every page as it leaves the server."""
    return {name: client.get(reverse(name), follow=True).content.decode() for name in PAGES} | {
        "404": client.get("/nothing/").content.decode(),
        "login": Client().get("/login/").content.decode(),
    }


def test_pages_hold_no_style_and_one_script_with_a_nonce(owner):
    for name, page in sent(owner).items():
        assert "<style" not in page and " style=" not in page, name
        assert not re.search(r"\son[a-z]+=", page), name
        inline = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", page)
        assert len(inline) == 1 and re.fullmatch(r'<script nonce="[\w+/=]{20,}">', inline[0]), name
        assert not re.search(r'(?:href|src)="(?:https?:)?//', page), f"{name} asks somebody else"


def test_the_nonce_is_the_one_of_the_header_and_new_each_time(owner):
    nonces = []
    for _ in range(2):
        response = owner.get("/")
        nonces.append(re.search(r'<script nonce="([^"]+)"', response.content.decode())[1])
        assert f"'nonce-{nonces[-1]}'" in response["Content-Security-Policy"]
        assert "unsafe" not in response["Content-Security-Policy"]
    assert nonces[0] != nonces[1]


def test_pages_are_not_kept_by_caches(owner):
    for name in PAGES:
        assert "no-store" in owner.get(reverse(name), follow=True)["Cache-Control"]


def test_navigation_names_only_pages_that_exist(owner):
    page = owner.get("/").content.decode()
    for address in set(re.findall(r'<a [^>]*href="(/[^"#]*)"', page)) - {"/latest/default.jpg"}:
        assert owner.get(address).status_code == 200, address


def test_readiness_is_shown_with_reasons_and_names_of_people(owner):
    page = owner.get("/status/").content.decode()
    assert "All-sky" in page and "the broker does not answer" in page
    fragment = owner.get("/status/?parts").content.decode()
    assert "<html" not in fragment and "the broker does not answer" in fragment


def test_newest_picture_of_a_camera_that_nobody_hears_of_is_not_found(owner):
    assert owner.get("/latest/default.jpg").status_code == 404
    assert owner.get("/latest/nobody.jpg").status_code == 404


@pytest.mark.parametrize(
    ("view", "status", "words"),
    [
        (lambda request: views.bad_request(request, ValueError()), 400, "Not understood"),
        (lambda request: views.forbidden(request, ValueError()), 403, "Not allowed"),
        (lambda request: views.csrf_failure(request), 403, "This form is out of date"),
        (lambda request: views.not_found(request, ValueError()), 404, "Nothing here"),
        (lambda request: views.server_error(request), 500, "Skycam made a mistake"),
    ],
)
def test_error_pages_speak_plainly_and_need_no_database(django_assert_num_queries, view, status, words):
    request = RequestFactory().get("/somewhere")
    request.csp_nonce = "n"
    with django_assert_num_queries(0):
        response = view(request)
    assert response.status_code == status
    assert f"<h1>{words}" in response.content.decode() or words in response.content.decode()


def test_a_mistake_on_a_page_is_answered_in_the_same_look(owner, monkeypatch):
    def broken(*args):
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(views, "readiness", broken)
    owner.raise_request_exception = False
    response = owner.get("/status/")
    assert response.status_code == 500
    assert b"Skycam made a mistake" in response.content and b"secret" not in response.content


def test_a_form_without_its_token_is_refused_in_words():
    client = Client(enforce_csrf_checks=True)
    response = client.post("/login/", {"username": "olga", "password": PASSWORD})
    assert response.status_code == 403 and b"This form is out of date" in response.content


@pytest.mark.parametrize(
    ("moment", "zone", "label"),
    [
        ("2026-11-20T11:59:59+00:00", "UTC", "Night of 19 November"),
        ("2026-11-20T12:00:00+00:00", "UTC", "Night of 20 November"),
        ("2026-11-20T11:00:00+00:00", "Europe/Berlin", "Night of 20 November"),
        ("2026-11-20T10:59:00+00:00", "Europe/Berlin", "Night of 19 November"),
        ("2027-01-01T03:00:00+00:00", "UTC", "Night of 31 December 2026"),
        ("2027-01-01T13:00:00+00:00", "UTC", "Night of 1 January"),
        ("2026-11-20T00:30:00+00:00", "Pacific/Auckland", "Night of 20 November"),
    ],
)
def test_a_night_goes_from_noon_to_noon_and_has_the_date_of_its_evening(moment, zone, label):
    assert night_label(datetime.fromisoformat(moment), ZoneInfo(zone)) == label


def test_the_zone_of_the_machine_is_known():
    assert datetime.now(UTC).astimezone(site_zone()).utcoffset() is not None
    assert evening(datetime(2026, 11, 20, 3, tzinfo=UTC), ZoneInfo("UTC")).isoformat() == "2026-11-19"
