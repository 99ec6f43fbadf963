"""Liveness, readiness and metrics of all processes."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from dashboard.choices import Role
from dashboard.mirrors import mirrors
from dashboard.readiness import readiness
from dashboard.services import token_of
from skycam_project.common.access import peer_in
from skycam_project.common.link import Mirror
from skycam_project.metrics import collect
from skycam_project.middleware import refusal


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process and its event loop work."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when everything is there, else 503; either way each part with its reason."""
    answer = readiness()
    return JsonResponse(answer, status=200 if answer["ready"] else 503)


async def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text of all processes, for the local networks or with a token."""
    if not settings.CONFIG.prometheus_enabled:
        return refusal("off", "Metrics are turned off (monitoring.prometheus.enabled).", 404)
    if not peer_in(request.META.get("REMOTE_ADDR", ""), settings.CONFIG.metrics_networks):
        words = request.headers.get("Authorization", "").split()
        token = await _token(words[1]) if len(words) == 2 and words[0].lower() == "bearer" else None
        if token is None or not token.may(Role.VIEWER):
            return refusal("forbidden", "Metrics are for SKYCAM_METRICS_NETWORKS, or with a token.")
    text = await collect(_processes(), {settings.PROCESS: generate_latest().decode()})
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _processes() -> dict[str, Mirror]:
    """One link per process: all cameras live in one, whose figures must not be counted twice."""
    links: dict[str, Mirror] = {}
    for device, mirror in mirrors().items():
        if device != "observatory":  # lives in the processing worker
            links.setdefault(device.split("/")[0], mirror)
    return links


async def _token(secret: str):
    from asgiref.sync import sync_to_async

    return await sync_to_async(token_of)(secret)
