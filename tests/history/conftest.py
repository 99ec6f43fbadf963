"""Recorded nights, once for all tests that only read them."""

import copy
from functools import cache

import pytest

from tests.history_nights import record


@cache
def _mirrored(root):
    """What the catalogue makes of a folder; it takes a process and a second."""
    from sessions.mirror import Mirror
    from sessions.models import Capture, Session

    Mirror(root).sweep()
    return list(Session.objects.all()), list(Capture.objects.all())


@pytest.fixture
def mirrored(db):
    """Fill the database as the catalogue does: by it the first time, then from memory."""

    def fill(root):
        from sessions.models import Session

        kept = _mirrored(root)
        if not Session.objects.exists():
            for rows in copy.deepcopy(kept):
                type(rows[0]).objects.bulk_create(rows)

    return fill


@pytest.fixture(scope="session")
def nights(tmp_path_factory):
    """The root of the sessions and their files by a word of their name."""
    root = tmp_path_factory.mktemp("nights")
    paths = record(root)
    return root, {word: next(p for p in paths if word in p.name) for word in ("m-42", "m-31", "ngc-7000", "maintenance", "idle_dslr")}  # fmt: skip
