"""The gphoto2 driver against real libgphoto2 and cameras on the wire."""

import asyncio
import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from camera_rig import Simulator, StartDriver, StartSimulator, until
from PIL import Image

from camera.drivers.base import DriverState, Settings
from camera.errors import CameraAbsentError, CameraClaimedError, CameraRefusedError, NotConnectedError


async def test_frame_is_complete_on_disk_and_carries_what_the_camera_did(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    before = datetime.now(UTC)
    frame = await driver.expose(Settings(exposure_s=0.5, gain=800, aperture_f=4.0))

    with Image.open(frame.path) as picture:
        picture.load()
        exif = picture.getexif().get_ifd(0x8769)
        assert picture.size == (600, 400)
    assert (float(exif[0x829A]), exif[0x8827], float(exif[0x829D])) == (0.5, 800, 4.0)
    assert frame.media_type == "image/jpeg"
    assert (frame.applied.exposure_s, frame.applied.gain, frame.applied.aperture_f) == (0.5, 800, 4.0)
    assert frame.applied.gain_unit == "ISO"
    assert before <= frame.start <= frame.middle <= frame.end
    assert (frame.end - frame.start).total_seconds() == 0.5
    assert frame.metadata["model"] == "Skycam DSLR"
    assert frame.metadata["camera_file"] == "/store_00010001/DCIM/100SKYCM/SKY_0001.JPG"
    assert frame.warnings == ()


async def test_the_card_keeps_its_copy_until_the_frame_is_acknowledged(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    frame = await driver.expose(Settings())
    assert await simulator.files() == ["SKY_0001.JPG"]
    await driver.acknowledge(frame)
    assert await simulator.files() == []
    assert not frame.path.exists()


async def test_a_value_between_two_is_snapped_and_said(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    applied = await driver.apply(Settings(exposure_s=45.0, gain=410, aperture_f=4.1))
    assert (applied.exposure_s, applied.gain, applied.aperture_f) == (30.0, 400.0, 4.0)
    assert applied.warnings == ("exposure 45s: the camera has set 30s, its nearest",)


async def test_capabilities_are_read_from_the_camera(simulator: Simulator, start_driver: StartDriver) -> None:
    capabilities = (await start_driver(simulator.address)).capabilities
    assert capabilities.exposure is not None
    assert capabilities.gain is not None
    assert capabilities.aperture is not None
    assert (capabilities.exposure.minimum, capabilities.exposure.maximum) == (0.0002, 30.0)
    assert not capabilities.exposure.bulb  # the generic code has no way to end one
    assert capabilities.gain.values[0] == capabilities.gain.base == 100
    assert capabilities.aperture.values[:2] == (1.4, 1.6)
    assert capabilities.bracket


async def test_nikon_has_live_view_and_bulb(
    start_simulator: StartSimulator, start_driver: StartDriver
) -> None:
    simulator = start_simulator("--vendor", "nikon")
    driver = await start_driver(simulator.address)
    with Image.open(io.BytesIO(await driver.preview())) as picture:
        assert picture.size == (640, 426)

    assert driver.capabilities.exposure is not None
    assert driver.capabilities.exposure.bulb
    await driver.apply(Settings(exposure_s=45.0))
    frame = asyncio.create_task(driver.expose(Settings(exposure_s=45.0)))
    await until(lambda: driver.standing.state is DriverState.EXPOSING)
    assert driver.exposing_s == 45.0
    await driver.abort()  # a bulb exposure really ends
    with pytest.raises(Exception, match="stopped"):
        await frame
    assert (await driver.expose(Settings(exposure_s=1.0))).applied.exposure_s == 1.0


async def test_camera_without_live_view_says_so(simulator: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(simulator.address)
    with pytest.raises(CameraRefusedError, match="cannot do that"):
        await driver.preview()
    assert driver.connected


async def test_status_reads_battery_and_card(simulator: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(simulator.address)
    await simulator.control(battery=35, capacity=7)
    status = await driver.refresh()
    assert (status.battery_percent, status.card_free_images) == (35, 7)


async def test_states_follow_the_exposure(start_simulator: StartSimulator, start_driver: StartDriver) -> None:
    simulator = start_simulator("--vendor", "generic", "--throughput", "100000", scale=0.1)
    driver = await start_driver(simulator.address, opened=False)
    seen: list[DriverState] = []
    driver.on_change = lambda: seen.append(driver.standing.state)
    await driver.open()
    await driver.expose(Settings(exposure_s=0.5))
    await driver.close()
    assert seen == [
        DriverState.CONNECTING,
        DriverState.IDLE,
        DriverState.EXPOSING,
        DriverState.DOWNLOADING,
        DriverState.IDLE,
        DriverState.ABSENT,
    ]


async def test_stopped_exposure_ends_at_once_and_leaves_nothing(
    start_simulator: StartSimulator, start_driver: StartDriver
) -> None:
    simulator = start_simulator("--vendor", "generic", scale=1.0)
    driver = await start_driver(simulator.address)
    exposure = asyncio.create_task(driver.expose(Settings(exposure_s=1.0)))
    await until(lambda: driver.standing.state is DriverState.EXPOSING)
    await driver.abort()
    with pytest.raises(Exception, match="stopped"):
        await exposure
    assert driver.standing.state is DriverState.EXPOSING  # the camera cannot be stopped
    frame = await driver.expose(Settings(exposure_s=0.01))  # waits for it
    await driver.acknowledge(frame)
    state = await simulator.control()
    assert (state["files"], state["shutter_count"]) == ([], 2)


async def test_close_does_not_wait_for_an_exposure(
    start_simulator: StartSimulator, start_driver: StartDriver
) -> None:
    simulator = start_simulator("--vendor", "generic", scale=1.0)
    driver = await start_driver(simulator.address)
    exposure = asyncio.create_task(driver.expose(Settings(exposure_s=30.0)))
    await until(lambda: driver.standing.state is DriverState.EXPOSING)
    async with asyncio.timeout(5):
        await driver.close()
    with pytest.raises(Exception, match=r"ended|not connected"):
        await exposure
    assert driver.standing.state is DriverState.ABSENT


async def test_pictures_taken_by_hand_stay_on_the_card(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    events: list[str] = []
    driver.on_event = lambda name, details: events.append(name)
    await simulator.control(press=True)
    await until(simulator.files)
    frame = await driver.expose(Settings())
    await driver.acknowledge(frame)
    assert frame.metadata["camera_file"].endswith("SKY_0002.JPG")
    assert await simulator.files() == ["SKY_0001.JPG"]
    assert events == ["pictures_by_hand"]


async def test_two_drivers_do_not_share_a_port(simulator: Simulator, start_driver: StartDriver) -> None:
    await start_driver(simulator.address)
    second = await start_driver(simulator.address, spool="other", opened=False)
    with pytest.raises(CameraClaimedError, match="another part of this program"):
        await second.open()
    assert second.standing.state is DriverState.ABSENT


async def test_no_camera_is_reported_with_what_to_do(start_driver: StartDriver, tmp_path: Path) -> None:
    driver = await start_driver("usb:Nikon DSC D750", opened=False)
    with pytest.raises(CameraAbsentError, match="switched on"):
        await driver.open()
    assert driver.standing.state is DriverState.ABSENT
    with pytest.raises(NotConnectedError, match="switched on"):
        await driver.expose(Settings())


@pytest.mark.parametrize("address", ["auto", "usb:001,001", "usb:Nikon DSC D750"])
async def test_virtual_nikon_is_found_and_takes_pictures(
    address: str, vusb: dict[str, str], start_driver: StartDriver
) -> None:
    driver = await start_driver(address, environment=vusb)
    assert driver.address == "usb:001,001"
    assert "D750" in (driver.model or "")
    source = Path(vusb["VCAMERADIR"]) / "PICTURE.JPG"
    frame = await driver.expose(Settings(exposure_s=0.1, aperture_f=8))
    assert hashlib.sha256(frame.path.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()
    assert (frame.applied.exposure_s, frame.applied.aperture_f) == (0.1, 8.0)
    await driver.acknowledge(frame)
    assert source.exists()  # it was there before us: not ours


async def test_full_virtual_card_is_reported(vusb: dict[str, str], start_driver: StartDriver) -> None:
    driver = await start_driver("auto", environment=vusb)
    frames = []
    with pytest.raises(Exception, match=r"memory|card|no picture"):
        for _ in range(40):
            frames.append(await driver.expose(Settings()))
    assert len(frames) >= 25
