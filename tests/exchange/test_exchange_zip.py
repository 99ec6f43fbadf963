"""Streamed zips and portable files: read by the standard library and by plain ASDF, in flat memory."""

import io
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import asdf
import numpy as np
import pytest
from astropy.io import fits
from exchange_nights import device_fits, jpeg, mosaic, night, originals
from PIL import Image

from sessions.exchange import portable, zips
from sessions.exchange.fits import Options
from sessions.exchange.keywords import Disclosure
from sessions.store import reading
from sessions.store.errors import DamagedFileError
from sessions.store.manager import SessionManager
from sessions.store.verify import verify
from skycam_project.common.errors import InvalidValueError


def whole(path: Path, what: str, options: Options | None = None) -> zipfile.ZipFile:
    found = zipfile.ZipFile(io.BytesIO(b"".join(zips.stream(path, what, options))))
    assert found.testzip() is None
    return found


def test_a_zip_of_fits_holds_every_frame(tmp_path):
    path = night(tmp_path)
    with whole(path, "fits") as found:
        names = found.namelist()
        assert len(names) == 6 and all(name.startswith(f"{path.stem}/tele/") for name in names)
        light = next(name for name in names if name.endswith("tele_00002.fits"))
        assert np.array_equal(fits.getdata(io.BytesIO(found.read(light))), mosaic(2))
        assert found.getinfo(light).date_time == (2026, 3, 24, 20, 38, 12)


def test_a_zip_of_originals_holds_their_bytes_and_names_what_is_missing(tmp_path):
    path = originals(tmp_path)
    with whole(path, "originals") as found:
        files = {name.partition("/")[2]: found.read(name) for name in found.namelist()}
    assert files["tele/000000_M 31_15s60_Astro_20260324-203732173_36C.fits"] == device_fits()
    assert files["sky/000000_DSC_0001.JPG"] == jpeg() and files["sky/000001_DSC_0002.JPG"] == b"not a picture"
    with whole(path, "fits") as found:
        names = [name.rpartition("/")[2] for name in found.namelist()]
        assert len(names) == 4 and b"sky 1: DSC_0002.JPG cannot be decoded" in found.read(
            next(name for name in found.namelist() if name.endswith("not-included.txt"))
        )


def test_public_originals_tell_nothing_and_look_the_same(tmp_path):
    with whole(originals(tmp_path), "originals", Options(disclosure=Disclosure(public=True))) as found:
        files = {name.rpartition("/")[2]: found.read(name) for name in found.namelist()}
    picture = files["000000_DSC_0001.JPG"]
    assert b"SERIAL" not in picture and b"Exif" not in picture and b"46.9481" not in picture
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(picture))), np.asarray(Image.open(io.BytesIO(jpeg())))
    )
    assert "000001_DSC_0002.JPG" not in files and b"a0:b1" not in b"".join(files.values())


@pytest.mark.parametrize("what", ["asdf", "portable"])
def test_what_holds_logs_is_not_public(tmp_path, what):
    with pytest.raises(InvalidValueError, match="place"):
        zips.stream(night(tmp_path), what, Options(disclosure=Disclosure(location_precision=1.0)))


@pytest.mark.parametrize("storage", ["embedded", "external"])
def test_the_session_itself_goes_as_it_is(tmp_path, storage):
    path = night(tmp_path / "a", storage=storage)
    with whole(path, "asdf") as found:
        found.extractall(tmp_path / "out")
    copy = tmp_path / "out" / path.stem / path.name
    assert copy.read_bytes() == path.read_bytes() and verify(copy).ok


@pytest.mark.parametrize("storage", ["embedded", "external"])
@pytest.mark.parametrize("make", [night, originals])
def test_a_portable_file_is_read_by_plain_asdf(tmp_path, make, storage):
    path = make(tmp_path / "a", storage=storage)
    copy = tmp_path / "portable.asdf"
    copy.write_bytes(b"".join(portable.stream(path)))
    assert verify(copy).ok
    code = (  # a process that knows nothing of Skycam or blosc
        "import asdf, sys, warnings; warnings.simplefilter('ignore'); sys.modules['asdf_compression'] = None\n"
        "with asdf.open(sys.argv[1], validate_checksums=True, lazy_load=False) as af:\n"
        "    for camera in af['cameras'].values():\n"
        "        for kind in ('frames', 'originals'):\n"
        "            for array in camera[kind]: print(int(array[:].astype('u8').sum()))\n"
    )
    command = [sys.executable, "-I", "-W", "ignore", "-c", code, str(copy)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.split()
    if make is night:
        assert [int(one) for one in out] == [int(mosaic(number).sum()) for number in range(3)]
    else:
        expected = (device_fits(), device_fits(2), jpeg(), b"not a picture")
        assert [int(one) for one in out] == [
            int(np.frombuffer(one, np.uint8).sum(dtype="u8")) for one in expected
        ]
    with reading.open_session(path) as old, reading.open_session(copy) as new:
        assert list(old["observability"]["logs"]) == list(new["observability"]["logs"])
        for name in old["cameras"]:
            assert list(old["cameras"][name]["frame_table"]) == list(new["cameras"][name]["frame_table"])
        assert old["meta"] == new["meta"]
    assert isinstance(asdf.__version__, str)


def test_memory_does_not_grow_with_the_session(tmp_path):
    peaks = []
    for frames in (4, 24):
        with SessionManager(tmp_path / str(frames)) as sessions:
            session = sessions.start_session("experiment")
            for number in range(frames):
                session.add_frame("a", mosaic(number, (500, 700)))
            path = sessions.end_session()
        for what in ("fits", "portable"):
            list(zips.stream(path, what))  # libraries are loaded
            tracemalloc.start()
            total = sum(map(len, zips.stream(path, what)))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            assert total > frames * 350_000
    assert peaks[2] < peaks[0] + 500_000 and peaks[3] < peaks[1] + 500_000, peaks


def test_what_is_no_session_is_refused_before_the_first_byte(tmp_path):
    (tmp_path / "x.asdf").write_bytes(b"#ASDF 1.0.0\n%YAML 1.1\n--- {a: 1}\n...\n")
    for what in zips.What:
        with pytest.raises(DamagedFileError):
            zips.stream(tmp_path / "x.asdf", what)


def test_a_stream_that_is_left_early_closes_its_file(tmp_path):
    stream = zips.stream(night(tmp_path), "fits")
    next(stream)
    stream.close()  # an open file or child would be a warning, and warnings are errors
