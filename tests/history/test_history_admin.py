"""The admin: owners only, nothing can be changed but by the verbs, and deleting is retention's."""

import shutil

import pytest
from django.core.cache import cache
from django.test import Client

from dashboard.choices import Role
from dashboard.services import create_user
from sessions import finding, retention
from sessions.mirror import Mirror
from sessions.models import Capture, Session

PASSWORD = "a clear night in march"
TABLE = "/admin/observing_sessions/session/"
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def data(nights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("admin")
    shutil.copytree(nights[0], folder / "sessions", symlinks=True)
    yield folder
    finding._reader(folder / "cache" / "pictures").close()
    finding._reader.cache_clear()


@pytest.fixture(autouse=True)
def site(settings, data, mirrored):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DATA = data
    cache.clear()
    for name, role in (("olga", Role.OWNER), ("otto", Role.OPERATOR), ("vera", Role.VIEWER)):
        create_user(name, PASSWORD, role)
    mirrored(data / "sessions")


def client(name: str = "olga") -> Client:
    made = Client()
    assert made.login(username=name, password=PASSWORD)
    return made


def row(word: str) -> Session:
    return Session.objects.get(session_id__contains=word, session_type="observation")


def act(action: str, *rows: Session, follow: bool = True, **more: str):
    sent = {"action": action, "_selected_action": [str(one.pk) for one in rows], **more}
    return client().post(TABLE, sent, follow=follow)


def said(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_owners_are_let_in_through_our_log_in_and_nobody_else():
    assert Client().get(TABLE)["Location"] == f"/admin/login/?next={TABLE}"
    assert Client().get(f"/admin/login/?next={TABLE}")["Location"] == f"/login/?next={TABLE}"
    assert client("olga").get(TABLE).status_code == 200
    for name in ("otto", "vera"):
        assert client(name).get(TABLE, follow=True).status_code == 403


def test_pages_of_the_admin_keep_the_content_policy():
    one = row("m-31")
    for path in ("/admin/", TABLE, f"{TABLE}{one.pk}/change/", f"{TABLE}{one.pk}/frames/", f"{TABLE}{one.pk}/logs/", "/admin/observing_sessions/capture/"):  # fmt: skip
        response = client().get(path)
        page = response.content.decode()
        assert response.status_code == 200 and "unsafe" not in response["Content-Security-Policy"], path
        assert "<style" not in page and " style=" not in page and " onclick=" not in page, path


def test_nothing_is_added_changed_or_deleted_by_form():
    one = row("m-31")
    owner = client()
    assert owner.get(f"{TABLE}add/").status_code == 403
    assert owner.post(f"{TABLE}{one.pk}/change/", {"target": "M 33"}).status_code == 403
    assert owner.post(f"{TABLE}{one.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in owner.get(TABLE).content.decode()
    assert row("m-31").target == "M 31" and Capture.objects.filter(session=one).count() == 2


def test_frames_and_log_come_from_the_file():
    one = row("m-31")
    frames = client().get(f"{TABLE}{one.pk}/frames/").content.decode()
    assert (
        "25 frames" in frames
        and "DSC_0001.JPG" in frames
        and f"/sessions/{one.session_id}/frames/main/7/large.jpg" in frames
    )
    errors = client().get(f"{TABLE}{one.pk}/logs/?level=ERROR").content.decode()
    assert "frame 120 stored" in errors and "frame 119 stored" not in errors
    assert "No row matches" in client().get(f"{TABLE}{one.pk}/logs/?text=nothing+says+this").content.decode()
    assert client().get(f"{TABLE}{one.pk}/logs/?level=ODD").status_code == 404
    assert client("otto").get(f"{TABLE}{one.pk}/logs/", follow=True).status_code == 403


def test_protecting_is_written_to_the_ledger_and_shown():
    assert "2 sessions protected" in said(act("protect", row("m-31"), row("m-42")))
    assert row("m-31").protected and row("m-42").protected
    act("unprotect", row("m-31"))
    assert not row("m-31").protected
    act("unprotect", row("m-42"))


def test_verifying_reads_every_byte(data):
    assert "is whole: " in said(act("verify", row("m-42")))
    path = data / "sessions" / row("m-42").asdf_path
    good = path.read_bytes()
    path.write_bytes(good[:-5000] + bytes(100) + good[-4900:])
    try:
        assert "is whole" not in said(act("verify", row("m-42")))
    finally:
        path.write_bytes(good)


def test_exporting_leads_to_the_download():
    response = act("export", row("m-31"), follow=False)
    assert response["Location"] == f"/sessions/{row('m-31').session_id}/download/fits/"
    assert "Choose one session" in said(act("export", row("m-31"), row("m-42")))


def test_deleting_asks_for_the_word_and_is_done_by_retention(data):
    one = row("ngc-7000")
    path = data / "sessions" / one.asdf_path
    asked = act("delete_sessions", one).content.decode()
    assert "no other copy is known" in asked and one.session_id in asked and path.exists()
    assert "That was not the word" in act("delete_sessions", one, typed="yes").content.decode()
    assert not retention.unfinished()
    assert "gone within seconds" in said(act("delete_sessions", one, typed="delete"))
    assert path.exists() and retention.unfinished(), "the page itself deletes nothing"
    retention.carry_out_requests()
    assert not path.exists()
    Mirror(data / "sessions").sweep()
    gone = Session.objects.get(pk=one.pk)
    assert gone.removed_at and "olga" in gone.removed_reason
    assert client().get(f"/sessions/{one.session_id}/").status_code == 404


def test_a_protected_session_is_not_deleted(data):
    act("protect", row("m-31"))
    assert "is protected" in said(act("delete_sessions", row("m-31"), typed="delete"))
    assert not retention.unfinished()
    act("unprotect", row("m-31"))
