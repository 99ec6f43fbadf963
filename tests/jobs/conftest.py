"""What tests of jobs share: sessions in the data folder, a broker that is only remembered."""

import shutil

import pytest
from jobs_sessions import pictures, session

from skycam_project.celery import app
from timelapse import live, running, tasks


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def messages(monkeypatch):
    """Everything that live pages would hear."""
    heard = []
    monkeypatch.setattr(live, "publish", heard.append)
    return heard


@pytest.fixture
def woken(monkeypatch, messages):
    """How often a worker was called."""
    calls = []
    app.finalize()  # before: a task is a proxy that forgets what was patched into it
    monkeypatch.setattr(tasks.work, "apply_async", lambda **options: calls.append(options))
    running.stopping.clear()
    return calls


@pytest.fixture(scope="session")
def night_file(tmp_path_factory):
    """A finished session of 60 frames."""
    return session(tmp_path_factory.mktemp("night") / "sessions", 60)


@pytest.fixture
def night(night_file, settings):
    """The id of that session, in this test's data folder."""
    root = night_file.parents[3]
    place = settings.DATA / "sessions" / night_file.relative_to(root)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(night_file, place)
    yield night_file.stem
    for name in ("sessions", "products", "work", "images"):
        shutil.rmtree(settings.DATA / name, ignore_errors=True)


@pytest.fixture
def folder(settings):
    """A folder of images that the settings allow, by the name people use."""
    pictures(settings.DATA / "images" / "garden", 60)
    yield "garden"
    shutil.rmtree(settings.DATA / "images", ignore_errors=True)
