"""All members of all devices: one view, driven by the table."""

from functools import partial

from django.http.response import HttpResponse, HttpResponseBase
from rest_framework.request import Request

from alpaca import services
from alpaca.devices.base import Device
from alpaca.devices.table import DeviceTable
from alpaca.protocol import envelope
from alpaca.protocol.errors import AlpacaError, BadRequestError
from alpaca.protocol.members import Member, Verb
from alpaca.protocol.parsing import parse_get, parse_put
from alpaca.views.base import AlpacaView, form, json_answer, query
from alpaca.views.image import image_answer


class DeviceView(AlpacaView):
    """`/api/v1/{device_type}/{device_number}/{member}`."""

    async def get(self, request: Request, device_type: str, number: str, member: str) -> HttpResponseBase:
        table, device, entry = self._find(device_type, number, member)
        verb = self._demand(entry.get, entry, "GET")
        self.call = call = parse_get(query(request), verb)
        table.note_activity(device, call.client)
        try:
            if verb.result == "image":
                newest = partial(device.read, entry, call)
                return await image_answer(request, table.images, newest, call.transaction, self.transaction)
            value = device.read(entry, call)
            return json_answer(envelope.success(value, verb.result, call.transaction, self.transaction))
        except AlpacaError as error:
            return self._failure(error, verb)

    async def put(self, request: Request, device_type: str, number: str, member: str) -> HttpResponseBase:
        table, device, entry = self._find(device_type, number, member)
        verb = self._demand(entry.put, entry, "PUT")
        self.call = call = parse_put(form(request), verb)
        table.note_activity(device, call.client)
        try:
            value = await device.write(entry, call)
            return json_answer(envelope.success(value, verb.result, call.transaction, self.transaction))
        except AlpacaError as error:
            return self._failure(error, verb)

    def _find(self, device_type: str, number: str, member: str) -> tuple[DeviceTable, Device, Member]:
        table = services.devices()
        self.transaction = table.transactions.next()
        device, entry = table.find(device_type, number, member)
        self.endpoint = f"{device_type}/{member}"
        return table, device, entry

    @staticmethod
    def _demand(verb: Verb | None, member: Member, method: str) -> Verb:
        if verb is None:
            raise BadRequestError(f"{member.name} has no {method}.", status=405)
        return verb

    def _failure(self, error: AlpacaError, verb: Verb) -> HttpResponse:
        return json_answer(envelope.failure(error, verb.result, self.call.transaction, self.transaction))
