"""Real counterparts that tests talk to: how each is recognised and which Debian package brings it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True)
class Tool:
    """A program, or the data of one, that tests need beside Python.

    Attributes:
        command: its name on PATH, or the path of a file.
        package: of Debian.
    """

    command: str
    package: str
    purpose: str


INDEX = "/usr/share/astrometry/index"
TOOLS = (
    Tool("chromium", "chromium", "pages in a real browser"),
    Tool("gphoto2", "gphoto2", "a second client for the simulated camera"),
    Tool("mosquitto", "mosquitto", "an MQTT broker for the lights"),
    Tool("olad", "ola", "a DMX server for the lights"),
    Tool("openssl", "openssl", "a certificate for MQTT over TLS"),
    Tool("siril-cli", "siril", "an independent reader of FITS, and a peer for stacking"),
    Tool("ffmpeg", "ffmpeg", "a peer for timelapses, and an independent reader of videos"),
    Tool("enfuse", "enfuse", "a peer for exposure fusion and focus stacking"),
    Tool("rsync", "rsync", "fetching from a capture node"),
    Tool("/usr/sbin/sshd", "openssh-server", "a capture node's SSH server"),
    Tool("ssh", "openssh-client", "fetching from a capture node"),
    Tool("solve-field", "astrometry.net", "an independent plate solver"),
    Tool(f"{INDEX}-tycho2-09.littleendian.fits", "astrometry-data-tycho2-09-littleendian", "its wide index"),
    Tool(
        f"{INDEX}-tycho2-10.littleendian.fits",
        "astrometry-data-tycho2-10-19-littleendian",
        "its wider indices",
    ),
)


def missing() -> list[Tool]:
    """Tools that are not on PATH."""
    return [tool for tool in TOOLS if shutil.which(tool.command) is None and not Path(tool.command).is_file()]


def install() -> None:
    """Install what is missing with apt. Raises `click.ClickException` when that is not possible here."""
    wanted = missing()
    if not wanted:
        return
    packages = [tool.package for tool in wanted]
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") is None:
        raise click.ClickException(f"no apt-get here; install by hand: {' '.join(packages)}")
    sys.stdout.write(f"installing {' '.join(packages)}\n")
    sys.stdout.flush()
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        result = subprocess.run([*prefix, *command], env=environment, stdout=subprocess.DEVNULL, check=False)
        if result.returncode:
            raise click.ClickException(f"{' '.join(command)} failed; install by hand: {' '.join(packages)}")
