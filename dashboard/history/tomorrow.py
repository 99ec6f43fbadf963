"""What retention will do within a day, in words for pages; looked up once a minute."""

from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache

from sessions import retention
from sessions.catalogue.rules import Verb

KEPT_S = 60
NAMED = 5
"""Sessions that are named one by one."""
_HEADS = {
    Verb.REMOVE: ("leaves the disk", "leave the disk"),
    Verb.DROP: ("gives up its frames", "give up their frames"),
    Verb.MERGE: ("is merged into one file a day", "are merged into one file a day"),
}


@dataclass(frozen=True, slots=True)
class Due:
    """One kind of thing that will be done.

    Attributes:
        count: sessions.
        what: what happens to them, as the end of a sentence.
        bytes: that become free; 0: none.
        names: ids of the first few.
        more: sessions beyond those.
    """

    count: int
    what: str
    bytes: int
    names: list[str]
    more: int


def _actions() -> list[tuple[Verb, str, int, list[tuple[str, str]]]]:
    """Verb, reason, bytes, and (uuid, id) of each session, as last looked up."""
    key = f"history.tomorrow.{settings.DATA}"
    found = cache.get(key)
    if found is None:
        found = [
            (
                action.verb,
                action.reason,
                action.bytes,
                [(str(row["uuid"]), row["session_id"]) for row in action.rows],
            )
            for action in retention.tomorrow()
        ]
        cache.set(key, found, KEPT_S)
    return found


def tomorrow() -> list[Due]:
    """For the notice beside the lists."""
    due = []
    for verb, words in _HEADS.items():
        mine = [action for action in _actions() if action[0] is verb]
        names = [name for _, _, _, rows in mine for _, name in rows]
        if names:
            size = sum(action[2] for action in mine)
            due.append(
                Due(len(names), words[len(names) > 1], size, names[:NAMED], max(0, len(names) - NAMED))
            )
    return due


def goes(uuid: str) -> str:
    """Why one session is on that list; empty: it is not."""
    return next((reason for _, reason, _, rows in _actions() if any(uuid == own for own, _ in rows)), "")
