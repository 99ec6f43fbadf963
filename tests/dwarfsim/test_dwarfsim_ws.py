"""The wire: envelopes, keep-alive, host and slave, silence, nonsense."""

import asyncio

import pytest
import websockets
from dwarfsim_helpers import Talker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Astro, Focus, Module, Motor, Param, RgbPower, System, Task, Tele, command
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.packet_pb2 import WsPacket
from telescope.dwarf.values import ParamId
from telescope.simulator.faults import Faults
from telescope.simulator.wire import HANDLERS

TELE_GAIN = ParamId(2, 1, 0, 2).pack()


async def test_a_reply_is_type_3_and_code_0_is_an_empty_body(talker):
    reply = await talker.ask(RgbPower.CLOSE_RGB)
    packet = next(p for p in talker.packets if p.cmd == RgbPower.CLOSE_RGB)
    assert reply.code == 0
    assert (
        packet.SerializeToString()
        == WsPacket(
            major_version=1,
            minor_version=8,
            device_id=2,
            module_id=Module.RGB_POWER,
            cmd=RgbPower.CLOSE_RGB,
            type=3,
        ).SerializeToString()
    )
    lights = next(p for p in talker.packets if p.cmd == Notify.RGB_STATE)
    assert (lights.module_id, lights.type, lights.data) == (Module.NOTIFY, 2, b"")


async def test_the_reference_bytes_over_the_socket(talker):
    """The test vector of 13004 and the captured payload of 16404, answered byte for byte."""
    lock = bytes.fromhex("08 01 10 14 18 01 20 04 28 cc 65 3a 02 08 01 42 24")
    await talker.raw(lock + b"0000DAF3-0000-1000-8000-00805F9B34FB")
    await talker.note(Notify.WS_HOST_SLAVE_MODE, mode=0, lock=True)
    enter = bytes.fromhex("08 01 10 14 18 02 20 0e 28 94 80 01 3a 04 1a 02 08 01")
    await talker.raw(enter)
    await talker.until(lambda: any(p.cmd == Task.ENTER_CAMERA for p in talker.packets))
    answers = {p.cmd: p.SerializeToString().hex(" ") for p in talker.packets if p.type == 3}
    assert answers == {
        System.SET_MASTER: "08 01 10 08 18 02 20 04 28 cc 65 30 03",
        Task.ENTER_CAMERA: "08 01 10 08 18 02 20 0e 28 94 80 01 30 03 3a 02 10 01",
    }
    roles = [p.SerializeToString().hex(" ") for p in talker.packets if p.cmd == Notify.WS_HOST_SLAVE_MODE]
    assert roles == ["08 01 10 08 18 02 20 09 28 f7 76 30 02 3a 02 10 01"]


@pytest.mark.parametrize("simulator", [{"v2": True}], indirect=True)
async def test_the_old_dialect_replies_with_type_1_and_knows_no_task_center(talker):
    await talker.ask(System.SET_MASTER, lock=True)
    assert {p.type for p in talker.packets if p.cmd == System.SET_MASTER} == {1}
    await talker.send(Task.GET_DEVICE_STATE_INFO)
    assert (await talker.ask(Tele.SET_EXP, index=141)).code == 0
    assert (await talker.ask(Tele.GET_EXP)).value == 141
    assert not [p for p in talker.packets if p.cmd == Task.GET_DEVICE_STATE_INFO]


@pytest.mark.parametrize("simulator", [{"v2": True}], indirect=True)
async def test_gain_indices_of_the_old_dialect(talker):
    assert (await talker.ask(Tele.SET_GAIN, index=24)).code == 0
    assert (await talker.ask(Tele.GET_GAIN)).value == 24
    params = {p.id: p.index for p in (await talker.ask(Tele.GET_ALL_PARAMS)).all_params}
    assert params[1] == 24
    assert (await talker.ask(Tele.SET_GAIN, index=23)).code == Code.WS_INVAID_PARAM


async def test_v2_setters_drop_the_socket_of_new_firmware_and_getters_are_silent(talker):
    await talker.send(Tele.GET_EXP)
    await talker.ask(RgbPower.OPEN_RGB)
    assert not [p for p in talker.packets if p.cmd == Tele.GET_EXP]
    await talker.send(Tele.SET_EXP, index=75)
    await talker.until(lambda: talker.is_closed)


async def test_text_keep_alive(talker, simulator):
    await talker.text("ping")
    await talker.until(lambda: talker.texts == ["pong"])
    simulator.device.faults.no_pong = True
    await talker.text("ping")
    await talker.ask(RgbPower.OPEN_RGB)
    assert talker.texts == ["pong"]


async def test_control_pings_come_back_empty(simulator):
    """As the device does it: a library that compares the payload believes that nobody answered."""
    async with websockets.connect(
        f"ws://127.0.0.1:{simulator.ports.websocket}/", ping_interval=0.1, ping_timeout=0.5
    ) as socket:
        with pytest.raises(websockets.ConnectionClosedError, match="keepalive ping timeout"):
            async with asyncio.timeout(20):
                while True:
                    await socket.recv()


async def test_a_new_client_is_told_battery_card_and_temperatures(simulator):
    simulator.device.faults.low_battery = 7
    client = await Talker.connect(simulator.ports.websocket)
    assert (await client.note(Notify.ELE)).value == 7
    card = await client.note(Notify.SDCARD_INFO)
    assert (card.available_size, card.total_size, card.is_valid) == (64, 64, True)
    await client.note(Notify.CMOS_TEMPERATURE, camera_type=1)
    await client.close()


async def test_the_lock_goes_to_the_first_who_asks_and_to_the_next_when_it_leaves(simulator):
    first = await Talker.connect(simulator.ports.websocket, "/?client_id=first")
    second = await Talker.connect(simulator.ports.websocket, "/?client_id=second")
    await first.ask(System.SET_MASTER, lock=True)
    await first.note(Notify.WS_HOST_SLAVE_MODE, mode=0, lock=True)
    await second.note(Notify.WS_HOST_SLAVE_MODE, mode=1, lock=True)
    assert (await second.ask(System.SET_MASTER, lock=True)).code == 0
    state = await second.ask(Task.GET_DEVICE_STATE_INFO)
    assert state.connection_state_info.host_slave_mode.mode == 1
    second.forget()
    await first.close()
    await second.note(Notify.WS_HOST_SLAVE_MODE, mode=0)
    assert (await second.ask(RgbPower.CLOSE_RGB)).code == 0
    await second.close()


async def test_a_slave_is_ignored_but_may_read_and_hears_everything(simulator, talker):
    await talker.ask(System.SET_MASTER, lock=True)
    slave = await Talker.connect(simulator.ports.websocket)
    await slave.send(RgbPower.CLOSE_RGB)
    assert (await slave.ask(Motor.GET_POSITION, id=1)).position == pytest.approx(158.0)
    assert not [p for p in slave.packets if p.cmd == RgbPower.CLOSE_RGB]
    await talker.ask(RgbPower.CLOSE_RGB)
    await slave.note(Notify.RGB_STATE, state=0)
    assert simulator.device.switches.ring == 0
    await slave.close()


async def test_releasing_the_lock_lets_another_take_it(simulator, talker):
    await talker.ask(System.SET_MASTER, lock=True)
    other = await Talker.connect(simulator.ports.websocket)
    await talker.ask(System.SET_MASTER, lock=False)
    other.forget()
    await other.ask(System.SET_MASTER, lock=True)
    await other.note(Notify.WS_HOST_SLAVE_MODE, mode=0, lock=True)
    await talker.note(Notify.WS_HOST_SLAVE_MODE, mode=1, lock=True)
    await other.close()


async def test_a_second_controller_can_be_refused(simulator, talker):
    simulator.device.faults.occupied = True
    async with websockets.connect(f"ws://127.0.0.1:{simulator.ports.websocket}/") as socket:
        with pytest.raises(websockets.ConnectionClosedError, match="DEVICE_OCCUPIED"):
            await socket.recv()
    assert (await talker.ask(RgbPower.OPEN_RGB)).code == 0


async def test_parameters_are_echoed_to_everybody_from_module_15(simulator, talker):
    other = await Talker.connect(simulator.ports.websocket)
    assert (await talker.ask(Param.SET_GAIN, param_id=TELE_GAIN, mode=1, value=85)).code == 0
    echo = await other.note(Notify.GENERAL_INT_PARAM, param_id=TELE_GAIN, value=85, mode=1)
    assert echo is not None
    assert {p.module_id for p in other.packets if p.cmd == Notify.GENERAL_INT_PARAM} == {Module.PARAM}
    await other.close()


@pytest.mark.parametrize(
    ("cmd", "fields"),
    [
        (Param.SET_GAIN, {"param_id": TELE_GAIN, "mode": 1, "value": 241}),
        (Param.SET_GAIN, {"param_id": ParamId(2, 1, 0, 1).pack(), "mode": 1, "value": 60}),
        (Param.SET_GAIN, {"param_id": ParamId(2, 1, 7, 2).pack(), "mode": 1, "value": 60}),
        (Param.SET_GAIN, {"param_id": TELE_GAIN, "mode": 4, "value": 60}),
        (Param.SET_EXPOSURE, {"param_id": ParamId(2, 1, 0, 1).pack(), "mode": 1, "value": 76}),
        (Param.SET_EXPOSURE, {"param_id": ParamId(2, 1, 1, 1).pack(), "mode": 1, "value": 165}),
        (Param.SET_GENERAL_INT_PARAM, {"param_id": ParamId(2, 1, 0, 13).pack(), "value": 3}),
        (Param.SET_GENERAL_INT_PARAM, {"param_id": ParamId(2, 1, 1, 13).pack(), "value": 1}),
        (Param.SET_GENERAL_INT_PARAM, {"param_id": ParamId(2, 2, 0, 16).pack(), "value": 0}),
        (Param.SET_GENERAL_INT_PARAM, {"param_id": -1, "value": 0}),
        (Focus.SET_USER_INFINITY_POS, {"pos": 20001}),
        (Astro.START_GOTO_DSO, {"ra": 24.5, "dec": 10}),
        (Astro.START_GOTO_DSO, {"ra": float("nan"), "dec": 10}),
        (Astro.START_GOTO_SOLAR_SYSTEM, {"index": 12}),
        (System.SET_TIME_ZONE, {"timezone": "Europe/Nowhere"}),
        (System.SET_TIME, {"timestamp": 2**60}),
        (Motor.RUN, {"id": 3, "speed": 1}),
        (Motor.RUN, {"id": 1, "speed": 33}),
    ],
)
async def test_values_that_do_not_exist_are_refused_and_change_nothing(talker, simulator, cmd, fields):
    before = await talker.ask(Task.GET_DEVICE_STATE_INFO)
    assert (await talker.ask(cmd, **fields)).code < 0
    assert not talker.notes(Notify.GENERAL_INT_PARAM)
    after = await talker.ask(Task.GET_DEVICE_STATE_INFO)
    # Temperature and battery change by themselves.
    assert (after.motion_motor, after.focus_motor) == (before.motion_motor, before.focus_motor)
    assert after.tele.exclusive_state == before.tele.exclusive_state
    assert simulator.device.params.get(2, 0, 2).value == 60


async def test_a_request_that_is_no_message_is_answered_with_a_code(talker):
    await talker.raw(
        WsPacket(cmd=Astro.START_GOTO_DSO, module_id=3, data=b"\xff\xff\xff").SerializeToString()
    )
    await talker.until(lambda: any(p.cmd == Astro.START_GOTO_DSO for p in talker.packets))
    packet = next(p for p in talker.packets if p.cmd == Astro.START_GOTO_DSO)
    assert packet.data == b"\x08" + b"\xff" * 9 + b"\x01"


async def test_unknown_commands_and_other_types_get_no_answer(talker):
    for packet in (
        WsPacket(cmd=9999, module_id=3),
        WsPacket(cmd=Astro.START_TELE_MOSAIC, module_id=3),
        WsPacket(cmd=RgbPower.OPEN_RGB, module_id=5, type=2),
    ):
        await talker.raw(packet.SerializeToString())
    await talker.ask(RgbPower.CLOSE_RGB)
    assert {p.cmd for p in talker.packets if p.type != 2} == {RgbPower.CLOSE_RGB}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
async def test_nonsense_does_not_disturb(simulator, data):
    client = await Talker.connect(simulator.ports.websocket)
    await client.raw(data)
    await client.text(data.decode("latin-1"))
    assert (await client.ask(Motor.GET_POSITION, id=1)).code == 0
    await client.close()


QUIET = sorted(
    number
    for number, handler in HANDLERS.items()
    if 3 in handler.dialects and number not in (RgbPower.POWER_DOWN, RgbPower.REBOOT)
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cmd=st.sampled_from(QUIET), body=st.binary(max_size=40))
async def test_any_body_of_any_command_leaves_the_device_alive(simulator, cmd, body, caplog):
    client = await Talker.connect(simulator.ports.websocket)
    await client.raw(WsPacket(cmd=cmd, module_id=1, data=body).SerializeToString())
    await client.ask(Motor.GET_POSITION, id=2)
    await client.close()
    assert "failed" not in caplog.text


def test_every_simulated_command_is_documented():
    assert all(command(number) is not None for number in HANDLERS)


async def test_power_down_says_so_and_closes_every_socket(simulator, talker):
    other = await Talker.connect(simulator.ports.websocket)
    await talker.ask(RgbPower.POWER_DOWN)
    for client in (talker, other):
        await client.until(lambda client=client: client.is_closed)
        assert client.packets[-1].cmd == Notify.POWER_OFF
    with pytest.raises(websockets.InvalidStatus):
        await Talker.connect(simulator.ports.websocket)
    simulator.device.power_on()
    again = await Talker.connect(simulator.ports.websocket)
    assert (await again.ask(RgbPower.OPEN_RGB)).code == 0
    await again.close()


async def test_reboot_comes_back_uncalibrated(simulator, talker):
    simulator.device.motion.mount.calibrated = True
    await talker.ask(RgbPower.REBOOT)
    await talker.until(lambda: talker.is_closed)
    async with asyncio.timeout(20):
        while not simulator.device.powered:
            await asyncio.sleep(0.01)
    assert not simulator.device.motion.mount.calibrated


@pytest.mark.parametrize("simulator", [{"faults": Faults(drop_after=20)}], indirect=True)
async def test_drop_fault_breaks_each_connection_without_a_handshake(simulator):
    for _ in range(2):
        client = await Talker.connect(simulator.ports.websocket)
        assert (await client.ask(RgbPower.OPEN_RGB)).code == 0
        await client.until(lambda client=client: client.is_closed)
    assert len(simulator.device.clients) == 0


async def test_strict_order_fault_powers_the_device_off(simulator, talker):
    simulator.device.faults.strict_order = True
    await talker.send(Task.SWITCH_SHOOTING_MODE, mode=2)
    await talker.until(lambda: talker.is_closed)
    assert talker.packets[-1].cmd == Notify.POWER_OFF
