"""`./skycam timelapse make`: a timelapse of a session or a folder of pictures; needs no server."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import (
    as_json,
    asked_to_stop,
    bars_with,
    output_option,
    progress_lines,
    wants_json,
)
from skycam_project.cli.sources import source_path
from skycam_project.common import allocator

if TYPE_CHECKING:
    from timelapse.pipeline.job import Progress as Step

CODEC_NAMES = ("h265", "av1", "h264", "prores", "ffv1", "webp", "frames")
EXTRA_NAMES = ("hdr10", "hlg", "1080p", "preview", "draft", "prores", "ffv1", "webp", "frames", "av1", "h265")
_STAGES = {"analyse": "Looking", "render": "Rendering", "wait": "Waiting", "join": "Joining"}


class Size(click.ParamType):
    """`1920x1080`."""

    name = "WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().split("x")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts):
            self.fail(f"{value!r} is not a size like 1920x1080", param, ctx)
        return int(parts[0]), int(parts[1])


@click.group()
def timelapse() -> None:
    """Make timelapses of sessions and of folders of pictures."""


@timelapse.command()
@click.argument(
    "pictures", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Picture to write.")
@click.option("--align/--no-align", default=True, help="Lay the frames over each other. On by default.")
@click.option(
    "--ghosts/--no-ghosts", default=True, help="Leave what moved to the middle frame. On by default."
)
def fuse(pictures: tuple[Path, ...], out: Path, align: bool, ghosts: bool) -> None:
    """Fuse a bracket of exposures into one picture."""
    from timelapse.fusion import making

    making.make("fused", pictures, out, {"align": align, "ghosts": ghosts})
    sys.stdout.write(f"{out}{os.linesep}")


@timelapse.command()
@click.argument(
    "pictures", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Picture to write.")
@click.option("--align/--no-align", default=True, help="Take out shifts and breathing. On by default.")
def focus(pictures: tuple[Path, ...], out: Path, align: bool) -> None:
    """Stack pictures that are focused at different distances into one that is sharp everywhere."""
    from timelapse.fusion import making

    making.make("focused", pictures, out, {"align": align})
    sys.stdout.write(f"{out}{os.linesep}")


@timelapse.command()
@click.argument("source", metavar="SESSION|FOLDER")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option("--codec", type=click.Choice(CODEC_NAMES), help="Default: by the file's suffix, else h265.")
@click.option("--preset", help="The encoder's speed: ultrafast … veryslow; AV1: 0 … 13.")
@click.option("--crf", type=float, help="Quality; lower is better and larger.")
@click.option("--bits", type=int, help="Bits per sample: 8, 10 or 12.  [default: 10; H.264: 8]")
@click.option("--size", type=Size(), help="Make the picture fit into this size.")
@click.option("--fps", type=float, help="Frames per second.  [default: 25]")
@click.option(
    "--transfer",
    type=click.Choice(("sdr", "hdr10", "hlg")),
    help="Brightness curve.  [default: sdr]",
)
@click.option("--hardware", is_flag=True, help="Use the machine's video encoder where it has one.")
@click.option(
    "--also", multiple=True, type=click.Choice(EXTRA_NAMES), help="Another file from the same pass."
)
@click.option("--camera", help="Of a session with several cameras.")
@click.option("--first", type=int, help="First frame to use, from 0.")
@click.option("--last", type=int, help="Last frame to use.")
@click.option("--deflicker", type=float, help="Period in frames; 0 leaves exposure alone.  [default: 40]")
@click.option("--stabilise/--no-stabilise", default=None, help="Hold the picture still. On by default.")
@click.option("--moving", is_flag=True, help="The camera travels: smooth its path instead of holding it.")
@click.option(
    "--stars", is_flag=True, help="Hold the sky still; the ground turns. A telescope's frames always are."
)
@click.option("--denoise/--no-denoise", default=None, help="Reduce noise. On by default.")
@click.option("--denoise-strength", type=float, help="0 to 1.  [default: 0.8]")
@click.option("--profile", help="What the sky wants: day, golden, blue, overcast, storm, fog, night.")
@click.option(
    "--turn",
    type=click.Choice(("0", "90", "180", "270")),
    help="Degrees clockwise.  [default: as most frames say, all alike]",
)
@click.option("--bracket", type=int, help="So many frames are one bracket and become one.")
@click.option(
    "--calibrate/--no-calibrate",
    default=None,
    help="Correct RAW and FITS frames of a session by the calibration library. On by default.",
)
@click.option("--lens", type=click.Choice(("auto", "off")), help="Correct the lens that the frames name.")
@click.option("--least-quality", type=float, help="Leave frames out that score less, 0 to 1.")
@click.option("--even", is_flag=True, help="Time runs evenly, over gaps and changed intervals too.")
@click.option("--text", help="Written on the picture; %H:%M and so on are the frame's time.")
@click.option("--zone", help="Time zone of --text.  [default: UTC]")
@click.option("--logo", help="A PNG on the picture.")
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML or JSON with fields of a recipe (docs/timelapse.md); options stand above it.",
)
@click.option("--poster/--no-poster", default=None, help="Also write a poster. On by default.")
@click.option("--sheet/--no-sheet", default=None, help="Also write a contact sheet.")
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    help="Keep parts here, for other films of the same frames too.  [default: beside the film until it is made]",
)
@output_option
@click.pass_obj
def make(
    options: Options,
    source: str,
    out: Path,
    work: Path | None,
    camera: str | None,
    output: str | None,
    **given: Any,
) -> None:
    """Make a timelapse of a session (its id, uuid, file or folder) or a folder of pictures.

    Broken and odd frames are reported and left out. After Ctrl-C or a crash the same command goes on. The record
    beside the film says what it was made from; `sessions reproduce` makes it again.
    """
    allocator.prepare()
    from timelapse import alone
    from timelapse.pipeline.frames import open_source
    from timelapse.pipeline.job import make as run
    from timelapse.pipeline.notes import notes

    json = wants_json(options, output)
    recipe = _recipe(out, given)
    _writable(out)
    path = source_path(options, source)
    opened = open_source(path, camera)
    try:
        for note in [] if json else notes(opened, recipe):
            click.echo(f"note: {note}", err=True)
        made_from = alone.inputs(path)
        with _folder(work, out) as folder:
            kept = f"The same command goes on there; what is done so far is kept in {folder}."
            with asked_to_stop(kept) as stop, _bars(json) as progress:
                report = run(opened, recipe, out, folder, progress, stop)
        if made_from is not None:
            alone.record(out, made_from, camera, report)
    except OSError as error:
        raise click.ClickException(f"{error.filename or out}: {error.strerror or error}") from error
    finally:
        opened.close()
    if json:
        as_json(report.to_json())
    else:
        _show(report)


def _writable(out: Path) -> None:
    """Said before an hour of rendering, not after it.

    Raises:
        ClickException: nothing can be written there.
    """
    if not out.parent.is_dir():
        raise click.ClickException(f"the folder {out.parent} does not exist")
    if out.is_dir():
        raise click.ClickException(f"{out} is a folder; give the name of a file")
    try:
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise click.ClickException(f"nothing can be written into {out.parent}: {error.strerror}") from error


def _recipe(out: Path, given: dict[str, Any]) -> Any:
    from timelapse.pipeline.recipe import Recipe, named

    fields = _fields(given)
    of_recipe = fields.pop("outputs", None)
    also = [named(name) for name in dict.fromkeys(given["also"])]
    if of_recipe and not any(given[name] for name in _OF_FILE):
        recipe = Recipe.from_json(fields | {"outputs": [*of_recipe, *also]})
    else:
        recipe = Recipe.from_json(fields | {"outputs": [_main(out, given), *also]})
    first = recipe.outputs[0]
    if out.suffix.lower() != first.suffix:
        raise click.ClickException(f"{out.name}: a file of {first.codec} must end in {first.suffix}")
    return recipe


_OF_FILE = ("codec", "preset", "crf", "bits", "size", "transfer", "hardware")
"""Options about the file to write; any of them stands above all outputs of a recipe."""


def _main(out: Path, given: dict[str, Any]) -> Any:
    from timelapse.pipeline.recipe import Output

    by_suffix = {".mov": "prores", ".mkv": "ffv1", ".webp": "webp", ".zip": "frames"}
    asked = {name: given[name] for name in _OF_FILE if given[name] is not None}
    asked.setdefault("codec", by_suffix.get(out.suffix.lower(), "h265"))
    if asked["codec"] == "h264":
        asked.setdefault(
            "bits", 8
        )  # who asks for H.264 wants it played everywhere; hardly a player knows it with 10
    return Output(**asked)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """Fields of the recipe that were asked for; what was not is the profile's, or the recipe's own."""
    names = (
        "fps", "first", "last", "deflicker", "profile", "bracket", "calibrate", "lens", "least_quality", "poster",
    )  # fmt: skip
    fields = _read(given["recipe_file"]) | {name: given[name] for name in names if given[name] is not None}
    if given["sheet"] is not None:
        fields["contact_sheet"] = given["sheet"]
    if given["turn"] is not None:
        fields["turn"] = int(given["turn"])
    if given["moving"] and given["stars"]:
        raise click.UsageError("--moving and --stars: a path is smoothed, or the sky is held.")
    if given["moving"] or given["stars"]:
        fields["stabilise"] = "moving" if given["moving"] else "stars"
    elif given["stabilise"] is not None:
        fields["stabilise"] = "tripod" if given["stabilise"] else "off"
    if given["denoise"] is False or given["denoise_strength"] is not None:
        fields["denoise"] = given["denoise_strength"] if given["denoise"] is not False else 0.0
    if given["even"]:
        fields["speed"] = _part(fields, "speed") | {"even": True}
    written = {name: given[name] for name in ("text", "zone", "logo") if given[name] is not None}
    if written:
        fields["overlay"] = _part(fields, "overlay") | written
    return fields


def _part(fields: dict[str, Any], name: str) -> dict[str, Any]:
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def _read(path: Path | None) -> dict[str, Any]:
    import yaml

    if path is None:
        return {}
    try:
        found = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path} is neither YAML nor JSON") from error
    if not isinstance(found, dict):
        raise click.ClickException(f"{path} holds no fields of a recipe")
    return found


@contextmanager
def _folder(work: Path | None, out: Path) -> Iterator[Path]:
    """Where parts are kept: what was asked for, else a folder beside the film that goes when it is made."""
    folder = work or out.with_name(f".{out.name}.parts")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except BaseException:
        if work is None and not any(folder.glob("*/*")):
            shutil.rmtree(folder, ignore_errors=True)  # nothing was begun
        raise
    if work is None:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _bars(json: bool) -> Iterator[Callable[["Step"], None]]:
    """A progress bar per stage on a terminal's standard error, now and then a line in a log; nothing beside JSON."""
    from rich.progress import MofNCompleteColumn, TextColumn

    if json or not sys.stderr.isatty():
        lines: dict[str, Callable[[int, int], None]] = {}

        def say(step: "Step") -> None:
            if not json:
                lines.setdefault(step.stage, progress_lines(_STAGES[step.stage]))(step.done, step.total)

        yield say
        return
    with bars_with(MofNCompleteColumn(), TextColumn("{task.fields[speed]}")) as bars:
        tasks: dict[str, Any] = {}

        def show(step: "Step") -> None:
            if step.stage not in tasks:
                tasks[step.stage] = bars.add_task(_STAGES[step.stage], total=step.total, speed="")
            left = f"{step.remaining_s:.0f} s left" if step.remaining_s else ""
            speed = f"{step.fps:.1f} fps {left}" if step.fps else ""
            bars.update(tasks[step.stage], completed=step.done, total=step.total, speed=speed)

        yield show
        for task in bars.tasks:
            bars.update(task.id, completed=task.total)


def _show(report: Any) -> None:
    lines = [f"{report.frames} frames, {len(report.left_out)} left out"]
    lines += [f"  left out: {problem.name}: {problem.reason}" for problem in report.left_out]
    for made in report.outputs:
        size = f"{made['bytes'] / 1e6:.1f} MB" if made["bytes"] >= 1e6 else f"{made['bytes'] / 1e3:.0f} kB"
        lines.append(f"{made['path']}  {made['codec']} {made['width']}x{made['height']}  {size}")
    lines += [path for path in (report.poster, report.contact_sheet) if path]
    lines += [f"corrected by a {one['kind']}: {one['file']}" for one in report.masters]
    lines += [f"not corrected: {gap} ({count} frames)" for gap, count in report.gaps.items()]
    found = f"flicker {report.flicker_ev:.3f} EV, motion {report.motion_px:.2f} px"
    lines.append(f"found: {found}; quality of the frames {report.quality:.2f}")
    sys.stdout.write(os.linesep.join(lines) + os.linesep)
