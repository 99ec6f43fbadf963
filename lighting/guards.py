"""Who may use document 004's addresses: they need no login, so the origin, the proxy and the keys are looked at here."""

import hashlib
import hmac
import logging
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from skycam_project.common.access import peer_in
from skycam_project.middleware import FORWARDED

log = logging.getLogger(__name__)


def valid_key(key: str | None) -> bool:
    """Whether it is one of DMX_API_KEYS; true when there are none. What was given is noted, never in full."""
    if key:
        digest = hashlib.sha256(key.encode()).hexdigest()[:12]
        log.info("api_key", extra={"begins": key[:4], "sha256": digest})
    keys = settings.CONFIG.dmx_api_keys
    given = (key or "").encode()
    return not keys or any([hmac.compare_digest(given, known.encode()) for known in keys])


def may_operate(user: Any) -> bool:
    """Whether somebody is logged in who may run devices; as good as a key."""
    return bool(user is not None and user.is_authenticated and user.may("operator"))


def listed(origin: str) -> bool:
    """Whether an origin stands in DMX_ALLOW_ORIGINS by name."""
    return origin in settings.CONFIG.dmx_allow_origins


def readable(origin: str) -> bool:
    """Whether pages of an origin may read."""
    return listed(origin) or "*" in settings.CONFIG.dmx_allow_origins


def own(origin: str, host: str) -> bool:
    """Whether an origin is this site under one of its own names (a rebound name is none of them)."""
    parts = urlsplit(origin)
    domain, _ = split_domain_port(host)
    return bool(domain) and parts.netloc == host and validate_host(domain, settings.ALLOWED_HOSTS)


def hidden_peer(headers: dict[bytes, bytes], address: str) -> bool:
    """Whether a request came through a proxy that nobody named: behind it every peer looks local."""
    names = {name.removeprefix("HTTP_").replace("_", "-").lower().encode() for name in FORWARDED}
    return bool(names & headers.keys()) and not peer_in(address, settings.CONFIG.trusted_proxies)
