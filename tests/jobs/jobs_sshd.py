"""A real SSH server on this machine, and a wire to it that can be cut."""

import contextlib
import getpass
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.ports import free_port

SSHD = Path("/usr/sbin/sshd")


def key(path: Path) -> str:
    """Make a key pair; its public half as in a public key file."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


class Sshd:
    """sshd with a host key, a port and a list of allowed keys of its own.

    `path` limits what its shells find: without rsync in it the node has none.
    """

    def __init__(self, folder: Path, path: str = "/usr/bin:/bin") -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)
        self.identity = folder / "client"
        allowed = folder / "authorized_keys"
        allowed.write_text(key(self.identity) + "\n")
        allowed.chmod(0o600)
        self.host_key = key(folder / "host")
        self.port, self.user, self.path = free_port(), getpass.getuser(), path
        self.process: subprocess.Popen | None = None

    def start(self) -> "Sshd":
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder / 'host'}\n"
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}\nPidFile none\nUsePAM no\nStrictModes no\n"
            f"PasswordAuthentication no\nSubsystem sftp internal-sftp\nSetEnv PATH={self.path}\n"
            "PermitRootLogin prohibit-password\nLogLevel ERROR\n"
        )
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
        log.close()
        end = time.monotonic() + 10
        while True:
            # Its greeting, not only the connection: one can be made to what the server before left listening.
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as wire:
                if wire.recv(4) == b"SSH-":
                    return self
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.02)

    def new_host_key(self) -> None:
        """As after somebody else took the node's place."""
        self.stop()
        for name in ("host", "host.pub"):
            (self.folder / name).unlink()
        key(self.folder / "host")
        self.start()

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None
            self._wait_for_port()

    def _wait_for_port(self) -> None:
        """sshd's children hold its listening socket for a moment after it has ended; the next could not bind."""
        end = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", self.port)):
                return
            assert time.monotonic() < end, f"port {self.port} is still taken"
            time.sleep(0.02)


class Wire:
    """A TCP connection to a port, which is cut after `limit` bytes have come from there; `None`: never."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.limit: int | None = None
        self.carried = 0
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(16384):
                if counted:
                    self.carried += len(data)
                    if self.limit is not None and self.carried > self.limit:
                        break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextlib.contextmanager
def server(folder: Path, path: str = "/usr/bin:/bin") -> Iterator[Sshd]:
    sshd = Sshd(folder, path)
    try:
        yield sshd.start()
    finally:
        sshd.stop()
