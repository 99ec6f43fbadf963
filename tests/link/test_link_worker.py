"""A real Celery worker as the host of a device, with a broker that cannot be reached."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from celery import Celery
from celery.worker import WorkController

from skycam_project.common.link import Mirror
from skycam_project.device_host import DeviceHost, ForkingPoolError
from tests.link.conftest import ROOT, until

OPTIONS = ["-Q", "telescope", "-P", "threads", "-c", "1", "--without-gossip", "--without-mingle"]


@pytest.fixture
def worker(folder):
    """Start a worker; all are killed afterwards."""
    started = []

    def start(**environment):
        log = (folder / f"worker-{len(started)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "linkworker", "worker", *OPTIONS],
            env=os.environ
            | {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}", "LINK_FOLDER": str(folder)}
            | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()


async def following(folder) -> Mirror:
    mirror = Mirror(folder, "telescope")
    await mirror.start()
    await until(lambda: not mirror.problem and "fence" in mirror.state, 40)
    return mirror


async def test_a_worker_without_a_broker_hosts_ends_cleanly_and_another_takes_over(folder, worker):
    first = worker()
    mirror = await following(folder)
    assert mirror.state["pid"] == first.pid
    assert mirror.state["fence"] == 1
    assert await mirror.call("put", name="gain", value=3) == 3

    second = worker()
    said = folder / "worker-1.log"
    await until(
        lambda: f"telescope belongs to process {first.pid}; waiting".encode() in said.read_bytes(), 40
    )
    first.kill()
    await until(
        lambda: not mirror.problem and mirror.state.get("pid") == second.pid and "fence" in mirror.state
    )
    assert mirror.state["fence"] == 2
    assert said.read_bytes().count(b"waiting for its end") == 1  # said once, asked for twice a second

    second.send_signal(signal.SIGTERM)
    began = time.monotonic()
    await asyncio.to_thread(second.wait, 30)
    assert time.monotonic() - began < 10
    assert second.returncode == 0
    assert not (folder / "telescope.sock").exists()  # ended, not dropped
    await mirror.stop()


async def test_a_session_that_fails_is_started_again(folder, worker):
    process = worker(LINK_FAIL="1")
    mirror = await following(folder)
    assert mirror.state["pid"] == process.pid
    log = (folder / "worker-0.log").read_text()
    assert "the first session fails" in log
    assert "the event loop of the device session ended" in log
    await mirror.stop()


class Step(DeviceHost):
    queue = "telescope"
    session = "linkdevice:never"


def controller(pool, queues, step=Step):
    app = Celery("steps", broker="memory://", set_as_current=False)
    app.steps["worker"].add(step)
    return WorkController(app=app, pool_cls=pool, queues=queues, concurrency=1)


def test_the_step_belongs_to_the_workers_of_its_queue_and_precedes_their_pool():
    names = [step.alias for step in controller("threads", "telescope,celery").steps]
    assert names[0] == "Step"
    assert {"Pool", "Consumer"} <= set(names[1:])
    assert "Step" not in [step.alias for step in controller("threads", "processing").steps]


def test_a_worker_that_forks_cannot_host_hardware():
    with pytest.raises(ForkingPoolError, match="-P threads"):
        controller("prefork", "telescope")

    class Deviceless(Step):
        may_fork = True

    assert "Deviceless" in [step.alias for step in controller("prefork", "telescope", Deviceless).steps]
