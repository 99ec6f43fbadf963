"""The independent client library drives the flat panel and the lights."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alpacaprocess import server

from skycam_project.common.link import NotConnected, ask, read
from skycam_project.config.places import runtime_folder
from tests.alpyca_client import alpyca_python

pytestmark = pytest.mark.full

PATCH = [
    {"name": "main", "role": "main"},
    {"name": "panel", "role": "flat-panel", "start": 10, "profile": "dimmer", "bits": 16},
]
SCRIPT = """
import json, sys, time
from alpaca.covercalibrator import CalibratorStatus, CoverCalibrator, CoverStatus
from alpaca.exceptions import InvalidOperationException, InvalidValueException, NotImplementedException
from alpaca.management import configureddevices
from alpaca.switch import Switch

address = sys.argv[1]
report = {"devices": [(d["DeviceType"], d["DeviceNumber"]) for d in configureddevices(address)], "refused": []}

def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "too slow"
        time.sleep(0.02)

panel, switch = CoverCalibrator(address, 0), Switch(address, 1)
for device in (panel, switch):
    device.Connect()
    until(lambda: not device.Connecting)
    assert device.Connected
    assert "TimeStamp" in {row["Name"] for row in device.DeviceState}
assert panel.CoverState == CoverStatus.NotPresent and panel.CalibratorState == CalibratorStatus.Off
most = panel.MaxBrightness
report["most"], report["read"] = most, []
for brightness in (most // 4, most // 2, 3 * most // 4, most):
    panel.CalibratorOn(brightness)
    until(lambda: panel.CalibratorState == CalibratorStatus.Ready)
    assert not panel.CalibratorChanging
    report["read"].append(panel.Brightness)
for wrong in (-1, most + 1):
    try:
        panel.CalibratorOn(wrong)
    except InvalidValueException:
        report["refused"].append(wrong)
for cover in (panel.OpenCover, panel.CloseCover, panel.HaltCover):
    try:
        cover()
    except NotImplementedException:
        report["refused"].append(cover.__name__)
panel.CalibratorOff()
assert panel.CalibratorState == CalibratorStatus.Off and panel.Brightness == 0
report["switches"] = [switch.GetSwitchName(n) for n in range(switch.MaxSwitch)]
switch.SetSwitchValue(3, 120)
report["main"] = (switch.GetSwitchValue(3), switch.GetSwitch(3), switch.MaxSwitchValue(3), switch.SwitchStep(3))
switch.SetSwitch(2, True)
try:
    panel.CalibratorOn(5)
except InvalidOperationException as error:
    report["dark"] = str(error)
print(json.dumps(report))
"""


@pytest.mark.timeout(240)  # the client library may have to be installed first
def test_an_independent_client_drives_panel_and_switches(tmp_path):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "SKYCAM_DATA": str(tmp_path)}
    environment |= {"DMX_MQTT_ENABLED": "false", "DMX_ARTNET_ENABLED": "true", "DMX_ARTNET_HOST": "127.0.0.1"}
    engine = subprocess.Popen([sys.executable, "-m", "lighting.engine"], env=environment, cwd=tmp_path)
    try:
        run = runtime_folder(tmp_path)
        end = time.monotonic() + 30
        while not alive(run):
            assert engine.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        ask(run, "lighting", "patch", fixtures=PATCH)
        with server("daphne", tmp_path, ALPACA_LIGHTS="1") as port:
            done = subprocess.run(
                [alpyca_python(), "-c", SCRIPT, f"127.0.0.1:{port}"],
                cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
    finally:
        engine.terminate()
        engine.wait(10)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["devices"][-2:] == [["CoverCalibrator", 0], ["Switch", 1]]
    assert report["most"] == 65535 and report["read"] == [16383, 32767, 49151, 65535]
    assert report["refused"] == [-1, 65536, "OpenCover", "CloseCover", "HaltCover"]
    assert report["switches"] == ["Master", "Red only", "No light", "main", "panel"]
    assert report["main"] == [120.0, True, 255.0, 1.0]
    assert "blacked out" in report["dark"]


def alive(run) -> bool:
    try:
        read(run, "lighting")
    except NotConnected:
        return False
    return True
