"""Working planes into video files: which encoder, with which options, and colour that players understand."""

import contextlib
import errno
import os
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sky.kernels import exact_kernel, in_bands
from timelapse.pipeline.errors import EncoderError
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import Output

# Numbers of ITU-T H.273, which FFmpeg uses too.
BT709, BT601, BT2020 = 1, 6, 9
PRIMARIES_709, PRIMARIES_2020 = 1, 9
SRGB_CURVE, PQ, HLG = 13, 16, 18
LIMITED = 1

_SOFTWARE = {
    "h265": "libx265",
    "av1": "libsvtav1",
    "h264": "libx264",
    "prores": "prores_ks",
    "ffv1": "ffv1",
}
_HARDWARE = {
    "h265": ("hevc_nvenc", "hevc_qsv", "hevc_amf", "hevc_v4l2m2m"),
    "av1": ("av1_nvenc", "av1_qsv", "av1_amf"),
    "h264": ("h264_nvenc", "h264_qsv", "h264_amf", "h264_v4l2m2m"),
}
FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Container by the suffix of the file."""
_PRORES = {"proxy": "0", "lt": "1", "standard": "2", "hq": "3"}


@dataclass(frozen=True, slots=True)
class Light:
    """HDR10's content light levels.

    Attributes:
        brightest_nits: MaxCLL, of any pixel.
        brightest_frame_nits: MaxFALL, mean of any frame.
    """

    brightest_nits: float
    brightest_frame_nits: float


def pixel_format(output: Output, encoder: str) -> str:
    """FFmpeg's name of the sample layout."""
    if output.codec == "prores":
        return "yuv422p10le"
    if encoder.endswith(("_qsv", "_amf", "_nvenc")):
        return "p010le" if output.bits == 10 else "nv12"
    return "yuv420p" if output.bits == 8 else f"yuv420p{output.bits}le"


def options(output: Output, encoder: str, chunk: int, light: Light | None) -> dict[str, str]:
    """The encoder's options; every chunk begins with a key frame and refers to nothing outside."""
    if encoder == "libx265":
        return _x265(output, chunk, light)
    if encoder == "libsvtav1":
        return {"preset": str(output.preset), "crf": f"{output.crf:g}", "svtav1-params": _svt(output, light)}
    if encoder == "libx264":
        return {"preset": str(output.preset), "crf": f"{output.crf:g}", "flags": "+cgop"}
    if encoder == "prores_ks":
        return {"profile": _PRORES[str(output.preset)], "vendor": "apl0"}
    if encoder == "ffv1":
        return {"level": "3", "slices": "8", "slicecrc": "1", "g": "1"}
    if encoder.endswith("_nvenc"):
        return {"preset": "p5", "cq": f"{output.crf:g}", "rc": "vbr"}
    if encoder.endswith("_qsv"):
        return {"global_quality": f"{output.crf:.0f}"}
    if encoder.endswith("_amf"):
        return {"rc": "cqp", "qp_i": f"{output.crf:.0f}", "qp_p": f"{output.crf:.0f}"}
    return {}  # V4L2 knows bit rates only


def bit_rate(output: Output, size: tuple[int, int], rate: Fraction) -> int:
    """Bits per second of an encoder without a constant quality: a tenth of a bit per sample at CRF 23."""
    return round(size[0] * size[1] * rate * 0.1 * 2 ** ((23 - (output.crf or 23)) / 6))


_STEADY = ("cbqpoffs=-8", "crqpoffs=-8")
"""A denoised sky is so clean that x265 leaves its colour as it was until the next key frame: that is flicker."""


_THREADS = ("frame-threads=2",)
"""By default as many as the machine's cores call for: fewer leave two cores idle, and hosts would differ in pixels."""


_STILL = ("early-skip=1", "bframes=3", "rc-lookahead=10")
"""Added to preset `fast`: in a clean and steady picture most blocks are as they were, and x265 need not ask twice.

A seventh less work, a tenth of a gigabyte less at 4K, files 5 % smaller at the same likeness; other presets are left
as their names promise.
"""


def _x265(output: Output, chunk: int, light: Light | None) -> dict[str, str]:
    parameters = ["log-level=error", "open-gop=0", "chromaloc=1", *_STEADY, *_THREADS]
    if output.preset == "fast":
        parameters += _STILL
    if output.transfer == "hdr10" and light:
        parameters += [
            "hdr10=1",
            "hdr10-opt=1",
            "repeat-headers=1",
            # Primaries and white of BT.2020 in units of 0.00002, luminance in units of 0.0001 cd/m2.
            "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1)",
            f"max-cll={round(light.brightest_nits)},{round(light.brightest_frame_nits)}",
        ]
    return {
        "preset": str(output.preset),
        "crf": f"{output.crf:g}",
        "x265-params": ":".join(parameters),
        "forced-idr": "1",
    }


def _svt(output: Output, light: Light | None) -> str:
    parameters = ["chroma-sample-position=0"]
    if output.transfer == "hdr10" and light:
        parameters += [
            "enable-hdr=1",
            "mastering-display=G(0.17,0.797)B(0.131,0.046)R(0.708,0.292)WP(0.3127,0.329)L(1000,0.0001)",
            f"content-light={round(light.brightest_nits)},{round(light.brightest_frame_nits)}",
        ]
    return ":".join(parameters)


def colour(output: Output) -> dict[str, int]:
    """Matrix, primaries, curve and range of an output, for stream and frames."""
    if output.transfer == "sdr":
        return {
            "color_range": LIMITED,
            "colorspace": BT601,
            "color_primaries": PRIMARIES_709,
            "color_trc": SRGB_CURVE,
        }
    return {
        "color_range": LIMITED,
        "colorspace": BT2020,
        "color_primaries": PRIMARIES_2020,
        "color_trc": PQ if output.transfer == "hdr10" else HLG,
    }


@cache
def working_encoder(codec: str, bits: int, hardware: bool) -> str:
    """Name of an encoder that really opens here: the machine's own when asked for and there, else software.

    Raises `EncoderError` when none does.
    """
    candidates = (*(_HARDWARE.get(codec, ()) if hardware else ()), _SOFTWARE[codec])
    for name in candidates:
        if _opens(name, Output(codec=codec, bits=bits)):
            return name
    raise EncoderError(f"no encoder for {codec} with {bits} bits works here (tried {', '.join(candidates)})")


def _opens(name: str, output: Output) -> bool:
    """Encode one small frame: a driver may be listed, and open, without a device behind it."""
    import av
    import av.error

    try:
        context: Any = av.CodecContext.create(name, "w")
        context.width, context.height, context.pix_fmt = 320, 240, pixel_format(output, name)
        context.time_base = Fraction(1, 25)
        context.options = options(output, name, 24, None)
        frame = av.VideoFrame(320, 240, context.pix_fmt)
        frame.pts = 0
        context.encode(frame)
        be_ordinary()
        context.encode(None)
    except (av.error.FFmpegError, ValueError, KeyError):
        return False
    return True


def be_ordinary() -> None:
    """Take real-time priority from the threads of this process, once an encoder is open.

    SVT-AV1 gives it (`SCHED_FIFO`) to its own threads and to the caller's when it runs as root; everything else on the
    machine, the capture first, would wait for the film, and each process started later inherits it.
    """
    if not hasattr(os, "sched_setscheduler"):
        return
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # the thread has ended
            if os.sched_getscheduler(int(task.name)) in (os.SCHED_FIFO, os.SCHED_RR):
                os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))


class Encoder:
    """One part file of one output; complete under its name only after `close`.

    Args:
        path: of the finished part.
        output: what to make.
        size: of the frames that come, width and height.
        rate: frames per second.
        chunk: frames of a whole chunk: the distance of key frames at most.
        light: HDR10's levels.
    """

    def __init__(
        self,
        path: Path,
        output: Output,
        size: tuple[int, int],
        rate: Fraction,
        chunk: int,
        light: Light | None,
    ) -> None:
        import av
        import av.error

        os.environ.setdefault("SVT_LOG", "1")
        self._path = path
        self._temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        self.size = fitted(size, output.size)
        self._output = output
        name = working_encoder(output.codec, output.bits or 8, output.hardware)
        self._format = pixel_format(output, name)
        self._container = av.open(str(self._temporary), "w", format=FORMATS[output.suffix])
        stream: Any = self._container.add_stream(name, rate=rate)
        stream.width, stream.height = self.size
        stream.pix_fmt = self._format
        stream.options = options(output, name, chunk, light)
        if name.endswith("_v4l2m2m"):
            stream.bit_rate = bit_rate(output, self.size, rate)
        self._tick = stream.codec_context.time_base = 1 / rate
        stream.codec_context.gop_size = min(chunk, round(2 * rate)) if output.codec != "ffv1" else 1
        self._colour = colour(output)
        for key, value in self._colour.items():
            setattr(stream.codec_context, key, value)
        self._stream = stream
        self._count = 0

    def write(self, planes: Planes) -> None:
        """Append a frame."""
        frame = to_frame(planes, self.size, self._format, self._output.bits or 8)
        frame.pts = self._count
        frame.time_base = self._tick
        frame.color_range, frame.colorspace = self._colour["color_range"], self._colour["colorspace"]
        frame.color_primaries, frame.color_trc = self._colour["color_primaries"], self._colour["color_trc"]
        packets = self._stream.encode(frame)
        if not self._count:
            be_ordinary()
        self._count += 1
        for packet in packets:
            self._container.mux(packet)

    def close(self) -> None:
        """Finish the part: on disk under its name when this returns. Raises `OSError`."""
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        settle(self._temporary, self._path)

    def abandon(self) -> None:
        """Give up; nothing stays."""
        with contextlib.suppress(Exception):  # whatever the encoder still thinks of it
            self._container.close()
        self._temporary.unlink(missing_ok=True)


def settle(temporary: Path, path: Path) -> None:
    """Give a finished file its name, on disk when this returns. Raises `OSError`."""
    from skycam_project.common.files import fsync_folder

    handle = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    if temporary.stat().st_size == 0:
        raise OSError(errno.EIO, "nothing was written", str(temporary))
    temporary.replace(path)
    fsync_folder(path.parent)


def fitted(size: tuple[int, int], box: tuple[int, int] | None) -> tuple[int, int]:
    """The largest even size of the same shape inside `box`, never larger than `size`."""
    if box is None:
        return size
    scale = min(1.0, box[0] / size[0], box[1] / size[1])
    return max(16, round(size[0] * scale / 2) * 2), max(16, round(size[1] * scale / 2) * 2)


def to_frame(planes: Planes, size: tuple[int, int], layout: str, bits: int) -> Any:
    """An encoder's frame of working planes, scaled and rounded."""
    import av
    import av.error
    import cv2

    if size != planes.size:
        half = (size[0] // 2, size[1] // 2)
        planes = Planes(
            *(
                cv2.resize(plane, target, interpolation=cv2.INTER_AREA)
                for plane, target in zip(planes, (size, half, half), strict=True)
            )
        )
    direct = layout.startswith("yuv420p")
    frame = av.VideoFrame(*size, layout if direct else f"yuv420p{'10le' if bits > 8 else ''}")
    for plane, source in zip(frame.planes, planes, strict=True):
        kind = np.uint8 if bits == 8 else np.uint16
        target = np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)[:, : plane.width]
        _into(source, target, 16 - bits)
    return frame if direct else frame.reformat(format=layout)


def _into(source: np.ndarray, target: np.ndarray, shift: int) -> None:
    if shift < 8:
        in_bands(len(source), lambda first, end: _rounded(source, target, shift, first, end))
    else:
        in_bands(len(source), lambda first, end: _dithered(source, target, first, end))


@exact_kernel
def _rounded(source, target, shift, first, end):
    half = np.int32(1 << (shift - 1))
    for j in range(first, end):
        one, two = source[j], target[j]
        for i in range(one.shape[0]):
            two[i] = np.uint16(min(np.int32(65535), np.int32(one[i]) + half) >> shift)


@exact_kernel
def _dithered(source, target, first, end):
    # An ordered pattern of 8 x 8: skies keep their gradients, and a still picture stays still.
    for j in range(first, end):
        one, two = source[j], target[j]
        for i in range(one.shape[0]):
            a, b = i ^ j, j
            pattern = (a & 1) << 5 | (b & 1) << 4 | (a & 2) << 2 | (b & 2) << 1 | (a & 4) >> 1 | (b & 4) >> 2
            two[i] = np.uint8(min(255, (int(one[i]) + 4 * pattern + 2) >> 8))
