"""The mount does one thing at a time: a new work ends the one before."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from skycam_project.common.errors import SkycamError
from telescope.dwarf.session.state import Board

logger = logging.getLogger(__name__)


class OneWork:
    """Runs works in the background.

    `board.mount.slewing` is true meanwhile, `problem` tells how the last one failed.

    Args:
        board: of the session.

    Attributes:
        name: of the present or last work.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._task: asyncio.Task[None] | None = None
        self.name = ""

    @property
    def busy(self) -> bool:
        """A work is going on."""
        return self._task is not None and not self._task.done()

    def begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Put `work` in the place of the present one, which is cancelled and has ended when it begins."""
        before = self._task
        if before is not None:
            before.cancel()
        self.name = name
        self._board.set("mount", slewing=True, problem="")
        self._task = asyncio.create_task(self._run(name, before, work))
        self._task.add_done_callback(lambda _: work.close())  # it may end before it began

    async def settled(self) -> None:
        """Wait until no work is going on."""
        while (task := self._task) is not None and not task.done():
            await asyncio.wait([task])

    async def _run(
        self, name: str, before: asyncio.Task[None] | None, work: Coroutine[Any, Any, None]
    ) -> None:
        try:
            if before is not None:
                await asyncio.gather(before, return_exceptions=True)
            await work
        except SkycamError as error:
            logger.warning("%s failed reason=%s", name, error)
            self._board.set("mount", problem=f"{name}: {error}")
        except Exception as error:
            logger.exception("%s failed", name)
            self._board.set("mount", problem=f"{name}: internal error: {error}")
        finally:
            if self._task is asyncio.current_task():
                self._board.set("mount", slewing=False)
