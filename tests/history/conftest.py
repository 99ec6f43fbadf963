"""Recorded nights, once for all tests that only read them."""

import pytest

from tests.history_nights import record


@pytest.fixture(scope="session")
def nights(tmp_path_factory):
    """The root of the sessions and their files by a word of their name."""
    root = tmp_path_factory.mktemp("nights")
    paths = record(root)
    return root, {word: next(p for p in paths if word in p.name) for word in ("m-42", "m-31", "ngc-7000", "maintenance", "idle_dslr")}  # fmt: skip
