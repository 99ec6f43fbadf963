"""Document 004's socket: what it says, what it forgives, whom it throws out."""

import asyncio
import dataclasses
import json

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lightsrig import EngineProcess, until

from lighting.consumers import lights_socket
from lighting.engine.ulid import new_ulid
from lighting.hub import Client, Round
from lighting.services import lights
from skycam_project.asgi import websocket


@pytest.fixture(scope="module")
def engine():
    process = EngineProcess(django_settings.DATA, DMX_MQTT_ENABLED="false").start()
    yield process
    process.end()


@pytest.fixture
async def mirror(engine):
    await lights().start()
    yield lights()
    await lights().stop()


async def connect(path="/ws", **headers) -> WebsocketCommunicator:
    fields = [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()]
    socket = WebsocketCommunicator(websocket, path, headers=fields)
    assert (await socket.connect(timeout=5))[0]
    return socket


async def say(socket, message) -> None:
    await socket.send_to(text_data=message if isinstance(message, str) else json.dumps(message))


async def hear(socket, kind="state"):
    while True:
        message = json.loads(await socket.receive_from(timeout=5))
        if message["type"] == kind:
            return message


def set_message(r=1, **more):
    return {"type": "set", "cmdId": new_ulid(), "src": "ui", "r": r, "g": 0, "b": 0} | more


async def test_a_client_sees_the_state_at_once_and_every_change(mirror):
    first, second = await connect(), await connect()
    state = await hear(first)
    assert state.keys() == {"type", "r", "g", "b", "seq", "ts"}
    assert await hear(second) == state
    await say(first, set_message(77))
    for socket in (first, second):
        assert (await hear(socket))["r"] == 77
    await first.disconnect()
    await second.disconnect()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "bad_json"), ("[]", "bad_message"), ("5", "bad_message"), ({"type": "get"}, "unknown_type"), ({}, "unknown_type"),
        ({"type": "state", "r": 1}, "unknown_type"), (set_message(cmdId="x"), "bad_ulid"), (set_message(r="1"), "bad_message"),
        (set_message(extra=1), "bad_message"), ({"type": ["set"]}, "unknown_type"),
    ],
)  # fmt: skip
async def test_a_bad_message_is_answered_and_forgiven(mirror, message, code):
    socket = await connect()
    await say(socket, message)
    error = await hear(socket, "error")
    assert error["code"] == code and error["detail"] and "cmdId" in error
    await say(socket, set_message(42))
    while (await hear(socket))["r"] != 42:
        pass
    await socket.disconnect()


async def test_a_duplicate_is_ignored_silently(mirror):
    socket = await connect()
    message = set_message(5)
    await say(socket, message)
    while (await hear(socket))["r"] != 5:
        pass
    await say(socket, message | {"r": 9})
    assert await socket.receive_nothing(timeout=0.2)
    await socket.disconnect()


async def closed(socket) -> int:
    while True:
        event = await socket.receive_output(timeout=5)
        if event["type"] == "websocket.close":
            return event["code"]


async def test_twenty_errors_in_ten_seconds_end_it(mirror):
    socket = await connect()
    for _ in range(21):
        await say(socket, "{")
    assert await closed(socket) == 1008


async def test_binary_and_huge_messages_end_it(mirror):
    socket = await connect()
    await socket.send_to(bytes_data=b"\x00")
    assert await closed(socket) == 1003
    socket = await connect()
    await say(socket, " " * 65_537)
    assert await closed(socket) == 1009


async def test_a_flood_of_commands_is_slowed_down(mirror):
    socket = await connect()
    for number in range(260):
        await say(socket, set_message(number % 256))
    assert (await hear(socket, "error"))["code"] == "rate_limited"
    await socket.disconnect()


async def test_pages_of_other_sites_may_look_and_not_touch(mirror):
    socket = await connect(origin="http://evil.example")
    before = await hear(socket)
    await say(socket, set_message(99))
    assert "origin" in (await hear(socket, "error"))["detail"]
    assert lights().state["rgb"]["seq"] == before["seq"]
    own = await connect(origin="http://localhost")
    await say(own, set_message(98))
    while (await hear(own))["r"] != 98:
        pass
    await socket.disconnect()
    await own.disconnect()


async def test_a_rebound_name_is_not_ours(mirror):
    socket = await connect(host="evil.example", origin="http://evil.example")
    await say(socket, set_message(97))
    assert "origin" in (await hear(socket, "error"))["detail"]
    await socket.disconnect()


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via"])
async def test_an_unknown_proxy_gets_no_socket(mirror, header):
    fields = [(b"host", b"localhost"), (header.encode(), b"8.8.8.8")]
    socket = WebsocketCommunicator(lights_socket, "/ws", headers=fields)
    assert (await socket.connect())[0] is False


async def test_origins_can_be_closed(mirror, settings):
    settings.CONFIG = dataclasses.replace(settings.CONFIG, dmx_allow_origins=("http://friend.example",))
    fields = [(b"host", b"localhost"), (b"origin", b"http://evil.example")]
    assert (await WebsocketCommunicator(lights_socket, "/ws", headers=fields).connect())[0] is False
    friend = await connect(origin="http://friend.example")
    await say(friend, set_message(33))
    while (await hear(friend))["r"] != 33:
        pass
    await friend.disconnect()


async def test_with_keys_a_socket_needs_one_before_it_sees_anything(mirror, settings):
    settings.CONFIG = dataclasses.replace(settings.CONFIG, dmx_api_keys=("a secret of the house",))
    for path in ("/ws", "/ws?token=wrong"):
        socket = WebsocketCommunicator(lights_socket, path, headers=[(b"host", b"localhost")])
        await socket.connect()
        event = await socket.receive_output(timeout=5)
        assert event == {"type": "websocket.close", "code": 4401}
    socket = await connect("/ws?token=a%20secret%20of%20the%20house")
    assert "seq" in await hear(socket)
    await socket.disconnect()


async def test_clients_stay_while_the_engine_is_away(engine, mirror):
    socket = await connect()
    before = await hear(socket)
    engine.end(kill=True)
    await until(lambda: lights().problem)
    for _ in range(60):
        await say(socket, set_message(1))
        assert (await hear(socket, "error"))["code"] == "not_ready", "a gap is not the client's mistake"
    engine.start()
    after = await hear(socket)
    assert after["seq"] > before["seq"]
    await socket.disconnect()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "cmdId", "src", "r", "g", "b", "x"]), inner, max_size=7),
    max_leaves=12,
)  # fmt: skip


@given(
    messages=st.lists(
        json_values | st.binary(max_size=30).map(lambda data: data.decode("latin-1")), max_size=15
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_is_said_breaks_the_socket(engine, messages):
    async def story() -> None:
        await lights().start()
        socket = await connect()
        for message in messages:
            await say(socket, (message or " ") if isinstance(message, str) else json.dumps(message))
        await say(socket, {"type": "get"})
        while (await hear(socket, "error"))["code"] != "unknown_type":
            pass
        await socket.disconnect()
        await lights().stop()

    asyncio.run(story())


def test_a_slot_holds_the_newest_state_only():
    client, rounds = Client(lambda frame: False), [Round(1, 0.0) for _ in range(3)]
    for number, round_ in enumerate(rounds):
        client.put(str(number), b"", round_)
    assert client.take()[0] == "2" and client.take() is None
    assert [round_._left for round_ in rounds] == [0, 0, 1], "who is skipped holds no broadcast open"


def test_a_state_goes_straight_out_only_when_nothing_is_on_its_way():
    async def story() -> None:
        written: list[bytes] = []
        client = Client(lambda frame: written.append(frame) is None)
        client.put("1", b"1", None)
        assert client.take() == ("1", None) and not written, (
            "nobody waits for it yet: it may be before the handshake"
        )
        await client.wanted()
        waiting = asyncio.create_task(client.wanted())
        await asyncio.sleep(0)
        client.put("2", b"2", None)
        assert written == [b"2"] and client.take() is None
        client.note({"type": "warning"})
        client.put("3", b"3", None)
        assert written == [b"2"] and client.take() == ("3", None), "it follows the note"
        await waiting

    asyncio.run(story())
