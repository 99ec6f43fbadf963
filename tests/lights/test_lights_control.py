"""The observatory's additions over the control API, with a real engine."""

import json

import pytest
from django.conf import settings as django_settings
from django.test import AsyncClient
from lightsrig import EngineProcess, until

from dashboard.choices import Role
from dashboard.services import create_token, create_user
from lighting.services import lights

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def engine():
    process = EngineProcess(django_settings.DATA, DMX_MQTT_ENABLED="false", DMX_INTERLOCK="enforce").start()
    yield process
    process.end()


@pytest.fixture
async def api(engine):
    from asgiref.sync import sync_to_async

    await sync_to_async(create_user)("stella", "a clear night in march", Role.OWNER)
    token = await sync_to_async(create_token)("desk", "operator")
    await lights().start()
    client = AsyncClient()

    async def ask(method, path, body=None, status=200):
        options = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        headers = {"Authorization": f"Bearer {token}"}
        answer = await getattr(client, method)(f"/control/v1/lights/{path}", headers=headers, **options)
        assert answer.status_code == status, answer.content
        return answer.json()

    yield ask
    await lights().stop()


async def test_mode_master_fixtures_and_monitor(api, engine):
    assert (await api("get", ""))["mode"] == "normal"
    patch = [
        {"name": "main", "role": "main"},
        {"name": "panel", "role": "flat-panel", "start": 10, "profile": "dimmer", "bits": 16},
    ]
    assert [row["name"] for row in await api("put", "fixtures/", patch)] == ["main", "panel"]
    await api("put", "fixtures/panel/", {"level": 0x1234})
    await api("put", "fixtures/main/", {"colour": {"r": 200, "g": 100, "b": 50}})
    channels = await api("get", "channels/0/")
    assert channels[:3] == [200, 100, 50] and channels[9:11] == [0x12, 0x34] and len(channels) == 512
    assert engine.rgb["updatedBy"] == "desk"
    assert (await api("put", "mode/", {"mode": "dark"}))["rgb"]["g"] == 0
    await api("put", "mode/", {"mode": "normal"})
    assert (await api("put", "master/", {"master": 0}))["master"] == 0
    channels = await api("get", "channels/0/")
    assert channels[9:11] == [0x12, 0x34] and sum(channels) == 0x12 + 0x34, "the flat panel measures"
    await api("put", "master/", {"master": 255})


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("put", "mode/", {"mode": "party"}, 400), ("put", "master/", {"master": 300}, 400), ("put", "fixtures/", [{"name": "x"}], 400),
        ("put", "fixtures/none/", {"level": 1}, 404), ("put", "fixtures/main/", {"colour": {"r": 1}}, 400), ("put", "fixtures/main/", {}, 400),
        ("post", "override/", {"reason": ""}, 400), ("get", "channels/99/", None, 400),
    ],
)  # fmt: skip
async def test_wrong_values(api, method, path, body, status):
    answer = await api(method, path, body, status)
    assert answer["error"]["text"]


async def test_interlock_and_override(api, engine):
    engine.ask("exposure_begin", id="frame-9", kind="light", duration_s=20)
    try:
        await until(lambda: lights().state["interlock"]["enforced"])
        refused = await api("put", "fixtures/main/", {"colour": {"r": 1, "g": 0, "b": 0}}, 423)
        assert refused["error"]["code"] == "interlocked" and "frame-9" in refused["error"]["text"]
        state = await api("post", "override/", {"reason": "a guest fell"})
        assert state["interlock"]["override"] == "a guest fell (desk)"
        await api("put", "fixtures/main/", {"colour": {"r": 1, "g": 0, "b": 0}})
    finally:
        hits = engine.ask("exposure_end", id="frame-9")
        assert (await api("delete", "override/", {}))["interlock"]["override"] is None
    assert {hit["fixture"] for hit in hits} == {"main", "panel"}, "from the override on both shone"
    assert all(hit["override"] == "a guest fell (desk)" for hit in hits)
