"""The protocol switch: Django for pages and the control API, a direct route for Alpaca, Channels for live sockets."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")

from django.core.asgi import get_asgi_application

django = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from dashboard.mirrors import start_mirrors  # noqa: E402
from dashboard.urls import websocket_urlpatterns  # noqa: E402
from lighting.consumers import application as lights_application  # noqa: E402
from skycam_project.alpaca_devices import alpaca_route  # noqa: E402
from skycam_project.alpaca_route import AlpacaRoute  # noqa: E402
from skycam_project.origins import OwnPagesOnly  # noqa: E402

alpaca = alpaca_route()
METRICS_PORT = settings.CONFIG.prometheus_port
pages = OwnPagesOnly(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
lights = lights_application()


async def websocket(scope, receive, send):
    """One live socket; document 004's looks at origins by its own list."""
    await (lights if scope["path"] == "/ws" else pages)(scope, receive, send)


async def application(scope, receive, send):
    """One connection."""
    if scope["type"] == "lifespan":
        raise NotImplementedError("no lifespan: Daphne has none, so nothing may depend on it")
    if (
        scope["type"] == "http"
        and METRICS_PORT
        and scope["server"][1] == METRICS_PORT
        and scope["path"] != "/metrics"
    ):
        await send(
            {"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]}
        )
        await send({"type": "http.response.body", "body": b"This port serves /metrics only.\n"})
        return
    await start_mirrors()  # with the first request: only now does the server's event loop run
    if scope["type"] == "websocket":
        await websocket(scope, receive, send)
    elif AlpacaRoute.wants(scope["path"]):
        await alpaca(scope, receive, send)
    else:
        await django(scope, receive, send)


gc.collect()
gc.freeze()  # a full collection would stop the loop for 21-45 ms
