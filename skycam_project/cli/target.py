"""Which Skycam a command talks to: the one of this data folder over its links, or another over HTTP."""

import os
from typing import Any, Protocol

import click

from skycam_project.cli.group import Options
from skycam_project.common.errors import SkycamError
from skycam_project.config import Configuration
from skycam_project.config.places import runtime_folder

Colour = tuple[int, int, int]


class RemoteError(SkycamError):
    """The other machine refused or cannot be reached."""

    code = "remote"


class Target(Protocol):
    """What the camera commands need."""

    def camera_states(self) -> list[dict[str, Any]]:
        """All cameras."""
        ...

    def command(self, camera: str, name: str, **arguments: Any) -> dict[str, Any]:
        """Carry out a command; the state it caused."""
        ...

    def processes(self) -> dict[str, Any]:
        """The supervisor's state."""
        ...

    def lights(self, mode: str | None, colour: Colour | None) -> dict[str, Any]:
        """The state of the lights, after changing what is given."""
        ...

    def flats(self, what: str, **order: Any) -> dict[str, Any] | None:
        """The state of the flats (None before the first), after `start` or `stop`; `show` changes nothing."""
        ...


class Local:
    """This machine: whoever can read the data folder may command its devices."""

    def __init__(self, settings: Configuration) -> None:
        self.settings, self.run = settings, runtime_folder(settings.data)

    def camera_states(self) -> list[dict[str, Any]]:
        from skycam_project.common.link import NotConnected, read

        states = []
        for camera in self.settings.all_cameras():
            try:
                states.append(read(self.run, f"camera-{camera.id}"))
            except NotConnected as error:
                absent = {"camera": camera.id, "name": camera.name, "state": "absent", "connected": False}
                states.append(absent | {"capturing": False, "reason": str(error)})
        return states

    def command(self, camera: str, name: str, **arguments: Any) -> dict[str, Any]:
        from skycam_project.common.link import ask

        return ask(self.run, f"camera-{camera}", name, timeout=20.0, **arguments).state

    def processes(self) -> dict[str, Any]:
        from skycam_project.common.link import NotConnected, read

        try:
            return read(self.run, "up")
        except NotConnected:
            raise SkycamError(
                f"Skycam is not running for {self.settings.data}. Start it: ./skycam up", code="down"
            ) from None

    def lights(self, mode: str | None, colour: Colour | None) -> dict[str, Any]:
        from skycam_project.common.link import ask, read

        if mode:
            ask(self.run, "lighting", "mode", mode=mode, by="command line")
        if colour:
            parts = dict(zip("rgb", colour, strict=True))
            ask(self.run, "lighting", "fixture", name="main", by="command line", colour=parts)
        return read(self.run, "lighting")

    def flats(self, what: str, **order: Any) -> dict[str, Any] | None:
        from skycam_project.common.link import ask, read

        if what == "show":
            return read(self.run, "observatory")["flats"]
        return ask(self.run, "observatory", f"{what}_flats", timeout=20.0, **order).state["flats"]


class Remote:
    """Another machine, with a token."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url, self.token = url.rstrip("/"), token

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        import httpx

        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            answer = httpx.request(
                method, f"{self.url}/control/v1/{path}", json=body, headers=headers, timeout=20
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RemoteError(f"{self.url} cannot be reached: {error}") from None
        try:
            content = answer.json()
        except ValueError:
            raise RemoteError(
                f"{self.url} does not answer like Skycam (status {answer.status_code})"
            ) from None
        if answer.is_error:
            raise RemoteError(content.get("error", {}).get("text", f"status {answer.status_code}"))
        return content

    def camera_states(self) -> list[dict[str, Any]]:
        return self._request("GET", "cameras/")

    def command(self, camera: str, name: str, **arguments: Any) -> dict[str, Any]:
        return self._request("POST", f"cameras/{camera}/{name}/", arguments)

    def processes(self) -> dict[str, Any]:
        return self._request("GET", "system/")["up"]

    def lights(self, mode: str | None, colour: Colour | None) -> dict[str, Any]:
        if mode:
            self._request("PUT", "lights/mode/", {"mode": mode})
        if colour:
            self._request("PUT", "lights/fixtures/main/", {"colour": dict(zip("rgb", colour, strict=True))})
        return self._request("GET", "lights/")

    def flats(self, what: str, **order: Any) -> dict[str, Any] | None:
        method = {"show": "GET", "start": "POST", "stop": "DELETE"}[what]
        return self._request(method, "flats/", order if what == "start" else None)


def target_options(function):
    """The options that choose the target."""
    function = click.option("--url", help="Another Skycam, such as http://skycam.local:8080 (SKYCAM_URL).")(
        function
    )
    return click.option(
        "--token", help="Token for --url (better: SKYCAM_TOKEN, which no process list shows)."
    )(function)


def target(options: Options, url: str | None, token: str | None) -> Target:
    """The Skycam that was asked for."""
    url = url or os.environ.get("SKYCAM_URL")
    return Remote(url, token or os.environ.get("SKYCAM_TOKEN")) if url else Local(options.settings())
