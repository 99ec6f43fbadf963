"""The RTSP server (port 554 of the device): RTSP 1.0 of RFC 2326 with one video track, over TCP or UDP."""

import asyncio
import base64
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from telescope.dwarf.values import Camera, StreamEncoding
from telescope.simulator.device import Dwarf
from telescope.simulator.errors import SimulatorError
from telescope.simulator.rtp import PAYLOAD_TYPE
from telescope.simulator.rtsp_transport import Datagrams, Interleaved, Session, Transport
from telescope.simulator.streams import StreamServer
from telescope.simulator.video import RATE, Channel

logger = logging.getLogger(__name__)

PATHS = {"/ch0/stream0": Camera.TELE, "/ch1/stream0": Camera.WIDE}
TRACK = "track1"
TIMEOUT = 60.0
"""Real seconds without a request or a receiver report after which a connection ends."""
MAX_BODY = 1 << 14
MAX_SESSIONS = 16
"""Of all clients together."""
_REASONS = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    413: "Request Entity Too Large", 451: "Parameter Not Understood", 453: "Not Enough Bandwidth",
    454: "Session Not Found", 455: "Method Not Valid in This State", 459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport", 500: "Internal Server Error", 501: "Not Implemented",
    505: "RTSP Version Not Supported", 551: "Option not supported",
}  # fmt: skip
_PUBLIC = "OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, PAUSE, GET_PARAMETER"
_OTHER_METHODS = ("ANNOUNCE", "RECORD", "REDIRECT", "SET_PARAMETER")


class _RefusedRequestError(SimulatorError):
    """A request is answered with this status."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(_REASONS[status])
        self.status, self.headers = status, headers


@dataclass(frozen=True)
class _Request:
    """`headers`: names in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Path of the stream, without the track."""
        try:
            path = urlsplit(self.url).path.rstrip("/")
        except ValueError as error:
            raise _RefusedRequestError(400) from error
        return path.removesuffix(f"/{TRACK}")


@dataclass
class _Reply:
    headers: dict[str, str]
    body: bytes = b""
    then: Callable[[], None] | None = None
    """What follows when the reply is on its way."""


class _Streams:
    """What all connections share: the channels and the sessions."""

    def __init__(self, device: Dwarf) -> None:
        self.device = device
        self.sessions: set[Session] = set()
        self._channels: dict[Camera, Channel] = {}

    def channel(self, path: str) -> Channel:
        """The stream of a path; refused with 404 when there is no such path, 454 when it is not on offer."""
        camera = PATHS.get(path)
        if camera is None:
            raise _RefusedRequestError(404)
        publication = self.device.streams.get(camera)
        if publication is None:
            raise _RefusedRequestError(454)
        channel = self._channels.get(camera)
        if channel is None or not channel.is_published:
            channel = self._channels[camera] = Channel(self.device, camera, publication)
        return channel


def rtsp_server(device: Dwarf) -> StreamServer:
    """The live pictures of a telescope as RTSP; its owner opens and closes the server."""
    streams = _Streams(device)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if device.powered:
            await _Connection(streams, reader, writer).run()

    return StreamServer(serve)


class _Connection:
    """One client: its requests, and the sessions that end with its connection."""

    def __init__(self, streams: _Streams, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._streams, self._reader, self._writer = streams, reader, writer
        self._sessions: dict[str, Session] = {}
        self._limit = asyncio.timeout(TIMEOUT)
        self._methods: dict[str, Callable[[_Request], Awaitable[_Reply]]] = {
            "OPTIONS": self._options,
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "PAUSE": self._pause,
            "TEARDOWN": self._teardown,
            "GET_PARAMETER": self._get_parameter,
        }

    async def run(self) -> None:
        try:
            async with self._limit:
                while await self._next():
                    self._heard()
        finally:
            for session in list(self._sessions.values()):
                self._forget(session)

    def _heard(self) -> None:
        """The client is there."""
        if not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + TIMEOUT)

    def _drop(self) -> None:
        """Break the connection."""
        self._writer.transport.abort()

    # --- requests in, replies out

    async def _next(self) -> bool:
        """Take one request or one interleaved packet; False when the conversation is over."""
        first = await self._reader.read(1)
        if first == b"$":
            # A receiver report: the client is there, what it says changes nothing.
            head = await self._reader.readexactly(3)
            await self._reader.readexactly(int.from_bytes(head[1:]))
            return True
        if first in (b"\r", b"\n"):
            return True
        if not first or not self._streams.device.powered:
            return False
        head = (first + await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.strip("\r\n").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        number = headers.get("cseq", "")
        try:
            if not (number.isascii() and number.isdigit()):
                raise _RefusedRequestError(400)
            reply = await self._answer(await self._request(lines[0], headers))
        except _RefusedRequestError as error:
            named = {name.replace("_", "-"): value for name, value in error.headers.items()}
            await self._say(error.status, number, _Reply(named))
            # Where the next request begins is not known after these.
            return error.status not in (400, 413)
        except (ConnectionError, EOFError, asyncio.LimitOverrunError):
            raise
        except Exception:
            logger.exception("%s failed", lines[0])
            await self._say(500, number, _Reply({}))
            return False
        await self._say(200, number, reply)
        return True

    async def _request(self, line: str, headers: dict[str, str]) -> _Request:
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("RTSP/"):
            raise _RefusedRequestError(400)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise _RefusedRequestError(400)
        if len(length) > 9 or int(length) > MAX_BODY:
            raise _RefusedRequestError(413)
        body = await self._reader.readexactly(int(length))
        if words[2] != "RTSP/1.0":
            raise _RefusedRequestError(505)
        return _Request(words[0], words[1], headers, body)

    async def _answer(self, request: _Request) -> _Reply:
        method = self._methods.get(request.method)
        if method is None and request.method in _OTHER_METHODS:
            raise _RefusedRequestError(405, Allow=_PUBLIC)
        if method is None:
            raise _RefusedRequestError(501, Public=_PUBLIC)
        if required := request.headers.get("require"):
            raise _RefusedRequestError(551, Unsupported=required)
        return await method(request)

    async def _say(self, status: int, number: str, reply: _Reply) -> None:
        lines = [f"RTSP/1.0 {status} {_REASONS[status]}"]
        if number:
            lines.append(f"CSeq: {number}")
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if reply.body:
            lines.append(f"Content-Length: {len(reply.body)}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body)
        if reply.then is not None:
            reply.then()
        await self._writer.drain()

    # --- methods

    async def _options(self, request: _Request) -> _Reply:
        if "session" in request.headers:
            self._session(request)
        return _Reply({"Public": _PUBLIC})

    async def _describe(self, request: _Request) -> _Reply:
        channel = self._streams.channel(request.path)
        accepted = request.headers.get("accept", "application/sdp")
        if "application/sdp" not in accepted and "*/*" not in accepted:
            raise _RefusedRequestError(406)
        body = _description(channel, await channel.parameter_sets(), self._own_address())
        url = request.url.rstrip("/").removesuffix(f"/{TRACK}")
        return _Reply({"Content-Type": "application/sdp", "Content-Base": f"{url}/"}, body)

    async def _setup(self, request: _Request) -> _Reply:
        channel = self._streams.channel(request.path)
        session = self._session(request) if "session" in request.headers else None
        if session is not None and session.channel is not channel:
            raise _RefusedRequestError(459)
        if session is not None and session.playing:
            raise _RefusedRequestError(455)
        if session is None and len(self._streams.sessions) >= MAX_SESSIONS:
            raise _RefusedRequestError(453)
        transport = await self._transport(request.headers.get("transport", ""), session)
        if session is None:
            session = Session(secrets.token_hex(8), channel, transport, self._drop)
            self._sessions[session.id] = session
            self._streams.sessions.add(session)
        else:
            session.transport.close()
            session.transport = transport
        chosen = f"{transport.describe()};ssrc={session.source.ssrc:08X}"
        return _Reply({"Transport": chosen, "Session": f"{session.id};timeout={TIMEOUT:.0f}"})

    async def _play(self, request: _Request) -> _Reply:
        session = self._controlled(request)
        url = request.url.rstrip("/").removesuffix(f"/{TRACK}")
        info = f"url={url}/{TRACK};seq={session.source.sequence}"
        headers = {"Session": session.id, "Range": "npt=now-", "RTP-Info": info}
        return _Reply(headers, then=session.play)

    async def _pause(self, request: _Request) -> _Reply:
        session = self._controlled(request)
        if not session.playing:
            raise _RefusedRequestError(455)
        session.pause()
        return _Reply({"Session": session.id})

    async def _teardown(self, request: _Request) -> _Reply:
        session = self._controlled(request)
        self._forget(session)
        return _Reply({"Session": session.id})

    async def _get_parameter(self, request: _Request) -> _Reply:
        """Keeps a session alive; there are no parameters to tell."""
        session = self._session(request) if "session" in request.headers else None
        if request.body.strip():
            raise _RefusedRequestError(451)
        return _Reply({"Session": session.id} if session is not None else {})

    # --- sessions

    def _session(self, request: _Request) -> Session:
        """The session that a request names; refused with 454, also when its stream was withdrawn."""
        session = self._sessions.get(request.headers.get("session", "").partition(";")[0].strip())
        if session is None:
            raise _RefusedRequestError(454)
        if not session.channel.is_published:
            self._forget(session)
            raise _RefusedRequestError(454)
        return session

    def _controlled(self, request: _Request) -> Session:
        """The session that PLAY, PAUSE and TEARDOWN name, of the stream that they name."""
        session = self._session(request)
        if self._streams.channel(request.path) is not session.channel:
            raise _RefusedRequestError(459)
        return session

    def _forget(self, session: Session) -> None:
        session.pause()
        session.transport.close()
        self._sessions.pop(session.id, None)
        self._streams.sessions.discard(session)

    async def _transport(self, offers: str, session: Session | None) -> Transport:
        """The first offered transport that there is; refused with 461 without one."""
        for offer in offers.split(","):
            name, *parameters = [part.strip() for part in offer.split(";")]
            values = {part.partition("=")[0]: part.partition("=")[2] for part in parameters}
            if "multicast" in values:
                continue
            if name.upper() == "RTP/AVP/TCP":
                return self._interleaved(values.get("interleaved", ""), session)
            ports = _pair(values.get("client_port", ""), 65535)
            if name.upper() in ("RTP/AVP", "RTP/AVP/UDP") and ports is not None and 0 not in ports:
                peer = self._writer.get_extra_info("peername")[0]
                return await Datagrams.open(self._own_address(), peer, ports, self._heard)
        raise _RefusedRequestError(461)

    def _interleaved(self, wanted: str, session: Session | None) -> Interleaved:
        """The wanted channels, or the first free ones when another session has them or none are named."""
        others = [other.transport for other in self._sessions.values() if other is not session]
        taken = {channel for t in others if isinstance(t, Interleaved) for channel in t.channels}
        channels = _pair(wanted, 255)
        if channels is None or taken & set(channels):
            free = ((first, first + 1) for first in range(0, 256, 2))
            channels = next(pair for pair in free if not taken & set(pair))
        return Interleaved(self._writer, channels)

    def _own_address(self) -> str:
        return self._writer.get_extra_info("sockname")[0]


def _pair(text: str, most: int) -> tuple[int, int] | None:
    """`4-5` or `4` (which means the same); None for what is no pair of numbers up to `most`."""
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if found is None:
        return None
    low = int(found[1])
    high = int(found[2]) if found[2] else low + 1
    return (low, high) if max(low, high) <= most else None


def _description(channel: Channel, parameter_sets: list[bytes], address: str) -> bytes:
    """SDP (RFC 4566) of a stream, with what its decoder needs first."""
    text = [base64.b64encode(unit).decode() for unit in parameter_sets]
    if channel.encoding == StreamEncoding.H264:
        name, level = "H264", parameter_sets[0][1:4].hex().upper()
        sets = f"packetization-mode=1;profile-level-id={level};sprop-parameter-sets={','.join(text)}"
    else:
        name, kinds = "H265", ("vps", "sps", "pps")
        sets = ";".join(f"sprop-{kind}={unit}" for kind, unit in zip(kinds, text, strict=True))
    family, anywhere = ("IP6", "::") if ":" in address else ("IP4", "0.0.0.0")  # noqa: S104
    lines = [
        "v=0",
        f"o=- {secrets.randbits(31)} 1 IN {family} {address}",
        "s=DWARF 3",
        f"c=IN {family} {anywhere}",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {name}/90000",
        f"a=fmtp:{PAYLOAD_TYPE} {sets}",
        f"a=framesize:{PAYLOAD_TYPE} {channel.width}-{channel.height}",
        f"a=framerate:{RATE}",
        f"a=control:{TRACK}",
        "",
    ]
    return "\r\n".join(lines).encode()
