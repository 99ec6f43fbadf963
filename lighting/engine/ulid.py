"""Command ids: a ULID is 48 bits of time and 80 of chance in Crockford's base 32."""

import re
import secrets
import time

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new_ulid() -> str:
    """A fresh one; later ones sort after earlier ones of another millisecond."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)  # part of the id is wall-clock time
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_ulid(text: object) -> bool:
    """Whether it is one: 26 characters, upper case, at most 128 bits."""
    return isinstance(text, str) and PATTERN.fullmatch(text) is not None
