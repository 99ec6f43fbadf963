"""A finished session by whatever a person calls it."""

from pathlib import Path
from uuid import UUID

from sessions.store import untrusted
from sessions.store.errors import StoreError
from skycam_project.common.files import OutsideRootError, under


class NoSessionError(StoreError):
    """There is no finished session of that name."""

    code = "no_session"


def find(root: Path, name: str) -> Path:
    """The file of a session.

    Args:
        root: the folder of sessions.
        name: a path, an id or a uuid; a path wins. A file that lies elsewhere is looked at as a stranger's first.

    Raises `NoSessionError`, and for a stranger's file `UntrustedFileError`, `DamagedFileError`.
    """
    path = Path(name)
    if path.suffix == ".asdf" and path.is_file():
        if not path.resolve().is_relative_to(root.resolve()):
            untrusted.check(path)
        return path
    if "/" not in name and name not in ("", ".", ".."):
        for day in _days(root, name):
            try:
                found = under(root, day / f"{name.removesuffix('.asdf')}.asdf")
            except OutsideRootError:
                continue
            if found.is_file():
                return found
        if (found := _of_uuid(root, name)) is not None:
            return found
    raise NoSessionError(
        f"there is no finished session {name!r} in {root}; `./skycam sessions list` shows them"
    )


def _days(root: Path, name: str) -> list[Path]:
    """Folders to look in: the day that the id says, then all."""
    dates = [word for word in name.split("_") if len(word) == 8 and word.isdigit()]
    likely = [root / date[:4] / date[4:6] / date[6:] for date in dates]
    return likely + sorted(root.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]"), reverse=True)


def _of_uuid(root: Path, name: str) -> Path | None:
    """The file of the session that the catalogue has under that uuid."""
    # Polars costs a second on a small machine: only who names a uuid pays for it.
    from sessions.catalogue import queries
    from sessions.catalogue.catalogue import Catalogue

    try:
        row = queries.find(Catalogue(root), str(UUID(name)))
    except (ValueError, queries.NoSessionError):
        return None
    path = under(root, row["asdf_path"])
    return path if path.is_file() else None
