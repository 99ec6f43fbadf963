"""Where a product came from, written beside it, so that it can be made again and compared.

A product is a folder, or one file, of what the program made from sessions or files: a timelapse, a keogram, a
master dark, an export. Its record is JSON: `provenance.json` in the folder, `<file>.provenance.json` beside
the file. Makers are registered by the module that owns the kind; this one knows none. Pure Python.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from os.path import relpath
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from sessions.exchange.comparing import Likeness, Tolerance, Verdict, compare
from sessions.store import host, tree
from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import fsync_file, fsync_folder, sha256_of, write_atomic

SCHEMA = "skycam-product-1"
SIDECAR = "provenance.json"


class ProvenanceError(SkycamError):
    """A product's record is missing, damaged, or of a kind that nobody here can make."""

    code = "provenance"


@dataclass(frozen=True, slots=True)
class Input:
    """One thing a product was made from.

    Attributes:
        path: where it lay, relative to the folder of the record.
        sha256: of the file, hexadecimal.
        session: its id, when it is a session's file.
        uuid: the session's.
        frames: numbers of the frames that were used, in order; None for all.
    """

    path: str
    sha256: str
    session: str | None = None
    uuid: str | None = None
    frames: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One file of a product: its path relative to the folder of the record, its SHA-256 and size in bytes."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Record:
    """What the JSON says.

    Attributes:
        uuid: of this product.
        kind: the name its maker is registered under.
        made_at: ISO 8601, UTC.
        inputs: what it was made from, in order.
        parameters: what the maker needs beside the inputs; JSON.
        software: names and versions.
        outputs: what was made.
    """

    uuid: str
    kind: str
    made_at: str
    inputs: list[Input]
    parameters: dict[str, Any]
    software: list[dict[str, str]]
    outputs: list[Output]
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True)
class Source:
    """An input for a maker: the file, checked against its hash, and the frames to use (None: all)."""

    path: Path
    frames: list[int] | None = None


Maker = Callable[[Sequence[Source], dict[str, Any], Path], Iterable[Path]]
"""`maker(inputs, parameters, folder)` makes the product in `folder` and returns its files."""


@dataclass(slots=True)
class Comparison:
    """What came of making a product again.

    Attributes:
        record: the product's.
        missing: inputs that are nowhere.
        changed: inputs that no longer have their hash. With either the product was not made again.
        outputs: a verdict for each output.
        software: (name, version then, version now) where they differ.
    """

    record: Record
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    outputs: list[Verdict] = field(default_factory=list)
    software: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every input was there and every output came out the same or within the tolerance."""
        return not self.missing and not self.changed and all(verdict.ok for verdict in self.outputs)


_makers: dict[str, tuple[Maker, Tolerance]] = {}


def register(kind: str, maker: Maker, tolerance: Tolerance | None = None) -> None:
    """Say how products of a kind are made again.

    Args:
        kind: as in the records, such as `keogram`.
        maker: must depend on nothing but its arguments.
        tolerance: allowed when neither bytes nor pixels are equal; none by default.
    """
    _makers[kind] = (maker, tolerance or Tolerance())


def kinds() -> list[str]:
    """The kinds that can be made again in this process."""
    return sorted(_makers)


def sidecar(product: Path) -> Path:
    """Where the record of a product (folder or file) lies; a record's own path is given back."""
    if product.name == SIDECAR or product.name.endswith(f".{SIDECAR}"):
        return product
    return product / SIDECAR if product.is_dir() else product.with_name(f"{product.name}.{SIDECAR}")


def of_session(path: Path, frames: Sequence[int] | None = None) -> Input:
    """A finished session as an input. Reads every byte of the file once.

    Raises `DamagedFileError` when it is no session, `OSError`.
    """
    meta = tree.read_header(path)[0].get("meta", {})
    numbers = None if frames is None else list(frames)
    return Input(str(path.absolute()), sha256_of(path), meta.get("session_id"), meta.get("uuid"), numbers)


def of_file(path: Path) -> Input:
    """Any other file as an input. Raises `OSError`."""
    return Input(str(path.absolute()), sha256_of(path))


def write(
    product: Path,
    kind: str,
    inputs: Iterable[Input],
    parameters: Mapping[str, Any],
    outputs: Iterable[Path] | None = None,
    packages: Iterable[str] = (),
) -> Record:
    """Write the record of a product that is complete; outputs and record are on disk when this returns.

    Args:
        product: its folder, or its only file.
        kind: whose maker can make it again.
        inputs: from `of_session` and `of_file`.
        parameters: what the maker needs; JSON.
        outputs: its files; every file of the folder by default.
        packages: distributions whose versions matter, such as `av`; Skycam, Python and numpy are always named.

    Raises `OSError`.
    """
    place = sidecar(product)
    files = sorted(_files(product) if outputs is None else outputs)
    for path in files:
        fsync_file(path)
    for folder in {path.parent for path in files}:
        fsync_folder(folder)
    made = [
        Output(
            path.absolute().relative_to(place.parent.absolute()).as_posix(),
            sha256_of(path),
            path.stat().st_size,
        )
        for path in files
    ]
    lain = [
        Input(relpath(one.path, place.parent.absolute()), one.sha256, one.session, one.uuid, one.frames)
        for one in inputs
    ]
    software = host.software() + [
        {"name": name, "version": metadata.version(name)} for name in sorted(packages)
    ]
    record = Record(str(uuid4()), kind, iso_utc(datetime.now(UTC)), lain, dict(parameters), software, made)
    write_atomic(place, orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2))
    return record


def _files(product: Path) -> list[Path]:
    if product.is_file():
        return [product]
    return [path for path in product.rglob("*") if path.is_file() and path.name != SIDECAR]


def read(product: Path) -> Record:
    """The record of a product (folder, file, or the record itself). Raises `ProvenanceError`."""
    path = sidecar(product)
    try:
        found = orjson.loads(path.read_bytes())
        if found.get("schema") != SCHEMA:
            raise ProvenanceError(
                f"{path} has the schema {found.get('schema')!r}; this program reads {SCHEMA}"
            )
        found["inputs"] = [Input(**one) for one in found["inputs"]]
        found["outputs"] = [Output(**one) for one in found["outputs"]]
        return Record(**found)
    except FileNotFoundError:
        raise ProvenanceError(f"{product} has no record of its making ({path.name} is not there)") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProvenanceError(f"{path} is damaged: {error}") from None


def reproduce(product: Path, sessions: Path | None = None) -> Comparison:
    """Make a product again in a temporary folder beside nothing of the first, and compare.

    Args:
        product: its folder, file or record.
        sessions: a folder of sessions, where one that was moved is looked for by its id.

    Raises:
        ProvenanceError: no usable record, or no maker of that kind.
        Exception: whatever the maker raises.
    """
    record = read(product)
    if record.kind not in _makers:
        raise ProvenanceError(
            f"{product} is of the kind {record.kind!r}, which cannot be made again here; known: {', '.join(kinds())}"
        )
    maker, tolerance = _makers[record.kind]
    home = sidecar(product).parent.absolute()
    result = Comparison(record, software=_changed_software(record))
    sources = _sources(record, home, sessions, result)
    if result.missing or result.changed:
        return result
    with tempfile.TemporaryDirectory(prefix="skycam-reproduce-") as temporary:
        folder = Path(temporary)
        made = {path.relative_to(folder).as_posix() for path in maker(sources, record.parameters, folder)}
        result.outputs = [_judge(output, home, folder, tolerance) for output in record.outputs]
        extra = sorted(made - {output.path for output in record.outputs})
        result.outputs += [
            Verdict(name, Likeness.DIFFERENT, 1.0, 1.0, "new, not in the record") for name in extra
        ]
    return result


def _sources(record: Record, home: Path, sessions: Path | None, result: Comparison) -> list[Source]:
    """The inputs, found and checked; what is missing or changed goes to `result`."""
    found = []
    for one in record.inputs:
        places = [(home / one.path).resolve()]
        if one.session and sessions:
            places += sorted(sessions.glob(f"[0-9]*/*/*/{one.session}.asdf"))
        there = [path for path in places if path.is_file()]
        same = next((path for path in there if sha256_of(path) == one.sha256), None)
        if same is not None:
            found.append(Source(same, one.frames))
        else:
            (result.changed if there else result.missing).append(str(places[0]))
    return found


def _judge(output: Output, home: Path, made: Path, tolerance: Tolerance) -> Verdict:
    """Compare one output; when the first file has gone or changed, its hash is all there is."""
    first, again = home / output.path, made / output.path
    if first.is_file() and sha256_of(first) != output.sha256:
        return Verdict(
            output.path, Likeness.DIFFERENT, 1.0, 1.0, "the first file was changed after it was made"
        )
    if not first.is_file():
        same = again.is_file() and sha256_of(again) == output.sha256
        note = (
            "the first file is gone; its hash is the new one's"
            if same
            else "the first file is gone, and its hash is not the new one's"
        )
        return Verdict(output.path, Likeness.IDENTICAL if same else Likeness.MISSING, note=note)
    return compare(output.path, first, again, tolerance)


def _changed_software(record: Record) -> list[tuple[str, str, str]]:
    now = {one["name"]: one["version"] for one in host.software()}
    changed = []
    for one in record.software:
        name, then = one["name"], one["version"]
        if name not in now:
            try:
                now[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                now[name] = "not installed"
        if now[name] != then:
            changed.append((name, then, now[name]))
    return changed
