"""Settings of finite jobs: timelapses, night products, and fetching from capture nodes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skycam_project.common.units import Seconds
from skycam_project.config import kinds
from skycam_project.config.row import setting


def _job(kind: kinds.Kind[Any], default: Any, name: str, effect: str) -> Any:
    """A row whose environment name follows its key."""
    return setting(kind, default, effect, env=f"SKYCAM_TIMELAPSE_{name.upper()}", yaml=f"timelapse.{name}")


def _hosts_part(value: Any) -> str:
    text = str(value)
    if not text or text.startswith("-") or any(mark in text for mark in " @:/\\\t\n\0"):
        raise ValueError(value)
    return text


_word = kinds.Kind(_hosts_part, "a host or user name without spaces, @, : or /, not beginning with a dash")


def _public_key(value: Any) -> str:
    parts = str(value).split()
    if (
        len(parts) < 2
        or not parts[0].startswith(("ssh-", "ecdsa-", "sk-"))
        or not parts[1].startswith("AAAA")
    ):
        raise ValueError(value)
    return " ".join(parts[:2])


@dataclass(frozen=True, kw_only=True)
class TimelapseConfiguration:
    """What the processing workers do by themselves, and how much at a time."""

    # fmt: off
    timelapse_automatic: tuple[str, ...] = _job(kinds.words, "timelapse,keogram,startrails", "automatic", "Products that are queued by themselves when a night's session ends; empty: none.")
    timelapse_jobs: int = _job(kinds.integer(1, 16), 1, "jobs", "Jobs that run at the same time on this machine.")
    timelapse_workers: int = _job(kinds.integer(1, 64), 1, "workers", "Workers, on any machine that sees the data folder, that may share one timelapse.")
    timelapse_attempts: int = _job(kinds.integer(1, 20), 5, "attempts", "How often a job is tried before it is given up.")
    timelapse_min_free: int = _job(kinds.size, "2GB", "min_free", "A job waits while the disk has less room than this and a quarter of its frames.")
    timelapse_folders: tuple[str, ...] = _job(kinds.words, "images", "folders", "Folders of images that pages may make timelapses of; relative ones lie under the data folder.")
    timelapse_work: Path = _job(kinds.path, "work", "work", "Where finished chunks wait for the others.")
    timelapse_fetch_every: Seconds = _job(kinds.number(30, 86400, "s"), 300, "fetch_every", "Between two looks at the capture nodes.")
    timelapse_live_megapixels: float | None = _job(kinds.optional(kinds.number(0.5, 1000, "megapixels")), None, "live_megapixels", "Largest frame that the products of the running night are worked at; larger ones are halved until they fit. Empty: 2.5 for each GB of memory.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class NodeConfiguration:
    """One capture node of the list `nodes` in skycam.yaml."""

    id: str = setting(
        kinds.text, "", "Short name: lower case letters, digits, dashes. Must be given.", yaml="id"
    )
    host: str = setting(_word, "localhost", "Its address.", yaml="host")
    port: int = setting(kinds.integer(1, 65535), 22, "Port of its SSH server.", yaml="port")
    user: str = setting(_word, "skycam", "Whom to log in as.", yaml="user")
    data: Path = setting(kinds.path, "skycam/var", "Its data folder, as that user sees it.", yaml="data")
    identity: Path | None = setting(
        kinds.optional(kinds.path),
        None,
        "Private key to log in with, without a passphrase; empty: `ssh/id_ed25519` in the data folder.",
        yaml="identity",
    )
    host_key: str | None = setting(
        kinds.optional(kinds.Kind(_public_key, "a public key such as `ssh-ed25519 AAAA…`")),
        None,
        "The one host key that is believed. Must be given; `ssh-keyscan HOST` shows it.",
        yaml="host_key",
    )
    method: str = setting(
        kinds.choice("auto", "rsync", "sftp"),
        "auto",
        "auto: rsync where both sides have it, else SFTP.",
        yaml="method",
    )
