"""A DSLR as Camera/2: the adapter on the real camera host."""

import asyncio

import numpy as np
import pytest
from alpacafakes import ACCEPT_BYTES, NETWORKS, Client, client_array, until
from PIL import Image
from stillfakes import HEIGHT, WIDTH, CameraMirror

from alpaca import services
from alpaca.devices.still_camera import StillCamera
from alpaca.devices.table import DeviceTable
from camera.errors import CameraAbsentError, CameraFaultError
from skycam_project.alpaca_route import AlpacaRoute
from skycam_project.common.access import Access
from skycam_project.common.holders import SILENCE


@pytest.fixture
async def camera(tmp_path):
    mirror = CameraMirror(tmp_path)
    task = asyncio.create_task(mirror.host.run())
    await asyncio.sleep(0)
    yield mirror
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def client(camera, tmp_path):
    device = StillCamera(camera, part="camera", number=2, unique_id="d1", name="Meadow camera")
    services.install(DeviceTable([device], tmp_path / "images"))
    return Client(AlpacaRoute(Access(NETWORKS, ["localhost"])))


@pytest.fixture
async def connected(client):
    await client.do("camera/2/connected", Connected=True)
    return client


async def expose(client, duration: float = 1.0) -> None:
    await client.do("camera/2/startexposure", Duration=duration, Light=True)
    await until(lambda: client.value("camera/2/imageready"), True)


async def test_the_image_is_the_cameras_picture_in_three_planes(connected, camera):
    await expose(connected)
    delivered = client_array((await connected.get("camera/2/imagearray", headers=ACCEPT_BYTES)).body)
    with Image.open(camera.driver.picture) as picture:
        expected = np.asarray(picture.convert("RGB"))
    assert delivered.shape == (WIDTH, HEIGHT, 3)
    assert np.array_equal(delivered, expected.swapaxes(0, 1))
    answer = (await connected.get("camera/2/imagearray")).json
    assert (answer["Type"], answer["Rank"]) == (2, 3)
    assert np.array_equal(np.array(answer["Value"]), delivered)
    assert await connected.value("camera/2/sensortype") == 1
    assert await connected.value("camera/2/maxadu") == 255
    assert await connected.value("camera/2/bayeroffsetx") == 0
    assert [await connected.value(f"camera/2/camera{axis}size") for axis in "xy"] == [WIDTH, HEIGHT]


async def test_a_subframe_of_a_colour_picture(connected):
    await expose(connected)
    for name, value in (("StartX", 8), ("StartY", 4), ("NumX", 16), ("NumY", 10)):
        await connected.do(f"camera/2/{name.lower()}", **{name: value})
    whole = np.array((await connected.get("camera/2/imagearray")).json["Value"])
    await expose(connected)
    part = client_array((await connected.get("camera/2/imagearray", headers=ACCEPT_BYTES)).body)
    assert np.array_equal(part, whole[8:24, 4:14])


async def test_an_exposure_shows_its_phases_and_is_kept_like_any_frame(connected, camera):
    camera.driver.takes_s = 0.1
    await connected.do("camera/2/startexposure", Duration=2.0, Light=True)
    assert await connected.value("camera/2/camerastate") in (1, 2)
    assert await connected.value("camera/2/imageready") is False
    assert await connected.error("put", "camera/2/startexposure", Duration=2.0, Light=True) == 0x40B
    await until(lambda: connected.value("camera/2/imageready"), True)
    assert await connected.value("camera/2/camerastate") == 0
    assert await connected.value("camera/2/lastexposureduration") == 2.0
    assert camera.sink.frames == 1


@pytest.mark.parametrize(
    ("asked", "taken"),
    [(1.0, 1.0), (0.505, 0.5), (60.0, 60.0), (0.7, None), (3.0, None), (901.0, None), (1e-5, None)],
)
async def test_durations_are_the_cameras_own_or_bulb(connected, camera, asked, taken):
    if taken is None:
        assert await connected.error("put", "camera/2/startexposure", Duration=asked, Light=True) == 0x401
        assert camera.driver.settings == []
    else:
        await expose(connected, asked)
        assert camera.driver.settings[-1].exposure_s == taken


async def test_gain_is_an_index_into_the_cameras_steps(connected, camera):
    assert await connected.value("camera/2/gains") == ["100", "800", "6400"]
    assert await connected.error("get", "camera/2/gainmin") == 0x400
    assert await connected.error("get", "camera/2/gainmax") == 0x400
    await connected.do("camera/2/gain", Gain=1)
    assert await connected.value("camera/2/gain") == 1
    for gain in (-1, 3):
        assert await connected.error("put", "camera/2/gain", Gain=gain) == 0x401
    await expose(connected)
    assert camera.driver.settings[-1].gain == 800.0


async def test_before_the_first_picture_its_size_is_not_known(connected):
    assert await connected.error("get", "camera/2/cameraxsize") == 0x40B
    assert await connected.error("get", "camera/2/numx") == 0x40B
    assert await connected.error("get", "camera/2/pixelsizex") == 0x400
    await expose(connected)
    assert await connected.value("camera/2/numx") == WIDTH


async def test_a_failed_exposure_is_told_and_not_repeated(connected, camera):
    camera.driver.failure = CameraFaultError("the camera reports a general error")
    await connected.do("camera/2/startexposure", Duration=1.0, Light=True)
    await until(lambda: connected.value("camera/2/camerastate"), 0)
    answer = (await connected.get("camera/2/imageready")).json
    assert answer["ErrorNumber"] == 0x500
    assert "general error" in answer["ErrorMessage"]
    assert len(camera.driver.settings) == 1
    camera.driver.failure = None
    await until(lambda: reachable(connected), True)
    await expose(connected)


async def test_a_picture_that_is_ready_means_that_the_next_may_begin(connected, camera, monkeypatch):
    slow = camera.driver.acknowledge

    async def acknowledge(frame):
        await asyncio.sleep(0.3)  # the camera's card is slow to delete
        await slow(frame)

    monkeypatch.setattr(camera.driver, "acknowledge", acknowledge)
    for _ in range(3):
        await expose(connected)
    await connected.do("camera/2/startexposure", Duration=1.0, Light=True)
    assert await connected.error("put", "camera/2/startexposure", Duration=1.0, Light=True) == 0x40B
    await connected.do("camera/2/abortexposure")
    await until(lambda: connected.value("camera/2/camerastate"), 0)
    assert await connected.value("camera/2/imageready") is False
    assert len(camera.driver.settings) == 3, "it was given up before it began"
    await expose(connected)


async def reachable(client) -> bool:
    return (await client.get("camera/2/camerastate")).json["ErrorNumber"] == 0


async def test_abort_ends_an_exposure_without_image_or_error(connected, camera):
    camera.driver.takes_s = 30
    await connected.do("camera/2/abortexposure")
    await connected.do("camera/2/startexposure", Duration=30.0, Light=True)
    await until(lambda: connected.value("camera/2/camerastate"), 2)
    await connected.do("camera/2/abortexposure")
    await until(lambda: connected.value("camera/2/camerastate"), 0)
    assert await connected.value("camera/2/imageready") is False
    camera.driver.takes_s = 0.05
    await expose(connected)


async def test_a_camera_that_runs_a_timelapse_refuses_and_goes_on(connected, camera):
    await camera.host.start(interval_s=0.1, exposure_s=0.5)
    answer = (await connected.put("camera/2/startexposure", Duration=1.0, Light=True)).json
    assert answer["ErrorNumber"] == 0x40B
    assert "runs a timelapse" in answer["ErrorMessage"]
    await connected.do("camera/2/connected", Connected=False)
    before = camera.sink.frames
    await until(lambda: more_frames(camera, before), True)
    assert camera.driver.connected


async def more_frames(camera, before: int) -> bool:
    return camera.sink.frames >= before + 2


async def test_the_user_who_stops_the_camera_ends_a_clients_exposure(connected, camera):
    camera.driver.takes_s = 30
    await connected.do("camera/2/startexposure", Duration=30.0, Light=True)
    await until(lambda: connected.value("camera/2/camerastate"), 2)
    await camera.host.stop()
    await until(lambda: connected.value("camera/2/camerastate"), 0)
    answer = (await connected.get("camera/2/imageready")).json
    assert "stopped" in answer["ErrorMessage"]


async def test_the_last_client_lets_the_camera_go_the_user_keeps_it(connected, camera):
    other = Client(connected.route, 99)
    await other.do("camera/2/connected", Connected=True)
    await connected.do("camera/2/connected", Connected=False)
    assert camera.driver.connected
    await camera.host.connect()
    await other.do("camera/2/connected", Connected=False)
    await asyncio.sleep(0.05)
    assert camera.driver.connected
    await camera.host.disconnect()
    async with asyncio.timeout(5):
        while camera.driver.connected:
            await asyncio.sleep(0.01)


async def test_a_silent_client_holds_nothing_after_ten_minutes(connected, camera, monkeypatch):
    holders = camera.host._stills.holders
    later = holders._clock.monotonic() + SILENCE + 1
    monkeypatch.setattr(holders, "_clock", type("Later", (), {"monotonic": staticmethod(lambda: later)}))
    camera.host._wake.set()
    async with asyncio.timeout(5):
        while camera.driver.connected:
            await asyncio.sleep(0.01)
    assert not holders.any


async def test_an_absent_camera_is_an_error_with_its_reason(client, camera, monkeypatch):
    monkeypatch.setattr("camera.host.CLIENT_PATIENCE", 0.2)
    camera.driver.absent = CameraAbsentError("no camera answers at usb:001,004")
    answer = (await client.put("camera/2/connected", Connected=True)).json
    assert answer["ErrorNumber"] == 0x407
    assert "usb:001,004" in answer["ErrorMessage"]
    assert await client.value("camera/2/connected") is False


async def test_a_picture_that_cannot_be_read_is_told_and_the_file_is_kept(connected, camera):
    camera.driver.picture.write_bytes(camera.driver.picture.read_bytes()[:300])
    await connected.do("camera/2/startexposure", Duration=1.0, Light=True)
    await until(lambda: connected.value("camera/2/camerastate"), 0)
    answer = (await connected.get("camera/2/imageready")).json
    assert "unreadable picture" in answer["ErrorMessage"]
    assert camera.sink.frames == 1


async def test_only_the_newest_pixels_are_kept(connected, tmp_path):
    for _ in range(3):
        await expose(connected)
    assert len(list((tmp_path / "images").iterdir())) == 1
