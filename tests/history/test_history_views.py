"""Pages, pictures, downloads and the read API: who may see what, hostile addresses, filters, ranges."""

import shutil
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.test import AsyncClient, Client
from hypothesis import given
from hypothesis import strategies as st

from dashboard.choices import Role
from dashboard.history import calendar
from dashboard.services import create_user
from sessions import finding
from sessions.models import Session
from sessions.store.manager import SessionManager
from skycam_project.common.nights import evening
from tests.history_nights import EVENING, PLACE, SetClock, fill, jpeg
from timelapse.models import Job, Product

PASSWORD = "a clear night in march"
HOSTILE = [
    "..",
    "../../etc/passwd",
    "%2e%2e",
    "%2e%2e%2fetc",
    "x'--",
    "..%2F..%2Fsecret",
    "idle_20261119_180000%00",
    "." * 300,
]


@pytest.fixture(scope="module")
def data(nights, tmp_path_factory):
    """A data folder with all nights."""
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(nights[0], folder / "sessions", symlinks=True)
    return folder


@pytest.fixture(autouse=True)
def site(settings, data, mirrored):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DATA = data
    FOLDERS.append(finding.pictures_folder())
    cache.clear()
    for name, role in (("olga", Role.OWNER), ("otto", Role.OPERATOR), ("vera", Role.VIEWER)):
        create_user(name, PASSWORD, role)
    mirrored(data / "sessions")


FOLDERS: list = []


@pytest.fixture(scope="module", autouse=True)
def reader():
    yield
    for folder in FOLDERS:
        finding._reader(folder).close()
    finding._reader.cache_clear()


def client(name: str = "vera") -> Client:
    made = Client()
    assert made.login(username=name, password=PASSWORD)
    return made


def ident(word: str) -> str:
    return Session.objects.get(session_id__contains=word, session_type="observation").session_id


PATHS = ["/sessions/", "/gallery/", "/sessions/{}/", "/sessions/{}/asdf/", "/sessions/{}/frames/main/0/large.jpg", "/sessions/{}/frames/guide/0/original/"]  # fmt: skip
READS = ["contents", "frames", "frames/main/0", "events", "telemetry", "logs"]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_sees_anything_without_a_log_in(path):
    assert Client().get(path.format(ident("m-31")))["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("what", READS)
def test_the_read_api_needs_a_log_in_and_a_viewer_is_enough(what):
    path = f"/control/v1/sessions/{ident('m-31')}/{what}/"
    assert Client().get(path).status_code in (401, 403)
    assert client("vera").get(path).status_code == 200


@pytest.mark.parametrize(
    "name", [*HOSTILE, "observation_x_20261119_180000", "11111111-2222-4333-8444-555555555555"]
)
def test_a_session_that_does_not_exist_is_not_found_whatever_its_name(name):
    viewer = client()
    for path in PATHS[2:]:
        assert viewer.get(path.format(name)).status_code in (400, 404), path
    for what in READS:
        assert viewer.get(f"/control/v1/sessions/{name}/{what}/").status_code in (400, 404), what


@pytest.mark.parametrize(
    "tail",
    ["main/99/large.jpg", "nobody/0/large.jpg", "main/0/huge.jpg", "main/0/large.gif", "main/0/large.jpg?stretch=odd",
     "main/-1/large.jpg", "main/0/../../../x.jpg", "guide/7/original/", f"main/{'9' * 30}/large.jpg"],
)  # fmt: skip
def test_a_frame_that_does_not_exist_is_not_found(tail):
    assert client().get(f"/sessions/{ident('m-31')}/frames/{tail}").status_code == 404


def test_a_row_that_points_outside_the_sessions_folder_is_refused():
    Session.objects.filter(session_id=ident("m-31")).update(asdf_path="../../../etc/hosts")
    viewer = client()
    name = ident("m-31")
    assert viewer.get(f"/sessions/{name}/").status_code == 404
    assert viewer.get(f"/sessions/{name}/asdf/").status_code == 404
    assert viewer.get(f"/control/v1/sessions/{name}/logs/").status_code == 404


def test_a_deleted_session_says_when_and_why_it_went():
    name = ident("m-31")
    Session.objects.filter(session_id=name).update(removed_at=datetime(2026, 11, 25, tzinfo=UTC), removed_reason="older than 30 days")  # fmt: skip
    answer = client().get(f"/sessions/{name}/")
    assert answer.status_code == 404 and b"2026-11-25: older than 30 days" in answer.content
    assert name.encode() not in client().get("/sessions/").content


def test_a_session_that_the_catalogue_has_not_seen_is_found_by_its_name():
    name = ident("m-31")
    Session.objects.all().delete()
    assert client().get(f"/sessions/{name}/").status_code == 200
    assert client().get(f"/control/v1/sessions/{name}/frames/").json()["total"] == 25


def test_a_running_session_has_a_page_frames_and_a_place_above_the_list(tmp_path, settings):
    settings.DATA = tmp_path
    FOLDERS.append(finding.pictures_folder())
    clock = SetClock(EVENING)
    with SessionManager(tmp_path / "sessions", PLACE, instrument="east", clock=clock) as sessions:
        night = sessions.start_session("observation", target="Whole sky")
        fill(night, clock, 3)
        viewer = client()
        page = viewer.get(f"/sessions/{night.id}/").content.decode()
        assert "Running" in page and "Whole sky" in page and "Tonight" in page and "/asdf/" not in page
        assert viewer.get(f"/sessions/{night.id}/asdf/").status_code == 404
        assert viewer.get(f"/control/v1/sessions/{night.id}/frames/").json()["total"] == 4
        assert viewer.get(f"/sessions/{night.id}/frames/main/2/thumbnail.jpg").content[:2] == b"\xff\xd8"
        assert "Whole sky" in viewer.get("/sessions/").content.decode()
        assert f'data-session="{night.id}"' in viewer.get("/gallery/").content.decode()


# -- the list


def listed(query: str = "") -> list[str]:
    """Targets and purposes in the list, in order."""
    response = client().get(f"/sessions/?{query}")
    assert response.status_code == 200
    return [row.target or row.purpose or row.session_type for night in response.context["nights"] for row in night["sessions"]]  # fmt: skip


def test_the_list_is_newest_first_by_night_without_idle_hours():
    assert listed() == ["NGC 7000", "focus run", "M 31", "M 42"]
    nights = client().get("/sessions/").context["nights"]
    assert [night["label"] for night in nights] == [
        "Night of 20 November",
        "Night of 19 November",
        "Night of 17 November",
    ]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("type=maintenance", ["focus run"]),
        ("type=observation&instrument=dslr", ["M 31", "M 42"]),
        ("target=M+31", ["M 31"]),
        ("errors=1&instrument=dwarf", ["NGC 7000"]),
        ("text=FOCUS", ["focus run"]),
        ("night=2026-11-19", ["focus run", "M 31"]),
        ("night=2026-11-18", []),
        ("protected=1", []),
        ("text=%27%22%3B--", []),
    ],
)
def test_filters_narrow_the_list(query, wanted):
    assert listed(query) == wanted


def test_all_shows_idle_hours_too():
    assert listed("type=all").count("idle") == Session.objects.filter(session_type="idle").count() > 0


@pytest.mark.parametrize(
    "query", ["type=odd", "night=yesterday", "month=2026-13", "before=soon", "night=2026-02-30"]
)
def test_a_wrong_filter_is_refused_with_its_field(query):
    answer = client().get(f"/sessions/?{query}")
    assert answer.status_code == 400 and query.split("=")[0] in answer.content.decode()


def test_older_pages_go_on_where_the_page_before_ended(monkeypatch):
    from dashboard.history import pages

    monkeypatch.setattr(pages, "PAGE", 2)
    first = client().get("/sessions/")
    assert listed() == ["NGC 7000", "focus run"]
    assert listed(first.context["older"].removeprefix("?")) == ["M 31", "M 42"]


def test_markup_in_a_target_stays_text():
    Session.objects.filter(session_id=ident("m-31")).update(target="<script>alert(1)</script>")
    for path in ("/sessions/", "/gallery/", f"/sessions/{ident('m-31')}/"):
        page = client().get(path).content.decode()
        assert "<script>alert" not in page and "&lt;script&gt;alert" in page


def test_the_calendar_counts_sessions_of_the_evening_they_belong_to():
    month = client().get("/sessions/?month=2026-11").context["calendar"]
    nights = {night.date.day: night for week in month.weeks for night in week if night}
    assert (nights[19].sessions, nights[19].frames, nights[19].errors) == (2, 25, 1)
    assert nights[18].sessions == 0 and nights[19].level == "4" and nights[17].level == "1"
    assert (len(nights) == 30 and month.after is None) or month.after == "2026-12"


def test_the_targets_are_added_up():
    rows = {row["target"]: row for row in client().get("/sessions/").context["targets"]}
    assert set(rows) == {"M 31", "M 42", "NGC 7000"} and rows["M 31"]["frames"] == 25


def test_the_list_asks_the_database_little(django_assert_max_num_queries):
    viewer = client()
    viewer.get("/sessions/")  # what is kept for a minute is kept now
    with django_assert_max_num_queries(7):
        viewer.get("/sessions/")


@given(st.dates(date(1995, 1, 1), date(2060, 1, 1)), st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Auckland", "Australia/Lord_Howe"]))  # fmt: skip
def test_a_night_begins_and_ends_at_noon_whatever_the_clocks_do(night, name):
    zone = ZoneInfo(name)
    begin, end = calendar.span_of(night, zone)
    assert 22.9 * 3600 <= (end - begin).total_seconds() <= 25.1 * 3600
    assert evening(begin, zone) == night and evening(end, zone) > night


# -- the gallery


def test_the_gallery_shows_sessions_with_frames_only():
    page = client().get("/gallery/").content.decode()
    assert all(ident(word) in page for word in ("m-31", "m-42", "ngc-7000")) and "maintenance" not in page
    one = client().get("/gallery/?instrument=dwarf&view=frames").content.decode()
    assert ident("ngc-7000") in one and ident("m-31") not in one and 'data-view="frames"' in one
    assert client().get("/gallery/?view=odd").status_code == 400


def test_what_was_made_stands_on_the_page_and_in_the_gallery():
    one, other = ident("m-31"), ident("m-42")
    files = [
        {"name": "keogram-strip.png", "role": "strip", "bytes": 10, "type": "image/png"},
        {"name": "keogram.png", "role": "picture", "bytes": 4_200_000, "type": "image/png"},
    ]
    made = Product.objects.create(
        kind="keogram", title="k", session=one, folder="a/b/c", files=files, size=4_200_010
    )
    kept = {"source_kind": "session", "source": one, "title": "x"}
    Job.objects.create(kind="timelapse", state="running", percent=41.6, digest="1", **kept)
    Job.objects.create(
        kind="product", product="startrails", state="failed", error="no stars", digest="2", **kept
    )
    Job.objects.create(kind="product", product="keogram", state="failed", error="old", digest="3", **kept)
    page = client().get(f"/sessions/{one}/").content.decode()
    assert f"/products/{made.pk}/keogram.png" in page and "4.20" in page and "Keogram" in page
    assert (
        "being made, 42" in page
        and "failed: no stars" in page
        and "old" not in page.split("pr-h")[1].split("</section>")[0]
    )
    assert f'class="view keo"><img src="/products/{made.pk}/keogram-strip.png"' in page
    assert "Nothing made of it" in client().get(f"/sessions/{other}/").content.decode()
    gallery = client().get("/gallery/").content.decode()
    assert gallery.count('class="view keo"') == 1 and f"/products/{made.pk}/keogram.png" in gallery
    for view in ("best", "frames"):
        shown = client().get(f"/gallery/?view={view}").content.decode()
        assert f'data-view="{view}"' in shown and 'class="view keo"' not in shown


# -- files


def test_pictures_are_made_once_and_kept(data, monkeypatch):
    viewer, path = client(), f"/sessions/{ident('m-31')}/frames/main/5/thumbnail.png"
    first = viewer.get(path)
    assert first["Content-Type"] == "image/png" and first.content[:4] == b"\x89PNG"
    monkeypatch.setattr(finding.Found, "ask", lambda *args, **more: pytest.fail("made again"))
    assert viewer.get(path).content == first.content


@pytest.mark.parametrize("what", READS)
def test_wrong_parameters_are_refused_with_their_field(what):
    fields = {"logs": "level=odd", "frames": "sample=0"}
    if what in fields:
        answer = client().get(f"/control/v1/sessions/{ident('m-31')}/{what}/?{fields[what]}")
        assert answer.status_code == 400 and answer.json()["error"]["field"] == fields[what].split("=")[0]


async def streamed(path: str, **headers: str):
    """Status, headers and body as an asynchronous server sends them."""
    from asgiref.sync import sync_to_async
    from django.contrib.auth import get_user_model

    viewer = AsyncClient()
    user = await sync_to_async(get_user_model().objects.get)(username="vera")
    await viewer.aforce_login(user)
    response = await viewer.get(path, headers=headers)
    body = b"".join([piece async for piece in response]) if response.streaming else response.content
    return response, body


@pytest.mark.django_db(transaction=True)
async def test_a_session_is_downloaded_as_it_is_whole_or_in_ranges(nights):
    name = nights[1]["m-31"].stem
    whole = nights[1]["m-31"].read_bytes()
    response, body = await streamed(f"/sessions/{name}/asdf/")
    assert body == whole and int(response["Content-Length"]) == len(whole)
    assert f'filename="{name}.asdf"' in response["Content-Disposition"]
    for asked, start, stop in (("bytes=0-99", 0, 100), ("bytes=1000-", 1000, len(whole)), ("bytes=-50", len(whole) - 50, len(whole)), ("bytes=5-99999999", 5, len(whole))):  # fmt: skip
        response, body = await streamed(f"/sessions/{name}/asdf/", Range=asked)
        assert response.status_code == 206 and body == whole[start:stop]
        assert response["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert (await streamed(f"/sessions/{name}/asdf/", Range="bytes=99999999-"))[0].status_code == 416
    for ignored in ("bytes=0-1,5-6", "lines=1-2", "bytes=-"):
        assert (await streamed(f"/sessions/{name}/asdf/", Range=ignored))[1] == whole


@pytest.mark.django_db(transaction=True)
async def test_an_original_is_downloaded_byte_for_byte_under_its_own_name(nights):
    response, body = await streamed(f"/sessions/{nights[1]['m-31'].stem}/frames/guide/0/original/")
    assert body == jpeg() and 'filename="DSC_0001.JPG"' in response["Content-Disposition"]
