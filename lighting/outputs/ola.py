"""Open Lighting Architecture over HTTP (olad 0.10.9): a form to `/set_dmx`, success is 200 with the body `ok`."""

import http.client
from typing import Any
from urllib.parse import urlencode, urlsplit

from lighting.errors import DeviceError
from lighting.outputs.base import Output
from skycam_project.common.units import Seconds

TIMEOUT: Seconds = 0.5


class Ola(Output):
    """Sends 512 values each time: fewer would shorten OLA's universe, and it does not clamp.

    Args:
        url: of `set_dmx`; redirects (OLA's answer to what it does not understand) count as failures.
        universe: OLA's number; it exists only once a port is patched to it.
    """

    driver = "ola"

    def __init__(self, url: str, universe: int, fps: float) -> None:
        super().__init__(fps)
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "localhost", parts.port, timeout=TIMEOUT)
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._url, self._universe = url, universe

    def send(self, data: bytes) -> None:
        body = urlencode({"u": self._universe, "d": ",".join(map(str, data))}, safe=",")
        try:
            self._connection.request(
                "POST", self._path, body, {"Content-Type": "application/x-www-form-urlencoded"}
            )
            answer = self._connection.getresponse()
            text = answer.read(4096)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise DeviceError(
                f"OLA at {self._url} does not answer: {error or type(error).__name__}"
            ) from None
        if answer.status != 200 or text.strip() != b"ok":
            self._connection.close()
            said = text.decode(errors="replace").strip()[:120]
            raise DeviceError(
                f'OLA answers {answer.status} "{said}"; is a port patched to universe {self._universe}?'
            )

    def close(self) -> None:
        self._connection.close()

    def facts(self) -> dict[str, Any]:
        return {"name": "OLA", "detail": f"universe {self._universe}"}
