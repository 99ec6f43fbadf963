"""Memory, idle CPU and start-up time of the whole program: `./skycam bench size`.

Starts `up` twice in an empty data folder (`--no-demo` unless `--demo`): the first start migrates, the second is the everyday one.
PSS is the honest sum over processes; RSS counts shared pages again.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
PSS_LIMIT_MB, RSS_LIMIT_MB, CPU_LIMIT_PERCENT = 450, 600, 3.0
FIRST_START_S, SECOND_START_S = 20, 5


def start(data: Path, port: int, demo: bool) -> tuple[subprocess.Popen[str], float]:
    """`up`, and the seconds until it said that it is ready."""
    began = time.monotonic()
    command = [sys.executable, "-m", "skycam_project.cli", "up", "--port", str(port), "--data", str(data)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SKYCAM_")}
    process = subprocess.Popen(
        [*command, "--demo" if demo else "--no-demo"],
        cwd=ROOT, env=environment | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    for line in process.stdout or ():
        if line.startswith("Skycam is ready"):
            return process, time.monotonic() - began
    raise SystemExit("up ended before it was ready")


def stop(process: subprocess.Popen[str]) -> float:
    """End it as Ctrl-C does; the seconds that took."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    if process.stdout:
        process.stdout.read()
    process.wait()
    return time.monotonic() - began


def name_of(process: psutil.Process) -> str:
    """The process's name in the plans of `up`, or its program."""
    words = process.cmdline()
    if "skycam_project.child" in words:
        return words[words.index("skycam_project.child") + 1]
    if any("skycam_project.cli" in word for word in words):
        return "up"
    if "camera.drivers.gphoto2.child" in " ".join(words):
        return "camera child"
    return Path(words[0]).name if words else "?"


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """`up` and everything below it."""
    top = psutil.Process(process.pid)
    return [top, *top.children(recursive=True)]


def main(argv: list[str]) -> int:
    """Print the figures and whether each limit of the architecture holds."""
    parser = argparse.ArgumentParser(prog="./skycam bench size")
    parser.add_argument("--demo", action="store_true", help="with the simulated devices")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="over which idle CPU is measured (%(default)s)"
    )
    parser.add_argument(
        "--starts", type=int, default=3, help="everyday starts, of which the median counts (%(default)s)"
    )
    options = parser.parse_args(argv)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="skycam-size-") as folder:
        data = Path(folder) / "var"
        process, first = start(data, port, options.demo)
        stop(process)
        seconds = []
        for _ in range(options.starts):
            process, took = start(data, port, options.demo)
            seconds.append(took)
            if len(seconds) < options.starts:
                stop(process)
        time.sleep(5)
        pss, rss, cpu = measure(process, options.seconds)
        ended = stop(process)
    second = statistics.median(seconds)
    print(f"\n{'first start':24}{first:8.1f} s   limit {FIRST_START_S}")
    print(f"{'everyday start, median':24}{second:8.1f} s   limit {SECOND_START_S}")
    print(f"{'stop':24}{ended:8.1f} s")
    print(f"{'PSS':24}{pss:8.0f} MB  limit {PSS_LIMIT_MB}")
    print(f"{'RSS':24}{rss:8.0f} MB  limit {RSS_LIMIT_MB}")
    print(f"{'idle CPU':24}{cpu:8.2f} %   limit {CPU_LIMIT_PERCENT:g} (of one core)")
    kept = pss <= PSS_LIMIT_MB and rss <= RSS_LIMIT_MB and cpu <= CPU_LIMIT_PERCENT
    return 0 if kept and first <= FIRST_START_S and second <= SECOND_START_S else 1


def measure(process: subprocess.Popen[str], seconds: float) -> tuple[float, float, float]:
    """Sum of PSS and RSS in MB, CPU in percent of a core; prints a row per process."""
    members = family(process)
    before = {member.pid: sum(member.cpu_times()[:2]) for member in members}
    time.sleep(seconds)
    totals = [0.0, 0.0, 0.0]
    print(f"{'process':16}{'PSS MB':>9}{'RSS MB':>9}{'CPU %':>8}")
    for member in members:
        memory = member.memory_full_info()
        row = (
            getattr(memory, "pss", memory.uss) / 1e6,
            memory.rss / 1e6,
            100 * (sum(member.cpu_times()[:2]) - before[member.pid]) / seconds,
        )
        print(f"{name_of(member):16}{row[0]:9.1f}{row[1]:9.1f}{row[2]:8.2f}")
        totals = [total + value for total, value in zip(totals, row, strict=True)]
    return totals[0], totals[1], totals[2]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
