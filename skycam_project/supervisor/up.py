"""The one foreground command: data folder, broker, migrations, processes, "ready", and a clean end."""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from alpaca.protocol import discovery
from sessions.store.logs import SessionHandler
from skycam_project.common.access import Access
from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import SkycamError
from skycam_project.common.link import Host, OwnedElsewhere
from skycam_project.config import Configuration
from skycam_project.config.broker import broker_socket, broker_urls
from skycam_project.config.places import (
    alpaca_devices_file,
    prepare_data_folder,
    runtime_folder,
    setup_token_file,
)
from skycam_project.supervisor import broker, demo, plans
from skycam_project.supervisor.children import Child, Plan
from skycam_project.supervisor.lines import CollectorHandler, LineCollector

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - only once there is an owner
PORT_PATIENCE_S = 4.0
"""After a kill -9 of `up` its children need 2 s to leave and to let the port go."""


DEMO_CAMERA = {"SKYCAM_EXPOSURE": "2", "SKYCAM_DELAY": "5", "SKYCAM_ISO": "1600"}
"""Whoever starts for the first time should not wait long for something to see."""
PATIENCE_S = 10.0
"""After this long without being ready a person wants to know why."""


class StartError(SkycamError):
    """`up` cannot start."""

    code = "start"


def listen(host: str, port: int) -> socket.socket:
    """The socket of pages and interfaces; `up` holds it, the server inherits it. Raises `StartError`."""
    end = time.monotonic() + PORT_PATIENCE_S
    while True:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(512)
            return listener
        except OSError as error:
            listener.close()
            if time.monotonic() > end or error.errno != errno.EADDRINUSE:
                text = f"port {port} on {host} cannot be used: {error.strerror}. Stop the other program or use --port."
                raise StartError(text) from None
            time.sleep(0.2)


def _reasons(body: bytes) -> str:
    """What `/readyz` gives as reasons, in one line."""
    try:
        parts = orjson.loads(body)["parts"]
    except (ValueError, KeyError, TypeError):
        return "the web process does not answer yet"
    return "; ".join(part["reason"] for part in parts.values() if not part["ok"])


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


class Supervisor:
    """Everything between the first check and the last process."""

    def __init__(self, config: Configuration, notes: list[str]) -> None:
        prepare_data_folder(config.data)
        self.config, self.notes = config, notes
        self.run_folder = runtime_folder(config.data)
        broker_urls(config.redis_url, self.run_folder)  # refuses an open broker before anything starts
        log_file = config.resolve(config.log_file) if config.log_file else None
        self.lines = LineCollector(log_file, config.log_max_size, config.log_backup_count)
        self.children: list[Child] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.link = Host(self.run_folder, "up", {"owner_created": self.owner_created}, metrics=self._metrics)
        self.facts: dict[str, Any] = {
            "started_at": iso_utc(datetime.now(UTC)),
            "demo": config.is_demo,
            "ready": False,
        }
        self.simulators: list[Plan] = []
        self.environment = self._environment()

    def _environment(self) -> dict[str, str]:
        """What all children inherit: the command line's decisions, and the demo's devices."""
        return {
            "PYTHONPATH": str(ROOT),
            "SKYCAM_DATA": str(self.config.data),
            "SKYCAM_PORT": str(self.config.port),
            "SKYCAM_DEMO": "on" if self.config.is_demo else "off",
            "PYTHONUNBUFFERED": "1",
            "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR") or str(self.config.data / "cache" / "numba"),
            **(self._demo() if self.config.is_demo else {}),
        }

    def _demo(self) -> dict[str, str]:
        """The simulators, and the settings that lead to them; what somebody has set stays."""
        if self.config.latitude is not None and self.config.longitude is not None:
            place = (self.config.latitude, self.config.longitude, self.config.elevation)
            site = demo.Site(self.config.site_name, *place)
        else:
            site = demo.demo_site(self.config.data / "state" / "demo-site.json", datetime.now(UTC))
        self.facts["site"] = site.name
        camera, event = free_port(), free_port()
        telescope = {name: free_port() for name in ("ws", "http", "files", "mjpeg", "ftp", "udp", "rtsp")}
        self.simulators = [
            demo.camera_plan(camera, event, site),
            demo.telescope_plan(telescope, site, self.config.data / "state" / "dwarf3-card"),
        ]
        settings = {
            "SKYCAM_SITE_NAME": site.name,
            "SKYCAM_LATITUDE": str(site.latitude),
            "SKYCAM_LONGITUDE": str(site.longitude),
            "SKYCAM_ELEVATION": str(site.elevation),
            **DEMO_CAMERA,
        }
        return {name: value for name, value in settings.items() if name not in os.environ} | {
            "CAMERA_PORT": f"ptpip:{LOOPBACK}:{camera}:{event}",
            "SKYCAM_TELESCOPE": LOOPBACK,
            **{
                f"SKYCAM_TELESCOPE_{name.upper()}_PORT": str(telescope[name])
                for name in ("ws", "http", "files", "ftp")
            },
        }

    async def run(self) -> int:
        """Until SIGINT or SIGTERM. Returns the exit code."""
        os.environ.update(self.environment)
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        read_end, self._write_end = os.pipe()
        os.set_inheritable(self._write_end, False)
        self._parent_fd = read_end
        try:
            async with self.link:  # its lock on `up` is also what keeps a second one off this data folder
                self._listen(self.config.host or LOOPBACK)
                try:
                    self._publish()
                    await self._until_stopped(stopping)
                finally:
                    await self._stop()
        except OwnedElsewhere as owned:
            raise StartError(f"Skycam runs already for {self.config.data}: {owned}") from None
        return 0

    async def _until_stopped(self, stopping: asyncio.Event) -> None:
        starting = asyncio.create_task(self._start())
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            answering = await self._find_me()
            await waiting
            if answering:
                answering.close()
        else:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)

    async def _start(self) -> None:
        for note in self.notes:
            log.warning("%s", note)
        if plan := plans.broker_plan(self.config, self.run_folder):
            self._add(plan)
        answer = await self._prepare()
        if self.config.host is None and answer["owner"]:
            self._listen_everywhere()
        for simulator in self.simulators:
            self._add(simulator)
        cameras = tuple(f"camera-{camera.id}" for camera in self.config.all_cameras())
        self._add(plans.web_plan(self.config, self.listeners))
        self._add(plans.worker_plan("camera", self.run_folder, cameras))
        if self.config.telescope_host or self.config.is_demo:
            self._add(plans.worker_plan("telescope", self.run_folder, ("telescope-0",)))
        self._add(plans.worker_plan("processing", self.run_folder, ("processing",)))
        if self.config.dmx_engine == "auto":
            self._add(plans.lighting_plan(self.run_folder))
        if plan:
            await broker.wait_until_it_answers(broker_socket(self.run_folder))
        await self._until_ready()
        self._say_ready(answer["setup_token"])

    async def _find_me(self) -> asyncio.DatagramTransport | None:
        """Answer Alpaca discovery; a port that another program keeps for itself costs discovery only."""
        if not self.config.alpaca or not self.config.alpaca_discovery_port:
            return None
        access = Access(self.config.alpaca_networks, ["localhost"], ())
        file = alpaca_devices_file(self.config.data)

        def allows(address: str) -> bool:
            # While only this machine is listened to, an answer would lead others to a closed door.
            return access.allows(address) and (self._is_open() or address == LOOPBACK)

        devices = lambda: orjson.loads(file.read_bytes())  # noqa: E731
        responder = discovery.Responder(self.config.port, "Skycam", devices, allows)
        try:
            return await discovery.respond(responder, self.config.alpaca_discovery_port)
        except OSError as error:
            log.warning(
                "Alpaca discovery is off: UDP port %d: %s", self.config.alpaca_discovery_port, error.strerror
            )
            return None

    def _is_open(self) -> bool:
        """Whether other machines can reach the pages."""
        return self.listener.getsockname()[0] != LOOPBACK

    async def _until_ready(self) -> None:
        """Ask until everything is there; now and then say what is not."""
        began = said = time.monotonic()
        while True:
            status, body = await plans.http_get(self.listener.getsockname(), "/readyz")
            if status == 200:
                return
            if time.monotonic() - said > PATIENCE_S:
                said = time.monotonic()
                log.warning("not ready after %d s: %s", said - began, _reasons(body))
            await asyncio.sleep(0.1)

    async def _prepare(self) -> dict[str, Any]:
        """Migrations and first-run token, in a process of its own: `up` stays without Django."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "skycam_project.prepare",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode != 0:
            last = err.decode(errors="replace").strip().splitlines()[-1:]
            raise StartError(f"the database could not be prepared: {''.join(last) or 'no reason given'}")
        return orjson.loads(out.splitlines()[-1])

    def _say_ready(self, setup_token: str | None) -> None:
        self.facts["ready"] = True
        self._publish()
        host = LOOPBACK if self.listener.getsockname()[0] == EVERYWHERE else self.listener.getsockname()[0]
        address = f"http://{host}:{self.config.port}/"
        sys.stdout.write(f"Skycam is ready: {address}\n")
        if setup_token and sys.stdout.isatty():
            # To the person at the terminal only: whoever reads a log must not become the owner.
            sys.stdout.write(f"Make it yours: {address}welcome/#token={setup_token}\n")
        elif setup_token:
            token_file = setup_token_file(self.config.data)
            sys.stdout.write(f"Make it yours: {address}welcome/ with the token in {token_file}\n")
        sys.stdout.flush()

    def _add(self, plan: Plan) -> None:
        child = Child(plan, self._parent_fd, self.lines, self._publish)
        self.children.append(child)
        self.tasks.append(asyncio.create_task(child.run()))

    def _publish(self) -> None:
        address = self.listener.getsockname()
        self.link.publish(
            self.facts
            | {
                "listening": f"{address[0]}:{address[1]}",
                "processes": [child.state() for child in self.children],
            }
        )

    def _metrics(self) -> str:
        """By hand: the client library would double the memory of `up`."""
        name = "skycam_process_restarts_total"
        lines = [f"# HELP {name} Starts after an end that nobody asked for.", f"# TYPE {name} counter"]
        lines += [
            f'{name}{{child="{child.plan.name}"}} {child.state()["restarts"]}' for child in self.children
        ]
        return "\n".join(lines) + "\n"

    # ---- the owner exists: from this machine to the network

    async def owner_created(self) -> None:
        """Called by the web process after the first run; the answer to that browser goes out first."""
        if self.config.host is None and not self._is_open():
            task = asyncio.create_task(self._open_to_network())
            self.tasks.append(task)

    async def _open_to_network(self) -> None:
        await asyncio.sleep(2)
        web = next(child for child in self.children if child.plan.name == "web")

        def reopened() -> Plan:
            self._listen_everywhere()
            return plans.web_plan(self.config, self.listeners)

        await web.restart(reopened)
        log.info("pages are now reachable from the local network")

    def _listen_everywhere(self) -> None:
        """Only while no web process holds the old sockets."""
        for listener in self.listeners:
            listener.close()
        try:
            self._listen(EVERYWHERE)
        except StartError as error:
            log.warning("%s; staying on this machine only", error)
            self._listen(LOOPBACK)

    def _listen(self, host: str) -> None:
        """One socket for everything, and one for metrics alone when PROMETHEUS_PORT asks for it."""
        self.listeners = [listen(host, self.config.port)]
        if self.config.prometheus_port:
            try:
                self.listeners.append(listen(host, self.config.prometheus_port))
            except StartError:
                self.listeners[0].close()
                raise
        self.listener = self.listeners[0]

    async def _stop(self) -> None:
        """Children in reverse order, so that the broker goes last; then everything that is ours."""
        for child in reversed(self.children):
            await child.stop()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for listener in self.listeners:
            listener.close()
        os.close(self._write_end)
        os.close(self._parent_fd)
        broker_socket(self.run_folder).unlink(missing_ok=True)


def main(config: Configuration, notes: list[str]) -> int:
    """Run `up`. Returns the exit code; raises `SkycamError` for what a person can mend."""
    supervisor = Supervisor(config, notes)
    handlers = [CollectorHandler(supervisor.lines), SessionHandler(config.data / "sessions", "up")]
    logging.basicConfig(level=config.log_level.upper(), handlers=handlers)
    return asyncio.run(supervisor.run())
