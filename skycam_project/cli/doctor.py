"""`./skycam doctor`: one sentence about each thing that can be wrong with this machine."""

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from skycam_project.cli.group import Options
from skycam_project.cli.output import as_json, output_option, table, wants_json
from skycam_project.common.errors import SkycamError
from skycam_project.config import Configuration
from skycam_project.config.broker import broker_urls
from skycam_project.config.places import prepare_data_folder, runtime_folder

WARN_BELOW, REFUSE_BELOW = 0.10, 0.02


def _port(settings: Configuration) -> tuple[str, str]:
    from skycam_project.common.link import NotConnected, read

    try:
        read(runtime_folder(settings.data), "up")
        return "ok", f"Skycam is running and serves port {settings.port}."
    except NotConnected:
        pass
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", settings.port))
        except OSError as error:
            return (
                "fault",
                f"Port {settings.port} cannot be used: {error.strerror}. Choose another with --port.",
            )
    return "ok", f"Port {settings.port} is free."


def _disk(settings: Configuration) -> tuple[str, str]:
    usage = shutil.disk_usage(settings.data)
    share = usage.free / usage.total
    text = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.0f} GB are free in {settings.data}"
    if share < REFUSE_BELOW:
        return "fault", f"{text}: new frames are refused below {REFUSE_BELOW:.0%}."
    if share < WARN_BELOW:
        return "warn", f"{text}: frames are refused below {REFUSE_BELOW:.0%}."
    return "ok", text + "."


def _broker(settings: Configuration) -> tuple[str, str]:
    from skycam_project.supervisor.broker import find_server

    broker_urls(settings.redis_url, runtime_folder(settings.data))
    if settings.redis_url:
        return "ok", "The broker is the one that REDIS_URL names."
    return "ok", f"The broker is {find_server()}."


def _permissions(settings: Configuration) -> tuple[str, str]:
    mode = settings.data.stat().st_mode & 0o077
    if mode:
        return "warn", f"Other users can look into {settings.data}; mend it: chmod 700 {settings.data}"
    usb = Path("/dev/bus/usb")
    if usb.is_dir() and os.geteuid() != 0:
        closed = [path for path in usb.glob("*/*") if not os.access(path, os.W_OK)]
        if closed and len(closed) == len(list(usb.glob("*/*"))):
            return "warn", "No USB device may be opened by this user; add yourself to the group plugdev."
    return "ok", f"{settings.data} is writable and private."


def _clock(settings: Configuration) -> tuple[str, str]:
    if time.time() < 1_760_000_000:  # before this program existed: a Raspberry Pi without network and battery
        return (
            "fault",
            f"The clock says {time.strftime('%Y-%m-%d')}: frames would be filed under the wrong night.",
        )
    synchronised = (
        Path("/run/systemd/timesync/synchronized").exists() or Path("/var/lib/chrony/drift").exists()
    )
    if not synchronised and Path("/run/systemd").is_dir():
        return "warn", "The clock is not known to be synchronised; check: timedatectl"
    return "ok", "The clock looks right."


CHECKS: dict[str, Callable[[Configuration], tuple[str, str]]] = {
    "port": _port,
    "disk": _disk,
    "broker": _broker,
    "permissions": _permissions,
    "clock": _clock,
}


@click.command()
@output_option
@click.pass_obj
def doctor(options: Options, output: str | None) -> None:
    """Check this machine; exit code 1 when something must be mended."""
    settings = options.settings()
    prepare_data_folder(settings.data)
    results = {}
    for name, check in CHECKS.items():
        try:
            results[name] = check(settings)
        except (SkycamError, OSError) as error:
            results[name] = ("fault", str(error))
    if wants_json(options, output):
        as_json({name: {"state": state, "text": text} for name, (state, text) in results.items()})
    else:
        table("Doctor", ["check", "state", "what"], [[name, *result] for name, result in results.items()])
    sys.exit(1 if any(state == "fault" for state, _ in results.values()) else 0)
