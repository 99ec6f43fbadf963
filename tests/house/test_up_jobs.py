"""A timelapse under `./skycam up` while everything that works on it is killed, one after the other."""

import signal
import sys
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import av
import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import make
from timelapse.pipeline.recipe import Recipe

pytestmark = [pytest.mark.nightly, pytest.mark.alone, pytest.mark.timeout(300)]
RECIPE = {"chunk": 24, "outputs": [{"name": "main", "preset": "ultrafast"}, "preview"]}
FRAMES = 240


def garden(folder: Path) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    scene = rng.uniform(30, 200, (364, 644))
    for number in range(FRAMES):
        dy, dx = rng.integers(0, 3, 2)
        grey = (scene[dy : dy + 360, dx : dx + 640] * rng.uniform(0.95, 1.05)).clip(0, 255).astype(np.uint8)
        Image.fromarray(np.stack([grey] * 3, -1)).save(folder / f"{number:04d}.jpg", quality=90)


def frames_of(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [sha256(frame.to_ndarray()).hexdigest() for frame in container.decode(video=0)]


class Rendering:
    """One job of a running Skycam, seen through its API."""

    def __init__(self, skycam, client: httpx.Client) -> None:
        self.skycam, self.client = skycam, client
        client.get("/timelapses/")
        self.headers = {"X-CSRFToken": client.cookies["skycam_csrf"], "Referer": skycam.url}
        body = {"folder": "garden", "draft": False, "recipe": RECIPE}
        answer = client.post("/control/v1/timelapses/", json=body, headers=self.headers)
        assert answer.status_code == 201, answer.text
        self.uuid = answer.json()["uuid"]

    def look(self) -> dict | None:
        try:
            return self.client.get(f"/control/v1/timelapses/{self.uuid}/").json()
        except httpx.TransportError:  # a kept connection that the server has closed meanwhile
            return None

    def until(self, wanted, what: str, seconds: float = 90) -> dict:
        return self.skycam.until(lambda: (job := self.look()) and wanted(job) and job, seconds, what)

    def child(self) -> psutil.Process | None:
        for process in psutil.process_iter():
            try:
                if "timelapse.child" in process.cmdline() and process.environ().get("SKYCAM_DATA") == str(
                    self.skycam.data
                ):
                    return process
            except psutil.Error:
                continue
        return None


def test_child_worker_and_broker_are_killed_and_the_film_is_the_same(skycam, tmp_path):
    up = skycam(SKYCAM_DEMO="off", DMX_ENGINE="off")
    garden(up.data / "images" / "garden")
    up.start()
    with up.own() as client:
        job = Rendering(up, client)

        job.until(lambda j: j["chunk"] and j["chunk"] >= 2, "the second chunk")
        job.child().send_signal(signal.SIGKILL)
        seen = job.until(lambda j: j["state"] == "waiting", "the retry")
        assert seen["error_code"] == "crashed" and seen["attempts"] == 1
        client.post(f"/control/v1/timelapses/{job.uuid}/retry/", json={}, headers=job.headers)

        job.until(lambda j: j["state"] == "running" and j["chunk"] and j["chunk"] >= 4, "the fourth chunk")
        orphan = job.child()
        psutil.Process(up.pid("processing")).kill()
        orphan.wait(10)
        seen = job.until(
            lambda j: j["state"] == "running" and j["workers"] == 1 and job.child(), "the next worker"
        )
        assert seen["attempts"] == 0, "a killed worker is not the job's failure"

        psutil.Process(up.pid("broker")).kill()
        second = client.post(
            "/control/v1/timelapses/", headers=job.headers,
            json={"folder": "garden", "draft": False, "recipe": RECIPE | {"last": 30}},
        )  # fmt: skip
        assert second.status_code == 201, "the queue is the database's, not the broker's"
        done = job.until(lambda j: j["state"] in ("done", "failed"), "the film", 150)
        assert done["state"] == "done", done["error"]
        job.uuid = second.json()["uuid"]
        job.until(lambda j: j["state"] == "done", "the job that came while the broker was away", 120)

    films = [frames_of(path) for path in up.data.glob("products/*/*/*/timelapse.mp4")]
    [film] = [frames for frames in films if len(frames) == FRAMES]
    with closing(open_source(up.data / "images" / "garden")) as source:
        make(source, Recipe.from_json(RECIPE), tmp_path / "whole.mp4", tmp_path / "work")
    assert film == frames_of(tmp_path / "whole.mp4")
    assert up.stop() == 0
    time.sleep(2.5)
    assert not [process for process in up.family() if sys.executable in process.cmdline()]
