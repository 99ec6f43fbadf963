"""Small parts by themselves: names, FITS, pictures, faults, the command line, the program."""

import asyncio
import io
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import websockets
from astropy.io import fits as astropy_fits
from dwarfsim_helpers import SITE
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import telescope.simulator
from telescope.dwarf.values import Camera
from telescope.simulator import fits, names, picture
from telescope.simulator.errors import SimulatorError
from telescope.simulator.faults import Faults
from telescope.simulator.options import Ports, parse
from telescope.simulator.profile import EXPOSURE_NAMES, TELE, WIDE, exposure_seconds

ROOT = Path(telescope.simulator.__file__).parents[2]


def test_names_are_those_of_the_reference():
    end = datetime(2026, 3, 24, 20, 37, 32, 172_999)
    core = names.frame_core("M 31", "15", 60, 1, end)
    assert names.frame_name(core, 36, failed=False) == "M 31_15s60_Astro_20260324-203732172_36C.fits"
    assert names.frame_name(core, 36, failed=True) == "failed_M 31_15s60_Astro_20260324-203732172_36C.fits"
    folder = names.session_folder(Camera.TELE, "M 31", "1/30", 60, end)
    assert folder == "DWARF_RAW_TELE_M 31_EXP_1-30_GAIN_60_2026-03-24-20-37-32-172"
    assert names.photo_name(Camera.WIDE, end, "jpg") == "DWARF3_WIDE_2026-03-24-20-37-32-172.jpg"


@given(st.text())
def test_target_names_are_safe_file_names(text):
    name = names.safe_target(text)
    assert name
    assert len(name) <= 60
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert not name.startswith(".")
    assert names.safe_target(name) == name


def test_exposure_table():
    known = {
        0: "1/10000", 75: "1/30", 120: "1", 141: "5", 150: "10", 156: "15", 159: "30", 160: "45", 162: "60",
        163: "90", 165: "120",
    }  # fmt: skip
    assert {index: EXPOSURE_NAMES[index] for index in known} == known
    seconds = [exposure_seconds(index) for index in sorted(EXPOSURE_NAMES)]
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (0.0001, 120.0)
    assert max(WIDE.exposures) == 163


def test_optics_give_the_known_scales():
    assert TELE.scale * 3600 == pytest.approx(2.75, abs=0.01)
    assert WIDE.scale * 3600 == pytest.approx(89, abs=0.5)


@settings(max_examples=40)
@given(
    arrays.arrays(np.uint16, st.tuples(st.integers(1, 40), st.integers(1, 40))),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80),
    st.floats(-1e6, 1e6),
    st.integers(-(10**9), 10**9),
)
def test_fits_files_are_what_astropy_reads(pixels, text, number, whole):
    data = fits.encode(pixels, [("OBJECT", text, ""), ("RA", number, "a comment"), ("GAIN", whole, "")])
    assert len(data) % 2880 == 0
    with astropy_fits.open(io.BytesIO(data)) as hdus:
        hdus.verify("exception")
        assert np.array_equal(hdus[0].data, pixels)
        header = hdus[0].header
        assert header["RA"] == pytest.approx(number)
        assert header["GAIN"] == whole
        kept = header["OBJECT"]
    assert text.startswith(kept.rstrip())
    assert len(kept) >= min(len(text.rstrip()), 34)


@pytest.mark.parametrize("shape", [(5, 7), (4, 6, 3)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_png_files_are_what_pillow_reads(shape, kind):
    pixels = np.random.default_rng(1).integers(0, np.iinfo(kind).max, shape).astype(kind)
    data = picture.png(pixels)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (shape[1], shape[0])
        read = np.asarray(image)
    if kind == np.uint8 or len(shape) == 2:
        assert np.array_equal(read, pixels)
    else:
        # Pillow shows 16-bit colour with 8 bits; the file has all of them.
        assert np.array_equal(read, pixels >> 8)
        assert data[24] == 16


def test_half_size_takes_each_cell_as_one_pixel():
    mosaic = np.zeros((4, 6), np.uint16)
    mosaic[0::2, 0::2], mosaic[0::2, 1::2], mosaic[1::2, 0::2], mosaic[1::2, 1::2] = 10, 20, 40, 80
    assert np.array_equal(picture.half_size(mosaic), np.full((2, 3, 3), [10, 30, 80]))


def test_stretch_shows_faint_stars_above_the_sky():
    sky = np.random.default_rng(2).normal(300, 5, (90, 160, 3)).astype(np.float32)
    sky[40, 80] += 200
    shown = picture.stretch(sky)
    assert shown[40, 80].min() > 1.5 * np.median(shown)
    assert 5 < np.median(shown) < 128


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("no-pong", "on", True),
        ("sd_full", "false", False),
        ("failed_frames", "0.2", 0.2),
        ("low-battery", "7", 7),
        ("drop-after", "300", 300),
    ],
)
def test_faults_by_text(name, value, expected):
    faults = Faults()
    faults.set(name, value)
    assert getattr(faults, name.replace("-", "_")) == expected


@pytest.mark.parametrize(
    ("name", "value"), [("gremlins", "on"), ("slave", "perhaps"), ("failed_frames", "1.1"), ("low_battery",
    "-1"),
                        ("http_errors", "nan"), ("set", "on")],
)  # fmt: skip
def test_faults_that_do_not_exist(name, value):
    with pytest.raises(SimulatorError):
        Faults().set(name, value)


def test_the_command_line_of_the_issue():
    options = parse(
        [
            "--host",
            "127.0.0.1",
            "--ws-port",
            "9901",
            "--http-port",
            "80",
            "--files-port",
            "8083",
            "--mjpeg-port",
            "8092",
            "--ftp-port",
            "21",
            "--udp-port",
            "9900",
            "--rtsp-port",
            "8554",
            "--time",
            "2026-11-20T22:00:00Z",
            "--lat",
            "46.5",
            "--lon",
            "8",
            "--height",
            "500",
            "--speed",
            "60",
            "--seed",
            "7",
            "--mount",
            "bias=90",
            "--mount",
            "solve=off",
            "--fault",
            "sd-full",
            "--fault",
            "failed-frames=0.2",
            "--control-port",
            "0",
        ]
    )
    assert options.ports == Ports(9901, 80, 8083, 8092, 21, 9900, 8554, 0)
    assert options.start == datetime(2026, 11, 20, 22, tzinfo=UTC)
    assert (options.site, options.speed, options.seed) == (SITE, 60, 7)
    assert (options.errors.bias, options.errors.solve, options.errors.scale) == (90, False, 0.05)
    assert (options.faults.sd_full, options.faults.failed_frames) == (True, 0.2)


@pytest.mark.parametrize(
    "arguments", ["--lat 91", "--speed 0", "--fault gremlins", "--mount bias=x", "--mount wheels=3",
    "--mount solve=perhaps",
     "--ws-port 70000", "--time yesterday", "--protocol v4", "--rtsp-port x"],
)  # fmt: skip
def test_wrong_arguments_end_with_a_message(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(arguments.split())
    assert ended.value.code == 2
    assert arguments.split()[0].lstrip("-") in capsys.readouterr().err


def test_defaults_are_the_devices_ports_where_no_root_is_needed():
    assert parse([]).ports == Ports(9900, 8082, 8083, 8092, 2121, 9900, 8554, None)


async def test_the_program_says_what_listens_where_and_ends_on_a_signal():
    ports = [
        "--ws-port=0",
        "--http-port=0",
        "--files-port=0",
        "--mjpeg-port=0",
        "--ftp-port=0",
        "--udp-port=0",
        "--rtsp-port=0",
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "telescope.simulator", *ports, "--control-port=0", cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        words = line.replace(",", "").split()
        assert line.startswith("DWARF 3 simulator at 127.0.0.1: WebSocket ")
        assert "control 127.0.0.1:" in line
        port = int(words[words.index("WebSocket") + 1])
        async with websockets.connect(f"ws://127.0.0.1:{port}/", ping_interval=None) as socket:
            await socket.send("ping")
            messages = [await socket.recv() for _ in range(7)]
            assert "pong" in messages
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            out, err = await process.communicate()
        assert (process.returncode, out) == (0, b"")
        assert b"Traceback" not in err
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_taken_port_is_said_in_words():
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "telescope.simulator", f"--ws-port={port}", cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    assert process.returncode == 1
    assert b"cannot listen" in err
    assert b"Traceback" not in err
    server.close()


def test_the_simulator_knows_nothing_of_the_client():
    """Only the protocol's vocabulary may be shared, else both could share a mistake of behaviour."""
    allowed = ("proto", "commands", "notifications", "values", "codes")
    for path in (ROOT / "telescope" / "simulator").rglob("*.py"):
        for line in path.read_text().splitlines():
            if "telescope.dwarf" in line and line.lstrip().startswith(("import", "from")):
                rest = line.split("telescope.dwarf", 1)[1].lstrip(". ").removeprefix("import ")
                assert rest.startswith(allowed), (path, line)
