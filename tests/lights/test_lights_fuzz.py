"""Twenty thousand pieces of nonsense on all three inputs: no task ends, no 500."""

import asyncio
import json
import random

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from django.test import AsyncClient
from lightsrig import EngineProcess, make_engine, running, settle

from lighting.engine.mqtt import COMMAND, LightsMqtt
from lighting.engine.ulid import new_ulid
from lighting.services import lights
from skycam_project.asgi import websocket

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]

EACH = 6700
LEAVES = [None, True, False, 0, -1, 255, 256, 1.5, 1e300, 10**30, "", "ui", "\x00", "é" * 70, "ZZZ", {}, []]


def nonsense(chance: random.Random) -> bytes:
    """A command with wrong members, any JSON, or no JSON at all."""
    kind = chance.randrange(10)
    if kind == 0:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(60)))
    if kind == 1:
        return b"[" * chance.randrange(3000)
    body = {"cmdId": new_ulid(), "src": "fuzz", "r": 1, "g": 2, "b": 3}
    for _ in range(chance.randrange(1, 5)):
        name = chance.choice([*body, "schema", "ts", "type", "extra"])
        if chance.random() < 0.3:
            body.pop(name, None)
        else:
            body[name] = chance.choice(LEAVES)
    text = json.dumps(body if kind > 2 else chance.choice([[body], body, 5, "x", None])).encode()
    return text[: chance.randrange(len(text))] if kind == 3 else text


async def test_over_mqtt(tmp_path):
    chance = random.Random(1)
    async with running(make_engine(tmp_path)) as engine:
        mqtt = LightsMqtt(engine)
        topics = [
            COMMAND,
            "v1/devices/x/state",
            "v1/observatory/lights/main/set",
            "v1/observatory/lights/none/set",
            "other",
        ]
        for _ in range(EACH):
            mqtt._heard(chance.choice(topics), nonsense(chance), chance.random() < 0.05)
        await settle(engine)
        mqtt._heard(
            COMMAND, json.dumps({"cmdId": new_ulid(), "src": "x", "r": 9, "g": 8, "b": 7}).encode(), False
        )
        await settle(engine)
        assert engine.state.colour == (9, 8, 7)


@pytest.fixture(scope="module")
def engine():
    process = EngineProcess(django_settings.DATA, DMX_MQTT_ENABLED="false").start()
    yield process
    process.end()


async def answered(request, path, chance):
    """The answer to nonsense. A starved machine may say 503 and when to come back, but not for ever."""
    body = nonsense(chance)
    for _ in range(60):
        answer = await request(path, body, content_type="application/json")
        if answer.status_code != 503:
            break
        assert answer.json() == {"detail": "engine not ready"} and answer["Retry-After"] == "1"
        await asyncio.sleep(0.5)
    assert answer.status_code < 500, answer.content
    return answer


async def test_over_rest(engine):
    chance, client = random.Random(2), AsyncClient(raise_request_exception=False)
    await lights().start()
    seen = set()
    for _ in range(EACH):
        path = chance.choice(
            ["/rgb", "/rgb", "/rgb", "/scenes/x/recall", "/projects/default/restore", "/blackout"]
        )
        answer = await answered(client.post, path, chance)
        seen.add(answer.status_code)
        assert answer.status_code < 300 or "detail" in answer.json(), answer.content
    for path in ("/scenes", "/show"):
        for _ in range(200):
            await answered(client.put, path, chance)
    assert {202, 400, 422} <= seen and not engine.state()["failed"]
    await lights().stop()


async def test_over_the_socket(engine):
    chance = random.Random(3)
    await lights().start()
    socket, heard = None, 0
    while heard < EACH:
        if socket is None:
            socket = WebsocketCommunicator(websocket, "/ws", headers=[(b"host", b"localhost")])
            assert (await socket.connect(timeout=10))[0]
        for _ in range(10):
            text = nonsense(chance).decode("utf-8", errors="replace") or " "
            await socket.send_to(text_data=text)
        while not socket.input_queue.empty() and not socket.future.done():
            await asyncio.sleep(0)
        heard += 10 - socket.input_queue.qsize()
        while socket and not socket.output_queue.empty():
            event = await socket.receive_output()
            if event["type"] == "websocket.close":
                assert event["code"] == 1008, "too many errors, never a failure"
                socket = None
    assert not engine.state()["failed"]
    await lights().stop()
