"""A session given away: into a folder or a zip, in whatever form is asked for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sessions import provenance
from sessions.exchange import fits, portable, zips
from sessions.exchange.contents import Contents
from sessions.exchange.fits import Options, Progress
from sessions.exchange.zips import What
from sessions.store.disk import write_all, write_file
from skycam_project.common.errors import InvalidValueError


@dataclass(slots=True)
class Given:
    """What was written.

    Attributes:
        files: their number; 1 for a zip.
        bytes: of them.
        skipped: frames that could not be written, with the reason (in a zip: `not-included.txt`).
    """

    files: int
    bytes: int
    skipped: dict[str, str]


def give(
    path: Path, out: Path, what: What | str, options: Options, progress: Progress | None = None
) -> Given:
    """Write a finished session to a folder, or to a zip when `out` ends in `.zip`.

    FITS files in a folder get a provenance record. A file appears complete or not at all.

    Args:
        path: the session's file.
        out: the folder or file.
        what: see `zips.What`.
        options: of FITS files, and what may be told of the place.
        progress: told frames (in a zip: megabytes) done and in all.

    Raises `InvalidValueError` for a public form that would tell the place, `DamagedFileError`, `OSError`.
    """
    chosen = What(what)
    if out.suffix.lower() == ".zip":
        return _write(out, zips.stream(path, chosen, options), path, progress)
    disclosure = options.disclosure
    if chosen is not What.FITS and (disclosure.public or disclosure.location_precision is not None):
        raise InvalidValueError(
            "format",
            str(chosen),
            "fits in a folder, or originals in a .zip, when the place is not to be told",
        )
    return {
        What.FITS: _fits, What.ORIGINALS: _originals, What.ASDF: _copy, What.PORTABLE: _portable,
    }[chosen](path, out, options, progress)  # fmt: skip


def _fits(path: Path, out: Path, options: Options, progress: Progress | None) -> Given:
    done = fits.export(path, out, options, progress)
    provenance.write(
        out, "fits", [provenance.of_session(path)], fits.product_parameters(options), done.files, ["astropy"]
    )
    return Given(len(done.files), done.bytes, done.skipped)


def _originals(path: Path, out: Path, options: Options, progress: Progress | None) -> Given:
    """Originals as they are; arrays, which have no file of their own, as FITS."""
    result = Given(0, 0, {})
    with Contents(path) as contents:
        frames = [frame for frame in contents.frames() if frame.original]
        for number, frame in enumerate(frames, 1):
            made = fits.export_original(contents, frame, out / frame.camera)
            result.files, result.bytes = result.files + 1, result.bytes + made.stat().st_size
            if progress:
                progress(number, len(frames))
    rest = fits.export(path, out, options, chosen=lambda frame: not frame.original)
    return Given(result.files + len(rest.files), result.bytes + rest.bytes, rest.skipped)


def _copy(path: Path, out: Path, options: Options, progress: Progress | None) -> Given:
    out.mkdir(parents=True, exist_ok=True)
    files = [path, *(file for file in sorted(path.with_suffix(".frames").rglob("*")) if file.is_file())]
    for number, file in enumerate(files, 1):
        target = out / file.relative_to(path.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, _filler(zips.pieces(file), 0, None))
        if progress:
            progress(number, len(files))
    return Given(len(files), sum(file.stat().st_size for file in files), {})


def _portable(path: Path, out: Path, options: Options, progress: Progress | None) -> Given:
    out.mkdir(parents=True, exist_ok=True)
    return _write(out / f"{portable.check_name(path)}.asdf", portable.stream(path), path, progress)


def _write(target: Path, pieces: Iterable[bytes], path: Path, progress: Progress | None) -> Given:
    """One file from a stream."""
    target.parent.mkdir(parents=True, exist_ok=True)
    write_file(target, _filler(pieces, path.stat().st_size, progress))
    return Given(1, target.stat().st_size, {})


def _filler(pieces: Iterable[bytes], expected: int, progress: Progress | None) -> Callable[[int], None]:
    def fill(handle: int) -> None:
        done = 0
        for piece in pieces:
            done += write_all(handle, piece)
            if progress:
                progress(done >> 20, max(expected, done) >> 20)

    return fill
