"""The real olad: what it reads back is what the engine shows."""

import asyncio
import os
import pwd
import shutil
import subprocess
import time

import httpx
import pytest
from lightsrig import make_engine, running, settle, until, wait_for

from lighting.engine.commands import own_command
from lighting.outputs import ArtNet, Ola, Sacn
from tests.ports import free_port

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not shutil.which("olad"), reason="no olad: apt install ola"),
]

PLUGINS = "artnet dummy e131 espnet ftdidmx gpio karate kinet milinst nanoleaf opendmx openpixelcontrol osc pathport"
PLUGINS += " renard sandnet shownet spi stageprofi uartdmx usbdmx usbserial"


class Olad:
    """olad with one universe on a dummy port; it will not run as root."""

    def __init__(self, folder, *enabled):
        self.folder, self.port, self.rpc = folder / "ola", free_port(), free_port()
        self.folder.mkdir()
        for plugin in PLUGINS.split():
            on = "true" if plugin in ("dummy", *enabled) else "false"
            (self.folder / f"ola-{plugin}.conf").write_text(f"enabled = {on}\nuse_loopback = true\n")
        self.user = "olad" if os.geteuid() == 0 else None
        if self.user:
            entry = pwd.getpwnam("olad")
            folder.chmod(0o755)
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        command = [
            "olad",
            "-c",
            str(self.folder),
            "-p",
            str(self.port),
            "-r",
            str(self.rpc),
            "-l",
            "2",
            "--no-register-with-dns-sd",
        ]
        self.process = subprocess.Popen(
            command,
            user=self.user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"HOME": str(self.folder)},
        )
        wait_for(self.answers)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/get_dmx?u=1", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def patch(self, word: str, kind: str) -> None:
        ports = httpx.get(f"{self.url}/json/get_ports", timeout=5).json()
        port = next(
            row["id"] for row in ports if word in row["device"] and row["is_output"] is (kind == "out")
        )
        answer = httpx.post(
            f"{self.url}/new_universe", data={"id": "1", "name": "obs", "add_ports": port}, timeout=5
        )
        assert answer.json()["ok"], answer.text

    def dmx(self) -> list[int]:
        return httpx.get(f"{self.url}/get_dmx?u=1", timeout=5).json()["dmx"]

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def olad(folder):
    olad = Olad(folder)
    olad.patch("Dummy", "out")
    yield olad
    olad.end()


async def test_olad_reads_back_what_the_engine_shows(olad, tmp_path):
    async with running(make_engine(tmp_path)) as engine:
        output = Ola(f"{olad.url}/set_dmx", 1, 44)
        engine.frame_slots.append(output.slot)
        task = asyncio.create_task(output.run())
        posts, real = [], output.send
        output.send = lambda data: (posts.append(time.monotonic()), real(data))
        began = time.monotonic()
        for value in range(200):
            engine.submit(own_command("x", value, 255 - value, 7))
            await asyncio.sleep(0.005)
        await settle(engine)
        seconds = time.monotonic() - began
        await until(lambda: olad.dmx()[:4] == [199, 56, 7, 0])
        assert len(posts) <= seconds * 44 + 3
        assert len(olad.dmx()) == 512
        olad.end()
        engine.submit(own_command("x", 1, 2, 3))
        await until(lambda: output.problem)
        await asyncio.to_thread(olad.start)
        olad.patch("Dummy", "out")  # what it had patched was not on its disk yet
        await until(lambda: olad.dmx()[:3] == [1, 2, 3], 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_unknown_universe_is_said(olad):
    output = Ola(f"{olad.url}/set_dmx", 99, 44)
    task = asyncio.create_task(output.run())
    output.slot.put({0: bytes(512)})
    await until(lambda: "universe 99" in output.problem)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("plugin", "name", "driver"),
    [("e131", "E1.31", Sacn), ("artnet", "ArtNet", ArtNet)],
    ids=["sacn", "artnet"],
)
async def test_packets_over_udp_reach_olad(folder, plugin, name, driver):
    olad = Olad(folder, plugin)
    task = None
    try:
        olad.patch(name, "in")
        output = driver("127.0.0.1", 1)
        task = asyncio.create_task(output.run())
        output.slot.put({0: bytes([11, 22, 33]).ljust(512, b"\0")})
        await until(lambda: olad.dmx()[:3] == [11, 22, 33])
    finally:
        olad.end()
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
