"""Every member with every verb of every device, against the table."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from alpacafakes import DEVICES, Client, ask, until

from alpaca.protocol.members import INTERFACES, Member

SERVED = ("telescope", "camera", "focuser", "filterwheel")
"""The telescope's; the lights' are in test_alpaca_lights.py."""
MEMBERS = [
    pytest.param(device, member, id=f"{device}-{member.name}")
    for device in SERVED
    for member in INTERFACES[device].members.values()
]
GOOD = {"bool": "True", "int": "0", "double": "0.0", "string": "x", "date": "2026-11-20T20:00:00Z"}
JSON_TYPES = {
    "bool": bool, "int": int, "double": (int, float), "string": str, "date": str, "strings": list, "ints": list,
    "rates": list, "states": list, "image": list,
}  # fmt: skip
KEYS = {"Value", "ClientTransactionID", "ServerTransactionID", "ErrorNumber", "ErrorMessage", "Type", "Rank"}
BAD_IDS = [("ClientID", text) for text in ("", "     ", "-12345", "NASDAQ")] + [
    ("ClientTransactionID", text) for text in ("", "     ", "-67890", "qweqwe")
]


def arguments(verb) -> dict[str, str]:
    return {parameter.name: GOOD[parameter.kind] for parameter in verb.parameters}


@pytest.mark.parametrize(("device", "member"), MEMBERS)
async def test_a_member_answers_every_verb_it_has_and_refuses_the_others(
    connected, device: str, member: Member
):
    path = f"{device}/0/{member.name.lower()}"
    for method, verb in (("get", member.get), ("put", member.put)):
        if verb is None:
            answer = await getattr(connected, method)(path)
            assert answer.status == 405
            assert answer.headers["content-type"].startswith("text/plain")
            continue
        answer = (await getattr(connected, method)(path, **arguments(verb))).json
        assert set(answer) <= KEYS
        assert answer["ClientTransactionID"] == connected.transaction
        assert answer["ErrorNumber"] == 0 or 0x400 <= answer["ErrorNumber"] <= 0xFFF
        assert bool(answer["ErrorNumber"]) == bool(answer["ErrorMessage"])
        assert ("Value" in answer) == (verb.result is not None)
        if verb.result:
            assert isinstance(answer["Value"], JSON_TYPES[verb.result])
            assert (verb.result == "bool") == isinstance(answer["Value"], bool)


@pytest.mark.parametrize(("device", "member"), MEMBERS)
async def test_a_member_refuses_bad_ids_and_bad_parameters(connected, device: str, member: Member):
    path = f"/api/v1/{device}/0/{member.name.lower()}"
    for verb in filter(None, (member.get, member.put)):
        for name, text in BAD_IDS:
            answer = await send(connected.route, verb, path, arguments(verb) | {name: text})
            assert answer.status == 400
            assert name.encode() in answer.body
        for parameter in verb.parameters:
            good = arguments(verb)
            missing = {name: text for name, text in good.items() if name != parameter.name}
            assert (await send(connected.route, verb, path, missing)).status == 400
            if parameter.kind != "string":
                answer = await send(connected.route, verb, path, good | {parameter.name: "asduio6fghZZ"})
                assert answer.status == 400
                assert parameter.name.encode() in answer.body


async def send(route, verb, path: str, fields: dict[str, str]):
    from urllib.parse import urlencode

    text = urlencode(fields)
    if verb.method == "GET":
        return await ask(route, "GET", path, text)
    return await ask(route, "PUT", path, body=text.encode())


@pytest.mark.parametrize("device", SERVED)
async def test_before_connecting_only_what_may_answer_answers(client, device: str):
    for member in INTERFACES[device].members.values():
        for method, verb in (("get", member.get), ("put", member.put)):
            if verb is None or member.name in ("Connect", "Connected", "Disconnect"):
                continue
            answer = (
                await getattr(client, method)(f"{device}/0/{member.name.lower()}", **arguments(verb))
            ).json
            if member.offline:
                assert answer["ErrorNumber"] == 0, member.name
            else:
                assert answer["ErrorNumber"] == 0x407, member.name
                assert "not connected" in answer["ErrorMessage"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/telescope/0/nosuchmember", "/api/v1/Telescope/0/name", "/api/v1/TELESCOPE/0/NAME",
        "/api/v1/telescope/0/Name", "/api/v1/telescope/99999/name", "/api/v1/telescope/-1/name",
        "/api/v1/telescope/A/name", "/api/v1/telescope/00/name", "/api/v1/dome/0/name", "/api/v1/baby/0/name",
        "/api/v1/telescope/0", "/api/v1/telescope/0/", "/api/v1/telescope/0/name/", "/api/v1/", "/api/v2/telescope/0/name",
        "/api/v1/telescope/0/name/extra", "/api/v1/telescope/%00/name", "/management/v2/description", "/management/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_wrong_url_is_400_and_a_sentence(route, method, path):
    answer = await ask(route, method, path, body=None if method == "GET" else b"Connected=True")
    assert answer.status == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.body.decode().endswith(".")


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"])
async def test_other_methods_are_405(route, method):
    answer = await ask(route, method, "/api/v1/telescope/0/connected", body=b"Connected=True")
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, PUT"


async def test_transactions_are_echoed_and_the_servers_own_ascend(client):
    numbers = []
    for number in (0, 1, 4294967295):
        answer = await ask(client.route, "GET", "/api/v1/telescope/0/name", f"ClientTransactionID={number}")
        assert answer.json["ClientTransactionID"] == number
        numbers.append(answer.json["ServerTransactionID"])
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    answer = await ask(
        client.route, "PUT", "/api/v1/telescope/0/connected", body=b"Connected=true&clienttransactionid=5"
    )
    assert answer.json["ClientTransactionID"] == 0


async def test_a_put_reads_its_parameters_from_the_form_only(client):
    answer = await ask(client.route, "PUT", "/api/v1/telescope/0/connected", "Connected=True", body=b"")
    assert answer.status == 400
    answer = await ask(client.route, "GET", "/api/v1/telescope/0/canmoveaxis", body=b"Axis=1")
    assert answer.status == 400


async def test_a_put_with_a_body_of_another_type_is_refused(client):
    headers = [(b"host", b"localhost:8080"), (b"content-type", b"application/json")]
    answer = await ask(
        client.route, "PUT", "/api/v1/telescope/0/connected", body=b'{"Connected":true}', headers=headers
    )
    assert answer.status == 400
    assert b"application/x-www-form-urlencoded" in answer.body


# ---- management


async def test_management_says_what_is_here(route):
    for path, value in (
        ("apiversions", [1]),
        (
            "v1/description",
            {
                "ServerName": "Skycam",
                "Manufacturer": "Skycam",
                "ManufacturerVersion": "0.1.0",
                "Location": "Hut",
            },
        ),
    ):
        answer = await ask(route, "GET", f"/management/{path}", "ClientID=1&ClientTransactionID=99")
        assert answer.json["Value"] == value
        assert answer.json["ClientTransactionID"] == 99
    devices = (await ask(route, "GET", "/management/v1/configureddevices")).json["Value"]
    assert [(d["DeviceType"], d["DeviceNumber"]) for d in devices] == [
        ("Telescope", 0), ("Camera", 0), ("Focuser", 0), ("FilterWheel", 0),
    ]  # fmt: skip
    assert len({d["UniqueID"] for d in devices}) == 4
    assert (await ask(route, "GET", "/management/apiversions", "ClientID=-1")).status == 400
    assert (await ask(route, "PUT", "/management/apiversions", body=b"")).status == 405


# ---- DeviceState


@pytest.mark.parametrize("device", SERVED)
async def test_device_state_repeats_the_single_properties(connected, device: str):
    states = await connected.value(f"{device}/0/devicestate")
    assert states[-1]["Name"] == "TimeStamp"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", states[-1]["Value"])
    allowed = [member.name for member in INTERFACES[device].device_state]
    names = [state["Name"] for state in states[:-1]]
    assert names == [name for name in allowed if name in names]
    for state in states[:-1]:
        single = await connected.value(f"{device}/0/{state['Name'].lower()}")
        assert type(state["Value"]) is type(single)
        if state["Name"] not in ("SiderealTime", "UTCDate"):
            assert state["Value"] == single
    for name in set(allowed) - set(names):
        assert await connected.error("get", f"{device}/0/{name.lower()}") != 0


# ---- connections


async def test_put_connected_is_visible_when_it_returns(client):
    for wanted in (True, False, True, False):
        await client.do("telescope/0/connected", Connected=wanted)
        assert await client.value("telescope/0/connected") is wanted


async def test_connect_is_asynchronous(client, telescope):
    telescope.connects_after_s = 0.15
    await client.do("camera/0/connect")
    assert await client.value("camera/0/connecting") is True
    await until(lambda: client.value("camera/0/connecting"), False)
    assert await client.value("camera/0/connected") is True
    assert await client.value("camera/0/gain") == 60
    await client.do("camera/0/connect")
    await until(lambda: client.value("camera/0/connecting"), False)
    await client.do("camera/0/disconnect")
    await until(lambda: client.value("camera/0/connecting"), False)
    assert await client.value("camera/0/connected") is False


async def test_hardware_that_needs_longer_than_a_client_waits_goes_on_connecting(client, telescope):
    telescope.connects_after_s = 0.2
    await client.do("telescope/0/connected", Connected=True)
    assert await client.value("telescope/0/connected") is True
    answer = (await client.get("telescope/0/declination")).json
    assert answer["ErrorNumber"] == 0x407
    assert "still connecting" in answer["ErrorMessage"]
    await until(lambda: readable(client), True)


async def readable(client) -> bool:
    return (await client.get("telescope/0/declination")).json["ErrorNumber"] == 0


async def test_hardware_that_cannot_be_reached_is_an_error_with_its_reason_and_no_hold(client, telescope):
    telescope.unreachable = "no answer from 192.168.88.1"
    answer = (await client.put("telescope/0/connected", Connected=True)).json
    assert answer["ErrorNumber"] == 0x407
    assert "192.168.88.1" in answer["ErrorMessage"]
    assert await client.value("telescope/0/connected") is False
    assert not telescope.holders.any


async def test_hardware_that_goes_away_is_told_by_every_member(connected, telescope):
    telescope.state["connection"].update(connected=False, connecting=True, problem="no ping for 15 s")
    assert await connected.value("telescope/0/connected") is True
    answer = (await connected.get("telescope/0/altitude")).json
    assert (answer["ErrorNumber"], "no ping for 15 s" in answer["ErrorMessage"]) == (0x407, True)


async def test_connections_are_a_set_never_a_count(client):
    for _ in range(3):
        await client.do("focuser/0/connected", Connected=True)
    await client.do("focuser/0/connected", Connected=False)
    assert await client.value("focuser/0/connected") is False


async def test_each_client_reads_its_own_connection_and_strangers_read_anybodys(route):
    nina, phd = Client(route, 1), Client(route, 2)
    await nina.do("telescope/0/connected", Connected=True)
    assert await phd.value("telescope/0/connected") is True  # never seen before
    await phd.do("telescope/0/connected", Connected=True)
    await phd.do("telescope/0/connected", Connected=False)
    assert await phd.value("telescope/0/connected") is False
    assert await phd.error("get", "telescope/0/rightascension") == 0x407
    assert await nina.value("telescope/0/connected") is True
    assert await nina.value("telescope/0/rightascension") == 5.5881
    for query in ("", "ClientID=0"):
        assert (await ask(route, "GET", "/api/v1/telescope/0/connected", query)).json["Value"] is True
    await nina.do("telescope/0/connected", Connected=False)
    assert (await ask(route, "GET", "/api/v1/telescope/0/connected")).json["Value"] is False


async def test_a_failed_connect_is_told_once_by_connecting(client, telescope):
    telescope.unreachable = "no answer from 192.168.88.1"
    await client.do("telescope/0/connect")
    answers = []
    while not answers or (answers[-1]["ErrorNumber"] == 0 and answers[-1]["Value"]):
        answers.append((await client.get("telescope/0/connecting")).json)
        await asyncio.sleep(0.01)
    assert answers[-1]["ErrorNumber"] == 0x407
    assert "192.168.88.1" in answers[-1]["ErrorMessage"]
    assert await client.value("telescope/0/connecting") is False


async def test_the_host_hears_of_its_clients_about_once_a_minute(connected, telescope, monkeypatch):
    await asyncio.sleep(0)
    heard = [arguments for name, arguments in telescope.calls if name == "heard"]
    assert {device for clients in heard for device in clients["clients"]} == set(DEVICES)
    telescope.calls.clear()
    for _ in range(20):
        await connected.value("telescope/0/altitude")
    assert telescope.calls == []
    later = monotonic() + 61
    monkeypatch.setattr("alpaca.devices.table.monotonic", lambda: later)
    await connected.value("telescope/0/altitude")
    await asyncio.sleep(0)
    assert telescope.calls == [("heard", {"clients": {"telescope": ["17"]}})]


# ---- a host that is not there


async def test_a_lost_host_is_not_connected_with_its_reason(connected, telescope):
    telescope.problem = "telescope: its host process is not running"
    assert await connected.value("telescope/0/connected") is False
    assert await connected.value("telescope/0/connecting") is False
    assert await connected.value("telescope/0/name") == "DWARF 3"
    for method, path, parameters in (
        ("get", "telescope/0/rightascension", {}),
        ("put", "telescope/0/park", {}),
        ("put", "telescope/0/connected", {"Connected": True}),
        ("put", "camera/0/startexposure", {"Duration": 1, "Light": True}),
    ):
        answer = (await getattr(connected, method)(path, **parameters)).json
        assert answer["ErrorNumber"] == 0x407
        assert "host process is not running" in answer["ErrorMessage"]


async def test_a_host_without_a_value_gives_a_driver_error_not_a_wrong_value(connected, telescope):
    mount = telescope.state["mount"]
    for wrong in (float("nan"), None, "12", True):
        mount["ra_hours"] = wrong
        assert await connected.error("get", "telescope/0/rightascension") == 0x500
    del mount["ra_hours"]
    assert await connected.error("get", "telescope/0/rightascension") == 0x500
    names = [state["Name"] for state in await connected.value("telescope/0/devicestate")]
    assert "Declination" in names
    assert "RightAscension" not in names


async def test_times_have_the_designator_that_their_interface_wants(connected):
    utc = await connected.value("telescope/0/utcdate")
    assert utc.endswith("Z")
    assert abs(datetime.fromisoformat(utc) - datetime.now(UTC)) < timedelta(minutes=1)
    await connected.do("camera/0/startexposure", Duration=1, Light=True)
    started = await connected.value("camera/0/lastexposurestarttime")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", started)
