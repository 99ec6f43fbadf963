"""Write docs/settings.md from the table of settings: `python -m skycam_project.config.document`."""

import sys
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from skycam_project.config.keys import CameraConfiguration, Configuration
from skycam_project.config.lights import LightsConfiguration
from skycam_project.config.sessions import SessionsConfiguration
from skycam_project.config.timelapse import NodeConfiguration, TimelapseConfiguration

_PARTS = (SessionsConfiguration, TimelapseConfiguration, LightsConfiguration)
INHERITED = {row.name for part in _PARTS for row in fields(part)}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
HEAD = """# Settings

<!-- Written by `python -m skycam_project.config.document`; do not edit. -->

Order, later wins: default, `skycam.yaml` (`--config`, `SKYCAM_CONFIG`, or that file in the current
folder), environment, command line. `${VAR}` in the file is replaced from the environment. Relative paths lie
under the data folder. A wrong value stops the start and names place, key, value and what is allowed; so does
a key that does not exist. An empty variable means none for lists and where "or empty" stands; others it leaves as they are.

| skycam.yaml | environment | default | allowed | effect |
|---|---|---|---|---|
"""
TITLES = {"cameras": "Further cameras", "nodes": "Capture nodes"}
LIST = """
## {}

The list `{}` in skycam.yaml; each entry takes:

| key | default | allowed | effect |
|---|---|---|---|
"""


def _shown(row: Field[Any]) -> str:
    default = row.metadata["default"]
    if default is None or default == "":
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    # Inherited tables would come first; people look for the program's own settings there.
    for row in sorted(fields(Configuration), key=lambda row: row.name in INHERITED):
        if data := row.metadata:
            names = ", ".join(f"`{name}`" for name in data["env"]) or "–"
            yaml = f"`{data['yaml']}`" if data["yaml"] else "–"
            lines.append(
                f"| {yaml} | {names} | {_shown(row)} | {data['kind'].allowed} | {data['effect']} |\n"
            )
    for title, table in (("cameras", CameraConfiguration), ("nodes", NodeConfiguration)):
        lines.append(LIST.format(TITLES[title], title))
        for row in fields(table):
            data = row.metadata
            lines.append(
                f"| `{data['yaml']}` | {_shown(row)} | {data['kind'].allowed} | {data['effect']} |\n"
            )
    return "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE}\n")
