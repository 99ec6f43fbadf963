"""Open Lighting Architecture over HTTP (olad 0.10.9): a form to `/set_dmx`, success is 200 with the body `ok`."""

import http.client
from typing import Any
from urllib.parse import urlencode, urlsplit

from lighting.errors import DeviceError
from lighting.outputs.base import Output
from skycam_project.common.units import Seconds

TIMEOUT: Seconds = 0.5
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


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
            status, text = self._post(body)
        except (OSError, http.client.HTTPException) as error:
            raise DeviceError(
                f"OLA at {self._url} does not answer: {error or type(error).__name__}"
            ) from None
        if status != 200 or text.strip() != b"ok":
            self._connection.close()
            said = text.decode(errors="replace").strip()[:120]
            raise DeviceError(
                f'OLA answers {status} "{said}"; is a port patched to universe {self._universe}?'
            )

    def _post(self, body: str) -> tuple[int, bytes]:
        """Status and body of the answer. A kept connection that OLA has closed meanwhile is opened again."""
        kept = self._connection.sock is not None
        try:
            self._connection.request("POST", self._path, body, FORM)
            answer = self._connection.getresponse()
            return answer.status, answer.read(4096)
        except (ConnectionError, http.client.HTTPException):
            self._connection.close()
            if kept:
                return self._post(body)
            raise
        except OSError:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def facts(self) -> dict[str, Any]:
        return {"name": "OLA", "detail": f"universe {self._universe}"}
