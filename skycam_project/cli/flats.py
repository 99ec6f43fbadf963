"""`./skycam flats`: search the brightness between camera and panel, take the flats, and say how it goes."""

import time
from typing import Any

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, output_option, wants_json
from skycam_project.cli.target import Target, target, target_options
from skycam_project.common.errors import SkycamError

LOOK_S = 0.3


class FlatsFailedError(SkycamError):
    """The run ended without its flats."""

    code = "flats"


@click.command()
@click.option("--camera", default="camera/default", show_default=True, help="Or telescope/0.")
@click.option(
    "--frames", type=click.IntRange(1, 100), default=10, show_default=True, help="After the search."
)
@click.option(
    "--mode", type=click.Choice(["panel", "exposure"]), default="panel", show_default=True,
    help="Search the panel's brightness, or the exposure time.",
)  # fmt: skip
@click.option("--target", "level", type=click.FloatRange(0.1, 0.8), help="Share of full scale; 0.5.")
@click.option(
    "-e", "--exposure", "exposure_s", type=click.FloatRange(0.001, 600), help="Seconds, to begin with."
)
@click.option("--gain", type=click.FloatRange(0), help="In the camera's own unit.")
@click.option("--stop", is_flag=True, help="End the run that goes on.")
@target_options
@output_option
@click.pass_obj
def flats(options: Options, stop: bool, level: float | None, url, token, output, **order: Any) -> None:
    """Take flats with the flat panel; Ctrl-C ends the run."""
    skycam = target(options, url, token)
    quiet = wants_json(options, output)
    if stop:
        state = skycam.flats("stop")
    else:
        given = {name: value for name, value in (order | {"target": level}).items() if value is not None}
        skycam.flats("start", **given)
        state = _follow(skycam, quiet)
    if quiet:
        as_json(state)
    elif state is None:
        click.echo("No flats have been taken.")
    elif stop:
        click.echo(f"Flats: {state['phase']}")
    if state and state["phase"] == "failed":
        raise FlatsFailedError(state["problem"])


def _follow(skycam: Target, quiet: bool) -> dict[str, Any] | None:
    """Show each picture as it comes, to the end of the run."""
    shown = 0
    try:
        while True:
            state = skycam.flats("show") or {}
            steps = state.get("steps", [])
            for number, step in enumerate(steps[shown:], shown + 1):
                if not quiet:
                    panel = "" if step["brightness"] is None else f"brightness {step['brightness']}, "
                    click.echo(
                        f"{number:3d}  {panel}{step['exposure_s']:g} s: {step['level']:.1%} of full scale"
                    )
            shown = len(steps)
            if not state.get("running"):
                if not quiet and state.get("phase") == "done":
                    click.echo(f"{state['frames_taken']} flats taken.")
                return state
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        return skycam.flats("stop")
