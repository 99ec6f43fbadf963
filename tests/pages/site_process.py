"""A whole Skycam for tests of pages: the real ASGI application under Daphne, real links, a fake camera host."""

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from skycam_project.config.places import runtime_folder
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "sees red at night"
USERS = {"olga": "owner", "otto": "operator", "vera": "viewer"}
PEOPLE = """
import sys, django
django.setup()
from dashboard.services import create_user
for pair in sys.argv[2:]:
    name, role = pair.split(":")
    create_user(name, sys.argv[1], role)
"""
PATIENCE_S = 30.0
PLACE = {"site": {"latitude": 52.5, "longitude": 13.4}}


def environment(data: Path) -> dict[str, str]:
    """What the processes of a site see: their data folder, and nothing of the caller's settings."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SKYCAM_")}
    return clean | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])), "SKYCAM_DATA": str(data),
        "SKYCAM_DEMO": "off", "SKYCAM_PROCESS": "web", "DJANGO_SETTINGS_MODULE": "skycam_project.settings",
    }  # fmt: skip


@cache
def prepared(people: bool) -> Path:
    """A data folder as after the first start, to be copied: with three accounts, or with the token of the first run."""
    folder = Path(tempfile.mkdtemp(prefix="skycam-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    commands = [["-m", "skycam_project.prepare"]]
    if people:
        commands.append(["-c", PEOPLE, PASSWORD, *(f"{name}:{role}" for name, role in USERS.items())])
    for command in commands:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment(folder / "var"),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
    return folder / "var"


def quiet_scene(**camera) -> dict:
    """One connected camera that waits."""
    return {"cameras": {"default": {"name": "All-sky", **camera}}}


class Site:
    """One data folder with a server and a host process, each of which can be ended and started again.

    Args:
        scene: what the fake host does; see fakehost.py.
        people: whether the three accounts exist; without them it is the first run.
        cameras: further cameras for skycam.yaml.
        lights: DMX_ settings; with them the lights' engine runs too.
    """

    def __init__(
        self,
        scene: dict,
        *,
        people: bool = True,
        cameras: list[dict] | None = None,
        lights: dict[str, str] | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="skycam-"))
        self.data = self.folder / "var"
        shutil.copytree(prepared(people), self.data)
        self.setup_token = (self.data / "setup-token").read_text() if not people else ""
        self.scene_file = self.folder / "scene.json"
        self.set_scene(scene)
        self.environment = environment(self.data)
        # The lights' engine runs where a test asks for it, with these settings.
        self.environment |= {"DMX_ENGINE": "off"} if lights is None else {"DMX_ENGINE": "external", **lights}
        self.engine: subprocess.Popen | None = None
        facts = {"cameras": cameras or []}
        if "telescope" in scene:
            facts |= {"telescope": {"host": "127.0.0.1"}, **PLACE}
        if cameras or "telescope" in scene:
            configuration = self.folder / "skycam.yaml"
            configuration.write_text(json.dumps(facts))  # JSON is YAML
            self.environment["SKYCAM_CONFIG"] = str(configuration)
        self.port = free_port()
        self.server: subprocess.Popen | None = None
        self.host: subprocess.Popen | None = None

    @classmethod
    @contextlib.contextmanager
    def running(cls, scene: dict, **options) -> Iterator["Site"]:
        """A site with server and host, gone at the end whatever happens."""
        site = cls(scene, **options)
        try:
            site.start_host()
            if options.get("lights") is not None:
                site.start_lights()
            site.start_server()
            yield site
        finally:
            site.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def set_scene(self, scene: dict) -> None:
        """Tell the host what happens from now on."""
        fresh = self.scene_file.with_suffix(".new")
        fresh.write_text(json.dumps(scene))
        fresh.replace(self.scene_file)

    def start_host(self) -> None:
        run = str(runtime_folder(self.data))
        script = Path(__file__).with_name("fakehost.py")
        self.host = subprocess.Popen(
            [sys.executable, str(script), run, str(self.data), str(self.scene_file)],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.host.stdout is not None
        assert self.host.stdout.readline() == "ready\n"

    def start_lights(self) -> None:
        log = (self.folder / "lights.log").open("a")
        self.engine = subprocess.Popen(
            [sys.executable, "-m", "lighting.engine"],
            cwd=self.folder,
            env=self.environment,
            stdout=log,
            stderr=log,
        )
        log.close()

    def start_server(self) -> None:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            listener.listen(64)
            log = (self.folder / "server.log").open("a")
            self.server = subprocess.Popen(
                [sys.executable, "-m", "skycam_project.serve", "daphne", str(listener.fileno())],
                cwd=ROOT, env=self.environment, pass_fds=[listener.fileno()], stdout=log, stderr=log,
            )  # fmt: skip
            log.close()
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                with urlopen(f"{self.url}/healthz", timeout=5):
                    return
            except (URLError, OSError):
                if time.monotonic() > end or self.server.poll() is not None:
                    raise RuntimeError(self.log()[-3000:]) from None
                time.sleep(0.05)

    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    @staticmethod
    def end(process: subprocess.Popen | None, how: signal.Signals = signal.SIGKILL) -> None:
        if process and process.poll() is None:
            process.send_signal(how)
            process.wait(20)
        if process and process.stdout:
            process.stdout.close()

    def close(self) -> None:
        self.end(self.server)
        self.end(self.host)
        self.end(self.engine)
        shutil.rmtree(self.folder, ignore_errors=True)
