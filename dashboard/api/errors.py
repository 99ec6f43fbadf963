"""Errors of every part in one form: `{"error": {"code", "text", "field"}}` with a fitting status."""

import logging

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from skycam_project.common.errors import InvalidValueError, SkycamError

log = logging.getLogger(__name__)
STATUS = {
    "invalid_value": 400,
    "not_found": 404,
    "not_connected": 503,
    "outcome_unknown": 504,
    "expired": 503,
    "unknown_call": 404,
    "internal": 500,
    "disabled": 404,
    "invalid": 400,
    "interlocked": 423,
    "queue_full": 503,
    "too_slow": 503,
}


def handle(error: Exception, context: dict) -> Response | None:
    """DRF's hook: one place turns errors into answers."""
    if isinstance(error, InvalidValueError):
        return _answer(error.code, str(error), 400, error.field)
    if isinstance(error, SkycamError):
        return _answer(error.code, str(error), STATUS.get(error.code, 409), getattr(error, "field", None))
    if isinstance(error, ValidationError) and isinstance(error.detail, dict) and error.detail:
        field, texts = next(iter(error.detail.items()))
        text = str(texts[0] if isinstance(texts, list) else texts)
        return _answer("invalid_value", f"{field}: {text}", 400, field)
    response = exception_handler(error, context)
    if response is None:
        log.error("request failed", exc_info=error, extra={"path": context["request"].path})
        set_rollback()
        return _answer("internal", "Skycam made a mistake; it is in the log.", 500)
    code = getattr(error, "default_code", "error")
    text = str(error.detail) if isinstance(error, APIException) else "Not found."
    answer = _answer(code, text, response.status_code)
    for header in ("WWW-Authenticate", "Retry-After", "Allow"):
        if header in response:
            answer[header] = response[header]
    return answer


def _answer(code: str, text: str, status: int, field: str | None = None) -> Response:
    return Response({"error": {"code": code, "text": text, "field": field}}, status=status)
