"""People ask for archived frames on the page: who may, what they see, and that it is done."""

import pytest
from django.core.cache import cache
from django.test import Client
from exchange_nights import night

from dashboard.choices import Role
from dashboard.services import create_user
from sessions import retrieving
from sessions.catalogue.catalogue import Catalogue
from sessions.catalogue.ledger import Ledger
from sessions.catalogue.queries import find
from sessions.catalogue.removal import Remover
from sessions.catalogue.rules import Action, Verb
from sessions.exchange.archive import archive
from sessions.mirror import Mirror
from sessions.models import Session
from sessions.store.dropping import drop_frames
from sessions.store.verify import verify
from skycam_project.common.objectstore import LocalStore

PASSWORD = "a clear night in march"
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(120)]


@pytest.fixture
def row(settings, tmp_path, monkeypatch):
    """An archived session that gave up its frames."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DATA = tmp_path
    cache.clear()
    monkeypatch.setattr(type(settings.CONFIG), "archive_store", lambda config: LocalStore(tmp_path / "disk"))
    monkeypatch.setattr(retrieving, "_wake", lambda: None)  # there is no broker here
    for name, role in (("olga", Role.OWNER), ("otto", Role.OPERATOR), ("vera", Role.VIEWER)):
        create_user(name, PASSWORD, role)
    root = tmp_path / "sessions"
    path = night(root, storage="external")
    archive(path, root, LocalStore(tmp_path / "disk"))
    Mirror(root).sweep()
    found = Session.objects.get(session_type="observation")
    Ledger(root).drop_frames(str(found.uuid), "the archive may take 1 GB")
    drop_frames(path, "the archive may take 1 GB")
    Ledger(root).frames_dropped(str(found.uuid))
    Mirror(root).sweep()
    return Session.objects.get(pk=found.pk)


def client(name: str) -> Client:
    made = Client()
    assert made.login(username=name, password=PASSWORD)
    return made


def post(name: str, session: str):
    return client(name).post(f"/control/v1/sessions/{session}/retrieve/", {}, content_type="application/json")


def test_frames_come_back_to_page_and_catalogue(row, settings):
    root = settings.DATA / "sessions"
    page = client("vera").get(f"/sessions/{row.session_id}/").content.decode()
    assert "gave up" in page or "given up" in page
    assert 'data-do="retrieve"' in page
    assert post("vera", row.session_id).status_code == 403
    answer = post("otto", row.session_id)
    assert answer.status_code == 202 and answer.json()["retrieving"] == "otto"
    page = client("vera").get(f"/sessions/{row.session_id}/").content.decode()
    assert "asked by otto" in page and 'data-do="retrieve"' not in page and "data-retrieving" in page
    retrieving.carry_out()
    Mirror(root).sweep()
    back = Session.objects.get(pk=row.pk)
    assert back.dropped_at is None and back.protected and back.storage == "external" and back.archived_at
    assert verify(root / back.asdf_path).ok
    page = client("vera").get(f"/sessions/{row.session_id}/").content.decode()
    assert "given up" not in page


def test_a_failure_is_told_and_can_be_asked_again(row, settings):
    disk = settings.DATA / "disk"
    disk.rename(settings.DATA / "away")
    assert post("otto", row.session_id).status_code == 202
    retrieving.carry_out()
    page = client("vera").get(f"/sessions/{row.session_id}/").content.decode()
    assert "The last fetch failed: the archive has no session" in page and 'data-do="retrieve"' in page
    (settings.DATA / "away").rename(disk)
    post("otto", str(row.pk))
    retrieving.carry_out()
    assert not retrieving.state(row).not_retrieved and not retrieving.state(row).dropped_at


def test_a_deleted_session_comes_back_by_its_uuid(row, settings):
    root = settings.DATA / "sessions"
    gone = Action(Verb.REMOVE, (find(Catalogue(root), str(row.pk)),), "deleted by olga", asked=True)
    assert Remover(root).carry_out([gone]).sessions == {"remove": 1}
    Mirror(root).sweep()
    assert Session.objects.get(pk=row.pk).removed_at
    assert post("otto", str(row.pk)).status_code == 202
    retrieving.carry_out()
    Mirror(root).sweep()
    assert Session.objects.get(pk=row.pk).removed_at is None
    assert client("vera").get(f"/sessions/{row.session_id}/").status_code == 200


def test_what_is_not_in_the_archive_is_refused(row):
    Session.objects.filter(pk=row.pk).update(archived_at=None)
    answer = post("otto", row.session_id)
    assert answer.status_code == 409 and "no copy" in answer.json()["error"]["text"]
