"""The control API of finished sessions: filters, pages, roles, and what a deletion really does."""

import pytest
from catalogue_files import mirror_here, record, write_session
from django.test import Client

from dashboard.models import ApiToken, User
from dashboard.services import create_token
from sessions import retention
from sessions.catalogue.ledger import Ledger
from sessions.mirror import Mirror
from sessions.models import Session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def root(tmp_path, settings, monkeypatch):
    settings.DATA = tmp_path
    (tmp_path / "sessions").mkdir()
    return tmp_path / "sessions"


@pytest.fixture
def api(root):
    User.objects.create_user(
        "anna", password="x", role="owner"
    )  # without an owner every page leads to the first run
    return {role: Caller(create_token(role, role)) for role in ("viewer", "operator", "owner")}


class Caller:
    def __init__(self, token: str) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {token}"})

    def get(self, path: str, **query):
        return self._client.get(f"/control/v1/sessions/{path}", query)

    def post(self, path: str, body=None):
        return self._client.post(f"/control/v1/sessions/{path}", body or {}, content_type="application/json")


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["session_id"] for row in answer.json()["sessions"]]


def test_filters_and_pages(root, api):
    for number in range(25):
        write_session(root, number)
    mirror_here(root)
    viewer, everything, after = api["viewer"], [], None
    while True:
        answer = viewer.get("", limit=10, **({"after": after} if after else {}))
        everything += names(answer)
        if (after := answer.json()["next"]) is None:
            break
    wanted = [s.session_id for s in Session.objects.order_by("-start_time")]
    assert everything == wanted
    assert len(wanted) == 25
    assert all(name.startswith("idle") for name in names(viewer.get("", type="idle")))
    assert len(names(viewer.get("", type="idle"))) == 9
    assert len(names(viewer.get("", errors="true"))) == 4
    assert len(names(viewer.get("", target="m1"))) == 11
    assert len(names(viewer.get("", since="2026-03-01T03:00:00Z", until="2026-03-01T03:20:00Z"))) == 2
    assert names(viewer.get("", text="observation_20260301_001000")) == [wanted[-2]]
    assert names(viewer.get("", removed="true")) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"type": "party"}, "type"),
        ({"since": "yesterday"}, "since"),
        ({"limit": 0}, "limit"),
        ({"limit": 9999}, "limit"),
        ({"after": "x"}, "after"),
        ({"after": "2026-01-01T00:00:00_x"}, "after"),
    ],
)
def test_bad_questions_name_their_field(api, query, field):
    answer = api["viewer"].get("", **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field


def test_one_session(root, api):
    record(root)
    mirror_here(root)
    session = Session.objects.get(target="M31")
    for name in (str(session.uuid), session.session_id):
        found = api["viewer"].get(f"{name}/").json()
        assert found["asdf_path"] == session.asdf_path
        assert {one["camera"]: one["frames"] for one in found["captures"]} == {"main": 2, "dslr": 1}
    for name in ("nothing", "..", "%2e%2e%2fetc", "00000000-0000-0000-0000-000000000000"):
        assert api["viewer"].get(f"{name}/").status_code == 404


def test_roles(root, api):
    write_session(root, 1)
    mirror_here(root)
    uuid = Session.objects.get().uuid
    assert Client().get("/control/v1/sessions/").status_code == 401
    assert api["viewer"].post(f"{uuid}/protect/", {"protected": True}).status_code == 403
    assert api["viewer"].post(f"{uuid}/verify/").status_code == 403
    assert api["operator"].post(f"{uuid}/delete/").status_code == 403
    assert api["operator"].post(f"{uuid}/protect/", {"protected": True}).json()["protected"]
    assert api["operator"].post(f"{uuid}/protect/", {}).json()["error"]["field"] == "protected"
    assert ApiToken.objects.count() == 3


def test_verify_says_what_is_wrong(root, api):
    record(root)
    mirror_here(root)
    session = Session.objects.get(target="M31")
    good = api["operator"].post(f"{session.uuid}/verify/").json()
    assert (good["ok"], good["problems"]) == (True, [])
    path = root / session.asdf_path
    data = bytearray(path.read_bytes())
    data[-2000] ^= 1
    path.write_bytes(data)
    bad = api["operator"].post(f"{session.uuid}/verify/").json()
    assert not bad["ok"]
    assert bad["problems"]


def test_protected_sessions_cannot_be_deleted(root, api):
    path = write_session(root, 1)
    mirror = Mirror(root)
    mirror.follow()
    uuid = Session.objects.get().uuid
    api["operator"].post(f"{uuid}/protect/", {"protected": True})
    answer = api["owner"].post(f"{uuid}/delete/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_allowed")
    mirror.follow()
    assert path.exists()
    assert Session.objects.get().protected


def test_deletion(root, api):
    record(root)
    mirror = Mirror(root)
    mirror.follow()
    session = Session.objects.get(target="M31")
    refused = api["owner"].post(f"{session.uuid}/delete/")
    assert refused.status_code == 409
    assert "no copy" in refused.json()["error"]["text"]
    assert api["owner"].post(f"{session.uuid}/delete/", {"confirm": "other"}).status_code == 409
    assert api["owner"].post(f"{session.uuid}/delete/", {"confirm": session.session_id}).status_code == 202
    assert (root / session.asdf_path).exists()
    mirror.follow()
    assert not (root / session.asdf_path).exists()
    gone = Session.objects.removed().get()
    assert (gone.uuid, gone.removed_reason) == (session.uuid, "deleted by owner")
    assert names(api["viewer"].get("", removed="true")) == [session.session_id]
    assert session.session_id not in names(api["viewer"].get(""))
    assert not Ledger(root).unfinished()
    assert api["owner"].post(f"{session.uuid}/delete/").status_code == 409


def test_a_damaged_session_is_not_deleted_although_somebody_asked(root, api, caplog):
    record(root)
    mirror = Mirror(root)
    mirror.follow()
    session = Session.objects.get(session_type="alignment")
    path = root / session.asdf_path
    data = bytearray(path.read_bytes())
    data[-300] ^= 1
    path.write_bytes(data)
    assert api["owner"].post(f"{session.uuid}/delete/").status_code == 202
    mirror.follow()
    assert path.exists()
    assert not Ledger(root).unfinished()


def test_what_goes_tomorrow(root, api):
    write_session(root, 1, session_type="idle")
    write_session(root, 2, session_type="observation")
    mirror_here(root)
    (action,) = api["viewer"].get("retention/").json()
    assert action["verb"] == "remove"
    assert action["reason"] == "idle, kept 30 days"
    assert [one["session_id"] for one in action["sessions"]] == ["idle_20260301_001000_1"]


def test_the_schema_knows_the_addresses(api):
    answer = api["viewer"]._client.get("/control/v1/schema/")
    assert answer.status_code == 200
    for name in (
        "sessions_list",
        "session_protect",
        "session_verify",
        "session_delete",
        "sessions_retention",
    ):
        assert name.encode() in answer.content


def test_a_full_disk_costs_caches_first_then_frames_without_a_copy_last(root, api, tmp_path, monkeypatch):
    record(root)
    mirror_here(root)
    cache = tmp_path / "cache" / "pictures" / "1.jpg"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(bytes(3000))
    archived, other = Session.objects.get(target="M33"), Session.objects.get(target="M31")
    Ledger(root).archived(str(archived.uuid), "s3://nights/m33")
    retention.protect(other, True, "anna")
    for wanted, gone in ((0, 0), (2000, 1), (2000, 2), (10**9, 2)):
        monkeypatch.setattr(retention, "wanted_bytes", lambda wanted=wanted: wanted)
        retention.relieve()
        mirror_here(root)
        dropped = list(Session.objects.exclude(dropped_at=None))
        assert (not cache.exists()) + len(dropped) == gone
        assert all(one.target == "M33" for one in dropped)
    retention.protect(other, False, "anna")
    retention.relieve()
    mirror_here(root)
    assert set(Session.objects.exclude(dropped_at=None).values_list("target", flat=True)) == {"M31", "M33"}
    assert "no copy" in Session.objects.get(target="M31").dropped_reason


@pytest.mark.parametrize(("free", "wanted"), [(50, 0), (5, 0), (4, 20), (0, 60)])
def test_when_the_disk_is_nearly_full(root, monkeypatch, free, wanted):
    usage = type("Usage", (), {"free": free * 10, "total": 1000})
    monkeypatch.setattr(retention.shutil, "disk_usage", lambda path: usage)
    assert retention.wanted_bytes() == wanted
