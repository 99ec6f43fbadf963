"""The table of jobs is the queue: nothing is lost, done twice or stuck, whoever dies."""

from dataclasses import replace
from datetime import timedelta

import psutil
import pytest
from django.db.models.functions import Now

from skycam_project.common.errors import InvalidValueError
from timelapse import queue, services
from timelapse.choices import JobState
from timelapse.errors import JobError, MissingError, StateError
from timelapse.models import Job, Share

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(night, woken):
    return services.create_timelapse({}, session=night)[0]


def test_a_job_is_made_once_while_it_is_open(night, woken):
    first, new = services.create_timelapse({"fps": 30}, session=night)
    again, newer = services.create_timelapse({"fps": 30}, session=night)
    other, _ = services.create_timelapse({"fps": 24}, session=night)
    assert new and not newer and first.pk == again.pk and other.pk != first.pk
    services.cancel(first.pk)
    later, fresh = services.create_timelapse({"fps": 30}, session=night)
    assert fresh and later.pk != first.pk
    assert len(woken) == 3, "a job that is there already wakes nobody"


def test_what_is_wrong_is_named(night, woken, settings):
    with pytest.raises(InvalidValueError) as wrong:
        services.create_timelapse({"fps": 9000}, session=night)
    assert wrong.value.field == "fps"
    with pytest.raises(InvalidValueError):
        services.create_timelapse({}, session=None, folder=None)
    with pytest.raises(InvalidValueError):
        services.create_timelapse({}, session=night, folder="garden")
    for name in ("observation_20261119_190000", "observation_20269919_190000"):
        with pytest.raises((MissingError, InvalidValueError)):
            services.create_timelapse({}, session=name)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "name", ["..", "../sessions", "/etc", "garden/../../sessions", "no such", "-rf", "\0"]
)
def test_folders_outside_of_the_settings_do_not_exist(folder, woken, name):
    with pytest.raises(MissingError):
        services.create_timelapse({}, folder=name)
    assert services.create_timelapse({}, folder=folder)[1]


def test_the_order_is_age_unless_somebody_says_first(night, woken):
    jobs = [services.create_timelapse({"fps": fps}, session=night)[0] for fps in (10, 20, 30)]
    services.first(jobs[2].pk)
    taken = [queue.claim().job_id for _ in range(3)]
    assert taken == [jobs[2].pk, jobs[0].pk, jobs[1].pk]
    assert queue.claim() is None


def test_a_paused_queue_begins_nothing(job, woken):
    services.pause(True)
    assert queue.claim() is None
    services.pause(False)
    assert queue.claim().job_id == job.pk


def test_a_failure_waits_longer_each_time_and_ends(job, settings):
    settings.CONFIG = replace(settings.CONFIG, timelapse_attempts=3)
    pauses = []
    for _ in range(3):
        share = queue.claim()
        assert share is not None
        queue.failed(share, JobError("the lens fell off", code="crashed"))
        job.refresh_from_db()
        if job.next_try_at:
            pauses.append(Job.objects.filter(pk=job.pk).values_list("next_try_at", flat=True)[0])
            assert queue.claim() is None, "before its time"
        Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(next_try_at=Now() - timedelta(seconds=1))
    assert job.state == JobState.FAILED and job.attempts == 3 and job.error == "the lens fell off"
    assert len(pauses) == 2 and pauses[1] - pauses[0] >= timedelta(seconds=queue.BACK_OFF - 5)
    services.retry(job.pk)
    assert queue.claim().job_id == job.pk


def test_a_final_error_is_not_tried_again(job):
    queue.failed(queue.claim(), JobError("no frames", final=True))
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.FAILED, 1)


def test_without_room_it_waits_and_is_never_given_up(job, settings):
    settings.CONFIG = replace(settings.CONFIG, timelapse_attempts=1)
    for _ in range(3):
        queue.failed(queue.claim(), JobError("full", code="disk_full"))
        job.refresh_from_db()
        assert (job.state, job.attempts) == (JobState.WAITING, 0) and job.next_try_at
        services.retry(job.pk)  # somebody made room, and need not wait


def test_a_waiting_job_is_cancelled_at_once_a_running_one_by_its_worker(job, night):
    other = services.create_timelapse({"fps": 5}, session=night)[0]
    share = queue.claim()
    services.cancel(other.pk)
    services.cancel(job.pk)
    assert Job.objects.get(pk=other.pk).state == JobState.CANCELLED
    assert Job.objects.get(pk=job.pk).state == JobState.RUNNING
    assert queue.beat(share, percent=3.0) is False
    queue.given_up(share)
    assert Job.objects.get(pk=job.pk).state == JobState.CANCELLED
    with pytest.raises(StateError):
        services.cancel(job.pk)


def test_a_job_that_fails_while_it_is_cancelled_is_cancelled(job):
    share = queue.claim()
    services.cancel(job.pk)
    queue.failed(share, JobError("the lens fell off", code="crashed"))
    job.refresh_from_db()
    assert (job.state, job.next_try_at) == (JobState.CANCELLED, None)


def test_the_job_of_a_dead_worker_is_taken_up(job):
    share = queue.claim()
    gone = max(psutil.pids()) + 7
    Share.objects.filter(pk=share.pk).update(pid=gone)
    assert queue.sweep() == 0, "just begun: its share may only be on its way"
    Job.objects.update(started_at=Now() - timedelta(seconds=60))
    assert queue.sweep() == 1
    assert queue.claim().job_id == job.pk
    assert queue.beat(share) is False, "who was taken for dead must leave"


def test_a_process_number_used_again_is_not_the_worker(job):
    share = queue.claim()
    Share.objects.filter(pk=share.pk).update(process_started=share.process_started - 100)
    Job.objects.update(started_at=Now() - timedelta(seconds=60))
    assert queue.sweep() == 1


def test_a_silent_worker_of_another_machine_is_given_up(job):
    share = queue.claim()
    Share.objects.filter(pk=share.pk).update(host="elsewhere", beat_at=Now() - timedelta(seconds=20))
    Job.objects.update(started_at=Now() - timedelta(seconds=60))
    assert queue.sweep() == 0 and Share.objects.exists()
    Share.objects.update(beat_at=Now() - timedelta(seconds=queue.SILENT + 1))
    assert queue.sweep() == 1 and not Share.objects.exists()


def test_killed_between_claim_and_share_it_waits_again(job):
    Job.objects.update(state=JobState.RUNNING, started_at=Now() - timedelta(seconds=60))
    assert queue.sweep() == 1


def test_workers_share_up_to_the_limit_and_one_ends_it(job, settings, messages):
    settings.CONFIG = replace(settings.CONFIG, timelapse_workers=3)
    first = queue.claim()
    assert queue.claim() is None, "a worker has one share in a job"
    others = []
    for number in range(2):
        Share.objects.filter(host=queue.HOST).update(host=f"host-{number}")
        others.append(queue.claim())
    Share.objects.filter(host=queue.HOST).update(host="host-2")
    assert queue.claim() is None
    queue.failed(others[0], JobError("its memory ended", code="crashed"))
    job.refresh_from_db()
    assert job.state == JobState.RUNNING and not job.error, "the others go on"
    assert queue.done(others[1], {"frames": 60}) is True
    assert queue.done(first, {"frames": 60}) is False
    job.refresh_from_db()
    assert (job.state, job.percent, job.shares.count()) == (JobState.DONE, 100.0, 0)
    assert [m["data"]["state"] for m in messages if m.get("event") == "job"][-1] == "done"


def test_the_percentage_of_two_workers_does_not_go_back(job, settings, messages, monkeypatch):
    settings.CONFIG = replace(settings.CONFIG, timelapse_workers=2)
    mine = queue.claim()
    monkeypatch.setattr(queue, "HOST", "barn")
    other = queue.claim()
    for share, percent, shown in ((mine, 40.0, 40.0), (other, 36.0, 40.0), (other, 41.0, 41.0)):
        assert queue.beat(share, percent=percent)
        job.refresh_from_db()
        assert job.percent == shown
    assert messages[-1]["data"]["percent"] == 41.0
    for share in (mine, other):
        queue.failed(share, JobError("both were away"))
    services.retry(job.pk)
    queue.beat(queue.claim(), percent=2.0)
    job.refresh_from_db()
    assert job.percent == 2.0, "another try begins anew"


def test_a_broker_that_is_away_costs_nothing(night, monkeypatch, messages):
    from timelapse import tasks

    def away(**_):
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks.work, "apply_async", away)
    job, new = services.create_timelapse({}, session=night)
    assert new and queue.claim().job_id == job.pk


def test_only_so_many_jobs_at_once_on_one_machine(job, night, settings, monkeypatch):
    from timelapse import running

    def nested(share):
        assert services.work_once() is False, "the machine's only place is taken"
        queue.done(share, {})

    services.create_timelapse({"fps": 5}, session=night)
    monkeypatch.setattr(running, "run", nested)
    assert services.work_once() and services.work_once() and not services.work_once()
    assert (settings.RUN / f"job-slot-{queue.HOST}-0.lock").exists()


def test_a_worker_of_its_own_waits_for_the_database_and_ends_when_asked(job, monkeypatch):
    from django.db import OperationalError

    from timelapse import helping, running

    away = [OperationalError("server closed the connection")]

    def run(share):
        queue.done(share, {})
        running.stopping.set()

    def work_once(really=services.work_once):
        if away:
            raise away.pop()
        return really()

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(services, "work_once", work_once)
    helping.work(look=0.01)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    running.stopping.clear()
