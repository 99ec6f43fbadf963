"""The periodic work on finished sessions, as the schedule names it, through Celery's own task objects."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from catalogue_files import mirror_here, record, write_session

from sessions.catalogue.ledger import Ledger
from sessions.models import Session
from skycam_project.celery import app

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture
def root(tmp_path, settings):
    settings.DATA = tmp_path
    (tmp_path / "sessions").mkdir()
    return tmp_path / "sessions"


def on_schedule(name: str) -> None:
    """Run a scheduled task here; its errors are ours."""
    task = app.conf.beat_schedule[name]["task"]
    app.loader.import_default_modules()
    app.tasks[task].apply(throw=True)


def test_retention_deletes_what_is_due_and_nothing_else(root, settings):
    now = datetime.now(UTC)
    old, young, kept = (
        write_session(root, 3 * number, now - timedelta(days=days), session_type="maintenance")
        for number, days in enumerate((181, 179, 200))
    )
    mirror_here(root)
    Ledger(root).protect(str(Session.objects.get(session_id=kept.stem).uuid), True, "anna")
    settings.CONFIG = replace(settings.CONFIG, retention=False)
    on_schedule("retention")
    assert old.exists()
    settings.CONFIG = replace(settings.CONFIG, retention=True)
    on_schedule("retention")
    assert (old.exists(), young.exists(), kept.exists()) == (False, True, True)
    mirror_here(root)
    assert set(Session.objects.present().values_list("session_id", flat=True)) == {young.stem, kept.stem}


def test_the_archive_gets_every_finished_session_once(root, settings, tmp_path):
    record(root)
    on_schedule("archive")  # no archive is set: nothing happens
    settings.CONFIG = replace(settings.CONFIG, archive="local", archive_path=tmp_path / "elsewhere")
    damaged = next(root.glob("*/*/*/alignment*.asdf"))
    data = bytearray(damaged.read_bytes())
    data[-300] ^= 1
    damaged.write_bytes(data)
    on_schedule("archive")
    mirror_here(root)
    archived = set(Session.objects.exclude(archived_at=None).values_list("target", flat=True))
    assert archived == {"M31", "M33"}
    copies = {path: path.stat().st_mtime_ns for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()}
    assert len([path for path in copies if path.suffix == ".asdf"]) == 2
    on_schedule("archive")
    assert all(path.stat().st_mtime_ns == time for path, time in copies.items())
