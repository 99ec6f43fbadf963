"""Questions that commands ask of the catalogue."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from sessions.catalogue import Row, watch
from sessions.catalogue.catalogue import WHOLE, Catalogue
from sessions.catalogue.ledger import FOLDER
from sessions.catalogue.sync import Changes, sync
from skycam_project.common.errors import SkycamError


class NoSessionError(SkycamError):
    """There is no such session."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which sessions; what is None or False does not matter.

    Attributes:
        types: session types.
        instrument: exactly this one.
        target: part of the target's name, in any case.
        since: began at or after this.
        until: began before this.
        errors: with at least one error.
        limit: at most so many, the newest.
    """

    types: tuple[str, ...] = ()
    instrument: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    errors: bool = False
    limit: int | None = None


def select(catalogue: Catalogue, wanted: Filter) -> list[Row]:
    """The sessions that pass, newest first."""
    rows = catalogue.scan()
    if wanted.since:
        rows = rows.filter(pl.col("year") >= wanted.since.year, pl.col("start_time") >= wanted.since)
    if wanted.until:
        rows = rows.filter(pl.col("year") <= wanted.until.year, pl.col("start_time") < wanted.until)
    if wanted.types:
        rows = rows.filter(pl.col("session_type").is_in(wanted.types))
    if wanted.instrument:
        rows = rows.filter(pl.col("instrument") == wanted.instrument)
    if wanted.target:
        rows = rows.filter(
            pl.col("target").str.to_lowercase().str.contains(wanted.target.lower(), literal=True)
        )
    if wanted.errors:
        rows = rows.filter(pl.col("error_count") > 0)
    rows = rows.sort("start_time", descending=True)
    return (rows.head(wanted.limit) if wanted.limit else rows).drop("year", "month").collect().to_dicts()


def find(catalogue: Catalogue, name: str) -> Row:
    """One session by its id, its uuid, or the path of its file.

    Raises `NoSessionError` when there is none, or several of that id.
    """
    path = Path(name)
    if path.suffix == ".asdf" and path.is_absolute() and path.is_relative_to(catalogue.root):
        name = path.relative_to(catalogue.root).as_posix()
    same = pl.any_horizontal(pl.col(column) == name for column in ("session_id", "uuid", "asdf_path"))
    found = catalogue.scan().filter(same).drop("year", "month").collect().to_dicts()
    if len(found) > 1:
        uuids = ", ".join(row["uuid"] for row in found)
        raise NoSessionError(f"{len(found)} sessions have the id {name}; name one by its uuid: {uuids}")
    if not found:
        raise NoSessionError(f"there is no session {name!r} in {catalogue.root}")
    return found[0]


def catch_up(root: Path) -> Changes:
    """Sync the months in which something is newer than the catalogue, for commands that run without a server."""
    root = Path(root)
    whole = root / WHOLE
    seen = watch.look(root)
    newest = whole.stat().st_mtime_ns if whole.exists() else 0
    ledger = max((path.stat().st_mtime_ns for path in (root / FOLDER).glob("*.jsonl")), default=0)
    if newest == 0 or ledger >= newest:
        return sync(root)
    days = {name: time for name, time in seen.items() if name[0].isdigit() and time >= newest}
    return sync(root, {name[:7].replace("/", "-") for name in days}) if days else Changes()
