"""Who may speak to the parts of the server that have no login: one check for all of them.

Alpaca has no accounts, so the server itself keeps out what its owner did not mean: other networks, names
that an attacker's DNS points here, web pages of other sites, and whatever comes through a proxy that nobody
declared. Pure; works on the headers of an ASGI scope.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from skycam_project.common.errors import InvalidValueError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PROXY_HEADERS = frozenset({b"forwarded", b"via", b"x-real-ip"})
_OWN_SITE = frozenset({b"same-origin", b"none"})


class Refusal(NamedTuple):
    """Why a request is not served."""

    status: int
    text: str


def parse_networks(field: str, texts: Iterable[str | Network]) -> tuple[Network, ...]:
    """Networks in CIDR form or single addresses. Raises `InvalidValueError` naming `field`."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise InvalidValueError(field, str(text), f"a network such as 192.168.0.0/16 ({error})") from None
    return tuple(networks)


def parse_address(text: str) -> Address | None:
    """An IP literal without port, or None; a zone is dropped, IPv4 inside IPv6 unwrapped."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


class Access:
    """The rules of one server.

    Args:
        networks: from where requests are taken.
        hosts: names under which the server may be called, besides any IP literal; `.lan` allows every name
            below it.
        trusted_proxies: peers whose `X-Forwarded-For` is believed; their own address counts for nothing then.
    """

    def __init__(
        self,
        networks: Sequence[str | Network],
        hosts: Sequence[str],
        trusted_proxies: Sequence[str | Network] = (),
    ) -> None:
        self._networks = parse_networks("networks", networks)
        self._proxies = parse_networks("trusted proxies", trusted_proxies)
        if "*" in hosts:
            raise InvalidValueError(
                "hosts", "*", "names; any host would let a foreign page reach the devices"
            )
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts if not host.startswith("."))
        self._domains = tuple(host.lower().rstrip(".") for host in hosts if host.startswith("."))
        # decisions repeat for the same few peers and names; bounded, because both come from outside
        self.allows = lru_cache(1024)(self._allows)
        self._is_proxy = lru_cache(1024)(self._trusts)
        self._host_is_ours = lru_cache(1024)(self._knows_host)

    def refusal(self, scope: dict[str, Any]) -> Refusal | None:
        """None when the request of an ASGI `scope` may be served."""
        host = origin = site = forwarded = None
        proxied = False
        for name, value in scope["headers"]:
            if name == b"host":
                if host is not None:
                    return Refusal(400, "Two Host headers.")
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
            elif name.startswith(b"x-forwarded") or name in _PROXY_HEADERS:
                proxied = True
                if name == b"x-forwarded-for":
                    forwarded = value if forwarded is None else forwarded + b"," + value
        peer = scope.get("client")
        address = peer[0] if peer else ""
        if proxied:
            if not self._is_proxy(address):
                return Refusal(
                    403, f"Forwarded by {_shown(address)}, which is not among SKYCAM_TRUSTED_PROXIES."
                )
            if forwarded is None:
                return Refusal(403, f"The proxy {_shown(address)} must send X-Forwarded-For.")
            address = self._origin_of(forwarded)
        if not self.allows(address):
            return Refusal(403, f"Requests from {_shown(address)} are not allowed here.")
        if host is None or not self._host_is_ours(host):
            return Refusal(400, "This server does not know itself by that name; add it to SKYCAM_HOSTS.")
        if (origin is not None and origin.partition(b"://")[2] != host.lower()) or (
            site is not None and site not in _OWN_SITE
        ):
            return Refusal(403, "Requests from pages of other sites are not allowed.")
        return None

    def _origin_of(self, forwarded: bytes) -> str:
        """The last address in X-Forwarded-For that is no trusted proxy's; anybody can write the others."""
        addresses = [part.strip() for part in forwarded.decode("latin-1").split(",")]
        for address in reversed(addresses):
            if not self._is_proxy(address):
                return address
        return addresses[0]

    def _allows(self, text: str) -> bool:
        """Whether requests from this address are taken."""
        return peer_in(text, self._networks)

    def _trusts(self, text: str) -> bool:
        return peer_in(text, self._proxies)

    def _knows_host(self, header: bytes) -> bool:
        name = header.decode("latin-1").lower()
        if name.startswith("["):
            literal, closed, port = name[1:].partition("]")
            return bool(closed) and parse_address(literal) is not None and _is_port(port)
        name, colon, port = name.partition(":")
        if not _is_port(colon + port):
            return False
        name = name.rstrip(".")
        return (
            name in self._hosts or name.endswith(self._domains or ("\0",)) or parse_address(name) is not None
        )


def peer_in(text: str, networks: Iterable[Network]) -> bool:
    """Whether a peer's address lies in one of the networks; an unreadable one does not."""
    address = parse_address(text)
    return address is not None and any(address in network for network in networks)


def _shown(address: str) -> str:
    return address[:45] or "a local socket"  # 45: the longest address; a header can be longer


def _is_port(text: str) -> bool:
    """`:8080`, or nothing at all."""
    return not text or (text[0] == ":" and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6)
