"""The command line of the simulator."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from sky.coordinates import Site
from telescope.simulator.errors import SimulatorError
from telescope.simulator.faults import Faults
from telescope.simulator.mount import MountErrors


@dataclass(frozen=True)
class Ports:
    """Where the device listens; 0 lets the system choose."""

    websocket: int = 9900
    http: int = 8082
    files: int = 8083
    mjpeg: int = 8092
    ftp: int = 2121
    udp: int = 9900
    rtsp: int = 8554
    control: int | None = None


@dataclass(frozen=True)
class Options:
    """Everything that the command line says.

    Attributes:
        start: moment at which the simulation begins, None for now.
        card: folder of the SD card, None for one that is thrown away at the end.
        panel_port: of the Art-Net node of a flat panel before the aperture, None for no panel.
    """

    site: Site
    host: str = "127.0.0.1"
    ports: Ports = field(default_factory=Ports)
    start: datetime | None = None
    speed: float = 1.0
    seed: int = 1
    card: Path | None = None
    v2: bool = False
    ra_degrees: bool = False
    darks: bool = False
    wedge: bool = False
    errors: MountErrors = field(default_factory=MountErrors)
    faults: Faults = field(default_factory=Faults)
    panel_port: int | None = None
    panel_channel: int = 1
    panel_gamma: float = 2.2


def parse(arguments: Sequence[str]) -> Options:
    """Options from arguments; ends the program with a message for wrong ones, as argparse does."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        errors, faults = MountErrors(), Faults()
        for text in given.mount:
            errors = _mount_error(errors, text)
        for text in given.fault:
            name, _, value = text.partition("=")
            faults.set(name, value or "on")
    except SimulatorError as error:
        parser.error(str(error))
    ports = Ports(
        given.ws_port, given.http_port, given.files_port, given.mjpeg_port, given.ftp_port, given.udp_port,
        given.rtsp_port, given.control_port,
    )  # fmt: skip
    return Options(
        site=Site(given.lat, given.lon, given.height), host=given.host, ports=ports, start=given.time,
        speed=given.speed, seed=given.seed, card=given.card, v2=given.protocol == "v2",
        ra_degrees=given.ra_unit == "degrees", darks=given.darks, wedge=given.wedge, errors=errors,
        faults=faults, panel_port=given.panel_port, panel_channel=given.panel_channel, panel_gamma=given.panel_gamma,
    )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./skycam simulate dwarf3",
        description="A DWARF 3 on the network, without the telescope.",
        epilog="docs/simulator-dwarf3.md says what it does and does not do.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for other machines, too")
    ports = Ports()
    for name, default in (
        ("ws", ports.websocket), ("http", ports.http), ("files", ports.files), ("mjpeg", ports.mjpeg),
        ("ftp", ports.ftp), ("udp", ports.udp), ("rtsp", ports.rtsp),
    ):  # fmt: skip
        add(
            f"--{name}-port", type=_port, default=default, metavar="N", help=f"default {default}; 0: any free"
        )
    add(
        "--control-port", type=_port, metavar="N", help="open the control port (loopback only); default: none"
    )
    add(
        "--time",
        type=_moment,
        metavar="T",
        help="begin at this UTC moment, e.g. 2026-11-20T22:00:00; default now",
    )
    add("--lat", type=_number(-90, 90), default=46.5, help="latitude of the site, degrees, default 46.5")
    add("--lon", type=_number(-180, 180), default=8.0, help="longitude, degrees east, default 8.0")
    add("--height", type=_number(-500, 9000), default=500.0, help="metres above the sea, default 500")
    add("--speed", type=_number(0.01, 10000), default=1.0, help="seconds of simulation per second, default 1")
    add("--seed", type=int, default=1, help="chooses all that is random, default 1")
    add("--card", type=Path, metavar="FOLDER", help="keep the SD card in this folder; default: thrown away")
    add(
        "--protocol", choices=("v3", "v2"), default="v3", help="dialect of the firmware, default v3 (1.5.0.1)"
    )
    add(
        "--ra-unit",
        choices=("hours", "degrees"),
        default="hours",
        help="unit of the right ascension of 11002",
    )
    add("--darks", action="store_true", help="begin with a complete dark library for gains 60, 80 and 100")
    add("--wedge", action="store_true", help="stand on an equatorial wedge")
    add(
        "--panel-port",
        type=_port,
        metavar="N",
        help="a flat panel before the aperture: an Art-Net node (16 bits) at 127.0.0.1; default: none",
    )
    add("--panel-channel", type=int, default=1, metavar="N", help="its first channel, default 1")
    add("--panel-gamma", type=_number(0.5, 4), default=2.2, help="of its dimming, default 2.2")
    add("--mount", action="append", default=[], metavar="NAME=VALUE", help=_names(MountErrors))
    add("--fault", action="append", default=[], metavar="NAME[=VALUE]", help=_names(Faults))
    return parser


def _names(cls: type) -> str:
    return ", ".join(f"{field.name.replace('_', '-')} (default {field.default})" for field in fields(cls))


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return number


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _number(low: float, high: float):
    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"a number from {low} to {high}")
        return value

    return number


def _mount_error(errors: MountErrors, text: str) -> MountErrors:
    name, _, value = text.partition("=")
    name = name.replace("-", "_")
    if name not in {field.name for field in fields(MountErrors)}:
        raise SimulatorError(f"there is no mount error {name!r}; there are {_names(MountErrors)}")
    if name == "solve":
        if value not in ("on", "off"):
            raise SimulatorError("mount error solve is on or off")
        return replace(errors, solve=value == "on")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    low = 1e-3 if name in ("period", "tolerance") else 0.0
    if not low <= number <= 36000:
        raise SimulatorError(f"mount error {name} takes a number that is not negative, not {value!r}")
    return replace(errors, **{name: number})
