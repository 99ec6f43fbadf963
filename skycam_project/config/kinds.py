"""Readers of single values: text from the environment or a YAML scalar in, a typed value out.

A reader raises `ValueError`; what is allowed stands beside it in words, for messages and documentation.
"""

import base64
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True)
class Kind(Generic[T]):
    """How one value is read.

    Attributes:
        read: from a YAML scalar or environment text; raises `ValueError` (or `TypeError`).
        allowed: what a person may write, in words.
        secret: never shown in a message, log or page.
        empty: an empty environment variable is a value (none), where it is otherwise one that is not set.
    """

    read: Callable[[Any], T]
    allowed: str
    secret: bool = False
    empty: bool = False


def _boolean(value: Any) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if isinstance(value, bool):
        return value
    return words[_found(str(value).strip().lower(), words)]


def _found(word: str, words: Any) -> str:
    if word not in words:
        raise ValueError(word)
    return word


switch = Kind(_boolean, "true or false")
text = Kind(str, "text")


def _as_number(value: Any) -> float:
    if isinstance(value, bool) or not re.fullmatch(
        r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?", str(value).strip()
    ):
        raise ValueError(value)
    return float(value)


def integer(least: int, most: int) -> Kind[int]:
    """A whole number from `least` to `most`, both included."""

    def read(value: Any) -> int:
        number = _as_number(value)
        if number != int(number) or not least <= number <= most:
            raise ValueError(value)
        return int(number)

    return Kind(read, f"a whole number from {least} to {most}")


def number(least: float, most: float, unit: str = "") -> Kind[float]:
    """A number from `least` to `most`, both included."""

    def read(value: Any) -> float:
        result = _as_number(value)
        if not least <= result <= most:
            raise ValueError(value)
        return result

    return Kind(read, f"a number from {least:g} to {most:g} {unit}".strip())


def choice(*words: str) -> Kind[str]:
    """One of a few words."""

    def read(value: Any) -> str:
        # YAML 1.1 reads a bare on/off as a truth value; people mean the word.
        word = {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        return _found(word.strip().lower(), words)

    return Kind(read, "one of: " + ", ".join(words))


def optional(kind: Kind[T]) -> Kind[T | None]:
    """The same, or nothing: empty text or `null`."""

    def read(value: Any) -> T | None:
        return None if value is None or value == "" else kind.read(value)

    return Kind(read, f"{kind.allowed}; or empty", kind.secret, empty=True)


def _path(value: Any) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(value)
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # ~somebody who does not exist here
        raise ValueError(value) from error


path = Kind(_path, "a path")


def _words(value: Any) -> tuple[str, ...]:
    if value is None:  # a key of YAML with nothing behind it
        return ()
    items = value if isinstance(value, list) else str(value).split(",")
    return tuple(str(item).strip() for item in items if str(item).strip())


words = Kind(_words, "words separated by commas", empty=True)


def _hexadecimals(value: Any) -> tuple[int, ...]:
    numbers = tuple(int(word, 16) for word in _words(value))
    if not all(0 <= number <= 0xFFFF for number in numbers):
        raise ValueError(value)
    return numbers


hexadecimals = Kind(
    _hexadecimals, "hexadecimal numbers up to 0xffff separated by commas, with or without 0x", empty=True
)


def _fernet(value: Any) -> str:
    text = str(value)
    if len(text) != 44 or len(base64.urlsafe_b64decode(text)) != 32:
        raise ValueError("not a Fernet key")
    return text


fernet_key = Kind(_fernet, "a Fernet key: 32 bytes as 44 characters of URL-safe base64", secret=True)
password = Kind(str, "text", secret=True)


def _networks(value: Any) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(word, strict=False) for word in _words(value))


networks = Kind(_networks, "networks or addresses separated by commas, such as 192.168.1.0/24", empty=True)


def url(*schemes: str, secret: bool = False) -> Kind[str]:
    """An address with one of the given schemes."""

    def read(value: Any) -> str:
        if urlsplit(str(value)).scheme not in schemes:
            raise ValueError(value)
        return str(value)

    return Kind(
        read, "an address that begins with " + " or ".join(f"{scheme}://" for scheme in schemes), secret
    )


def _node(value: Any) -> str:
    host, colon, port = str(value).partition(":")
    if not host or (colon and not 1 <= int(port) <= 65535):
        raise ValueError(value)
    return str(value)


node = Kind(_node, "a host or host:port")


def _size(value: Any) -> int:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)i?B?", str(value).strip(), flags=re.IGNORECASE)
    if match is None:
        raise ValueError(value)
    return int(float(match[1]) * SIZES[match[2].upper()])


size = Kind(_size, "a size such as 10MB or 100 GB")


def _secret(value: Any) -> str:
    if len(str(value)) < 32:
        raise ValueError("too short")
    return str(value)


password = Kind(str, "text", secret=True)
secret = Kind(_secret, "at least 32 characters", secret=True)
