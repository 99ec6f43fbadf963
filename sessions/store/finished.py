"""What a manager offers for sessions that are finished; the parts that do it are loaded when they are asked."""

from abc import ABC, abstractmethod
from pathlib import Path

from sessions.store.verify import Report, verify


class FinishedSessions(ABC):
    """Document 002's methods of the manager that look at files: check, export, catalogue."""

    @property
    @abstractmethod
    def data_dir(self) -> Path:
        """The sessions' folder."""

    @abstractmethod
    def wait_for_files(self) -> None:
        """Return when every session that has ended by now has its file, or has failed to get it."""

    @staticmethod
    def verify(path: Path) -> Report:
        """Check a finished session; see `verify.verify`."""
        return verify(path)

    @staticmethod
    def export_fits(path: Path, out: Path | str) -> list[Path]:
        """Write each frame of a finished session as a FITS file below `out`; the files, in order.

        Raises `DamagedFileError` when it is no session, `OSError` when the folder cannot be written. For frames
        that cannot be decoded, and for options, see `sessions.exchange.fits.export`.
        """
        from sessions.exchange import fits

        return fits.export(Path(path), Path(out)).files

    def rebuild_catalog(self) -> Path:
        """Bring the catalogue up to what is on disk, sessions that have just ended included.

        Returns `catalog/catalog.parquet`. Raises `OSError` when it cannot be written.
        """
        self.wait_for_files()
        from sessions.catalogue.catalogue import Catalogue
        from sessions.catalogue.sync import sync

        sync(self.data_dir)
        return Catalogue(self.data_dir).whole
