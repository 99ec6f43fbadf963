"""The database follows the files: new sessions, decisions, deletions, and any kind of loss."""

import shutil

import pytest
from catalogue_files import record, write_session

from sessions.catalogue.catalogue import Catalogue
from sessions.catalogue.ledger import Ledger
from sessions.mirror import Mirror, SyncError, catalogued
from sessions.models import Capture, MirroredMonth, Session
from skycam_project.common.files import fsync_folder

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def root(tmp_path):
    record(tmp_path)
    return tmp_path


def mirrored() -> dict[str, tuple]:
    return {
        str(s.uuid): (s.session_id, s.target, s.error_count, s.protected, s.asdf_path)
        for s in Session.objects.present()
    }


def from_catalogue(root) -> dict[str, tuple]:
    rows = Catalogue(root).scan().collect().iter_rows(named=True)
    return {
        r["uuid"]: (r["session_id"], r["target"], r["error_count"], r["protected"], r["asdf_path"])
        for r in rows
    }


def test_sessions_and_captures_appear(root):
    before = catalogued.labels("observation")._value.get()
    assert Mirror(root).sweep()
    assert mirrored() == from_catalogue(root)
    assert len(mirrored()) == 4
    assert catalogued.labels("observation")._value.get() == before + 2
    capture = Capture.objects.get(session__target="M31", camera="main")
    assert (capture.model, capture.frames, capture.exposure_s, capture.gain) == ("ASI482MC", 2, 0.312, 200)
    assert capture.first_at <= capture.last_at
    assert Session.objects.get(target="M31").captures.count() == 2


def test_follows_what_happens(root):
    mirror = Mirror(root)
    assert mirror.sweep()
    assert not mirror.sweep()
    path = write_session(root, 1)
    assert mirror.sweep()
    assert len(mirrored()) == 5
    uuid = "00000000-0000-0000-0000-000000000002"
    Ledger(root).protect(uuid, True, "anna")
    assert mirror.sweep()
    assert Session.objects.get(pk=uuid).protected
    path.unlink()
    fsync_folder(path.parent)
    assert mirror.sweep()
    assert mirrored() == from_catalogue(root)
    assert len(mirrored()) == 4
    assert not mirror.sweep()


def test_deleted_sessions_leave_their_tombstone(root):
    path = write_session(root, 1)
    mirror = Mirror(root)
    mirror.sweep()
    row = next(row for row in Catalogue(root).scan().collect().to_dicts() if row["target"] == "M1")
    ledger = Ledger(root)
    ledger.remove({k: v for k, v in row.items() if k not in ("year", "month")}, "idle, older than 30 days")
    path.unlink()
    ledger.removed(row["uuid"])
    for _ in range(2):
        mirror.sweep()
        gone = Session.objects.removed().get()
        assert (gone.target, gone.removed_reason) == ("M1", "idle, older than 30 days")
        Session.objects.all().delete()  # a lost database gets its tombstones back
        MirroredMonth.objects.all().delete()
        mirror = Mirror(root)
    write_session(root, 1)  # brought back from an archive
    mirror.sweep()
    assert not Session.objects.removed().exists()


def test_a_lost_or_changed_database_is_healed(root):
    Mirror(root).sweep()
    before = mirrored()
    Session.objects.filter(target="M31").delete()
    Session.objects.update(error_count=99)
    MirroredMonth.objects.all().delete()
    Session.objects.update(catalogued_at="2020-01-01T00:00:00Z")
    Mirror(root).sweep()
    assert mirrored() == before


def test_a_lost_catalogue_is_healed(root):
    mirror = Mirror(root)
    mirror.sweep()
    before = mirrored()
    shutil.rmtree(root / "catalog.d")
    shutil.rmtree(root / "catalog")
    assert mirror.sweep()
    assert from_catalogue(root) == before == mirrored()


def test_a_failing_catalogue_is_tried_again(root):
    (root / "catalog").write_text("a file where a folder must be")
    mirror = Mirror(root)
    with pytest.raises(SyncError):
        mirror.sweep()
    (root / "catalog").unlink()
    mirror.sweep()
    assert len(mirrored()) == 4
