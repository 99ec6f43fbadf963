"""Document 004's REST: bare paths, `{"detail": …}` for errors. Each view hands one request to the engine."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from lighting.engine.backups import VERSION_ID
from lighting.engine.commands import LARGEST, parse_command
from lighting.engine.projects import PROJECT_ID
from lighting.errors import BadCommandError, MissingError
from lighting.guards import listed, may_operate, readable, valid_key
from lighting.services import ask, lights
from skycam_project.common.errors import SkycamError
from skycam_project.common.link import NotConnected
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

PATIENCE: Seconds = 1.0
SLOW: Seconds = 30.0
"""For what waits for a disk, a bucket or a serial port."""
LARGEST_LIST = 512 * 1024
LARGEST_PROJECT = 960 * 1024
"""What fits into a line to the engine."""
STATUS = {
    "bad_message": 422, "bad_ulid": 422, "invalid": 422, "interlocked": 423, "queue_full": 503, "not_found": 404, "no_object": 404,
    "disabled": 404, "not_active": 409, "device": 502, "store": 502, "too_long": 413, "not_connected": 503, "expired": 503,
    "outcome_unknown": 503,
}  # fmt: skip
NOT_READY = {"not_connected", "expired", "outcome_unknown"}
Handler = Callable[..., Awaitable[tuple[int, Any]]]


def answer(status: int, body: Any) -> HttpResponse:
    """A JSON answer."""
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/json")


def refusal(error: SkycamError) -> HttpResponse:
    """An error as document 004 says it."""
    if isinstance(error, BadCommandError):
        return answer(422, {"detail": error.fields})
    detail = (
        "engine not ready"
        if error.code in NOT_READY
        else "queue full"
        if error.code == "queue_full"
        else str(error)
    )
    status = STATUS.get(error.code, 500)
    if status == 500:
        log.error("request_failed", extra={"reason": str(error), "code": error.code})
        detail = "the lights made a mistake; it is in the log"
    response = answer(status, {"detail": detail})
    if status == 503:
        response["Retry-After"] = "1"
    return response


class BadBodyError(Exception):
    """A body that cannot be read: status and words."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def resource(largest: int = LARGEST, **handlers: Handler) -> Callable[..., Awaitable[HttpResponse]]:
    """A view from one coroutine function per method; a handler gets the parsed body (`None` for GET) and the path's parts.

    A handler returns status and body. Changes need a key or a login where keys are set; pages of other
    origins may read what DMX_ALLOW_ORIGINS lets them, and change only where it names them.
    """
    allowed = ", ".join([*handlers, "OPTIONS"])

    async def view(request: HttpRequest, **parts: str) -> HttpResponse:
        origin = request.headers.get("Origin", "")
        if request.method == "OPTIONS":
            response = HttpResponse(status=204)
            response["Allow"] = allowed
            if listed(origin):
                response["Access-Control-Allow-Methods"] = allowed
                response["Access-Control-Allow-Headers"] = "content-type, x-api-key"
        elif request.method not in handlers:
            response = answer(405, {"detail": f"{request.method} is not possible here"})
            response["Allow"] = allowed
        else:
            response = await _answered(request, handlers[request.method or ""], largest, parts)
        if origin and readable(origin):
            response["Access-Control-Allow-Origin"] = origin if listed(origin) else "*"
            response["Vary"] = "Origin"
        return response

    return csrf_exempt(
        view
    )  # no cookie is asked for its word: the cross-site guard stands before every change


async def _answered(
    request: HttpRequest, handler: Handler, largest: int, parts: dict[str, str]
) -> HttpResponse:
    try:
        if request.method != "GET":
            if not (valid_key(request.headers.get("x-api-key")) or may_operate(await request.auser())):
                return answer(401, {"detail": "send a valid x-api-key, or log in as operator"})
            body = _body(request, largest)
        else:
            body = None
        await lights().start()  # cheap: it follows the engine already
        status, content = await handler(body, **parts)
        return answer(status, content)
    except BadBodyError as error:
        return answer(error.status, {"detail": str(error)})
    except SkycamError as error:
        return refusal(error)


def _body(request: HttpRequest, largest: int) -> Any:
    length = request.headers.get("Content-Length", "0")
    if (length.isdigit() and int(length) > largest) or len(request.body) > largest:
        raise BadBodyError(413, f"at most {largest} bytes")
    if not request.body:
        return {}
    try:
        body = orjson.loads(request.body)
    except ValueError:
        raise BadBodyError(400, "the body is not JSON") from None
    if not isinstance(body, dict | list):
        raise BadBodyError(400, "the body is not an object")
    return body


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadBodyError(400, "the body is not an object")
    return body


# ---- colour


async def get_rgb(body: None) -> tuple[int, Any]:
    """The state."""
    try:
        async with asyncio.timeout(PATIENCE):
            async for mirror in lights().changes():
                if not mirror.problem:
                    return 200, mirror.state["rgb"]
    except TimeoutError:
        pass
    raise NotConnected("engine not ready")


async def post_rgb(body: Any) -> tuple[int, Any]:
    """A command: accepted, the state changes later."""
    parse_command(_object(body))
    await ask("submit", command=body)
    return 202, {"status": "accepted"}


async def post_blackout(body: Any) -> tuple[int, Any]:
    """Everything dark at once."""
    _object(body)
    await ask("blackout")
    return 200, {"status": "ok"}


# ---- scenes and show


async def get_scenes(body: None) -> tuple[int, Any]:
    """All scenes."""
    return 200, await ask("scenes")


async def put_scenes(body: Any) -> tuple[int, Any]:
    """Replace all scenes."""
    return 200, await ask("put_scenes", scenes=body, timeout=SLOW)


async def recall(body: Any, scene: str) -> tuple[int, Any]:
    """Bring a scene."""
    await ask("recall", scene=scene)
    return 200, {"status": "ok"}


async def get_show(body: None) -> tuple[int, Any]:
    """The show."""
    return 200, await ask("show")


async def put_show(body: Any) -> tuple[int, Any]:
    """Replace the show."""
    body = _object(body)
    for name in ("running", "paused"):
        body.pop(name, None)
    return 200, await ask("put_show", show=body, timeout=SLOW)


async def start_show(body: Any) -> tuple[int, Any]:
    """Run the show from its first step."""
    await ask("start_show")
    return 200, {"status": "ok"}


async def stop_show(body: Any) -> tuple[int, Any]:
    """End the show; the light stays."""
    await ask("stop_show")
    return 200, {"status": "ok"}


async def pause_show(body: Any) -> tuple[int, Any]:
    """Halt the show where it is."""
    await ask("pause_show")
    return 200, {"status": "ok"}


async def resume_show(body: Any) -> tuple[int, Any]:
    """Go on with it there."""
    await ask("resume_show")
    return 200, {"status": "ok"}


# ---- projects


def _project(project: str) -> str:
    if not PROJECT_ID.fullmatch(project):
        raise MissingError("there is no such project")
    return project


async def get_projects(body: None) -> tuple[int, Any]:
    """All projects and the active one."""
    return 200, await ask("projects")


async def post_projects(body: Any) -> tuple[int, Any]:
    """A new project."""
    return 201, await ask("create_project", body=_object(body), timeout=SLOW)


async def put_project(body: Any, project: str) -> tuple[int, Any]:
    """Change a project's name, venue, date or notes."""
    return 200, await ask("update_project", project=_project(project), body=_object(body), timeout=SLOW)


async def select_project(body: Any, project: str) -> tuple[int, Any]:
    """Mount a project."""
    return 200, await ask("select_project", project=_project(project), timeout=SLOW)


async def export_project(body: None, project: str) -> tuple[int, Any]:
    """All of a project, for `POST /projects` as `snapshot`."""
    return 200, await ask("export_project", project=_project(project), timeout=SLOW)


async def get_backups(body: None, project: str) -> tuple[int, Any]:
    """The project's backups, the newest first."""
    return 200, await ask("backups", project=_project(project), timeout=SLOW)


async def post_backup(body: Any, project: str) -> tuple[int, Any]:
    """Make a backup."""
    return 201, await ask(
        "make_backup", project=_project(project), label=_object(body).get("label", ""), timeout=SLOW
    )


async def post_restore(body: Any, project: str) -> tuple[int, Any]:
    """Bring a backup back."""
    version = _object(body).get("versionId")
    if not isinstance(version, str) or not re.fullmatch(VERSION_ID, version):
        raise MissingError("there is no such version")
    await ask("restore", project=_project(project), version=version, timeout=SLOW)
    return 200, {"status": "ok"}


# ---- the widget


async def get_usb(body: None) -> tuple[int, Any]:
    """All serial ports."""
    return 200, {"devices": await ask("usb_devices", timeout=SLOW)}


async def refresh_usb(body: Any) -> tuple[int, Any]:
    """The same after a new look."""
    return 200, {"devices": await ask("usb_refresh", timeout=SLOW)}


async def reconnect_usb(body: Any) -> tuple[int, Any]:
    """Close the widget and open it again."""
    return 200, {"port": await ask("usb_reconnect", timeout=SLOW)}
