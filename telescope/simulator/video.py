"""The live picture of one camera as video: painted, encoded once, handed to everybody who plays it."""

import asyncio
from fractions import Fraction
from typing import Protocol, cast

import av
import numpy as np
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from telescope.dwarf.values import Camera, StreamEncoding
from telescope.simulator.device import Dwarf, Publication
from telescope.simulator.files import LIVE_PERIOD
from telescope.simulator.rtp import CLOCK, nal_type, nal_units, payloads

RATE = 25
"""Frames a second [chosen]; a frame that is late is left out."""
KEY_FRAMES = 2 * RATE
"""Frames from one that stands alone to the next."""
WIDTH = 1920
_BITS = {"maxrate": "8M", "bufsize": "8M"}
_OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
_CODECS: dict[StreamEncoding, tuple[str, dict[str, str]]] = {
    StreamEncoding.H264: ("libx264", {**_OPTIONS, **_BITS, "threads": "1"}),
    StreamEncoding.H265: (
        "libx265",
        {**_OPTIONS, **_BITS, "x265-params": "pools=none:frame-threads=1:log-level=none:info=0"},
    ),
}
_PARAMETER_SETS = {StreamEncoding.H264: (7, 8), StreamEncoding.H265: (32, 33, 34)}
"""NAL unit types that a decoder needs first."""
_BT709 = 1


class Encoder:
    """H.264 or H.265 of pictures; call it in a thread, one call at a time.

    Attributes:
        parameter_sets: NAL units that a decoder needs first; they come again before each key frame.
    """

    def __init__(self, encoding: StreamEncoding, width: int, height: int) -> None:
        name, options = _CODECS[encoding]
        codec = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.time_base, codec.framerate = Fraction(1, CLOCK), Fraction(RATE)
        codec.gop_size = KEY_FRAMES
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
        codec.options = options
        codec.flags |= Flags.global_header
        codec.open()
        self._codec, self._encoding = codec, encoding
        self._picture: np.ndarray | None = None
        self._frame: VideoFrame | None = None
        self.parameter_sets = [
            unit
            for unit in nal_units(codec.extradata or b"")
            if nal_type(unit, encoding) in _PARAMETER_SETS[encoding]
        ]

    def encode(self, picture: np.ndarray, ticks: int, key: bool) -> tuple[list[bytes], bool]:
        """One frame.

        Args:
            picture: uint8 RGB, shape (h, w, 3), of any size.
            ticks: its time, of `rtp.CLOCK`; greater than the one before.
            key: make it one that stands alone.

        Returns:
            RTP payloads, and whether the frame stands alone.
        """
        frame = self._convert(picture)
        frame.pts = ticks
        frame.pict_type = PictureType.I if key else PictureType.NONE
        packets = self._codec.encode(frame)
        alone = any(packet.is_keyframe for packet in packets)
        units = [unit for packet in packets for unit in nal_units(bytes(packet))]
        if alone:
            units = self.parameter_sets + units
        return [payload for unit in units for payload in payloads(unit, self._encoding)], alone

    def _convert(self, picture: np.ndarray) -> VideoFrame:
        """The picture in the encoder's size and colours, made once for all its frames."""
        if self._frame is None or picture is not self._picture:
            self._picture = picture
            self._frame = VideoFrame.from_ndarray(picture, "rgb24").reformat(
                self._codec.width, self._codec.height, "yuv420p", dst_colorspace=_BT709
            )
        return self._frame


class Player(Protocol):
    """Somebody who plays a stream; none of these calls may wait."""

    def send(self, frame: list[bytes], ticks: int) -> None:
        """Take the payloads of a frame; the first one stands alone."""
        ...

    def end(self) -> None:
        """The stream is no more: the device withdrew it."""
        ...


class Channel:
    """One published stream; works only while somebody plays it.

    Args:
        device: the telescope.
        camera: whose picture it is.
        publication: what the device published; the channel ends with it.

    Attributes:
        width, height: of the video, pixels.
    """

    def __init__(self, device: Dwarf, camera: Camera, publication: Publication) -> None:
        self._device, self._camera, self._publication = device, camera, publication
        profile = device.profile.cameras[camera]
        self.width = min(WIDTH, profile.width) // 2 * 2
        self.height = profile.height * self.width // profile.width // 2 * 2
        self._opening = asyncio.Lock()
        self._encoder: Encoder | None = None
        self._players: dict[Player, bool] = {}
        """Who plays, and whether they have had a frame that stands alone."""
        self._picture: np.ndarray | None = None
        self._begin = asyncio.get_running_loop().time()
        self._task: asyncio.Task[None] | None = None

    @property
    def encoding(self) -> StreamEncoding:
        """H.264 or H.265."""
        return self._publication.encoding

    @property
    def is_powered(self) -> bool:
        """False when the whole device is switched off."""
        return self._device.powered

    @property
    def is_published(self) -> bool:
        """False once the device has withdrawn the stream, even if it published another one since."""
        return self._device.powered and self._device.streams.get(self._camera) is self._publication

    async def parameter_sets(self) -> list[bytes]:
        """NAL units that a decoder needs first."""
        return (await self._open()).parameter_sets

    async def _open(self) -> Encoder:
        async with self._opening:
            if self._encoder is None:
                self._encoder = await asyncio.to_thread(Encoder, self.encoding, self.width, self.height)
        return self._encoder

    def join(self, player: Player) -> None:
        """Begin to send frames to a player."""
        self._players.setdefault(player, False)
        if self._task is None:
            self._task = self._device.spawn(self._run())

    def leave(self, player: Player) -> None:
        """Send no more to a player; nothing happens when it does not play."""
        self._players.pop(player, None)

    async def _run(self) -> None:
        self._picture = None
        painting = asyncio.create_task(self._paint())
        try:
            encoder = await self._open()
            await self._play(encoder, painting)
        finally:
            # At once and without waiting: whoever joins from here on starts a new run.
            self._task = None
            painting.cancel()
            for player in [*self._players]:
                self._players.pop(player)
                player.end()

    async def _paint(self) -> None:
        while True:
            self._picture = await self._device.photos[self._camera].view()
            await asyncio.sleep(LIVE_PERIOD)

    async def _play(self, encoder: Encoder, painting: "asyncio.Task[None]") -> None:
        """Send frames while somebody plays; raises what went wrong with the painting."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._players and self.is_published:
            if painting.done():
                painting.result()
            began = loop.time()
            if self._picture is not None:
                await self._send(encoder, self._picture, round((began - self._begin) * CLOCK))
            # Half of the time is left to others, however slow the encoder is.
            ended = loop.time()
            due = max(due + 1 / RATE, ended + (ended - began))
            await asyncio.sleep(due - ended)

    async def _send(self, encoder: Encoder, picture: np.ndarray, ticks: int) -> None:
        waiting = not all(self._players.values())
        frame, alone = await asyncio.to_thread(encoder.encode, picture, ticks, waiting)
        for player, started in [*self._players.items()]:
            if started or alone:
                self._players[player] = True
                player.send(frame, ticks)
