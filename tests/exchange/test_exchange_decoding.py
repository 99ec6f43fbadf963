"""Files of unknown origin are decoded in a child that may die, hang or run out of memory."""

import io
import os
import signal
import time

import numpy as np
import pytest
from astropy.io import fits
from exchange_nights import device_fits, jpeg, mosaic
from PIL import Image

from sessions.exchange import decoding
from sessions.exchange.decoding import Decoder, UndecodableError


def png(array: np.ndarray) -> bytes:
    import cv2

    return cv2.imencode(".png", array)[1].tobytes()


def test_one_child_decodes_many_kinds():
    with Decoder() as decoder:
        found = decoder.decode(device_fits(), "a.fits")
        assert np.array_equal(found.pixels, mosaic(1)) and found.cards["FIRMWARE"] == "1.5.2"
        first = decoder._child
        assert np.array_equal(
            decoder.decode(jpeg(), "a.jpg").pixels, np.asarray(Image.open(io.BytesIO(jpeg())).convert("RGB"))
        )
        deep = mosaic(3, (20, 30, 3), 65535)
        assert np.array_equal(decoder.decode(png(deep[..., ::-1]), "a.png").pixels, deep)
        grey = mosaic(4, (20, 30), 65535)
        assert np.array_equal(decoder.decode(png(grey), "a.png").pixels, grey)
        cube = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.moveaxis(deep, 2, 0))]).writeto(cube)
        assert np.array_equal(decoder.decode(cube.getvalue(), "a.fits.fz").pixels, deep)
        assert decoder._child is first


def fits_header(**cards) -> bytes:
    text = "".join(f"{name:<8}= {value:>20}".ljust(80) for name, value in {"SIMPLE": "T", **cards}.items())
    return (text + "END".ljust(80)).ljust(2880).encode()


HOSTILE = {
    "enormous.fits": fits_header(BITPIX=16, NAXIS=2, NAXIS1=2_000_000, NAXIS2=2_000_000),
    "negative.fits": fits_header(BITPIX=16, NAXIS=2, NAXIS1=-5, NAXIS2=10),
    "cut.fits": device_fits()[:4000],
    "many-axes.fits": fits_header(BITPIX=8, NAXIS=999, NAXIS1=1),
    "no-image.fits": fits_header(BITPIX=8, NAXIS=0),
    "strange.fits": fits_header(BITPIX=17, NAXIS=2, NAXIS1=10, NAXIS2=10) + bytes(2880),
    "empty.jpg": b"",
    "empty.fits": b"SIMPLE",
    "cut.jpg": jpeg()[:300],
    "rubbish.nef": os.urandom(5000),
    "tiff.cr2": b"II*\0" + bytes(100),
    "bomb.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\x86\xa0\0\1\x86\xa0\x10\2\0\0\0" + bytes(40),
    "script.svg": b"<svg/>",
    "../../etc/passwd": b"x",
}


def test_hostile_files_are_refused_and_the_next_one_is_read():
    with Decoder(patience=20) as decoder:
        for name, data in HOSTILE.items():
            with pytest.raises(UndecodableError, match="cannot be decoded"):
                decoder.decode(data, name)
        assert np.array_equal(decoder.decode(device_fits(), "a.fits").pixels, mosaic(1))


def test_a_child_that_dies_is_replaced():
    with Decoder() as decoder:
        decoder.decode(device_fits(), "a.fits")
        assert decoder._child is not None
        os.kill(decoder._child.pid, signal.SIGKILL)
        decoder._child.wait()
        with pytest.raises(UndecodableError, match="decoder died"):
            decoder.decode(device_fits(), "a.fits")
        assert decoder.decode(device_fits(), "a.fits").pixels.shape == (60, 80)


def test_a_child_that_hangs_is_killed():
    with Decoder() as decoder:
        decoder.decode(device_fits(), "a.fits")
        child = decoder._child
        assert child is not None
        os.kill(child.pid, signal.SIGSTOP)
        decoder._patience = 0.3
        with pytest.raises(UndecodableError, match="too long"):
            decoder.decode(device_fits(), "a.fits")
        assert child.poll() is not None
        decoder._patience = 30
        assert decoder.decode(device_fits(), "a.fits").pixels.shape == (60, 80)


def test_a_file_that_is_too_large_is_not_even_sent(monkeypatch):
    monkeypatch.setattr(decoding, "LARGEST_FILE", 100)
    with Decoder() as decoder, pytest.raises(UndecodableError, match="more than"):
        decoder.decode(bytes(101), "a.nef")
    assert decoder._child is None


def test_nobody_is_left_behind():
    with Decoder() as decoder:
        decoder.decode(device_fits(), "a.fits")
        child = decoder._child
    assert child is not None
    deadline = time.monotonic() + 5
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.poll() is not None
