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
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        descriptor, port = listener.fileno(), listener.getsockname()[1]
        script = f"from skycam_project.serve import serve; serve({kind!r}, [{descriptor}], 'alpacaserver:application')"
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=HERE,
            pass_fds=[descriptor],
            env=os.environ
            | {"ALPACA_FOLDER": str(folder), "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"}
            | environment,
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
