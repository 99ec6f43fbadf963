"""The simulated camera: properties, shutter, card and live view behind PTP operations."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from camera.simulator.card import STORAGE, Card
from camera.simulator.faults import Faults
from camera.simulator.ptp import (
    NIKON,
    STRING,
    U8,
    U16,
    U32,
    Code,
    DeviceInfo,
    Event,
    Op,
    Prop,
    Property,
    PtpError,
    StoredObject,
    pack_array,
    pack_value,
    unpack_value,
)

logger = logging.getLogger(__name__)

# fmt: off
ISOS = (100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1000, 1250, 1600, 2000, 2500, 3200, 4000, 5000,
        6400)
F_NUMBERS = (140, 160, 180, 200, 220, 250, 280, 320, 350, 400, 450, 500, 560, 630, 710, 800, 900, 1000, 1100)
EXPOSURES = (300000, 250000, 200000, 150000, 130000, 100000, 80000, 60000, 50000, 40000, 30000, 25000, 20000,
             16000, 13000, 10000, 8000, 6250, 5000, 4000, 3333, 2500, 2000, 1666, 1250, 1000, 769, 666, 500,
             400, 333, 250, 200, 166, 125, 100, 80, 62, 50, 40, 31, 25, 20, 15, 12, 10, 8, 6, 5, 4, 3, 2)
# fmt: on
"""Values the dials have, in PTP's units: ISO, f-number x 100, 0.1 ms."""
BULB = 0xFFFFFFFF
JPEG_FINE, RAW, RAW_AND_JPEG = 2, 4, 7
"""Nikon's image qualities."""
LIVE_VIEW_HEADER = 384
"""Bytes before the JPEG of a Nikon live view picture."""
OPERATIONS = tuple(op for op in Op if op < 0x9000)
NIKON_OPERATIONS = tuple(op for op in Op if op >= 0x9000)


@dataclass(frozen=True, slots=True)
class Shot:
    """What a picture is taken with: shutter in s, ISO, f-number; `taken` is the start, UTC."""

    taken: datetime
    exposure_s: float
    iso: int
    f_number: float


class Source(Protocol):
    """Where pictures come from."""

    size: tuple[int, int]
    has_raw: bool

    def files(self, shot: Shot, jpeg: bool, raw: bool) -> list[tuple[str, bytes]]:
        """The files of one exposure, raw first: suffix and bytes. `raw` only where `has_raw`."""
        ...

    def preview(self, shot: Shot) -> bytes:
        """A small JPEG for live view."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers: response code, up to five parameters, data or None for no data phase."""

    code: int = Code.OK
    parameters: tuple[int, ...] = ()
    data: bytes | None = None
    cut: bool = field(default=False)
    """The connection breaks half-way through the data."""


class HangUpError(Exception):
    """The camera closes both connections instead of answering."""


class SilenceError(Exception):
    """The camera does not answer for a while."""


class SimulatedCamera:
    """One camera, for one client at a time.

    Args:
        source: makes the pictures.
        vendor: `ptp.GENERIC` or `ptp.NIKON`.
        model: name shown to the client. libgphoto2 takes a Nikon whose name begins with J, S1 or V for a
            Nikon 1, which keeps its ISO elsewhere.
        capacity: pictures that fit on the card.
        exposure_scale: seconds a shutter second really takes; 0 makes every exposure instant.
        clock_offset_s: the camera's clock minus the machine's, seconds.
    """

    def __init__(
        self,
        source: Source,
        *,
        vendor: int = NIKON,
        model: str = "Skycam DSLR",
        capacity: int = 1000,
        exposure_scale: float = 1.0,
        clock_offset_s: float = 0.0,
    ) -> None:
        self.vendor, self.model, self.source = vendor, model, source
        self.exposure_scale, self.clock_offset_s = exposure_scale, clock_offset_s
        self.card, self.faults, self.lock = Card(capacity), Faults(), threading.RLock()
        self.properties = self._default_properties()
        self.shutter_count = 0
        self.on_event: Callable[[int, tuple[int, ...]], None] = lambda code, parameters: None
        self._queue: deque[tuple[int, int]] = deque()  # Nikon's events wait to be fetched
        self._exposing = False
        self._bulb_end: threading.Event | None = None
        self._operations: dict[int, Callable[[tuple[int, ...], bytes], Answer]] = {
            Op.GET_DEVICE_INFO: self._device_info,
            Op.OPEN_SESSION: lambda p, d: Answer(),
            Op.CLOSE_SESSION: lambda p, d: Answer(),
            Op.GET_STORAGE_IDS: lambda p, d: Answer(data=pack_array([STORAGE], "I")),
            Op.GET_STORAGE_INFO: lambda p, d: Answer(data=self.card.pack_info()),
            Op.GET_NUM_OBJECTS: lambda p, d: Answer(parameters=(len(list(self.card.children(_folder(p)))),)),
            Op.GET_OBJECT_HANDLES: lambda p, d: Answer(data=pack_array(self.card.children(_folder(p)), "I")),
            Op.GET_OBJECT_INFO: lambda p, d: Answer(data=self._object(p).pack_info(STORAGE)),
            Op.GET_OBJECT: self._get_object,
            Op.GET_THUMB: lambda p, d: Answer(Code.NO_THUMBNAIL),
            Op.GET_PARTIAL_OBJECT: self._get_partial_object,
            Op.DELETE_OBJECT: self._delete_object,
            Op.INITIATE_CAPTURE: self._initiate_capture,
            Op.GET_PROP_DESC: lambda p, d: Answer(data=self._property(p).pack_description(p[0])),
            Op.GET_PROP_VALUE: lambda p, d: Answer(
                data=pack_value(self._property(p).kind, self._property(p).value)
            ),
            Op.SET_PROP_VALUE: self._set_property,
            Op.NIKON_CONTROL_MODE: lambda p, d: Answer(),
            Op.NIKON_CHECK_EVENT: self._check_event,
            Op.NIKON_DEVICE_READY: lambda p, d: Answer(Code.DEVICE_BUSY if self._exposing_timed else Code.OK),
            Op.NIKON_START_LIVE_VIEW: lambda p, d: self._live_view(1),
            Op.NIKON_END_LIVE_VIEW: lambda p, d: self._live_view(0),
            Op.NIKON_GET_LIVE_VIEW: self._get_live_view,
            Op.NIKON_CAPTURE_TO_MEDIA: self._initiate_capture,
            Op.NIKON_TERMINATE_CAPTURE: self._terminate_capture,
        }

    # ---- what the camera is

    def _default_properties(self) -> dict[int, Property]:
        width, height = self.source.size
        exposures = (*EXPOSURES, BULB) if self.vendor == NIKON else EXPOSURES
        properties: dict[int, Property] = {
            Prop.BATTERY: Property(U8, 80),
            Prop.IMAGE_SIZE: Property(STRING, f"{width}x{height}"),
            Prop.WHITE_BALANCE: Property(U16, 4, True, (2, 4, 6)),
            Prop.F_NUMBER: Property(U16, 280, True, F_NUMBERS),
            Prop.EXPOSURE_TIME: Property(U32, 10000, True, exposures),
            Prop.PROGRAM: Property(U16, 1, True, (1,)),
            Prop.ISO: Property(U16, 400, True, ISOS),
            Prop.DATE_TIME: Property(STRING, "", True),
        }
        if self.vendor == NIKON:
            qualities = (JPEG_FINE, RAW, RAW_AND_JPEG) if self.source.has_raw else (JPEG_FINE,)
            properties[Prop.QUALITY] = Property(U8, JPEG_FINE, True, qualities)
            properties[Prop.NIKON_LIVE_VIEW_STATUS] = Property(U8, 0)
            properties[Prop.NIKON_LIVE_VIEW_PROHIBITED] = Property(U32, 0)
        return properties

    def _device_info(self, _parameters: tuple[int, ...], _data: bytes) -> Answer:
        operations = OPERATIONS + (NIKON_OPERATIONS if self.vendor == NIKON else ())
        info = DeviceInfo(
            self.vendor,
            operations,
            tuple(Event),
            sorted(self.properties),
            "Skycam",
            self.model,
            "1.0",
            "0001",
        )
        return Answer(data=info.pack())

    def now(self) -> datetime:
        """The camera's clock, which runs on UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.clock_offset_s)

    def set_battery(self, percent: int) -> None:
        """What the battery shows, 0 to 100. Raises `ValueError`."""
        if not 0 <= percent <= 100:
            raise ValueError(f"battery {percent} is outside 0 to 100")
        self.properties[Prop.BATTERY].value = int(percent)
        self._emit(Event.PROP_CHANGED, Prop.BATTERY)  # clients keep values until they hear of a change

    def reset(self, capacity: int = 1000) -> None:
        """Empty the card, forget faults, turn all dials back."""
        self.card, self.faults = Card(capacity), Faults()
        self.properties = self._default_properties()
        self.shutter_count = 0

    # ---- the one entrance

    def operate(self, op: int, parameters: tuple[int, ...], data: bytes) -> Answer:
        """Carry out one operation. Raises `HangUpError` or `SilenceError` where a fault says so."""
        handler = self._operations.get(op)
        if handler is None or (op >= 0x9000 and self.vendor != NIKON):
            return Answer(Code.NOT_SUPPORTED)
        with self.lock:
            try:
                return handler(parameters, data)
            except _RefusedError as refusal:
                return Answer(refusal.code)

    # ---- card

    def _object(self, parameters: tuple[int, ...]) -> StoredObject:
        try:
            return self.card.objects[parameters[0]]
        except (KeyError, IndexError):
            raise _RefusedError(Code.INVALID_HANDLE) from None

    def _get_object(self, parameters: tuple[int, ...], _data: bytes) -> Answer:
        return Answer(data=self._object(parameters).data, cut=self.faults.take("cut_transfer"))

    def _get_partial_object(self, parameters: tuple[int, ...], _data: bytes) -> Answer:
        stored = self._object(parameters)
        if len(parameters) < 3:
            raise _RefusedError(Code.INVALID_PARAMETER)
        part = stored.data[parameters[1] : parameters[1] + parameters[2]]
        return Answer(parameters=(len(part),), data=part, cut=self.faults.take("cut_transfer"))

    def _delete_object(self, parameters: tuple[int, ...], _data: bytes) -> Answer:
        self._object(parameters)
        del self.card.objects[parameters[0]]
        return Answer()

    # ---- properties

    def _property(self, parameters: tuple[int, ...]) -> Property:
        try:
            found = self.properties[parameters[0]]
        except (KeyError, IndexError):
            raise _RefusedError(Code.PROP_NOT_SUPPORTED) from None
        if parameters[0] == Prop.DATE_TIME:
            found.value = f"{self.now():%Y%m%dT%H%M%S}"
        return found

    def _set_property(self, parameters: tuple[int, ...], data: bytes) -> Answer:
        found = self._property(parameters)
        if self.faults.take("silence_set"):
            raise SilenceError
        if self.faults.take("busy_set"):
            raise _RefusedError(Code.DEVICE_BUSY)
        if not found.writable:
            raise _RefusedError(Code.ACCESS_DENIED)
        try:
            value = unpack_value(found.kind, data)
            if parameters[0] == Prop.DATE_TIME:
                wanted = datetime.strptime(str(value)[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
                self.clock_offset_s = (wanted - datetime.now(UTC)).total_seconds()
        except (PtpError, ValueError):
            raise _RefusedError(Code.INVALID_PROP_VALUE) from None
        if found.allowed and value not in found.allowed:
            raise _RefusedError(Code.INVALID_PROP_VALUE)
        found.value = value
        return Answer()

    def _number(self, prop: Prop) -> int:
        return int(self.properties[prop].value)

    # ---- shutter

    @property
    def _exposing_timed(self) -> bool:
        """Exposing by itself; during a bulb exposure the camera listens."""
        return self._exposing and self._bulb_end is None

    def _initiate_capture(self, _parameters: tuple[int, ...], _data: bytes) -> Answer:
        if self._exposing or self.faults.take("busy"):
            return Answer(Code.DEVICE_BUSY)
        self.card.blocked = self.faults.take("store_full")
        if self.card.free_images < 1:
            return Answer(Code.STORE_FULL)
        if self.faults.take("general_error"):
            return Answer(Code.GENERAL_ERROR)
        if self.faults.take("silence"):
            raise SilenceError
        if self.faults.take("disconnect"):
            raise HangUpError
        self.shutter_count += 1
        if self.faults.take("stall"):
            return Answer()
        self._exposing = True
        bulb = self._number(Prop.EXPOSURE_TIME) == BULB
        self._bulb_end = threading.Event() if bulb else None
        quality = self._number(Prop.QUALITY) if Prop.QUALITY in self.properties else JPEG_FINE
        shot = Shot(self.now(), self._number(Prop.EXPOSURE_TIME) / 10_000, *self._iso_and_f())
        threading.Thread(
            target=self._expose, args=(shot, quality, self._bulb_end), name="shutter", daemon=True
        ).start()
        return Answer()

    def _iso_and_f(self) -> tuple[int, float]:
        return self._number(Prop.ISO), self._number(Prop.F_NUMBER) / 100

    def _expose(self, shot: Shot, quality: int, bulb_end: threading.Event | None) -> None:
        started = time.monotonic()
        if bulb_end is not None:
            bulb_end.wait(timeout=3600)
            shot = Shot(shot.taken, time.monotonic() - started, shot.iso, shot.f_number)
        files = self.source.files(shot, jpeg=quality != RAW, raw=quality in (RAW, RAW_AND_JPEG))
        if bulb_end is None:
            time.sleep(max(0.0, shot.exposure_s * self.exposure_scale - (time.monotonic() - started)))
        with self.lock:
            self._exposing, self._bulb_end = False, None
            if not self.faults.take("lose_picture"):
                self._store(files, shot)
            self._emit(Event.CAPTURE_COMPLETE)

    def _store(self, files: list[tuple[str, bytes]], shot: Shot) -> None:
        handles = self.card.add_picture(files, f"{shot.taken:%Y%m%dT%H%M%S}", self.source.size)
        if not self.faults.take("lose_event"):
            for handle in handles:
                self._emit(Event.OBJECT_ADDED, handle)

    def _terminate_capture(self, _parameters: tuple[int, ...], _data: bytes) -> Answer:
        if self._bulb_end is not None:
            self._bulb_end.set()
        return Answer()

    def press_shutter(self) -> None:
        """A person presses the button. Raises `RuntimeError` when the camera is busy or full."""
        with self.lock:
            if self._initiate_capture((), b"").code != Code.OK:
                raise RuntimeError("the camera is busy or full")

    # ---- events and live view

    def _emit(self, code: int, *parameters: int) -> None:
        # libgphoto2 reads both channels of a Nikon and would see the event twice.
        if self.vendor == NIKON:
            self._queue.append((code, parameters[0] if parameters else 0))
        else:
            self.on_event(code, parameters)

    def _check_event(self, _parameters: tuple[int, ...], _data: bytes) -> Answer:
        events, self._queue = list(self._queue), deque()
        packed = [
            value.to_bytes(width, "little")
            for pair in events
            for value, width in zip(pair, (2, 4), strict=True)
        ]
        return Answer(data=len(events).to_bytes(2, "little") + b"".join(packed))

    def _live_view(self, on: int) -> Answer:
        self.properties[Prop.NIKON_LIVE_VIEW_STATUS].value = on
        return Answer()

    def _get_live_view(self, _parameters: tuple[int, ...], _data: bytes) -> Answer:
        # Live view cannot expose longer than its frame period: it shows the scene at 1/25 s and the highest
        # ISO.
        shot = Shot(self.now(), 0.04, ISOS[-1], self._iso_and_f()[1])
        return Answer(data=bytes(LIVE_VIEW_HEADER) + self.source.preview(shot))


class _RefusedError(Exception):
    """An operation is answered with an error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code:#06x}")
        self.code = code


def _folder(parameters: tuple[int, ...]) -> int:
    """The third parameter of the object list operations; 0 when left out."""
    return parameters[2] if len(parameters) > 2 else 0
