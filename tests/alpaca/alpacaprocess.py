"""Starts `alpacaserver` under Daphne or uvicorn and stops it again."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent


@contextlib.contextmanager
def server(kind: str, folder: Path, **environment: str) -> Iterator[int]:
    """The port of a running server."""
    with socket.socket() as listener:
        # Accepted connections inherit this; uvicorn does not set it for an inherited socket, and every answer would
        # wait 40 ms for the acknowledgement of its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.set_inheritable(True)
        descriptor, port = str(listener.fileno()), listener.getsockname()[1]
        command = {
            "daphne": ["-m", "daphne", "--fd", descriptor, "--verbosity", "0", "alpacaserver:application"],
            "uvicorn": [
                "-m",
                "uvicorn",
                "--fd",
                descriptor,
                "--lifespan",
                "off",
                "--log-level",
                "warning",
                "alpacaserver:application",
            ],
        }[kind]
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=HERE,
            pass_fds=[listener.fileno()],
            env=os.environ | {"ALPACA_FOLDER": str(folder), "PYTHONPATH": str(HERE.parents[1])} | environment,
        )
        try:
            wait_until_ready(port, process)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_ready(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + 30
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/management/apiversions", timeout=5
            ) as answer:
                answer.read()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
