"""Regenerate the committed Python code from the `.proto` files: `python -m telescope.dwarf.proto.build`.

Needs `grpcio-tools` (a development dependency, it carries protoc); running the program needs only `protobuf`.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def generate(target: Path) -> list[Path]:
    """Write `*_pb2.py` and `*_pb2.pyi` of every `.proto` file below `target`.

    Args:
        target: stands for the repository's root; files appear in `telescope/dwarf/proto/` below it.

    Returns:
        The files written, sorted.

    Raises:
        RuntimeError: protoc refused a file; its own message is on standard error.
    """
    from grpc_tools import protoc

    sources = sorted(str(path.relative_to(ROOT)) for path in HERE.glob("*.proto"))
    target.mkdir(parents=True, exist_ok=True)
    arguments = ["protoc", f"-I{ROOT}", f"--python_out={target}", f"--pyi_out={target}", *sources]
    if status := protoc.main(arguments):
        raise RuntimeError(f"protoc ended with status {status}")
    return sorted((target / HERE.relative_to(ROOT)).glob("*_pb2.py*"))


def main() -> int:
    """Regenerate in place; returns the process's exit status."""
    for path in generate(ROOT):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
