"""Has anything happened to the sessions? A few hundred looks at folders, cheap enough for every ten seconds."""

import os
from pathlib import Path

from sessions.catalogue.ledger import DECISIONS, FOLDER, REMOVED

States = dict[str, int]


def look(root: Path) -> States:
    """Times of change of the day folders (`2026/11/30`) and of the months' parts, sizes of the ledger."""
    found: States = {}
    for month in _months(root):
        for day in _folders(root / month):
            found[f"{month}/{day}"] = _mtime(root / month / day)
        year, number = month.split("/")
        found[f"part {month}"] = _mtime(root / f"catalog.d/year={year}/month={number}/part-0.parquet")
    found["whole"] = _mtime(root / "catalog" / "catalog.parquet")
    for name in (DECISIONS, REMOVED):
        path = root / FOLDER / name
        found[f"ledger {name}"] = path.stat().st_size if path.exists() else 0
    return found


def changed_months(before: States, after: States) -> list[str] | None:
    """Months to sync, `2026-11`; `None`: all of them, because of a decision or of the catalogue's own files."""
    different = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    if any(name.startswith(("ledger", "whole", "part")) for name in different):
        return None
    return sorted({name[:7].replace("/", "-") for name in different})


def _months(root: Path) -> list[str]:
    return [f"{year}/{month}" for year in _folders(root, 4) for month in _folders(root / year)]


def _folders(path: Path, digits: int = 2) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(
                e.name for e in entries if len(e.name) == digits and e.name.isdigit() and e.is_dir()
            )
    except OSError:
        return []


def _mtime(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
