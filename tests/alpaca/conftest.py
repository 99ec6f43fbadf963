"""A server of the fake telescope's devices."""

from urllib.parse import urlencode

import pytest
from alpacafakes import Answer, FakeTelescope, ask, table_of

from alpaca import services
from skycam_project.alpaca_route import AlpacaRoute
from skycam_project.common.access import Access
from skycam_project.config.keys import LOCAL_NETWORKS

NETWORKS = LOCAL_NETWORKS.split(",")


@pytest.fixture
def telescope(tmp_path):
    return FakeTelescope(tmp_path)


@pytest.fixture
def route(telescope, tmp_path):
    services.install(table_of(telescope, tmp_path))
    return AlpacaRoute(Access(NETWORKS, hosts=["localhost", "skycam.local"]))


class Client:
    """One Alpaca client, with a ClientID and ascending transactions."""

    def __init__(self, route, number: int = 17) -> None:
        self.route, self.number, self.transaction = route, number, 0

    def ids(self) -> dict[str, int]:
        self.transaction += 1
        return {"ClientID": self.number, "ClientTransactionID": self.transaction}

    async def get(self, path: str, headers=None, **parameters) -> Answer:
        query = urlencode(self.ids() | parameters)
        return await ask(self.route, "GET", f"/api/v1/{path}", query, headers=headers)

    async def put(self, path: str, **parameters) -> Answer:
        body = urlencode(self.ids() | {name: str(value) for name, value in parameters.items()}).encode()
        return await ask(self.route, "PUT", f"/api/v1/{path}", body=body)

    async def value(self, path: str, **parameters):
        """The value of a GET that must succeed."""
        return self.checked(await self.get(path, **parameters))

    async def do(self, path: str, **parameters):
        """A PUT that must succeed."""
        return self.checked(await self.put(path, **parameters))

    async def error(self, method: str, path: str, **parameters) -> int:
        """The error number of a call that must fail in a good answer, with a sentence."""
        answer = (await getattr(self, method)(path, **parameters)).json
        assert answer["ClientTransactionID"] == self.transaction
        assert answer["ErrorNumber"] != 0, answer
        assert answer["ErrorMessage"]
        return answer["ErrorNumber"]

    def checked(self, answer: Answer):
        body = answer.json
        assert (body["ErrorNumber"], body["ErrorMessage"]) == (0, ""), body
        assert body["ClientTransactionID"] == self.transaction
        assert body["ServerTransactionID"] >= 1
        return body.get("Value")


@pytest.fixture
def client(route):
    return Client(route)


@pytest.fixture
async def connected(client):
    for device in ("telescope", "camera", "focuser", "filterwheel"):
        await client.do(f"{device}/0/connected", Connected=True)
    return client
