"""The RTSP live view: a real player over TCP and UDP, and every method and error over a bare socket."""

import asyncio
import contextlib
import re
import socket
import struct

import av
import numpy as np
import pytest
from dwarfsim_helpers import M31, small_options
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from telescope.dwarf.commands import Astro, Param, Task, Tele, Wide
from telescope.dwarf.notifications import Notify
from telescope.dwarf.values import Camera, OperationState, ParamId, StreamEncoding, StreamType
from telescope.simulator import rtp, rtsp, rtsp_transport, video
from telescope.simulator.server import Simulator

TELE, WIDE = "/ch0/stream0", "/ch1/stream0"
SIZES = {TELE: (128, 72), WIDE: (64, 36)}
CAMERAS = {TELE: Camera.TELE, WIDE: Camera.WIDE}
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


class Scene:
    """Paints four fields of different colours, so that a picture which is turned or swapped is seen."""

    def __init__(self):
        self.shots = []

    def __call__(self, shot):
        self.shots.append(shot)
        height, width = shot.camera.height, shot.camera.width
        mosaic = np.full((height, width), 300, np.uint16)
        mosaic[0 : height // 2 : 2, 0 : width // 2 : 2] = 3000  # red, top left
        mosaic[0 : height // 2, width // 2 :] = 1000  # grey, top right
        mosaic[height // 2 + 1 :: 2, 1 : width // 2 : 2] = 2500  # blue, bottom left
        return mosaic


@pytest.fixture
def painter():
    return Scene()


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """A new picture for every other frame, so that a test need not wait for one."""
    monkeypatch.setattr(video, "LIVE_PERIOD", 0.08)


@pytest.fixture
async def opened(simulator):
    """A simulator whose cameras are open."""
    for camera in Camera:
        simulator.device.publish(camera, StreamEncoding.H264)
    return simulator


@pytest.fixture
async def client(opened):
    async with connected(opened) as one:
        yield one


class Client:
    """Speaks RTSP over a bare socket and keeps the interleaved packets."""

    def __init__(self, port, reader, writer):
        self.base = f"rtsp://127.0.0.1:{port}"
        self.reader, self.writer = reader, writer
        self.packets = []
        self.number = 0

    async def ask(self, method, path=TELE, **headers):
        """Send a request; returns the status, the headers in lower case, and the body."""
        self.number += 1
        lines = [f"{method} {self.base}{path} RTSP/1.0", f"CSeq: {self.number}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        reply = await self.raw("\r\n".join([*lines, "", ""]).encode())
        assert reply[1]["cseq"] == str(self.number)
        return reply

    async def raw(self, data):
        self.writer.write(data)
        async with asyncio.timeout(15):
            while (first := await self.reader.readexactly(1)) == b"$":
                await self._packet()
            head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            assert status.startswith("RTSP/1.0 ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(status.split()[1]), headers, body

    async def _packet(self):
        channel, length = struct.unpack("!BH", await self.reader.readexactly(3))
        self.packets.append((channel, await self.reader.readexactly(length)))

    async def receive(self, count):
        """Wait for interleaved packets."""
        async with asyncio.timeout(15):
            while len(self.packets) < count:
                assert await self.reader.readexactly(1) == b"$"
                await self._packet()

    async def until_closed(self):
        """Read whatever comes until the server hangs up."""
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(15):
                while await self.reader.read(1 << 16):
                    pass

    async def setup(self, path=TELE, transport=TCP):
        status, headers, _ = await self.ask("SETUP", f"{path}/track1", Transport=transport)
        assert status == 200
        return headers["session"].partition(";")[0], headers["transport"]


@contextlib.asynccontextmanager
async def connected(simulator):
    port = simulator.ports.rtsp
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(port, reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def play(simulator, path, transport, count=3):
    """What a real player decodes: the codec's name and some pictures."""
    options = {"rtsp_transport": transport, "timeout": "10000000", "analyzeduration": "100000"}
    address = f"rtsp://127.0.0.1:{simulator.ports.rtsp}{path}"
    with av.open(address, options=options, timeout=20) as container:
        frames = []
        for frame in container.decode(video=0):
            frames.append(frame.to_ndarray(format="rgb24"))
            if len(frames) == count:
                break
        return container.streams.video[0].codec_context.name, frames


async def painted(simulator, path):
    """What the live view shows, in the size of the video."""
    view = await simulator.device.photos[CAMERAS[path]].view()
    return np.asarray(Image.fromarray(view).resize(SIZES[path], Image.Resampling.BICUBIC), np.float32)


async def idle(painter):
    """Wait until nothing is painted any more."""
    async with asyncio.timeout(20):
        before = -1
        while before != len(painter.shots):
            before = len(painter.shots)
            await asyncio.sleep(0.4)


# --- a real player


@pytest.mark.parametrize(
    ("path", "transport", "encoding"),
    [
        (TELE, "tcp", StreamEncoding.H264),
        (WIDE, "udp", StreamEncoding.H264),
        (TELE, "udp", StreamEncoding.H265),
        (WIDE, "tcp", StreamEncoding.H265),
    ],
)
async def test_a_player_sees_what_is_painted(simulator, path, transport, encoding):
    simulator.device.publish(CAMERAS[path], encoding)
    name, frames = await asyncio.to_thread(play, simulator, path, transport)
    assert name == {StreamEncoding.H264: "h264", StreamEncoding.H265: "hevc"}[encoding]
    expected = await painted(simulator, path)
    width, height = SIZES[path]
    for frame in frames:
        assert frame.shape == (height, width, 3)
        assert frame.mean(axis=(0, 1)) == pytest.approx(expected.mean(axis=(0, 1)), abs=6)
        for rows in (slice(0, height // 2), slice(height // 2, None)):
            for columns in (slice(0, width // 2), slice(width // 2, None)):
                # Away from the edges, where half as many colour samples as pixels blur.
                inner = np.s_[rows, columns][0], np.s_[rows, columns][1]
                seen = frame[inner][4:-4, 4:-4].mean(axis=(0, 1))
                assert seen == pytest.approx(expected[inner][4:-4, 4:-4].mean(axis=(0, 1)), abs=6)


async def test_two_players_of_each_camera_at_once(opened):
    players = [(TELE, "tcp"), (TELE, "udp"), (WIDE, "tcp"), (WIDE, "tcp")]
    work = [asyncio.to_thread(play, opened, path, transport, 10) for path, transport in players]
    for (path, _), (_, frames) in zip(players, await asyncio.gather(*work), strict=True):
        assert len(frames) == 10
        assert frames[0].shape[1::-1] == SIZES[path]


async def test_nothing_is_painted_unless_somebody_plays(opened, client, painter):
    assert (await client.ask("DESCRIBE"))[0] == 200
    session, _ = await client.setup()
    assert painter.shots == []
    assert (await client.ask("PLAY", Session=session))[0] == 200
    await client.receive(5)
    assert {shot.camera.camera for shot in painter.shots} == {Camera.TELE}
    assert (await client.ask("PAUSE", Session=session))[0] == 200
    await idle(painter)


@pytest.mark.parametrize("encoding", list(StreamEncoding))
async def test_a_picture_of_the_devices_size(tmp_path, encoding):
    """Full sensors: key frames in many fragments."""
    async with Simulator(small_options(), Scene()) as simulator:
        simulator.device.publish(Camera.TELE, encoding)
        _, (frame, *_) = await asyncio.to_thread(play, simulator, TELE, "tcp", 2)
    assert frame.shape == (1080, 1920, 3)


# --- methods


async def test_a_session_from_options_to_teardown(client):
    status, headers, _ = await client.ask("OPTIONS", "")
    methods = {"OPTIONS", "DESCRIBE", "SETUP", "TEARDOWN", "PLAY", "PAUSE", "GET_PARAMETER"}
    assert (status, set(headers["public"].split(", "))) == (200, methods)
    status, headers, body = await client.ask("DESCRIBE", Accept="application/sdp")
    assert (status, headers["content-type"]) == (200, "application/sdp")
    assert headers["content-base"] == f"{client.base}{TELE}/"
    lines = body.decode().split("\r\n")
    assert lines[0] == "v=0"
    assert {
        "m=video 0 RTP/AVP 96",
        "a=rtpmap:96 H264/90000",
        "a=framesize:96 128-72",
        "a=control:track1",
    } < set(lines)
    assert len([line for line in lines if line.startswith("m=")]) == 1
    assert "sprop-parameter-sets=Z0" in body.decode()
    session, transport = await client.setup()
    assert transport.startswith(TCP)
    status, headers, _ = await client.ask("PLAY", f"{TELE}/", Session=session, Range="npt=0.000-")
    assert (status, headers["session"]) == (200, session)
    first = int(re.search(r"seq=(\d+)", headers["rtp-info"])[1])
    await client.receive(8)
    assert (await client.ask("GET_PARAMETER", Session=session))[0] == 200
    assert (await client.ask("OPTIONS", "/", Session=session))[0] == 200
    check_packets(client.packets, first, int(transport.rpartition("=")[2], 16))
    assert (await client.ask("PAUSE", Session=session))[0] == 200
    seen = len(client.packets)
    assert (await client.ask("OPTIONS"))[0] == 200
    assert len(client.packets) == seen
    assert (await client.ask("PLAY", Session=session))[0] == 200
    await client.receive(seen + 5)
    assert (await client.ask("TEARDOWN", Session=session))[0] == 200
    assert (await client.ask("GET_PARAMETER", Session=session))[0] == 454
    assert (await client.ask("PLAY", Session=session))[0] == 454


def check_packets(packets, first, ssrc):
    """A report on channel 1, then numbered packets on channel 0; the first unit is a parameter set."""
    assert packets[0][0] == 1
    assert packets[0][1][:2] == bytes([0x80, 200])
    media = [packet for channel, packet in packets if channel == 0]
    for number, packet in enumerate(media):
        version, kind, sequence, _, source = struct.unpack("!BBHII", packet[:12])
        assert (version, kind & 0x7F, source) == (0x80, 96, ssrc)
        assert sequence == (first + number) & 0xFFFF
    assert media[0][12] & 0x1F == 7
    stamps = [struct.unpack("!I", packet[4:8])[0] for packet in media]
    marks = [packet[1] >> 7 for packet in media]
    for mark, before, after in zip(marks, stamps, stamps[1:], strict=False):
        assert (before != after) == bool(mark)


async def test_the_sessions_of_one_connection_have_channels_of_their_own(client):
    tele, first = await client.setup(TELE)
    wide, second = await client.setup(WIDE)
    assert "interleaved=0-1" in first
    assert "interleaved=2-3" in second
    for path, session in ((TELE, tele), (WIDE, wide)):
        assert (await client.ask("PLAY", path, Session=session))[0] == 200
    while {channel for channel, _ in client.packets} != {0, 1, 2, 3}:
        await client.receive(len(client.packets) + 1)
    assert (await client.ask("PLAY", WIDE, Session=tele))[0] == 459


async def test_the_transport_of_a_waiting_session_can_be_changed(client):
    session, _ = await client.setup()
    status, headers, _ = await client.ask(
        "SETUP", Session=session, Transport="RTP/AVP/TCP;unicast;interleaved=8-9"
    )
    assert (status, headers["session"].partition(";")[0]) == (200, session)
    assert (await client.ask("PLAY", Session=session))[0] == 200
    await client.receive(3)
    assert {channel for channel, _ in client.packets} == {8, 9}
    assert (await client.ask("SETUP", Session=session, Transport=TCP))[0] == 455
    assert (await client.ask("SETUP", WIDE, Session=session, Transport=TCP))[0] == 459


async def test_the_first_transport_that_there_is_is_taken(client):
    offers = "RTP/AVP;multicast;port=5000-5001,RAW/RAW/UDP;unicast,RTP/AVP/TCP;unicast;interleaved=4-5"
    _, transport = await client.setup(transport=offers)
    assert transport.startswith("RTP/AVP/TCP;unicast;interleaved=4-5")


async def test_datagrams_from_two_neighbouring_ports(client):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind(("127.0.0.1", 0))
        media.settimeout(10)
        port = media.getsockname()[1]
        offer = f"RTP/AVP;unicast;client_port={port}-{port};destination=192.0.2.1"
        session, transport = await client.setup(transport=offer)
        low, high = map(int, re.search(r"server_port=(\d+)-(\d+)", transport).groups())
        assert (low % 2, high) == (0, low + 1)
        await client.ask("PLAY", Session=session)
        seen = {(await asyncio.to_thread(media.recvfrom, 2000))[1][1] for _ in range(6)}
    assert seen == {low, high}


# --- errors


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("DESCRIBE", "/ch2/stream0", {}, 404),
        ("SETUP", "/", {"Transport": TCP}, 404),
        ("DESCRIBE", TELE, {"Accept": "text/html"}, 406),
        ("ANNOUNCE", TELE, {}, 405),
        ("SET_PARAMETER", TELE, {}, 405),
        ("BREW", TELE, {}, 501),
        ("OPTIONS", TELE, {"Require": "implicit-play"}, 551),
        ("SETUP", TELE, {}, 461),
        ("SETUP", TELE, {"Transport": "RTP/AVP;multicast"}, 461),
        ("SETUP", TELE, {"Transport": "RTP/AVP;unicast"}, 461),
        ("SETUP", TELE, {"Transport": "RTP/AVP;unicast;client_port=0-1"}, 461),
        ("SETUP", TELE, {"Transport": "RTP/AVP;unicast;client_port=65535"}, 461),
        ("SETUP", TELE, {"Transport": "RTP/SAVP;unicast;interleaved=0-1"}, 461),
        ("SETUP", TELE, {"Transport": TCP, "Session": "none"}, 454),
        ("PLAY", TELE, {}, 454),
        ("PAUSE", TELE, {"Session": "none"}, 454),
        ("TEARDOWN", TELE, {"Session": "none"}, 454),
        ("OPTIONS", TELE, {"Session": "none"}, 454),
        ("GET_PARAMETER", TELE, {"Session": "none"}, 454),
        ("GET_PARAMETER", TELE, {}, 200),
    ],
)
async def test_answers_to_requests_outside_a_session(client, method, path, headers, status):
    reply, said, _ = await client.ask(method, path, **headers)
    assert reply == status
    assert ("allow" in said) == (status == 405)
    assert (await client.ask("OPTIONS"))[0] == 200


async def test_answers_to_requests_in_the_wrong_state(client):
    session, _ = await client.setup()
    assert (await client.ask("PAUSE", Session=session))[0] == 455
    assert (await client.ask("PLAY", "/ch7/stream0", Session=session))[0] == 404
    body = f"GET_PARAMETER {client.base}{TELE} RTSP/1.0\r\nCSeq: 9\r\nSession: {session}\r\nContent-Length: 8\r\n\r\n"
    assert (await client.raw(body.encode() + b"jitter\r\n"))[0] == 451


@pytest.mark.parametrize(
    ("data", "status", "ends"),
    [
        (b"DESCRIBE\r\nCSeq: 1\r\n\r\n", 400, True),
        (b"OPTIONS * RTSP/1.0\r\n\r\n", 400, True),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: one\r\n\r\n", 400, True),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n", 400, True),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999999\r\n\r\n", 413, True),
        (b"DESCRIBE rtsp://[/ch0 RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400, True),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, True),
        (b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505, False),
        (b"\r\n\r\n$\0\0\3abcOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 200, False),
    ],
)
async def test_requests_that_are_none(client, data, status, ends):
    assert (await client.raw(data))[0] == status
    if ends:
        await client.until_closed()
    else:
        assert (await client.ask("OPTIONS"))[0] == 200


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=200)
    | st.text(max_size=99).map(lambda t: f"PLAY {t} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
)
async def test_garbage_hurts_nobody_else(opened, data):
    async with connected(opened) as one:
        one.writer.write(data)
        one.writer.write_eof()
        await one.until_closed()
    async with connected(opened) as another:
        assert (await another.ask("OPTIONS"))[0] == 200


async def test_the_number_of_sessions_is_limited(opened, client, monkeypatch):
    monkeypatch.setattr(rtsp, "MAX_SESSIONS", 2)
    for _ in range(2):
        await client.setup()
    async with connected(opened) as other:
        assert (await other.ask("SETUP", Transport=TCP))[0] == 453


# --- clients that go


async def test_a_client_that_vanishes_is_forgotten(opened, painter, monkeypatch):
    monkeypatch.setattr(rtsp, "MAX_SESSIONS", 1)
    async with connected(opened) as gone:
        session, _ = await gone.setup()
        await gone.ask("PLAY", Session=session)
        await gone.receive(3)
        gone.writer.transport.abort()
    await idle(painter)
    async with connected(opened) as other:
        session, _ = await other.setup()
        assert (await other.ask("PLAY", Session=session))[0] == 200
        await other.receive(3)


async def test_a_client_that_says_nothing_is_hung_up_on(opened, monkeypatch):
    monkeypatch.setattr(rtsp, "TIMEOUT", 1.6)
    async with connected(opened) as client:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
            media.bind(("127.0.0.1", 0))
            port = media.getsockname()[1]
            session, transport = await client.setup(transport=f"RTP/AVP;unicast;client_port={port}-{port}")
            await client.ask("PLAY", Session=session)
            reports = int(transport.partition("server_port=")[2].partition(";")[0].split("-")[1])
            for _ in range(8):  # receiver reports keep it, twice as long as the limit
                media.sendto(bytes(8), ("127.0.0.1", reports))
                await asyncio.sleep(0.4)
            assert (await client.ask("OPTIONS", Session=session))[0] == 200
        await client.until_closed()


async def test_a_client_that_does_not_read_is_dropped(opened, client, monkeypatch):
    monkeypatch.setattr(rtsp_transport, "SLOW", -1)
    session, _ = await client.setup()
    await client.ask("PLAY", Session=session)
    await client.until_closed()


async def test_packets_do_not_pile_up_without_end(monkeypatch):
    monkeypatch.setattr(rtsp_transport, "SLOW", 100_000)
    writers = []
    server = await asyncio.start_server(lambda _reader, writer: writers.append(writer), "127.0.0.1", 0)
    async with server:
        _, client = await asyncio.open_connection(*server.sockets[0].getsockname())
        while not writers:
            await asyncio.sleep(0.01)
        transport = rtsp_transport.Interleaved(writers[0], (0, 1))
        sent = 0
        while transport.send([bytes(60_000)]):
            sent += 1
            assert sent < 1000
        writers[0].transport.abort()
        client.close()


# --- streams that are withdrawn


async def test_a_stream_exists_only_after_a_camera_was_opened(simulator, talker):
    async with connected(simulator) as client:
        assert (await client.ask("DESCRIBE"))[0] == 454
        assert (await client.ask("SETUP", Transport=TCP))[0] == 454
        await talker.ask(Tele.OPEN_CAMERA, rtsp_encode_type=1)
        assert b"H265/90000" in (await client.ask("DESCRIBE"))[2]
        assert (await client.ask("DESCRIBE", WIDE))[0] == 454
        await talker.ask(Wide.OPEN_CAMERA)
        assert b"H264/90000" in (await client.ask("DESCRIBE", WIDE))[2]


async def test_entering_the_camera_opens_both(simulator, talker):
    await talker.ask(Task.ENTER_CAMERA, client_param={"encode_type": 1})
    async with connected(simulator) as client:
        for path in (TELE, WIDE):
            assert b"sprop-vps=" in (await client.ask("DESCRIBE", path))[2]


async def test_opening_again_changes_nothing_unless_it_changes_the_encoding(client, talker):
    session, _ = await client.setup()
    await client.ask("PLAY", Session=session)
    await talker.ask(Tele.OPEN_CAMERA)
    assert (await client.ask("GET_PARAMETER", Session=session))[0] == 200
    await talker.ask(Tele.OPEN_CAMERA, rtsp_encode_type=1)
    assert (await client.ask("GET_PARAMETER", Session=session))[0] == 454


async def test_a_closed_camera_is_silent(client, talker, painter):
    session, _ = await client.setup()
    await client.ask("PLAY", Session=session)
    await client.receive(3)
    assert (await talker.ask(Tele.CLOSE_CAMERA)).code == 0
    await idle(painter)
    assert (await client.ask("GET_PARAMETER", Session=session))[0] == 454
    assert (await client.ask("DESCRIBE"))[0] == 454
    assert (await client.ask("DESCRIBE", WIDE))[0] == 200
    await talker.ask(Tele.OPEN_CAMERA)
    session, _ = await client.setup()
    assert (await client.ask("PLAY", Session=session))[0] == 200
    await client.receive(len(client.packets) + 3)


async def test_a_player_is_refused_while_stacking_until_the_camera_is_opened(opened, talker, client):
    session, _ = await client.setup()
    await client.ask("PLAY", Session=session)
    exposure, frames = ParamId(2, 1, 0, 1).pack(), ParamId(2, 2, 0, 16).pack()
    await talker.ask(Astro.START_CALIBRATION)
    await talker.ask(Astro.START_GOTO_DSO, ra=M31[0], dec=M31[1], target_name="M 31")
    await talker.ask(Param.SET_EXPOSURE, param_id=exposure, mode=1, value=141)
    await talker.ask(Param.SET_GENERAL_INT_PARAM, param_id=frames, value=500)
    await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    assert (await client.ask("OPTIONS", Session=session))[0] == 454
    await talker.ask(Tele.OPEN_CAMERA)
    assert (await client.ask("DESCRIBE"))[0] == 454
    with pytest.raises(av.error.FFmpegError):
        await asyncio.to_thread(play, opened, TELE, "tcp")
    await talker.ask(Astro.FAST_STOP_CAPTURE_RAW_LIVE_STACKING)
    await talker.note(Notify.STATE_CAPTURE_RAW_LIVE_STACKING, state=OperationState.IDLE)
    await talker.ask(Astro.GO_LIVE)
    assert (await client.ask("DESCRIBE"))[0] == 454
    await talker.ask(Tele.OPEN_CAMERA)
    assert (await client.ask("DESCRIBE"))[0] == 200
    assert opened.device.stream == StreamType.RTSP


async def test_equatorial_solving_takes_the_streams_away(opened, client, talker):
    await talker.ask(Astro.START_EQ_SOLVING)
    assert (await client.ask("DESCRIBE"))[0] == 454
    await talker.ask(Tele.OPEN_CAMERA)
    assert (await client.ask("DESCRIBE"))[0] == 200


async def test_switched_off_it_hangs_up(opened, client, talker):
    session, _ = await client.setup()
    await client.ask("PLAY", Session=session)
    await opened.device.power_off()
    await client.until_closed()
    async with connected(opened) as late:
        await late.until_closed()


# --- packets


@pytest.mark.parametrize("encoding", list(StreamEncoding))
@given(body=st.binary(min_size=1, max_size=9000))
def test_fragments_make_up_the_unit_again(encoding, body):
    head = b"\x65" if encoding == StreamEncoding.H264 else b"\x26\x01"
    unit = head + body
    fragments = rtp.payloads(unit, encoding)
    assert all(len(fragment) <= 1400 for fragment in fragments)
    if len(unit) <= 1400:
        assert fragments == [unit]
        return
    size = len(head)
    starts = [fragment[size] >> 7 for fragment in fragments]
    ends = [fragment[size] >> 6 & 1 for fragment in fragments]
    assert starts == [1] + [0] * (len(fragments) - 1)
    assert ends == [0] * (len(fragments) - 1) + [1]
    # RFC 6184 5.8: indicator of type 28, type 5 in the header; RFC 7798 4.4.3: type 49, and 19.
    expected = (b"\x7c", 5) if encoding == StreamEncoding.H264 else (b"\x62\x01", 19)
    assert {(f[:size], f[size] & 0x1F if size == 1 else f[size] & 0x3F) for f in fragments} == {expected}
    assert b"".join(fragment[size + 1 :] for fragment in fragments) == body


def test_units_of_a_byte_stream():
    stream = b"\0\0\0\1\x67\1\2\0\0\1\x68\3\0\0\0\1\x65\0\0\3\1"
    assert rtp.nal_units(stream) == [b"\x67\1\2", b"\x68\3", b"\x65\0\0\3\1"]
    assert rtp.nal_units(b"") == []


def test_a_report_says_what_was_sent():
    source = rtp.Source()
    packets = source.packets([bytes(10), bytes(20)], 90_000)
    report = source.report(90_000, 1_800_000_000.5)
    kind, length, ssrc, seconds, fraction, stamp, count, octets = struct.unpack("!xBHIIIIII", report[:28])
    assert (kind, length, seconds, fraction) == (200, 6, 1_800_000_000 + 2_208_988_800, 1 << 31)
    assert (ssrc, count, octets) == (source.ssrc, 2, 30)
    assert struct.unpack("!I", packets[0][4:8])[0] == stamp
    kind, length = struct.unpack("!xBH", report[28:32])
    assert (kind, (length + 1) * 4) == (202, len(report) - 28)
    assert report[36:44] == b"\x01\x06dwarf3"
