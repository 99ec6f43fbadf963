"""The catalogue: one row per finished session, derived from the files and rebuildable (docs/catalogue.md). Pure."""
