"""Logos that people put on their films, kept under the SHA-256 of their bytes.

A job names a logo by its digest: another picture is another job, and every machine finds it in its own data folder.
"""

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import write_atomic

LARGEST = 512 << 10
"""Bytes; a film's corner needs no more."""
LARGEST_SIDE = 4096
DIGEST = re.compile(r"[0-9a-f]{64}")


def keep(data: bytes) -> str:
    """Keep a PNG. Returns its name, a SHA-256. Raises `InvalidValueError` for what is no small PNG."""
    from PIL import Image, UnidentifiedImageError

    allowed = f"a PNG of at most {LARGEST >> 10} kB and {LARGEST_SIDE} pixels a side"
    if len(data) > LARGEST:
        raise InvalidValueError("logo", f"{len(data) >> 10} kB", allowed)
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if max(image.size) > LARGEST_SIDE:
                raise InvalidValueError("logo", "{}x{}".format(*image.size), allowed)
            image.load()
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
    ) as error:  # Pillow's words for a broken PNG
        raise InvalidValueError("logo", "this file", allowed) from error
    digest = hashlib.sha256(data).hexdigest()
    path = _path(digest)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    return digest


def placed(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe whose logo is the file of its digest. Raises `InvalidValueError` for one that is not kept here."""
    if not (name := _logo_of(recipe)):
        return dict(recipe)
    if not isinstance(name, str) or not DIGEST.fullmatch(name) or not _path(name).is_file():
        raise InvalidValueError("overlay.logo", name, "the name of a logo that was sent before")
    return {**recipe, "overlay": {**recipe["overlay"], "logo": str(_path(name)), "logo_sha256": name}}


def named(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `placed`: the logo by its digest."""
    if not _logo_of(recipe):
        return dict(recipe)
    return {**recipe, "overlay": {**recipe["overlay"], "logo": recipe["overlay"]["logo_sha256"]}}


def _logo_of(recipe: Mapping[str, Any]) -> Any:
    overlay = recipe.get("overlay")
    return overlay.get("logo") if isinstance(overlay, Mapping) else None


def _path(digest: str) -> Path:
    return settings.DATA / "logos" / f"{digest}.png"
