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


async def ask(name: str, /, timeout: float = 1.0, **arguments: Any) -> Any:
    """Have the engine do something. Raises what `Mirror.call` raises."""
    return await lights().call(name, timeout=timeout, **arguments)


def command(name: str, /, **arguments: Any) -> Any:
    """The same from ordinary code in the web process."""
    if problem := lights().problem:
        raise NotConnected(problem)
    return async_to_sync(ask)(name, timeout=10.0, **arguments)


def readiness() -> dict[str, Any]:
    """Document 004's `mqttConnected`, `queueDepth` and `engine`, and `reason`: why the lights are not ready, or `None`.

    Ready is: the engine lives with all its tasks, the queue is empty, and MQTT is connected where a broker is configured.
    """
    try:
        state = lights().state
    except NotConnected as error:
        return {"mqttConnected": False, "queueDepth": 0, "engine": False, "reason": str(error)}
    reasons = [f"{name} failed and starts again" for name in state["failed"]]
    if state["queueDepth"]:
        reasons.append(f"{state['queueDepth']} commands wait")
    if state["mqttRequired"] and not state["mqttConnected"]:
        reasons.append("the MQTT broker is not connected")
    return {
        "mqttConnected": state["mqttConnected"],
        "queueDepth": state["queueDepth"],
        "engine": True,
        "reason": "; ".join(reasons) or None,
    }
