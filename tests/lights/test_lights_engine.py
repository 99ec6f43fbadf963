"""The single writer: order, drop rule, ids, numbers, files."""

import asyncio
import json
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lightsrig import configuration, make_engine, red, running, settle, until, write_state

from lighting.engine.commands import Command, own_command
from lighting.engine.dedupe import Dedupe
from lighting.engine.inbox import Entry, Inbox
from lighting.engine.quick import replace_quickly
from lighting.engine.slot import Slot
from lighting.engine.state import RgbState
from lighting.engine.ulid import new_ulid
from lighting.errors import QueueFullError


def drag(value: object) -> Entry:
    return Entry(value, True, 0.0)


def sure(value: object) -> Entry:
    return Entry(value, False, 0.0)


def contents(inbox: Inbox) -> list:
    return [entry.value for entry in iter(inbox.pop, None)]


# ---- the queue


def test_a_full_queue_drops_the_oldest_drag_event():
    inbox = Inbox(3)
    for entry in (drag(1), sure("a"), drag(2)):
        assert inbox.put(entry) is None
    assert inbox.put(sure("b")).value == 1
    assert inbox.put(drag(3)).value == 2
    assert contents(inbox) == ["a", "b", 3]


def test_a_queue_full_of_infrastructure_refuses():
    inbox = Inbox(2)
    inbox.put(sure(1)), inbox.put(sure(2))
    for entry in (drag(3), sure(4)):
        with pytest.raises(QueueFullError):
            inbox.put(entry)
    assert contents(inbox) == [1, 2]


def test_an_endless_drag_costs_no_memory():
    inbox = Inbox(100)
    for number in range(100_000):
        inbox.put(drag(number))
        assert len(inbox._entries) <= 202
    assert contents(inbox) == list(range(99_900, 100_000))


@given(st.integers(1, 5), st.lists(st.one_of(st.just("pop"), st.booleans()), max_size=60))
def test_the_queue_behaves_like_a_plain_list(bound, actions):
    inbox, model = Inbox(bound), []
    for number, action in enumerate(actions):
        if action == "pop":
            entry = inbox.pop()
            assert (entry.value if entry else None) == (model.pop(0)[0] if model else None)
            continue
        first = next((item for item in model if item[1]), None)
        if len(model) == bound and first is None:
            with pytest.raises(QueueFullError):
                inbox.put(Entry(number, action, 0.0))
            continue
        if len(model) == bound:
            model.remove(first)
        inbox.put(Entry(number, action, 0.0))
        model.append((number, action))
        assert len(inbox) == len(model)


# ---- ids


class Time:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_an_id_is_known_for_its_time_and_a_repeat_does_not_renew_it(tmp_path):
    clock = Time()
    ids = Dedupe(tmp_path / "seen.json", 900, 10, clock)
    ids.take("A")
    clock.now += 899
    assert ids.knows("A")
    clock.now += 1
    assert not ids.knows("A")


def test_ids_survive_a_restart_and_a_torn_line(tmp_path):
    clock, path = Time(), tmp_path / "seen.json"
    ids = Dedupe(path, 900, 10, clock)
    ids.take("A"), ids.take("B")
    ids.close()
    with path.open("ab") as file:
        file.write(b'{"id":"C","t":18000')
    again = Dedupe(path, 900, 10, clock)
    assert again.knows("A") and again.knows("B") and not again.knows("C")
    again.close()


def test_the_oldest_ids_go_first(tmp_path):
    ids = Dedupe(tmp_path / "seen.json", 900, 3, Time())
    for name in "ABCD":
        ids.take(name)
    assert [ids.knows(name) for name in "ABCD"] == [False, True, True, True]
    ids.close()


def test_the_file_stays_small(tmp_path):
    path = tmp_path / "seen.json"
    ids = Dedupe(path, 900, 5, Time())
    for number in range(200):
        ids.take(f"{number:026}")
        ids.flush()
        assert path.read_bytes().count(b"\n") <= 21
    ids.close()


def test_a_clock_set_back_does_not_keep_an_id_for_ever(tmp_path):
    clock, path = Time(), tmp_path / "seen.json"
    ids = Dedupe(path, 900, 5, clock)
    ids.take("A")
    ids.close()
    clock.now -= 86400
    again = Dedupe(path, 900, 5, clock)
    assert again.knows("A")
    clock.now += 901
    assert not again.knows("A")
    again.close()


# ---- the state


async def test_colours_are_clamped_and_every_accepted_command_counts(tmp_path):
    async with running(make_engine(tmp_path)) as engine:
        first = engine.state.seq
        engine.submit(own_command("a", 999, -5, 7))
        engine.submit(own_command("b", 255, 0, 7))
        await settle(engine)
        assert engine.state.body() | {"ts": 0} == {
            "schema": "demo.rgb.state.v1", "r": 255, "g": 0, "b": 7, "seq": first + 2, "updatedBy": "b", "ts": 0,
        }  # fmt: skip
        await engine.kept.disk.written()
        assert json.loads((tmp_path / "state.json").read_text()) == engine.state.body()


async def test_a_repeated_id_is_ignored_whatever_it_carries(tmp_path):
    async with running(make_engine(tmp_path)) as engine:
        command = red(5)
        engine.submit(command)
        engine.submit(Command(command.cmd_id, "other", 9, 9, 9))
        await settle(engine)
        assert engine.state.colour == (5, 0, 0)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9), st.integers(-300, 600), st.sampled_from(["put", "put", "put", "restart"])
        ),
        max_size=40,
    )
)
@settings(max_examples=25, deadline=None)
def test_the_last_accepted_value_wins_over_duplicates_and_restarts(actions):
    async def story(folder: Path) -> None:
        ids = [new_ulid() for _ in range(10)]
        seen, wanted, highest = set(), (0, 0, 0), 0
        engine = make_engine(folder)
        writer = asyncio.create_task(engine.run())
        for number, value, action in actions:
            if action == "restart":
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)
                highest = engine.state.seq
                engine.close()
                engine = make_engine(folder)
                assert engine.state.seq > highest
                assert engine.state.colour == wanted
                writer = asyncio.create_task(engine.run())
                continue
            before = engine.state.seq
            engine.submit(Command(ids[number], "p", value, value, 0))
            await settle(engine)
            if number not in seen:
                seen.add(number)
                clamped = min(255, max(0, value))
                wanted = (clamped, clamped, 0)
                assert engine.state.seq == before + 1
            assert engine.state.seq == before + 1 or engine.state.seq == before
            assert engine.state.colour == wanted
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        engine.close()

    folder = Path(tempfile.mkdtemp())
    try:
        asyncio.run(story(folder))
    finally:
        shutil.rmtree(folder)


async def test_a_broken_state_file_is_kept_aside_and_the_lights_start_dark(tmp_path):
    (tmp_path / "state.json").write_text('{"r":')
    engine = make_engine(tmp_path)
    assert engine.state.colour == (0, 0, 0)
    assert [path.read_text() for path in tmp_path.glob("state.json.bad-*")] == ['{"r":']
    engine.close()


@pytest.mark.parametrize("memory", [True, False])
async def test_what_anybody_sees_survives_a_kill_though_the_disk_hangs(tmp_path, monkeypatch, memory):
    if not memory:
        monkeypatch.setattr("lighting.engine.journal.MEMORY", tmp_path / "none")
    engine, hung, free = make_engine(tmp_path), threading.Event(), threading.Event()

    def hanging(path, data):
        hung.set()
        assert free.wait(20)
        replace_quickly(path, data)

    async with running(engine):
        monkeypatch.setattr("lighting.engine.disk.replace_quickly", hanging)
        commands = [red(value) for value in range(1, 40)]
        for command in commands:
            engine.submit(command)
            await settle(engine)
        await engine.control(engine.set_mode, "dark", "otto")
        await until(hung.is_set)
        assert engine.state.colour == (39, 0, 0)
        seq, journal = engine.state.seq, engine.kept._journal.path.read_bytes()
        monkeypatch.undo()
        free.set()
        await until(lambda: json.loads((tmp_path / "state.json").read_text()) == engine.state.body())
        kept = json.loads((tmp_path / "rig" / "numbers.json").read_text())
    # what a killed engine would have left while the disk hung
    left = tmp_path / "left"
    left.write_bytes(journal)
    (tmp_path / "rig" / "numbers.json").write_text(json.dumps(kept | {"used": 7, "journal": str(left)}))
    for name in ("state.json", "seen.json", "rig/rig.json"):
        (tmp_path / name).unlink()
    async with running(make_engine(tmp_path)) as engine:
        assert engine.state.seq == seq + 1 and engine.state.colour == (39, 0, 0) and engine.mode == "dark"
        for command in commands:
            engine.submit(command)
        await settle(engine)
        assert engine.state.seq == seq + 1, "their ids are known"
        assert not left.exists()


async def test_after_a_power_cut_no_number_comes_again(tmp_path):
    engine = make_engine(tmp_path)
    stored, numbers = (tmp_path / "state.json").read_bytes(), (tmp_path / "rig" / "numbers.json").read_bytes()
    async with running(engine):
        for value in range(200):
            engine.submit(red(value))
        await settle(engine)
        engine.kept.disk.drain()
    (tmp_path / "state.json").write_bytes(stored)  # the last second never reached the platter
    (tmp_path / "rig" / "numbers.json").write_bytes(numbers)
    after = make_engine(tmp_path)
    assert after.state.seq > engine.state.seq
    after.close()


async def test_a_full_disk_costs_a_warning_and_not_the_lights(tmp_path, caplog):
    async with running(make_engine(tmp_path)) as engine:
        shutil.rmtree(tmp_path)
        engine.submit(red(77))
        await settle(engine)
        assert engine.state.colour == (77, 0, 0)
        for _ in range(500):  # a thread writes
            if engine.kept.write_errors and "could not be written" in caplog.text:
                break
            await asyncio.sleep(0.01)
        assert engine.kept.write_errors and "could not be written" in caplog.text
        tmp_path.mkdir()


async def test_time_never_goes_back(tmp_path):
    ahead = RgbState(1, 2, 3, 10, "x", time.time_ns() // 1_000_000 + 3_600_000)
    write_state(tmp_path / "state.json", ahead)
    async with running(make_engine(tmp_path)) as engine:
        engine.submit(red(9))
        await settle(engine)
        assert engine.state.ts >= ahead.ts
        assert engine.state.seq == 12, "the restart is 11, the command 12"


async def test_slow_consumers_get_the_newest_and_hold_nobody_up(tmp_path):
    async with running(make_engine(tmp_path)) as engine:
        slot: Slot[RgbState] = Slot()
        engine.state_slots.append(slot)
        for value in range(500):
            engine.submit(red(value % 256))
        await settle(engine)
        assert (await slot.take()).seq == engine.state.seq
        assert not slot.is_filled


async def test_a_full_queue_of_the_engine_refuses_and_the_id_stays_free(tmp_path):
    engine = make_engine(tmp_path, DMX_QUEUE_SIZE="2")
    engine.submit(red(1)), engine.submit(red(2))
    late = red(3)
    with pytest.raises(QueueFullError):
        engine.submit(late)
    async with running(engine):
        await settle_when_possible(engine)
        engine.submit(late)
        await settle(engine)
        assert engine.state.colour == (3, 0, 0)


async def settle_when_possible(engine) -> None:
    while len(engine.inbox):
        await asyncio.sleep(0.001)


def test_settings_of_the_documents_table_are_read(folder):
    config = configuration(
        folder, DMX_QUEUE_SIZE="7", DMX_CMD_DEDUPE_TTL_SECONDS="5", DMX_CMD_DEDUPE_CAPACITY="3"
    )
    assert (config.dmx_queue_size, config.dmx_cmd_dedupe_ttl_seconds, config.dmx_cmd_dedupe_capacity) == (
        7,
        5,
        3,
    )
