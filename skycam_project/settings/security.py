"""Keys, hosts, cookies, headers."""

import socket

import psutil
from csp.constants import NONCE, NONE, SELF

from skycam_project.config.places import secret_key
from skycam_project.settings.base import CONFIG, DATA

SECRET_KEY = CONFIG.secret_key or secret_key(DATA)
AUTH_USER_MODEL = "dashboard.User"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
CSRF_FAILURE_VIEW = "dashboard.views.csrf_failure"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]


def _own_names() -> list[str]:
    """Names and addresses under which this machine is reached; never `*`, which would allow DNS rebinding."""
    name = socket.gethostname()
    addresses = {
        address.address.split("%")[0]
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family in (socket.AF_INET, socket.AF_INET6)
    }
    bracketed = {f"[{address}]" if ":" in address else address for address in addresses}
    return ["localhost", name, f"{name.split('.')[0]}.local", *sorted(bracketed), *CONFIG.hosts]


ALLOWED_HOSTS = _own_names()
CSRF_COOKIE_NAME = "skycam_csrf"
SESSION_COOKIE_NAME = "skycam_session"
SESSION_COOKIE_AGE = 30 * 86400
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = CONFIG.https
SECURE_HSTS_SECONDS = 31_536_000 if CONFIG.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = CONFIG.https
if CONFIG.https and CONFIG.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# On plain http exactly these four would be named by `check --deploy`; SKYCAM_HTTPS turns all of them on.
SILENCED_SYSTEM_CHECKS = (
    [] if CONFIG.https else ["security.W004", "security.W008", "security.W012", "security.W016"]
)
if CONFIG.https:
    SILENCED_SYSTEM_CHECKS = ["security.W021"]  # preload lists are for public sites
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

__all__ = [
    name for name in dir() if name.isupper() and name not in {"CONFIG", "DATA", "NONCE", "NONE", "SELF"}
]
