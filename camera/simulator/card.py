"""The memory card of the simulated camera: folders, files, a capacity in pictures."""

import itertools
from collections.abc import Iterator

from camera.simulator.ptp import Format, StoredObject, pack_storage_info

STORAGE = 0x10001
"""The one storage id: first slot, first partition."""
PICTURE_SIZE = 16 * 1024 * 1024
"""Bytes that the card counts for one picture, as cameras do: by their largest."""
FILES_PER_FOLDER = 9999


class Card:
    """Objects by handle. Not locked: the camera's lock covers it.

    Args:
        capacity: number of pictures that fit, > 0.

    Attributes:
        blocked: show no room, whatever is stored.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.blocked = False
        self.objects: dict[int, StoredObject] = {}
        self._handles = itertools.count(0x1000)
        self._pictures = 0
        dcim = self.add(StoredObject("DCIM", 0, "20000101T000000", Format.FOLDER))
        self.folder = self.add(StoredObject("100SKYCM", dcim, "20000101T000000", Format.FOLDER))

    def add(self, stored: StoredObject) -> int:
        """Store an object and return its handle."""
        handle = next(self._handles)
        self.objects[handle] = stored
        return handle

    def add_picture(
        self, files: list[tuple[str, bytes]], taken: str, image_size: tuple[int, int]
    ) -> list[int]:
        """Store the files (suffix, bytes) of the next picture, `SKY_nnnn.JPG`; their handles."""
        self._pictures = self._pictures % FILES_PER_FOLDER + 1
        stem = f"SKY_{self._pictures:04d}"
        return [
            self.add(StoredObject(f"{stem}.{suffix}", self.folder, taken, _format(suffix), data, image_size))
            for suffix, data in files
        ]

    def children(self, parent: int) -> Iterator[int]:
        """Handles below `parent`; 0 means every object, 0xffffffff the root (PTP GetObjectHandles)."""
        wanted = 0 if parent == 0xFFFFFFFF else parent
        return (handle for handle, stored in self.objects.items() if parent == 0 or stored.parent == wanted)

    @property
    def free_images(self) -> int:
        """Pictures that still fit."""
        return 0 if self.blocked else max(0, self.capacity - len(self.file_names()))

    def file_names(self) -> list[str]:
        """Names of the pictures, oldest first."""
        return [stored.name for stored in self.objects.values() if stored.format != Format.FOLDER]

    def pack_info(self) -> bytes:
        """The StorageInfo dataset."""
        free = self.free_images
        return pack_storage_info(self.capacity * PICTURE_SIZE, free * PICTURE_SIZE, free, "Card")


def _format(suffix: str) -> int:
    return Format.JPEG if suffix == "JPG" else Format.UNDEFINED
