"""The catalogue: one row per finished session, derived from the files and rebuildable (docs/catalogue.md). Pure."""

from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
"""A session's row by column name; docs/catalogue.md names the columns."""
