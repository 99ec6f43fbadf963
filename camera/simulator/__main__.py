"""`python -m camera.simulator`: the simulated camera as a process of its own.

libgphoto2's Python binding keeps the interpreter's lock in several calls, so a server in the same process
would not be able to answer: it always runs apart from its client.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from camera.simulator.camera import Shot, SimulatedCamera, Source
from camera.simulator.panel import PanelScene
from camera.simulator.ptp import GENERIC, NIKON
from camera.simulator.scene import NightScene
from camera.simulator.server import CameraServer, ControlServer
from sky.panel import Panel

VENDORS = {"generic": GENERIC, "nikon": NIKON}


class PictureFile:
    """The same JPEG for every shot, byte for byte: for measuring what is not rendering.

    Args:
        path: of the JPEG.
    """

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        with Image.open(path) as image:
            self.size: tuple[int, int] = image.size
        self.has_raw = False

    def files(self, shot: Shot, jpeg: bool, raw: bool) -> list[tuple[str, bytes]]:
        """The file."""
        return [("JPG", self._data)]

    def preview(self, shot: Shot) -> bytes:
        """The file."""
        return self._data


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m camera.simulator", description="The simulated camera as a process of its own."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (%(default)s)")
    parser.add_argument("--port", type=int, default=15740, help="command port, 0: any free one (%(default)s)")
    parser.add_argument("--event-port", type=int, help="a second port for events (default: the command port)")
    parser.add_argument(
        "--control-port", type=int, help="open the JSON control port at 127.0.0.1 (default: none)"
    )
    parser.add_argument(
        "--vendor", choices=VENDORS, default="nikon", help="nikon has live view, bulb (%(default)s)"
    )
    parser.add_argument("--model", default="Skycam DSLR", help="%(default)s")
    parser.add_argument("--size", default="3000x2000", metavar="WxH", help="picture in pixels (%(default)s)")
    parser.add_argument(
        "--scene",
        choices=("simple", "sky"),
        default="simple",
        help="simple: quick, invented stars; sky: the real sky of place and time (%(default)s)",
    )
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="a JPEG to serve instead of the rendered night"
    )
    parser.add_argument(
        "--capacity", type=int, default=1000, help="pictures that fit on the card (%(default)s)"
    )
    parser.add_argument(
        "--exposure-scale", type=float, default=1.0, help="real seconds per second (%(default)s)"
    )
    parser.add_argument("--throughput", type=float, default=0.0, help="download limit in bytes/s (none)")
    parser.add_argument("--latitude", type=float, default=46.5, help="degrees north (%(default)s)")
    parser.add_argument("--longitude", type=float, default=7.9, help="degrees east (%(default)s)")
    parser.add_argument(
        "--time", metavar="ISO", help="what the camera's clock shows at the start (default: now, UTC)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of stars, hills and noise (%(default)s)")
    parser.add_argument(
        "--panel-port",
        type=int,
        help="a flat panel in front of the lens: an Art-Net node at 127.0.0.1 (default: none)",
    )
    parser.add_argument("--panel-channel", type=int, default=1, help="its first channel (%(default)s)")
    parser.add_argument("--panel-bits", type=int, choices=(8, 16), default=16, help="%(default)s")
    parser.add_argument("--panel-gamma", type=float, default=2.2, help="of its dimming (%(default)s)")
    parser.add_argument("--panel-flicker", type=float, default=0.02, help="share of its light (%(default)s)")
    parser.add_argument(
        "--panel-strength", type=float, default=2.0,
        help="level after 1 s at full light, ISO 100, f/2.8; 1 is full scale (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=N",
        help="a fault to happen N times; may be repeated",
    )
    parser.add_argument("--verbose", action="store_true", help="log every operation to standard error")
    parser.add_argument("--parent-pipe", action="store_true", help="end when standard input is closed")
    return parser.parse_args(argv)


def build(options: argparse.Namespace) -> CameraServer:
    """The server that the options describe. Raises `ValueError` or `OSError`."""
    source: Source
    if options.picture:
        source = PictureFile(options.picture)
    else:
        width, _, height = options.size.partition("x")
        size = (int(width), int(height))
        if options.scene == "sky":
            from camera.simulator.sky_scene import SkyScene  # its kernels take time and memory

            source = SkyScene(size, options.latitude, options.longitude, options.seed)
        else:
            source = NightScene(size, options.latitude, options.longitude, options.seed)
        if options.panel_port is not None:
            panel = Panel(
                options.panel_port,
                options.panel_channel,
                options.panel_bits,
                options.panel_gamma,
                options.panel_flicker,
            )
            source = PanelScene(source, panel, options.panel_strength)
    offset = 0.0
    if options.time:
        shown = datetime.fromisoformat(options.time)
        shown = shown if shown.tzinfo else shown.replace(tzinfo=UTC)
        offset = (shown - datetime.now(UTC)).total_seconds()
    camera = SimulatedCamera(
        source,
        vendor=VENDORS[options.vendor],
        model=options.model,
        capacity=options.capacity,
        exposure_scale=options.exposure_scale,
        clock_offset_s=offset,
    )
    camera.faults.update(
        {name: float(count) for name, _, count in (fault.partition("=") for fault in options.fault)}
    )
    return CameraServer(camera, options.host, options.port, options.event_port, options.throughput)


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT (or the end of standard input); prints one JSON line with the ports."""
    options = parse(argv)
    logging.basicConfig(level=logging.DEBUG if options.verbose else logging.WARNING, format="%(message)s")
    logging.getLogger("PIL").setLevel(logging.WARNING)
    try:
        server = build(options)
    except (ValueError, OSError) as error:
        print(f"the simulated camera cannot start: {error}", file=sys.stderr)
        return 2
    ports: dict[str, Any] = {
        "port": server.port,
        "event_port": server.event_port,
        "address": _address(options.host, server),
    }
    if isinstance(source := server.camera.source, PanelScene):
        ports["panel_port"] = source.panel.port
    server.start()
    if options.control_port is not None:
        control = ControlServer(server, options.control_port)
        control.start()
        ports["control_port"] = control.port
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if options.parent_pipe:
        threading.Thread(target=_watch_parent, args=(ended,), daemon=True).start()
    print(json.dumps({**ports, "pid": os.getpid()}), flush=True)
    ended.wait()
    server.close()
    return 0


def _watch_parent(ended: threading.Event) -> None:
    while os.read(0, 4096):  # not sys.stdin, whose lock would delay the end of the process
        continue
    ended.set()


def _address(host: str, server: CameraServer) -> str:
    """The camera's address as the driver wants it."""
    reachable = "127.0.0.1" if host in ("", "0.0.0.0") else host  # noqa: S104 (a comparison)
    return f"ptpip:{reachable}:{server.port}:{server.event_port}"


if __name__ == "__main__":
    sys.exit(main())
