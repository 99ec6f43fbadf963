"""A simulated DWARF 3 with small sensors, 500 times as fast as time."""

import pytest
from dwarfsim_helpers import SMALL, Painter, Talker, small_options

from telescope.simulator.server import Simulator


@pytest.fixture
def painter():
    return Painter()


@pytest.fixture
async def simulator(painter, request):
    options = small_options(**getattr(request, "param", {}))
    async with Simulator(options, painter, profile=SMALL) as running:
        yield running


@pytest.fixture
async def talker(simulator):
    client = await Talker.connect(simulator.ports.websocket)
    yield client
    await client.close()
