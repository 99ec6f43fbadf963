"""The vocabulary of the protocol against the byte examples of the reference and against its own sources."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telescope.dwarf.codes import Code, describe
from telescope.dwarf.commands import Astro, Guide, Module, Param, System, Task, command, module_of
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import build, common_pb2, param_pb2, system_pb2, task_pb2
from telescope.dwarf.proto.messages import (
    NOTIFICATIONS,
    REPLIES,
    REQUESTS,
    notification_type,
    reply_type,
    request_type,
)
from telescope.dwarf.proto.packet_pb2 import WsPacket
from telescope.dwarf.values import ParamId

ROOT = Path(build.__file__).parents[3]


def test_generated_code_is_what_the_proto_files_say(tmp_path):
    written = build.generate(tmp_path)
    assert len(written) == 2 * len(list(build.HERE.glob("*.proto")))
    for path in written:
        assert path.read_text() == (ROOT / path.relative_to(tmp_path)).read_text(), path.name


def test_importing_generated_code_warns_of_nothing():
    source = "import telescope.dwarf.proto.messages, telescope.dwarf.proto.discovery_pb2"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_set_master_bytes():
    packet = WsPacket(
        major_version=1, minor_version=20, device_id=1, module_id=Module.SYSTEM, cmd=System.SET_MASTER,
        data=system_pb2.ReqsetMasterLock(lock=True).SerializeToString(),
        client_id="0000DAF3-0000-1000-8000-00805F9B34FB",
    )  # fmt: skip
    expected = bytes.fromhex("08 01 10 14 18 01 20 04 28 cc 65 3a 02 08 01 42 24") + packet.client_id.encode()
    assert packet.SerializeToString() == expected


def test_set_gain_bytes():
    gain = param_pb2.ReqSetGain(param_id=ParamId(2, 1, 0, 2).pack(), mode=1, value=60)
    packet = WsPacket(
        major_version=1, minor_version=20, device_id=1, module_id=Module.PARAM, cmd=Param.SET_GAIN,
        data=gain.SerializeToString(), client_id="sim",
    )  # fmt: skip
    expected = "08011014180120 0f 28bd8201 3a0e 0882808080 8080c08002 1001 183c 42 03 73 69 6d"
    assert packet.SerializeToString() == bytes.fromhex(expected)


def test_enter_camera_bytes():
    request = task_pb2.ReqEnterCamera(client_param=task_pb2.ClientParam(encode_type=1))
    assert request.SerializeToString() == bytes.fromhex("1a 02 08 01")
    assert request_type(Task.ENTER_CAMERA) is task_pb2.ReqEnterCamera


def test_location_has_latitude_first():
    data = system_pb2.ReqSetLocation(latitude=35.83, longitude=139.88, altitude=3.0).SerializeToString()
    assert (data[0], data[9], data[18]) == (0x09, 0x11, 0x19)


def test_result_code_bytes():
    need_goto = common_pb2.ComResponse(code=Code.ASTRO_NEED_GOTO).SerializeToString()
    assert need_goto == bytes.fromhex("08 87 a6 ff ff ff ff ff ff ff 01")
    assert common_pb2.ComResponse(code=Code.WS_OK).SerializeToString() == b""


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        ((2, 1, 0, 1), 144396663052566529),
        ((2, 1, 0, 13), 144396663052566541),
        ((2, 2, 0, 16), 144678138029277200),
        ((0, 1, 0, 13), 281474976710669),
        ((2, 1, 1, 1), 0x0201100000000001),
    ],
)
def test_parameter_ids(parts, number):
    assert ParamId(*parts).pack() == number
    assert ParamId.unpack(number) == parts


@given(st.tuples(st.integers(0, 127), st.integers(0, 255), st.integers(0, 15), st.integers(0, 65535)))
def test_parameter_ids_fit_the_message_and_come_back(parts):
    message = param_pb2.ReqSetGain(param_id=ParamId(*parts).pack())
    assert ParamId.unpack(message.param_id) == parts


@pytest.mark.parametrize(
    "parts", [(128, 1, 0, 1), (-1, 1, 0, 1), (2, 256, 0, 1), (2, 1, 16, 1), (2, 1, 0, 65536)]
)
def test_parameter_id_parts_that_do_not_fit_are_refused(parts):
    with pytest.raises(ValueError, match="does not fit"):
        ParamId(*parts).pack()


RANGES = {
    Module.CAMERA_TELE: (10000, 10499), Module.CAMERA_WIDE: (12000, 12499), Module.ASTRO: (11000, 11499),
    Module.SYSTEM: (13000, 13299), Module.RGB_POWER: (13500, 13799), Module.MOTOR: (14000, 14499),
    Module.TRACK: (14800, 14899), Module.FOCUS: (15000, 15099), Module.PANORAMA: (15500, 15599),
    Module.ITIPS: (15700, 15700), Module.SCHEDULE: (16100, 16199), Module.TASK: (16400, 16499),
    Module.PARAM: (16700, 16799), Module.VOICE_ASSISTANT: (16800, 16800), Module.DEVICE: (17000, 17002),
}  # fmt: skip


def test_every_command_lies_in_the_range_of_its_module():
    numbers = [number for number in range(10000, 18000) if command(number) is not None]
    assert len(numbers) == 255
    for number in numbers:
        module = module_of(number)
        if module is None:
            assert number in set(Guide)
        else:
            low, high = RANGES[module]
            assert low <= number <= high
    assert all(15200 <= number <= 15499 for number in Notify)
    assert (command(9999), module_of(9999)) == (None, None)


def test_message_tables_name_known_commands_only():
    assert all(command(number) is not None for number in {**REQUESTS, **REPLIES})
    assert set(NOTIFICATIONS) <= set(Notify)
    assert request_type(Astro.GO_LIVE) is common_pb2.Empty
    assert reply_type(Astro.GO_LIVE) is common_pb2.ComResponse
    assert notification_type(Notify.ROLL_LEVEL_CALIBRATION_ANGLE) is None


def test_messages_with_a_code_can_say_it():
    """Every reply but the activation's carries a code, so that a refusal has a place to stand."""
    without = {cls.DESCRIPTOR.name for cls in REPLIES.values() if "code" not in cls.DESCRIPTOR.fields_by_name}
    assert without == {"ResDeviceActivateInfo"}


def test_codes_are_said_in_words():
    assert describe(-11503) == "no matching dark frame: take darks, or go on without (-11503)"
    assert "not documented" in describe(-4242)
    assert all(
        (code.meaning and code.meaning[0].islower()) or code.meaning.startswith("UFO") for code in Code
    )
