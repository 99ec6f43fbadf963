"""What a new user sees: one command, frames, a page, a clean end, and the run goes on at the next start."""

import json
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.alone
FAST = {"SKYCAM_DELAY": "1", "SKYCAM_EXPOSURE": "0.3"}


@pytest.mark.timeout(150)
def test_a_new_user_from_first_start_to_next_start(skycam):
    one = skycam(**FAST, NUMBA_CACHE_DIR="").start()  # nothing compiled before, as for any new user
    one.until(lambda: one.frames() >= 2, 60, "the second frame")
    assert one.data.stat().st_mode & 0o077 == 0

    with one.own() as client:
        assert "Night of" in client.get("/").text
        picture = client.get("/latest/default.jpg")
        assert picture.status_code == 200 and picture.content.startswith(b"\xff\xd8\xff")
        again = client.get("/latest/default.jpg", headers={"if-none-match": picture.headers["etag"]})
        assert again.status_code in (200, 304)
        status = client.get("/control/v1/cameras/default/status/").json()
        assert status["capturing"] and status["model"] and status["run"]["frames"] >= 2
        metrics = client.get("/metrics").text
        assert 'skycam_images_captured_total{process="camera",camera="default"}' in metrics
        assert 'skycam_process_up{process="processing"} 1' in metrics

        csrf = {"x-csrftoken": client.cookies["skycam_csrf"], "origin": one.url}
        stopped = client.post("/control/v1/cameras/default/stop/", json={}, headers=csrf)
        assert stopped.json()["capturing"] is False, "read your own writes"
        started = client.post("/control/v1/cameras/default/start/", json={"interval_s": 1.5}, headers=csrf)
        assert started.json()["capturing"] is True
        wrong = client.post("/control/v1/cameras/default/start/", json={"exposure_s": -1}, headers=csrf)
        assert wrong.status_code == 400 and wrong.json()["error"]["field"] == "exposure_s"

    before = one.until(lambda: one.frames(), 20)
    assert one.stop() == 0
    assert one.family() == []
    assert [path.name for path in one.run.iterdir() if path.suffix == ".sock"] == []

    two = skycam(**FAST).start()
    two.until(lambda: (two.camera() or {}).get("capturing"), 20, "the run of before")
    assert two.camera()["run"]["interval_s"] == 1.5
    two.until(lambda: two.frames() > before, 40, "a frame after those of before")
    gap = two.camera()["run"]["gaps"][-1]
    assert gap["reason"] and gap["to"]
    assert two.stop(signal.SIGTERM) == 0


@pytest.mark.timeout(120)
def test_commands_of_document_001(skycam):
    one = skycam(**FAST).start()

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-m", "skycam_project.cli", *words]
        environment = one.environment | {"SKYCAM_DATA": str(one.data)}
        return subprocess.run(
            arguments,
            env=environment,
            cwd=one.data.parent,
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )

    one.until(lambda: one.frames() >= 1, 40, "a frame")
    assert json.loads(command("stop", "--output", "json").stdout)["capturing"] is False
    started = json.loads(command("start", "-e", "0.2", "-d", "2", "--output", "json").stdout)
    assert (started["capturing"], started["settings"]["exposure_s"]) == (True, 0.2)
    status = json.loads(command("status", "--output", "json").stdout)
    assert status["cameras"][0]["camera"] == "default"
    assert {"broker", "web", "camera", "processing", "telescope", "lighting", "dslr", "dwarf3"} == {
        row["name"] for row in status["up"]["processes"]
    }
    shown = command("status").stdout
    assert "All-sky" in shown and "processing" in shown
    assert command("connect").returncode == 0
    wrong = command("start", "--exposure", "-5")
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1 and "exposure_s" in wrong.stderr
    unknown = command("stop", "--camera", "nobody")
    assert unknown.returncode == 2 and "nobody" in unknown.stderr

    token = command("token", "create", "script", "--role", "operator").stdout.strip()
    with one.own():
        pass
    time.sleep(4)  # `up` opens to the network now; the socket waits for the server
    remote = {"SKYCAM_TOKEN": token, "SKYCAM_URL": one.url}
    one.environment |= remote
    far = json.loads(command("status", "--output", "json").stdout)
    assert far["cameras"][0]["camera"] == "default"
    one.environment["SKYCAM_TOKEN"] = "sky_nonsense"
    refused = command("stop")
    assert refused.returncode == 2 and "token" in refused.stderr
    doctor = subprocess.run(
        [sys.executable, "-m", "skycam_project.cli", "doctor", "--output", "json"],
        env=one.environment | {"SKYCAM_DATA": str(one.data), "SKYCAM_PORT": str(one.port)},
        cwd=one.data.parent, capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert set(json.loads(doctor.stdout)) == {"port", "disk", "broker", "permissions", "clock"}


def test_a_second_up_on_the_same_folder_is_refused(skycam):
    one = skycam(SKYCAM_DEMO="off").start()
    second = subprocess.run(
        [sys.executable, "-m", "skycam_project.cli", "up", "--data", str(one.data), "--port", "1"],
        env=one.environment, cwd=one.data.parent, capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert f"process {one.process.pid}" in second.stderr and second.stderr.count("\n") == 1
