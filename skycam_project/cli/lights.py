"""`./skycam lights`: what shines, the mode, a colour."""

from typing import Any

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, output_option, table, wants_json
from skycam_project.cli.target import target, target_options


@click.command()
@click.option(
    "--mode", type=click.Choice(["normal", "dark", "blackout"]), help="dark: red only; blackout: no light."
)
@click.option(
    "--colour", type=click.IntRange(0, 255), nargs=3, metavar="R G B", help="Colour of the fixture main."
)
@target_options
@output_option
@click.pass_obj
def lights(
    options: Options, mode: str | None, colour: tuple[int, int, int] | None, url, token, output
) -> None:
    """Show the lights; with an option, change them first."""
    state = target(options, url, token).lights(mode, colour)
    if wants_json(options, output):
        as_json(state)
    else:
        show(state)


def show(state: dict[str, Any]) -> None:
    """For people."""
    rows = [
        [row["name"], row["role"], ", ".join(map(str, row["colour"])), f"{row['universe']}/{row['start']}"]
        for row in state["fixtures"]
    ]
    leases = ", ".join(lease["id"] for lease in state["interlock"]["leases"])
    locked = f", {state['interlock']['policy']} while {leases} exposes" if leases else ""
    table(
        f"Lights: mode {state['mode']}{locked}",
        ["fixture", "role", "red, green, blue", "universe/channel"],
        rows,
    )
