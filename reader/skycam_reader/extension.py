"""What the ASDF library has to know to read a session: the table tag, the schemas, the codec of the frames."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

from asdf.extension import Compressor, Converter, Extension, TagDefinition
from asdf.resource import DirectoryResourceMapping

from .tables import TABLE_TAG, LogTable

SCHEMAS = "asdf://skycam/schemas/"
SESSION_SCHEMA = f"{SCHEMAS}session-1.0.0"


class _Tables(Converter):
    """Tagged mappings <-> `LogTable`; writing gives back what was read."""

    @property
    def tags(self) -> list[str]:
        return [TABLE_TAG]

    @property
    def types(self) -> list[type]:
        return [LogTable]

    def to_yaml_tree(self, obj: LogTable, tag: str, ctx: Any) -> Any:
        return obj.node

    def from_yaml_tree(self, node: Any, tag: str, ctx: Any) -> LogTable:
        return LogTable(node)


class SkycamExtension(Extension):
    """Teaches the ASDF library the table tag."""

    @property
    def extension_uri(self) -> str:
        return "asdf://skycam/extensions/sessions-1.0.0"

    @property
    def converters(self) -> list[Any]:
        return [_Tables()]

    @property
    def tags(self) -> list[Any]:
        schema = f"{SCHEMAS}log_table-1.0.0"
        return [TagDefinition(TABLE_TAG, schema_uris=[schema], title="Columns that read as a list of rows")]


class Blosc(Compressor):
    """The codec `blsc` of frames and columns. Reading works without the blosc package, writing needs it."""

    @property
    def label(self) -> bytes:
        return b"blsc"

    def compress(self, data: Any, **options: Any) -> Iterator[bytes]:
        import blosc  # optional

        yield blosc.compress(data, **options)

    def decompress(self, data: Any, out: Any, **options: Any) -> int:
        stored = b"".join(bytes(piece) for piece in data)
        try:
            from blosc import decompress  # optional
        except ImportError:
            from .blosc1 import decompress  # only where there is no package
        raw = decompress(stored)
        out[: len(raw)] = raw
        return len(raw)


class BloscExtension(Extension):
    """`asdf-compression`'s name for the codec, so that files which ask for that package open without it."""

    @property
    def extension_uri(self) -> str:
        return "asdf://asdf-format.org/compression/extensions/blsc-1.0.0"

    @property
    def compressors(self) -> list[Any]:
        return [Blosc()]


def extensions() -> list[Extension]:
    """Entry point of the ASDF library."""
    known = find_spec("asdf_compression") is not None and find_spec("blosc") is not None
    return [SkycamExtension()] if known else [SkycamExtension(), BloscExtension()]


def resources() -> list[DirectoryResourceMapping]:
    """Entry point of the ASDF library: the schemas under their ids."""
    folder = files(__name__.rpartition(".")[0]) / "schemas"
    return [DirectoryResourceMapping(folder, SCHEMAS, filename_pattern="*.yaml", stem_filename=True)]
