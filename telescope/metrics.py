"""What Prometheus sees of telescopes; the name is document 003's."""

from collections.abc import Awaitable

from prometheus_client import Gauge

from skycam_project.common.clock import Clock

_focus_time = Gauge(
    "focus_acquisition_time_s", "Duration of the newest autofocus that succeeded", ["telescope"]
)


async def focusing(autofocus: Awaitable[int], telescope: str, clock: Clock) -> None:
    """Wait for an autofocus and note what it took; one that fails is no measure. Raises what it raises."""
    began = clock.monotonic()
    await autofocus
    _focus_time.labels(telescope).set(clock.monotonic() - began)
