"""The `gphoto2` program of the distribution as a second client of the simulated camera, and beside our
driver.
"""

import asyncio
import shutil
from pathlib import Path

import pytest
from camera_rig import Simulator, StartDriver
from PIL import Image

from camera.drivers.base import Settings

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("gphoto2") is None, reason="the gphoto2 program is not installed"),
]


async def gphoto2(simulator: Simulator, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("gphoto2", "--port", simulator.address, "--camera", "PTP/IP Camera", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(30):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()  # it ignores SIGTERM while it waits
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.fixture(params=["generic", "nikon"])
async def camera(request: pytest.FixtureRequest, simulators: dict[str, Simulator]) -> Simulator:
    chosen = simulators[request.param]
    await chosen.control(reset=True)
    return chosen


async def test_it_takes_and_downloads_pictures(camera: Simulator, tmp_path: Path) -> None:
    target = tmp_path / "%n.jpg"
    output = await gphoto2(
        camera, "-F", "3", "-I", "1", "--capture-image-and-download", "--filename", str(target)
    )
    assert output.count("Saving file as") == 3
    for number in (1, 2, 3):
        with Image.open(tmp_path / f"{number}.jpg") as picture:
            picture.load()
            assert picture.size == (600, 400)
    assert await camera.files() == []


async def test_it_sets_exposure_and_iso(camera: Simulator, tmp_path: Path) -> None:
    target = tmp_path / "set.jpg"
    await gphoto2(
        camera,
        *("--set-config", "iso=1600", "--set-config", "shutterspeed=0.0200s", "--set-config", "f-number=f/4"),
        *("--capture-image-and-download", "--filename", str(target)),
    )
    with Image.open(target) as picture:
        exif = picture.getexif().get_ifd(0x8769)
    assert (exif[0x8827], float(exif[0x829A]), float(exif[0x829D])) == (1600, pytest.approx(0.02), 4.0)


async def test_it_reads_the_summary(camera: Simulator) -> None:
    summary = await gphoto2(camera, "--summary")
    assert "Model: Skycam DSLR" in summary
    assert "Free Space (Images): 1000" in summary


async def test_it_does_not_notice_that_we_were_there(
    camera: Simulator, start_driver: StartDriver, tmp_path: Path
) -> None:
    driver = await start_driver(camera.address)
    await driver.acknowledge(await driver.expose(Settings()))
    await driver.close()
    await gphoto2(camera, "--capture-image-and-download", "--filename", str(tmp_path / "after.jpg"))
    assert (tmp_path / "after.jpg").exists()
    await driver.open()
    frame = await driver.expose(Settings())
    assert frame.path.exists()
