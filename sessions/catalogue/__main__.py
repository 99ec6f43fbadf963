"""`python -m sessions.catalogue`: one sync in a process of its own, because polars never leaves one it was in (50 MB).

Standard input: one JSON object `{"root", "months": [..] or null, "seen": {month: state}, "hash_s"}`. Standard
output: JSON lines; for every month whose state is not the one seen `{"month", "state", "rows"}` and then so
many rows, those of deleted sessions (`removed_at`) included.
"""

import sys
from collections import defaultdict
from typing import Any

import orjson
import polars as pl

from sessions.catalogue.catalogue import Catalogue
from sessions.catalogue.ledger import Ledger
from sessions.catalogue.sync import fill_hashes, sync


def main() -> None:
    """Sync, then say what the mirror has not seen."""
    request = orjson.loads(sys.stdin.buffer.read())
    catalogue = Catalogue(request["root"])
    sync(catalogue.root, request["months"])
    if request.get("hash_s"):
        fill_hashes(catalogue.root, request["hash_s"])
    removed: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for tombstone in Ledger(catalogue.root).tombstones().values():
        if tombstone.done:
            removed["-".join(tombstone.row["asdf_path"].split("/")[:2])].append(tombstone.row)
    seen: dict[str, str] = request["seen"]
    for month in sorted({*catalogue.months(), *removed, *seen}):
        state = f"{catalogue.signature(month)}+{len(removed[month])}"
        if state != seen.get(month):
            _say(month, state, catalogue.read(month), removed[month])


def _say(month: str, state: str, rows: pl.DataFrame, removed: list[dict[str, Any]]) -> None:
    there = set(rows["uuid"])
    gone = [row for row in removed if row["uuid"] not in there]
    write = sys.stdout.buffer.write
    write(orjson.dumps({"month": month, "state": state, "rows": len(rows) + len(gone)}) + b"\n")
    for row in rows.iter_rows(named=True):
        write(orjson.dumps(row) + b"\n")
    for row in gone:
        write(orjson.dumps(row) + b"\n")


if __name__ == "__main__":
    main()
