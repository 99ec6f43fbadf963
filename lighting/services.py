"""This process's mirror of the lights, and the verbs on it."""

from functools import cache
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings

from skycam_project.common.link import Mirror, NotConnected


@cache
def lights() -> Mirror:
    """The mirror of the lights' engine, one per process; the application starts it."""
    return Mirror(settings.RUN, "lighting")


async def ask(name: str, timeout: float = 1.0, **arguments: Any) -> Any:
    """Have the engine do something. Raises what `Mirror.call` raises."""
    return await lights().call(name, timeout=timeout, **arguments)


def command(name: str, **arguments: Any) -> Any:
    """The same from ordinary code in the web process."""
    if problem := lights().problem:
        raise NotConnected(problem)
    return async_to_sync(ask)(name, timeout=10.0, **arguments)
