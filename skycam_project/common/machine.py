"""The machine that runs us."""

import contextlib
import hashlib
import os
import socket
from pathlib import Path

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_bytes() -> int:
    """Memory that we may use: the machine's, or less where a container has a limit."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # not this kernel's, or "max"
            found.append(int(Path(name).read_text()))
    return min(found)


def machine_name() -> str:
    """Its name, and a piece of what tells it from another one of the same name: `raspberrypi-3f09c2`."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        return f"{name}-{hashlib.sha256(Path('/etc/machine-id').read_bytes()).hexdigest()[:6]}"
    return name
