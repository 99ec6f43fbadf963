"""What a client asks after discovery: versions, server, devices."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from alpaca import services
from alpaca.devices.table import DeviceTable
from alpaca.protocol.members import Verb
from alpaca.protocol.parsing import parse_get
from alpaca.views.base import AlpacaView, json_answer, query

_NO_PARAMETERS = Verb("GET", (), None)


class ManagementView(AlpacaView):
    """GET of one value about the server, in the envelope of all answers.

    Attributes:
        endpoint: `management/…`.
        value: gives what is asked for.
    """

    value: Callable[[DeviceTable], Any] = DeviceTable.configured

    async def get(self, request: Request) -> HttpResponse:
        table = services.devices()
        self.transaction = table.transactions.next()
        self.call = parse_get(query(request), _NO_PARAMETERS)
        return json_answer(
            {
                "Value": self.value(table),
                "ClientTransactionID": self.call.transaction,
                "ServerTransactionID": self.transaction,
                "ErrorNumber": 0,
                "ErrorMessage": "",
            }
        )
