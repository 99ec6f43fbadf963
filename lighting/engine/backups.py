"""Backups of a project: one JSON snapshot, encrypted or not, in an object store."""

import hashlib
import re
import time
from dataclasses import dataclass
from typing import Any

import orjson

from lighting.engine.scenes import EMPTY_SHOW, VERSION, Files, parse_scenes, parse_show
from lighting.engine.state import RgbState, parse_state
from lighting.engine.ulid import ALPHABET, new_ulid
from lighting.errors import InvalidError, MissingError
from skycam_project.common.files import write_atomic
from skycam_project.common.objectstore import LocalStore, NoObjectError, ObjectStore, S3Store, Stored
from skycam_project.config.lights import LightsConfiguration

VERSION_ID = re.compile(r"[0-9A-Za-z]{1,40}")
LONGEST_LABEL = 120
FERNET = b"gAAAA"
"""How every Fernet token begins: version 0x80 and a time before 2106."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a backup holds, checked."""

    state: RgbState
    scenes: list[dict[str, Any]]
    show: dict[str, Any]


def pack(meta: dict[str, Any], files: Files) -> bytes:
    """A project's files as one JSON object."""

    def content(path: Any, empty: Any) -> Any:
        try:
            return orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return empty

    return orjson.dumps(
        {
            "version": VERSION,
            "timestamp": time.time_ns() // 1_000_000,
            "project": meta,
            "state": content(files.state, RgbState().body()),
            "scenes": content(files.scenes, []),
            "show": content(files.show, EMPTY_SHOW),
        }
    )


def unpack(data: bytes) -> Snapshot:
    """The inverse of `pack`, everything checked. Raises `InvalidError`."""
    try:
        body = orjson.loads(data)
    except ValueError as error:
        raise InvalidError(f"this backup is not a snapshot of a project: {error}") from None
    return checked(body)


def checked(body: Any) -> Snapshot:
    """What `pack` wrote as JSON, everything checked. Raises `InvalidError`."""
    try:
        return Snapshot(parse_state(body["state"]), parse_scenes(body["scenes"]), parse_show(body["show"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidError(f"this is not a snapshot of a project: {error}") from None


def write_library(snapshot: Snapshot, files: Files) -> None:
    """Replace a project's scenes and show; the state is the engine's to write."""
    files.folder.mkdir(parents=True, exist_ok=True)
    write_atomic(files.scenes, orjson.dumps(snapshot.scenes))
    write_atomic(files.show, orjson.dumps(snapshot.show))


def write_all(snapshot: Snapshot, files: Files) -> None:
    """Fill the files of a project that nobody has mounted."""
    write_library(snapshot, files)
    write_atomic(files.state, orjson.dumps(snapshot.state.body()))


class Backups:
    """Makes, lists and reads backups. Blocking: call it in a thread. Raises `StoreError` when the store is not there.

    Args:
        key: Fernet; without it backups are not encrypted.
    """

    def __init__(self, store: ObjectStore, provider: str, key: str | None) -> None:
        self._store, self.provider, self._key = store, provider, key
        self._last: dict[str, bytes] = {}

    def make(self, meta: dict[str, Any], files: Files, label: str) -> dict[str, Any]:
        """Keep a snapshot; the version. Raises `InvalidError` for a wrong label."""
        if not isinstance(label, str) or len(label) > LONGEST_LABEL:
            raise InvalidError(f"label must be a text of at most {LONGEST_LABEL} characters")
        data, version, now = pack(meta, files), new_ulid(), time.time_ns() // 1_000_000
        self._last[meta["id"]] = _content(data)
        if self._key:
            data = self._fernet(self._key).encrypt(data)
        metadata = {"createdat": str(now), "encrypted": str(bool(self._key)).lower(), "label": label}
        key = f"{meta['id']}/{version}.bin"
        self._store.put(key, data, metadata)
        return self._version(Stored(key, len(data), metadata))

    def changed(self, meta: dict[str, Any], files: Files) -> bool:
        """Whether the project differs from the last backup that this process made."""
        return self._last.get(meta["id"]) != _content(pack(meta, files))

    def versions(self, project: str) -> list[dict[str, Any]]:
        """All versions, the newest first."""
        rows = [
            self._version(stored)
            for stored in self._store.list_objects(project)
            if stored.key.endswith(".bin")
        ]
        return sorted(rows, key=lambda row: (row["createdAt"], row["versionId"]), reverse=True)

    def read(self, project: str, version: object) -> Snapshot:
        """One version, decrypted and checked. Raises `MissingError`, `InvalidError`."""
        if not isinstance(version, str) or not VERSION_ID.fullmatch(version):
            raise MissingError("there is no such version")
        try:
            data = self._store.get(f"{project}/{version}.bin")
        except NoObjectError:
            raise MissingError("there is no such version") from None
        return unpack(self._decrypted(data) if data.startswith(FERNET) else data)

    def _decrypted(self, data: bytes) -> bytes:
        from cryptography.fernet import InvalidToken

        if not self._key:
            raise InvalidError("this backup is encrypted and DMX_CLOUD_BACKUP_ENCRYPTION_KEY is not set")
        try:
            return self._fernet(self._key).decrypt(data)
        except InvalidToken:
            raise InvalidError("this backup was encrypted with another key") from None

    @staticmethod
    def _fernet(key: str) -> Any:
        from cryptography.fernet import Fernet  # loaded for those who encrypt only

        return Fernet(key)

    def _version(self, stored: Stored) -> dict[str, Any]:
        version, metadata = stored.key.rsplit("/", 1)[1].removesuffix(".bin"), stored.metadata
        created = metadata.get("createdat", "")
        encrypted = metadata.get("encrypted")
        if encrypted is None:  # the index was lost: the object itself says it
            encrypted = str(self._store.get(stored.key).startswith(FERNET)).lower()
        return {
            "versionId": version,
            "createdAt": int(created) if created.isdigit() else _time_of(version),
            "size": stored.size,
            "label": metadata.get("label", ""),
            "provider": self.provider,
            "encrypted": encrypted == "true",
        }


def _content(data: bytes) -> bytes:
    """A digest of what matters: not the time, and not the state's counters."""
    body = orjson.loads(data)
    state = body["state"]
    return hashlib.sha256(
        orjson.dumps([state["r"], state["g"], state["b"], body["scenes"], body["show"]])
    ).digest()


def _time_of(version: str) -> int:
    """The ms that a ULID begins with."""
    number = 0
    for letter in version[:10]:
        number = number * 32 + max(0, ALPHABET.find(letter))
    return number


def store_of(config: LightsConfiguration, folder: Any) -> Backups:
    """The backups that the settings ask for; `folder` is where local ones go."""
    if config.dmx_cloud_backup_provider == "s3":
        store: ObjectStore = S3Store(
            config.dmx_cloud_backup_s3_bucket or "", config.dmx_cloud_backup_s3_prefix,
            region=config.dmx_cloud_backup_s3_region, access_key=config.dmx_cloud_backup_s3_access_key,
            secret_key=config.dmx_cloud_backup_s3_secret_key, session_token=config.dmx_cloud_backup_s3_session_token,
        )  # fmt: skip
    else:
        store = LocalStore(folder)
    return Backups(store, config.dmx_cloud_backup_provider, config.dmx_cloud_backup_encryption_key)
