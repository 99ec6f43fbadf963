"""The journal after whatever can happen to a file."""

import itertools
import os
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.store import journal, values
from sessions.store.errors import WriteError
from sessions.store.journal import JournalReader, JournalWriter


def write(path, count, process="test"):
    writer = JournalWriter(path, process)
    for number in range(count):
        writer.append("log", values.encode({"l": "INFO", "s": "", "m": f"row {number} æ", "c": None}))
    writer.close()


def messages(path):
    reader = JournalReader(path)
    return [record["m"] for record in reader if record["k"] == "log"], reader.bad_lines


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    write(path, 12)
    return path.read_bytes()


def test_a_cut_at_any_byte_leaves_all_rows_before_it(tmp_path, whole):
    path = tmp_path / "cut.jsonl"
    ends = [position for position, byte in enumerate(whole) if byte == 10]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        found, bad = messages(path)
        # A row is there when all of it is; only its newline may be missing.
        rows = max(0, sum(end <= cut for end in ends) - 1)
        assert found == [f"row {number} æ" for number in range(rows)]
        assert bad == (cut not in ends and cut - 1 not in ends and cut > 0)


def test_after_any_cut_a_new_writer_goes_on(tmp_path, whole):
    path = tmp_path / "cut.jsonl"
    for cut in random.Random(1).sample(range(len(whole)), 60):
        path.write_bytes(whole[:cut])
        before, bad = messages(path)
        write(path, 2, "second")
        after, still_bad = messages(path)
        assert after == [*before, "row 0 æ", "row 1 æ"]
        assert still_bad == bad


def test_a_flipped_bit_costs_its_own_line_only(tmp_path, whole):
    path = tmp_path / "flip.jsonl"
    wanted = [f"row {number} æ" for number in range(12)]
    chance = random.Random(2)
    for _ in range(400):
        damaged = bytearray(whole)
        position = chance.randrange(len(whole))
        damaged[position] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        found, bad = messages(path)
        assert bad == 1 or (bad == 0 and position == len(whole) - 1)
        assert len(wanted) - len(found) <= 1
        assert set(found) <= set(wanted)


@given(st.lists(st.binary(max_size=80), max_size=6), st.integers(0, 12))
def test_rubbish_between_the_lines_is_skipped(tmp_path_factory, rubbish, at):
    path = tmp_path_factory.mktemp("rubbish") / "journal.jsonl"
    write(path, 12)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[at:at] = [piece + b"\n" for piece in rubbish]
    path.write_bytes(b"".join(lines))
    assert messages(path)[0] == [f"row {number} æ" for number in range(12)]


def test_zeros_at_the_end_as_after_a_power_cut(tmp_path, whole):
    path = tmp_path / "zeros.jsonl"
    path.write_bytes(whole + bytes(4096))
    write(path, 1, "second")
    found, bad = messages(path)
    assert found[-1] == "row 0 æ" and len(found) == 13 and bad == 1


def test_many_threads_get_consecutive_numbers_and_whole_lines(tmp_path):
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path, "test")

    def work(name):
        for number in range(300):
            writer.append("log", values.encode({"m": f"{name} {number}"}))
            if number % 50 == 0:
                writer.sync()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.dirty
    writer.sync()
    assert not writer.dirty
    writer.close()
    records = list(JournalReader(path))
    assert [record["q"] for record in records] == list(range(1801))
    assert all(a["mono"] <= b["mono"] for a, b in itertools.pairwise(records))


def test_order_follows_the_monotonic_clock_even_when_the_wall_clock_steps_back(tmp_path):
    times = iter([1000, 5000, 2000, 3000])
    owner = JournalWriter(tmp_path / "journal.jsonl", "owner", now=lambda: next(times))
    web = JournalWriter(tmp_path / "journal-web.jsonl", "web", now=lambda: 1)
    owner.append("log", values.encode({"m": "a"}))
    web.append("log", values.encode({"m": "b"}))
    owner.append("log", values.encode({"m": "c"}))
    web.append("log", values.encode({"m": "d"}))
    owner.append("log", values.encode({"m": "e"}))
    owner.close()
    web.close()
    readers = [JournalReader(tmp_path / "journal.jsonl"), JournalReader(tmp_path / "journal-web.jsonl")]
    boots = [next(iter(readers[0]))["boot"]]
    rows = [(number, record["m"]) for number, record in journal.merged(readers, boots) if "m" in record]
    assert rows == [(0, "a"), (1, "b"), (0, "c"), (1, "d"), (0, "e")]


def test_a_second_boot_comes_after_the_first_although_its_clock_begins_at_zero(tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"
    write(path, 2)
    monkeypatch.setattr(journal.host, "boot_id", lambda: "second")
    monkeypatch.setattr(journal.time, "monotonic_ns", lambda: 5)
    write(path, 2)
    write(tmp_path / "journal-web.jsonl", 1)
    readers = [JournalReader(path), JournalReader(tmp_path / "journal-web.jsonl")]
    first = next(iter(readers[0]))["boot"]
    rows = [
        (number, record["m"])
        for number, record in journal.merged(readers, [first, "second"])
        if "m" in record
    ]
    assert rows[:2] == [(0, "row 0 æ"), (0, "row 1 æ")]
    assert sorted(rows[2:]) == [(0, "row 0 æ"), (0, "row 1 æ"), (1, "row 0 æ")]


def test_a_full_disk_is_an_error_and_costs_only_what_was_not_acknowledged(tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path, "test")
    writer.append("log", values.encode({"m": "kept"}))
    real, calls = os.write, []

    def full(handle, data):
        calls.append(1)
        if len(calls) == 1:
            return real(handle, bytes(data)[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(WriteError, match="No space"):
            writer.append("log", values.encode({"m": "refused"}))
    writer.append("log", values.encode({"m": "room again"}))
    writer.close()
    reader = JournalReader(path)
    assert [record["m"] for record in reader if record["k"] == "log"] == ["kept", "room again"]
    assert reader.bad_lines == 1


def test_a_failed_sync_is_not_an_acknowledgement(tmp_path, monkeypatch):
    writer = JournalWriter(tmp_path / "journal.jsonl", "test")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(WriteError, match="Input/output"):
            writer.sync()
        assert writer.dirty
    writer.close()
