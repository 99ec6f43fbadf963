"""The protocol switch: Django for pages and the control API, Channels for live sockets."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")

from django.core.asgi import get_asgi_application

django = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from dashboard.urls import websocket_urlpatterns  # noqa: E402

from dashboard.mirrors import start_mirrors  # noqa: E402

websocket = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))


async def application(scope, receive, send):
    """One connection."""
    if scope["type"] == "lifespan":
        raise NotImplementedError("no lifespan: Daphne has none, so nothing may depend on it")
    await start_mirrors()  # with the first request: only now does the server's event loop run
    await (websocket if scope["type"] == "websocket" else django)(scope, receive, send)


gc.collect()
gc.freeze()  # a full collection would stop the loop for 21-45 ms
