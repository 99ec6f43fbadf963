"""Medians of the sky package: rendering, detection, solving, coordinates: `./skycam bench sky`."""

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import sky
from sky.angles import longitude_latitude, offset, separation_deg, unit_vector
from sky.catalogue import load, stars
from sky.coordinates import Observer, Site
from sky.detection import Detections, detect
from sky.errors import NoMatchError
from sky.instruments import ALLSKY, DSLR_SMALL, DWARF3_TELE
from sky.kernels import cores
from sky.places import observe, place_parameters
from sky.renderer import AltAz, Conditions, Equatorial, Fixed, render, render_rgb
from sky.solver import Solution, solve, solve_detections

SITE = Site(46.0, 7.5, 1000.0)
NIGHT = datetime(2026, 11, 10, 20, tzinfo=UTC)
CLEAR = Conditions(SITE)
CLOUDY = Conditions(SITE, cloud_cover=0.4)
WIDTH, HEIGHT, SCALE = 3840, 2160, DWARF3_TELE.scale_arcsec


@dataclass(frozen=True, slots=True)
class Took:
    """Medians of one piece of work, in seconds."""

    wall: float
    cpu: float  # of all threads together: what a busy machine does not change


def median(work: Callable[[], object], rounds: int) -> Took:
    """Medians of `rounds` calls, after one that does not count."""
    work()
    wall, cpu = [], []
    for _ in range(rounds):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - begin_cpu)
    return Took(statistics.median(wall), statistics.median(cpu))


def line(what: str, took: Took, note: str = "") -> None:
    """One figure."""
    print(f"  {what:<52} {took.wall * 1e3:9.2f} ms  cpu {took.cpu * 1e3:9.2f} ms  {note}", flush=True)


def rendering(rounds: int) -> None:
    """Frames per camera, and the least that any simulator must do: draw a random number per pixel."""
    print("rendering")
    random = np.random.default_rng(1)
    floor = median(lambda: random.standard_normal((HEIGHT, WIDTH), np.float32), rounds)
    line("numpy: one Gaussian deviate per pixel of 3840 x 2160", floor, "the floor")
    cases = {
        "tele 15 s, Cygnus": lambda: render(DWARF3_TELE, Equatorial(305, 40), NIGHT, 15.0, 60, CLEAR),
        "tele 15 s, M31": lambda: render(DWARF3_TELE, Equatorial(10.68, 41.27), NIGHT, 15.0, 60, CLEAR),
        "tele 60 s, two axes, field rotation": lambda: render(
            DWARF3_TELE, AltAz(305, 40), NIGHT, 60.0, 60, CLEAR
        ),
        "tele 15 s, clouds": lambda: render(DWARF3_TELE, Equatorial(305, 40), NIGHT, 15.0, 60, CLOUDY),
    }
    for name, work in cases.items():
        took = median(work, rounds)
        line(name, took, f"{took.cpu / floor.cpu:.2f} x the floor in cpu, limit 120 ms")
    line(
        "all-sky 3096 x 2080, 20 s, clouds",
        median(lambda: render(ALLSKY, Fixed(90, 180), NIGHT, 20.0, 0, CLOUDY), rounds),
    )
    day, dusk = datetime(2026, 11, 10, 11, tzinfo=UTC), datetime(2026, 11, 10, 16, 45, tzinfo=UTC)
    for name, moment, exposure, iso in (
        ("day", day, 1 / 200, 100),
        ("dusk", dusk, 4.0, 200),
        ("night", NIGHT, 20.0, 3200),
    ):
        took = median(
            lambda m=moment, e=exposure, i=iso: render_rgb(DSLR_SMALL, Fixed(20, 225), m, e, i, CLOUDY),
            rounds,
        )
        line(f"DSLR picture 3000 x 2000, {name}", took, "limit 250 ms")


def fields(count: int) -> list[tuple[float, float, Detections]]:
    """Rendered and searched frames all over the sky that is up."""
    random = np.random.default_rng(11)
    found = []
    while len(found) < count:
        ra, dec = random.uniform(0, 360), float(np.degrees(np.arcsin(random.uniform(-0.5, 1))))
        if Observer(SITE, NIGHT).altaz(ra, dec)[0] < 25:
            continue
        aim = Equatorial(ra, dec, random.uniform(0, 360))
        frame = render(
            DWARF3_TELE, aim, NIGHT, float(random.choice([2, 5, 15])), 60, CLEAR, temperature_c=30.0
        )
        found.append((ra, dec, detect(frame, top=4095)))
    return found


def solved(found: Detections, ra: float, dec: float, radius: float) -> tuple[Took, Solution | None]:
    """One solution and what it took."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    try:
        plate = solve_detections(found, WIDTH, HEIGHT, SCALE, ra, dec, radius)
    except NoMatchError:
        plate = None
    return Took(time.perf_counter() - begin, time.process_time() - begin_cpu), plate


def solving(rounds: int, count: int) -> None:
    """Detection and solver; solve-field as a peer where it is installed."""
    print("detection and solving")
    frame = render(DWARF3_TELE, Equatorial(305, 40), NIGHT, 15.0, 60, CLEAR)
    blocks = frame.reshape(HEIGHT // 2, 2, WIDTH // 2, 2)
    floor = median(lambda: blocks.sum(axis=(1, 3), dtype=np.float32), rounds)
    took = median(lambda: detect(frame, top=4095), rounds)
    line("detect, 3840 x 2160 in Cygnus", took, f"{took.cpu / floor.cpu:.2f} x the cpu of numpy's 2 x 2 sum")
    random = np.random.default_rng(2)
    searched = fields(count)
    for radius in (0.5, 2.0, 5.0):
        times, errors = [], []
        for ra, dec, found in searched:
            near = offset(unit_vector(ra, dec), random.uniform(0, 360), radius * random.uniform(0.2, 0.95))
            took, plate = solved(found, *(float(a) for a in longitude_latitude(near)), radius)
            times.append(took)
            if plate:
                there = unit_vector(plate.ra_deg, plate.dec_deg)
                errors.append(float(separation_deg(there, unit_vector(ra, dec))) * 3600)
        line(
            f"solve, hint {radius:g} deg: {len(errors)} of {count} fields",
            Took(statistics.median(t.wall for t in times[1:]), statistics.median(t.cpu for t in times[1:])),
            f"error {statistics.median(errors):.2f}, at most {max(errors):.2f} arcsec",
        )
    times = []
    for _ in range(30):
        x, y = random.uniform(0, WIDTH, 60), random.uniform(0, HEIGHT, 60)
        begin, begin_cpu = time.perf_counter(), time.process_time()
        try:
            solve(x, y, WIDTH, HEIGHT, SCALE, random.uniform(0, 360), random.uniform(-60, 60))
            print("  WRONG: an answer for random points")
        except NoMatchError:
            times.append(Took(time.perf_counter() - begin, time.process_time() - begin_cpu))
    line(
        "no match, 60 random points, hint 2 deg",
        Took(statistics.median(t.wall for t in times), statistics.median(t.cpu for t in times)),
    )
    if shutil.which("solve-field"):
        peer(searched[0])


def peer(field: tuple[float, float, Detections]) -> None:
    """The same star list for astrometry.net's program, with the same hint and scale."""
    ra, dec, found = field
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.xyls"
        path.write_bytes(_star_list(found.x[:200] + 1, found.y[:200] + 1))
        command = [
            "solve-field", "--no-plots", "--overwrite", "--width", str(WIDTH),
            "--height", str(HEIGHT),
            "--scale-units", "arcsecperpix", "--scale-low", str(SCALE * 0.99),
            "--scale-high", str(SCALE * 1.01),
            "--ra", str(ra), "--dec", str(dec), "--radius", "2", "--dir", folder, str(path),
        ]  # fmt: skip
        begin = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False)
        took = Took(time.perf_counter() - begin, 0.0)
        mine = median(lambda: solve_detections(found, WIDTH, HEIGHT, SCALE, ra, dec, 2.0), 7)
        answer = "solved" if (Path(folder) / "list.solved").exists() else "not solved"
        line(f"solve-field, same list and hint: {answer}", took, f"{took.wall / mine.wall:.0f} x ours")


def _star_list(x: np.ndarray, y: np.ndarray) -> bytes:
    """A FITS table of two columns."""

    def header(cards: list[tuple[str, object]]) -> bytes:
        text = "".join(
            f"{key:<8}= {value!s:>20}".ljust(80) if not isinstance(value, str) or value in "TF" else
            f"{key:<8}= '{value:<8}'".ljust(80)
            for key, value in cards
        )  # fmt: skip
        return (text + "END".ljust(80)).ljust(-(-(len(text) + 80) // 2880) * 2880).encode()

    rows = np.stack([x, y], axis=1).astype(">f4").tobytes()
    primary = header([("SIMPLE", "T"), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", "T")])
    table = header(
        [
            ("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", 8),
            ("NAXIS2", len(x)), ("PCOUNT", 0),
            ("GCOUNT", 1), ("TFIELDS", 2), ("TTYPE1", "X"), ("TFORM1", "1E"),
            ("TTYPE2", "Y"), ("TFORM2", "1E"),
        ]
    )  # fmt: skip
    return primary + table + rows + bytes(-len(rows) % 2880)


def places(rounds: int) -> None:
    """Catalogue and coordinates."""
    print("catalogue and coordinates")
    line("read the star table (899 101 stars)", median(load, 3))
    aim = unit_vector(305, 40)
    line("cone of a tele field", median(lambda: stars().cone(aim, 1.7), rounds * 5))
    line("observer (site and moment)", median(lambda: Observer(SITE, NIGHT), rounds * 20))
    observer = Observer(SITE, NIGHT)
    xyz = stars().xyz[::9].astype(np.float64)
    parameters = place_parameters(observer)
    ra, dec = longitude_latitude(xyz)
    fast = median(lambda: observe(xyz, parameters), rounds)
    exact = median(lambda: observer.altaz(ra, dec), rounds)
    line(
        f"observed places of {len(xyz)} stars",
        fast,
        f"{exact.cpu / fast.cpu:.0f} x as fast as erfa's atciqz and atioq",
    )


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="skycam bench sky")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--fields", type=int, default=30, help="fields to solve; 100 for the record")
    options = parser.parse_args(argv)
    print(f"sky on {cores()} cores; medians of {options.rounds}")
    begin = time.perf_counter()
    sky.warm_up(lambda done, steps, what: print(f"  warming {done}/{steps}: {what}", flush=True))
    print(f"  warm-up {time.perf_counter() - begin:.1f} s; the first one on a machine compiles")
    rendering(options.rounds)
    solving(options.rounds, options.fields)
    places(options.rounds)
    return 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
