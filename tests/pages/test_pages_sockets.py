"""The live sockets over real links, real log-ins, and brokers that live or do not."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from django.test import Client

from dashboard import consumers
from dashboard.choices import Role
from dashboard.mirrors import start_mirrors
from dashboard.models import User
from dashboard.services import create_user
from skycam_project.asgi import websocket
from skycam_project.common.link import Host
from skycam_project.events import publish

pytestmark = pytest.mark.django_db(transaction=True)

MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
STATE = {"camera": "default", "name": "All-sky", "capturing": False, "temperature_c": 4.5, "frame": None}
FRAME = {
    "id": "f1",
    "number": 7,
    "exposure_s": 8.0,
    "taken_at": "2026-11-20T18:00:00.000Z",
    "preview": "7.jpg",
}
PASSWORD = "a clear night in march"


@pytest.fixture
def session(settings) -> str:
    """The session key of a viewer who is logged in; events go through memory."""
    settings.CHANNEL_LAYERS = MEMORY
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    create_user("olga", PASSWORD, Role.OWNER)
    create_user("vera", PASSWORD, Role.VIEWER)
    client = Client()
    assert client.login(username="vera", password=PASSWORD)
    return client.session.session_key


@contextlib.asynccontextmanager
async def opened(
    session: str | None, path: str = "/ws/live/", *, connected: bool = True
) -> AsyncIterator[WebsocketCommunicator]:
    await start_mirrors()
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    if session:
        headers.append((b"cookie", f"{django_settings.SESSION_COOKIE_NAME}={session}".encode()))
    socket = WebsocketCommunicator(websocket, path, headers=headers)
    assert (await socket.connect(timeout=10))[0] is connected
    try:
        yield socket
    finally:
        await socket.disconnect(timeout=10)


@contextlib.asynccontextmanager
async def camera(state: dict = STATE) -> AsyncIterator[Host]:
    host = Host(django_settings.RUN, "camera-default", {})
    host.publish(state)
    async with host:
        yield host


async def said(socket, **wanted) -> dict:
    """The next message that has these values, skipping others."""
    while True:
        message = await socket.receive_json_from(timeout=10)
        if all(message.get(key) == value for key, value in wanted.items()):
            return message


async def closed(socket) -> int:
    """The code with which the server closes, messages before it skipped."""
    while True:
        output = await socket.receive_output(timeout=10)
        if output["type"] == "websocket.close":
            return output["code"]


async def test_it_begins_with_the_time_and_the_complete_state_of_every_device(session):
    async with camera(), opened(session) as socket:
        hello = await socket.receive_json_from(timeout=10)
        assert hello["type"] == "hello" and hello["server_time"].endswith("Z")
        first = {}
        while len(first) < 3:
            message = await socket.receive_json_from(timeout=10)
            first[message["device"]] = message
        assert list(first) == ["camera/default", "processing", "up"]
        state = first["camera/default"]
        assert state["data"] == STATE
        assert state["version"] == 1 and len(state["epoch"]) >= 8 and state["time"].endswith("Z")
        assert first["up"]["type"] == "problem" and "not running" in first["up"]["reason"]


async def test_newest_state_wins_and_the_last_one_always_arrives(session):
    async with camera() as host, opened(session) as socket:
        await said(socket, type="state", device="camera/default")
        for number in range(200):
            host.publish(STATE | {"count": number})
            if number % 10 == 0:
                await asyncio.sleep(0.001)
        heard = [await said(socket, type="state", device="camera/default")]
        while heard[-1]["data"]["count"] != 199:
            heard.append(await said(socket, type="state", device="camera/default"))
        assert len(heard) < 50
        versions = [message["version"] for message in heard]
        assert versions == sorted(versions) and versions[-1] == 201


async def test_a_host_that_ends_is_a_problem_and_its_successor_a_new_epoch(session):
    async with opened(session) as socket:
        async with camera():
            before = await said(socket, type="state", device="camera/default")
        problem = await said(socket, type="problem", device="camera/default")
        assert problem["reason"]
        async with camera(STATE | {"capturing": True}):
            after = await said(socket, type="state", device="camera/default")
        assert after["data"]["capturing"] is True and after["epoch"] != before["epoch"]


@pytest.mark.parametrize("path", ["/ws/live/", "/ws/captures/"])
async def test_nobody_without_a_login_gets_in(settings, path):
    settings.CHANNEL_LAYERS = MEMORY
    async with opened(None, path, connected=False):
        pass
    async with opened("0123456789abcdef0123456789abcdef", path, connected=False):
        pass


async def test_a_client_has_nothing_to_say_but_ping(session):
    async with camera(), opened(session) as socket:
        await said(socket, device="up")
        noise = [
            "nonsense",
            "[]",
            "null",
            '"ping"',
            "{}",
            '{"type":"capture_update","data":{"camera":"x"}}',
            '{"type":"auth.revoked"}',
        ]
        for text in noise:
            await socket.send_to(text_data=text)
        await socket.send_json_to({"type": "ping"})
        kinds = set()
        while "pong" not in kinds:  # devices go on being reported meanwhile
            kinds.add((await socket.receive_json_from(timeout=10))["type"])
        assert kinds <= {"pong", "state", "problem"}, "nothing of that was answered or spread"


@pytest.mark.parametrize("message", [{"text_data": "x" * 5000}, {"bytes_data": b"\x00"}])
async def test_what_no_browser_sends_closes_the_socket(session, message):
    async with opened(session) as socket:
        await socket.send_to(**message)
        assert await closed(socket) == 1009


@pytest.mark.parametrize("path", ["/ws/live/", "/ws/captures/"])
async def test_log_out_closes_the_sockets_of_that_login_at_once(session, path):
    async with camera(), opened(session, path) as socket:
        client = Client()
        client.cookies[django_settings.SESSION_COOKIE_NAME] = session
        assert (await sync_to_async(client.post)("/logout/"))["Location"] == "/login/"
        assert await closed(socket) == 4401


def deactivate(user):
    user.is_active = False
    user.save()


def change_password(user):
    user.set_password("another clear night")
    user.save()


def end_sessions(user):
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()


@pytest.mark.parametrize("revoke", [deactivate, change_password, end_sessions])
async def test_a_login_that_ends_unsaid_is_found_out(session, monkeypatch, revoke):
    monkeypatch.setattr(consumers, "RECHECK", 0.2)
    async with opened(session) as socket:
        await sync_to_async(lambda: revoke(User.objects.get(username="vera")))()
        assert await closed(socket) == 4401


async def test_a_login_that_lasts_keeps_its_socket(session, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK", 0.05)
    async with camera(), opened(session) as socket:
        await said(socket, device="up")
        await asyncio.sleep(0.5)
        await socket.send_json_to({"type": "ping"})
        assert (await said(socket, type="pong"))["server_time"]


async def test_events_reach_every_live_page(session):
    event = {"type": "event", "event": "product", "data": {"name": "timelapse"}}
    async with opened(session) as one, opened(session) as two:
        await said(one, type="hello")
        await asyncio.sleep(0.1)  # the subscription is made in the background
        await get_channel_layer().group_send("events", event)
        assert await said(one, type="event") == event
        assert await said(two, type="event") == event
        assert await sync_to_async(publish)(event | {"event": "job"}) is True
        assert (await said(one, type="event"))["event"] == "job"


async def test_live_values_need_no_broker(session, settings, caplog):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [f"unix://{django_settings.RUN}/nobody.sock"]},
        }
    }
    async with camera() as host, opened(session) as socket:
        await said(socket, type="state", device="camera/default")
        host.publish(STATE | {"capturing": True})
        assert (await said(socket, type="state", device="camera/default"))["data"]["capturing"] is True
        assert await sync_to_async(publish)({"type": "event", "event": "x"}) is False
        assert "live values go on without them" in caplog.text


async def test_captures_say_what_document_001_expects_and_only_when_it_changes(session):
    async with camera() as host, opened(session, "/ws/captures/") as socket:
        assert await socket.receive_json_from(timeout=10) == {
            "type": "capture_update",
            "data": {
                "camera": "default", "is_capturing": False, "temperature": 4.5, "latest_image": None, "frame": None,
                "exposure_s": None, "captured_at": None,
            },
        }  # fmt: skip
        host.publish(STATE | {"disk_free_bytes": 5})
        host.publish(STATE | {"disk_free_bytes": 4})
        await asyncio.sleep(0.2)
        host.publish(STATE | {"frame": FRAME, "capturing": True})
        assert (await socket.receive_json_from(timeout=10))["data"] == {
            "camera": "default", "is_capturing": True, "temperature": 4.5, "latest_image": "/cameras/default/preview/7.jpg",
            "frame": 7, "exposure_s": 8.0, "captured_at": "2026-11-20T18:00:00.000Z",
        }  # fmt: skip


async def test_a_message_is_made_once_for_all_clients(session, monkeypatch):
    made = []
    real = consumers.orjson.dumps

    class Counting:
        @staticmethod
        def dumps(value):
            made.append(value)
            return real(value)

    async with camera() as host, opened(session) as one, opened(session) as two:
        await said(one, device="up")
        await said(two, device="up")
        monkeypatch.setattr(consumers, "orjson", Counting)
        host.publish(STATE | {"capturing": True})
        for socket in (one, two):
            assert json.dumps((await said(socket, device="camera/default"))["data"])
        assert len(made) == 1
