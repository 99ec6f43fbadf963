"""Document 004's REST: bodies, codes, keys, origins. A real engine, the real middleware."""

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest
from django.conf import settings as django_settings
from django.test import AsyncClient
from lightsrig import EngineProcess, until

from lighting.engine.ulid import new_ulid
from lighting.services import lights

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "lighting/schemas/demo.rgb.state.v1.json").read_text()
)


@pytest.fixture(scope="module")
def engine():
    process = EngineProcess(
        django_settings.DATA,
        DMX_PROJECTS_ENABLED="true",
        DMX_CLOUD_BACKUP_ENABLED="true",
        DMX_MQTT_ENABLED="false",
    ).start()
    yield process
    process.end()


@pytest.fixture
async def client(engine):
    await lights().start()
    yield AsyncClient()
    await lights().stop()


async def put_json(client, path, body):
    return await client.put(path, json.dumps(body), content_type="application/json")


@pytest.fixture
def configure(settings):
    """Change settings of the web process."""

    def change(**values):
        settings.CONFIG = dataclasses.replace(settings.CONFIG, **values)

    return change


def command(r=1, g=2, b=3, **more):
    return {"cmdId": new_ulid(), "src": "test", "r": r, "g": g, "b": b} | more


async def post(client, path, body=None, **options):
    text = body if isinstance(body, str | bytes) else json.dumps({} if body is None else body)
    options = {"content_type": "application/json", **options}
    return await client.post(path, text, **options)


async def test_the_documents_quick_start(client):
    before = (await client.get("/rgb")).json()
    jsonschema.validate(before, SCHEMA)
    body = f'{{"cmdId":"{new_ulid()}","src":"ui","r":64,"g":32,"b":128}}'
    answer = await post(client, "/rgb", body)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    await until(lambda: lights().state["rgb"]["seq"] == before["seq"] + 1)
    after = (await client.get("/rgb")).json()
    jsonschema.validate(after, SCHEMA)
    assert (after["r"], after["g"], after["b"], after["updatedBy"]) == (64, 32, 128, "ui")


async def test_too_bright_is_clamped_not_an_error(client):
    assert (await post(client, "/rgb", command(999, -7, 256))).status_code == 202
    await until(lambda: lights().state["rgb"]["g"] == 0)
    assert [lights().state["rgb"][part] for part in "rgb"] == [255, 0, 255]


async def test_a_repeated_id_is_accepted_and_ignored(client):
    first = command(5)
    await post(client, "/rgb", first)
    assert (await post(client, "/rgb", first | {"r": 200})).status_code == 202
    assert (await post(client, "/rgb", command(6))).status_code == 202
    await until(lambda: lights().state["rgb"]["r"] == 6)


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 400), ("5", 400), (b"\xff\xfe", 400), ("{}", 422), ('{"r":1e999}', 400), (" " * 70_000, 413),
     ("[" * 5000, 400)],
)  # fmt: skip
async def test_what_is_no_command_gets_a_code_of_its_own(client, body, status):
    answer = await post(client, "/rgb", body)
    assert answer.status_code == status
    assert "detail" in answer.json()


async def test_field_errors_are_a_list(client):
    answer = await post(client, "/rgb", command(r="2", cmdId="Z" * 26))
    assert answer.status_code == 422
    assert {fault["loc"][0] for fault in answer.json()["detail"]} == {"r", "cmdId"}
    assert all(fault["msg"] for fault in answer.json()["detail"])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", ["/rgb", "/blackout", "/show/start", "/usb/refresh", "/scenes/a/recall"])
async def test_changes_are_json_so_that_another_sites_page_needs_a_preflight(client, path, kind):
    answer = await post(client, path, content_type=kind)
    assert answer.status_code == 415 and "detail" in answer.json()


async def test_other_origins_read_and_do_not_change(client, configure):
    evil = {"Origin": "http://evil.example"}
    assert (await client.get("/rgb", headers=evil))["Access-Control-Allow-Origin"] == "*"
    assert (await post(client, "/blackout", headers=evil)).status_code == 403
    assert (await post(client, "/blackout", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    preflight = await client.options("/rgb", headers=evil)
    assert "Access-Control-Allow-Headers" not in preflight
    configure(dmx_allow_origins=("http://friend.example",))
    friend = {"Origin": "http://friend.example", "Sec-Fetch-Site": "cross-site"}
    assert "Access-Control-Allow-Origin" not in await client.get("/rgb", headers=evil)
    preflight = await client.options("/rgb", headers=friend)
    assert preflight["Access-Control-Allow-Origin"] == "http://friend.example"
    assert "x-api-key" in preflight["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in preflight
    assert (await post(client, "/rgb", command(), headers=friend)).status_code == 202
    assert (await post(client, "/rgb", command(), headers=evil)).status_code == 403


async def test_an_unknown_proxy_is_refused(client):
    for path in ("/rgb", "/scenes", "/projects"):
        answer = await client.get(path, headers={"X-Forwarded-For": "8.8.8.8"})
        assert answer.status_code == 403 and "proxy" in answer.json()["detail"]


@pytest.mark.django_db
async def test_with_keys_changes_need_one(client, configure, caplog):
    caplog.set_level("INFO")
    configure(dmx_api_keys=("a secret of the house", "another"))
    assert (await client.get("/rgb")).status_code == 200
    for headers in ({}, {"x-api-key": "wrong"}):
        answer = await post(client, "/rgb", command(), headers=headers)
        assert answer.status_code == 401 and "x-api-key" in answer.json()["detail"]
    for key in ("a secret of the house", "another"):
        assert (await post(client, "/rgb", command(), headers={"x-api-key": key})).status_code == 202
    notes = [vars(record) for record in caplog.records if record.message == "api_key"]
    assert notes and all("secret" not in str(note) for note in notes) and notes[1]["begins"] == "a se"


async def test_without_keys_a_key_is_noted_and_not_asked_for(client, caplog):
    caplog.set_level("INFO")
    assert (await post(client, "/rgb", command(), headers={"x-api-key": "hello world"})).status_code == 202
    assert "api_key" in caplog.messages


async def test_blackout(client):
    await post(client, "/rgb", command(9))
    assert (await post(client, "/blackout")).json() == {"status": "ok"}
    assert (await client.get("/rgb")).json()["r"] == 0


async def test_methods_that_are_not_there(client):
    answer = await client.delete("/rgb")
    assert answer.status_code in (405, 415)
    answer = await client.delete("/rgb", "{}", content_type="application/json")
    assert answer.status_code == 405 and answer["Allow"] == "GET, POST, OPTIONS"


# ---- scenes and show


WARM = {"id": "warm", "name": "Warm", "channelValues": {"1": 255, "2": 154}}


async def test_scenes_are_replaced_whole_and_recalled(client):
    put = await client.put("/scenes", json.dumps([WARM]), content_type="application/json")
    assert put.status_code == 200
    assert (await client.get("/scenes")).json()[0]["name"] == "Warm"
    await post(client, "/rgb", command(1, 2, 3))
    await until(lambda: lights().state["rgb"]["b"] == 3)
    assert (await post(client, "/scenes/warm/recall")).status_code == 200
    rgb = (await client.get("/rgb")).json()
    assert [rgb[part] for part in "rgb"] == [255, 154, 3], "channels that a scene does not name stay"
    assert rgb["updatedBy"] == "scene:warm"
    assert (await post(client, "/scenes/cold/recall")).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{"name": " "}, {"channelValues": {"0": 1}}, {"channelValues": {"513": 1}}, {"channelValues": {"1": 256}}, {"fadeMs": -1}, {"rgb": {"r": 1}},
     {"role": "sun"}, {"id": "../x"}, {"extra": 1}, {"channelValues": {"1": True}}],
)  # fmt: skip
async def test_one_wrong_scene_refuses_all(client, wrong):
    before = (await client.get("/scenes")).json()
    answer = await client.put(
        "/scenes", json.dumps([WARM, {"name": "B"} | wrong]), content_type="application/json"
    )
    assert answer.status_code == 422 and answer.json()["detail"].startswith("scene 1:")
    assert (await client.get("/scenes")).json() == before


async def test_a_show_keeps_what_it_does_not_know(client):
    show = {
        "steps": [{"sceneId": "warm", "fadeMs": 0, "holdMs": 50, "note": "x"}],
        "order": "single",
        "extra": {"a": [1]},
    }
    await client.put("/scenes", json.dumps([WARM]), content_type="application/json")
    put = await client.put("/show", json.dumps(show), content_type="application/json")
    assert put.status_code == 200
    kept = (await client.get("/show")).json()
    assert kept["extra"] == {"a": [1]} and kept["steps"] == show["steps"] and kept["version"] == "1.2"
    assert (await post(client, "/show/start")).status_code == 200
    await until(lambda: lights().state["rgb"]["updatedBy"] == "scene:warm")
    assert (await post(client, "/show/stop")).status_code == 200
    answer = await client.put("/show", json.dumps({"order": "upside-down"}), content_type="application/json")
    assert answer.status_code == 422


# ---- projects and backups


async def test_projects_from_first_start_to_restore(client):
    index = (await client.get("/projects")).json()
    assert index["activeId"] == "default" and index["projects"][0]["name"] == "Default show"
    created = await post(client, "/projects", {"name": "Žižkov Open Night", "venue": "Hill"})
    assert created.status_code == 201
    project = created.json()["projects"][-1]
    assert project["id"].startswith("i-kov-open-night-") or project["id"].startswith("zizkov")
    await post(client, "/rgb", command(7, 8, 9))
    await until(lambda: lights().state["rgb"]["b"] == 9)
    before = lights().state["rgb"]["seq"]
    selected = await post(client, f"/projects/{project['id']}/select")
    assert selected.status_code == 200 and selected.json()["activeId"] == project["id"]
    rgb = (await client.get("/rgb")).json()
    assert rgb["r"] == 0 and rgb["seq"] > before and rgb["updatedBy"] == f"project:{project['id']}"
    again = await post(client, f"/projects/{project['id']}/select")
    assert again.status_code == 200 and (await client.get("/rgb")).json()["seq"] == rgb["seq"], "a no-op"

    made = await post(client, f"/projects/{project['id']}/backups", {"label": "before guests"})
    assert (
        made.status_code == 201
        and made.json()["label"] == "before guests"
        and made.json()["encrypted"] is False
    )
    assert (await post(client, "/projects/default/backups")).status_code == 409
    await post(client, "/rgb", command(200))
    await until(lambda: lights().state["rgb"]["r"] == 200)
    high = lights().state["rgb"]["seq"]
    restored = await post(
        client, f"/projects/{project['id']}/restore", {"versionId": made.json()["versionId"]}
    )
    assert (restored.status_code, restored.json()) == (200, {"status": "ok"})
    rgb = (await client.get("/rgb")).json()
    assert rgb["r"] == 0 and rgb["seq"] > high and rgb["updatedBy"].startswith("restore:")
    versions = (await client.get(f"/projects/{project['id']}/backups")).json()
    assert [version["label"] for version in versions["versions"]] == ["pre-restore", "before guests"]

    back = await post(client, "/projects/default/select")
    assert back.json()["activeId"] == "default"
    assert [(await client.get("/rgb")).json()[part] for part in "rgb"] == [7, 8, 9]


async def test_a_project_goes_through_a_file(client):
    await post(client, "/rgb", {"cmdId": new_ulid(), "src": "ui", "r": 9, "g": 8, "b": 7})
    await put_json(client, "/scenes", [{"id": "walk-in", "name": "Walk in", "rgb": {"r": 1, "g": 2, "b": 3}}])
    show = {"steps": [{"sceneId": "walk-in", "holdMs": 5}], "note": "kept"}
    await put_json(client, "/show", show)
    file = (await client.get("/projects/default/export")).json()
    assert file["project"]["name"] == "Default show" and file["show"]["note"] == "kept"
    before = (await client.get("/projects")).json()
    for wrong in ({}, file | {"scenes": [{"name": ""}]}, file | {"state": {}}, "text", None):
        refused = await post(client, "/projects", {"name": "Guest", "snapshot": wrong})
        assert refused.status_code == 422, wrong
    assert (await client.get("/projects")).json() == before, "nothing is made of a wrong file"
    made = await post(client, "/projects", {"name": "Guest", "snapshot": file})
    assert made.status_code == 201 and made.json()["activeId"] == "default"
    guest = made.json()["projects"][-1]
    await put_json(client, "/scenes", [])
    await post(client, f"/projects/{guest['id']}/select")
    assert [scene["id"] for scene in (await client.get("/scenes")).json()] == ["walk-in"]
    assert (await client.get("/show")).json()["note"] == "kept"
    rgb = (await client.get("/rgb")).json()
    assert [rgb[part] for part in "rgb"] == [file["state"][part] for part in "rgb"]
    again = (await client.get(f"/projects/{guest['id']}/export")).json()
    assert again["scenes"] == file["scenes"] and again["show"] == file["show"]
    await post(client, "/projects/default/select")


async def test_a_show_is_paused_and_goes_on(client):
    assert (await post(client, "/show/pause")).status_code == 422
    await put_json(client, "/scenes", [{"id": "a", "name": "A", "rgb": {"r": 5, "g": 0, "b": 0}}])
    await put_json(client, "/show", {"steps": [{"sceneId": "a", "holdMs": 3_600_000}]})
    await post(client, "/show/start")
    assert (await post(client, "/show/pause")).status_code == 200
    paused = (await client.get("/show")).json()
    assert paused["running"] and paused["paused"]
    assert (await put_json(client, "/show", paused)).status_code == 200, "what was read can be written"
    assert "paused" not in (await put_json(client, "/show", paused)).json()
    assert (await post(client, "/show/resume")).status_code == 200
    assert not (await client.get("/show")).json()["paused"]
    await post(client, "/show/stop")


@pytest.mark.parametrize("project", ["nothing", "..", "%2e%2e%2fetc", "UPPER", "a" * 65])
async def test_a_project_that_is_none(client, project):
    for method, path in (("get", "backups"), ("post", "select"), ("post", "restore")):
        body = {} if method == "get" else {"data": '{"versionId":"x"}', "content_type": "application/json"}
        answer = await getattr(client, method)(f"/projects/{project}/{path}", **body)
        assert answer.status_code == 404, (path, answer.content)


async def test_project_members(client):
    assert (await post(client, "/projects", {"name": " "})).status_code == 422
    assert (await post(client, "/projects", {"name": "x" * 121})).status_code == 422
    assert (await post(client, "/projects", {"name": "x", "templateId": "none"})).status_code == 404
    put = await client.put(
        "/projects/default", '{"venue":"Roof","notes":"x"}', content_type="application/json"
    )
    assert put.json()["venue"] == "Roof"
    put = await client.put("/projects/default", '{"venue":null}', content_type="application/json")
    assert put.json()["venue"] is None and put.json()["notes"] == "x"
    assert (
        await client.put("/projects/default", '{"name":null}', content_type="application/json")
    ).status_code == 422


async def test_restoring_what_is_not_there(client):
    for version in ("nothing", "../x", "", 5):
        assert (await post(client, "/projects/default/restore", {"versionId": version})).status_code == 404


# ---- the widget, and no engine


async def test_usb_without_the_output(client):
    assert isinstance((await client.get("/usb/devices")).json()["devices"], list)
    for path in ("/usb/refresh", "/usb/reconnect"):
        answer = await post(client, path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "usb output disabled"})


async def test_without_an_engine_it_says_so(engine, client):
    engine.end(kill=True)
    try:
        await until(lambda: lights().problem)
        for answer in (await client.get("/rgb"), await post(client, "/rgb", command())):
            assert (answer.status_code, answer.json()) == (503, {"detail": "engine not ready"})
            assert answer["Retry-After"] == "1"
    finally:
        engine.start()
    await until(lambda: not lights().problem)
    assert (await client.get("/rgb")).status_code == 200
