"""The FITS reader against astropy's writer, and against damaged and hostile files."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telescope.dwarf.fits import BLOCK, read_header, read_pixels
from telescope.errors import DeviceDataError


def written(path: Path, pixels: np.ndarray, **cards) -> Path:
    unit = astropy_fits.PrimaryHDU(pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key, value in cards.items():
            unit.header[key.replace("_", "-")] = value
    unit.writeto(path)
    return path


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32"])
@pytest.mark.parametrize("shape", [(7, 5), (3, 6, 4), (9,)])
def test_every_pixel_equals_what_astropy_wrote(tmp_path, dtype, shape):
    info = np.iinfo(dtype)
    pixels = np.random.default_rng(1).integers(info.min, info.max, shape, dtype, endpoint=True)
    pixels.flat[:2] = info.min, info.max
    found = read_pixels(written(tmp_path / "a.fits", pixels))
    assert found.dtype == pixels.dtype
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, pixels)


def test_a_scaled_array_is_given_in_physical_values(tmp_path):
    path = written(tmp_path / "a.fits", np.arange(6, dtype="int16").reshape(2, 3))
    unit = astropy_fits.open(path, mode="update", do_not_scale_image_data=True)
    unit[0].header["BSCALE"], unit[0].header["BZERO"] = 0.5, 10.0
    unit.close()
    np.testing.assert_array_equal(read_pixels(path), [[10, 10.5, 11], [11.5, 12, 12.5]])


def test_the_cards_of_a_telescope_keep_their_types(tmp_path):
    path = written(
        tmp_path / "a.fits",
        np.zeros((2, 2), "uint16"),
        OBJECT="M 31 it's",
        EXPTIME=15.0,
        GAIN=60,
        DET_TEMP=-3,
        RA=10.68458,
        FILTER="",
        EQMODE=True,
        DATE_OBS="2026-03-24T20:37:32.172",
    )
    cards = read_header(path).cards
    assert cards["OBJECT"] == "M 31 it's"
    assert (cards["EXPTIME"], cards["GAIN"], cards["DET-TEMP"], cards["RA"]) == (15.0, 60, -3, 10.68458)
    assert isinstance(cards["GAIN"], int)
    assert cards["FILTER"] == ""
    assert cards["EQMODE"] is True
    assert cards["DATE-OBS"] == "2026-03-24T20:37:32.172"


def header_of(*cards: str, blocks: int = 1) -> bytes:
    lines = ["SIMPLE  =                    T", *cards, "END"]
    text = "".join(f"{line:<80}" for line in lines).encode("latin-1")
    return text.ljust(blocks * BLOCK)


@pytest.mark.parametrize(
    ("bitpix", "axes"),
    [
        ("16", ["3000000", "3000000"]),
        ("16", ["20000", "20000"]),
        ("16", ["-5", "5"]),
        ("16", ["5", None]),
        ("16", ["5"] * 4),
        ("16", []),
        ("-64", ["5"]),
        ("16", ["T"]),
        ("16", ["9" * 23]),
        ("16", ["100"]),
        ("", ["1"]),
    ],
)
def test_sizes_that_cannot_be_are_refused_before_memory_is_taken(tmp_path, bitpix, axes):
    cards = [f"BITPIX  = {bitpix}", f"NAXIS   = {len(axes)}"]
    cards += [f"NAXIS{number}  = {size}" for number, size in enumerate(axes, 1) if size]
    path = tmp_path / "a.fits"
    path.write_bytes(header_of(*cards))
    with pytest.raises(DeviceDataError, match=r"a\.fits"):
        read_pixels(path)


def test_a_header_without_end_is_refused(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(b"SIMPLE  =                    T".ljust(BLOCK * 100))
    with pytest.raises(DeviceDataError, match="no END"):
        read_header(path)


@pytest.mark.parametrize("length", [0, 10, BLOCK - 1, BLOCK, BLOCK + 20_000])
def test_a_file_cut_anywhere_is_refused(tmp_path, length):
    path = written(tmp_path / "a.fits", np.zeros((100, 120), "uint16"))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DeviceDataError):
        read_header(path)


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "a.fits").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 5000)
    with pytest.raises(DeviceDataError, match="not a complete FITS"):
        read_header(tmp_path / "a.fits")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_gives_an_array_or_a_refusal_never_another_error(tmp_path, data):
    path = tmp_path / "a.fits"
    if not path.exists():
        written(path, np.arange(600, dtype="uint16").reshape(20, 30), EXPTIME=15.0, OBJECT="M 31")
    content = bytearray((tmp_path / "a.fits").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, BLOCK // 2))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "b.fits"
    damaged.write_bytes(content)
    try:
        header = read_header(damaged)
        assert read_pixels(damaged, header).shape == header.shape
    except DeviceDataError as error:
        assert "b.fits" in str(error)
