"""The only code that deletes sessions or frames: the word first, on disk, then the deed; a kill between is healed.

Before anything goes it is asked again whether it may: protected by now? of which there is no copy? whole? A
session whose checksums fail is never touched: it may be the only one, and people must see it.
"""

import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sessions.catalogue import Row, merging
from sessions.catalogue.header import read_row
from sessions.catalogue.ledger import DECISIONS, NOTHING, Decision, Ledger
from sessions.catalogue.rules import Action, Verb, total_bytes
from sessions.catalogue.sync import sync
from sessions.store.dropping import drop_frames
from sessions.store.errors import DamagedFileError
from sessions.store.verify import verify
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import fsync_folder, under

logger = logging.getLogger(__name__)


class NotAllowedError(SkycamError):
    """This may not be deleted; nothing was done."""

    code = "not_allowed"


@dataclass(slots=True)
class Done:
    """What a run did.

    Attributes:
        freed: bytes.
        sessions: done, by verb.
        refused: session id to the reason why it stays.
    """

    freed: int = 0
    sessions: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def count(self, verb: Verb, freed: int) -> None:
        """One more."""
        self.freed += freed
        self.sessions[verb.value] = self.sessions.get(verb.value, 0) + 1


class Remover:
    """Carries out what retention decided, in one sessions' folder; one process at a time.

    Args:
        root: the sessions' folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self.ledger = Ledger(self.root)
        self._known: tuple[int, dict[str, Decision]] | None = None

    def carry_out(self, actions: Iterable[Action], enough: int | None = None) -> Done:
        """Do it; what may not be done is refused, logged and left. Syncs the catalogue afterwards.

        Args:
            actions: in this order.
            enough: stop once so many bytes are free; `None`: do all.
        """
        done, months = Done(), set()
        with self.ledger.alone():
            months |= self.heal()
            for action in actions:
                if enough is not None and done.freed >= enough:
                    break
                self._try(action, done)
                months |= {month_of(row) for row in action.rows}
        if months:
            sync(self.root, months)
        return done

    def _try(self, action: Action, done: Done) -> None:
        first, why = action.rows[0], ""
        if not under(self.root, first["asdf_path"]).exists():
            return  # deleted meanwhile
        try:
            done.count(action.verb, self._do(action))
        except (NotAllowedError, DamagedFileError, OSError) as error:
            done.refused[first["session_id"]] = why = str(error)
            logger.warning("not deleted: session=%s reason=%s", first["session_id"], error)
        except Exception as error:  # what is wrong with one session must not keep all others for ever
            done.refused[first["session_id"]] = why = f"{type(error).__name__}: {error}"
            logger.exception("not deleted: session=%s", first["session_id"])
        if action.asked:
            self.ledger.answered(first["uuid"], why)

    def _do(self, action: Action) -> int:
        if action.verb is Verb.MERGE:
            return self._merge(action)
        (row,) = action.rows
        if action.verb is Verb.DROP:
            return self._drop(row, action.reason)
        self._check(row, copy_needed=bool(row["frames"]) and not row["dropped_at"] and not action.asked)
        return self._bury(row, action.reason)

    def heal(self) -> set[str]:
        """Finish what was begun when somebody died; returns the months that changed. The caller holds the lock."""
        months = set()
        merging.clean(self.root)
        decisions = self.ledger.decisions()
        for uuid, tombstone in self.ledger.tombstones().items():
            if not tombstone.done and not decisions.get(uuid, NOTHING).protected:
                self._unlink(uuid, tombstone.row["asdf_path"])
                months.add(month_of(tombstone.row))
        for uuid in [uuid for uuid, decision in decisions.items() if decision.dropping]:
            row = self._find(uuid)
            if row is not None and not decisions[uuid].protected:
                try:
                    drop_frames(self.root / row["asdf_path"], decisions[uuid].dropped_reason)
                except (DamagedFileError, OSError) as error:
                    logger.error("frames not given up, tried again: session=%s reason=%s", uuid, error)
                    continue
                months.add(month_of(row))
            self.ledger.frames_dropped(uuid)
        return months

    def wishes(self) -> list[Action]:
        """Deletions that people asked for."""
        found = []
        for uuid, decision in self.ledger.decisions().items():
            if decision.deleting and (row := self._find(uuid)):
                found.append(Action(Verb.REMOVE, (row,), decision.deleting, asked=True))
            elif decision.deleting:
                self.ledger.answered(uuid, "it is not there")
        return found

    def _decision(self, uuid: str) -> Decision:
        """As it stands now; the ledger is read again only when it has grown."""
        path = self.ledger.folder / DECISIONS
        size = path.stat().st_size if path.exists() else 0
        if self._known is None or self._known[0] != size:
            self._known = size, self.ledger.decisions()
        return self._known[1].get(uuid, NOTHING)

    def _find(self, uuid: str) -> Row | None:
        from sessions.catalogue.catalogue import Catalogue
        from sessions.catalogue.queries import NoSessionError, find

        try:
            return find(Catalogue(self.root), uuid)
        except NoSessionError:
            return None

    def _check(self, row: Row, *, copy_needed: bool) -> Path:
        """Ask again whether a session may be touched; its path. Raises `NotAllowedError`."""
        path = under(self.root, row["asdf_path"])
        decision = self._decision(row["uuid"])
        if decision.protected:
            raise NotAllowedError(f"{row['session_id']} is protected; take the protection off first")
        if copy_needed and decision.archived_at is None:
            raise NotAllowedError(f"{row['session_id']} has frames of which there is no copy elsewhere")
        if read_row(path, self.root, hash_limit=0)["uuid"] != row["uuid"]:
            raise NotAllowedError(f"{path} is another session by now")
        if problems := verify(path).problems:
            raise NotAllowedError(f"{row['session_id']} is damaged and stays: {problems[0]}")
        return path

    def _bury(self, row: Row, reason: str) -> int:
        self.ledger.remove(row, reason)
        self._unlink(row["uuid"], row["asdf_path"])
        logger.info("session deleted: session=%s reason=%s", row["session_id"], reason)
        return total_bytes(row)

    def _unlink(self, uuid: str, name: str) -> None:
        path = under(self.root, name)
        try:
            mine = read_row(path, self.root, hash_limit=0)["uuid"] == uuid
        except FileNotFoundError:
            mine = True  # the frames may be there still
        except DamagedFileError:
            mine = False
        if mine:
            path.unlink(missing_ok=True)
            shutil.rmtree(path.with_suffix(".frames"), ignore_errors=True)
            if path.parent.exists():
                fsync_folder(path.parent)
        self.ledger.removed(uuid)

    def _drop(self, row: Row, reason: str) -> int:
        path = self._check(row, copy_needed=False)
        self.ledger.drop_frames(row["uuid"], reason)
        freed = drop_frames(path, reason)
        self.ledger.frames_dropped(row["uuid"])
        logger.warning("frames given up: session=%s bytes=%d reason=%s", row["session_id"], freed, reason)
        return freed

    def _merge(self, action: Action) -> int:
        """First take away what earlier merges hold already (they were killed), then merge what is left."""
        freed, left = 0, list(action.rows)
        for row in [row for row in left if row["merged"]]:
            freed += self._bury_merged(self.root / row["asdf_path"], row["uuid"], left)
        if len(left) < 2 or all(row["merged"] for row in left):
            return freed
        for row in left:
            self._check(row, copy_needed=False)
        whole = merging.merge(self.root, left)
        return freed - whole.stat().st_size + self._bury_merged(whole, "", left)

    def _bury_merged(self, whole: Path, uuid: str, rows: list[Row]) -> int:
        """Delete the sessions whose rows a merged file holds, and take them out of `rows`."""
        inside = set(merging.merged_from(whole))
        held = [
            row
            for row in rows
            if row["uuid"] != uuid
            and inside >= set(merging.merged_from(self.root / row["asdf_path"]) or [row["uuid"]])
        ]
        if not held:
            return 0
        if problems := verify(whole).problems:
            raise NotAllowedError(f"{whole} is not whole, the hours stay: {problems[0]}")
        rows[:] = [row for row in rows if row not in held]
        return sum(self._bury(row, f"merged into {whole.stem}") for row in held)


def month_of(row: Row) -> str:
    """Such as `2026-11`."""
    return "-".join(row["asdf_path"].split("/")[:2])
