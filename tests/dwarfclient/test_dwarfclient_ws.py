"""The WebSocket transport against small servers that answer late, wrongly, or not at all."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from dwarfclient_tcp import listening
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import serve

from telescope.dwarf.commands import Astro, Focus, Motor, System
from telescope.dwarf.http11 import Address
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import astro_pb2, common_pb2, focus_pb2, motor_pb2, notify_pb2, system_pb2
from telescope.dwarf.proto.packet_pb2 import WsPacket
from telescope.dwarf.values import PacketType
from telescope.dwarf.ws import LATE_ANSWER, DwarfWsClient
from telescope.errors import (
    ConnectionLostError,
    DeviceDataError,
    DwarfCommandError,
    NoAnswerError,
    NotConnectedError,
    NotHostError,
)


def packet(cmd: int, message: Message | None = None, kind: int = PacketType.REPLY, module: int = 3) -> bytes:
    data = b"" if message is None else message.SerializeToString()
    return WsPacket(
        major_version=1, minor_version=8, device_id=2, module_id=module, cmd=cmd, type=kind, data=data
    ).SerializeToString()


@asynccontextmanager
async def talking(handler, **options):
    """A server that gives each (request, socket) to `handler`, a client connected to it, what it was notified
    of."""
    seen: list[tuple[Notify, Message]] = []

    async def connection(socket):
        async for frame in socket:
            if isinstance(frame, str):
                if not options.get("mute"):
                    await socket.send("pong")
                continue
            request = WsPacket()
            request.ParseFromString(frame)
            await handler(request, socket)

    async with serve(connection, "127.0.0.1", 0, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        client = DwarfWsClient(
            Address("127.0.0.1", port),
            client_id="test",
            on_notification=lambda *pair: seen.append(pair),
            deadline=options.get("deadline", 5.0),
            ping_interval=options.get("ping_interval", 5.0),
        )
        await client.connect()
        try:
            yield client, seen
        finally:
            await client.close()


async def test_a_reply_of_type_3_with_an_empty_body_is_success():
    async def handler(request, socket):
        assert (request.module_id, request.client_id, request.minor_version) == (4, "test", 20)
        await socket.send(packet(request.cmd))

    async with talking(handler) as (client, _):
        reply = await client.request(System.SET_MASTER, system_pb2.ReqsetMasterLock(lock=True))
        assert reply == common_pb2.ComResponse()


async def test_a_reply_of_type_1_is_understood_too():
    async def handler(request, socket):
        await socket.send(packet(request.cmd, focus_pb2.ResGetUserInfinityPos(pos=9000), PacketType.RESPONSE))

    async with talking(handler) as (client, _):
        reply = await client.request(Focus.GET_USER_INFINITY_POS)
        assert reply == focus_pb2.ResGetUserInfinityPos(pos=9000)


async def test_a_negative_code_raises_with_the_vendors_name_and_plain_words():
    async def handler(request, socket):
        await socket.send(packet(request.cmd, common_pb2.ComResponse(code=-11511)))

    async with talking(handler) as (client, _):
        with pytest.raises(DwarfCommandError) as caught:
            await client.request(Astro.START_GOTO_DSO, astro_pb2.ReqGotoDSO(ra=1, dec=2))
        assert caught.value.device_code == -11511
        assert caught.value.name == "ASTRO_NEED_CALIBRATION"
        assert "START_GOTO_DSO" in str(caught.value)
        assert "-11511" in str(caught.value)
        reply = await client.request(Astro.START_GOTO_DSO, accept=[-11511])
        assert reply == common_pb2.ComResponse(code=-11511)


async def test_an_undocumented_code_is_an_error_too():
    async def handler(request, socket):
        await socket.send(packet(request.cmd, common_pb2.ComResponse(code=-99999)))

    async with talking(handler) as (client, _):
        with pytest.raises(DwarfCommandError, match="-99999"):
            await client.request(Astro.STOP_GOTO)


async def test_answers_in_another_order_than_the_requests_reach_their_callers():
    waiting = []

    async def handler(request, socket):
        waiting.append(request.cmd)
        if len(waiting) == 3:
            for cmd in reversed(waiting):
                await socket.send(packet(cmd, common_pb2.ComResponse(code=-cmd)))

    async with talking(handler) as (client, _):
        commands = [Astro.STOP_GOTO, Astro.GO_LIVE, Astro.STOP_CALIBRATION]
        replies = await asyncio.gather(*(client.request(c, accept=[-int(c)]) for c in commands))
        assert [reply.code for reply in replies] == [-11004, -11010, -11001]


async def test_two_requests_of_one_command_take_turns():
    under_way = 0

    async def handler(request, socket):
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        asked = motor_pb2.ReqMotorGetPosition.FromString(request.data)
        await asyncio.sleep(0.02)
        under_way -= 1
        await socket.send(
            packet(request.cmd, motor_pb2.ResMotorPosition(id=asked.id, position=asked.id * 10))
        )

    async with talking(handler) as (client, _):
        replies = await asyncio.gather(
            *(client.request(Motor.GET_POSITION, motor_pb2.ReqMotorGetPosition(id=n)) for n in (1, 2, 3))
        )
        assert [reply.position for reply in replies] == [10, 20, 30]


async def test_notifications_arrive_typed_and_in_order_between_answers():
    async def handler(request, socket):
        if request.cmd == Astro.GO_LIVE:  # asked last: its answer says that all before has arrived
            await socket.send(packet(request.cmd))
            return
        state = notify_pb2.ResNotifyStateAstroGoto(state=1, target_name="M 31")
        await socket.send(packet(15211, state, PacketType.NOTIFICATION, 9))
        await socket.send(packet(request.cmd))
        echo = notify_pb2.GeneralIntParam(param_id=144396663052566530, mode=1, value=60)
        await socket.send(packet(15264, echo, PacketType.NOTIFICATION, 15))
        await socket.send(packet(15212, None, PacketType.NOTIFICATION, 9))

    async with talking(handler) as (client, seen):
        await client.request(Astro.START_GOTO_DSO)
        await client.request(Astro.GO_LIVE)
        assert seen == [
            (Notify.STATE_ASTRO_GOTO, notify_pb2.ResNotifyStateAstroGoto(state=1, target_name="M 31")),
            (
                Notify.GENERAL_INT_PARAM,
                notify_pb2.GeneralIntParam(param_id=144396663052566530, mode=1, value=60),
            ),
            (Notify.STATE_ASTRO_TRACKING, notify_pb2.ResNotifyStateAstroTracking()),
        ]


async def test_a_late_answer_is_not_taken_for_the_answer_of_the_next_request():
    asked = 0

    async def handler(request, socket):
        nonlocal asked
        asked += 1
        if asked == 2:
            await socket.send(packet(request.cmd, motor_pb2.ResMotorPosition(id=1, position=11)))
            await asyncio.sleep(LATE_ANSWER / 5)
            await socket.send(packet(request.cmd, motor_pb2.ResMotorPosition(id=2, position=22)))

    async with talking(handler) as (client, _):
        with pytest.raises(NoAnswerError, match="GET_POSITION"):
            await client.request(Motor.GET_POSITION, motor_pb2.ReqMotorGetPosition(id=1), deadline=0.05)
        reply = await client.request(Motor.GET_POSITION, motor_pb2.ReqMotorGetPosition(id=2))
        assert reply.position == 22


async def test_an_answer_after_a_request_that_was_never_answered_is_its_own():
    asked = 0

    async def handler(request, socket):
        nonlocal asked
        asked += 1
        if asked > 1:
            await socket.send(packet(request.cmd, motor_pb2.ResMotorPosition(id=2, position=asked)))

    async with talking(handler) as (client, _):
        with pytest.raises(NoAnswerError):
            await client.request(Motor.GET_POSITION, deadline=0.05)
        assert (await client.request(Motor.GET_POSITION)).position == 2
        assert (await client.request(Motor.GET_POSITION)).position == 3


async def test_garbage_is_ignored_and_an_undecodable_answer_fails_its_request_only():
    async def handler(request, socket):
        if request.cmd == Astro.GO_LIVE:
            await socket.send(b"\xff\xfe\xfd nonsense")
            await socket.send(packet(15209, None, PacketType.NOTIFICATION)[:-1] + b"\x00")
            await socket.send(WsPacket(cmd=15210, type=2, data=b"\xff\xff\xff").SerializeToString())
            await socket.send(WsPacket(cmd=424242, type=2, data=b"x").SerializeToString())
            await socket.send("hello")
            await socket.send(WsPacket(cmd=request.cmd, type=3, data=b"\xff\xff").SerializeToString())
        else:
            await socket.send(packet(request.cmd))

    async with talking(handler) as (client, seen):
        with pytest.raises(DeviceDataError, match="GO_LIVE"):
            await client.request(Astro.GO_LIVE)
        assert await client.request(Astro.STOP_GOTO) == common_pb2.ComResponse()
        assert seen == []
        assert not client.closed.done()


async def test_a_message_larger_than_allowed_ends_the_connection_with_a_reason():
    async def handler(request, socket):
        await socket.send(b"x" * (1 << 21))

    async with talking(handler) as (client, _):
        with pytest.raises(ConnectionLostError):
            await client.request(Astro.GO_LIVE)
        assert await client.closed


async def test_a_cut_connection_fails_the_waiting_requests_and_later_ones_are_not_sent():
    async def handler(request, socket):
        socket.transport.abort()

    async with talking(handler) as (client, _):
        first = asyncio.create_task(client.request(Astro.START_GOTO_DSO))
        second = asyncio.create_task(client.request(Astro.START_GOTO_DSO))
        with pytest.raises(ConnectionLostError):
            await first
        with pytest.raises(NotConnectedError, match="not sent"):
            await second
        assert await client.closed


async def test_the_reason_of_a_refused_second_controller_is_told():
    async def handler(request, socket):
        await socket.close(1008, "DEVICE_OCCUPIED")

    async with talking(handler) as (client, _):
        with pytest.raises(ConnectionLostError, match="another app"):
            await client.request(Astro.GO_LIVE)


async def test_three_missing_pongs_end_the_connection():
    async def handler(request, socket):
        pass

    async with talking(handler, mute=True, ping_interval=0.05) as (client, _):
        async with asyncio.timeout(10):
            assert "no sign of life" in await client.closed


async def test_pongs_keep_an_idle_connection():
    async def handler(request, socket):
        await socket.send(packet(request.cmd))

    async with talking(handler, ping_interval=0.02) as (client, _):
        await asyncio.sleep(0.5)
        assert not client.closed.done()
        await client.request(Astro.GO_LIVE)


async def test_requests_under_way_can_be_failed_when_the_lock_is_lost():
    async def handler(request, socket):
        pass

    async with talking(handler) as (client, _):
        task = asyncio.create_task(client.request(Astro.GO_LIVE))
        await asyncio.sleep(0.05)
        client.fail_requests(NotHostError("DWARF 3"))
        with pytest.raises(NotHostError):
            await task


async def test_nobody_at_the_address_is_said_plainly(unused_tcp_port):
    client = DwarfWsClient(
        Address("127.0.0.1", unused_tcp_port), client_id="test", on_notification=lambda *_: None
    )
    with pytest.raises(NotConnectedError, match=str(unused_tcp_port)):
        await client.connect()
    await client.close()


async def test_a_server_that_does_not_speak_websocket_is_said_plainly():
    async def nonsense(reader, writer):
        writer.write(b"220 hello\r\n")
        await writer.drain()

    async with listening(nonsense) as address:
        client = DwarfWsClient(address, client_id="test", on_notification=lambda *_: None)
        started = time.monotonic()
        with pytest.raises(NotConnectedError):
            await client.connect()
        assert time.monotonic() - started < 10
        await client.close()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
async def test_no_bytes_from_the_device_raise_out_of_the_receive_loop(data):
    client = DwarfWsClient(Address("127.0.0.1", 1), client_id="t", on_notification=lambda *_: None)
    client._dispatch(data)
    client._dispatch(WsPacket(cmd=15209, type=2, data=data).SerializeToString())
