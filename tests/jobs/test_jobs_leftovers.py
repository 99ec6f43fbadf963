"""Parts of jobs that nobody goes on with: kept for a retry, deleted in time, never under a job that is open."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sessions import retention
from timelapse import leftovers, products, queue, services
from timelapse.errors import JobError
from timelapse.models import Job

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)


@pytest.fixture
def work(settings):
    return settings.DATA / "work"


def part(work, job: Job, size: int = 10):
    """A chunk of a job, and the folder that its product would have."""
    folder = work / job.digest[:32]
    (folder / "chunks").mkdir(parents=True)
    (folder / "chunks" / "0000000-x.part").write_bytes(bytes(size))
    products.folder_for(job).mkdir(parents=True, exist_ok=True)
    return folder


def ended(job: Job, days: float) -> None:
    Job.objects.filter(pk=job.pk).update(finished_at=NOW - timedelta(days=days))


def given_up(night: str, fps: int) -> Job:
    job = services.create_timelapse({"fps": fps}, session=night)[0]
    queue.failed(queue.claim(), JobError("nothing but noise", final=True))
    return job


def test_parts_stay_a_week_for_a_retry_and_go_then(night, woken, work):
    old, young = given_up(night, 24), given_up(night, 25)
    folders = part(work, old), part(work, young)
    ended(old, 8)
    ended(young, 6)
    assert leftovers.clear() == 1
    assert [folder.exists() for folder in folders] == [False, True]
    assert not products.folder_for(old).exists() and products.folder_for(young).exists()
    services.retry(young.pk)
    ended(young, 100)
    assert leftovers.clear() == 0 and folders[1].exists(), "it waits again"


def test_what_an_open_job_of_the_same_digest_uses_stays(night, woken, work):
    job = given_up(night, 24)
    ended(job, 8)
    folder = part(work, job)
    services.create_timelapse({"fps": 24}, session=night)
    assert leftovers.clear() == 0
    assert folder.exists() and products.folder_for(job).exists()


def test_the_oldest_go_early_when_they_are_too_much(night, woken, work, settings):
    jobs = [given_up(night, 20 + number) for number in range(3)]
    folders = [part(work, job, 100) for job in jobs]
    for days, job in zip((1, 3, 2), jobs, strict=True):
        ended(job, days)
    size = sum(path.lstat().st_size for path in folders[0].rglob("*"))
    settings.CONFIG = replace(settings.CONFIG, retention_working_size=2 * size)
    assert leftovers.clear() == 1
    assert [folder.exists() for folder in folders] == [True, False, True]


def test_a_full_disk_takes_all_that_is_not_open(night, woken, work, monkeypatch):
    monkeypatch.setattr(retention, "wanted_bytes", lambda: 1)
    folder = part(work, given_up(night, 24))
    running = services.create_timelapse({"fps": 30}, session=night)[0]
    kept = part(work, running)
    assert leftovers.clear() == 1
    assert not folder.exists() and kept.exists()


def test_folders_of_other_people_stay(night, woken, work, monkeypatch):
    monkeypatch.setattr(retention, "wanted_bytes", lambda: 1)
    (work / "thesis").mkdir(parents=True)
    (work / ("0" * 32 + ".gone")).mkdir()
    assert leftovers.clear() == 0
    assert [path.name for path in work.iterdir()] == ["thesis"]
