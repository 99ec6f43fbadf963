"""What a session says about the machine and the programs that made it."""

import platform
import socket
import sys
import time
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path


@cache
def boot_id() -> str:
    """A text that changes with every boot of this machine and is the same for all its processes."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import psutil  # only where the kernel has no boot id (macOS)

        return f"boot-{int(psutil.boot_time())}"


@cache
def host_name() -> str:
    """This machine's name."""
    return socket.gethostname()


@cache
def software() -> list[dict[str, str]]:
    """Name and version of what writes the files."""
    found = [
        {"name": "skycam", "version": skycam_version()},
        {"name": "python", "version": platform.python_version()},
    ]
    return found + [{"name": name, "version": version(name)} for name in ("numpy", "blosc", "orjson")]


@cache
def timezone() -> str:
    """The machine's time zone, as its clock names it."""
    return time.tzname[0]


def process_name() -> str:
    """How this process was started, for messages."""
    return Path(sys.argv[0] or "python").name


@cache
def skycam_version() -> str:
    """The program's version; it runs from its folder, never installed, so the project file says it."""
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    return tomllib.loads(project.read_text())["project"]["version"] if project.exists() else "unknown"
