"""The independent Alpaca client library in an environment of its own.

Its import name is `alpaca` too, so it must never share a path with this repository.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PACKAGE = "alpyca>=3.1,<4"


def alpyca_python() -> Path:
    """Python with the client library; kept between runs in the machine's temporary folder."""
    folder = Path(tempfile.gettempdir()) / f"skycam-tools-{os.getuid()}" / f"alpyca-{sys.version_info[1]}"
    python = folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:  # tests side by side make it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        works = (
            python.exists()
            and not subprocess.run(
                [python, "-c", "import alpaca.camera"],
                cwd="/",
                check=False,
                env={},
                stderr=subprocess.DEVNULL,
            ).returncode
        )
        if not works:
            venv.create(folder, with_pip=True, clear=True)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", PACKAGE], check=True, cwd="/", timeout=300
            )
    return python
