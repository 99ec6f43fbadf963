"""What frames of files and sessions become: counts with their levels, calibrated, strangers' files by a child."""

from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from night_fields import EVENING, Field

from camera.simulator.dng import dng
from sessions.calibration.key import Key
from sessions.calibration.library import Library
from sessions.calibration.lookup import corrections_of
from sessions.store.manager import SessionManager
from timelapse.night.frames import Camera
from timelapse.night.growing import Growing
from timelapse.night.optics import scale_of_exif
from timelapse.night.reading import Reader
from timelapse.night.source import NightSource
from timelapse.pipeline.develop import File
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.frames import open_source

FIELD = Field(size=240, stars=60, sky=300.0)
DARK = 120.0
INFO = {"model": "Roof camera", "serial": "9"}


@pytest.fixture
def reader():
    one = Reader()
    yield one
    one.close()


def of_file(reader: Reader, name: str, data: bytes):
    return reader.frame(File(name, data), None, "digest", name, EVENING, None)


def fits_of(pixels: np.ndarray, **cards) -> bytes:
    hdu = fits.PrimaryHDU(pixels)
    hdu.header.update(cards)
    buffer = BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()


def test_a_raw_file_says_its_levels(reader):
    mosaic = np.random.default_rng(1).integers(0, 65535, (64, 96), np.uint16)
    data = dng(
        mosaic, b"\xff\xd8\xff\xd9", (96, 64), make="A", model="B", taken=datetime(2026, 1, 1, tzinfo=UTC),
        exposure_s=30, f_number=2.8, iso=1600,
    )  # fmt: skip
    frame = of_file(reader, "1.dng", data)
    assert (frame.kind, frame.offset, frame.top) == ("mosaic", 0.0, 65535.0)
    np.testing.assert_array_equal(frame.image, mosaic)


def test_fits_of_another_pattern_begins_with_red(reader):
    mosaic = np.arange(48, dtype=np.uint16).reshape(6, 8)
    frame = of_file(reader, "1.fits", fits_of(mosaic, BAYERPAT="GRBG", EXPTIME=12.5, RA=10.0, DEC=-5.0))
    np.testing.assert_array_equal(frame.image, mosaic[:, 1:7])
    assert (frame.kind, frame.exposure_s, frame.hint) == ("mosaic", 12.5, (10.0, -5.0))


def test_strangers_files_never_meet_a_library_here(reader, monkeypatch):
    """A header that asks for 40 GB is refused by the child; this process does not even load the decoders."""
    data = fits_of(np.zeros((4, 4), np.uint16))
    huge = data.replace(b"NAXIS1  =                    4", b"NAXIS1  =               200000").replace(
        b"NAXIS2  =                    4", b"NAXIS2  =               100000"
    )
    monkeypatch.setattr(fits, "open", lambda *_: pytest.fail("decoded in this process"))
    with pytest.raises(FrameError, match="samples"):
        of_file(reader, "1.fits", huge)
    with pytest.raises(FrameError):
        of_file(reader, "1.cr2", b"II*\0" + bytes(500))
    assert of_file(reader, "1.fits", data).image.shape == (4, 4)


def counts(n: int) -> np.ndarray:
    """A frame with dark current, a falling-off lens and a hot pixel."""
    flat = np.linspace(0.8, 1.2, FIELD.size)[None]
    image = FIELD.pixels(FIELD.light() * flat, n) + np.uint16(DARK)
    image[100, 100] = 65535
    return image


def night(root, frames: int = 2):
    with SessionManager(root, {"lat": 46.0, "lon": 7.5, "alt": 500.0}, instrument="roof") as sessions:
        running = sessions.start_session("observation", target="sky")
        for n in range(frames):
            running.add_frame(
                "roof",
                counts(n),
                info=INFO,
                time=EVENING,
                exposure_us=30_000_000,
                gain=60.0,
                sensor_temp_c=5.0,
            )
        running.add_frame("roof", counts(9), time=EVENING, exposure_us=30_000_000, image_type="Dark Frame")
        growing = Growing(running.folder, Reader("mono", corrections=corrections_of(running.folder)))
        live = list(growing.read(lambda digest: True, growing.news()))
        return sessions.end_session(), live, growing


def test_masters_of_the_library_are_applied_and_gaps_are_named(tmp_path):
    """Dark, flat and bad pixel of the library are gone, live and afterwards; darks of the session are no picture."""
    library = Library(tmp_path / "sessions" / "calibration")
    dark = np.full((240, 240), DARK, np.float32)
    dark[100, 100] = 60000
    dark += np.random.default_rng(2).normal(0, 1, dark.shape).astype(np.float32)
    key = Key("Roof camera 9", 240, 240, 1, 60.0, 30.0, 5.0)
    library.add("dark", dark, key, 16, EVENING, mosaic=False)
    path, live, growing = night(tmp_path / "sessions")
    assert list(growing.left_out.values()) == ["a dark frame, no picture of the sky"]
    with_flat = np.linspace(0.8, 1.2, 240)[None].repeat(240, 0).astype(np.float32) * 10_000
    library.add("flat", with_flat, key, 16, EVENING, mosaic=False)
    source = open_source(path)
    finished = NightSource(source, Camera(), "mono", corrections=corrections_of(path))
    frames = list(finished.frames())
    source.close()
    finished.reader.close()
    assert len(frames) == len(live) == 2
    assert [problem.reason for problem in source.problems] == ["a dark frame, no picture of the sky"]
    assert growing.reader.corrections.gaps == {"no flat for Roof camera 9": 2}
    assert [one["kind"] for one in growing.reader.corrections.used] == ["dark"]
    assert [one["kind"] for one in finished.reader.corrections.used] == ["dark", "flat"]
    assert not finished.reader.corrections.gaps
    falling = np.linspace(0.8, 1.2, 240)
    for frame, wanted in ((live[0], 300 * falling), (frames[0], np.full(240, 300.0))):
        columns = np.median(frame.image.astype(float) - frame.offset, axis=0)
        np.testing.assert_allclose(columns, wanted, atol=12)
        assert frame.image[100, 100] - frame.offset < 500


def test_without_masters_frames_stay_as_they_are(tmp_path):
    _, live, growing = night(tmp_path / "sessions", 1)
    assert growing.reader.found() == {
        "masters": [],
        "gaps": {"no dark for 30 s, gain 60, 5 °C": 1, "no flat for Roof camera 9": 1},
    }
    np.testing.assert_array_equal(live[0].image, counts(0))


def test_scale_by_the_header_of_a_fits_file(reader):
    frame = of_file(reader, "1.fits", fits_of(np.zeros((8, 8), np.uint16), FOCALLEN=135.0, XPIXSZ=3.76))
    assert frame.scale_arcsec == pytest.approx(5.745, abs=0.002)
    assert of_file(reader, "2.fits", fits_of(np.zeros((8, 8), np.uint16))).scale_arcsec == frame.scale_arcsec


def test_scale_by_camera_and_focal_length():
    exif = {"make": "Canon", "model": "Canon EOS 6D", "focal_length_mm": 24.0}
    assert scale_of_exif(exif, (3648, 5472)) == pytest.approx(6.55e-3 / 24 * 206265, rel=0.01)
    assert scale_of_exif(exif | {"model": "Canon EOS 60D"}, (3456, 5184)) == pytest.approx(36.9, rel=0.02)
    assert scale_of_exif(exif | {"model": "No such camera"}, (3648, 5472)) is None
    assert scale_of_exif({"make": "Canon", "model": "Canon EOS 6D"}, (3648, 5472)) is None
