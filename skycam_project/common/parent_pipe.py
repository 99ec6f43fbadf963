"""Children leave when their supervisor dies, so that no port, socket, lock or USB device stays held.

The supervisor keeps the write end of one pipe and hands the read end to each child:

    reading, writing = os.pipe()
    Popen(…, pass_fds=(reading,), env={…, "SKYCAM_PARENT_FD": str(reading)}, start_new_session=True)

Nobody writes. When the supervisor ends, even by kill -9, the kernel closes the write end and each child reads
the end.
"""

import os
import signal
import stat
import threading
import time

from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Seconds

VARIABLE = "SKYCAM_PARENT_FD"
GRACE: Seconds = 1.5
"""From SIGTERM to SIGKILL; a child is gone within 2 s."""


class ParentPipeError(SkycamError):
    """The environment names a pipe to the supervisor that is none."""

    code = "parent_pipe"


def leave_with_parent() -> bool:
    """Watch the supervisor in a daemon thread; to be called once, early, in each child's main thread.

    When it dies this process gets SIGTERM, and after 1.5 s SIGKILL together with its process group if it
    leads one. Returns whether there is a supervisor; without `SKYCAM_PARENT_FD` nothing happens. The variable
    is taken out of the environment: the number means nothing to this process's own children. Raises
    `ParentPipeError`.
    """
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        return False
    try:
        handle = int(text)
        if not stat.S_ISFIFO(os.fstat(handle).st_mode):
            raise ValueError("not a pipe")
    except (ValueError, OSError) as error:
        raise ParentPipeError(f"{VARIABLE}={text} is not a pipe to the supervisor; unset it") from error
    os.set_inheritable(handle, False)
    threading.Thread(target=_watch, args=(handle,), name="parent-pipe", daemon=True).start()
    return True


def _watch(handle: int) -> None:
    while os.read(handle, 1):
        pass
    own = os.getpid()
    os.kill(own, signal.SIGTERM)
    time.sleep(GRACE)
    if os.getpgrp() == own:
        os.killpg(own, signal.SIGKILL)
    os.kill(own, signal.SIGKILL)
