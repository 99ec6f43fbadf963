"""Works of the catalogue and of retention that may be killed at any system call; see tests/crashing.py.

Polars is imported but not used before a fork: its threads would not be there in the child.
"""

import sys
from pathlib import Path

from sessions.catalogue import retain
from sessions.catalogue.catalogue import Catalogue
from sessions.catalogue.ledger import Ledger
from sessions.catalogue.removal import Remover
from sessions.catalogue.rules import Action, Policy, Verb, due
from sessions.catalogue.sync import fill_hashes, sync
from sessions.store import reading
from tests.crashing import Acks, serve

POLICY = Policy(idle_days=None, idle_warning_days=None)


def keep(root: Path, ack: Acks, _seed: int) -> None:
    """Catalogue, protect, archive, delete one session, give up the frames of one, merge a day, hash."""
    sync(root)
    rows = {row["target"] or row["asdf_path"]: row for row in retain.all_rows(root)}
    ledger, catalogue = Ledger(root), Catalogue(root)
    ledger.protect(rows["keep"]["uuid"], True, "test")
    ack("protected", rows["keep"]["uuid"])
    catalogue.append(root / rows["keep"]["asdf_path"])
    actions = due(rows.values(), POLICY, rows["keep"]["end_time"].replace(year=2027))
    for target, verb in (("go", Verb.REMOVE), ("drop", Verb.DROP), ("drop outside", Verb.DROP)):
        row = rows.get(target)  # an earlier run may have deleted it before it was killed
        if row is None or row["dropped_at"]:
            continue
        if verb is Verb.REMOVE:
            ledger.archived(row["uuid"], "file:///elsewhere", "")
            ack("archived", row["uuid"])
        actions.append(Action(verb, (row,), "test"))
    Remover(root).carry_out(actions)
    ack("done", True)
    fill_hashes(root, 5)


if __name__ == "__main__":
    # The first argument is a session: the ASDF library's first opening takes 0.3 s, paid once.
    with reading.open_session(sys.argv[1]) as file:
        list(file["observability"]["logs"])
    serve({"keep": keep})
