"""Bring the catalogue up to what is on disk: new files, changed ones, gone ones, and what was decided."""

import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import polars as pl

from sessions.catalogue import Row
from sessions.catalogue.catalogue import SCHEMA, Catalogue
from sessions.catalogue.header import file_sha256, read_row
from sessions.catalogue.ledger import NOTHING, Ledger
from sessions.store.errors import DamagedFileError

logger = logging.getLogger(__name__)

CHUNK = 250
"""Files that one process reads at a time."""
ALONE = 2_000
"""Up to this many files one process is faster than starting others."""
Signature = tuple[int, int]
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Changes:
    """What a sync did.

    Attributes:
        files: session files that are there.
        read: rows that were made from their files.
        gone: rows whose file is no longer there.
        months: months that were written.
        problems: files that are no sessions, and why.
    """

    files: int = 0
    read: int = 0
    gone: int = 0
    months: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def session_months(root: Path) -> list[str]:
    """Months that have a folder, `2026-11`, in order."""
    found = root.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]")
    return sorted(f"{path.parts[-2]}-{path.parts[-1]}" for path in found if path.is_dir())


def month_files(root: Path, month: str) -> dict[str, Signature]:
    """Session files of a month: path relative to `root` to size and time of change."""
    year, number = month.split("-")
    found = {}
    for path in (root / year / number).glob("[0-9][0-9]/*.asdf"):
        try:
            status = path.stat()
        except OSError:  # it has just gone
            continue
        found[path.relative_to(root).as_posix()] = (status.st_size, status.st_mtime_ns)
    return found


def sync(
    root: Path | str,
    months: Iterable[str] | None = None,
    *,
    again: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> Changes:
    """Make the catalogue's parts and its whole file say what is on disk. Any number of times, killed anywhere.

    Files whose size and time of change are those of their row are not read.

    Args:
        root: the sessions' folder.
        months: only these; all by default.
        again: read every file again.
        workers: processes that read files, when there are many.
        progress: called with files done and files to read.

    Raises `OSError` when the catalogue cannot be written.
    """
    catalogue, changes = Catalogue(root), Changes()
    with catalogue.lock():
        decided = decisions(catalogue.root)
        wanted = sorted(
            set(months) if months is not None else {*session_months(catalogue.root), *catalogue.months()}
        )
        plans = [_plan(catalogue, month, again) for month in wanted]
        changes.files = sum(len(plan.files) for plan in plans)
        total = sum(len(plan.missing) for plan in plans)
        done = 0
        with _readers(catalogue.root, total, workers) as read:
            for plan in plans:
                rows, problems = read(plan.missing)
                changes.problems |= problems
                changes.read += len(rows)
                if (merged := _merge(plan, rows, decided, changes)) is not None:
                    catalogue.write(plan.month, merged)
                    changes.months.append(plan.month)
                done += len(plan.missing)
                if progress and plan.missing:
                    progress(done, total)
        catalogue.refresh_whole()
    for path, reason in changes.problems.items():
        logger.warning("not catalogued: file=%s reason=%s", path, reason)
    return changes


@dataclass(slots=True)
class _Plan:
    """One month: its rows, the files that are there, and those of them that must be read."""

    month: str
    known: pl.DataFrame
    files: dict[str, Signature]
    missing: list[str]


def _plan(catalogue: Catalogue, month: str, again: bool) -> _Plan:
    known, files = catalogue.read(month), month_files(catalogue.root, month)
    columns = known.select("asdf_path", "file_size", "file_mtime_ns").iter_rows()
    same = {path for path, size, mtime in columns if files.get(path) == (size, mtime) and not again}
    return _Plan(month, known, files, [path for path in files if path not in same])


def _merge(plan: _Plan, rows: list[Row], decided: pl.DataFrame, changes: Changes) -> pl.DataFrame | None:
    """A month's rows as they must be; `None` when they are so already."""
    read = pl.DataFrame([row | NOTHING.columns() for row in rows], schema=SCHEMA)
    there = plan.known.filter(pl.col("asdf_path").is_in(list(plan.files)))
    changes.gone += len(plan.known) - len(there)
    merged = there.filter(~pl.col("asdf_path").is_in(plan.missing)).vstack(read)
    merged = _decide(_without_copies(merged), decided)
    return None if merged.sort("asdf_path").equals(plan.known.sort("asdf_path")) else merged


def _decide(rows: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Put what was decided into the rows; a row that changes gets a new `catalogued_at`."""
    names = list(NOTHING.columns())
    wanted = rows.select("uuid").join(decided, on="uuid", how="left", maintain_order="left").select(names)
    wanted = wanted.with_columns(
        pl.col(name).fill_null(value) for name, value in NOTHING.columns().items() if value is not None
    )
    differs = pl.any_horizontal(pl.col(name).ne_missing(wanted[name]) for name in names)
    now = pl.lit(datetime.now(UTC), SCHEMA["catalogued_at"])
    stamp = pl.when(differs).then(now).otherwise(pl.col("catalogued_at")).alias("catalogued_at")
    return rows.with_columns(stamp).with_columns(wanted[name] for name in names)


def _without_copies(rows: pl.DataFrame) -> pl.DataFrame:
    """A session counts once: of files with one uuid the newest schema, then the shortest name."""
    order = [
        pl.col("schema_version"),
        -pl.col("asdf_path").str.len_chars().cast(pl.Int64),
        pl.col("asdf_path"),
    ]
    return rows.sort(order, descending=True).unique("uuid", keep="first")


def decisions(root: Path) -> pl.DataFrame:
    """What was decided, by uuid."""
    found = Ledger(root).decisions()
    names = ["uuid", *NOTHING.columns()]
    rows = [{"uuid": uuid} | decision.columns() for uuid, decision in found.items()]
    return pl.DataFrame(rows, schema={name: SCHEMA[name] for name in names})


Reader = Callable[[list[str]], tuple[list[Row], dict[str, str]]]


@contextmanager
def _readers(root: Path, total: int, workers: int) -> Iterator[Reader]:
    """A function that reads files to rows, in several processes when there are many."""
    if total <= ALONE or workers <= 1:
        yield lambda paths: read_files(root, paths)
        return
    # Not forked: polars has threads by now.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:

        def read(paths: list[str]) -> tuple[list[Row], dict[str, str]]:
            rows: list[Row] = []
            problems: dict[str, str] = {}
            chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
            for found, wrong in pool.map(read_files, [root] * len(chunks), chunks):
                rows += found
                problems |= wrong
            return rows, problems

        yield read


def read_files(root: Path, paths: list[str]) -> tuple[list[Row], dict[str, str]]:
    """Rows of files, and what is wrong with those that are no sessions."""
    rows: list[Row] = []
    problems: dict[str, str] = {}
    for path in paths:
        try:
            rows.append(read_row(root / path, root))
        except FileNotFoundError:  # it has just gone
            continue
        except (DamagedFileError, OSError) as error:
            problems[path] = str(error)
    return rows, problems


def fill_hashes(root: Path | str, seconds: float) -> int:
    """Compute checksums that were left out because files are large, for about so long; how many."""
    catalogue, until, count = Catalogue(root), monotonic() + seconds, 0
    for month in reversed(catalogue.months()):
        found: dict[str, tuple[str, Signature]] = {}
        for row in catalogue.read(month).filter(pl.col("sha256") == "").iter_rows(named=True):
            if monotonic() >= until:
                break
            try:
                sha256 = file_sha256(catalogue.root / row["asdf_path"])
            except OSError:  # the next sync sees to it
                continue
            found[row["asdf_path"]] = sha256, (row["file_size"], row["file_mtime_ns"])
        if found:
            count += _keep_hashes(catalogue, month, found)
    return count


def _keep_hashes(catalogue: Catalogue, month: str, found: dict[str, tuple[str, Signature]]) -> int:
    """Write checksums into the rows that are still those of the files that were read."""
    with catalogue.lock():
        rows, now, count = catalogue.read(month).to_dicts(), datetime.now(UTC), 0
        for row in rows:
            sha256, signature = found.get(row["asdf_path"], ("", (0, 0)))
            if sha256 and signature == (row["file_size"], row["file_mtime_ns"]):
                row |= {"sha256": sha256, "catalogued_at": now}
                count += 1
        catalogue.write(month, pl.DataFrame(rows, schema=SCHEMA))
        catalogue.refresh_whole()
    return count
