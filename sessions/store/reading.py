"""Finished sessions through the ASDF library: tables read as lists of rows, old versions as the newest.

`open_session(path)` is `asdf.open` and more; `register()` makes plain `asdf.open` of this process know the
tables. The library takes 0.2 s to import, so this module is imported by readers only. A file from outside goes
through `untrusted.open_untrusted`.
"""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asdf
import numpy as np

from reader.skycam_reader import extension
from reader.skycam_reader.tables import LogTable
from sessions.store import migrations, tree
from sessions.store.framesource import FrameSource
from skycam_project.common.files import fsync_folder

__all__ = ["LogTable", "NewerSchemaWarning", "ReadSession", "migrate", "open_session", "register"]


class NewerSchemaWarning(UserWarning):
    """The file was written by a newer program; only its `meta` can be trusted to mean what it says."""


class ReadSession:
    """A finished session that is open: an `asdf.AsdfFile`, and what the store adds to it.

    Whatever `AsdfFile` has is here too (`tree`, `info()`, `close()`, …).

    Attributes:
        file: the open file; its tree is that of the newest schema.
        path: where it is.
    """

    def __init__(self, file: asdf.AsdfFile, path: Path) -> None:
        self.file = file
        self.path = path

    def __enter__(self) -> "ReadSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getitem__(self, key: str) -> Any:
        return self.file[key]

    def __contains__(self, key: str) -> bool:
        return key in self.file.tree

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def frames(self, camera: str) -> Iterator[np.ndarray]:
        """The arrays of a camera, one after the other; memory stays at one frame however many there are.

        (`self["cameras"][camera]["frames"]` keeps every frame that was touched until the file is closed.)
        Raises `KeyError`, `DamagedFileError`, `OSError`.
        """
        with FrameSource(self.path) as source:
            yield from source.arrays(camera)

    def to_astropy(self) -> Any:
        """The session in astropy's types; see `astro.to_astropy`."""
        from sessions.store import astro

        return astro.to_astropy(self)


def register() -> None:
    """Let `asdf.open` of this process read the tables and know the schemas. Idempotent."""
    config = asdf.get_config()
    config.add_extension(extension.SkycamExtension())
    if extension.SESSION_SCHEMA not in config.resource_manager:
        for mapping in extension.resources():
            config.add_resource_mapping(mapping)


def open_session(path: Path | str, **options: Any) -> ReadSession:
    """Open a finished session, as `asdf.open`; use it as a context manager.

    A file of an older major version is shown as the newest (the file stays as it is). Of a newer one only
    `meta` is there, and a `NewerSchemaWarning` says so.

    Raises what `asdf.open` raises, and `DamagedFileError` when there is no session in it.
    """
    register()
    path = Path(path)
    file = asdf.open(path, **options)
    try:
        version = migrations.major(file.tree)
        if version > migrations.NEWEST:
            warnings.warn(
                f"{path.name} has schema {file['meta']['schema_version']}, this program reads up to "
                f"{tree.SCHEMA_VERSION}: only its meta is shown. A newer Skycam reads the rest.",
                NewerSchemaWarning,
                stacklevel=2,
            )
            file.tree = {"meta": file["meta"]}
        elif version < migrations.NEWEST:
            file.tree = migrations.upgraded(file.tree)
    except BaseException:
        file.close()
        raise
    return ReadSession(file, path)


def migrate(path: Path | str) -> Path:
    """Write an old session in the newest schema beside the old file, which stays; returns the new file.

    Frames keep their compression; the session's size is needed in memory. Raises `StoreError` when there is
    nothing to do or the new file is there already, and as `open_session`.
    """
    path = Path(path)
    with open_session(path) as session:
        target = migrations.target(path, tree.read_header(path)[0])
        session.file.add_history_entry(f"migrated to schema {tree.SCHEMA_VERSION} from {path.name}")
        temporary = target.with_name(f"{target.name}.tmp")
        try:
            with temporary.open("xb") as file:
                session.file.write_to(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(target)
            fsync_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    return target
