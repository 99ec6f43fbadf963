"""Parts become one file by copying their packets."""

import os
from fractions import Fraction
from pathlib import Path

from timelapse.pipeline.encode import FORMATS, settle
from timelapse.pipeline.errors import EncoderError
from timelapse.pipeline.recipe import Output


def join(parts: list[tuple[Path, int]], path: Path, output: Output, rate: Fraction) -> None:
    """Put parts together; on disk under `path` when this returns.

    Args:
        parts: files and the number of frames in each, in order.
        path: of the result.
        output: as the parts were made.
        rate: frames per second.

    Raises:
        EncoderError: a part is damaged.
        OSError: the disk refused.
    """
    import av
    import av.error

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    layout = FORMATS[output.suffix]
    flags = "+frag_keyframe+delay_moov+default_base_moof" if output.fragmented else "+faststart"
    settings = {"movflags": flags + "+write_colr"} if layout != "matroska" else {}
    try:
        with av.open(str(temporary), "w", format=layout, options=settings) as result:
            stream = None
            before = 0
            for part, count in parts:
                with av.open(str(part)) as source:
                    given = source.streams.video[0]
                    if stream is None:
                        stream = result.add_stream_from_template(given, opaque=True)
                        stream.time_base = 1 / rate
                    if output.codec == "h265":
                        stream.codec_context.codec_tag = "hvc1"  # Apple's players know no other
                    tick = given.time_base or 1 / rate
                    shift = round(before / rate / tick)
                    for packet in source.demux(given):
                        if packet.dts is None:
                            continue
                        packet.pts, packet.dts = (packet.pts or 0) + shift, packet.dts + shift
                        packet.stream = stream
                        result.mux(packet)
                before += count
        settle(temporary, path)
    except av.error.FFmpegError as error:
        raise EncoderError(f"the parts of {path.name} cannot be joined: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
