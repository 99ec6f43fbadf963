"""What questions about a million sessions cost, and what it costs to be able to ask them.

`./skycam bench catalogue [--sessions N] [--files N] [--data FOLDER]`. The sessions are synthetic rows, written
by the catalogue's own writer into monthly parts; the files of the rebuild are laid out as the store does it.
Beside each query stands the same one on the whole file, by polars and by DuckDB. A figure that has a limit says
whether it is kept; the command ends with 1 when one is missed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from sessions.catalogue.catalogue import SCHEMA, Catalogue
from sessions.catalogue.sync import sync
from sessions.store import blocks

START = datetime(2015, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=365 * 10)
KINDS = ["observation", "alignment", "experiment", "maintenance", "idle"]


def rows(number: int) -> pl.DataFrame:
    """Sessions of ten years, spread evenly, as many of each kind as a real observatory has."""
    random = np.random.default_rng(1)
    step = int(SPAN / number / timedelta(microseconds=1))
    micros = pl.int_range(number, eager=True) * step + int(START.timestamp() * 1e6)
    frame = pl.DataFrame({"n": np.arange(number), "start_time": micros.cast(SCHEMA["start_time"])})
    kind = random.choice(KINDS, number, p=[0.2, 0.05, 0.03, 0.02, 0.7])
    target = "M" + pl.Series(random.integers(1, 111, number)).cast(pl.String)
    frame = frame.with_columns(
        session_type=pl.Series(kind),
        target=pl.when(pl.Series(kind) == "idle").then(None).otherwise(target),
        error_count=pl.Series((random.random(number) < 0.03).astype(np.int64)),
        frames=pl.Series(np.where(kind == "idle", 0, random.integers(1, 900, number))),
        file_size=pl.Series(random.integers(20_000, 2_000_000, number)),
        uuid=pl.Series([f"{n:032x}" for n in range(number)]),
        instrument=pl.Series(random.choice(["dslr", "dwarf3", "system"], number)),
    )
    day = pl.col("start_time").dt.strftime("%Y/%m/%d")
    frame = frame.with_columns(
        session_id=pl.col("session_type")
        + pl.col("start_time").dt.strftime("_%Y%m%d_%H%M%S_")
        + pl.col("n").cast(pl.String),
        end_time=pl.col("start_time") + timedelta(minutes=50),
        status=pl.lit("complete"),
        duration_s=pl.lit(3000.0),
        storage=pl.lit("embedded"),
        compression=pl.lit("blsc"),
        schema_version=pl.lit("1.0.0"),
        captures=pl.lit("{}"),
        catalogued_at=pl.col("start_time"),
        protected=pl.lit(False),
    ).with_columns(asdf_path=day + "/" + pl.col("session_id") + ".asdf")
    missing = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in frame.columns]
    return frame.with_columns(missing).select(SCHEMA.names()).cast(dict(SCHEMA))


def milliseconds(work: Callable[[], object], count: int = 7) -> float:
    """Median time of `work()`."""
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return median(taken)


def show(what: str, figure: str, peer: str = "") -> None:
    """One line of the report."""
    print(f"{what:<56}{figure:>14}  {peer}", flush=True)


_missed: list[str] = []


def limit(what: str, kept: bool) -> None:
    """A line that says whether a limit is kept."""
    show(f"  limit: {what}", "kept" if kept else "MISSED")
    _missed.extend([what] * (not kept))


def fill(catalogue: Catalogue, number: int) -> None:
    """Monthly parts and the whole file."""
    frame = rows(number).with_columns(month=pl.col("start_time").dt.strftime("%Y-%m"))
    with catalogue.lock():
        for (month,), part in frame.partition_by("month", as_dict=True, include_key=False).items():
            catalogue.write(str(month), part)
        start = time.perf_counter()
        catalogue.refresh_whole()
    size = catalogue.whole.stat().st_size / 1e6
    show(f"whole file of {number:,} sessions", f"{time.perf_counter() - start:.2f} s", f"{size:.1f} MB")


def bench_queries(catalogue: Catalogue) -> None:
    """The document's questions, and two more."""
    import duckdb

    night = datetime(2020, 6, 15, 12, tzinfo=UTC)
    questions: dict[str, tuple[Callable[[pl.LazyFrame], pl.LazyFrame], str]] = {
        "failed alignments": (
            lambda s: s.filter((pl.col("session_type") == "alignment") & (pl.col("error_count") > 0)),
            "SELECT * FROM {} WHERE session_type = 'alignment' AND error_count > 0",
        ),
        "last ten observations of M*": (
            lambda s: (
                s.filter((pl.col("session_type") == "observation") & pl.col("target").str.starts_with("M"))
                .select("session_id", "target", "error_count", "asdf_path", "start_time")
                .sort("start_time", descending=True)
                .head(10)
            ),
            "SELECT session_id, target, error_count, asdf_path FROM {} WHERE session_type = 'observation' "
            "AND target LIKE 'M%' ORDER BY start_time DESC LIMIT 10",
        ),
        "one night": (
            lambda s: s.filter(pl.col("start_time").is_between(night, night + timedelta(days=1))),
            "SELECT * FROM {} WHERE start_time BETWEEN '2020-06-15 12:00:00+00' AND '2020-06-16 12:00:00+00'",
        ),
        "frames per target": (
            lambda s: s.group_by("target").agg(pl.col("frames").sum()),
            "SELECT target, SUM(frames) FROM {} GROUP BY target",
        ),
    }
    parts = f"read_parquet('{catalogue.parts}/**/*.parquet', hive_partitioning=true)"
    for name, (ask, sql) in questions.items():
        ours = milliseconds(lambda ask=ask: ask(catalogue.scan()).collect())
        whole = milliseconds(lambda ask=ask: ask(pl.scan_parquet(catalogue.whole)).collect())
        duck = milliseconds(lambda sql=sql: duckdb.sql(sql.format(parts)).fetchnumpy())
        one = milliseconds(lambda sql=sql: duckdb.sql(sql.format(f"'{catalogue.whole}'")).fetchnumpy())
        show(
            name, f"{ours:.1f} ms", f"whole file {whole:.1f}; DuckDB: months {duck:.1f}, whole file {one:.1f}"
        )
        limit("100 ms from the months", ours <= 100)


def write_file(root: Path, number: int) -> Path:
    """A small finished session, laid out as the store does it."""
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number % 500_000)
    name = f"observation_m{number % 110}_{start:%Y%m%d_%H%M%S}_{number}"
    time_text = start.isoformat().replace("+00:00", "Z")
    text = f"""#ASDF 1.0.0
#ASDF_STANDARD 1.6.0
%YAML 1.1
%TAG ! tag:stsci.edu:asdf/
--- !core/asdf-1.1.0
meta:
  schema_version: "1.0.0"
  session_id: "{name}"
  uuid: "00000000-0000-4000-8000-{number:012d}"
  session_type: "observation"
  instrument: "default"
  start_time: "{time_text}"
  end_time: "{time_text}"
  status: "complete"
  target: "M{number % 110}"
  purpose: null
  location:
    lat: 46.9
    lon: 7.4
    alt: 540.0
  software:
  - {{name: "skycam", version: "0.1.0"}}
  - {{name: "python", version: "3.11"}}
  - {{name: "numpy", version: "2.4"}}
  - {{name: "blosc", version: "1.11"}}
  host: "roof"
  timezone: "UTC"
observability:
  metrics: {{frames_captured: 3, errors: 0, warnings: 1, duration_seconds: 1200.5, frames_lost: 0, journal_bad_lines: 0, bytes: 20000000, events: 2, temperature_c: {{min: -10.0, mean: -9.5, max: -9.0}}, cameras: {{main: {{model: "ASI482MC", frames: 3, first: "{time_text}", last: "{time_text}", exposure_us: 312000, gain: 200.0}}}}, storage: "embedded", compression: "blsc"}}
  logs: {{n: 0, columns: {{}}}}
  events: {{n: 0, columns: {{}}}}
cameras: {{}}
...
"""
    path = root / start.strftime("%Y/%m/%d") / f"{name}.asdf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() + blocks.pack_index([]))
    return path


def bench_append(catalogue: Catalogue) -> None:
    """One more session in a month of the million."""
    numbers = iter(range(20, 10**6))
    month = catalogue.read("2024-06")
    with catalogue.lock():
        catalogue.write("2026-01", month.with_columns(asdf_path="2026/01/" + pl.col("session_id")))
    paths = [write_file(catalogue.root, next(numbers)) for _ in range(15)]
    waiting = iter(paths)
    ours = milliseconds(lambda: catalogue.append(next(waiting)), len(paths))
    show(f"append to a month of {len(month):,} sessions", f"{ours:.1f} ms")
    limit("20 ms", ours <= 20)


def bench_rebuild(folder: Path, number: int) -> None:
    """A catalogue from files, by two processes, and again without a change."""
    for one in range(number):
        write_file(folder, one)
    sync(
        folder, workers=2
    )  # the files are in the page cache from here on, as they are beside a running observatory
    start = time.perf_counter()
    done = sync(folder, again=True, workers=2)
    taken = time.perf_counter() - start
    show(f"rebuild from {done.read:,} files, two processes", f"{done.read / taken:,.0f} files/s")
    limit("4,000 files/s", done.read / taken >= 4000)
    start = time.perf_counter()
    sync(folder)
    show("the same when nothing has changed", f"{number / (time.perf_counter() - start):,.0f} files/s")


def bench_pages(number: int) -> None:
    """The mirror's questions, on SQLite with our settings."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from sessions.models import Session

    fields = {field.attname for field in Session._meta.concrete_fields}
    frame = rows(number).with_columns(month=pl.col("start_time").dt.strftime("%Y-%m"))
    frame = frame.select([name for name in frame.columns if name in fields])
    batch = []
    for row in frame.iter_rows(named=True):
        batch.append(Session(**{name: value for name, value in row.items() if value is not None}))
        if len(batch) == 20_000:
            Session.objects.bulk_create(batch, batch_size=500)
            batch = []
    Session.objects.bulk_create(batch, batch_size=500)
    present = Session.objects.present
    night = datetime(2020, 6, 15, 12, tzinfo=UTC)
    for name, ask in {
        "last ten": lambda: list(present()[:10]),
        "last ten that are not idle": lambda: list(present().exclude(session_type="idle")[:10]),
        "last ten observations of M31": lambda: list(
            present().filter(session_type="observation", target="M31")[:10]
        ),
        "last ten with errors": lambda: list(present().filter(error_count__gt=0)[:10]),
        "one night": lambda: list(present().filter(start_time__range=(night, night + timedelta(days=1)))),
    }.items():
        taken = milliseconds(ask, 15)
        show(f"page, {number:,} sessions: {name}", f"{taken:.2f} ms")
        if name == "last ten":
            limit("5 ms", taken <= 5)
    sys.exit(bool(_missed))


def main(arguments: list[str]) -> int:
    """Print the figures; returns 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog="skycam bench catalogue", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--data", type=Path, help="Folder for the files; a temporary one by default.")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=asked.data, prefix="skycam-bench-") as name:
        folder = Path(name)
        catalogue = Catalogue(folder / "million")
        fill(catalogue, asked.sessions)
        bench_queries(catalogue)
        bench_append(catalogue)
        bench_rebuild(folder / "files", asked.files)
        apart = bench_pages_apart(folder, asked.sessions)
    return int(bool(_missed or apart))


def bench_pages_apart(folder: Path, number: int) -> int:
    """In a process of its own, whose settings point to an empty data folder."""
    import os
    import subprocess

    environment = os.environ | {
        "SKYCAM_DATA": str(folder / "pages"),
        "DJANGO_SETTINGS_MODULE": "skycam_project.settings",
    }
    command = [sys.executable, "-c", f"from bench.catalogue import bench_pages; bench_pages({number})"]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
