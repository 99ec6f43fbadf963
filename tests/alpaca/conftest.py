"""A server of the fake telescope's devices."""

import pytest
from alpacafakes import NETWORKS, Client, FakeTelescope, table_of

from alpaca import services
from skycam_project.alpaca_route import AlpacaRoute
from skycam_project.common.access import Access


@pytest.fixture
def telescope(tmp_path):
    return FakeTelescope(tmp_path)


@pytest.fixture
def route(telescope, tmp_path):
    services.install(table_of(telescope, tmp_path))
    return AlpacaRoute(Access(NETWORKS, hosts=["localhost", "skycam.local"]))


@pytest.fixture
def client(route):
    return Client(route)


@pytest.fixture
async def connected(client):
    for device in ("telescope", "camera", "focuser", "filterwheel"):
        await client.do(f"{device}/0/connected", Connected=True)
    return client
