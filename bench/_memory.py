"""Memory of processes, from Linux's own account of them."""

from pathlib import Path


def peak_mb(pid: int | str | None = "self", *, reset: bool = False) -> float:
    """Most resident memory of a process so far, MiB; nan where the system does not say.

    Not `ru_maxrss`: that of a child begins with its parent's.

    Args:
        pid: of the process.
        reset: count from now on.
    """
    try:
        if reset:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return float("nan")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
