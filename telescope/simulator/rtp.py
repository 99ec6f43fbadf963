"""RTP packets of H.264 (RFC 6184) and H.265 (RFC 7798), and the sender's RTCP report (RFC 3550)."""

import re
import struct
from secrets import randbits

from skycam_project.common.units import Seconds
from telescope.dwarf.values import StreamEncoding

CLOCK = 90_000
"""Ticks a second of a video stream's time stamps."""
PAYLOAD_TYPE = 96
PAYLOAD = 1400
"""Most bytes behind a packet's header, so that a datagram fits an Ethernet frame."""
_VERSION = 0x80
_MARKER = 0x80
_SENDER_REPORT, _SOURCE_DESCRIPTION = 200, 202
_CNAME = b"\x01\x06dwarf3"
_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""


def nal_units(stream: bytes) -> list[bytes]:
    """The NAL units of a byte stream with start codes (H.264 annex B), without these."""
    starts = [match.start() for match in re.finditer(b"\0\0\1", stream)]
    # A unit never ends in a zero byte: zeros there belong to the next start code.
    ends = [*starts[1:], len(stream)]
    return [stream[a + 3 : z].rstrip(b"\0") for a, z in zip(starts, ends, strict=False)]


def nal_type(unit: bytes, encoding: StreamEncoding) -> int:
    """Number of a NAL unit's type; the tables of both encodings differ."""
    return unit[0] & 0x1F if encoding == StreamEncoding.H264 else unit[0] >> 1 & 0x3F


def payloads(unit: bytes, encoding: StreamEncoding) -> list[bytes]:
    """A NAL unit as payloads of at most `PAYLOAD` bytes: itself, or fragmentation units (FU-A, FU)."""
    if len(unit) <= PAYLOAD:
        return [unit]
    kind = nal_type(unit, encoding)
    if encoding == StreamEncoding.H264:
        head, body = bytes([unit[0] & 0xE0 | 28]), unit[1:]
    else:
        head, body = bytes([unit[0] & 0x81 | 49 << 1, unit[1]]), unit[2:]
    size = PAYLOAD - len(head) - 1
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    flags = [0x80, *[0] * (len(pieces) - 2), 0x40]
    return [head + bytes([flag | kind]) + piece for flag, piece in zip(flags, pieces, strict=True)]


class Source:
    """Numbers the packets that one client gets.

    Attributes:
        sequence: number of the next packet.
        ssrc: what all packets of this source carry.
    """

    def __init__(self) -> None:
        self.sequence = randbits(16)
        self.ssrc = randbits(32)
        self._offset = randbits(32)
        self._packets = self._octets = 0

    def packets(self, frame: list[bytes], ticks: int) -> list[bytes]:
        """RTP packets of one frame; the last one is marked.

        Args:
            frame: payloads, in order.
            ticks: time of the frame, of `CLOCK`.
        """
        stamp, made = self._stamp(ticks), []
        for number, payload in enumerate(frame, 1):
            marker = _MARKER if number == len(frame) else 0
            head = struct.pack("!BBHII", _VERSION, marker | PAYLOAD_TYPE, self.sequence, stamp, self.ssrc)
            made.append(head + payload)
            self.sequence = self.sequence + 1 & 0xFFFF
            self._octets += len(payload)
        self._packets += len(frame)
        return made

    def report(self, ticks: int, moment: Seconds) -> bytes:
        """RTCP: which unix time the tick was, and how much was sent; with the source's name."""
        seconds, fraction = divmod(moment + _NTP_EPOCH, 1.0)
        sent = struct.pack(
            "!BBHIIIIII", _VERSION, _SENDER_REPORT, 6, self.ssrc, int(seconds), int(fraction * 2**32),
            self._stamp(ticks), self._packets & 0xFFFFFFFF, self._octets & 0xFFFFFFFF,
        )  # fmt: skip
        name = _CNAME + bytes(4 - len(_CNAME) % 4)
        head = struct.pack("!BBHI", _VERSION | 1, _SOURCE_DESCRIPTION, 1 + len(name) // 4, self.ssrc)
        return sent + head + name

    def _stamp(self, ticks: int) -> int:
        return ticks + self._offset & 0xFFFFFFFF
