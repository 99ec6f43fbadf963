"""Outputs and inputs against stand-ins that speak the wire: a pty widget, UDP receivers, an HTTP server."""

import asyncio
import contextlib
import http.server
import os
import pty
import socket
import threading
import time
import tty
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightsrig import configuration, make_engine, running, settle, until

from lighting.engine.commands import own_command
from lighting.inputs.sparkfun import LineReader, SparkFun
from lighting.outputs import ArtNet, Enttec, Ola, Sacn, artnet, sacn
from lighting.outputs.enttec import frame
from lighting.outputs.ports import SerialPort, find_widget


def slots(*values: int) -> dict[int, bytes]:
    return {0: bytes(values).ljust(512, b"\0")}


@contextlib.asynccontextmanager
async def going(output):
    task = asyncio.create_task(output.run())
    try:
        yield output
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Widget:
    """A DMX USB PRO on a pty: keeps whole messages with the time of their arrival."""

    def __init__(self, link):
        self.link, self.frames, self.garbage = link, [], b""
        self.master, self.slave = pty.openpty()
        tty.setraw(self.master), tty.setraw(self.slave)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self.slave))
        self.rest, self.open = b"", True
        asyncio.get_running_loop().add_reader(self.master, self.read)

    def read(self):
        self.rest += os.read(self.master, 65536)
        while len(self.rest) >= 5:
            assert self.rest[0] == 0x7E, "a message begins with 0x7E"
            length = self.rest[2] | self.rest[3] << 8
            if len(self.rest) < length + 5:
                return
            message, self.rest = self.rest[: length + 5], self.rest[length + 5 :]
            self.frames.append((time.monotonic(), message))

    def unplug(self):
        if self.open:
            self.open = False
            asyncio.get_running_loop().remove_reader(self.master)
            os.close(self.master), os.close(self.slave)
            self.link.unlink(missing_ok=True)


@pytest.fixture
async def widget(folder):
    widget = Widget(folder / "ttyUSB0")
    yield widget
    widget.unplug()


def enttec(folder, **more):
    return Enttec(configuration(folder, DMX_USB_ENABLED="true", DMX_USB_PORT=str(folder / "ttyUSB0"), **more))


# ---- ENTTEC


def test_a_frame_is_518_bytes_as_the_vendor_wants_it():
    message = frame(bytes(range(256)) * 2)
    assert len(message) == 518
    assert message[:5] == bytes([0x7E, 6, 0x01, 0x02, 0x00]) and message[-1] == 0xE7
    assert message[5:-1] == bytes(range(256)) * 2


async def test_the_widget_gets_the_newest_frame_at_most_forty_times_a_second(folder, widget):
    async with going(enttec(folder)) as output:
        end = time.monotonic() + 0.6
        value = 0
        while time.monotonic() < end:
            value = (value + 1) % 256
            output.slot.put(slots(value, 1, 2))
            await asyncio.sleep(0.001)
        await until(lambda: widget.frames and widget.frames[-1][1][5] == value)
        times = [when for when, _ in widget.frames]
        assert len(times) <= 0.8 * 40 + 3
        assert len(widget.frames[-1][1]) == 518 and widget.frames[-1][1][5:8] == bytes([value, 1, 2])


async def test_an_equal_frame_is_not_sent_twice_before_the_guard(folder, widget):
    async with going(enttec(folder)) as output:
        for _ in range(20):
            output.slot.put(slots(9))
            await asyncio.sleep(0.01)
        assert len(widget.frames) == 1
        await until(lambda: len(widget.frames) == 2)
        assert widget.frames[1][0] - widget.frames[0][0] > 0.5


async def test_an_unplugged_widget_is_found_again_and_gets_the_last_frame(folder, widget):
    async with going(enttec(folder)) as output:
        output.slot.put(slots(1))
        await until(lambda: widget.frames)
        widget.unplug()
        output.slot.put(slots(2))
        await until(lambda: output.problem)
        output.slot.put(slots(3))
        again = Widget(folder / "ttyUSB0")
        await until(lambda: again.frames and again.frames[-1][1][5] == 3, 30)
        await until(lambda: not output.problem)
        again.unplug()


async def test_reconnect_closes_first_and_sends_again(folder, widget):
    async with going(enttec(folder)) as output:
        output.slot.put(slots(7))
        await until(lambda: widget.frames)
        count = len(widget.frames)
        assert await output.reconnect() == str(folder / "ttyUSB0")
        await until(lambda: len(widget.frames) > count)
        assert widget.frames[-1][1][5] == 7


def test_the_port_is_chosen_by_its_ids_then_by_its_name():
    ftdi, other = SerialPort("/dev/a", 0x0403, 0x6001), SerialPort("/dev/b", 0x1234, 0x6001)
    named, blind = (
        SerialPort("/dev/c", 1, 2, product="DMX USB PRO Mk2"),
        SerialPort("/dev/d", None, None, product="enttec"),
    )
    ids = ((0x0403,), (0x6001,))
    assert find_widget([other, blind, ftdi], *ids) == ftdi
    assert find_widget([other, blind, named], *ids) == named
    assert find_widget([other, blind], *ids) is None


async def test_without_a_widget_it_keeps_looking(folder, monkeypatch):
    looks = []
    monkeypatch.setattr("lighting.outputs.enttec.list_ports", lambda: looks.append(1) or [])
    output = Enttec(configuration(folder, OUTPUT_MODE="enttec", DMX_USB_SCAN_INTERVAL="0.1"))
    async with going(output):
        output.slot.put(slots(1))
        await until(lambda: len(looks) >= 3)
        assert "no DMX USB PRO" in output.problem


# ---- OLA


class FakeOla(http.server.ThreadingHTTPServer):
    """Answers `/set_dmx` as told; a test double for failures only, the real olad is in test_lights_olad."""

    def __init__(self):
        self.posts, self.status, self.text = [], 200, b"ok"
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.posts.append((body["u"][0], [int(v) for v in body["d"][0].split(",")]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.text)))
        self.end_headers()
        self.wfile.write(self.server.text)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def fake_ola():
    server = FakeOla()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "text"), [(500, b"Universe doesn't exist"), (302, b""), (200, b"<html>help")]
)
async def test_a_failed_post_is_repeated_until_it_succeeds(fake_ola, status, text):
    fake_ola.status, fake_ola.text = status, text
    async with going(Ola(f"http://127.0.0.1:{fake_ola.server_port}/set_dmx", 3, 44)) as output:
        output.slot.put(slots(1, 2, 3))
        await until(lambda: len(fake_ola.posts) >= 2)
        assert "OLA" in output.problem
        fake_ola.status, fake_ola.text = 200, b"ok"
        await until(lambda: not output.problem)
        assert fake_ola.posts[-1] == ("3", [1, 2, 3, *[0] * 509])


async def test_a_connection_that_was_closed_while_nothing_changed_costs_nothing(
    fake_ola, monkeypatch, caplog
):
    monkeypatch.setattr(Handler, "timeout", 0.1)  # the server's patience with an idle connection
    async with going(Ola(f"http://127.0.0.1:{fake_ola.server_port}/set_dmx", 1, 44)) as output:
        for value in (1, 2, 3):
            output.slot.put(slots(value))
            await until(lambda value=value: fake_ola.posts and fake_ola.posts[-1][1][0] == value)
            await asyncio.sleep(0.3)
    assert "ola_error" not in caplog.messages


async def test_a_dead_ola_does_not_slow_the_engine(tmp_path):
    with socket.socket() as silent:  # accepts, never answers: every post runs into its 0.5 s
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        async with running(make_engine(tmp_path)) as engine:
            output = Ola(f"http://127.0.0.1:{silent.getsockname()[1]}/set_dmx", 1, 44)
            engine.frame_slots.append(output.slot)
            async with going(output):
                began = time.monotonic()
                for value in range(300):
                    engine.submit(own_command("x", value % 256, 0, 0))
                    await asyncio.sleep(0)
                await settle(engine)
                assert time.monotonic() - began < 5, "300 posts of 0.5 s would take 150"
                await until(lambda: output.problem)


# ---- sACN and Art-Net


async def test_sacn_packets_are_e131(folder):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        async with going(Sacn("127.0.0.1", 7, receiver.getsockname()[1])) as output:
            output.slot.put({0: slots(1, 2, 3)[0], 1: slots(9)[0]})
            packets = [await asyncio.to_thread(receiver.recv, 2000) for _ in range(2)]
    for packet, universe, first in zip(packets, (7, 8), (b"\1\2\3", b"\x09\0\0"), strict=True):
        assert len(packet) == 638
        assert packet[:16] == bytes([0, 0x10, 0, 0]) + b"ASC-E1.17\0\0\0"
        assert packet[16:18] == b"\x72\x6e" and packet[18:22] == b"\0\0\0\4", "root layer, 622 bytes"
        assert packet[38:40] == b"\x72\x58" and packet[40:44] == b"\0\0\0\2", "framing layer, 600 bytes"
        assert packet[108] == 100 and packet[113:115] == universe.to_bytes(2, "big")
        assert packet[115:117] == b"\x72\x0b" and packet[117:123] == b"\2\xa1\0\0\0\1", "DMP layer, 523 bytes"
        assert packet[123:125] == b"\2\1" and packet[125] == 0 and packet[126:129] == first


async def test_artnet_packets(folder):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        async with going(ArtNet("127.0.0.1", 0x123, receiver.getsockname()[1])) as output:
            output.slot.put(slots(5, 6, 7))
            packet = await asyncio.to_thread(receiver.recv, 2000)
    assert packet[:8] == b"Art-Net\0" and packet[8:10] == b"\0\x50" and packet[10:12] == b"\0\x0e"
    assert packet[12] == 1 and packet[14:16] == b"\x23\x01" and packet[16:18] == b"\2\0"
    assert packet[18:21] == b"\5\6\7" and len(packet) == 18 + 512


def test_sequences_wrap_as_each_protocol_says():
    assert sacn.packet(bytes(16), 1, 255, bytes(512))[111] == 255
    assert artnet.packet(1, 255, bytes(512))[12] == 255


# ---- SparkFun


def test_lines_are_found_anywhere_and_nonsense_is_not():
    reader = LineReader()
    assert reader.feed(b"DMX: read value from chan") == []
    assert reader.feed(b"nel 1: 123\r\n") == [(1, 123)]
    text = b"boot ok\nx dmx: READ value from channel 2 : 7 y\nDMX: read value from channel 1: 999\n"
    text += b"DMX: read value from channel -1: 50\nDMX: read value from channel 513: 5\nDMX: read value from channel 3: 0\n"
    assert reader.feed(text) == [(2, 7), (3, 0)]
    assert reader.feed(
        b"x" * 300 + b"DMX: read value from channel 1: 5\nDMX: read value from channel 1: 6\n"
    ) == [(1, 6)]


@given(st.lists(st.binary(max_size=400), max_size=10))
def test_any_bytes_are_read_without_harm(chunks):
    reader = LineReader()
    for chunk in chunks:
        assert all(1 <= channel <= 512 and 0 <= value <= 255 for channel, value in reader.feed(chunk))
        assert len(reader._rest) <= 256


async def test_a_burst_of_channels_is_one_command_and_a_lost_port_comes_back(folder, monkeypatch):
    monkeypatch.setattr("lighting.inputs.sparkfun.RECONNECT", 0.1)
    widget = Widget(folder / "ttyACM0")
    config = configuration(
        folder, DMX_INPUT_ENABLED="true", DMX_INPUT_PORT=str(folder / "ttyACM0"), DMX_INPUT_SRC="desk"
    )
    async with running(make_engine(folder / "e")) as engine:
        engine.submit(own_command("x", 10, 20, 30))
        await settle(engine)
        first = engine.state.seq
        reading = SparkFun(config, engine.submit, lambda: engine.state.colour)
        async with going(reading):
            await until(lambda: not reading.problem)
            os.write(
                widget.master,
                b"DMX: read value from channel 1: 200\nDMX: read value from channel 3: 201\nDMX: read value from channel 4: 9\n",
            )
            await until(lambda: engine.state.seq == first + 1)
            assert engine.state.colour == (200, 20, 201) and engine.state.updated_by == "desk"
            widget.unplug()
            await until(lambda: reading.problem)
            again = Widget(folder / "ttyACM0")
            await until(lambda: not reading.problem)
            os.write(again.master, b"DMX: read value from channel 2: 77\n")
            await until(lambda: engine.state.colour == (200, 77, 201))
            again.unplug()


async def test_an_input_without_a_port_is_a_warning(folder, caplog):
    config = configuration(folder, DMX_INPUT_ENABLED="true")
    await SparkFun(config, lambda command: None, lambda: (0, 0, 0)).run()
    assert "dmx_input_no_port" in caplog.messages


async def test_one_input_channel_moves_red_alone(folder):
    widget = Widget(folder / "ttyACM0")
    port = str(folder / "ttyACM0")
    config = configuration(folder, DMX_INPUT_ENABLED="true", DMX_INPUT_PORT=port, DMX_INPUT_CHANNELS="1")
    async with running(make_engine(folder / "e")) as engine:
        reading = SparkFun(config, engine.submit, lambda: engine.state.colour)
        async with going(reading):
            await until(lambda: not reading.problem)
            lines = b"DMX: read value from channel 2: 99\nDMX: read value from channel 1: 200\n"
            os.write(widget.master, lines)
            await until(lambda: engine.state.colour == (200, 0, 0))
            widget.unplug()
