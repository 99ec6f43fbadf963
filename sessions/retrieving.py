"""Fetching archived sessions back for the running program.

A request of a person is a line in the ledger: it needs no broker and survives every crash. The processing worker does
it, within seconds when it can be told, else within the hour.
"""

import logging

from django.conf import settings

from sessions.catalogue.ledger import NOTHING, Decision, Ledger
from sessions.models import Session
from sessions.services import sessions_root
from skycam_project.common.errors import SkycamError

logger = logging.getLogger(__name__)


class RefusedError(SkycamError):
    """This cannot be fetched."""

    code = "not_allowed"


def ask(session: Session, by: str) -> None:
    """Ask for a session, or the frames that it gave up, to be fetched from the archive.

    Args:
        session: one that gave up its frames, was deleted, or is damaged.
        by: who asks.

    Raises:
        RefusedError: there is no archive, or no copy in it.
    """
    if settings.CONFIG.archive_store() is None:
        raise RefusedError("there is no archive; set archive.store to local or s3")
    if not session.archived_at:
        raise RefusedError(f"there is no copy of {session.session_id} in the archive")
    Ledger(sessions_root()).ask_retrieval(str(session.uuid), by)
    _wake()


def state(session: Session) -> Decision:
    """What stands about a session: `retrieving`, `not_retrieved`."""
    return Ledger(sessions_root()).decisions().get(str(session.uuid), NOTHING)


def carry_out() -> None:
    """Fetch what people asked for; a failure stands in the ledger and on the session's page."""
    from sessions.exchange import archive, retrieval  # numpy: only in the worker

    root = sessions_root()
    ledger = Ledger(root)
    asked = [uuid for uuid, one in ledger.decisions().items() if one.retrieving]
    if not asked:
        return
    with archive.alone(root, "retrieve") as free:
        for uuid in asked if free else ():
            try:
                store = settings.CONFIG.archive_store()
                if store is None:
                    raise RefusedError("there is no archive; set archive.store to local or s3")
                logger.info("session retrieved: path=%s", retrieval.retrieve(uuid, root, store))
                # Pages need not wait for the catalogue; it says the same when it comes.
                here = Session.objects.filter(pk=uuid, removed_at=None)
                here.update(dropped_at=None, dropped_reason="", protected=True)
            except (SkycamError, OSError) as error:
                ledger.retrieved(uuid, str(error))
                logger.error("session not retrieved: uuid=%s reason=%s", uuid, error)


def _wake() -> None:
    import skycam_project.celery  # noqa: F401 - makes our application the one that tasks use; only where one is sent
    from sessions.tasks import run_retrieval

    try:
        run_retrieval.apply_async(retry=False)
    except (
        Exception
    ) as error:  # each broker's client has errors of its own; the request is safe in the ledger
        logger.warning("no worker could be woken (%s); the request is looked at within the hour", error)
