"""The morning after: a night's products are queued by themselves, once, and only where it makes sense."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from jobs_sessions import SITE, pictures, session

from sessions import provenance
from sessions.store.manager import SessionManager
from timelapse import automatic, services
from timelapse.models import Job, Product

pytestmark = pytest.mark.django_db(transaction=True)
SOON = timedelta(minutes=11)


@pytest.fixture
def timelapses(settings):
    settings.CONFIG = replace(settings.CONFIG, timelapse_automatic=("timelapse",))


@pytest.fixture(autouse=True)
def clean(settings):
    yield
    shutil.rmtree(settings.DATA / "sessions", ignore_errors=True)


def later() -> datetime:
    return datetime.now(UTC) + SOON


def test_the_night_is_queued_once(night, woken, timelapses):
    made = automatic.queue_nights(later())
    assert [(job.source, job.automatic, job.recipe["format"]) for job in made] == [
        (night, True, "1080p H.264")
    ]
    assert automatic.queue_nights(later()) == []
    services.cancel(made[0].pk)
    assert automatic.queue_nights(later()) == [], "who cancels it does not want it"


def test_not_what_is_there_already_nor_what_is_old(night, woken, timelapses):
    assert automatic.queue_nights(datetime.now(UTC) + automatic.BACK + SOON) == []
    Product.objects.create(kind="timelapse", title="by hand", folder="a/b/c", session=night)
    assert automatic.queue_nights(later()) == []


def test_star_trails_are_made_again_where_the_nights_were_halved(night, woken, settings):
    """What was made live holds keogram and trails, unless a small machine made it from smaller frames."""
    settings.CONFIG = replace(settings.CONFIG, timelapse_automatic=("keogram", "startrails"))
    folder = settings.DATA / "products" / "a" / "b" / "night-c"
    folder.mkdir(parents=True)
    (folder / "keogram.png").write_bytes(b"made")
    Product.objects.create(kind="night", title="live", folder="a/b/night-c", session=night)
    assert automatic.queue_nights(later()) == [], "its record may still come"
    provenance.write(folder, "night", [], {"found": {}})
    assert automatic.queue_nights(later()) == []
    provenance.write(folder, "night", [], {"found": {"pixels_across": "1/2"}})
    assert [job.product for job in automatic.queue_nights(later())] == ["startrails"]
    assert automatic.queue_nights(later()) == []
    shutil.rmtree(settings.DATA / "products" / "a")


def test_the_setting_decides(night, woken, settings):
    settings.CONFIG = replace(settings.CONFIG, timelapse_automatic=())
    assert automatic.queue_nights(later()) == []
    settings.CONFIG = replace(settings.CONFIG, timelapse_automatic=("timelapse",), role="capture")
    assert automatic.queue_nights(later()) == []


def test_few_frames_and_telescopes_get_no_film(woken, timelapses, settings):
    session(settings.DATA / "sessions", 5)
    session(settings.DATA / "sessions", automatic.FEWEST, instrument="telescope-0", size=(32, 32))
    assert automatic.queue_nights(later()) == []
    assert not Job.objects.exists()


def test_at_dawn_the_running_session_is_enough(woken, timelapses, settings, monkeypatch):
    root = settings.DATA / "sessions"
    with SessionManager(root, SITE, instrument="default") as sessions:
        running = sessions.start_session("observation", target="All-sky")
        for path in pictures(root / "spool", automatic.FEWEST, 32, 32):
            running.add_original("default", path, exposure_us=8_000_000)
        assert automatic.queue_nights(later()) == []
        monkeypatch.setattr(automatic, "is_dawn", lambda _: True)
        assert [job.source for job in automatic.queue_nights(later())] == [running.id]
        name = running.id
        sessions.end_session()
    assert automatic.queue_nights(later()) == [], f"{name} has its film already"


@pytest.mark.parametrize(
    ("moment", "dawn"),
    [
        ("2026-03-20T05:30", True),
        ("2026-03-20T12:00", False),
        ("2026-03-20T18:00", False),
        ("2026-03-20T00:00", False),
    ],
)
def test_dawn_is_when_the_sun_rises(settings, moment, dawn):
    settings.CONFIG = replace(settings.CONFIG, latitude=46.9, longitude=7.4)
    assert automatic.is_dawn(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is dawn


def test_without_a_site_there_is_no_dawn(settings):
    settings.CONFIG = replace(settings.CONFIG, latitude=None, longitude=None)
    assert automatic.is_dawn(datetime(2026, 3, 20, 5, 30, tzinfo=UTC)) is False
