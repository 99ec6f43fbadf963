"""First light: an independent Alpaca client on the running program, down to the simulated telescope's wire."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import numpy as np
import pytest

from sessions.store.reading import open_session
from skycam_project.common.link import NotConnected
from telescope.dwarf.fits import read_pixels
from tests.alpyca_client import alpyca_python
from tests.house.conftest import free_port, skycams

pytestmark = [pytest.mark.full, pytest.mark.alone, pytest.mark.timeout(560)]

# Places over the whole sky: from any site some of them are up at any time (ICRS, hours and degrees).
TARGETS = {
    "M31": (0.7123, 41.269), "M42": (5.5881, -5.391), "M45": (3.7833, 24.117), "M44": (8.67, 19.67), "M13": (16.6949, 36.461),
    "M27": (19.9934, 22.721), "M22": (18.6067, -23.905), "47 Tuc": (0.4014, -72.081), "omega Cen": (13.4464, -47.479),
    "M66": (11.3375, 12.991), "M83": (13.6169, -29.865), "M101": (14.0535, 54.349),
}  # fmt: skip
SCRIPT = """
import json, sys, time
from alpaca.camera import Camera
from alpaca.exceptions import InvalidValueException
from alpaca.filterwheel import FilterWheel
from alpaca.focuser import Focuser
from alpaca.management import configureddevices
from alpaca.telescope import Telescope

address, targets = sys.argv[1], json.loads(sys.argv[2])
report = {"devices": [(d["DeviceType"], d["DeviceNumber"]) for d in configureddevices(address)], "refused": []}

def until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "too slow"
        time.sleep(0.2)

telescope, camera, focuser, wheel = (kind(address, 0) for kind in (Telescope, Camera, Focuser, FilterWheel))
for device in (telescope, camera, focuser, wheel):
    device.Connect()
    until(lambda: not device.Connecting, 30)
    assert device.Connected
telescope.Tracking = True
for name, (ra, dec) in targets.items():
    try:
        telescope.SlewToCoordinatesAsync(ra, dec)
    except InvalidValueException as error:
        report["refused"].append(str(error))
        continue
    until(lambda: not telescope.Slewing, 240)
    report["target"] = name
    break
try:  # what is opposite to a place that is up lies below the horizon
    telescope.SlewToCoordinatesAsync((targets[name][0] + 12) % 24, -targets[name][1])
except InvalidValueException as error:
    report["refused"].append(str(error))
report["at"] = (telescope.RightAscension, telescope.Declination, telescope.Altitude)
report["tracking"] = telescope.Tracking
camera.Gain = 60
camera.StartExposure(5.0, True)
until(lambda: camera.ImageReady, 120)
began = time.monotonic()
image = camera.ImageArray
report["image"] = {"size": (len(image), len(image[0])), "corner": [row[:8] for row in image[:8]],
                   "middle": [row[1076:1084] for row in image[1916:1924]]}
for device in (wheel, focuser, camera, telescope):
    device.Disconnect()
    until(lambda: not device.Connecting, 30)
print(json.dumps(report, default=lambda value: list(value)))
"""


def run_client(one, tmp_path, script=SCRIPT, timeout=500, **environment):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    done = subprocess.run(
        [alpyca_python(), "-c", script, f"127.0.0.1:{one.port}", json.dumps(TARGETS)],
        cwd=elsewhere, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:] + "".join(one.lines[-20:])
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """One running program: the telescope's calibration takes a minute, and holds for all tests."""
    with skycams(tmp_path_factory.mktemp("light") / "var") as make:
        one = make(SKYCAM_DELAY="60", SKYCAM_ALPACA_DISCOVERY_PORT=str(free_port())).start()
        yield one
        assert one.stop() == 0


def test_an_independent_client_takes_a_picture_of_the_real_sky(one, tmp_path):
    discovery_port = int(one.environment["SKYCAM_ALPACA_DISCOVERY_PORT"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(10)
        asker.sendto(b"alpacadiscovery1", ("127.0.0.1", discovery_port))
        answer = json.loads(asker.recv(4096))
    assert answer["AlpacaPort"] == one.port and len(answer["Devices"]) == 8
    report = run_client(one, tmp_path)
    assert report["devices"] == [
        ["Telescope", 0],
        ["Camera", 0],
        ["Focuser", 0],
        ["FilterWheel", 0],
        ["Switch", 0],
        ["Camera", 2],
        ["CoverCalibrator", 0],
        ["Switch", 1],
    ]
    assert report["refused"], "the antipode is below the horizon"
    assert all("below" in text for text in report["refused"])
    assert report["tracking"] is True
    ra, dec, altitude = report["at"]
    target = TARGETS[report["target"]]
    assert altitude > 0
    away = np.hypot((ra - target[0]) * 15 * np.cos(np.radians(dec)), dec - target[1]) * 3600
    assert away < 180, "within 3 arcminutes after the closed loop"

    # The client's pixels are those of the file that the telescope wrote: [x][y] here, [y, x] there.
    assert report["image"]["size"] == [3840, 2160]
    sessions = one.data / "sessions"
    one.until(
        lambda: list(sessions.glob("2*/**/observation*telescope*.asdf")),
        60,
        "the observation ends with its last client",
    )
    (path,) = sessions.glob("2*/**/observation*telescope*.asdf")
    with open_session(path) as file:
        original = file["cameras"]["tele"]["originals"][0][:].tobytes()
        assert file["meta"]["target_coords"]["frame"] == "icrs"
    fits = tmp_path / "frame.fits"
    fits.write_bytes(original)
    pixels = read_pixels(fits)
    top, left = (
        (pixels.shape[0] - 2160) // 4 * 2,
        (pixels.shape[1] - 3840) // 4 * 2,
    )  # even: the Bayer pattern stays
    pixels = pixels[top:, left:]
    assert np.array(report["image"]["corner"]).T.tolist() == pixels[:8, :8].tolist()
    assert np.array(report["image"]["middle"]).T.tolist() == pixels[1076:1084, 1916:1924].tolist()


class Observer:
    """Somebody at the pages who takes one picture after the other."""

    def __init__(self, one, client) -> None:
        self.one, self.client, self.kept = one, client, []
        client.get("/")
        self.headers = {"x-csrftoken": client.cookies["skycam_csrf"], "origin": one.url}
        one.until(lambda: self.post("connect").status_code == 200, 60)

    def post(self, command, **body):
        began = time.monotonic()
        answer = self.client.post(f"/control/v1/telescopes/0/{command}/", json=body, headers=self.headers)
        assert time.monotonic() - began < 20
        return answer

    @property
    def state(self):
        return self.one.state("telescope-0")

    def connected(self):
        with contextlib.suppress(NotConnected):
            return self.state["connection"]["connected"]
        return False

    def slew(self):
        self.one.until(self._begins_a_slew, 60, "a place to slew to")
        self.one.until(lambda: not self.state["mount"]["slewing"], 240, "the slew")

    def _begins_a_slew(self):
        places = TARGETS.values()
        return any(self.post("slew", ra_hours=ra, dec_deg=dec).status_code == 200 for ra, dec in places)

    def expose(self):
        self.one.until(
            lambda: self.post("expose", exposure_s=5, gain=60).status_code == 200, 90, "an exposure begins"
        )

    def idle(self):
        self.one.until(lambda: self.state["camera"]["phase"] == "idle", 120, "the exposure's end")

    def frame(self):
        self.expose()
        self.idle()
        state = self.state
        assert state["camera"]["image_ready"], state["camera"]["problem"]
        self.kept.append(state["frame"]["taken_at"])

    def kill(self, child):
        """SIGKILL in the middle of an exposure; a request meanwhile is answered within 5 s, or by the new web server."""
        self.expose()
        pid = self.one.pid(child)
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        answer = None
        while answer is None and time.monotonic() - began < 20:
            try:
                answer = self.client.get(
                    "/api/v1/camera/0/imageready?ClientID=1", timeout=20 if child == "web" else 5
                )
            except Exception as error:  # a connection that was cut is an answer; one that hangs is not
                assert "timed out" not in str(error), child
        assert answer is not None
        if answer.status_code == 200 and answer.json()["ErrorNumber"]:
            assert answer.json()["ErrorMessage"], "an error has a reason"
        self.one.until(lambda: self.one.pid(child) not in (None, pid), 40, f"a new {child}")
        self.one.until(self.connected, 90, "connected again")

    def leave(self):
        """Disconnect; every frame that was acknowledged is in a whole session."""
        self.post("disconnect")
        sessions = self.one.data / "sessions"
        self.one.until(
            lambda: not list(sessions.glob(".live/observation*telescope*")), 90, "the finished session"
        )
        times = set()
        for path in sessions.glob("2*/**/observation*telescope*.asdf"):
            with open_session(path, validate_checksums=True, lazy_load=False) as file:
                rows = file["cameras"]["tele"]["frame_table"]
                times |= {row["time"].isoformat(timespec="milliseconds")[:23] for row in rows}
        assert {taken.rstrip("Z") for taken in self.kept} <= times


@pytest.fixture(scope="module")
def owner(one):
    """A client that is logged in."""
    with one.own() as client:
        time.sleep(4)  # the socket opens to the network
        yield client


def test_kills_during_an_exposure_sequence(one, owner):
    """Web, telescope worker and simulator in turn: recovered, nothing acknowledged lost, answers within 5 s."""
    observer = Observer(one, owner)
    observer.slew()
    observer.frame()
    for child in ("web", "telescope"):
        observer.kill(child)
        observer.idle()
        observer.frame()
    observer.kill("dwarf3")
    observer.idle()
    observer.leave()


@pytest.mark.nightly
def test_a_telescope_that_was_switched_off_and_on_points_again(one, owner):
    """It has forgotten its calibration, which takes a minute and a half again."""
    observer = Observer(one, owner)
    observer.kill("dwarf3")
    observer.slew()
    observer.idle()
    observer.frame()
    observer.leave()
