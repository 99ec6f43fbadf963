"""Does a tree follow the schema of its version? The schemas are files of the reader package."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

SCHEMAS = Path(__file__).parents[2] / "reader/skycam_reader/schemas"
_SHOWN = 10
"""Deviations that are told; a file that is wrong everywhere needs no longer list."""
_LENGTH = 300


def deviations(tree: Any) -> list[str]:
    """Where a plain tree (as `tree.read_header` gives it) does not follow the schema, one sentence each.

    Does not import the ASDF library, which would need 16 MB in every process that finishes a session and 3 ms
    per frame. It reads the same schema files; tags alone are its business.
    """
    found = []
    for error in _validator().iter_errors(tree):
        place = "/".join(str(step) for step in error.absolute_path) or "the tree"
        found.append(f"{place}: {error.message}"[:_LENGTH])
        if len(found) == _SHOWN:
            break
    return found


@cache
def _validator() -> Any:
    from jsonschema import Draft4Validator  # 6 MB, for those who finish and verify

    names = ("session-1.0.0", "log_table-1.0.0")
    session, table = (yaml.safe_load((SCHEMAS / f"{name}.yaml").read_text()) for name in names)
    # The library follows references inside one document only: both schemas become one.
    definitions = session["definitions"] | table["definitions"] | {"table": {"$ref": "#/definitions/part"}}
    whole = {name: session[name] for name in session if name not in ("id", "$schema")}
    return Draft4Validator(whole | {"definitions": definitions})
