"""Kills at every step: one process imports once, and forks for each try.

`python exchange_kills.py`: a line of JSON in is `{"call": "module:function", "arguments", "named", "at"}`, a line out
the child's exit status. The child dies by SIGKILL before its call number `at` of those that change the disk.
"""

import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Self

CALLS = ("rename", "replace", "mkdir", "fsync", "unlink", "rmdir", "link", "copy_file_range", "writev")


class Killer:
    """The other process; use it as a context manager."""

    def __enter__(self) -> Self:
        here = Path(__file__)
        self._process = subprocess.Popen(
            [sys.executable, str(here)], env=os.environ | {"PYTHONPATH": f"{here.parents[2]}:{here.parent}"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def survives(self, call: str, at: int, *arguments: Any, **named: Any) -> bool:
        """Call a function that dies at its step `at`; whether it came to its end before that."""
        assert self._process.stdin and self._process.stdout
        words = {"call": call, "at": at, "arguments": [str(one) for one in arguments], "named": named}
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        code = os.waitstatus_to_exitcode(int(self._process.stdout.readline()))
        assert code in (0, -signal.SIGKILL), code
        return code == 0


def _counted(real: Any, at: int, steps: list[int]) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        steps.append(at)
        if len(steps) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    return call


def _try(call: str, arguments: list[str], named: dict[str, Any], at: int) -> None:
    module, _, function = call.partition(":")
    steps: list[int] = []
    for name in CALLS:
        setattr(os, name, _counted(getattr(os, name), at, steps))
    getattr(import_module(module), function)(*arguments, **named)


def main() -> None:
    """Answer until the other side closes."""
    for line in sys.stdin:
        words = json.loads(line)
        import_module(words["call"].partition(":")[0])  # before the fork: once for all
        child = os.fork()
        if child == 0:
            try:
                _try(words["call"], words["arguments"], words["named"], words["at"])
            except BaseException as error:
                sys.stderr.write(f"{error!r}\n")
                os._exit(1)
            os._exit(0)
        print(os.waitpid(child, 0)[1], flush=True)


def adopt(path: str, root: str, *, keep: bool) -> None:
    """`adoption.adopt` for texts."""
    from sessions.exchange.adoption import adopt

    adopt(Path(path), Path(root), keep=keep)


def retrieve(name: str, root: str, archive: str) -> None:
    """`retrieval.retrieve` from a folder."""
    from sessions.exchange.retrieval import retrieve
    from skycam_project.common.objectstore import LocalStore

    retrieve(name, Path(root), LocalStore(Path(archive)))


if __name__ == "__main__":
    import sessions.exchange.retrieval  # noqa: F401

    main()
