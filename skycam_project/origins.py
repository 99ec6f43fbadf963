"""Live sockets are for pages of this site: a page elsewhere could use the login of whoever looks at it."""

from urllib.parse import urlsplit

from channels.security.websocket import OriginValidator
from django.conf import settings

FOREIGN_ORIGIN = 4403


class OwnPagesOnly(OriginValidator):
    """Closes sockets of other origins; needs no broker for that, unlike the one of Channels."""

    def __init__(self, application):
        super().__init__(application, settings.ALLOWED_HOSTS)

    async def __call__(self, scope, receive, send):
        headers = dict(scope.get("headers", []))
        origin = headers.get(b"origin")
        if origin is not None and not self.valid_origin(urlsplit(origin.decode("latin-1"))):
            await receive()
            await send({"type": "websocket.close", "code": FOREIGN_ORIGIN})
            return None
        return await self.application(scope, receive, send)
