"""The shipped data can be made again from the packages they came from."""

import shutil

import numpy as np
import pytest

from sky.build_catalogue import build, fetch
from sky.catalogue import DATA


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_rebuilding_from_the_packages_gives_the_shipped_files(tmp_path):
    missing = [tool for tool in ("apt-get", "dpkg-deb", "npm") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    index, folder = fetch(tmp_path / "packages")
    counts = build(index, folder, tmp_path)
    assert counts["stars"] == 899_101
    with np.load(DATA / "stars.npz") as shipped, np.load(tmp_path / "stars.npz") as built:
        assert set(shipped.files) == set(built.files)
        for column in shipped.files:
            assert (shipped[column] == built[column]).all(), column
    for name in ("star_names.csv", "milky_way.png"):
        assert (DATA / name).read_bytes() == (tmp_path / name).read_bytes(), name
