"""Children of a killed supervisor leave."""

import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from skycam_project.common.parent_pipe import VARIABLE, ParentPipeError, leave_with_parent
from tests.link.conftest import ROOT

SUPERVISOR = """
import os, subprocess, sys, time
reading, writing = os.pipe()
for number, code in enumerate(sys.argv[1:]):
    child = subprocess.Popen(
        [sys.executable, "-c", "from skycam_project.common.parent_pipe import leave_with_parent\\n" + code],
        pass_fds=(reading,), env=os.environ | {"SKYCAM_PARENT_FD": str(reading)}, start_new_session=True,
        stdout=subprocess.PIPE, text=True)
    print(child.stdout.readline().strip(), flush=True)
time.sleep(60)
"""
POLITE = """
import signal, sys, time, os
def stop(*_):
    open(os.environ["LINK_NOTE"], "w").write("stopped")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
leave_with_parent()
print(os.getpid(), flush=True)
time.sleep(60)
"""
DEAF = """
import os, signal, socket, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
leave_with_parent()
port = socket.create_server(("127.0.0.1", 0))
grandchild = subprocess.Popen([sys.executable, "-c",
    "import os, signal, time\\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
    "assert 'SKYCAM_PARENT_FD' not in os.environ\\nprint('ready', flush=True)\\ntime.sleep(60)"],
    stdout=subprocess.PIPE)
assert grandchild.stdout.readline() == b"ready\\n"
print(os.getpid(), grandchild.pid, port.getsockname()[1], flush=True)
time.sleep(60)
"""


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_kill_9_of_the_supervisor_leaves_nothing_behind(folder):
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, POLITE, DEAF],
        env=os.environ | {"PYTHONPATH": str(ROOT), "LINK_NOTE": str(folder / "note")},
        stdout=subprocess.PIPE,
        text=True,
    )
    pids: list[int] = []
    try:
        pids.append(int(supervisor.stdout.readline()))
        *both, port = map(int, supervisor.stdout.readline().split())
        pids += both
        assert not any(map(gone, pids))
        supervisor.kill()
        supervisor.wait()
        deadline = time.monotonic() + 20  # 2 s promised; a busy machine may take longer
        while not all(map(gone, pids)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [pid for pid in pids if not gone(pid)] == []
        assert (folder / "note").read_text() == "stopped"  # SIGTERM came first
        socket.create_server(("127.0.0.1", port)).close()
    finally:
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()
        for pid in pids:
            if not gone(pid):
                os.kill(pid, signal.SIGKILL)


def test_without_a_supervisor_nothing_happens(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert leave_with_parent() is False


@pytest.mark.parametrize("value", ["", "x", "9999", "-1", "file"])
def test_a_number_that_is_no_pipe_is_refused(monkeypatch, folder, value):
    with (folder / "file").open("wb") as file:
        monkeypatch.setenv(VARIABLE, str(file.fileno()) if value == "file" else value)
        with pytest.raises(ParentPipeError, match="not a pipe"):
            leave_with_parent()
