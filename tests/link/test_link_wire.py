"""The line reader and the paths."""

import os
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skycam_project.common.link import Host, LinkSetupError, MessageTooLongError, Mirror, ask, wire

LINE = st.binary(max_size=60).map(lambda data: data.replace(b"\n", b""))


@given(lines=st.lists(LINE), rest=LINE, cuts=st.lists(st.integers(0, 2000), max_size=30))
def test_any_chopping_of_the_bytes_gives_the_same_lines(lines, rest, cuts):
    stream = b"".join(line + b"\n" for line in lines) + rest
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    buffer = wire.LineBuffer()
    seen = []
    for start, end in pairwise(places):
        seen += buffer.feed(stream[start:end])
    assert seen == lines
    assert list(buffer.feed(b"\n")) == [rest]


@given(extra=st.integers(-2, 2), chunk=st.integers(1000, 1 << 21), complete=st.booleans())
def test_a_line_of_one_mebibyte_passes_and_a_longer_one_does_not(extra, chunk, complete):
    size = wire.LONGEST_LINE + extra
    stream = b"first\n" + b"x" * size + (b"\n" if complete else b"")
    buffer, seen = wire.LineBuffer(), []

    def read():
        for start in range(0, len(stream), chunk):
            for line in buffer.feed(stream[start : start + chunk]):
                seen.append(len(line))

    if extra > 0:
        with pytest.raises(MessageTooLongError):
            read()
        assert seen == [5]
    else:
        read()
        assert seen == ([5, size] if complete else [5])


@pytest.mark.parametrize("name", ["", "../up", "a/b", "Tele", "a.b", "-a", "a b"])
def test_a_name_stays_in_its_folder(folder, name):
    with pytest.raises(LinkSetupError, match="cannot name a link"):
        Mirror(folder, name)


def test_a_path_too_long_for_a_socket_is_said_at_once(folder):
    room = wire.LONGEST_PATH - len(os.fsencode(folder)) - len("/") - len("/telescope.sock")
    fits, too_long = folder / ("d" * room), folder / ("d" * (room + 1))
    Host(fits, "telescope", {})
    for make in (lambda: Host(too_long, "telescope", {}), lambda: Mirror(too_long, "telescope")):
        with pytest.raises(LinkSetupError, match=r"at most 10[37] bytes"):
            make()
    with pytest.raises(LinkSetupError):
        ask(too_long, "telescope", "ping")


def test_the_length_counts_bytes_not_letters(folder):
    with pytest.raises(LinkSetupError):
        Mirror(folder / ("ä" * 50), "telescope")


async def test_the_longest_path_works(folder):
    room = wire.LONGEST_PATH - len(os.fsencode(folder)) - len("/") - len("/telescope.sock")
    deep = folder / ("d" * room)
    async with Host(deep, "telescope", {}):
        mirror = Mirror(deep, "telescope")
        await mirror.start()
        assert mirror.state == {}
        await mirror.stop()


async def test_folder_and_socket_belong_to_their_owner_alone(folder):
    folder.chmod(0o755)
    old = os.umask(0)
    try:
        async with Host(folder / "run", "telescope", {}) as host, Host(folder, "camera-0", {}) as other:
            for path in (host.path, other.path):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
                assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
                assert stat.S_IMODE(path.with_suffix(".lock").stat().st_mode) == 0o600
    finally:
        os.umask(old)


def test_a_folder_of_somebody_else_is_refused(folder, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(LinkSetupError, match="another user"):
        wire.private_folder(folder)


def test_a_folder_that_is_shared_is_refused_and_left_alone(folder):
    folder.chmod(0o1777)
    with pytest.raises(LinkSetupError, match="open to everybody"):
        wire.private_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777


def test_the_link_imports_neither_django_nor_celery_nor_prometheus():
    code = (
        "import sys, skycam_project.common.link as l;"
        "print(sorted(m for m in ('django', 'celery', 'prometheus_client', 'redis') if m in sys.modules))"
    )
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True
    )
    assert run.stdout.strip() == "[]", run.stderr
