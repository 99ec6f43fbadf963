"""Document 004's quick start against `up` as it is, and a killed engine under it."""

import os
import signal

import httpx
import pytest

from skycam_project.common.link import NotConnected, read

pytestmark = [pytest.mark.full, pytest.mark.alone]

COMMAND = {"cmdId": "01HZX3YJ9YJ3M5QAZ3GZ8K3QFF", "src": "ui", "r": 64, "g": 32, "b": 128}


@pytest.mark.timeout(150)
def test_the_quick_start_and_a_killed_engine(skycam):
    one = skycam(SKYCAM_DEMO="off").start()

    def rgb() -> dict:
        answer = httpx.get(f"{one.url}/rgb", timeout=5)
        return answer.json() if answer.status_code == 200 else {}

    assert rgb()["r"] == 0
    answer = httpx.post(f"{one.url}/rgb", json=COMMAND)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    before = one.until(lambda: (state := rgb()).get("b") == 128 and state, 20)

    engine = next(row for row in read(one.run, "up")["processes"] if row["name"] == "lighting")
    os.kill(engine["pid"], signal.SIGKILL)

    def back() -> bool:
        try:
            return read(one.run, "lighting")["rgb"]["seq"] > before["seq"]
        except NotConnected:
            return False

    one.until(back, 20, "the engine after its kill")
    one.until(rgb, 20)
    assert (rgb()["r"], rgb()["g"], rgb()["b"]) == (64, 32, 128)
    assert httpx.post(f"{one.url}/rgb", json=COMMAND | {"r": 1}).status_code == 202, (
        "a repeat is accepted and ignored"
    )
    assert rgb()["r"] == 64
    metrics = httpx.get(f"{one.url}/metrics").text
    assert 'dmx_engine_deduped_total{process="lighting"} 1.0' in metrics and "dmx_ws_clients{" in metrics
    assert one.stop() == 0
