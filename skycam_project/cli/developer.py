"""`./skycam test | lint | lock | screenshots`: what people who change Skycam use."""

import os
import subprocess
import sys
from pathlib import Path

import click

from skycam_project.cli import tools

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CORES = os.cpu_count() or 1

CHECKS = (
    ("rules", [str(BIN / "ruff"), "check", "--quiet", "."]),
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
    ("layers", [str(BIN / "lint-imports"), "--no-cache"]),
    ("types", [str(BIN / "basedpyright"), "--warnings"]),
)


def _lint() -> int:
    for name, command in CHECKS:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        sys.stdout.write(f"{name}: {'ok' if result.returncode == 0 else 'failed'}\n")
        sys.stdout.flush()
        if result.returncode:
            sys.stdout.write(result.stdout + result.stderr)
            return 1
    return 0


@click.command()
def lint() -> None:
    """Rules, format, layers, types."""
    sys.exit(_lint())


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--full", is_flag=True, help="Also against real counterparts; a missing one fails.")
@click.option("--nightly", is_flag=True, help="Also the long kill, soak and fault runs.")
@click.option("--install-tools", is_flag=True, help="Install missing counterparts with apt first.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(full: bool, nightly: bool, install_tools: bool, arguments: tuple[str, ...]) -> None:
    """Lint, then run the tests; further arguments go to pytest."""
    if install_tools:
        tools.install()
    if (full or nightly) and (lacking := tools.missing()):
        names = ", ".join(f"{tool.command} ({tool.purpose})" for tool in lacking)
        raise click.ClickException(f"missing for --full: {names}. Use --install-tools.")
    if _lint():
        sys.exit(1)
    left_out = [
        f"not {marker}" for marker, asked in (("full", full or nightly), ("nightly", nightly)) if not asked
    ]
    sys.exit(max(_pytest([*left_out, *part], arguments) for part in _parts(arguments)))


def _parts(arguments: tuple[str, ...]) -> list[list[str]]:
    """Marker expressions of the runs: side by side what may be, then what needs the machine; one run for chosen tests."""
    return [["not alone"], ["alone"]] if not arguments and CORES > 1 else [[]]


def _pytest(expression: list[str], arguments: tuple[str, ...]) -> int:
    selection = ["-m", " and ".join(expression)] if expression else []
    beside = ["-n", str(min(CORES, 4)), "--dist", "loadfile"] if "not alone" in expression else []
    command = [sys.executable, "-m", "pytest", *beside, *selection, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


@click.command()
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lock(arguments: tuple[str, ...]) -> None:
    """Write requirements.lock anew from pyproject.toml."""
    sys.exit(
        subprocess.run([sys.executable, "deploy/make_lock.py", *arguments], cwd=ROOT, check=False).returncode
    )


@click.command()
@click.argument("folder", required=False)
def screenshots(folder: str | None) -> None:
    """Take the README's picture, and all pages in all themes into FOLDER."""
    command = [sys.executable, "-m", "deploy.screenshots", *([folder] if folder else [])]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)
