"""The step that makes a Celery worker the host of its devices.

    class TelescopeHost(DeviceHost):
        queue = "telescope"
        session = "telescope.host:run"

    app.steps["worker"].add(TelescopeHost)

A step of the *worker* blueprint, not of its consumer: it starts without a broker, does not notice when one
goes away, starts before the pool and stops after it, so that tasks that are still running keep their device.
"""

import asyncio
import contextlib
import logging
import pkgutil
import threading
from typing import Any, ClassVar

from celery import bootsteps

from skycam_project.common.errors import SkycamError
from skycam_project.common.link.keep import keep
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

END: Seconds = 5.0
"""A session gets this long to end; its thread is given up then, and the process ends without it."""


class ForkingPoolError(SkycamError):
    """A worker that forks cannot host a device."""

    code = "forking_pool"


class DeviceHost(bootsteps.StartStopStep):
    """Runs a device session in an event loop of its own thread, from the worker's start to its end.

    The session is imported in that thread, by the worker that needs it alone. When it fails it is logged and
    started again (`keep`). Celery's signal handlers stay as they are.

    Attributes:
        queue: the step is part of the workers that consume this queue (`-Q`).
        session: `module:function` of a coroutine function without arguments that runs until it is cancelled.
        may_fork: whether the worker may have a prefork pool; only for a session that owns no hardware.
    """

    queue: ClassVar[str]
    session: ClassVar[str]
    may_fork: ClassVar[bool] = False

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def include_if(self, parent: Any) -> bool:
        if self.queue not in parent.app.amqp.queues.consume_from:
            return False
        if not self.may_fork and parent.pool_cls.__module__.endswith(".prefork"):
            raise ForkingPoolError(
                f"the worker of queue {self.queue} hosts a device; start it with -P threads or -P solo"
            )
        return True

    def include(self, parent: Any) -> bool:
        """Be the first step to start and the last to stop; `requires` alone leaves the order to chance."""
        included = super().include(parent)
        if included:
            parent.steps.remove(self)
            parent.steps.insert(0, self)
        return included

    def start(self, parent: Any) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._live, name=f"host-{self.queue}", daemon=True)
        self._thread.start()

    def stop(self, parent: Any) -> None:
        if self._thread is None:
            return
        self._stopping.set()  # first, so that a loop that only now begins sees it
        if running := self._running:
            loop, task = running
            with contextlib.suppress(RuntimeError):  # it has just ended by itself
                loop.call_soon_threadsafe(task.cancel)
        self._thread.join(END)
        if self._thread.is_alive():
            log.warning("%s: the device session did not end in %g s and is given up", self.queue, END)

    terminate = stop

    def _live(self) -> None:
        """The thread. `keep` deals with exceptions; `SystemExit` of device code does not end it either."""
        while not self._stopping.is_set():
            try:
                asyncio.run(self._main())
            except BaseException:
                if not self._stopping.is_set():
                    log.critical("%s: the event loop of the device session ended", self.queue, exc_info=True)
                    self._stopping.wait(1.0)

    async def _main(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        self._running = asyncio.get_running_loop(), task
        if not self._stopping.is_set():
            await keep(self._session, self.queue)

    async def _session(self) -> None:
        await pkgutil.resolve_name(self.session)()
