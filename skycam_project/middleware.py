"""Guards that stand before every view (security.md 1 and 2)."""

import re

from django.conf import settings
from django.http import HttpRequest, JsonResponse

from skycam_project.common.access import peer_in

FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_VIA",
)
LIGHTS = re.compile(r"/(rgb|blackout|usb|projects|scenes|show)(/.*)?")
"""Document 004's addresses; they need no login."""
UNAUTHENTICATED = ("/metrics", "/healthz", "/readyz")
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
JSON_ONLY = ("/control/", "/api/camera/")


def refusal(code: str, text: str, status: int = 403) -> JsonResponse:
    """The one form of an error answer."""
    return JsonResponse({"error": {"code": code, "text": text, "field": None}}, status=status)


def is_lights(path: str) -> bool:
    """Whether an address is one of document 004's."""
    return LIGHTS.fullmatch(path) is not None


def _refuse(request: HttpRequest, code: str, text: str, status: int = 403) -> JsonResponse:
    """A refusal in the form that the address promises."""
    if is_lights(request.path):
        return JsonResponse({"detail": text}, status=status)
    return refusal(code, text, status)


def _middleware(check):
    """A middleware from a function that returns a refusal or `None`; no thread hop in either world."""
    from asgiref.sync import iscoroutinefunction
    from django.utils.decorators import sync_and_async_middleware

    @sync_and_async_middleware
    def factory(get_response):
        if iscoroutinefunction(get_response):

            async def asynchronous(request):
                return check(request) or await get_response(request)

            return asynchronous
        return lambda request: check(request) or get_response(request)

    factory.__doc__ = check.__doc__
    return factory


@_middleware
def refuse_hidden_peers(request: HttpRequest) -> JsonResponse | None:
    """Behind an unknown proxy on this host every peer looks local: refuse what needs no login then."""
    if not (request.path.startswith(UNAUTHENTICATED) or is_lights(request.path)):
        return None
    if any(header in request.META for header in FORWARDED) and not peer_in(
        request.META.get("REMOTE_ADDR", ""), settings.CONFIG.trusted_proxies
    ):
        return _refuse(
            request,
            "unknown_proxy",
            "This request came through a proxy that SKYCAM_TRUSTED_PROXIES does not name.",
        )
    return None


@_middleware
def refuse_cross_site_changes(request: HttpRequest) -> JsonResponse | None:
    """A POST without a body needs no preflight, so another site's page could send it: demand JSON and the same site."""
    lights = is_lights(request.path)
    if request.method not in CHANGES or not (lights or request.path.startswith(JSON_ONLY)):
        return None
    if request.content_type != "application/json":
        return _refuse(request, "not_json", "Send Content-Type: application/json.", 415)
    origin = request.headers.get("Origin")
    if lights and origin and origin in settings.CONFIG.dmx_allow_origins:
        return None
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return _refuse(
            request, "cross_site", "Changes are accepted from Skycam's own pages and from programs only."
        )
    if origin and origin.split("://")[-1] != request.get_host():
        return _refuse(request, "cross_site", f"Changes from pages of {origin} are not accepted.")
    return None
