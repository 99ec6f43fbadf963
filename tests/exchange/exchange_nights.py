"""Sessions to export: what a telescope, a DSLR and a program of its own leave behind."""

import io
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits
from PIL import Image

from sessions.store.manager import SessionManager
from skycam_project.common.clock import FastClock

START = datetime(2026, 3, 24, 20, 37, 32, 173456, tzinfo=UTC)
SITE = {"lat": 46.9481, "lon": 7.4474, "alt": 542.0}


def mosaic(seed: int, shape=(60, 80), top: int = 4095, dtype=np.uint16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, top, shape).astype(dtype)


def device_fits(seed: int = 1, shape=(60, 80), **cards) -> bytes:
    """A file as the DWARF 3 writes it."""
    unit = fits.PrimaryHDU(mosaic(seed, shape))
    said = {
        "DATE-OBS": "2026-03-24T21:37:32.173", "EXPTIME": 15.0, "GAIN": 60, "RESTACK": 0, "CAMERA": "TELE",
        "DET-TEMP": 36, "RA": 10.7, "DEC": 41.3, "OBJECT": "M 31", "BAYERPAT": "RGGB", "TELESCOP": "DWARFIII",
        "FIRMWARE": "1.5.2", "MACADDR": "a0:b1:c2:d3:e4:f5", "EQMODE": 1, "SITELAT": 46.9481,
    }  # fmt: skip
    for name, value in (said | cards).items():
        unit.header[name] = value
    buffer = io.BytesIO()
    unit.writeto(buffer)
    return buffer.getvalue()


def jpeg(seed: int = 1, shape=(48, 64), exif: bool = True) -> bytes:
    """A camera's JPEG, with a place and a serial number in its EXIF data."""
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*shape, 3), np.uint8))
    buffer = io.BytesIO()
    data = Image.Exif()
    if exif:
        data[0x0110], data[0x9003], data[0xA431] = "D750", "2026:03:24 21:37:32", "SERIAL-4711"
        data.get_ifd(0x8769).update(
            {0x9003: "2026:03:24 21:37:32", 0x829A: 8.0, 0x8827: 1600, 0xA431: "SERIAL-4711"}
        )
        data.get_ifd(0x8825).update({1: "N", 2: (46.0, 56.0, 53.2), 3: "E", 4: (7.0, 26.0, 50.6)})
    image.save(buffer, "JPEG", quality=92, exif=data, comment=b"written at 46.9481 N")
    return buffer.getvalue()


def dng(seed: int = 1, shape=(64, 96)) -> bytes:
    """A RAW file: DNG with an RGGB mosaic of 16 bits, and the tags a camera writes."""
    pixels = mosaic(seed, shape, 16000)
    texts = {
        0x010F: b"Skycam\0",
        0x0110: b"Test 1\0",
        0x0132: b"2026:03:24 21:40:00\0",
        0xC614: b"Skycam Test 1\0",
    }
    shorts = {
        0x0102: [16], 0x0103: [1], 0x0106: [32803], 0x0112: [1], 0x0115: [1], 0x011C: [1], 0x828D: [2, 2],
        0x0100: [shape[1]], 0x0101: [shape[0]], 0x0116: [shape[0]], 0xC61D: [16383],
    }  # fmt: skip
    bytes_ = {0x828E: bytes([0, 1, 1, 2]), 0xC612: bytes([1, 4, 0, 0]), 0xC613: bytes([1, 1, 0, 0])}
    matrix = struct.pack("<18i", *[n for value in (1, 0, 0, 0, 1, 0, 0, 0, 1) for n in (value, 1)])
    entries = {tag: (2, len(text), text) for tag, text in texts.items()}
    entries |= {
        tag: (3, len(values), struct.pack(f"<{len(values)}H", *values)) for tag, values in shorts.items()
    }
    entries |= {tag: (1, len(raw), raw) for tag, raw in bytes_.items()}
    entries |= {
        0xC621: (10, 9, matrix),
        0x0117: (4, 1, struct.pack("<I", pixels.nbytes)),
        0x0111: (4, 1, b""),
    }
    extra, position = b"", 8 + 2 + 12 * len(entries) + 4
    where = position + sum(len(raw) + len(raw) % 2 for _, _, raw in entries.values() if len(raw) > 4)
    entries[0x0111] = (4, 1, struct.pack("<I", where))
    table = struct.pack("<H", len(entries))
    for tag, (kind, count, raw) in sorted(entries.items()):
        field = raw.ljust(4, b"\0")
        if len(raw) > 4:
            field = struct.pack("<I", position + len(extra))
            extra += raw + bytes(len(raw) % 2)
        table += struct.pack("<HHI", tag, kind, count) + field
    return b"II*\0" + struct.pack("<I", 8) + table + bytes(4) + extra + pixels.tobytes()


INFO = {
    "model": "DWARF 3 tele",
    "pixel_size_um": 2.0,
    "focal_length_mm": 150.0,
    "aperture_mm": 35.0,
    "bayer_pattern": "RGGB",
    "electrons_per_adu": 0.43,
    "serial": "0123456789",
    "telescope": "Dwärf µ",
}


def night(folder: Path, frames: int = 3, **options) -> Path:
    """Arrays with everything that has a keyword; returns the session's file."""
    with SessionManager(folder, SITE, clock=FastClock(START), **options) as sessions:
        session = sessions.start_session(
            "observation",
            target="M 31",
            observer="Ada",
            target_coords={"ra": 10.68, "dec": 41.27, "frame": "icrs"},
        )
        for number in range(frames):
            at = START + timedelta(seconds=20 * number)
            session.add_frame(
                "tele", mosaic(number), info=INFO, settings={"binning": "2x2", "set_temp_c": -5.0}, time=at,
                exposure_us=15_000_000, gain=60.4, offset=10.0, sensor_temp_c=-4.75, filter="Astro", ra_deg=10.5,
                dec_deg=-0.25, alt_deg=30.0, az_deg=120.0, focus_pos=1234,
                cards={"FIRMWARE": "1.5.2", "MACADDR": "a0:b1:c2:d3:e4:f5", "DET-TEMP": 36, "NAXIS1": 7, "EQMODE": 1},
            )  # fmt: skip
        for minute, value in ((0, 10.0), (1, 12.0)):
            at = START + timedelta(minutes=minute)
            session.add_telemetry("temperature", time=at, sensor="ambient", value=value)
            session.add_telemetry("temperature", time=at, sensor="focuser", value=value + 1)
            session.add_telemetry("weather", time=at, humidity_percent=70.0 + minute, pressure_hpa=950.0)
            session.add_telemetry("sky", time=at, sky_mag_arcsec2=21.2)
        session.add_calibration("dark", mosaic(90), exposure_us=15_000_000, gain=60, camera="tele")
        session.add_calibration("flat", mosaic(91), exposure_us=100_000)
        session.add_calibration("bias", mosaic(92), exposure_us=0)
        return sessions.end_session()


def originals(folder: Path, **options) -> Path:
    """Cameras' own files: FITS, JPEG, and one that is neither."""
    with SessionManager(folder, SITE, clock=FastClock(START), **options) as sessions:
        session = sessions.start_session("observation", target="M31")
        common = {"time": START, "exposure_us": 15_000_000, "gain": 60}
        session.add_original(
            "tele", device_fits(), "M 31_15s60_Astro_20260324-203732173_36C.fits", info=INFO, **common
        )
        session.add_original("tele", device_fits(2), "failed_M 31.fits", rejected=True, **common)
        session.add_original("sky", jpeg(), "DSC_0001.JPG", gain_unit="ISO", **common)
        session.add_original("sky", b"not a picture", "DSC_0002.JPG", **common)
        return sessions.end_session()
