"""The wish for a camera, in the database for everybody and in a file for the day the database is gone."""

import logging
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction

from camera.models import CaptureWish
from camera.plan import Wish
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import write_atomic
from skycam_project.config.places import wish_file

logger = logging.getLogger(__name__)


class SavedWishes:
    """Keeps one camera's wish (`camera.plan.WishStore`). The file is written first: capture needs no database.

    Args:
        camera: its id.
        default: the wish before anybody has wished anything.
        fence: this owner's number; a row that carries a greater one belongs to a later owner and is left alone.
    """

    def __init__(self, camera: str, default: Wish, fence: int = 0) -> None:
        self.camera, self._default, self.fence = camera, default, fence
        self._revision = 0

    @property
    def path(self) -> Path:
        """The file."""
        return wish_file(settings.DATA, self.camera)

    def load(self) -> Wish:
        """The newest of file and row; what cannot be read counts as not there."""
        known = [found for found in (self._from_file(), self._from_row()) if found]
        if not known:
            return self._default
        newest = max(known, key=lambda found: found["revision"])
        self._revision = newest["revision"]
        try:
            return Wish.from_dict(newest["wish"])
        except (SkycamError, TypeError, KeyError) as error:
            logger.error(
                "%s: the saved wish is not usable (%s); the default takes its place", self.camera, error
            )
            return self._default

    def save(self, wish: Wish) -> None:
        """On return the wish survives a power cut. Raises `OSError` when not even the file could be written."""
        self._revision += 1
        values = {"revision": self._revision, "wish": wish.as_dict()}
        write_atomic(self.path, orjson.dumps(values), 0o600)
        try:
            self._to_row(values)
        except DatabaseError as error:
            logger.warning("%s: the wish is in its file only: %s", self.camera, error)
        finally:
            _let_go()

    def _from_file(self) -> dict[str, Any] | None:
        try:
            found = orjson.loads(self.path.read_bytes())
            return (
                found
                if isinstance(found.get("revision"), int) and isinstance(found.get("wish"), dict)
                else None
            )
        except (OSError, ValueError, AttributeError):
            return None

    def _from_row(self) -> dict[str, Any] | None:
        try:
            row = CaptureWish.objects.filter(camera=self.camera).first()
        except DatabaseError as error:
            logger.warning(
                "%s: the database does not answer (%s); the wish comes from its file", self.camera, error
            )
            return None
        finally:
            _let_go()
        return {"revision": row.revision, "wish": row.wish} if row and row.wish else None

    def _to_row(self, values: dict[str, Any]) -> None:
        changed = CaptureWish.objects.filter(camera=self.camera, fence__lte=self.fence).update(
            **values, fence=self.fence
        )
        if not changed and not CaptureWish.objects.filter(camera=self.camera).exists():
            CaptureWish.objects.create(camera=self.camera, fence=self.fence, **values)


class DatabaseFences:
    """Numbers of owners, in the rows that they guard (`skycam_project.common.fence.FenceStore`)."""

    def next_fence(self, device: str) -> int:
        """One more than any owner before; the row carries it from now on. Raises `DatabaseError`."""
        try:
            with transaction.atomic():
                row, _ = CaptureWish.objects.select_for_update().get_or_create(
                    camera=device.removeprefix("camera-")
                )
                row.fence += 1
                row.save(update_fields=["fence"])
                return row.fence
        finally:
            _let_go()


def _let_go() -> None:
    """Threads of a host come and go: none may keep a connection."""
    close_old_connections()
    if not connection.in_atomic_block:
        connection.close()
