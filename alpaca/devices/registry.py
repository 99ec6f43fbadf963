"""Device numbers and UniqueIDs, bound to each other for ever.

A client remembers `Camera 2` by its UniqueID; if another device ever answered under that number, tonight's
sequence would run on the wrong one. So a binding, once made, is kept even when its device is gone.
"""

import fcntl
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import orjson

from skycam_project.common.errors import SkycamError
from skycam_project.common.files import write_atomic


class RegistryError(SkycamError):
    """The bindings cannot be read, and making new ones would give every client foreign devices."""

    code = "alpaca_registry"


@dataclass(frozen=True, slots=True)
class Binding:
    """One logical device, for ever.

    Attributes:
        device_type: in interface casing.
        key: what the device is in this installation: model and serial number, or an id of the settings.
        number: in the URL, unique within the type.
        unique_id: a UUID.
    """

    device_type: str
    key: str
    number: int
    unique_id: str


class Bindings(Protocol):
    """Keeps the bindings; a Django model or a file."""

    def bind(self, device_type: str, key: str, wish: int) -> Binding:
        """The binding of a device; a new one on disk before it is returned if there is none.

        `wish` is the number that a new one gets, or the next one that no device ever had.
        """
        ...


def find(bindings: Iterable[Binding], device_type: str, key: str) -> Binding | None:
    """The binding of a device among `bindings`."""
    return next((b for b in bindings if (b.device_type, b.key) == (device_type, key)), None)


def make(bindings: Iterable[Binding], device_type: str, key: str, wish: int) -> Binding:
    """A new binding that collides with none of `bindings`."""
    taken = {binding.number for binding in bindings if binding.device_type == device_type}
    number = next(number for number in range(wish, wish + len(taken) + 1) if number not in taken)
    return Binding(device_type, key, number, str(uuid.uuid4()))


class BindingsFile:
    """Bindings in a JSON file; several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def bind(self, device_type: str, key: str, wish: int) -> Binding:
        """As `Bindings.bind`. Raises `RegistryError`."""
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            bindings = self._read()
            binding = find(bindings, device_type, key)
            if binding is None:
                binding = make(bindings, device_type, key, wish)
                content = [asdict(each) for each in (*bindings, binding)]
                write_atomic(self._path, orjson.dumps(content, option=orjson.OPT_INDENT_2))
            return binding

    def _read(self) -> list[Binding]:
        try:
            return [Binding(**entry) for entry in orjson.loads(self._path.read_bytes())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError) as error:
            raise RegistryError(
                f"{self._path} is damaged ({error}). Restore it from a backup; without it every client has to choose"
                " its devices anew."
            ) from error
