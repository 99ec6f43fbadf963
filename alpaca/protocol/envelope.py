"""Answers: the JSON around every value, transaction numbers, and the check that a value has its type."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from alpaca.protocol.errors import AlpacaError
from alpaca.protocol.members import Kind
from alpaca.protocol.parsing import LARGEST_ID


class ServerTransactions:
    """Numbers 1, 2, … 4294967295, 1, …: zero is not valid."""

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def next(self) -> int:
        """The number of the next answer."""
        self._last = self._last % LARGEST_ID + 1
        return self._last


def success(
    value: Any, kind: Kind | None, client_transaction: int, server_transaction: int
) -> dict[str, Any]:
    """The body of an answer without error; `kind` None: one without `Value`.

    Raises `AlpacaError` (driver) when the value is not of its kind, NaN included: better an error that says
    so than JSON that a client's deserialiser rejects.
    """
    body: dict[str, Any] = {} if kind is None else {"Value": _CHECKS[kind](value)}
    body["ClientTransactionID"] = client_transaction
    body["ServerTransactionID"] = server_transaction
    body["ErrorNumber"] = 0
    body["ErrorMessage"] = ""
    return body


def failure(
    error: AlpacaError, kind: Kind | None, client_transaction: int, server_transaction: int
) -> dict[str, Any]:
    """The body of an answer with an ASCOM error; a typed default stands where a `Value` belongs."""
    body: dict[str, Any] = {} if kind is None else dict(_DEFAULTS[kind])
    body["ClientTransactionID"] = client_transaction
    body["ServerTransactionID"] = server_transaction
    body["ErrorNumber"] = error.number
    body["ErrorMessage"] = str(error)
    return body


def _wrong(value: Any, wanted: str) -> AlpacaError:
    return AlpacaError(f"The device reported {value!r:.60} where {wanted} belongs.")


def _bool(value: Any) -> bool:
    if value is not True and value is not False:
        raise _wrong(value, "true or false")
    return value


def _int(value: Any) -> int:
    if not isinstance(value, int) or value is True or value is False:
        raise _wrong(value, "a whole number")
    return int(value)  # an IntEnum becomes a plain number


def _double(value: Any) -> float:
    if not isinstance(value, float | int) or value is True or value is False or not math.isfinite(value):
        raise _wrong(value, "a number")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "text")
    return value


def _list_of(check: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def checked(values: Any) -> list[Any]:
        if not isinstance(values, list | tuple):
            raise _wrong(values, "a list")
        return [check(value) for value in values]

    return checked


def _rate(value: Any) -> dict[str, float]:
    return {"Maximum": _double(value["Maximum"]), "Minimum": _double(value["Minimum"])}


_CHECKS: Mapping[Kind, Callable[[Any], Any]] = {
    "bool": _bool,
    "int": _int,
    "double": _double,
    "string": _string,
    "date": _string,
    "strings": _list_of(_string),
    "ints": _list_of(_int),
    "rates": _list_of(_rate),
    "states": list,
}

_DEFAULTS: Mapping[Kind, Mapping[str, Any]] = {
    "bool": {"Value": False},
    "int": {"Value": 0},
    "double": {"Value": 0.0},
    "string": {"Value": ""},
    "date": {"Value": ""},
    "strings": {"Value": []},
    "ints": {"Value": []},
    "rates": {"Value": []},
    "states": {"Value": []},
    "image": {"Type": 2, "Rank": 2, "Value": []},
}
