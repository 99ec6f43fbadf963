"""The independent client library, in an environment and a process of its own.

Its import name is `alpaca` too, so it must never share a path with this repository.
"""

import json
import os
import subprocess

import pytest
from alpacafakes import bayer_frame
from alpacaprocess import server

from tests.alpyca_client import alpyca_python

pytestmark = pytest.mark.full

SCRIPT = """
import json, sys, time
from alpaca.camera import Camera, CameraStates, ImageArrayElementTypes
from alpaca.exceptions import (InvalidValueException, NotImplementedException, InvalidOperationException,
                               NotConnectedException, ValueNotSetException)
from alpaca.filterwheel import FilterWheel
from alpaca.focuser import Focuser
from alpaca.management import apiversions, configureddevices, description
from alpaca.telescope import Telescope, TelescopeAxes

address = sys.argv[1]
report = {"versions": apiversions(address), "description": description(address),
          "devices": [(d["DeviceType"], d["DeviceNumber"]) for d in configureddevices(address)], "errors": {}}

def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "too slow"
        time.sleep(0.05)

def readable(device):
    for name in sorted(dir(type(device))):
        if name == "ImageArrayRaw" and not device.ImageReady:
            continue  # the library's own; it takes the JSON of an error for a wrong format
        if not name.startswith("_") and isinstance(getattr(type(device), name), property):
            try:
                getattr(device, name)
            except (NotImplementedException, InvalidOperationException, ValueNotSetException) as error:
                report["errors"][f"{type(device).__name__}.{name}"] = type(error).__name__

telescope, camera, focuser, wheel = (kind(address, 0) for kind in (Telescope, Camera, Focuser, FilterWheel))
try:
    telescope.RightAscension
except NotConnectedException as error:
    report["unconnected"] = str(error)
for device in (telescope, camera, focuser, wheel):
    device.Connect()
    until(lambda: not device.Connecting)
    assert device.Connected
    readable(device)
    names = {state["Name"] for state in device.DeviceState}
    assert "TimeStamp" in names

telescope.Tracking = True
telescope.SlewToCoordinatesAsync(0.7123, 41.269)
assert telescope.Slewing
until(lambda: not telescope.Slewing)
report["position"] = (telescope.RightAscension, telescope.Declination)
try:
    telescope.SlewToCoordinatesAsync(1.0, -80.0)
except InvalidValueException as error:
    report["horizon"] = str(error)
report["axes"] = [(telescope.CanMoveAxis(axis), [(r.Minimum, r.Maximum) for r in telescope.AxisRates(axis)])
                  for axis in TelescopeAxes]
telescope.MoveAxis(TelescopeAxes.axisPrimary, 1.5)
telescope.MoveAxis(TelescopeAxes.axisPrimary, 0)

camera.Gain = 60
camera.StartExposure(5.0, True)
assert camera.CameraState == CameraStates.cameraExposing
until(lambda: camera.ImageReady)
image = camera.ImageArray
info = camera.ImageArrayInfo
assert len(camera.ImageArrayRaw) == len(image) * len(image[0])
readable(camera)
report["image"] = {"rank": info.Rank, "type": ImageArrayElementTypes(info.ImageElementType).name, "pixels": image,
                   "duration": camera.LastExposureDuration, "bayer": (camera.BayerOffsetX, camera.BayerOffsetY)}

focuser.Move(12000)
assert focuser.IsMoving
until(lambda: not focuser.IsMoving)
report["focus"] = focuser.Position
wheel.Position = 2
until(lambda: wheel.Position == 2)
report["filters"] = wheel.Names
telescope.Park()
until(lambda: telescope.AtPark)
for device in (telescope, camera, focuser, wheel):
    device.Disconnect()
    until(lambda: not device.Connecting)
    assert not device.Connected
print(json.dumps(report, default=lambda value: value.tolist() if hasattr(value, "tolist") else list(value)))
"""
PROPER = {
    # what this mount and camera do not have, and nothing else
    "Telescope": {
        "DoesRefraction", "GuideRateDeclination", "GuideRateRightAscension", "IsPulseGuiding", "SideOfPier",
        "SlewSettleTime", "TargetDeclination", "TargetRightAscension",
    },
    "Camera": {
        "CoolerOn", "CoolerPower", "ElectronsPerADU", "FastReadout", "FullWellCapacity", "Gains", "HeatSinkTemperature",
        "ImageArray", "IsPulseGuiding", "LastExposureDuration", "LastExposureStartTime", "Offset",
        "OffsetMax", "OffsetMin", "Offsets", "SetCCDTemperature", "SubExposureDuration",
    },
    "Focuser": {"StepSize", "Temperature"},
    "FilterWheel": set(),
}  # fmt: skip


@pytest.fixture(scope="module")
def client_python():
    return alpyca_python()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_an_independent_client_does_a_nights_work(client_python, tmp_path, kind):
    folder, elsewhere = tmp_path / "alpaca", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    with server(kind, folder, ALPACA_SIZE="400x300") as port:
        done = subprocess.run(
            [client_python, "-c", SCRIPT, f"127.0.0.1:{port}"],
            cwd=elsewhere, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["versions"] == [1]
    assert report["description"]["ServerName"] == "Skycam"
    assert report["devices"] == [["Telescope", 0], ["Camera", 0], ["Focuser", 0], ["FilterWheel", 0]]
    assert "not connected" in report["unconnected"]
    assert report["position"] == [0.7123, 41.269]
    assert "below the horizon" in report["horizon"]
    assert report["axes"] == [[True, [[0.0, 30.0]]], [True, [[0.0, 30.0]]], [False, []]]
    image = report["image"]
    assert (image["rank"], image["type"], image["duration"], image["bayer"]) == (2, "Int32", 5.0, [0, 0])
    assert image["pixels"] == bayer_frame(400, 300).T.tolist()
    assert report["focus"] == 12000
    assert report["filters"] == ["VIS", "Astro", "Duo-band"]
    for name in report["errors"]:
        device, member = name.split(".")
        assert member in PROPER[device], (name, report["errors"][name])
