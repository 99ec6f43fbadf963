"""The camera on the network: PTP/IP's command and event connections, and a control port for tests."""

import contextlib
import json
import logging
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

from camera.simulator.camera import Answer, HangUpError, SilenceError, SimulatedCamera
from camera.simulator.ptp import HEADER, LONGEST_REQUEST, Packet, PtpError, Request, event, packet, response

logger = logging.getLogger(__name__)

CHUNK = 256 * 1024
"""Bytes per data packet."""
_QUICK_ACKNOWLEDGE: int | None = getattr(socket, "TCP_QUICKACK", None)
GUID = b"skycam-simulator"


class CameraServer:
    """Serves one `SimulatedCamera` to one client; a new client takes over from the one before.

    Args:
        camera: the camera.
        host: address to listen at.
        port: command port, 0 for a free one. Event connections are accepted there too.
        event_port: a second port for event connections; none when `None`.
        throughput: bytes per second of downloads; 0 for no limit.
    """

    def __init__(
        self,
        camera: SimulatedCamera,
        host: str = "127.0.0.1",
        port: int = 0,
        event_port: int | None = None,
        throughput: float = 0.0,
    ) -> None:
        self.camera, self.throughput = camera, throughput
        self._listeners = [socket.create_server((host, port))]
        if event_port is not None:
            self._listeners.append(socket.create_server((host, event_port)))
        self.port = self._listeners[0].getsockname()[1]
        self.event_port = self._listeners[-1].getsockname()[1]
        self._lock = threading.Lock()
        self._command: socket.socket | None = None
        self._events: socket.socket | None = None
        self._silenced = threading.Event()
        camera.on_event = self._send_event

    def start(self) -> None:
        """Accept connections from now on, in threads of this process."""
        for listener in self._listeners:
            threading.Thread(target=_accept, args=(listener, self._serve), daemon=True).start()

    def close(self) -> None:
        """Stop listening and drop the client."""
        for listener in self._listeners:
            listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close both connections, as a camera that is switched off."""
        with self._lock:
            for connection in (self._command, self._events):
                _close(connection)
            self._command = self._events = None
        self._silenced.set()

    # ---- connections

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            kind, _payload = _read_packet(connection)
            if kind == Packet.INIT_COMMAND_REQUEST:
                self._serve_commands(connection)
            elif kind == Packet.INIT_EVENT_REQUEST:
                self._serve_events(connection)
        except (OSError, PtpError) as error:
            logger.info("connection ended: %s", error)
        finally:
            _close(connection)

    def _serve_commands(self, connection: socket.socket) -> None:
        if self.camera.faults.take("refuse"):
            connection.sendall(packet(Packet.INIT_FAIL, struct.pack("<I", 1)))
            return
        with self._lock:
            _close(self._command)
            self._command = connection
        self._silenced.clear()
        name = f"{self.camera.model}\0".encode("utf-16-le")
        acknowledgement = struct.pack("<I", 1) + GUID + name + struct.pack("<I", 0x00010000)
        connection.sendall(packet(Packet.INIT_COMMAND_ACK, acknowledgement))
        while True:
            kind, payload = _read_packet(connection)
            if kind == Packet.PROBE_REQUEST:
                connection.sendall(packet(Packet.PROBE_RESPONSE))
            elif kind == Packet.OPERATION_REQUEST:
                self._operation(connection, Request.unpack(payload))

    def _serve_events(self, connection: socket.socket) -> None:
        connection.sendall(packet(Packet.INIT_EVENT_ACK))
        with self._lock:
            _close(self._events)
            self._events = connection
        while True:  # a client asks here whether the camera is alive
            kind, _payload = _read_packet(connection)
            if kind == Packet.PROBE_REQUEST:
                connection.sendall(packet(Packet.PROBE_RESPONSE))

    def _send_event(self, code: int, parameters: tuple[int, ...]) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._events is not None:
                self._events.sendall(event(code, parameters))

    # ---- operations

    def _operation(self, connection: socket.socket, request: Request) -> None:
        data = _read_data(connection) if request.sends_data else b""
        try:
            answer = self.camera.operate(request.op, request.parameters, data)
        except HangUpError:
            self.hang_up()
            return
        except SilenceError:
            self._silenced.clear()
            self._silenced.wait(self.camera.faults.silence_s)
            return
        logger.debug(
            "%#06x %s -> %#06x %s",
            request.op,
            list(map(hex, request.parameters)),
            answer.code,
            answer.parameters,
        )
        if answer.data is not None:
            self._send_data(connection, request.transaction, answer)
        connection.sendall(response(answer.code, request.transaction, answer.parameters))

    def _send_data(self, connection: socket.socket, transaction: int, answer: Answer) -> None:
        data = memoryview(answer.data or b"")
        head = struct.pack("<I", transaction)
        connection.sendall(packet(Packet.START_DATA, head + struct.pack("<Q", len(data))))
        if answer.cut:
            connection.sendall(packet(Packet.DATA, head + data[: len(data) // 2].tobytes()))
            self.hang_up()
            raise PtpError("transfer cut on purpose")
        chunk = min(CHUNK, max(4096, int(self.throughput / 20))) if self.throughput else CHUNK
        for start in range(0, max(1, len(data)), chunk):
            part = data[start : start + chunk]
            last = start + chunk >= len(data)
            size = HEADER.size + len(head) + len(part)
            connection.sendall(HEADER.pack(size, Packet.END_DATA if last else Packet.DATA) + head)
            connection.sendall(part)
            if self.throughput:
                threading.Event().wait(len(part) / self.throughput)


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def _close(connection: socket.socket | None) -> None:
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(
                socket.SHUT_RDWR
            )  # wakes the thread that reads it, which close() alone does not
        connection.close()


def _read(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise PtpError("closed by the client")
        parts += part
    return bytes(parts)


def _read_packet(connection: socket.socket) -> tuple[int, bytes]:
    if _QUICK_ACKNOWLEDGE is not None:
        # A client without TCP_NODELAY holds its data phase back until the request is acknowledged: 40 ms by
        # default.
        connection.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGE, 1)
    length, kind = HEADER.unpack(_read(connection, HEADER.size))
    if not HEADER.size <= length <= LONGEST_REQUEST:
        raise PtpError(f"a packet of {length} bytes")
    return kind, _read(connection, length - HEADER.size)


def _read_data(connection: socket.socket) -> bytes:
    """The client's data phase: start, parts, end."""
    data = bytearray()
    kind, _payload = _read_packet(connection)
    if kind != Packet.START_DATA:
        raise PtpError(f"packet {kind} where data should start")
    while kind != Packet.END_DATA:
        kind, payload = _read_packet(connection)
        data += payload[4:]
        if len(data) > LONGEST_REQUEST:
            raise PtpError("more data than a property holds")
    return bytes(data)


class ControlServer:
    """JSON lines over loopback TCP: set faults, battery, capacity; press the button; read the card.

    `{"faults": {"busy": 2}, "battery": 20, "capacity": 3, "press": true, "hang_up": true}`, each optional.
    Every line is answered with `{"ok": true, ...state}` or `{"ok": false, "error": text}`. There is no
    login, so it listens at 127.0.0.1 only and only when asked for (security.md, point 13).
    """

    def __init__(self, server: CameraServer, port: int) -> None:
        self.server, self.camera = server, server.camera
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]

    def start(self) -> None:
        """Accept connections from now on."""
        threading.Thread(target=_accept, args=(self._listener, self._serve), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as lines:
            for line in iter(lambda: lines.readline(LONGEST_REQUEST), b""):
                try:
                    answer = {"ok": True, **self._carry_out(json.loads(line))}
                except (ValueError, TypeError, AttributeError, RuntimeError) as error:
                    answer = {"ok": False, "error": str(error)}
                lines.write(json.dumps(answer).encode() + b"\n")
                lines.flush()

    def _carry_out(self, wanted: dict[str, Any]) -> dict[str, Any]:
        camera = self.camera
        actions: dict[str, Callable[[Any], None]] = {
            "faults": camera.faults.update,
            "battery": camera.set_battery,
            "capacity": lambda value: setattr(camera.card, "capacity", int(value)),
            "reset": lambda _: camera.reset(),
            "press": lambda _: camera.press_shutter(),
            "hang_up": lambda _: self.server.hang_up(),
        }
        if unknown := set(wanted) - set(actions):
            raise ValueError(f"unknown {', '.join(sorted(unknown))}; known: {', '.join(actions)}")
        with camera.lock:
            for name, value in wanted.items():
                actions[name](value)
            return {
                "faults": camera.faults.as_dict(),
                "files": camera.card.file_names(),
                "free_images": camera.card.free_images,
                "shutter_count": camera.shutter_count,
            }
