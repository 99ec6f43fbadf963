"""FITS out: every keyword read back, pixels bit by bit, nothing of the place where it must not be."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import Angle
from astropy.io import fits
from astropy.time import Time
from exchange_nights import INFO, SITE, START, device_fits, jpeg, mosaic, night, originals
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions import provenance
from sessions.exchange import fits as exchange
from sessions.exchange.contents import Contents
from sessions.exchange.fits import Options, encode
from sessions.exchange.keywords import Disclosure, sexagesimal
from sessions.store.manager import SessionManager


def test_every_keyword_is_read_back(tmp_path):
    result = exchange.export(night(tmp_path / "data"), tmp_path / "out")
    path = next(one for one in result.files if one.name.endswith("_tele_00001.fits"))
    assert path.parent == tmp_path / "out" / "tele" / "lights"
    with fits.open(path, checksum=True) as found:  # a wrong checksum is a warning, and warnings are errors
        header = found[0].header
        assert np.array_equal(found[0].data, mosaic(1)) and found[0].data.dtype == np.uint16
    assert header["BITPIX"] == 16 and header["BZERO"] == 32768
    sha = hashlib.sha256(mosaic(1).tobytes()).hexdigest()
    expected = {
        "OBJECT": "M 31", "IMAGETYP": "Light Frame", "INSTRUME": "DWARF 3 tele", "TELESCOP": "Dwarf u", "OBSERVER": "Ada",
        "FILTER": "Astro", "DATE-OBS": "2026-03-24T20:37:52.173", "DATE-AVG": "2026-03-24T20:37:59.673",
        "EXPTIME": 15.0, "EXPOSURE": 15.0, "GAIN": 60, "OFFSET": 10, "EGAIN": 0.43, "CCD-TEMP": -4.75,
        "SET-TEMP": -5.0, "RA": 10.5, "DEC": -0.25, "OBJCTRA": "00 42 00.0", "OBJCTDEC": "-00 15 00.0",
        "EQUINOX": 2000.0, "BAYERPAT": "RGGB", "XBAYROFF": 0, "YBAYROFF": 0, "ROWORDER": "TOP-DOWN",
        "FOCALLEN": 150.0, "APTDIA": 35.0, "XPIXSZ": 4.0, "YPIXSZ": 4.0, "XBINNING": 2, "YBINNING": 2,
        "SITELAT": SITE["lat"], "SITELONG": SITE["lon"], "SITEELEV": SITE["alt"], "CENTALT": 30.0, "CENTAZ": 120.0,
        "FOCUSPOS": 1234, "PRESSURE": 950.0, "MPSAS": 21.2, "FRAMENO": 1, "ASDFSHA": sha,
        "FIRMWARE": "1.5.2", "EQMODE": 1, "MACADDR": "a0:b1:c2:d3:e4:f5",
    }  # fmt: skip
    assert {name: header[name] for name in expected} == expected
    assert header["NAXIS1"] == 80, "the device's structural cards stay out"
    assert header["AMBTEMP"] == pytest.approx(10 + 2 * 20 / 60) and header["FOCUSTEM"] == pytest.approx(
        11 + 2 / 3
    )
    assert header["HUMIDITY"] == pytest.approx(70 + 20 / 60)
    assert header["AIRMASS"] == pytest.approx(1.9939, abs=1e-3)
    assert abs(Time(header["MJD-OBS"], format="mjd").unix - Time(header["DATE-OBS"]).unix) < 1e-3
    assert header["SESSION"].startswith("observation_m-31_") and len(header["SESSUUID"]) == 36
    assert header["SWCREATE"].startswith("skycam ")


def test_kinds_of_frames_go_to_the_folders_of_siril(tmp_path):
    result = exchange.export(night(tmp_path / "data"), tmp_path / "out")
    folders = {path.parent.relative_to(tmp_path / "out").as_posix() for path in result.files}
    assert folders == {"tele/lights", "tele/darks", "tele/flats", "tele/biases"} and not result.skipped
    kinds = {path.parent.name: fits.getheader(path)["IMAGETYP"] for path in result.files}
    assert kinds == {
        "lights": "Light Frame",
        "darks": "Dark Frame",
        "flats": "Flat Frame",
        "biases": "Bias Frame",
    }


def test_what_is_not_known_is_left_out(tmp_path):
    with SessionManager(tmp_path / "data") as sessions:
        session = sessions.start_session("experiment")
        session.add_frame("a", mosaic(1), sensor_temp_c=float("nan"), note="µ")
        path = sessions.end_session()
    header = fits.getheader(exchange.export(path, tmp_path / "out").files[0])
    unknown = (
        "OBJECT EXPTIME GAIN OFFSET CCD-TEMP FILTER RA DEC OBJCTRA EQUINOX BAYERPAT FOCALLEN APTDIA XPIXSZ SITELAT "
        "AIRMASS CENTALT FOCUSPOS AMBTEMP"
    )
    assert not {name for name in unknown.split() if name in header}
    assert header["ROWORDER"] == "TOP-DOWN" and header["INSTRUME"] == "a"


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(33, 47), (33, 47, 3)])
def test_pixels_of_every_kind_come_back(tmp_path, dtype, shape, compress):
    random = np.random.default_rng(3)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        pixels = random.normal(0, 1000, shape).astype(kind)
    else:
        top = min(np.iinfo(kind).max, 2**28)  # Rice codes differences of 32-bit numbers
        pixels = random.integers(max(np.iinfo(kind).min, -top), top, shape).astype(kind)
    path = tmp_path / "x.fits"
    path.write_bytes(encode(pixels, [("OBJECT", "x", "")], compress))
    with fits.open(path, checksum=True) as found:
        data = found[1 if compress else 0].data
        back = np.moveaxis(data, 0, 2) if data.ndim == 3 else data
        assert np.array_equal(back, pixels) and back.dtype.newbyteorder("=") == kind


def test_originals_are_decoded_and_keep_the_devices_cards(tmp_path):
    result = exchange.export(originals(tmp_path / "data"), tmp_path / "out")
    names = [path.relative_to(tmp_path / "out").as_posix() for path in result.files]
    assert [name.rpartition("_")[0].partition("/observation")[0] for name in names] == [
        "tele/lights", "tele/rejected", "sky/lights",
    ]  # fmt: skip
    with fits.open(result.files[0]) as found:
        assert np.array_equal(found[0].data, mosaic(1))
        assert found[0].header["FIRMWARE"] == "1.5.2" and found[0].header["DATE-OBS"].startswith(
            "2026-03-24T20:37:32"
        )
    with fits.open(result.files[2]) as found:
        assert found[0].data.shape == (3, 48, 64) and "BAYERPAT" not in found[0].header
        assert found[0].header["ISOSPEED"] == 60.0 and "GAIN" not in found[0].header
    assert list(result.skipped) and "cannot be decoded" in next(iter(result.skipped.values()))


def test_public_files_do_not_tell_the_place(tmp_path):
    for number, path in enumerate((night(tmp_path / "a"), originals(tmp_path / "b"))):
        options = Options(disclosure=Disclosure(public=True))
        for file in exchange.export(path, tmp_path / f"out{number}", options).files:
            raw = file.read_bytes()
            for secret in (
                b"46.9",
                b"7.44",
                b"a0:b1:c2",
                b"0123456789",
                b"Ada",
                b"SITE",
                b"CENTALT",
                b"MACADDR",
            ):
                assert secret not in raw[: raw.find(b"END     ")], (file, secret)
            header = fits.getheader(file)
            assert all(float(header.get(name, 0)).is_integer() for name in ("RA", "DEC"))


def test_a_coarse_place_is_coarse_everywhere(tmp_path):
    options = Options(disclosure=Disclosure(location_precision=1.0))
    header = fits.getheader(exchange.export(night(tmp_path / "a"), tmp_path / "out", options).files[0])
    assert (header["SITELAT"], header["SITELONG"]) == (47.0, 7.0) and "SITEELEV" not in header
    assert header["RA"] in (10.0, 11.0) and header["CENTALT"] == 30.0
    header = fits.getheader(exchange.export(originals(tmp_path / "b"), tmp_path / "out2", options).files[0])
    assert (
        (header["SITELAT"], header["SITELONG"]) == (47.0, 7.0)
        and "MACADDR" not in header
        and "RA" not in header
    )


@given(st.floats(0, 360, exclude_max=True), st.floats(-90, 90))
def test_sexagesimal_coordinates_say_the_same_as_degrees(ra, dec):
    found = Angle(sexagesimal(ra / 15, hours=True), "hourangle").degree
    assert min(abs(found - ra), abs(found + 360 - ra)) <= 0.051 * 15 / 3600
    assert abs(Angle(sexagesimal(dec), "deg").degree - dec) <= 0.051 / 3600


@settings(max_examples=60)
@given(st.text(max_size=200), st.floats(allow_nan=True, allow_infinity=True))
def test_no_text_and_no_number_of_a_user_spoils_a_file(text, number):
    from sessions.exchange.keywords import _ascii, _device_cards, _sayable

    cards = [*_device_cards({"NOTE": text, "VALUE": number, text: 1}, Disclosure())]
    if _sayable(_ascii(text)):
        cards.append(("OBJECT", _ascii(text), "target"))
    found = fits.HDUList.fromstring(encode(np.zeros((4, 4), np.uint16), cards))
    found.verify("exception")
    assert found[0].header.get("OBJECT", "") == _ascii(text)


def test_large_originals_and_frames_outside_the_file(tmp_path):
    inside = exchange.export(night(tmp_path / "a"), tmp_path / "one").files
    outside = exchange.export(night(tmp_path / "b", storage="external"), tmp_path / "two").files
    for one, other in zip(inside, outside, strict=True):
        assert np.array_equal(fits.getdata(one), fits.getdata(other))
    with Contents(originals(tmp_path / "c", storage="external")) as contents:
        frames = list(contents.frames())
        data = [b"".join(contents.original(frame)) for frame in frames]
    assert data[:3] == [device_fits(), device_fits(2), jpeg()]
    assert [contents.size(frame) for frame in frames] == [len(one) for one in data]


def test_an_export_is_a_product_that_can_be_made_again(tmp_path):
    path = night(tmp_path / "data")
    options = Options(compress=True)
    exchange.export(path, tmp_path / "out", options, chosen=lambda frame: frame.index in (0, 2))
    provenance.register("fits", exchange.make_again)
    record = provenance.write(
        tmp_path / "out", "fits", [provenance.of_session(path, [0, 2])], exchange.product_parameters(options)
    )
    assert len(record.outputs) == 5
    result = provenance.reproduce(tmp_path / "out")
    assert result.ok and len(result.outputs) == 5


@pytest.mark.full
def test_siril_reads_what_is_written(tmp_path):
    """Siril converts the folder as its scripts do, knows the mosaic, and gives the pixels back."""
    exchange.export(night(tmp_path / "data"), tmp_path / "out")
    script = tmp_path / "read.ssf"
    folder = tmp_path / "out" / "tele" / "lights"
    (tmp_path / "work").mkdir()
    script.write_text(
        f"requires 1.0.0\ncd {folder}\nconvert light -out={tmp_path / 'work'}\ncd {tmp_path / 'work'}\n"
        "load light_00002\nstat\nsave again\n"
    )
    siril = shutil.which("siril-cli") or shutil.which("siril")
    command = [siril, "-s", str(script)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    again = next(Path(tmp_path / "work").glob("again.fit*"))
    with fits.open(again) as found:
        header = found[0].header
        data = found[0].data
    flipped = header.get("ROWORDER") != "TOP-DOWN"
    assert np.array_equal(data[::-1] if flipped else data, mosaic(1))
    expected = {
        "EXPTIME": 15.0, "GAIN": 60, "FOCALLEN": 150.0, "XPIXSZ": 4.0, "CCD-TEMP": -4.75, "INSTRUME": INFO["model"],
        "BAYERPAT": "RGGB", "OBJECT": "M 31", "FILTER": "Astro", "OBJCTRA": "00 42 00.0", "OBJCTDEC": "-00 15 00.0",
        "RA": 10.5, "DEC": -0.25, "OFFSET": 10, "CVF": 0.43, "XBINNING": 2, "TELESCOP": "Dwarf u", "OBSERVER": "Ada",
    }  # fmt: skip
    assert {name: header[name] for name in expected} == pytest.approx(expected)
    assert header["DATE-OBS"].startswith(f"{START:%Y-%m-%dT20:37:52}")


def test_a_frame_whose_bytes_changed_is_named_and_the_others_are_given(tmp_path):
    """A flipped bit in one frame must not leave as if it were the sky."""
    path = night(tmp_path / "data")
    with Contents(path) as contents:
        wanted = next(frame for frame in contents.frames() if frame.index == 1)
        offset, header = contents._stored(wanted.node["source"])
    data = bytearray(path.read_bytes())
    data[offset + header.size + header.used // 2] ^= 1
    path.write_bytes(data)
    done = exchange.export(path, tmp_path / "out")
    assert len(done.files) == 5 and len(done.skipped) == 1
    assert "checksum" in next(iter(done.skipped.values()))
