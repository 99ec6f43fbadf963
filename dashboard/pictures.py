"""Previews and thumbnails of frames, for people who are logged in."""

from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotModified

from dashboard.mirrors import mirror
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import under

YEAR_S = 31_536_000


def _file(camera: str, name: str) -> Path:
    try:
        path = under(settings.DATA / "previews" / camera, name)
    except SkycamError:
        raise Http404 from None
    if path.suffix != ".jpg" or not path.is_file():
        raise Http404
    return path


@login_required
def picture(request: HttpRequest, camera: str, name: str) -> FileResponse:
    """A preview or thumbnail by its name; names are never used twice, so a browser may keep it."""
    response = FileResponse(_file(camera, name).open("rb"), content_type="image/jpeg")
    response["Cache-Control"] = f"private, max-age={YEAR_S}, immutable"
    return response


@login_required
def latest(request: HttpRequest, camera: str) -> HttpResponse:
    """The newest preview under a stable address; answers 304 while there is no newer one."""
    try:
        frame = mirror(f"camera/{camera}").state.get("frame")
    except SkycamError:  # no such camera, or its host does not answer: then nobody knows its newest frame
        raise Http404 from None
    if not frame or not frame.get("preview"):
        raise Http404
    tag = f'"{frame["preview"]}"'
    if request.headers.get("If-None-Match") == tag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(_file(camera, frame["preview"]).read_bytes(), content_type="image/jpeg")
    response["ETag"], response["Cache-Control"] = tag, "private, no-cache"
    return response
