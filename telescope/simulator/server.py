"""All sockets of one simulated device, started and stopped together."""

import asyncio
import contextlib
import logging
import tempfile
from pathlib import Path
from types import TracebackType

from skycam_project.common.clock import Clock, FastClock
from telescope.simulator.api import Api
from telescope.simulator.card import Card
from telescope.simulator.control import Control
from telescope.simulator.device import Dwarf, Setup
from telescope.simulator.discovery import Discovery
from telescope.simulator.files import Files, Live
from telescope.simulator.ftp import ftp_server
from telescope.simulator.http import http_server
from telescope.simulator.options import Options, Ports
from telescope.simulator.profile import Profile
from telescope.simulator.renderer import Renderer
from telescope.simulator.rtsp import rtsp_server
from telescope.simulator.streams import StreamServer
from telescope.simulator.ws import serve_websocket

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


class Simulator:
    """A device with its sockets; `async with Simulator(options, renderer) as simulator: …`.

    Args:
        options: what the command line says.
        renderer: paints what a camera sees.
        clock: simulated time; made from the options by default.
        profile: another kind of device (tests take small sensors).

    Attributes:
        device: the telescope, for tests that look behind the curtain.
        ports: the real ports, when 0 let the system choose.
    """

    def __init__(
        self, options: Options, renderer: Renderer, clock: Clock | None = None, profile: Profile | None = None
    ) -> None:
        self.options = options
        self.ports = options.ports
        self._renderer = renderer
        self._clock = clock or FastClock(options.start, options.speed)
        self._profile = profile or Profile()
        self._stack = contextlib.AsyncExitStack()
        self.device: Dwarf

    async def __aenter__(self) -> "Simulator":
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        options = self.options
        folder = options.card
        if folder is None:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="dwarf3-")))
        folder.mkdir(parents=True, exist_ok=True)
        setup = Setup(
            site=options.site, seed=options.seed, v2=options.v2, ra_degrees=options.ra_degrees,
            pinned_clock=options.start is not None or options.speed != 1.0, darks=options.darks,
            wedge=options.wedge, errors=options.errors, profile=self._profile,
        )  # fmt: skip
        card = Card(folder, self._profile.card_gb * 10**9)
        self.device = device = Dwarf(setup, self._clock, card, self._renderer, options.faults)
        device.clients.set_foreign_host(options.faults.slave)
        await self._listen(device)
        # Closed first, so that no work of the device outlives its sockets and its card.
        self._stack.push_async_callback(device.close)
        device.spawn(device.live())

    async def _listen(self, device: Dwarf) -> None:
        host, wanted = self.options.host, self.options.ports
        websocket = await serve_websocket(device, host, wanted.websocket)
        self._stack.push_async_callback(websocket.wait_closed)
        self._stack.callback(websocket.close)
        api = Api(device, lambda: self.ports.files)
        http = await self._serve(http_server(api), host, wanted.http)
        files = await self._serve(http_server(Files(device)), host, wanted.files)
        mjpeg = await self._serve(http_server(Live(device)), host, wanted.mjpeg)
        ftp = await self._serve(ftp_server(device), host, wanted.ftp)
        rtsp = await self._serve(rtsp_server(device), host, wanted.rtsp)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Discovery(device), local_addr=(host, wanted.udp)
        )
        self._stack.callback(transport.close)
        control = None
        if wanted.control is not None:
            control = await self._serve(http_server(Control(device)), LOOPBACK, wanted.control)
        udp = transport.get_extra_info("sockname")[1]
        first = next(iter(websocket.sockets)).getsockname()[1]
        self.ports = Ports(first, http, files, mjpeg, ftp, udp, rtsp, control)

    async def _serve(self, server: StreamServer, host: str, port: int) -> int:
        """Open a port, to be closed with the rest; returns its number."""
        self._stack.push_async_callback(server.close)
        return await server.listen(host, port)

    def describe(self) -> str:
        """One line that says what listens where."""
        ports = self.ports
        line = (
            f"DWARF 3 simulator at {self.options.host}: WebSocket {ports.websocket}, HTTP {ports.http}, "
            f"files {ports.files}, MJPEG {ports.mjpeg}, FTP {ports.ftp}, UDP {ports.udp}, "
            f"RTSP {ports.rtsp}"
        )
        return line + (f", control {LOOPBACK}:{ports.control}" if ports.control is not None else "")
