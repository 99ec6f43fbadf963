"""What a person waits for: the list, a page of a million log rows, a picture. `./skycam bench history`.

Each figure stands beside a peer of the same run: the ASDF library for content, a bare read of the block for a picture.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

ROWS = 1_000_000
SHAPE = (2160, 3840)


def milliseconds(work: Callable[[], object], count: int = 5) -> float:
    """Median time of `work()`."""
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken) * 1000


def say(what: str, figure: float, peer: str = "") -> None:
    """One row."""
    print(f"{what:58}{figure:10.1f} ms   {peer}", flush=True)


def content(root: Path, rows: int) -> None:
    """One session of many log rows and a few 4K frames, through the reading process."""
    from sessions.history.reader import Reader
    from sessions.store import reading
    from sessions.store.manager import SessionManager

    random = np.random.default_rng(1)
    with SessionManager(root / "sessions") as sessions:
        night = sessions.start_session("observation", target="M 31")
        for number in range(3):
            night.add_frame(
                "main",
                random.normal(500, 20, SHAPE).astype(np.uint16),
                info={"bayer_pattern": "RGGB"},
                exposure_us=number,
            )
        for number in range(rows):
            level = "ERROR" if number == rows // 3 else "INFO"
            night.log(level, f"frame {number} stored, 27.6 MB, 31 ms", source="camera")
        path = sessions.end_session()
    reader = Reader(root / "cache")
    reader.ask("events", path)

    def with_library() -> None:
        with reading.open_session(path) as file:
            logs = file["observability"]["logs"]
            _ = [logs[number] for number in range(len(logs) - 100, len(logs))]

    say(
        "newest 100 rows",
        milliseconds(lambda: reader.ask("logs", path)),
        f"of {rows:,}; ASDF library {milliseconds(with_library, 3):.0f} ms",
    )
    say(
        "the one error",
        milliseconds(lambda: reader.ask("logs", path, level="ERROR")),
        "all parts are looked at",
    )
    say(
        "a word that nobody said",
        milliseconds(lambda: reader.ask("logs", path, text="meteor")),
        "all parts are searched",
    )
    say("summary", milliseconds(lambda: reader.ask("summary", path)))
    numbers = iter(range(99))
    for size in ("thumbnail", "large"):
        make = {"camera": "main", "index": 1, "size": size, "stretch": "auto", "form": "jpg"}
        say(
            f"{size} of a 4K mosaic, not yet made",
            milliseconds(lambda m=make: reader.ask("picture", path, name=f"x/{next(numbers)}.jpg", **m)),
        )
    reader.close()


def lists(count: int) -> None:
    """The pages' lists over many rows of the database."""
    import django

    django.setup()
    from datetime import UTC, datetime, timedelta
    from uuid import UUID

    from django.core.management import call_command
    from django.test import Client

    from dashboard.choices import Role
    from dashboard.services import create_user
    from sessions.models import Session

    call_command("migrate", verbosity=0)
    create_user("owner", "only for a measurement", Role.OWNER)
    start = datetime.now(UTC)
    kinds = ("idle", "idle", "idle", "observation")
    rows = (
        Session(
            uuid=UUID(int=number + 1), session_id=f"{kinds[number % 4]}_{number}", session_type=kinds[number % 4], instrument="dslr",
            start_time=start - timedelta(minutes=30 * number), end_time=start, status="complete", target=f"M {number % 110}",
            frames=number % 900, storage="embedded", asdf_path=f"{number}.asdf", schema_version="1.0.0", catalogued_at=start,
        )
        for number in range(count)
    )  # fmt: skip
    while batch := [row for _, row in zip(range(5000), rows, strict=False)]:
        Session.objects.bulk_create(batch)
    present = Session.objects.present()
    say(
        "the last ten",
        milliseconds(lambda: list(present.order_by("-start_time")[:10]), 20),
        f"of {count:,} sessions, limit 5 ms",
    )
    client = Client(headers={"host": "localhost"})
    client.login(username="owner", password="only for a measurement")  # noqa: S106 - of a folder that is deleted
    for path in ("/sessions/", "/sessions/?type=all&errors=1", "/gallery/"):
        client.get(path)
        say(path, milliseconds(lambda p=path: client.get(p)), "whole page")


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="./skycam bench history")
    parser.add_argument("--rows", type=int, default=ROWS, help="log rows (%(default)s)")
    parser.add_argument("--sessions", type=int, default=100_000, help="in the database (%(default)s)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="skycam-history-") as folder:
        os.environ |= {
            "SKYCAM_DATA": f"{folder}/var",
            "SKYCAM_DEMO": "off",
            "DJANGO_SETTINGS_MODULE": "skycam_project.settings",
        }
        print(f"load {os.getloadavg()[0]:.0f}")
        content(Path(folder), options.rows)
        lists(options.sessions)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
