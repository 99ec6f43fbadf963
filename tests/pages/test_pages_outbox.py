"""A client that does not read is held back, then dropped; others never notice."""

import asyncio
import functools
import socket
import time
from collections import deque
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest
from site_process import PASSWORD, Site, quiet_scene
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from dashboard.consumers import DeviceConsumer
from skycam_project.common.outbox import LARGEST, ClientGoneError, Outbox, SlowClientError, text_frame


class Transport:
    """What Daphne's transport shows of its buffers."""

    def __init__(self) -> None:
        self.dataBuffer, self.offset, self._tempDataLen, self.aborted = b"", 0, 0, False

    def abortConnection(self) -> None:
        self.aborted = True


class Protocol:
    def __init__(self) -> None:
        self.transport = Transport()


async def handle_reply(protocol: Protocol, message: dict) -> None:
    protocol.transport._tempDataLen += len(message["text"])


class SessionWrapper:
    """As Channels' session middleware wraps `send`."""

    def __init__(self, send) -> None:
        self.real_send = send

    async def send(self, message) -> None:
        await self.real_send(message)


@pytest.mark.parametrize("wrapped", [False, True])
async def test_daphnes_buffer_is_seen_through_the_middleware(wrapped):
    protocol = Protocol()
    send = functools.partial(handle_reply, protocol)
    outbox = Outbox(SessionWrapper(send).send if wrapped else send, patience=0.3)
    await outbox.room()
    await outbox.send("x" * (LARGEST + 1))
    assert outbox.waiting() == LARGEST + 1
    with pytest.raises(SlowClientError):
        await outbox.room()
    outbox.abort()
    assert protocol.transport.aborted


async def test_a_client_that_reads_late_is_kept():
    protocol = Protocol()
    outbox = Outbox(functools.partial(handle_reply, protocol), patience=10)
    await outbox.send("x" * (LARGEST + 1))
    asyncio.get_running_loop().call_later(0.1, lambda: setattr(protocol.transport, "_tempDataLen", 0))
    await outbox.room()
    assert outbox.waiting() == 0 and not protocol.transport.aborted


def gone() -> list[Exception]:
    """What servers raise for a message to a client that has left."""
    from autobahn.exception import Disconnected
    from uvicorn.protocols.utils import ClientDisconnected

    late = "Unexpected ASGI message 'websocket.send', after sending 'websocket.close' or response already completed."
    return [Disconnected("Attempt to send on a closed protocol"), ClientDisconnected(), RuntimeError(late)]


@pytest.mark.parametrize("error", gone(), ids=lambda error: type(error).__name__)
async def test_a_browser_that_closes_in_the_middle_of_a_message_is_no_fault(error, caplog):
    async def send(message: dict) -> None:
        raise error

    with pytest.raises(ClientGoneError):
        await Outbox(send).send("x")

    class Hello(DeviceConsumer):
        def devices(self):
            return {}

        def greeting(self):
            return {"type": "hello"}

    consumer = Hello()
    consumer.scope, consumer.base_send = {"path": "/ws/live/"}, send
    consumer._outbox, consumer._changed, consumer._notes = Outbox(send), {}, deque()
    consumer._wake, consumer._doubt = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(5):
        await consumer._run()
    assert [record for record in caplog.records if record.name != "dashboard.events"] == []


async def test_another_error_while_sending_is_not_hidden():
    async def send(message: dict) -> None:
        raise RuntimeError("the transport is broken")

    with pytest.raises(RuntimeError, match="broken"):
        await Outbox(send).send("x")


async def test_a_server_that_waits_for_the_client_is_given_up():
    async def send(message: dict) -> None:
        await asyncio.Event().wait()

    outbox = Outbox(send, patience=0.1)
    await outbox.room()
    with pytest.raises(SlowClientError):
        await outbox.send("x")
    outbox.abort()  # nothing to abort here, and no error


@pytest.mark.nightly
def test_daphne_drops_a_client_that_never_reads():
    """8 MB a second to a socket that nobody reads: gone after the patience, the server's memory stays small."""
    import psutil

    with Site.running(quiet_scene(flood=400_000)) as site:
        cookie = log_in(site)
        with socket.create_connection(("127.0.0.1", site.port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(
                f"GET /ws/live/ HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Origin: {site.url}\r\nCookie: {cookie}\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode()
            )
            assert b"101" in deaf.recv(64)
            process = psutil.Process(site.server.pid)
            before = process.memory_info().rss
            for _ in range(80):
                if "a client has not read" in site.log():
                    break
                assert process.memory_info().rss < before + 60e6
                time.sleep(0.5)
        assert "a client has not read for 10 s and was dropped" in site.log()


def log_in(site: Site) -> str:
    """A cookie header of somebody who is logged in."""
    connection = HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request("GET", "/login/")
    answer = connection.getresponse()
    page, cookies = answer.read().decode(), [answer.headers["Set-Cookie"].split(";")[0]]
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = urlencode({"username": "otto", "password": PASSWORD, "csrfmiddlewaretoken": token})
    headers = {"Cookie": cookies[0], "Content-Type": "application/x-www-form-urlencoded", "Origin": site.url}
    connection.request("POST", "/login/", form, headers)
    answer = connection.getresponse()
    assert answer.status == 302
    cookies = [value.split(";")[0] for name, value in answer.getheaders() if name == "Set-Cookie"]
    connection.close()
    return "; ".join(cookies)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_a_frame_for_many_is_what_a_client_understands(size):
    text = "ä" * (size // 2) + "x" * (size % 2)
    client = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN)
    client.receive_data(text_frame(text.encode()))
    (frame,) = client.events_received()
    assert frame.opcode is Opcode.TEXT and frame.fin and frame.data == text.encode()
