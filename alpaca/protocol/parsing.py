"""The one strict parser: query strings and form bodies to typed arguments.

Rules (Alpaca API reference and what conformance testing accepts in its strict mode): names are
case-insensitive in a query string and case-sensitive in a form; the two sources are never merged; unknown
parameters are ignored; a bad ID, and a parameter that is missing, empty or not of its type, is HTTP 400.
Whether a value lies in the range that a device allows is not decided here: that is an ASCOM error in a good
answer.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from alpaca.protocol.errors import BadRequestError
from alpaca.protocol.members import Parameter, Verb

LARGEST_ID = 4_294_967_295
INT32 = range(-(2**31), 2**31)
MOST_FIELDS = 100
"""Fields in a query string or form; no call has more than four."""

_DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_DOUBLE = re.compile(r"[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,5})?", re.ASCII)
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,20})?(?:Z|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)


class Call(NamedTuple):
    """What a client sent, understood.

    Attributes:
        client: the ClientID; None when absent.
        transaction: the ClientTransactionID to echo; 0 when absent.
        arguments: values by Python name, as `Verb.parameters` lists them.
    """

    client: int | None
    transaction: int
    arguments: Mapping[str, Any]


def parse_fields(text: bytes) -> list[tuple[str, str]]:
    """Split `a=1&b=two+words` into decoded pairs, empty values kept.

    Raises `BadRequestError` for more than `MOST_FIELDS` fields and for text that is not UTF-8.
    """
    if not text:
        return []
    pieces = text.split(b"&", MOST_FIELDS)
    if len(pieces) > MOST_FIELDS:
        raise BadRequestError(f"More than {MOST_FIELDS} parameters.")
    try:
        return [
            (_decoded(name), _decoded(value))
            for name, _, value in (piece.partition(b"=") for piece in pieces if piece)
        ]
    except UnicodeDecodeError:
        raise BadRequestError("The parameters are not UTF-8.") from None


def _decoded(piece: bytes) -> str:
    if b"+" in piece:
        piece = piece.replace(b"+", b" ")
    return (unquote_to_bytes(piece) if b"%" in piece else piece).decode()


def parse_get(query: bytes, verb: Verb) -> Call:
    """Understand the query string of a GET. Raises `BadRequestError`."""
    return _understand([(name.lower(), value) for name, value in parse_fields(query)], verb, fold=True)


def parse_put(body: bytes, verb: Verb) -> Call:
    """Understand the form of a PUT. Raises `BadRequestError`."""
    return _understand(parse_fields(body), verb, fold=False)


def _understand(fields: list[tuple[str, str]], verb: Verb, fold: bool) -> Call:
    given = dict(fields)
    if len(given) != len(fields):
        _refuse_doubles(fields, verb, fold)
    client = given.get("clientid" if fold else "ClientID")
    transaction = given.get("clienttransactionid" if fold else "ClientTransactionID")
    return Call(
        None if client is None else parse_id("ClientID", client),
        0 if transaction is None else parse_id("ClientTransactionID", transaction),
        {parameter.argument: _argument(given, parameter, fold) for parameter in verb.parameters},
    )


def _refuse_doubles(fields: list[tuple[str, str]], verb: Verb, fold: bool) -> None:
    """Two values for one name: nobody can know which one the client means. Unknown names don't matter."""
    names = [name for name, _ in fields]
    for known in ("ClientID", "ClientTransactionID", *(parameter.name for parameter in verb.parameters)):
        if names.count(known.lower() if fold else known) > 1:
            raise BadRequestError(f"{known} is given twice.")


def parse_id(name: str, text: str) -> int:
    """A ClientID or ClientTransactionID: 0 to 4294967295. Raises `BadRequestError`."""
    if not _DIGITS.fullmatch(text) or (value := int(text)) > LARGEST_ID:
        raise BadRequestError(f"{name} {_shown(text)} is not a whole number from 0 to {LARGEST_ID}.")
    return value


def _argument(given: Mapping[str, str], parameter: Parameter, fold: bool) -> Any:
    text = given.get(parameter.name.lower() if fold else parameter.name)
    if text is None:
        raise BadRequestError(
            f"Parameter {parameter.name} is missing."
            + ("" if fold else " In a PUT its name must be written exactly so.")
        )
    if not text:
        if parameter.may_be_empty:
            return text
        raise BadRequestError(f"Parameter {parameter.name} is empty.")
    try:
        return _READERS[parameter.kind](text)
    except ValueError as error:
        raise BadRequestError(f"Parameter {parameter.name}: {_shown(text)} is not {error}.") from None


def _bool(text: str) -> bool:
    word = text.lower()
    if word not in {"true", "false"}:
        raise ValueError("true or false")
    return word == "true"


def _int(text: str) -> int:
    if not _INTEGER.fullmatch(text) or (value := int(text)) not in INT32:
        raise ValueError("a whole number of 32 bits")
    return value


def _double(text: str) -> float:
    if not _DOUBLE.fullmatch(text) or not math.isfinite(value := float(text)):
        raise ValueError("a number")
    return value


def _date(text: str) -> datetime:
    """Without a designator the time is UTC, as the interface says; aware and UTC in any case."""
    if not _DATE.fullmatch(text):
        raise ValueError("an ISO 8601 time")
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time that exists") from None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "bool": _bool,
    "int": _int,
    "double": _double,
    "date": _date,
    "string": str,
}


def _shown(text: str) -> str:
    """Text from outside, fit for a message: short, no control characters."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
