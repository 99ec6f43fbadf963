"""Machine code of kernels: kept for exactly the sources it was made of."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from numba.core import config

from sky.kernels import cache_folder


@pytest.fixture
def sources(tmp_path):
    for name in ("sky/one.py", "timelapse/deep/two.py"):
        path = tmp_path / "sources" / name
        path.parent.mkdir(parents=True)
        path.write_text("x = 1\n")
    return tmp_path / "sources"


def test_the_same_sources_share_a_folder_and_a_change_anywhere_makes_another(sources, tmp_path):
    first = cache_folder(tmp_path / "cache", sources)
    assert cache_folder(tmp_path / "cache", sources) == first
    (sources / "timelapse/deep/two.py").write_text("x = 22\n")
    second = cache_folder(tmp_path / "cache", sources)
    assert second != first
    (sources / "timelapse/deep/three.py").write_text("")
    assert cache_folder(tmp_path / "cache", sources) not in (first, second)
    assert first.is_dir(), "a version that ran a moment ago may still be running"


def test_folders_that_no_version_has_used_for_a_week_go(sources, tmp_path):
    base = tmp_path / "cache"
    old, recent = base / "0123456789abcdef", base / "fedcba9876543210"
    for folder, days in ((old, 8), (recent, 6)):
        folder.mkdir(parents=True)
        (folder / "kernel.nbc").write_bytes(b"code")
        os.utime(folder, (time.time() - days * 86400,) * 2)
    current = cache_folder(base, sources)
    assert sorted(base.iterdir()) == sorted([recent, current])


def test_a_folder_in_use_stays_however_old_its_code_is(sources, tmp_path):
    current = cache_folder(tmp_path / "cache", sources)
    os.utime(current, (0, 0))
    assert cache_folder(tmp_path / "cache", sources) == current
    assert time.time() - current.stat().st_mtime < 3600


def test_kernels_compile_into_the_folder_that_the_environment_names(tmp_path):
    code = "import sky.kernels; from numba.core import config; print(config.CACHE_DIR)"
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert Path(shown.strip()).parent == tmp_path
    assert Path(shown.strip()).name == Path(vars(config)["CACHE_DIR"]).name
