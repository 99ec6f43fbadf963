"""A worker and its child on real frames: what comes out, and what is left when either is killed."""

import errno
import os
import shutil
import signal
import threading
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import av
import orjson
import psutil
import pytest
from jobs_sessions import session
from PIL import Image

import timelapse.makers  # noqa: F401 - registers what can be made again
from sessions import provenance
from timelapse import child as rendering
from timelapse import making, products, queue, running, services, sidecar
from timelapse.choices import JobState
from timelapse.models import Job, Product
from timelapse.pipeline.recipe import Recipe
from timelapse.work import Work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
RECIPE = {"chunk": 24, "outputs": [{"name": "main", "preset": "ultrafast"}]}


def frames_of(path: Path) -> list[str]:
    """A digest of every decoded frame."""
    with av.open(str(path)) as container:
        return [sha256(frame.to_ndarray()).hexdigest() for frame in container.decode(video=0)]


def run(job: Job) -> Job:
    assert services.work_once()
    job.refresh_from_db()
    return job


def make(folder_or_session: dict, **options) -> Job:
    return services.create_timelapse(RECIPE, draft=False, **folder_or_session, **options)[0]


@pytest.fixture
def child(monkeypatch):
    """The newest child's process, while a test does something to it."""
    seen: list[running.Child] = []

    class Watched(running.Child):
        def __init__(self, work) -> None:
            super().__init__(work)
            seen.append(self)

    monkeypatch.setattr(running, "Child", Watched)
    monkeypatch.setattr(queue, "BEAT", 0.1)
    monkeypatch.setattr(running, "LOOK", 0.02)
    return seen


@pytest.fixture(scope="module")
def whole(tmp_path_factory, night_file):
    """The film of that session, made without any accident: the digests of its frames."""
    from timelapse.pipeline.frames import open_source
    from timelapse.pipeline.job import make as render

    folder = tmp_path_factory.mktemp("whole")
    with closing(open_source(night_file)) as source:
        render(source, Recipe.from_json(RECIPE), folder / "film.mp4", folder / "work")
    return frames_of(folder / "film.mp4")


def test_a_session_becomes_a_product_that_says_where_it_came_from(night, woken, messages, whole, settings):
    job = run(services.create_timelapse(RECIPE, session=night)[0])
    assert (job.state, job.error) == (JobState.DONE, "")
    product = Product.objects.get()
    folder = products.root() / product.folder
    roles = {file["role"]: folder / file["name"] for file in product.files}
    assert {"video", "preview", "poster", "curves"} <= set(roles)
    assert "draft" not in roles and product.job == job and product.session == night
    assert frames_of(roles["video"]) == whole
    assert product.duration_s == pytest.approx(60 / 25)
    record = provenance.read(folder)
    assert [one.session for one in record.inputs] == [night]
    assert {each.path for each in record.outputs} >= {roles["video"].name, roles["preview"].name}
    curves = orjson.loads(roles["curves"].read_bytes())
    assert len(curves["frame"]) == len(curves["flicker"]["after"]) == 60
    assert curves["flicker"]["rms_after"] < curves["flicker"]["rms_before"] / 2
    assert min(product.scores.values()) >= 0 and max(product.scores.values()) <= 1
    assert not (settings.DATA / "work" / job.digest[:32]).exists(), "its chunks are not needed any more"
    stages = [m["data"]["stage"] for m in messages if m.get("event") == "job" and m["data"]["stage"]]
    assert "analyse" in stages and [m["event"] for m in messages].count("product") >= 1


def test_a_timelapse_is_made_again_from_its_record(night, woken):
    job = run(make({"session": night}))
    result = provenance.reproduce(products.folder_for(job))
    assert result.ok, [(verdict.path, verdict.note) for verdict in result.outputs]
    assert {Path(verdict.path).suffix for verdict in result.outputs} >= {".mp4", ".jpg", ".parquet", ".json"}


def test_a_night_product_is_a_job_like_any_other(night, woken):
    job = run(services.create_product("keogram", {}, session=night)[0])
    assert (job.state, job.error, job.product) == (JobState.DONE, "", "keogram")
    product = Product.objects.get()
    assert [(file["name"], file["role"]) for file in product.files] == [
        ("keogram.png", "picture"),
        ("keogram-strip.png", "strip"),
    ]
    folder = products.root() / product.folder
    with Image.open(folder / "keogram.png") as picture:
        assert picture.width > 60
    assert not (folder / ".state").exists()
    assert provenance.reproduce(folder).ok


def test_each_night_makes_the_long_term_keogram_a_line_longer(night, woken, messages, settings):
    """Keograms of two nights of one camera and of one that lasted no minute; one is put in once more."""
    root = settings.DATA / "sessions"
    first, second = (session(root, 20, began=datetime(2026, 11, day, 21, tzinfo=UTC)).stem for day in (1, 3))
    for kind, name in (("keogram", night), ("keogram", second), ("keogram", first), ("season", second)):
        job = run(services.create_product(kind, {}, session=name)[0])
        assert (job.state, job.error) == (JobState.DONE, "")
    products.find_all()
    season = Product.objects.get(kind="season")
    folder = products.root() / season.folder
    assert season.folder == "seasons/default/season"
    assert [file["name"] for file in season.files] == ["season.png"]
    assert [path.stem for path in sorted((folder / ".nights").iterdir())] == ["2026-11-01", "2026-11-03"]
    assert (season.night, season.title) == (date(2026, 11, 3), "Long-term keogram, default")
    assert provenance.reproduce(folder).ok


def test_broken_and_strange_frames_are_named_and_the_job_ends(folder, woken, settings):
    place = settings.DATA / "images" / "garden"
    (place / "frame_0003.jpg").write_bytes(b"no picture at all")
    whole_file = (place / "frame_0010.jpg").read_bytes()
    (place / "frame_0010.jpg").write_bytes(whole_file[: len(whole_file) // 2])
    Image.new("RGB", (64, 48)).save(place / "frame_0020.jpg")
    (place / "frame_0030.jpg").unlink()
    job = run(make({"folder": folder}))
    assert job.state == JobState.DONE, job.error
    reasons = {entry["name"]: entry["reason"] for entry in job.report["left_out"]}
    assert set(reasons) == {"frame_0003.jpg", "frame_0010.jpg", "frame_0020.jpg"} and all(reasons.values())
    assert "64x48" in reasons["frame_0020.jpg"] and job.report["frames"] == 56


def test_a_folder_without_pictures_fails_once_with_the_reason(woken, settings, tmp_path):
    empty = settings.DATA / "images" / "empty"
    empty.mkdir(parents=True)
    job = run(make({"folder": "empty"}))
    assert (job.state, job.attempts) == (JobState.FAILED, 1) and "no usable frame" in job.error


def test_a_folder_that_is_away_is_waited_for(folder, woken, settings):
    place = settings.DATA / "images" / "garden"
    job = make({"folder": folder})
    place.rename(settings.DATA / "held")
    run(job)
    assert (job.state, job.attempts) == (JobState.WAITING, 1) and "There is no folder garden" in job.error
    (settings.DATA / "held").rename(place)
    services.retry(job.pk)  # as "Try now" does
    run(job)
    assert (job.state, job.report["frames"]) == (JobState.DONE, 60)


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_killed_at_a_chunk_it_goes_on_and_makes_the_same_frames(night, woken, child, whole, settings, chunks):
    job = make({"session": night})
    parts = settings.DATA / "work" / job.digest[:32] / "chunks"
    before: dict[Path, int] = {}

    def kill() -> None:
        while len(list(parts.glob("*.part"))) < 2 * chunks and (not child or child[0].alive):
            time.sleep(0.002)
        while not child or not child[0].progress:
            time.sleep(0.002)
        os.kill(child[0].process.pid, signal.SIGKILL)
        before.update({path: path.stat().st_mtime_ns for path in parts.glob("*.part")})

    killer = threading.Thread(target=kill)
    killer.start()
    run(job)
    killer.join()
    assert (job.state, job.error_code) == (JobState.WAITING, "crashed") and "SIGKILL" in job.error
    Job.objects.update(next_try_at=None)
    run(job)
    assert job.state == JobState.DONE, job.error
    assert len(before) >= 2 * chunks
    assert frames_of(products.folder_for(job) / "timelapse.mp4") == whole


@pytest.mark.nightly  # how far a host gets before the kill depends on the machine
def test_two_hosts_share_a_job_and_one_is_killed(night_file, whole, tmp_path):
    """Each host has its own data folder with a copy of the session; the chunks lie on a folder that both see."""
    recipe = Recipe.from_json(RECIPE | {"outputs": [*RECIPE["outputs"], "preview"]}).to_json()
    hosts = []
    for name in ("attic", "cellar"):
        source = tmp_path / name / "sessions" / night_file.name
        source.parent.mkdir(parents=True)
        shutil.copy2(night_file, source)
        hosts.append(
            Work(
                kind="timelapse", product="", title="Night", source=str(source), work=str(tmp_path / "shared"),
                folder=str(tmp_path / name / "products" / "film"), recipe={"draft": False, "recipe": recipe},
            )
        )  # fmt: skip
    children = [running.Child(work) for work in hosts]
    try:
        while not (first := [child for child in children if child.progress.get("stage") == "render"]):
            assert all(child.alive for child in children), [child.last for child in children]
            time.sleep(0.002)
        killed = first[0]  # who looked at the frames renders first; the other waited for that
        os.killpg(killed.process.pid, signal.SIGKILL)
        (left,) = (child for child in children if child is not killed)
        left.process.wait(60)
    finally:
        for child in children:
            child.close()
    assert killed.process.returncode == -signal.SIGKILL and "report" in left.last, left.last
    assert frames_of(Path(hosts[children.index(left)].folder) / "timelapse.mp4") == whole
    parts = list((tmp_path / "shared").rglob("chunks/*.part"))
    assert len(parts) == 3 * 2, "three chunks of two files, none made under another name by the other host"


def test_cancelled_it_stops_at_once_and_can_be_tried_again(night, woken, child, messages, monkeypatch, whole):
    job = make({"session": night})
    heard = []

    def cancel(message) -> None:
        if message.get("event") == "job" and message["data"]["stage"] == "render" and not heard:
            heard.append(time.monotonic())
            services.cancel(job.pk)

    monkeypatch.setattr("timelapse.live.publish", cancel)
    run(job)
    assert heard and job.state == JobState.CANCELLED
    assert not psutil.pid_exists(child[0].process.pid)
    assert not Product.objects.exists()
    services.retry(job.pk)
    run(job)
    assert job.state == JobState.DONE
    assert frames_of(products.folder_for(job) / "timelapse.mp4") == whole


def test_a_worker_that_shuts_down_leaves_its_job_to_the_next(night, woken, child, monkeypatch):
    job = make({"session": night})
    monkeypatch.setattr("timelapse.live.publish", lambda m: m["data"].get("stage") and running.stopping.set())
    run(job)
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    assert not psutil.pid_exists(child[0].process.pid)


def test_a_job_begins_only_where_there_is_room(night, woken, settings, monkeypatch):
    monkeypatch.setattr(running.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1_000_000_000}))
    job = run(make({"session": night}))
    assert (job.state, job.error_code) == (JobState.WAITING, "disk_full")
    assert "1.00 GB free" in job.error and "2.00 GB" in job.error


def test_a_disk_that_fills_up_is_named_and_not_a_file_of_ours(monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "/data/work/12ab/0000000-77.part.11.tmp")

    monkeypatch.setattr(making, "make", refuse)
    place = {"folder": "/data/products/x", "work": "/data/work/12ab"}
    others = dict.fromkeys(
        ("product", "title", "source", "session", "session_uuid", "instrument", "night"), ""
    )
    work = Work(kind="timelapse", recipe={}, **place, **others)
    error = rendering.result(asdict(work), print, threading.Event())["error"]
    assert error["code"] == "disk_full" and error["text"].startswith(
        "The disk of /data/work/12ab became full"
    )


def test_rows_of_products_come_back_from_their_folders(night, woken):
    run(make({"session": night}))
    made = Product.objects.get()
    Product.objects.all().delete()
    assert products.find_all() == 1
    again = Product.objects.get()
    assert (again.pk, again.title, again.files, again.session) == (made.pk, made.title, made.files, night)
    assert products.find_all() == 0


def test_a_product_is_deleted_with_its_files_even_after_a_crash(night, woken, monkeypatch):
    run(make({"session": night}))
    product = Product.objects.get()
    folder = products.root() / product.folder
    with monkeypatch.context() as patch:
        patch.setattr(products.shutil, "rmtree", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            products.delete(product)
    assert folder.exists() and not (folder / sidecar.NAME).exists()
    assert products.find_all() == 0, "half a product is none"
    products.finish_deleting()
    assert not folder.exists() and not Product.objects.exists()


def test_a_product_whose_row_points_elsewhere_deletes_nothing(settings, messages):
    outside = settings.DATA / "precious"
    outside.mkdir(exist_ok=True)
    product = Product.objects.create(kind="timelapse", title="x", folder="../precious")
    with pytest.raises(Exception, match="not inside"):
        products.delete(product)
    assert outside.exists()
    outside.rmdir()
