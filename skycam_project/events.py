"""Events for live pages, sent from any process: job progress, a new product, a login that ended.

The group `events` of the channel layer carries them; `dashboard.events` listens for the web processes. A message
`{"type": "event", "event": "product", "data": {...}}` goes to every live page as it is; `auth.revoked` makes every
socket look at its login again.
"""

import asyncio
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

log = logging.getLogger(__name__)

GROUP = "events"
PATIENCE = 2.0


async def _send(message: dict[str, Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        await get_channel_layer().group_send(GROUP, message)


def publish(message: dict[str, Any]) -> bool:
    """Send a message to every process from synchronous code. Returns whether the broker took it."""
    try:
        async_to_sync(_send)(message)
    except Exception as error:  # events are a convenience: nothing fails because one could not be sent
        log.warning("event %s could not be sent: %s", message.get("type"), error)
        return False
    return True
