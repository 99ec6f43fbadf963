"""The DRF view under all Alpaca views: coroutine handlers, nothing negotiated, the protocol's errors."""

import logging
from typing import Any

import orjson
from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from alpaca.protocol.errors import BadRequestError
from alpaca.protocol.parsing import Call

log = logging.getLogger(__name__)

FORM = "application/x-www-form-urlencoded"


class AlpacaView(APIView):
    """A view for the direct route, where no middleware has been.

    Alpaca knows no accounts and one form in each direction, so DRF's policies are empty and its parsers and
    renderers are not asked: the protocol's own parser reads the raw query or body.

    Attributes:
        endpoint: label of the metrics, one of a bounded set of words; set as soon as it is known.
        call: what the client sent, once it is understood.
        transaction: the server's number of this answer.
    """

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = ()
    http_method_names = ("get", "put")

    endpoint = "unknown"
    call = Call(None, 0, {})
    transaction = 0

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return markcoroutinefunction(super().as_view(**initkwargs))

    async def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        try:
            method = (request.method or "").lower()
            if method not in self.http_method_names or not hasattr(self, method):
                raise BadRequestError(f"{request.method} is not a method of this resource.", status=405)
            response = await getattr(self, method)(self.request, *args, **kwargs)
        except Exception as error:
            response = self.handle_exception(error)
        response.endpoint = self.endpoint
        return response

    def handle_exception(self, error: Exception) -> HttpResponse:  # type: ignore[override]
        """A bad request becomes a sentence with status 400; anything else is a bug and says where to look."""
        if isinstance(error, BadRequestError):
            return sentence(error.status, str(error))
        log.error(
            "alpaca: %s failed, client=%s client_transaction=%d server_transaction=%d",
            self.endpoint,
            self.call.client,
            self.call.transaction,
            self.transaction,
            exc_info=error,
        )
        return sentence(500, f"The server failed; its log says why (server transaction {self.transaction}).")


def query(request: Request) -> bytes:
    """The raw query string."""
    return request.scope["query_string"]


def form(request: Request) -> bytes:
    """The raw form of a PUT; a body without a type is one. Raises `BadRequestError` for another type."""
    kind = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind not in ("", FORM):
        raise BadRequestError(f"The body of a PUT must be {FORM}, not {kind!r:.60}.")
    return request.body


def sentence(status: int, text: str) -> HttpResponse:
    """Plain text, as the protocol wants it beside every status but 200."""
    response = HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    if status == 405:
        response["Allow"] = "GET, PUT"
    return response


def json_answer(body: dict[str, Any]) -> HttpResponse:
    """Status 200 and a body from `envelope`."""
    response = HttpResponse(orjson.dumps(body), content_type="application/json")
    response.outcome = f"{body['ErrorNumber']:#x}" if body["ErrorNumber"] else "ok"
    return response
