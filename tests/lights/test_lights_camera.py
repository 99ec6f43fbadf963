"""A camera's exposures and the lights: what the camera's process really does with its driver."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lightsrig import wait_for

from camera.drivers.base import Applied, Frame, Original, Settings
from camera.errors import CameraError
from camera.leased import LeasedDriver
from skycam_project.common.leases import Leases


class Shutter:
    """A driver whose exposure does what a test wants."""

    model = "box"

    def __init__(self, during) -> None:
        self.during = during

    async def expose(self, settings):
        self.during()
        original = Original(Path("x.jpg"), "image/jpeg")
        now = datetime.now(UTC)
        return Frame(
            original=original,
            start=now,
            end=now,
            applied=Applied(settings.exposure_s),
            warnings=("card full",),
        )


async def test_the_lights_are_dark_while_the_shutter_is_open(engine_process, folder):
    lights = engine_process(DMX_INTERLOCK="enforce", DMX_MQTT_ENABLED="false")
    lights.set(80)
    wait_for(lambda: lights.rgb["r"] == 80)
    seen = []
    leases = Leases(folder / "run")
    driver = LeasedDriver(
        Shutter(lambda: seen.append((lights.rgb["r"], lights.state()["interlock"]["leases"][0]["id"]))),
        leases,
        "All-sky",
    )
    frame = await driver.expose(Settings(exposure_s=2.0))
    assert driver.model == "box", "everything else is the camera's own"
    assert seen == [(0, "All-sky 1")] and frame.warnings == ("card full",)
    wait_for(lambda: lights.rgb["r"] == 80)
    await leases.close()


async def test_what_shone_is_a_warning_of_the_frame(engine_process, folder):
    lights = engine_process(DMX_MQTT_ENABLED="false")
    leases = Leases(folder / "run")

    def shine():
        lights.set(50)
        wait_for(lambda: lights.rgb["r"] == 50)

    frame = await LeasedDriver(Shutter(shine), leases, "All-sky").expose(Settings(exposure_s=2.0))
    assert frame.warnings[0] == "card full" and frame.warnings[1].startswith("main was lit from ")
    await leases.close()


async def test_a_failed_exposure_gives_the_lights_back(engine_process, folder):
    lights = engine_process(DMX_INTERLOCK="enforce", DMX_MQTT_ENABLED="false")
    leases = Leases(folder / "run")

    def fail():
        raise CameraError("cable cut")

    with pytest.raises(CameraError):
        await LeasedDriver(Shutter(fail), leases, "All-sky").expose(Settings(exposure_s=2.0))
    assert lights.state()["interlock"]["leases"] == []
    await leases.close()
