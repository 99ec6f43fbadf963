"""Where the broker is, in the two spellings that its users want."""

from pathlib import Path
from urllib.parse import urlsplit

from skycam_project.common.errors import SkycamError

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class UnsafeBrokerError(SkycamError):
    """Whoever reaches the broker can put tasks into it, so it must not stand open on a network."""

    code = "unsafe_broker"


def broker_socket(run: Path) -> Path:
    """Socket of the broker that `up` starts."""
    return run / "broker.sock"


def broker_urls(redis_url: str | None, run: Path) -> tuple[str, str]:
    """Addresses for Celery and for redis-py (channel layer).

    Raises:
        UnsafeBrokerError: `redis_url` is TCP to another machine without TLS and without a password.
    """
    if redis_url is None:
        redis_url = f"unix://{broker_socket(run)}"
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host=0", f"unix://{parts.path}?db=0"
    if parts.scheme == "redis" and not parts.password and parts.hostname not in LOOPBACK:
        raise UnsafeBrokerError(
            f"REDIS_URL names {parts.hostname} without TLS and without a password: anybody on that network could "
            "run tasks here. Use rediss://, a password, or a broker on this machine."
        )
    return redis_url, redis_url
