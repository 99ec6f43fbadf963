"""What spans devices, as other apps ask for it."""

from functools import cache
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings

from skycam_project.common.link import Mirror, NotConnected


@cache
def observatory() -> Mirror:
    """This process's mirror of the observatory's host; the application starts it."""
    return Mirror(settings.RUN, "observatory")


def command(name: str, /, **arguments: Any) -> Any:
    """Have it do something, from ordinary code in the web process; the state that it caused. Raises as `Mirror.call`."""
    if problem := observatory().problem:
        raise NotConnected(problem)
    async_to_sync(observatory().call)(name, timeout=10.0, **arguments)
    return observatory().state
