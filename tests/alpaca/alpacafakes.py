"""A telescope host without a telescope, and a client without a socket.

`FakeTelescope` keeps the contract of `alpaca.devices.contract` in memory; it looks like a mirror to an
adapter and its calls can be given to a real link host. Nothing of it is used by the program.
"""

import asyncio
import json
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from alpaca.devices.facts import Optics, Site
from alpaca.devices.filterwheel import FilterWheel
from alpaca.devices.focuser import Focuser
from alpaca.devices.table import DeviceTable, ServerDescription
from alpaca.devices.telescope import Telescope
from alpaca.devices.telescope_camera import TelescopeCamera
from skycam_project.common.clock import SystemClock
from skycam_project.common.errors import InvalidValueError, SkycamError
from skycam_project.common.holders import Holders
from skycam_project.common.link import CallError, NotConnected
from skycam_project.common.pixels import write_pixels
from skycam_project.config.keys import LOCAL_NETWORKS

WIDTH, HEIGHT = 48, 27
NETWORKS = LOCAL_NETWORKS.split(",")
DEVICES = ("telescope", "camera", "focuser", "filterwheel")


def bayer_frame(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """[y, x], every pixel different, the colours of RGGB in separate ranges of values."""
    y, x = np.mgrid[:height, :width]
    colour = np.array([[0, 1], [2, 3]])[y % 2, x % 2]  # R, G of the red row, G of the blue row, B
    return (colour * 10_000 + y * width + x).astype(np.uint16)


SITE = Site(47.123456789012345, 13.1, 1240.5)


class FakeTelescope:
    """In the place of a mirror."""

    def __init__(self, images: Path) -> None:
        self.images = images
        self.problem = ""
        self.refusal: SkycamError | None = None
        """Raised by the next call instead of carrying it out."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.exposure_time_s = 0.05
        """Real seconds that an exposure takes."""
        self.frames = 0
        self.unreachable = ""
        """Why the hardware does not answer."""
        self.connects_after_s = 0.0
        self.holders = Holders(images / "holders.json", SystemClock(), DEVICES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._state: dict[str, Any] = {
            "connection": {"connected": False, "connecting": False, "problem": ""},
            "mount": {
                "ra_hours": 5.5881, "dec_deg": -5.391, "altitude_deg": 41.5, "azimuth_deg": 170.25,
                "slewing": False, "tracking": False, "parked": False, "target_ra_hours": None, "target_dec_deg": None,
            },
            "camera": {
                "phase": "idle", "exposures_s": [0.0001, 1.0, 5.0, 15.0, 120.0], "exposure_min_s": 0.0001,
                "exposure_max_s": 120.0, "gain_min": 0, "gain_max": 240, "exposure_s": None, "gain": 60,
                "started_at": None, "percent_completed": 100, "image_ready": False, "image": None,
                "sensor_temperature_c": 21.5, "problem": "", "width_px": WIDTH, "height_px": HEIGHT,
            },
            "focus": {"position": 10_000, "maximum": 20_000, "moving": False},
            "filters": {"names": ["VIS", "Astro", "Duo-band"], "focus_offsets": [0, 0, 0], "position": 0},
        }  # fmt: skip

    # ---- a mirror

    @property
    def state(self) -> dict[str, Any]:
        if self.problem:
            raise NotConnected(self.problem)
        self._state["clients"] = self.holders.as_dict()
        return self._state

    async def call(self, name: str, /, timeout: float = 10.0, **args: Any) -> Any:
        if self.problem:
            raise NotConnected(self.problem)
        self.calls.append((name, args))
        if self.refusal:
            error, self.refusal = self.refusal, None
            raise error
        return await getattr(self, name)(**args)

    def later(self, seconds: float, change) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            change()

        task = asyncio.get_running_loop().create_task(wait())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- calls of the contract

    async def connect(self, device: str, client: str, patient: bool) -> None:
        self.holders.hold(device, client)
        connection = self._state["connection"]
        if self.unreachable:
            connection.update(connecting=True, problem=self.unreachable)
        elif self.connects_after_s:
            connection.update(connecting=True, problem="")
            self.later(self.connects_after_s, lambda: connection.update(connected=True, connecting=False))
        else:
            connection.update(connected=True, connecting=False, problem="")
        if not connection["connected"]:
            if not patient:
                self.holders.release(device, client)
            raise CallError(f"DWARF 3 is not connected: {self.unreachable}", code="not_connected")

    async def disconnect(self, device: str, client: str) -> None:
        self.holders.release(device, client)
        if not self.holders.any:
            self._state["connection"].update(connected=False, connecting=False)

    async def heard(self, clients: dict[str, list[str]]) -> None:
        self.holders.heard(clients)

    async def slew(self, ra_hours: float, dec_deg: float) -> None:
        mount = self._state["mount"]
        if dec_deg < -42:
            raise CallError(
                "The target is 4.2° below the horizon; it never rises here.", code="below_horizon"
            )
        mount.update(slewing=True, target_ra_hours=ra_hours, target_dec_deg=dec_deg)
        self.later(0.1, lambda: mount.update(slewing=False, ra_hours=ra_hours, dec_deg=dec_deg))

    async def abort_slew(self) -> None:
        self._state["mount"]["slewing"] = False

    async def track(self, on: bool) -> None:
        self._state["mount"]["tracking"] = on

    async def move_axis(self, axis: int, rate_deg_s: float) -> None:
        self._state["mount"]["slewing"] = rate_deg_s != 0

    async def park(self) -> None:
        self._state["mount"].update(parked=True, tracking=False)

    async def unpark(self) -> None:
        self._state["mount"]["parked"] = False

    async def expose(self, exposure_s: float, gain: int, light: bool) -> None:
        camera = self._state["camera"]
        if not any(abs(exposure_s - offered) <= 0.02 * offered for offered in camera["exposures_s"]):
            raise InvalidValueError("exposure_s", exposure_s, "an exposure time of the camera")
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        camera.update(
            phase="exposing", percent_completed=0, image_ready=False, image=None, problem="", gain=gain,
            started_at=started_at, exposure_s=exposure_s,
        )  # fmt: skip
        self.later(self.exposure_time_s, self.finish)

    def finish(self) -> None:
        camera = self._state["camera"]
        if camera["phase"] != "exposing":
            return
        self.frames += 1
        frame = bayer_frame(camera["width_px"], camera["height_px"])
        image = write_pixels(self.images, f"tele-{self.frames}", frame)
        camera.update(phase="idle", percent_completed=100, image_ready=True, image=image)

    async def abort_exposure(self) -> None:
        if self._state["camera"]["phase"] != "idle":
            self._state["camera"].update(
                phase="idle", percent_completed=0, problem="the exposure was aborted"
            )

    async def focus_move(self, position: int) -> None:
        focus = self._state["focus"]
        focus["moving"] = True
        self.later(0.05, lambda: focus.update(moving=False, position=position))

    async def focus_halt(self) -> None:
        self._state["focus"]["moving"] = False

    async def set_filter(self, position: int) -> None:
        filters = self._state["filters"]
        filters["position"] = -1
        self.later(0.05, lambda: filters.update(position=position))


def table_of(telescope: Any, images: Path, optics: Optics | None = None) -> DeviceTable:
    """Telescope/0, Camera/0, Focuser/0, FilterWheel/0 on one host."""
    optics = optics or Optics()
    kinds = (
        (Telescope, "telescope", "DWARF 3", {"site": SITE, "optics": optics}),
        (TelescopeCamera, "camera", "DWARF 3 tele", {"optics": optics}),
        (Focuser, "focuser", "DWARF 3 focuser", {}),
        (FilterWheel, "filterwheel", "DWARF 3 filters", {}),
    )
    devices = [
        kind(telescope, part=part, number=0, unique_id=f"6f1c0000-{index:04}", name=name, **facts)
        for index, (kind, part, name, facts) in enumerate(kinds)
    ]
    return DeviceTable(devices, images, ServerDescription("Skycam", "Skycam", "0.1.0", "Hut"))


async def until(read, wanted) -> None:
    """Poll as clients do."""
    while await read() != wanted:
        await asyncio.sleep(0.01)


class Answer:
    """What an ASGI application sent."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        start = messages[0]
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.pieces = [message["body"] for message in messages[1:]]
        self.body = b"".join(self.pieces)
        assert [bool(message.get("more_body")) for message in messages[1:]] == [True] * (
            len(messages) - 2
        ) + [False]
        assert int(self.headers["content-length"]) == len(self.body)

    @property
    def json(self) -> dict[str, Any]:
        assert self.status == 200, self.body
        assert self.headers["content-type"].startswith("application/json")
        return json.loads(self.body)


HEADERS = [(b"host", b"127.0.0.1:8080"), (b"user-agent", b"test")]


def scope_of(
    method: str,
    path: str,
    query: str = "",
    headers: list[tuple[bytes, bytes]] | None = None,
    client: tuple[str, int] | None = ("127.0.0.1", 50000),
) -> dict[str, Any]:
    """An HTTP scope as a server makes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query.encode(),
        "headers": HEADERS if headers is None else headers,
        "client": None if client is None else list(client),
        "server": ["127.0.0.1", 8080],
    }


async def ask(
    app, method: str, path: str, query: str = "", body: bytes | None = None, **scope: Any
) -> Answer:
    """One request to an ASGI application in this process."""
    received = [{"type": "http.request", "body": body or b"", "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return received.pop(0) if received else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    if body is not None and "headers" not in scope:
        scope["headers"] = [*HEADERS, (b"content-type", b"application/x-www-form-urlencoded")]
    await app(scope_of(method, path, query, **scope), receive, send)
    return Answer(sent)


class Client:
    """One Alpaca client, with a ClientID and ascending transactions."""

    def __init__(self, route, number: int = 17) -> None:
        self.route, self.number, self.transaction = route, number, 0

    def ids(self) -> dict[str, int]:
        self.transaction += 1
        return {"ClientID": self.number, "ClientTransactionID": self.transaction}

    async def get(self, path: str, headers=None, **parameters) -> Answer:
        query = urlencode(self.ids() | parameters)
        return await ask(self.route, "GET", f"/api/v1/{path}", query, headers=headers)

    async def put(self, path: str, **parameters) -> Answer:
        body = urlencode(self.ids() | {name: str(value) for name, value in parameters.items()}).encode()
        return await ask(self.route, "PUT", f"/api/v1/{path}", body=body)

    async def value(self, path: str, **parameters):
        """The value of a GET that must succeed."""
        return self.checked(await self.get(path, **parameters))

    async def do(self, path: str, **parameters):
        """A PUT that must succeed."""
        return self.checked(await self.put(path, **parameters))

    async def error(self, method: str, path: str, **parameters) -> int:
        """The error number of a call that must fail in a good answer, with a sentence."""
        answer = (await getattr(self, method)(path, **parameters)).json
        assert answer["ClientTransactionID"] == self.transaction
        assert answer["ErrorNumber"] != 0, answer
        assert answer["ErrorMessage"]
        return answer["ErrorNumber"]

    def checked(self, answer: Answer):
        body = answer.json
        assert (body["ErrorNumber"], body["ErrorMessage"]) == (0, ""), body
        assert body["ClientTransactionID"] == self.transaction
        assert body["ServerTransactionID"] >= 1
        return body.get("Value")


ACCEPT_BYTES = [(b"host", b"localhost"), (b"accept", b"application/json, application/imagebytes")]
ELEMENT = {1: "<i2", 2: "<i4", 6: "<u1", 8: "<u2"}


def client_array(body: bytes) -> np.ndarray:
    """What a client makes of an ImageBytes body, written from the interface text alone: [x, y(, plane)]."""
    fields = struct.unpack_from("<iiIIiiiiiii", body)
    start, transmission, rank, sizes = fields[4], fields[6], fields[7], fields[8:11]
    return np.frombuffer(body, ELEMENT[transmission], offset=start).reshape(sizes[:rank])
