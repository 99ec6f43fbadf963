"""A process that catalogues and deletes, and kills itself at a chosen system call; see tests/store/store_crash.py.

`python catalogue_crash.py` reads one JSON request per line and runs each in a forked child. Polars is imported
but not used before a fork: its threads would not be there in the child.
"""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "store")]

from store_crash import Acks, Killer  # noqa: E402

from sessions.catalogue import retain  # noqa: E402
from sessions.catalogue.catalogue import Catalogue  # noqa: E402
from sessions.catalogue.ledger import Ledger  # noqa: E402
from sessions.catalogue.removal import Remover  # noqa: E402
from sessions.catalogue.rules import Action, Policy, Verb, due  # noqa: E402
from sessions.catalogue.sync import fill_hashes, sync  # noqa: E402
from sessions.store import reading  # noqa: E402

POLICY = Policy(idle_days=None, idle_warning_days=None)


def keep(root: Path, ack: Acks) -> None:
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


def main() -> None:
    """Serve; `sys.argv[1]` is a session, opened once because the ASDF library's first opening takes 0.3 s."""
    with reading.open_session(sys.argv[1]) as file:
        list(file["observability"]["logs"])
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            killer = Killer(request["at"], request["torn"])
            ack = Acks(request["acks"])
            keep(Path(request["root"]), ack)
            ack("calls", killer.count)
            os._exit(0)
        print(json.dumps({"status": os.waitpid(child, 0)[1]}), flush=True)


if __name__ == "__main__":
    main()
