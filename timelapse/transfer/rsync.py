"""rsync over SSH, as argument lists; what was begun is kept and gone on with."""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from skycam_project.common.units import Seconds
from timelapse.transfer.errors import (
    FullError,
    GoneError,
    HostKeyError,
    LoginError,
    NoRsyncError,
    TransferError,
)
from timelapse.transfer.node import Node

PARTIAL = ".rsync-partial"
SILENCE: Seconds = 60.0
"""A connection that moves nothing for so long is given up."""
LOOK: Seconds = 0.2
_CUT = frozenset({10, 12, 30, 35, 255})
"""Exit codes of rsync and ssh when a connection is refused, cut or silent."""
_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_GONE = re.compile(r'(?:link_stat|change_dir) "([^"]+)" failed: No such file')


class Rsync:
    """Moves files between a node's sessions' folder and ours.

    Args:
        node: the other side.
        cancelled: asked while rsync runs; it is ended when this says yes.
    """

    def __init__(self, node: Node, cancelled: Callable[[], bool] = lambda: False) -> None:
        if shutil.which("rsync") is None or shutil.which("ssh") is None:
            raise NoRsyncError("this machine has no rsync or no ssh")
        self._node, self._cancelled = node, cancelled

    def fetch(self, paths: Sequence[str], folder: Path) -> None:
        """Bring files below the node's sessions' folder into `folder`, under the same relative paths.

        Regular files only, nothing that was not asked for. Raises `TransferError` and its kinds.
        """
        folder.mkdir(parents=True, exist_ok=True)
        source = f"{self._node.user}@{self._node.host}:{self._node.remote('')}"
        options = ["--relative", "--files-from=-", "--from0", "--no-links", "--chmod=D700,F600"]
        self._run([*options, "--", source, f"{folder}/"], "\0".join(paths).encode(), str(folder))

    def put(self, path: Path, name: str) -> None:
        """Bring a file to the node; there it appears whole, by rename. Raises `TransferError` and its kinds."""
        target = f"{self._node.user}@{self._node.host}:{self._node.remote(name)}"
        self._run(["--", str(path), target], b"", self._node.host)

    def close(self) -> None:
        """Nothing stays open between two calls."""

    def _run(self, arguments: list[str], said: bytes, into: str) -> None:
        command = ["rsync", "--times", "--secluded-args", f"--partial-dir={PARTIAL}", f"--timeout={SILENCE:.0f}",
                   "-e", self._node.shell_of_rsync(), *arguments]  # fmt: skip
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        try:
            words = self._wait(process, said)
        finally:
            if process.poll() is None:
                process.terminate()  # it keeps the partial file; SIGKILL would lose it
                process.wait()
        if process.returncode:
            raise _error(process.returncode, words, self._node, into)

    def _wait(self, process: "subprocess.Popen[bytes]", said: bytes) -> str:
        message: bytes | None = said
        while True:
            try:
                _, words = process.communicate(message, timeout=LOOK)
            except subprocess.TimeoutExpired:
                message = None  # it has been taken over by the first call
                if self._cancelled():
                    raise TransferError(f"{self._node.id}: the transfer was stopped") from None
                continue
            return words.decode("utf-8", "replace")


def _error(code: int, words: str, node: Node, into: str) -> TransferError:
    text = " ".join(words.split())[-400:]
    if (
        "Host key verification failed" in text
        or "IDENTIFICATION HAS CHANGED" in text
        or "host key" in text.lower()
    ):
        return HostKeyError(
            f"{node.id}: {node.host} shows another host key than nodes.host_key pins. Nothing was sent or fetched."
        )
    if "Permission denied" in text and code == 255:
        return LoginError(f"{node.id}: {node.host} does not let {node.user} in with {node.identity}.")
    if code == 127 or "rsync: command not found" in text or "rsync: not found" in text:
        return NoRsyncError(f"{node.id}: {node.host} has no rsync")
    if _FULL.search(text):
        return FullError(f"{node.id}: the disk of {into} became full; what came before is kept.")
    if gone := _GONE.search(text):
        return GoneError(f"{node.id}: {node.host} has no {gone[1]}")
    if code in _CUT:
        first = words.strip().partition("\n")[0].strip() or f"rsync ended with {code}"
        return TransferError(f"{node.id}: no connection to {node.host} ({first}); what came before is kept.")
    return TransferError(f"{node.id}: rsync ended with {code}: {text}")
