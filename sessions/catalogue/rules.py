"""What may go, and when: pure rules over rows of the catalogue. Nothing is deleted here.

What no rule ever names: a protected session; a session with frames of which there is no checked copy elsewhere,
but for its frames alone, at the very end, when the disk is nearly full.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sessions.catalogue import Row

MERGE_AFTER = timedelta(days=7)
"""Age from which the idle hours of a day become one file."""


class Verb(StrEnum):
    """What is done."""

    REMOVE = "remove"
    """The session goes; its row remains as a tombstone."""
    DROP = "drop"
    """Its frames go; everything else stays."""
    MERGE = "merge"
    """Idle hours of one day become one file."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long what is kept. `None` days: for ever.

    Attributes:
        idle_days: idle sessions without a warning.
        idle_warning_days: idle sessions with a warning or an error.
        maintenance_days: maintenance sessions.
        other_days: observations, alignments, experiments; with frames only once they are archived.
        merge_idle: whether the idle hours of a day are merged after a week.
        buffer_hours: on a capture node, age at which archived frames go; `None`: this machine is no capture node.
        buffer_bytes: on a capture node, bytes of sessions above which archived frames go earlier.
        archive_bytes: elsewhere, bytes of sessions above which archived frames go.
    """

    idle_days: float | None = 30
    idle_warning_days: float | None = 180
    maintenance_days: float | None = 180
    other_days: float | None = None
    merge_idle: bool = True
    buffer_hours: float | None = None
    buffer_bytes: int = 100 * 10**9
    archive_bytes: int = 2 * 10**12


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Attributes:
        verb: what.
        rows: to which sessions: several only in a merge.
        reason: one sentence for people.
        asked: by a person, who knows that there may be no copy.
    """

    verb: Verb
    rows: tuple[Row, ...] = field(repr=False)
    reason: str
    asked: bool = False

    @property
    def bytes(self) -> int:
        """About so many bytes will be free."""
        if self.verb is Verb.MERGE:
            return 0
        return sum(row["bytes"] if self.verb is Verb.DROP else total_bytes(row) for row in self.rows)


def total_bytes(row: Row) -> int:
    """What a session takes on the disk: its file, and its frames when they lie outside."""
    return row["file_size"] + (row["bytes"] if row["storage"] == "external" else 0)


def kept_days(row: Row, policy: Policy) -> float | None:
    """How many days a session is kept after its end; `None`: for ever."""
    match row["session_type"]:
        case "idle":
            troubled = row["warning_count"] or row["error_count"]
            return policy.idle_warning_days if troubled else policy.idle_days
        case "maintenance":
            return policy.maintenance_days
    return policy.other_days


def expired(row: Row, policy: Policy, now: datetime) -> bool:
    """Whether a session is to go by its age."""
    days = kept_days(row, policy)
    if days is None or row["protected"] or (row["frames"] and not row["archived_at"]):
        return False
    return now - row["end_time"] > timedelta(days=days)


def due(rows: Iterable[Row], policy: Policy, now: datetime, total: int | None = None) -> list[Action]:
    """Everything that is to be done at `now`, in the order to do it.

    Args:
        rows: the whole catalogue, or those that any rule may name.
        policy: how long what is kept.
        now: aware; a moment in the future tells what will be done then.
        total: bytes of all sessions; by default of `rows`.
    """
    rows = sorted(rows, key=lambda row: row["start_time"])
    actions = [
        Action(Verb.REMOVE, (row,), f"{row['session_type']}, kept {kept_days(row, policy):g} days")
        for row in rows
        if expired(row, policy, now)
    ]
    gone = {row["uuid"] for action in actions for row in action.rows}
    left = [row for row in rows if row["uuid"] not in gone]
    taken = (sum(map(total_bytes, rows)) if total is None else total) - sum(
        action.bytes for action in actions
    )
    if policy.merge_idle:
        actions += merges(left, now)
    if policy.buffer_hours is not None:
        actions += _buffer(left, taken, policy, policy.buffer_hours, now)
    else:
        why = f"the archive may take {policy.archive_bytes / 1e9:g} GB"
        actions += _over(left, taken - policy.archive_bytes, why)
    return actions


def droppable(rows: Iterable[Row], archived: bool) -> Iterator[Row]:
    """Sessions whose frames may go: never protected ones."""
    for row in rows:
        if (
            row["bytes"]
            and not row["protected"]
            and not row["dropped_at"]
            and bool(row["archived_at"]) is archived
        ):
            yield row


def _buffer(rows: list[Row], taken: int, policy: Policy, hours: float, now: datetime) -> list[Action]:
    old = [row for row in droppable(rows, archived=True) if now - row["end_time"] > timedelta(hours=hours)]
    actions = [Action(Verb.DROP, (row,), f"archived, and kept here for {hours:g} hours") for row in old]
    gone = {row["uuid"] for row in old}
    young = [row for row in rows if row["uuid"] not in gone]
    why = f"archived, and the buffer may take {policy.buffer_bytes / 1e9:g} GB"
    return actions + _over(young, taken - sum(action.bytes for action in actions) - policy.buffer_bytes, why)


def _over(rows: list[Row], excess: int, reason: str) -> list[Action]:
    """Archived frames, oldest first, until `excess` bytes are free."""
    return [Action(Verb.DROP, (row,), reason) for row in until(droppable(rows, archived=True), excess)]


def until(rows: Iterable[Row], wanted: int) -> Iterator[Row]:
    """Rows until their frames make `wanted` bytes."""
    for row in rows:
        if wanted <= 0:
            return
        wanted -= row["bytes"]
        yield row


def merges(rows: Iterable[Row], now: datetime) -> list[Action]:
    """Days whose idle hours are to become one file: old enough, finished, nothing but rows in them."""
    days: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        alone = not (row["frames"] or row["cameras"] or row["protected"] or row["archived_at"])
        if row["session_type"] == "idle" and alone and now - row["end_time"] > MERGE_AFTER:
            days[row["instrument"], row["asdf_path"].rpartition("/")[0]].append(row)
    actions = []
    for (instrument, day), found in sorted(days.items()):
        if sum(not row["merged"] for row in found) and len(found) > 1:
            why = f"idle hours of {instrument} on {day.replace('/', '-')}"
            actions.append(Action(Verb.MERGE, tuple(found), why))
    return actions


def emergency(rows: Iterable[Row], wanted: int, capture_node: bool) -> list[Action]:
    """Whose frames go when the disk is nearly full, after all caches and previews: archived ones, then others.

    Args:
        rows: the whole catalogue.
        wanted: bytes to free.
        capture_node: this machine never gives up a frame of which there is no copy.
    """
    rows = sorted(rows, key=lambda row: row["start_time"])
    archived = list(until(droppable(rows, archived=True), wanted))
    actions = [Action(Verb.DROP, (row,), "the disk is nearly full; archived") for row in archived]
    wanted -= sum(row["bytes"] for row in archived)
    if not capture_node:
        others = until(droppable(rows, archived=False), wanted)
        actions += [Action(Verb.DROP, (row,), "the disk is nearly full; there is no copy") for row in others]
    return actions
