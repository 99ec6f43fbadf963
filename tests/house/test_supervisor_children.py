"""The supervisor's care for one process, with real processes."""

import asyncio
import contextlib
import os
import signal
import sys

import psutil
import pytest

from skycam_project.supervisor import broker, children
from skycam_project.supervisor.children import Child, Plan
from skycam_project.supervisor.up import StartError, listen

SLEEPER = "import subprocess, sys, time; subprocess.Popen(['sleep', '300']); print('up', flush=True); time.sleep(300)"


@contextlib.asynccontextmanager
async def supervised(code: str, **plan):
    """A child that runs Python code under supervision; yields it and the lines it said."""
    lines: list[bytes] = []
    read_end, write_end = os.pipe()
    child = Child(
        Plan(name="child", command=[sys.executable, "-c", code], **plan),
        read_end,
        lambda _, line: lines.append(line),
        lambda: None,
    )
    task = asyncio.create_task(child.run())
    try:
        yield child, lines
    finally:
        await child.stop()
        await task
        os.close(read_end)
        os.close(write_end)


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_killed_child_comes_back_and_says_why():
    async with supervised(SLEEPER) as (child, lines):
        await until(lambda: len(lines) == 1)
        first = child.state()["pid"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(lines) == 2)
        state = child.state()
        assert state["pid"] != first
        assert (state["state"], state["restarts"], state["reason"]) == ("running", 1, "killed by SIGKILL")
        assert state["last_exit"].endswith("Z")


async def test_grandchildren_go_before_the_next_start():
    async with supervised(SLEEPER) as (child, lines):
        await until(lambda: len(lines) == 1)
        process = psutil.Process(child.state()["pid"])
        (grandchild,) = process.children()
        process.kill()
        await until(lambda: len(lines) == 2)
        assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


async def test_the_last_words_are_the_reason():
    async with supervised("print('no camera here'); raise SystemExit(3)") as (child, _):
        await until(lambda: child.state()["restarts"] == 1)
        assert child.state()["reason"] == "exit code 3: no camera here"


async def test_a_hung_child_is_ended(monkeypatch):
    monkeypatch.setattr(children, "PROBE_EVERY", 0.02)
    answers = iter([True])

    async def probe():
        return next(answers, False)

    async with supervised(SLEEPER, probe=probe) as (child, _):
        await until(lambda: child.state()["restarts"] == 1)
        assert "gave no answer for" in child.state()["reason"]


async def test_a_child_that_never_answered_is_left_to_start(monkeypatch):
    monkeypatch.setattr(children, "PROBE_EVERY", 0.01)

    async def probe():
        return False

    async with supervised(SLEEPER, probe=probe) as (child, lines):
        await until(lambda: len(lines) == 1)
        await asyncio.sleep(0.3)
        assert child.state()["restarts"] == 0


async def test_stop_ends_what_ignores_sigterm(monkeypatch):
    monkeypatch.setattr(children, "GRACE", 0.3)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"
    async with supervised(code) as (child, lines):
        await until(lambda: len(lines) == 1)
        pid = child.state()["pid"]
    assert not psutil.pid_exists(pid)


async def test_an_endless_line_does_not_stop_the_reading():
    async with supervised(
        "print('x' * 3_000_000); print('after', flush=True); import time; time.sleep(300)"
    ) as (_, lines):
        await until(lambda: b"after\n" in lines)


async def test_the_broker_answers_and_goes_with_its_parent(tmp_path):
    path = tmp_path / "broker.sock"
    read_end, write_end = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *broker.command(broker.find_server(), path, tmp_path),
        env={**os.environ, "SKYCAM_PARENT_FD": str(read_end)},
        pass_fds=(read_end,),
        start_new_session=True,
        stdout=asyncio.subprocess.DEVNULL,
    )
    os.close(read_end)
    await broker.wait_until_it_answers(path)
    assert path.stat().st_mode & 0o777 == 0o700
    server = psutil.Process(process.pid).children()
    os.close(write_end)  # what the kernel does when `up` is killed
    async with asyncio.timeout(10):
        await process.wait()
    assert not any(child.is_running() and child.name().endswith("server") for child in server)


async def test_a_port_in_use_is_named(monkeypatch):
    monkeypatch.setattr("skycam_project.supervisor.up.PORT_PATIENCE_S", 0.0)
    first = listen("127.0.0.1", 0)
    port = first.getsockname()[1]
    with pytest.raises(StartError, match=f"port {port} on 127.0.0.1 cannot be used"):
        listen("127.0.0.1", port)
    first.close()


async def test_the_first_start_is_at_once_and_pauses_grow_with_short_lives(monkeypatch, caplog):
    monkeypatch.setattr(children, "LONGEST_PAUSE", 1.0)
    async with supervised("raise SystemExit(3)") as (child, _):
        await until(lambda: child.state()["restarts"] == 3)
    pauses = [record.args[-1] for record in caplog.records if "starting again" in record.message]
    assert pauses[:3] == [0, 1, 1]


async def test_after_a_long_life_the_start_is_at_once_again(monkeypatch, caplog):
    monkeypatch.setattr(children, "HEALTHY_AFTER", 0.0)
    async with supervised("raise SystemExit(3)") as (child, _):
        await until(lambda: child.state()["restarts"] == 3)
    pauses = [record.args[-1] for record in caplog.records if "starting again" in record.message]
    assert pauses[:3] == [0, 0, 0]
