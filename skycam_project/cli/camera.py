"""`./skycam connect | start | stop | status`: document 001's commands."""

from typing import Any

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, output_option, table, wants_json
from skycam_project.cli.target import target, target_options

camera_option = click.option("--camera", default="default", show_default=True, help="Which camera.")


def _common(function):
    return output_option(target_options(camera_option(click.pass_obj(function))))


def _run(options: Options, camera: str, url, token, output, command: str, **arguments: Any) -> None:
    given = {key: value for key, value in arguments.items() if value is not None}
    state = target(options, url, token).command(camera, command, **given)
    if wants_json(options, output):
        as_json(state)
    else:
        _show([state])


@click.command()
@_common
def connect(options: Options, camera: str, url, token, output) -> None:
    """Connect to the camera."""
    _run(options, camera, url, token, output, "connect")


@click.command()
@click.option("-e", "--exposure", "exposure_s", type=float, help="Exposure in seconds.")
@click.option(
    "-d", "--delay", "interval_s", type=float, help="Seconds from the start of one frame to the next."
)
@click.option("-f", "--f-number", "aperture_f", type=float, help="Aperture.")
@click.option("-i", "--iso", "gain", type=float, help="ISO.")
@_common
def start(options: Options, camera: str, url, token, output, **settings: float | None) -> None:
    """Start a timelapse run; it goes on over crashes and restarts until it is stopped."""
    _run(options, camera, url, token, output, "start", **settings)


@click.command()
@_common
def stop(options: Options, camera: str, url, token, output) -> None:
    """Stop the run at once."""
    _run(options, camera, url, token, output, "stop")


@click.command()
@target_options
@output_option
@click.pass_obj
def status(options: Options, url, token, output) -> None:
    """Show cameras and processes."""
    where = target(options, url, token)
    up, cameras = where.processes(), where.camera_states()
    if wants_json(options, output):
        as_json({"up": up, "cameras": cameras})
        return
    _show(cameras)
    rows = [
        [process["name"], process["state"], str(process["restarts"]), process["reason"] or ""]
        for process in up.get("processes", [])
    ]
    table("Processes", ["process", "state", "restarts", "last reason"], rows)


def _show(states: list[dict[str, Any]]) -> None:
    table("Skycam Status", ["Component", "Status", "Details"], [_row(state) for state in states])


def _row(state: dict[str, Any]) -> list[str]:
    run, frame = state.get("run"), state.get("frame")
    details = [state.get("model") or ""]
    if run:
        details.append(
            f"{run['frames']} frames, one every {run['interval_s']:g} s, {run['missed_slots']} missed"
        )
    if frame:
        details.append(f"last frame {frame['number']} at {frame['taken_at']}, {frame['exposure_s']:g} s")
    if state.get("reason"):
        details.append(state["reason"])
    return [state["name"], state["state"], "\n".join(detail for detail in details if detail)]
