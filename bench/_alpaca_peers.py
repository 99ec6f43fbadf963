"""What `bench/alpaca.py` measures, each in a process of its own: servers, their peers, the device's host.

An ASGI server loads `bench._alpaca_peers:application`; BENCH_APP says which, BENCH_FOLDER where the host's
socket and the image are.
"""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import orjson

NAME = os.environ.get("BENCH_APP", "")
FOLDER = Path(os.environ.get("BENCH_FOLDER", "."))
WIDTH, HEIGHT = 3840, 2160
IMAGE = {"file": "image", "dtype": "uint16", "shape": [WIDTH, HEIGHT]}
STATE = {
    "clients": {part: {"holding": ["7"], "known": ["7"]} for part in ("telescope", "camera", "focuser")},
    "connection": {"connected": True, "connecting": False, "problem": ""},
    "mount": {
        "ra_hours": 5.5881, "dec_deg": -5.391, "altitude_deg": 41.5, "azimuth_deg": 170.25, "slewing": False,
        "tracking": True, "parked": False, "target_ra_hours": None, "target_dec_deg": None,
    },
    "camera": {
        "phase": "idle", "percent_completed": 100, "image_ready": True, "image": IMAGE, "exposure_s": 5.0,
        "started_at": "2026-11-20T20:00:00.000Z", "problem": "",
    },
    "focus": {"position": 10_000, "maximum": 20_000, "moving": False},
}  # fmt: skip
ANSWER = {
    "Value": 5.5881, "ClientTransactionID": 123, "ServerTransactionID": 4711, "ErrorNumber": 0, "ErrorMessage": "",
}  # fmt: skip


async def serve_host() -> None:
    """The owner of the device: a state, and one call that changes nothing."""
    from skycam_project.common.link import Host

    async def focus_halt() -> None:
        host.publish(STATE)

    async def heard(clients: dict[str, list[str]]) -> None:
        """Whoever speaks holds."""

    host = Host(FOLDER, "telescope", {"focus_halt": focus_halt, "heard": heard})
    host.publish(STATE)
    async with host:
        await asyncio.Event().wait()


async def serve_socket(port: int) -> None:
    """The limit: the image out of a bare asyncio socket."""
    pixels = (FOLDER / "image").read_bytes()
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (44 + len(pixels)) + b"\0" * 44

    loop = asyncio.get_running_loop()

    async def answer(connection: socket.socket) -> None:
        with connection:
            while await loop.sock_recv(connection, 65_536):
                await loop.sock_sendall(connection, head)
                await loop.sock_sendall(connection, pixels)  # without a copy, unlike a transport's write

    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.setblocking(False)
        answering = set()
        while True:
            connection, _ = await loop.sock_accept(listener)
            answering.add(asyncio.create_task(answer(connection)))


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A route without checks, views, parameters or state."""
    body = orjson.dumps(ANSWER)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def installed_devices() -> Any:
    """Django, the mirror of the host, the adapters; returns the access check."""
    import django

    django.setup()
    from alpaca import services
    from alpaca.devices.facts import Optics, Site
    from alpaca.devices.focuser import Focuser
    from alpaca.devices.table import DeviceTable
    from alpaca.devices.telescope import Telescope
    from alpaca.devices.telescope_camera import TelescopeCamera
    from skycam_project.common.access import Access
    from skycam_project.common.link import Mirror
    from skycam_project.config.keys import LOCAL_NETWORKS

    global mirror
    mirror = Mirror(FOLDER, "telescope")
    kinds = (
        (Telescope, "telescope", {"site": Site(47.0, 13.0, 500.0), "optics": Optics()}),
        (TelescopeCamera, "camera", {"optics": Optics()}),
        (Focuser, "focuser", {}),
    )
    devices = [
        kind(mirror, part=part, number=0, unique_id=part, name=part, **facts) for kind, part, facts in kinds
    ]
    services.install(DeviceTable(devices, FOLDER))
    return Access(LOCAL_NETWORKS.split(","), ["localhost"])


def direct_app() -> Any:
    """The route as it runs."""
    from skycam_project.alpaca_route import AlpacaRoute

    return AlpacaRoute(installed_devices())


def handler_app() -> Any:
    """The same views behind Django's handler and usual middleware, but first_run, which asks the database."""
    from django.conf import settings

    settings.ROOT_URLCONF = "alpaca.urls"
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.endswith("first_run")]
    installed_devices()
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


def fastapi_app() -> Any:
    """The same checks, parser, adapters, envelope and metrics on FastAPI."""
    from time import perf_counter

    sys.path.append(os.environ["BENCH_FASTAPI"])
    from fastapi import FastAPI, Request, Response

    access = installed_devices()
    from alpaca import services
    from alpaca.protocol import envelope
    from alpaca.protocol.errors import AlpacaError, BadRequestError
    from alpaca.protocol.parsing import parse_get
    from skycam_project.alpaca_route import _clock, _count

    app = FastAPI()

    @app.get("/api/v1/{device_type}/{number}/{member}")
    async def member(request: Request, device_type: str, number: str, member: str) -> Response:
        started = perf_counter()
        if refusal := access.refusal(request.scope):
            return Response(refusal.text, refusal.status)
        table = services.devices()
        transaction = table.transactions.next()
        try:
            device, entry = table.find(device_type, number, member)
            if entry.get is None:
                raise BadRequestError("no GET", 405)
            call = parse_get(request.scope["query_string"], entry.get)
        except BadRequestError as error:
            return Response(str(error), error.status)
        table.note_activity(device, call.client)
        try:
            value = device.read(entry, call)
            body = envelope.success(value, entry.get.result, call.transaction, transaction)
        except AlpacaError as error:
            body = envelope.failure(error, entry.get.result, call.transaction, transaction)
        endpoint = f"{device_type}/{member}"
        _count(endpoint, "ok").inc()
        _clock(endpoint).observe(perf_counter() - started)
        return Response(orjson.dumps(body), media_type="application/json")

    return app


def with_mirror(app: Any) -> Any:
    """Start the mirror with the first request, as the project's ASGI application does."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if not mirror.started:
            await mirror.start()
        await app(scope, receive, send)

    return application


APPS = {"direct": direct_app, "handler": handler_app, "fastapi": fastapi_app}
application = with_mirror(APPS[NAME]()) if NAME in APPS else bare
if NAME:
    import gc

    gc.collect()
    gc.freeze()

if __name__ == "__main__":
    asyncio.run(serve_host() if sys.argv[1] == "host" else serve_socket(int(sys.argv[1])))
