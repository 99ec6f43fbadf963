"""Pictures of frames: previews and thumbnails as the camera's host left them, and the newest one at a stable address."""

from pathlib import Path

from django.conf import settings
from django.http import HttpResponse, HttpResponseNotModified
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.views import APIView

from dashboard.mirrors import mirror
from skycam_project.common.files import OutsideRootError, under

JPEG = {(200, "image/jpeg"): bytes, 304: None, 404: {"type": "object"}}


def answer(request, camera: str, name: str) -> HttpResponse:
    """A file of `previews/<camera>/`, revalidated by its ETag. Raises `NotFound`."""
    try:
        path = under(settings.DATA / "previews", Path(camera) / name)
        found = path.stat()
        etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        body = b"" if request.headers.get("If-None-Match") == etag else path.read_bytes()
    except (OSError, OutsideRootError):
        raise NotFound("There is no such picture; it may have been deleted.") from None
    response = HttpResponse(body, content_type="image/jpeg") if body else HttpResponseNotModified()
    response["ETag"], response["Cache-Control"] = etag, "private, no-cache"
    return response


class PictureView(APIView):
    """The preview or the thumbnail of one frame, by the name that the camera's state gives."""

    @extend_schema(operation_id="picture", responses=JPEG)
    def get(self, request, camera: str, name: str):
        return answer(request, camera, name)


class LatestView(APIView):
    """The newest preview of a camera."""

    @extend_schema(operation_id="latest_picture", responses=JPEG)
    def get(self, request, camera: str):
        frame = mirror(f"camera/{camera}").state.get("frame")
        if not frame or not frame.get("preview"):
            raise NotFound("This camera has not taken a frame yet.")
        return answer(request, camera, frame["preview"])
