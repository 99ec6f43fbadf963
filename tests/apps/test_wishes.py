"""The wish for a camera survives the loss of the database, of its file, and of its owner."""

import orjson
import pytest
from django.db import DatabaseError

from camera.models import CaptureWish
from camera.plan import Plan, Settings, Wish
from camera.wishes import DatabaseFences, SavedWishes

pytestmark = pytest.mark.django_db(transaction=True)
RUNNING = Wish(connected=True, running=True, plan=Plan(5.0, Settings(exposure_s=2.0, gain=800.0)))


@pytest.fixture(autouse=True)
def clean(settings):
    yield
    for path in (settings.DATA / "state").glob("wish-*"):
        path.unlink()


def test_a_new_camera_has_the_default_wish():
    assert SavedWishes("north", RUNNING).load() == RUNNING


def test_a_wish_is_in_file_and_row():
    SavedWishes("north", Wish()).save(RUNNING)
    assert SavedWishes("north", Wish()).load() == RUNNING
    assert CaptureWish.objects.get(camera="north").wish["interval_s"] == 5.0


def test_without_the_database_the_file_is_enough(monkeypatch):
    wishes = SavedWishes("north", Wish())

    def gone(*_args, **_more):
        raise DatabaseError("gone")

    monkeypatch.setattr(CaptureWish.objects, "filter", gone)
    wishes.save(RUNNING)
    assert SavedWishes("north", Wish()).load() == RUNNING


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"revision": "x", "wish": 1}'])
def test_without_the_file_the_row_is_enough(damage):
    wishes = SavedWishes("north", Wish())
    wishes.save(RUNNING)
    wishes.path.write_bytes(damage)
    assert SavedWishes("north", Wish()).load() == RUNNING


def test_the_newer_of_the_two_counts():
    wishes = SavedWishes("north", Wish())
    wishes.save(RUNNING)
    old = wishes.path.read_bytes()
    wishes.save(Wish())
    wishes.path.write_bytes(old)
    assert SavedWishes("north", RUNNING).load() == Wish()


def test_a_wish_that_makes_no_sense_gives_the_default():
    wishes = SavedWishes("north", RUNNING)
    wishes.path.write_bytes(orjson.dumps({"revision": 99, "wish": {"running": True, "exposure_s": -3}}))
    assert wishes.load() == RUNNING


def test_an_owner_that_was_overtaken_does_not_write_the_row():
    fences = DatabaseFences()
    first, second = fences.next_fence("camera-north"), fences.next_fence("camera-north")
    assert second > first
    SavedWishes("north", Wish(), fence=second).save(RUNNING)
    SavedWishes("north", Wish(), fence=first).save(Wish())
    assert CaptureWish.objects.get(camera="north").wish["running"] is True
