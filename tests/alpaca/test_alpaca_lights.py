"""CoverCalibrator/0 and Switch/1: the adapters on the lights' real engine."""

import asyncio

import pytest
from alpacafakes import NETWORKS, Client, until
from lightfakes import PATCH, Lights
from test_alpaca_members import GOOD, JSON_TYPES

from alpaca import services
from alpaca.devices.build import build_devices
from alpaca.devices.registry import BindingsFile
from alpaca.devices.switch import TelescopeSwitch
from alpaca.devices.table import DeviceTable
from alpaca.protocol.members import INTERFACES
from lighting.engine import rigfile
from lighting.engine.rig import Rig
from skycam_project.alpaca_route import AlpacaRoute
from skycam_project.common.access import Access

PANEL, SWITCH = "covercalibrator/0", "switch/1"
NOT_PRESENT, OFF, NOT_READY, READY, FAULT = 0, 1, 2, 3, 5


@pytest.fixture
async def lights(tmp_path):
    async with Lights(tmp_path, DMX_INTERLOCK="enforce").running() as lights:
        yield lights


@pytest.fixture
async def client(lights, tmp_path):
    devices = build_devices(BindingsFile(tmp_path / "bindings.json"), lights=lights)
    services.install(DeviceTable(devices, tmp_path))
    return Client(AlpacaRoute(Access(NETWORKS, ["localhost"])))


@pytest.fixture
async def connected(client):
    await client.do(f"{PANEL}/connected", Connected=True)
    await client.do(f"{SWITCH}/connected", Connected=True)
    return client


async def standing(client, wanted: int) -> None:
    await until(lambda: client.value(f"{PANEL}/calibratorstate"), wanted)
    assert await client.value(f"{PANEL}/calibratorchanging") == (wanted == NOT_READY)


MEMBERS = [
    pytest.param(path, member, id=f"{path}-{member.name}")
    for path in (PANEL, SWITCH)
    for member in INTERFACES[path.partition("/")[0]].members.values()
]


@pytest.mark.parametrize(("path", "member"), MEMBERS)
async def test_every_member_answers_what_the_table_says(connected, path, member):
    for method, verb in (("get", member.get), ("put", member.put)):
        if verb is None:
            assert (await getattr(connected, method)(f"{path}/{member.name.lower()}")).status == 405
            continue
        fields = {parameter.name: GOOD[parameter.kind] for parameter in verb.parameters}
        answer = (await getattr(connected, method)(f"{path}/{member.name.lower()}", **fields)).json
        assert answer["ErrorNumber"] == 0 or 0x400 <= answer["ErrorNumber"] <= 0xFFF
        if verb.result and not answer["ErrorNumber"]:
            assert isinstance(answer["Value"], JSON_TYPES[verb.result])


async def test_the_panel_is_ready_when_the_output_has_sent_it(connected, lights):
    assert await connected.value(f"{PANEL}/maxbrightness") == 65535
    assert await connected.value(f"{PANEL}/coverstate") == NOT_PRESENT
    assert await connected.value(f"{PANEL}/covermoving") is False
    await standing(connected, OFF)
    for brightness in (16384, 32768, 65535, 1, 0):
        await connected.do(f"{PANEL}/calibratoron", Brightness=brightness)
        await standing(connected, READY)
        assert await connected.value(f"{PANEL}/brightness") == brightness
        assert int.from_bytes(lights.wire.sent[-1][9:11], "big") == brightness
    await connected.do(f"{PANEL}/calibratoroff")
    await standing(connected, OFF)
    assert await connected.value(f"{PANEL}/brightness") == 0
    names = {row["Name"] for row in await connected.value(f"{PANEL}/devicestate")}
    assert names == {
        "Brightness", "CalibratorState", "CalibratorChanging", "CoverState", "CoverMoving", "TimeStamp",
    }  # fmt: skip


@pytest.mark.parametrize("brightness", [-1, 65536])
async def test_a_brightness_outside_is_refused(connected, brightness):
    assert await connected.error("put", f"{PANEL}/calibratoron", Brightness=brightness) == 0x401


@pytest.mark.parametrize("member", ["opencover", "closecover", "haltcover"])
async def test_there_is_no_cover(connected, member):
    assert await connected.error("put", f"{PANEL}/{member}") == 0x400


async def test_a_panel_of_8_bits(connected, lights):
    await lights.call("patch", fixtures=[PATCH[0], PATCH[1] | {"bits": 8}])
    assert await connected.value(f"{PANEL}/maxbrightness") == 255
    await connected.do(f"{PANEL}/calibratoron", Brightness=200)
    await standing(connected, READY)
    assert (lights.wire.sent[-1][9], await connected.value(f"{PANEL}/brightness")) == (200, 200)
    assert await connected.error("put", f"{PANEL}/calibratoron", Brightness=256) == 0x401


async def test_a_running_exposure_refuses_and_is_named(connected, lights):
    await lights.call("exposure_begin", id="All-sky 7", kind="light", duration_s=30)
    answer = (await connected.put(f"{PANEL}/calibratoron", Brightness=100)).json
    assert answer["ErrorNumber"] == 0x40B and "All-sky 7" in answer["ErrorMessage"]
    assert await connected.value(f"{PANEL}/calibratorstate") == OFF
    await lights.call("exposure_end", id="All-sky 7")
    await lights.call("exposure_begin", id="flat", kind="flat", duration_s=30)
    await connected.do(f"{PANEL}/calibratoron", Brightness=100)
    await standing(connected, READY)


async def test_a_panel_that_an_exposure_holds_back_is_not_ready_until_its_end(connected, lights):
    await connected.do(f"{PANEL}/calibratoron", Brightness=9000)
    await standing(connected, READY)
    await lights.call("exposure_begin", id="sky", kind="light", duration_s=30)
    await connected.do(f"{PANEL}/calibratoroff")
    assert await connected.error("put", f"{PANEL}/calibratoron", Brightness=9000) == 0x40B
    await lights.call("override", reason="look for the screw", by="otto")
    await connected.do(f"{PANEL}/calibratoron", Brightness=9000)
    await standing(connected, READY)


async def test_no_healthy_output_is_an_error(connected, lights, monkeypatch):
    monkeypatch.setattr("lighting.engine.panel.CONFIRM", 0.1)
    lights.wire.broken = "cable cut"
    await connected.do(f"{PANEL}/calibratoron", Brightness=100)
    await standing(connected, FAULT)
    assert "cable cut" in lights.state["panel"]["problem"]
    lights.wire.broken = ""
    await connected.do(f"{PANEL}/calibratoron", Brightness=100)
    await standing(connected, READY)


async def test_without_an_output_for_its_universe_the_panel_fails(connected, lights, monkeypatch):
    monkeypatch.setattr("lighting.engine.panel.CONFIRM", 0.1)
    await lights.call("patch", fixtures=[PATCH[0], PATCH[1] | {"universe": 3}])
    await connected.do(f"{PANEL}/calibratoron", Brightness=100)
    await standing(connected, FAULT)
    assert "no output sends the panel's universe" in lights.state["panel"]["problem"]


async def test_the_page_and_a_blackout_set_the_panel_too(connected, lights):
    await lights.call("fixture", name="panel", by="otto", level=5000)
    await standing(connected, READY)
    assert await connected.value(f"{PANEL}/brightness") == 5000
    await lights.call("blackout")
    await standing(connected, OFF)
    assert await connected.value(f"{PANEL}/brightness") == 0


async def test_the_master_fader_leaves_the_panel_alone(connected, lights):
    await lights.call("master", master=10)
    await connected.do(f"{PANEL}/calibratoron", Brightness=40000)
    await standing(connected, READY)
    assert int.from_bytes(lights.wire.sent[-1][9:11], "big") == 40000


async def test_the_panel_outlives_its_client_and_ends_by_itself(tmp_path):
    async with Lights(tmp_path, DMX_FLAT_TIMEOUT_MIN="0.005").running() as lights:
        await lights.call("connect", device="covercalibrator", client="17")
        await lights.call("panel_on", brightness=100, by="test")
        await lights.call("disconnect", device="covercalibrator", client="17")
        assert lights.state["panel"]["brightness"] == 100
        async with asyncio.timeout(5):
            while lights.state["panel"]["standing"] != "off":
                await asyncio.sleep(0.01)
        assert lights.state["panel"]["brightness"] == 0


async def test_without_a_panel_in_the_patch_the_device_is_not_connected(client, lights):
    await lights.call("patch", fixtures=PATCH[:1])
    answer = (await client.put(f"{PANEL}/connected", Connected=True)).json
    assert answer["ErrorNumber"] == 0x407 and "flat-panel" in answer["ErrorMessage"]
    assert await client.value(f"{PANEL}/connected") is False
    await client.do(f"{SWITCH}/connected", Connected=True)
    assert (await client.get(f"{PANEL}/maxbrightness")).json["ErrorNumber"] == 0x407
    assert await client.value(f"{SWITCH}/maxswitch") == 6, "the Ids of those that are gone stay"


async def test_switches_are_master_modes_and_fixtures(connected, lights):
    count = await connected.value(f"{SWITCH}/maxswitch")
    names = [await connected.value(f"{SWITCH}/getswitchname", Id=number) for number in range(count)]
    assert names == ["Master", "Red only", "No light", "main", "panel", "desk"]
    for number in range(count):
        least = await connected.value(f"{SWITCH}/minswitchvalue", Id=number)
        most = await connected.value(f"{SWITCH}/maxswitchvalue", Id=number)
        assert least == 0 and most in (1, 255, 65535)
        assert await connected.value(f"{SWITCH}/switchstep", Id=number) == 1
        assert await connected.value(f"{SWITCH}/canwrite", Id=number) is True
        assert await connected.value(f"{SWITCH}/canasync", Id=number) is False
        for value in (most, 0, most // 2):
            await connected.do(f"{SWITCH}/setswitchvalue", Id=number, Value=value)
            assert await connected.value(f"{SWITCH}/getswitchvalue", Id=number) == value
            assert await connected.value(f"{SWITCH}/getswitch", Id=number) is (value > 0)
            await connected.do(f"{SWITCH}/setswitch", Id=1, State=False)
            await connected.do(f"{SWITCH}/setswitch", Id=2, State=False)
        assert await connected.error("put", f"{SWITCH}/setswitchvalue", Id=number, Value=-1) == 0x401
        assert await connected.error("put", f"{SWITCH}/setswitchvalue", Id=number, Value=most + 1) == 0x401
    values = {row["Name"]: row["Value"] for row in await connected.value(f"{SWITCH}/devicestate")}
    assert values["GetSwitchValue4"] == 32767 and values["StateChangeComplete5"] is True


async def test_a_switch_keeps_the_colour_of_its_light(connected, lights):
    await lights.call("fixture", name="desk", by="otto", colour={"r": 100, "g": 50, "b": 0})
    await connected.do(f"{SWITCH}/setswitchvalue", Id=5, Value=200)
    desk = next(row for row in lights.state["fixtures"] if row["name"] == "desk")
    assert desk["colour"] == (200, 100, 0)
    await connected.do(f"{SWITCH}/setswitch", Id=1, State=True)
    assert lights.state["mode"] == "dark"
    await connected.do(f"{SWITCH}/setswitch", Id=2, State=False)
    assert lights.state["mode"] == "dark", "the other mode was not on"


async def test_a_light_keeps_its_id_whatever_happens_to_the_patch(connected, lights):
    async def names() -> list[str]:
        count = await connected.value(f"{SWITCH}/maxswitch")
        return [await connected.value(f"{SWITCH}/getswitchname", Id=number) for number in range(count)]

    before = await names()
    main, panel, desk = PATCH
    door = {"name": "door", "role": "path", "start": 300}
    await lights.call("patch", fixtures=[door, desk, main])
    assert await names() == [*before, "door"]
    assert await connected.value(f"{SWITCH}/canwrite", Id=4) is False
    assert await connected.error("put", f"{SWITCH}/setswitch", Id=4, State=True) == 0x400
    await connected.do(f"{SWITCH}/setswitchvalue", Id=5, Value=99)
    assert next(row for row in lights.state["fixtures"] if row["name"] == "desk")["level"] == 99 * 257
    await lights.service.engine.kept.disk.written()
    rigfile.load(lights.service.engine.folder / "rig.json", again := Rig(64))
    assert again.numbered == [*before[3:], "door"], "over a restart too"
    await lights.call("patch", fixtures=[panel, main, desk])
    assert await names() == [*before, "door"]
    assert await connected.value(f"{SWITCH}/canwrite", Id=4) is True


async def test_main_by_a_switch_is_a_state_with_a_number(connected, lights):
    before = lights.state["rgb"]["seq"]
    await connected.do(f"{SWITCH}/setswitchvalue", Id=3, Value=77)
    state = lights.state["rgb"]
    assert (state["r"], state["g"], state["b"], state["updatedBy"]) == (77, 77, 77, "alpaca")
    assert state["seq"] == before + 1


@pytest.mark.parametrize("number", [-1, 6, 100])
async def test_an_id_outside_is_told_before_everything_else(connected, number):
    for member in INTERFACES["switch"].members.values():
        for method, verb in (("get", member.get), ("put", member.put)):
            if verb is None or not any(parameter.name == "Id" for parameter in verb.parameters):
                continue
            fields = {parameter.name: GOOD[parameter.kind] for parameter in verb.parameters} | {"Id": number}
            path = f"{SWITCH}/{member.name.lower()}"
            assert await connected.error(method, path, **fields) == 0x401


async def test_light_by_a_switch_obeys_the_interlock(connected, lights):
    await lights.call("exposure_begin", id="All-sky 7", kind="light", duration_s=30)
    assert await connected.error("put", f"{SWITCH}/setswitch", Id=5, State=True) == 0x40B
    await connected.do(f"{SWITCH}/setswitch", Id=5, State=False)


async def test_a_dead_engine_is_not_connected(connected, lights):
    lights.problem = "the lights' engine does not answer"
    for path in (f"{PANEL}/brightness", f"{SWITCH}/maxswitch"):
        answer = (await connected.get(path)).json
        assert answer["ErrorNumber"] == 0x407 and "does not answer" in answer["ErrorMessage"]


class Pointing:
    """A telescope's host as far as its switches go."""

    problem = ""

    def __init__(self) -> None:
        self.on = True

    @property
    def state(self):
        return {
            "clients": {"switch": {"holding": ["17"], "known": ["17"]}},
            "connection": {"connected": True, "problem": ""}, "mount": {"pointing_loop": self.on},
        }  # fmt: skip

    async def call(self, name, /, timeout=4.0, **args):
        if name == "set_pointing_loop":
            self.on = args["on"]


async def test_the_telescope_has_one_switch_and_it_lifts_no_protection(tmp_path):
    telescope = Pointing()
    device = TelescopeSwitch(telescope, part="switch", number=0, unique_id="t", name="DWARF 3 switches")
    services.install(DeviceTable([device], tmp_path))
    client = Client(AlpacaRoute(Access(NETWORKS, ["localhost"])))
    assert await client.value("switch/0/maxswitch") == 1
    assert await client.value("switch/0/getswitchname", Id=0) == "Closed-loop pointing"
    assert await client.value("switch/0/getswitch", Id=0) is True
    await client.do("switch/0/setswitch", Id=0, State=False)
    assert (telescope.on, await client.value("switch/0/getswitchvalue", Id=0)) == (False, 0)
    await client.do("switch/0/setswitchvalue", Id=0, Value=1)
    assert telescope.on is True
    assert await client.error("put", "switch/0/setswitchvalue", Id=0, Value=2) == 0x401
