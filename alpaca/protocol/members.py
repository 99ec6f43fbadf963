"""What a member of an Alpaca interface is; `INTERFACES` holds all of them, read from `tables.py`.

Everything that has to know a member asks here: the resolver, the parser, the typed default beside an error,
DeviceState, the adapters and the tests.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from alpaca.protocol import tables

Kind = Literal["bool", "int", "double", "string", "date", "strings", "ints", "rates", "states", "image"]
"""Type of a parameter or result.

`date`: ISO 8601 text; `rates`: list of {Minimum, Maximum}; `states`: DeviceState.
"""
Method = Literal["GET", "PUT"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a verb, beside the two IDs that every call may carry."""

    name: str
    kind: Kind
    may_be_empty: bool
    argument: str
    """The name in Python: `RightAscension` becomes `right_ascension`."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One way to call a member."""

    method: Method
    parameters: tuple[Parameter, ...]
    result: Kind | None
    """Kind of `Value`; None when the answer has none."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an interface.

    `attribute` is its name in Python: `CCDTemperature` becomes `ccd_temperature`.
    """

    name: str
    attribute: str
    get: Verb | None
    put: Verb | None
    in_device_state: bool
    offline: bool


@dataclass(frozen=True, slots=True)
class Interface:
    """One device type: `device_type` in interface casing, its version, members by their name in the URL."""

    device_type: str
    version: int
    members: Mapping[str, Member]

    @property
    def device_state(self) -> Iterator[Member]:
        """The members that DeviceState may carry."""
        return (member for member in self.members.values() if member.in_device_state)


_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


def python_name(name: str) -> str:
    """`SlewToAltAzAsync` to `slew_to_alt_az_async`, `CCDTemperature` to `ccd_temperature`."""
    return "_".join(_WORD.findall(name)).lower()


def _verb(text: str) -> Verb:
    left, _, result = text.partition("->")
    method, *parameters = left.split()
    return Verb(
        method.upper(),  # type: ignore[arg-type]  # the table's own words
        tuple(_parameter(text) for text in parameters),
        result.strip() or None,  # type: ignore[arg-type]
    )


def _parameter(text: str) -> Parameter:
    name, _, kind = text.partition(":")
    return Parameter(name, kind.rstrip("?"), kind.endswith("?"), python_name(name))  # type: ignore[arg-type]


def _members(table: str) -> Iterator[Member]:
    for line in filter(None, table.splitlines()):
        name, rest = line.split(maxsplit=1)
        words = rest.split()
        flags = {word for word in words if word in {"state", "offline"}}
        verbs = {
            verb.method: verb
            for verb in map(_verb, " ".join(word for word in words if word not in flags).split("|"))
        }
        yield Member(
            name, python_name(name), verbs.get("GET"), verbs.get("PUT"), "state" in flags, "offline" in flags
        )


def _interface(device_type: str, version: int, table: str) -> Interface:
    members = {member.name.lower(): member for member in _members(tables.COMMON + table)}
    return Interface(device_type, version, MappingProxyType(members))


INTERFACES: Mapping[str, Interface] = MappingProxyType(
    {
        interface.device_type.lower(): interface
        for interface in (
            _interface("Telescope", 4, tables.TELESCOPE),
            _interface("Camera", 4, tables.CAMERA),
            _interface("Focuser", 4, tables.FOCUSER),
            _interface("FilterWheel", 3, tables.FILTER_WHEEL),
            _interface("CoverCalibrator", 2, tables.COVER_CALIBRATOR),
            _interface("Switch", 3, tables.SWITCH),
            _interface("ObservingConditions", 2, tables.OBSERVING_CONDITIONS),
            _interface("SafetyMonitor", 3, tables.SAFETY_MONITOR),
            _interface("Rotator", 4, tables.ROTATOR),
            _interface("Dome", 3, tables.DOME),
        )
    }
)
"""Interfaces by device type as it stands in the URL (lower case)."""
