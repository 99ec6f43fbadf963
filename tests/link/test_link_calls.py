"""Calls, answers and snapshots, within one process."""

import asyncio
import contextlib
import logging
import os
import time

import orjson
import pytest
import uvloop
from linkdevice import FakeTelescope

from skycam_project.common.errors import SkycamError
from skycam_project.common.link import (
    CallError,
    Host,
    MessageTooLongError,
    Mirror,
    NotConnected,
    OutcomeUnknown,
    ask,
    read,
    wire,
)
from tests.link.conftest import hosted, until


async def stale_reads(mirror, calls):
    """Calls from 8 callers, each read back from the mirror at once."""

    async def caller(key):
        stale = 0
        for value in range(calls // 8):
            await mirror.call("put", name=key, value=value)
            stale += mirror.state[key] != value
        return stale

    return sum(await asyncio.gather(*(caller(f"key{n}") for n in range(8))))


@pytest.mark.parametrize("calls", [4000, pytest.param(100_000, marks=pytest.mark.full)])
async def test_who_has_the_answer_has_the_state(folder, spawn, calls):
    spawn()
    mirror = Mirror(folder, "telescope")
    await mirror.start()
    await until(lambda: not mirror.problem)
    assert await stale_reads(mirror, calls) == 0
    await mirror.stop()


def test_the_same_under_uvloop(folder):
    async def main():
        async with hosted(folder, rate=200) as (_, mirror):
            return await stale_reads(mirror, 800)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == 0


async def test_ordinary_code_reads_its_own_write_too(folder):
    async with hosted(folder):
        result, state = await asyncio.to_thread(ask, folder, "telescope", "put", name="gain", value=7)
        assert (result, state["gain"]) == (7, 7)
        assert (await asyncio.to_thread(read, folder, "telescope"))["gain"] == 7


async def test_a_refusal_reaches_the_caller_with_its_code(folder):
    async with hosted(folder) as (device, mirror):
        with pytest.raises(CallError, match="ra: 99 is not allowed") as refused:
            await mirror.call("slew", ra=99)
        assert refused.value.code == "invalid_value"
        with pytest.raises(CallError, match="ra: -1") as refused:
            await asyncio.to_thread(ask, folder, "telescope", "slew", ra=-1)
        assert refused.value.code == "invalid_value"
        assert device.state["slews"] == 0
        with pytest.raises(CallError, match="knows no") as refused:
            await mirror.call("fly")
        assert refused.value.code == "unknown_call"


async def test_the_host_passes_on_what_its_own_links_said(folder):
    """A camera host that asks the lighting host: its caller learns that the outcome is unknown."""

    async def expose():
        raise OutcomeUnknown("lighting: the host is gone")

    async with Host(folder, "camera-0", {"expose": expose}):
        mirror = Mirror(folder, "camera-0")
        await mirror.start()
        with pytest.raises(OutcomeUnknown, match="lighting"):
            await mirror.call("expose")
        await mirror.stop()


@pytest.mark.parametrize(
    ("name", "text"),
    [("fail", "ZeroDivisionError: a bug"), ("strange", "cannot be sent"), ("cancelled", "was cancelled")],
)
async def test_a_bug_in_a_handler_is_an_answer_too(folder, caplog, name, text):
    async with hosted(folder) as (_, mirror):
        with pytest.raises(CallError, match=text) as failed:
            await mirror.call(name)
        assert failed.value.code == "internal"
        assert await mirror.call("put", name="gain", value=1) == 1
    if name == "fail":
        assert caplog.records[0].exc_info


async def test_wrong_arguments_are_an_answer(folder):
    async with hosted(folder) as (_, mirror):
        with pytest.raises(CallError, match="unexpected keyword"):
            await mirror.call("slew", rah=1)


async def test_a_result_too_long_for_a_line_is_an_answer(folder):
    async def much():
        return "x" * wire.LONGEST_LINE

    async with Host(folder, "telescope", {"much": much}):
        mirror = Mirror(folder, "telescope")
        await mirror.start()
        with pytest.raises(CallError, match="cannot be sent") as failed:
            await mirror.call("much")
        assert failed.value.code == "internal"
        await mirror.stop()


async def test_arguments_that_do_not_fit_are_not_sent(folder):
    async with hosted(folder) as (device, mirror):
        with pytest.raises(MessageTooLongError):
            await mirror.call("put", name="big", value="x" * wire.LONGEST_LINE)
        with pytest.raises(TypeError):
            await mirror.call("put", name="odd", value=object())
        assert await mirror.call("put", name="gain", value=3) == 3
        assert "big" not in device.state


async def test_a_state_too_big_is_a_bug_of_the_session(folder):
    async with hosted(folder) as (_, mirror):
        with pytest.raises(CallError, match="travel as files") as failed:
            await mirror.call("swell", size=10_000_000)
        assert failed.value.code == "too_long"
        assert mirror.state["connected"]


async def test_the_largest_state_arrives(folder):
    async with hosted(folder, rate=0.1) as (_, mirror):
        await mirror.call("swell", size=wire.LARGEST_STATE - len('{"picture":""}'))
        assert len(mirror.state["picture"]) == wire.LARGEST_STATE - 14


async def test_calls_of_one_connection_begin_in_order_and_run_beside_each_other(folder):
    async with hosted(folder) as (device, mirror):
        results = await asyncio.gather(*(mirror.call("begin", number=number) for number in range(200)))
        assert results == list(range(200))
        assert device.began == list(range(200))


async def test_no_answer_in_time_is_an_unknown_outcome(folder):
    async with hosted(folder) as (_, mirror):
        with pytest.raises(OutcomeUnknown, match=r"no answer to wait in 0\.1 s"):
            await mirror.call("wait", timeout=0.1, seconds=60)
        with pytest.raises(OutcomeUnknown, match="no answer in time"):
            await asyncio.to_thread(ask, folder, "telescope", "wait", timeout=0.1, seconds=60)
        assert not mirror.problem


async def test_a_late_call_is_not_carried_out(folder):
    async with hosted(folder) as (device, _):
        reader, writer = await asyncio.open_unix_connection(device.host.path)
        call = {"id": 1, "call": "slew", "args": {"ra": 1}, "until": time.monotonic() - 0.1}
        writer.write(orjson.dumps(call) + b"\n")
        while "id" not in (answer := orjson.loads(await reader.readline())):
            pass
        assert answer["error"]["code"] == "expired"
        assert device.state["slews"] == 0
        writer.close()


async def test_a_call_waiting_behind_a_blocked_loop_is_not_carried_out_late(folder):
    """Its caller gave up after 0.2 s; the host's loop was free again after 0.5 s."""
    async with hosted(folder) as (device, _):
        reader, writer = await asyncio.open_unix_connection(device.host.path)
        until_then = time.monotonic() + 0.2
        for number, (name, args) in enumerate([("block", {"seconds": 0.5}), ("slew", {"ra": 1})]):
            call = {"id": number, "call": name, "args": args, "until": until_then}
            writer.write(orjson.dumps(call) + b"\n")
        answers = {}
        while len(answers) < 2:
            message = orjson.loads(await reader.readline())
            if "id" in message:
                answers[message["id"]] = message
        assert "error" not in answers[0]
        assert answers[1]["error"]["code"] == "expired"
        assert device.state["slews"] == 0
        writer.close()


async def test_a_call_outlives_its_caller(folder):
    async with hosted(folder) as (device, mirror):
        _reader, writer = await asyncio.open_unix_connection(device.host.path)
        call = {"id": 1, "call": "wait", "args": {"seconds": 0.2}, "until": time.monotonic() + 3}
        writer.write(orjson.dumps(call) + b"\n")
        await until(lambda: device.host._running)
        writer.transport.abort()  # as kill -9 of the caller would
        await until(lambda: mirror.state.get("waited"))
        waiting = asyncio.create_task(mirror.call("put", name="from", value="cancelled"))
        await asyncio.sleep(0)
        waiting.cancel()
        await until(lambda: mirror.state.get("from") == "cancelled")


async def test_the_wire_is_as_described(folder):
    """Hello with the complete state, a complete snapshot before the answer, beats with the version."""
    async with Host(folder, "telescope", {}) as host:
        calls = host._calls

        async def put(value):
            host.publish({"gain": value, "other": 1})
            host.publish({"gain": value, "other": 2})
            return value

        calls["put"] = put
        reader, writer = await asyncio.open_unix_connection(host.path)
        hello = orjson.loads(await reader.readline())
        assert hello == {"host": "telescope", "epoch": host.epoch, "v": 0, "state": {}}
        call = {"id": 5, "call": "put", "args": {"value": 9}, "until": time.monotonic() + 3}
        writer.write(orjson.dumps(call) + b"\n")
        lines = [
            line for line in [orjson.loads(await reader.readline()) for _ in range(4)] if line != {"v": 0}
        ]
        assert lines[:2] == [{"v": 2, "state": {"gain": 9, "other": 2}}, {"result": 9, "id": 5, "v": 2}]
        assert set(map(str, lines[2:])) == {"{'v': 2}"}
        writer.close()


async def test_every_host_answers_ping_and_metrics(folder):
    async with hosted(folder, metrics=lambda: b"# HELP a b\n") as (_, mirror):
        assert await mirror.call("ping") == {"pid": os.getpid()}
        assert await mirror.call("metrics") == "# HELP a b\n"
    async with hosted(folder) as (_, mirror):
        assert await mirror.call("metrics") == ""
    with pytest.raises(ValueError, match="metrics"):
        Host(folder, "telescope", {"metrics": print})


async def test_publishing_belongs_to_the_loop_of_the_host(folder):
    async with Host(folder, "telescope", {}) as host:
        with pytest.raises(RuntimeError):
            await asyncio.to_thread(host.publish, {"a": 1})
        assert host.version == 0


async def test_a_mirror_belongs_to_its_loop(folder):
    async with hosted(folder) as (_, mirror):

        def elsewhere():
            with pytest.raises(RuntimeError, match="another event loop"):
                asyncio.run(mirror.start())
            with pytest.raises(RuntimeError, match="not started in this event loop"):
                asyncio.run(mirror.call("ping"))
            return mirror.state["connected"]  # reading is free

        assert await asyncio.to_thread(elsewhere)


def test_a_mirror_is_started_again_in_each_new_loop(folder):
    mirror = Mirror(folder, "telescope")
    with pytest.raises(NotConnected, match="has not been started"):
        _ = mirror.state

    async def use():
        device = FakeTelescope(folder)
        running = asyncio.create_task(device.run())
        await until(device.host.path.exists)
        assert not mirror.started
        await asyncio.gather(mirror.start(), mirror.start())
        assert mirror.started
        assert await mirror.call("put", name="gain", value=4) == 4
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    for _ in range(2):
        asyncio.run(use())


async def test_changes_wake_on_state_and_on_loss(folder):
    seen = []

    async def watch(mirror):
        async for now in mirror.changes():
            seen.append(now.problem or now.state.get("gain"))

    async with hosted(folder, rate=0.1) as (_, mirror):
        watching = asyncio.create_task(watch(mirror))
        for gain in range(3):
            await mirror.call("put", name="gain", value=gain)
            await asyncio.sleep(0.01)
        await mirror.stop()
        await until(lambda: "stopped" in str(seen[-1]))
        assert seen[-4:-1] == [0, 1, 2]
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_slow_reader_of_changes_skips_to_the_newest(folder):
    async with hosted(folder, rate=0.1) as (_, mirror):
        changes = mirror.changes()
        await anext(changes)
        for gain in range(50):
            await mirror.call("put", name="gain", value=gain)
        now = await anext(changes)
        assert now.state["gain"] == 49
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(changes)


async def test_a_snapshot_hands_on_its_line(folder):
    async with hosted(folder, rate=0.1) as (device, mirror):
        await mirror.call("put", name="gain", value=4)
        snapshot = mirror.snapshot
        assert orjson.loads(snapshot.line) == {"v": snapshot.version, "state": device.state}
        assert (snapshot.epoch, snapshot.version) == (device.host.epoch, device.host.version)


JUNK = [
    b"hello\n",
    b"\n",
    b"[1]\n",
    b"null\n",
    b"{}\n",
    b'{"id":1}\n',
    b'{"id":1,"call":"slew"}\n',
    b'{"id":"1","call":"slew","until":1e12}\n',
    b'{"id":1,"call":["slew"],"until":1e12}\n',
    b'{"id":1,"call":"slew","until":"later"}\n',
    b'{"id":1,"call":"slew","until":1e12,"args":[1]}\n',
    b"\xff\n",
    b'{"id":' * 100_000,
    b"x" * 3_000_000,
]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: junk[:50].decode("latin-1"))
async def test_nonsense_ends_only_its_own_connection(folder, junk, caplog):
    async with hosted(folder) as (device, mirror):
        reader, writer = await asyncio.open_unix_connection(device.host.path)
        writer.write(junk if b"\n" in junk or len(junk) > wire.LONGEST_LINE else junk * 3 + b"\n")
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                while await reader.read(1 << 16):  # to the end: the host hung up
                    pass
        writer.close()
        assert await mirror.call("put", name="gain", value=2) == 2
        assert "speaks nonsense" in caplog.text
        assert device.state["slews"] == 0


@pytest.mark.parametrize(
    "junk",
    [
        b"hello\n",
        b"null\n",
        b'{"v":1,"state":{}}\n',
        b'{"host":"camera","epoch":"e","v":1,"state":{}}\n',
        b'{"host":"telescope","epoch":"e","v":"1","state":{}}\n',
        b'{"host":"telescope","epoch":"e","v":1,"state":[]}\n',
        b"x" * 3_000_000,
    ],
    ids=lambda junk: junk[:50].decode("latin-1"),
)
async def test_a_host_that_speaks_nonsense_counts_as_gone(folder, junk, caplog):
    caplog.set_level(logging.CRITICAL)

    async def talk(reader, writer):
        writer.write(junk)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(talk, folder / "telescope.sock")
    mirror = Mirror(folder, "telescope")
    await mirror.start()
    assert "speaks nonsense" in mirror.problem
    with pytest.raises(NotConnected, match="nonsense"):
        await mirror.call("slew", ra=1)
    await mirror.stop()
    if len(junk) < 100 and b"host" not in junk and b"state" not in junk:
        with pytest.raises(NotConnected, match="cannot be reached"):
            await asyncio.to_thread(read, folder, "telescope")
    server.close()
    await asyncio.sleep(0.01)


async def test_who_does_not_read_gets_the_newest_later_and_disturbs_nobody(folder):
    async with hosted(folder, rate=2000) as (device, mirror):
        reader, writer = await asyncio.open_unix_connection(device.host.path, limit=1 << 10)
        await until(lambda: any(peer.blocked_since for peer in device.host._peers))
        await mirror.call("put", name="mark", value="newest")
        seen = b""
        async with asyncio.timeout(20):
            while b'"mark":"newest"' not in seen:
                seen = seen[-100:] + await reader.read(1 << 16)
        writer.close()


async def test_a_mirror_that_never_reads_is_dropped(folder, monkeypatch, caplog):
    monkeypatch.setattr(wire, "SLOW", 0.5)
    monkeypatch.setattr(wire, "BEAT", 0.1)
    async with hosted(folder, rate=1000) as (device, mirror):
        _reader, writer = await asyncio.open_unix_connection(device.host.path, limit=1 << 10)
        await until(lambda: any(peer.blocked_since for peer in device.host._peers))
        slow = next(peer for peer in device.host._peers if peer.blocked_since)
        held = slow.transport.get_write_buffer_size()
        await asyncio.sleep(0.3)
        assert slow.transport.get_write_buffer_size() == held  # nothing is queued for it
        await until(lambda: len(device.host._peers) == 1)
        assert "has not read for" in caplog.text
        assert await mirror.call("put", name="gain", value=5) == 5
        writer.close()


async def test_calls_of_one_that_does_not_read_wait_in_its_socket(folder):
    """A caller that takes no answers cannot fill the host's memory with them."""
    async with hosted(folder) as (device, mirror):
        await mirror.call("put", name="padding", value="x" * 20_000)
        reader, writer = await asyncio.open_unix_connection(device.host.path, limit=1 << 10)
        call = {"id": 1, "call": "put", "args": {"name": "n", "value": 1}, "until": time.monotonic() + 600}
        writer.write((orjson.dumps(call) + b"\n") * 50_000)
        await until(lambda: any(peer.blocked_since for peer in device.host._peers))
        await asyncio.sleep(0.3)
        blocked = next(peer for peer in device.host._peers if peer.blocked_since)
        before = device.host.version
        await asyncio.sleep(0.3)
        assert device.host.version - before < 10
        held = blocked.transport.get_write_buffer_size() + sum(map(len, blocked._answers))
        assert held < 1 << 20  # 256 KiB of calls were read at most; no snapshot is held for each of them
        assert await mirror.call("put", name="gain", value=6) == 6
        answered = 0
        async with asyncio.timeout(30):  # now it reads: every call is answered
            while answered < 50_000:
                answered += (await reader.read(1 << 20)).count(b'"id":1')
        assert answered == 50_000
        writer.transport.abort()


def test_the_errors_are_skycam_errors():
    for kind in (CallError, NotConnected, OutcomeUnknown, MessageTooLongError):
        assert issubclass(kind, SkycamError)
    assert (NotConnected.code, OutcomeUnknown.code) == ("not_connected", "outcome_unknown")
