"""The demo observatory: where it stands, and which simulators it needs."""

import math
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from skycam_project.common.files import write_atomic
from skycam_project.common.units import Degrees, Metres
from skycam_project.supervisor.children import Plan


@dataclass(frozen=True, slots=True)
class Site:
    """A place of the list: name, latitude (north positive), longitude (east positive), height."""

    name: str
    latitude: Degrees
    longitude: Degrees
    elevation: Metres


SITES = (
    Site("Roque de los Muchachos, La Palma", 28.757, -17.885, 2396),
    Site("Paranal, Chile", -24.627, -70.404, 2635),
    Site("Mauna Kea, Hawaii", 19.826, -155.472, 4205),
    Site("Kitt Peak, Arizona", 31.958, -111.597, 2096),
    Site("Sutherland, South Africa", -32.376, 20.811, 1798),
    Site("Hanle, Ladakh", 32.779, 78.964, 4500),
    Site("Siding Spring, Australia", -31.273, 149.062, 1165),
    Site("Lake Tekapo, New Zealand", -43.986, 170.465, 1029),
    Site("Nishi-Harima, Japan", 35.025, 134.336, 449),
    Site("Gornergrat, Switzerland", 45.983, 7.785, 3089),
)


def sun_altitude(site: Site, moment: datetime) -> Degrees:
    """Altitude of the sun to about 0.1°, by the low-precision formulae of the Astronomical Almanac (page C5)."""
    days = (moment - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400
    mean_longitude = (280.460 + 0.9856474 * days) % 360
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360)
    longitude = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    obliquity = math.radians(23.439 - 0.0000004 * days)
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    ascension = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    sidereal = math.radians((280.46062 + 360.98564737 * days + site.longitude) % 360)
    latitude, hour_angle = math.radians(site.latitude), sidereal - ascension
    sine = math.sin(latitude) * math.sin(declination)
    sine += math.cos(latitude) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def demo_site(file: Path, moment: datetime) -> Site:
    """The demo's place: the one of the first start, where it was deepest night then; kept in `file`."""
    try:
        return Site(**orjson.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        site = min(SITES, key=lambda site: sun_altitude(site, moment))
        write_atomic(file, orjson.dumps(asdict(site)))
        return site


def camera_plan(port: int, event_port: int, site: Site) -> Plan:
    """The simulated DSLR: a PTP/IP camera under the sky of the site."""
    arguments = [
        "--port",
        str(port),
        "--event-port",
        str(event_port),
        "--model",
        "Skycam demo DSLR",
        "--scene",
        "sky",
    ]
    arguments += [f"--latitude={site.latitude}", f"--longitude={site.longitude}"]
    return Plan(name="dslr", command=_simulator("dslr", "camera.simulator", arguments))


def telescope_plan(ports: dict[str, int], site: Site, card: Path) -> Plan:
    """The simulated DWARF 3."""
    arguments = [f"--{name}-port={port}" for name, port in ports.items()]
    arguments += [f"--lat={site.latitude}", f"--lon={site.longitude}", f"--height={site.elevation}"]
    arguments += [f"--card={card}", "--darks"]
    return Plan(name="dwarf3", command=_simulator("dwarf3", "telescope.simulator", arguments))


def _simulator(name: str, module: str, arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "skycam_project.child", name, module, *arguments]
