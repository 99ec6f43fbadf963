"""The simulated camera: light that obeys the exposure, packets that obey the standard, manners on the
network.
"""

import asyncio
import io
import struct
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from camera_rig import Simulator, StartDriver, StartSimulator, until
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from camera.drivers.base import Settings
from camera.embedded import embedded_jpeg
from camera.simulator import ptp
from camera.simulator.camera import Shot, SimulatedCamera
from camera.simulator.ptp import PtpError
from camera.simulator.scene import NightScene, illuminance, sun_elevation

NIGHT = datetime(2026, 11, 20, 23, tzinfo=UTC)
DAY = datetime(2026, 11, 20, 11, tzinfo=UTC)
SKY = np.s_[20:250, 20:580]
"""Rows and columns of a 600 x 400 picture above the hills."""


def linear(jpeg: bytes) -> np.ndarray:
    """Linear light 0..1 `[h, w, 3]` of an sRGB JPEG, by the inverse curve of IEC 61966-2-1."""
    code = np.asarray(Image.open(io.BytesIO(jpeg)), np.float64) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


@pytest.fixture(scope="module")
def scene() -> NightScene:
    return NightScene((600, 400))


def picture(scene: NightScene, shot: Shot) -> bytes:
    ((suffix, data),) = scene.files(shot, jpeg=True, raw=False)
    assert suffix == "JPG"
    return data


# ---- light


@pytest.mark.parametrize(
    ("shot", "factor"),
    [
        (Shot(DAY, 1 / 500, 100, 8.0), 2.0),
        (Shot(DAY, 1 / 1000, 200, 8.0), 2.0),
        (Shot(DAY, 1 / 1000, 100, 5.6), (8.0 / 5.6) ** 2),
        (Shot(DAY, 1 / 4000, 100, 8.0), 0.25),
        (Shot(DAY, 1 / 2000, 400, 11.0), 0.5 * 4 * (8 / 11) ** 2),
    ],
)
def test_light_is_proportional_to_time_iso_and_aperture(scene: NightScene, shot: Shot, factor: float) -> None:
    reference = np.median(linear(picture(scene, Shot(DAY, 1 / 1000, 100, 8.0)))[SKY], axis=(0, 1))
    measured = np.median(linear(picture(scene, shot))[SKY], axis=(0, 1))
    assert measured / reference == pytest.approx(np.full(3, factor), rel=0.03)  # 8 bits


def test_night_sky_gathers_light_as_predicted(scene: NightScene) -> None:
    short, long = (linear(picture(scene, Shot(NIGHT, seconds, 3200, 1.4)))[SKY] for seconds in (5.0, 20.0))
    ratio = [
        long[..., c][long[..., c] < 0.5].mean() / short[..., c][short[..., c] < 0.5].mean() for c in range(3)
    ]
    assert ratio == pytest.approx([4.0] * 3, rel=0.05)  # stars left out


def test_raw_is_linear_to_the_last_bit_that_noise_leaves(scene: NightScene) -> None:
    means = []
    for seconds in (2.0, 8.0):
        ((suffix, data),) = scene.files(Shot(NIGHT, seconds, 1600, 2.0), jpeg=False, raw=True)
        assert suffix == "DNG"
        mosaic = np.frombuffer(data[-600 * 400 * 2 :], "<u2").reshape(400, 600)
        means.append(float(np.median(mosaic[20:250:2, 20:580:2])))  # red
    assert means[1] / means[0] == pytest.approx(4.0, rel=0.02)


def test_noise_follows_the_photons(scene: NightScene) -> None:
    """Signal to noise grows with the square root of the time."""

    def relative_noise(seconds: float) -> float:
        ((_, data),) = scene.files(Shot(NIGHT, seconds, 1600, 1.4), jpeg=False, raw=True)
        row = np.frombuffer(data[-600 * 400 * 2 :], "<u2").reshape(400, 600)[100, 0::2].astype(float)
        middle = float(np.median(row))
        return float(np.median(np.abs(row - middle)) * 1.4826 / middle)

    assert relative_noise(16.0) / relative_noise(64.0) == pytest.approx(2.07, rel=0.15)


def test_stars_move_with_the_sky_and_return_after_a_sidereal_day(scene: NightScene) -> None:
    def stars(moment: datetime) -> np.ndarray:
        light = linear(picture(scene, Shot(moment, 4.0, 3200, 1.4))).sum(axis=2)
        return light[:300] > 4 * np.median(light[:300])

    first = stars(NIGHT)
    later = stars(NIGHT + timedelta(hours=1))
    next_day = stars(NIGHT + timedelta(seconds=86_164.0905))
    overlap = lambda other: (first & other).sum() / first.sum()  # noqa: E731
    assert first.sum() > 200
    assert overlap(later) < 0.1
    assert overlap(next_day) > 0.7


def test_sun_stands_where_the_almanac_puts_it() -> None:
    # Greenwich, 2024-06-20 12:02 UTC: solstice noon, 90 - 51.48 + 23.44 degrees high.
    assert sun_elevation(datetime(2024, 6, 20, 12, 2, tzinfo=UTC), 51.4779, 0.0) == pytest.approx(
        61.96, abs=0.05
    )
    # Equator, equinox 2024-03-20 03:06 UTC: the sun is overhead where it is noon.
    assert sun_elevation(datetime(2024, 3, 20, 12, 7, 30, tzinfo=UTC), 0.0, 0.0) == pytest.approx(
        89.8, abs=0.2
    )
    assert illuminance(-6) == pytest.approx(3.4)
    assert illuminance(-60) == pytest.approx(0.0008)


def test_day_is_brighter_than_dusk_and_dusk_than_night(scene: NightScene) -> None:
    shot = [Shot(moment, 1 / 500, 100, 5.6) for moment in (DAY, NIGHT - timedelta(hours=7), NIGHT)]
    means = [linear(picture(scene, each)).mean() for each in shot]
    assert 0.05 < means[0] < 0.9
    assert means[0] > 10 * means[1] > 10 * means[2]


# ---- wire


@given(st.text(st.characters(codec="utf-16", exclude_characters="\0"), max_size=80))
def test_strings_survive(text: str) -> None:
    packed = ptp.pack_string(text)
    assert ptp.unpack_string(b"xx" + packed + b"tail", 2) == (text, 2 + len(packed))
    assert packed[0] == (len(text.encode("utf-16-le")) // 2 + 1 if text else 0)


def test_string_too_long_is_refused() -> None:
    with pytest.raises(PtpError, match="254"):
        ptp.pack_string("x" * 255)


@given(
    st.one_of(
        st.tuples(st.just(ptp.U8), st.integers(0, 0xFF)),
        st.tuples(st.just(ptp.U16), st.integers(0, 0xFFFF)),
        st.tuples(st.just(ptp.U32), st.integers(0, 0xFFFFFFFF)),
        st.tuples(
            st.just(ptp.STRING), st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=50)
        ),
    )
)
def test_values_survive(pair: tuple[int, int | str]) -> None:
    kind, value = pair
    assert ptp.unpack_value(kind, ptp.pack_value(kind, value)) == value


@given(st.binary(max_size=64), st.sampled_from([ptp.U8, ptp.U16, ptp.U32, ptp.STRING, 0x1234]))
def test_any_bytes_are_a_value_or_an_error(data: bytes, kind: int) -> None:
    try:
        value = ptp.unpack_value(kind, data)
    except PtpError:
        return
    assert data.startswith(ptp.pack_value(kind, value)) or kind == ptp.STRING


@given(
    st.booleans(),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.lists(st.integers(0, 0xFFFFFFFF), max_size=5),
)
def test_requests_are_read_by_the_standard(
    sends: bool, op: int, transaction: int, parameters: list[int]
) -> None:
    payload = struct.pack("<IHI", 2 if sends else 1, op, transaction)
    payload += b"".join(parameter.to_bytes(4, "little") for parameter in parameters)
    request = ptp.Request.unpack(payload)
    assert (request.sends_data, request.op, request.transaction) == (sends, op, transaction)
    assert list(request.parameters) == parameters


@given(st.binary(max_size=40))
def test_any_bytes_are_a_request_or_an_error(data: bytes) -> None:
    try:
        request = ptp.Request.unpack(data)
    except PtpError:
        return
    assert len(data) == 10 + 4 * len(request.parameters)


class _NoSource:
    size, has_raw = (6, 4), False

    def files(self, shot: Shot, jpeg: bool, raw: bool) -> list[tuple[str, bytes]]:
        return [("JPG", b"\xff\xd8")]

    def preview(self, shot: Shot) -> bytes:
        return b"\xff\xd8"


@settings(max_examples=300)
@given(
    st.one_of(st.sampled_from(list(ptp.Op)), st.integers(0, 0xFFFF)),
    st.lists(st.integers(0, 0xFFFFFFFF), max_size=5),
    st.binary(max_size=40),
)
def test_camera_answers_anything_with_a_response_code(op: int, parameters: list[int], data: bytes) -> None:
    camera = SimulatedCamera(_NoSource(), exposure_scale=0.0)
    answer = camera.operate(op, tuple(parameters), data)
    assert 0x2001 <= answer.code <= 0x201F
    assert all(0 <= parameter <= 0xFFFFFFFF for parameter in answer.parameters)


# ---- network


@pytest.mark.parametrize(
    "junk", [b"\0" * 64, b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 8, struct.pack("<II", 8, 6)]
)
async def test_nonsense_ends_its_connection_only(
    junk: bytes, simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.ports["port"])
    writer.write(junk)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    assert (await driver.expose(Settings())).path.exists()


async def test_control_port_names_what_it_knows(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="known: faults"):
        await simulator.control(self_destruction=True)
    with pytest.raises(ValueError, match="general_error"):
        await simulator.control(faults={"earthquake": 1})
    with pytest.raises(ValueError, match="outside 0 to 100"):
        await simulator.control(battery=101)


async def test_there_is_no_control_port_unless_asked_for() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "camera.simulator", "--port", "0", "--parent-pipe", "--size", "60x40"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert b"control_port" not in await process.stdout.readline()
    await process.communicate(b"")  # it ends when the pipe from its parent is closed
    assert process.returncode == 0


async def test_raw_and_jpeg_of_one_exposure_come_together(
    start_simulator: StartSimulator, start_driver: StartDriver
) -> None:
    simulator = start_simulator("--vendor", "nikon")
    driver = await start_driver(simulator.address)
    formats = {form.name: form.raw for form in driver.capabilities.formats}
    assert formats == {"JPEG Fine": False, "NEF (Raw)": True, "NEF+Fine": True}
    frame = await driver.expose(Settings(exposure_s=0.02, format="NEF+Fine"))
    assert frame.applied.format == "NEF+Fine"
    assert frame.media_type == "image/x-adobe-dng"
    (jpeg,) = frame.companions
    assert jpeg.media_type == "image/jpeg"
    with Image.open(jpeg.path) as small:
        assert small.size == (600, 400)
    with frame.path.open("rb") as file:
        embedded = embedded_jpeg(file)
    assert embedded is not None
    with Image.open(io.BytesIO(embedded)) as inside:
        assert inside.getexif().get_ifd(0x8769)[0x829A] == pytest.approx(0.02)
    await driver.acknowledge(frame)
    await until(lambda: not frame.path.exists())
    assert await simulator.files() == []
