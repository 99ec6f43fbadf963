"""A capture node as SSH sees it: whom to ask, with which key, and the one host key that is believed."""

import random
import shlex
from dataclasses import dataclass
from pathlib import Path

from skycam_project.common.files import write_atomic
from skycam_project.common.units import Seconds

SHORTEST_PAUSE: Seconds = 5.0
LONGEST_PAUSE: Seconds = 600.0


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Attributes:
        id: its short name.
        host: name or address; never begins with a dash.
        user: whom to log in as; never begins with a dash.
        port: of its SSH server.
        data: its data folder, relative to the user's home or absolute.
        identity: the private key's file.
        host_key: type and key, as in a public key file.
        folder: ours, where the files about it lie.
        method: auto, rsync or sftp.
    """

    id: str
    host: str
    user: str
    port: int
    data: str
    identity: Path
    host_key: str
    folder: Path
    method: str = "auto"

    def remote(self, path: str) -> str:
        """The node's path of something below its sessions' folder."""
        return f"{self.data.rstrip('/')}/sessions/{path}"

    def ssh(self) -> list[str]:
        """The ssh command, by a configuration file of its own: nothing of the user's is read, nothing is asked."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known, config = self.folder / "known_hosts", self.folder / "ssh_config"
        write_atomic(known, f"{self.id} {self.host_key}\n".encode(), mode=0o600)
        lines = [
            "Host *", f"  Port {self.port}", f"  HostKeyAlias {self.id}", f'  IdentityFile "{self.identity}"',
            "  IdentitiesOnly yes", "  BatchMode yes", "  StrictHostKeyChecking yes",
            f'  UserKnownHostsFile "{known}"', "  GlobalKnownHostsFile /dev/null", "  UpdateHostKeys no",
            "  PasswordAuthentication no", "  ForwardAgent no", "  ClearAllForwardings yes", "  PermitLocalCommand no",
            "  ConnectTimeout 15", "  ServerAliveInterval 15", "  ServerAliveCountMax 3", "  LogLevel ERROR",
        ]  # fmt: skip
        write_atomic(config, ("\n".join(lines) + "\n").encode(), mode=0o600)
        return ["ssh", "-F", str(config)]

    def shell_of_rsync(self) -> str:
        """The ssh command as rsync splits it: at spaces, quotes respected."""
        return shlex.join(self.ssh())


def pause(failures: int, chance: random.Random | None = None) -> Seconds:
    """How long to wait after that many failures in a row (≥ 1): doubles from 5 s to 10 min, then 50 to 100 % of it."""
    longest = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(failures - 1, 30))
    return max(SHORTEST_PAUSE, longest * (chance or random).uniform(0.5, 1.0))
