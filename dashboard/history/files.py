"""Pictures of frames, and downloads, for people who are logged in."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from dashboard.history.streams import stream_file
from sessions.finding import Found, find, pictures_folder
from sessions.history.cache import FileCache
from sessions.history.contents import NoSessionError
from sessions.history.reader import ReaderError

DAY_S = 86_400
SIZES = ("thumbnail", "large", "full")
STRETCHES = ("auto", "linear")
TYPES = {"jpg": "image/jpeg", "png": "image/png"}


def _found(session: str) -> Found:
    try:
        return find(session)
    except NoSessionError as error:
        raise Http404(str(error)) from None


def _refused(error: ReaderError) -> HttpResponse:
    """What the reader could not do, in words."""
    if error.code == "not_found":
        raise Http404(str(error)) from None
    return HttpResponse(
        str(error), status=415 if error.code == "not_showable" else 500, content_type="text/plain"
    )


@login_required
def picture(
    request: HttpRequest, session: str, camera: str, index: int, size: str, form: str
) -> HttpResponse:
    """A frame as a JPEG or PNG; made once, then kept in the cache. `?stretch=linear` shows the counts as they are."""
    stretch = request.GET.get("stretch", STRETCHES[0])
    if size not in SIZES or form not in TYPES or stretch not in STRETCHES:
        raise Http404
    found = _found(session)
    cache = FileCache(pictures_folder())
    name = f"{found.uuid}/{camera}-{index}-{size}-{stretch}.{form}"
    path = cache.find(name)
    if path is None:
        wanted = {"camera": camera, "index": index, "size": size, "stretch": stretch, "form": form}
        try:
            found.ask("picture", name=name, **wanted)
        except ReaderError as error:
            return _refused(error)
        path = pictures_folder() / name
    try:
        response = HttpResponse(path.read_bytes(), content_type=TYPES[form])
    except FileNotFoundError:  # somebody needed the room at this very moment
        return HttpResponse("The disk is full.", status=503, content_type="text/plain")
    response["Cache-Control"] = f"private, max-age={DAY_S}"
    return response


@login_required
def original(request: HttpRequest, session: str, camera: str, index: int) -> HttpResponseBase:
    """A frame's own file: what the camera made, byte for byte."""
    found = _found(session)
    name = f"{found.uuid}/{camera}-{index}.original"
    try:
        made = found.ask("original", camera=camera, index=index, name=name)
    except ReaderError as error:
        return _refused(error)
    return stream_file(request, pictures_folder() / name, made["media_type"], made["name"])


@login_required
def asdf(request: HttpRequest, session: str) -> HttpResponseBase:
    """The session's file as it is."""
    found = _found(session)
    if found.running or not found.path.is_file():
        raise Http404
    return stream_file(request, found.path, "application/x-asdf", found.path.name)
