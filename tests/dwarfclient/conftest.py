"""Fixtures of the DWARF client's tests."""

import pytest
from dwarfclient_harness import simulator


@pytest.fixture(scope="module")
def shared_device():
    """A healthy simulator with a dark library, one per test module."""
    with simulator("--darks") as device:
        yield device


@pytest.fixture
def device(shared_device):
    """The module's simulator, without faults and movements of an earlier test."""
    shared_device.ask("/faults", NO_FAULTS)
    return shared_device


NO_FAULTS = {
    "no_pong": False,
    "slave": False,
    "sd_full": False,
    "solve_failure": False,
    "focus_failure": False,
    "failed_frames": 0.0,
    "stale_parameters": False,
    "http_errors": 0.0,
    "ftp_refuse": False,
    "truncate": False,
}
