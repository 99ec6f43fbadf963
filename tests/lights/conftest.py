"""Fixtures of the lights' tests; helpers are in lightsrig.py."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lightsrig import EngineProcess


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short private folder, because a socket's path may not be long."""
    path = Path(tempfile.mkdtemp(prefix="sky-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def engine_process(folder: Path) -> Iterator[Callable[..., EngineProcess]]:
    started: list[EngineProcess] = []

    def make(**variables: str) -> EngineProcess:
        process = EngineProcess(folder, **variables)
        started.append(process)
        return process.start()

    yield make
    for process in started:
        if process.process and process.process.poll() is None:
            process.end(kill=True)
