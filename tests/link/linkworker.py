"""A Celery application whose worker hosts the fake telescope; its broker cannot be reached."""

import asyncio
import os
from pathlib import Path

from celery import Celery
from linkdevice import FakeTelescope

from skycam_project.common.fence import FileFences
from skycam_project.device_host import DeviceHost

FOLDER = Path(os.environ.get("LINK_FOLDER", "/nonexistent"))

app = Celery("linkworker", broker=f"redis+socket://{FOLDER}/no-broker.sock?virtual_host=0")
app.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
    task_queues=None,
)


class TelescopeHost(DeviceHost):
    queue = "telescope"
    session = "linkworker:run"


class MetricsHost(DeviceHost):
    queue = "processing"
    session = "linkworker:run"
    may_fork = True


app.steps["worker"].update({TelescopeHost, MetricsHost})
failures = iter([RuntimeError("the first session fails"), SystemExit("the second ends its loop")])


async def run() -> None:
    """Two bad starts, then the telescope."""
    if os.environ.get("LINK_FAIL") and (failure := next(failures, None)):
        raise failure
    device = FakeTelescope(FOLDER, fences=FileFences(FOLDER))
    device.state["pid"] = os.getpid()

    async def with_fence() -> None:
        while device.host.fence is None:
            await asyncio.sleep(0.001)
        device.state["fence"] = device.host.fence

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(device.run())
        tasks.create_task(with_fence())
