"""A device session that is kept running, whatever happens to it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from skycam_project.common.clock import Clock, SystemClock
from skycam_project.common.link.errors import OwnedElsewhere
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

ASK_AGAIN: Seconds = 0.5
"""Between attempts to get a device that another process owns."""
FIRST_PAUSE: Seconds = 1.0
LONGEST_PAUSE: Seconds = 15.0
STEADY: Seconds = 60.0
"""A session that ran for this long starts the next time after the first pause again."""


async def keep(session: Callable[[], Awaitable[None]], device: str, clock: Clock | None = None) -> NoReturn:
    """Run `session` until cancelled; when it fails or returns, log it and run it again.

    The pause grows from 1 s to 15 s. While another process owns the device (`OwnedElsewhere`, alone or in a
    group), that is said once per owner and asked for every 0.5 s.
    """
    clock = clock or SystemClock()
    pause, said = FIRST_PAUSE, ""
    while True:
        began = clock.monotonic()
        try:
            await session()
        except Exception as error:
            if owned := _owned(error):
                if said != owned:
                    said = owned
                    log.warning("%s; waiting for its end", owned)
                await clock.sleep(ASK_AGAIN)
                continue
            failed: Exception | None = error
        else:
            failed = None
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError  # the session took its cancelling for an ordinary end
        said = ""
        if clock.monotonic() - began > STEADY:
            pause = FIRST_PAUSE
        log.error("%s: the device session ended; it starts again in %g s", device, pause, exc_info=failed)
        await clock.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _owned(error: Exception) -> str:
    """What `OwnedElsewhere` says when that is all that went wrong; else empty."""
    if isinstance(error, OwnedElsewhere):
        return str(error)
    if isinstance(error, ExceptionGroup) and error.exceptions:
        reasons = [_owned(part) for part in error.exceptions]
        return reasons[0] if all(reasons) else ""
    return ""
