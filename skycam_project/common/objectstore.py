"""Objects under keys, in a folder or in a bucket: for what must also lie somewhere else."""

import base64
import hashlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

import orjson

from skycam_project.common.errors import SkycamError
from skycam_project.common.files import under, write_atomic

log = logging.getLogger(__name__)

INDEX = "index.json"


class StoreError(SkycamError):
    """The store cannot be reached, or did not keep what it was given."""

    code = "store"


class NoObjectError(StoreError):
    """There is no object of that key."""

    code = "no_object"


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store knows of an object.

    Attributes:
        key: parts joined by `/`.
        size: bytes.
        metadata: texts by lower-case names; empty when they were lost.
    """

    key: str
    size: int
    metadata: Mapping[str, str] = field(default_factory=dict)


class ObjectStore(Protocol):
    """Blocking: call it in a thread. Every method raises `StoreError`."""

    def put(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None:
        """Keep an object; returns when the store has been asked and has it, whole."""
        ...

    def get(self, key: str) -> bytes:
        """Its bytes. Raises `NoObjectError`."""
        ...

    def list_objects(self, prefix: str) -> list[Stored]:
        """All objects whose key begins with `prefix` + `/`, in the order of their keys."""
        ...


class LocalStore:
    """Files below a folder; the metadata of a folder's files stand in its `index.json`.

    A missing or broken index costs the metadata, not the objects.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = under(self.root, key)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Its metadata first: an object that is seen has them.
            index = self._index(path.parent) | {path.name: dict(metadata)}
            write_atomic(path.parent / INDEX, orjson.dumps(index), mode=0o600)
            write_atomic(path, data, mode=0o600)
            if path.stat().st_size != len(data):
                raise StoreError(f"{path} was not written whole")
        except OSError as error:
            raise StoreError(f"{self.root} cannot be written: {error.strerror or error}") from None

    def get(self, key: str) -> bytes:
        try:
            return under(self.root, key).read_bytes()
        except FileNotFoundError:
            raise NoObjectError(f"there is no {key} in {self.root}") from None
        except OSError as error:
            raise StoreError(f"{self.root} cannot be read: {error.strerror or error}") from None

    def list_objects(self, prefix: str) -> list[Stored]:
        try:
            folder = under(self.root, prefix)
            if not folder.is_dir():
                return []
            files = sorted(path for path in folder.iterdir() if path.name != INDEX and path.suffix != ".tmp")
            index = self._index(folder)  # after the names, so that no object of them is missing in it
            return [Stored(f"{prefix}/{p.name}", p.stat().st_size, index.get(p.name, {})) for p in files]
        except OSError as error:
            raise StoreError(f"{self.root} cannot be read: {error.strerror or error}") from None

    def address(self, key: str) -> str:
        """Where an object lies, for people."""
        return f"file://{self.root.absolute() / key}"

    def pieces(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """An object's bytes from `start` on, in pieces of at most `length`."""
        try:
            with under(self.root, key).open("rb") as file:
                file.seek(start)
                while piece := file.read(length):
                    yield piece
        except FileNotFoundError:
            raise NoObjectError(f"there is no {key} in {self.root}") from None
        except OSError as error:
            raise StoreError(f"{self.root} cannot be read: {error.strerror or error}") from None

    @staticmethod
    def _index(folder: Path) -> dict[str, dict[str, str]]:
        try:
            index = orjson.loads((folder / INDEX).read_bytes())
            return {str(name): dict(metadata) for name, metadata in index.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.warning("%s cannot be used (%s); it is made anew from the files", folder / INDEX, error)
            return {}


class S3Store:
    """A bucket, by boto3. Metadata are percent-encoded, because S3 takes ASCII only.

    Args:
        bucket: its name.
        prefix: begins every key in it.
        region, access_key, secret_key, session_token: what is missing is found as the AWS tools find it.
            `AWS_ENDPOINT_URL_S3` names another service than Amazon's.
    """

    def __init__(
        self, bucket: str, prefix: str = "", *, region: str | None = None, access_key: str | None = None,
        secret_key: str | None = None, session_token: str | None = None,
    ) -> None:  # fmt: skip
        self.bucket, self._prefix = bucket, prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._options = {
            "region_name": region, "aws_access_key_id": access_key, "aws_secret_access_key": secret_key,
            "aws_session_token": session_token,
        }  # fmt: skip
        self._made: Any = None

    def put(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None:
        encoded = {name: quote(text) for name, text in metadata.items()}
        digest = hashlib.sha256(data)
        self._call(
            "put_object", Key=self._prefix + key, Body=data, Metadata=encoded, ChecksumAlgorithm="SHA256"
        )
        kept = self.get(key)
        if hashlib.sha256(kept).digest() != digest.digest():
            raise StoreError(f"the bucket {self.bucket} gives {key} back changed")

    def get(self, key: str) -> bytes:
        return self._call("get_object", Key=self._prefix + key)["Body"].read()

    def list_objects(self, prefix: str) -> list[Stored]:
        found: list[Stored] = []
        token: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=f"{self._prefix}{prefix}/", **token)
            for row in page.get("Contents", []):
                head = self._call("head_object", Key=row["Key"])
                metadata = {name.lower(): unquote(text) for name, text in head["Metadata"].items()}
                found.append(Stored(row["Key"].removeprefix(self._prefix), row["Size"], metadata))
            if not page.get("IsTruncated"):
                return found
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def address(self, key: str) -> str:
        """Where an object lies, for people."""
        return f"s3://{self.bucket}/{self._prefix}{key}"

    # ---- files in parts, for `objectfiles`

    def pieces(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """An object's bytes from `start` on, in pieces of at most `length`."""
        from botocore.exceptions import BotoCoreError

        body = self._call("get_object", Key=self._prefix + key, Range=f"bytes={start}-")["Body"]
        try:
            while piece := body.read(length):
                yield piece
        except (BotoCoreError, OSError) as error:  # the line was cut
            raise StoreError(f"{key} did not come whole from the bucket {self.bucket}: {error}") from None
        finally:
            body.close()

    def holds(self, key: str, size: int, checksum: str, part: int) -> bool:
        """Whether there is an object of that size and composite SHA-256 checksum of parts of `part` bytes.

        A service that keeps no checksums is asked for the bytes.
        """
        try:
            head = self._call("head_object", Key=self._prefix + key, ChecksumMode="ENABLED")
        except NoObjectError:
            return False
        if head["ContentLength"] != size:
            return False
        if "ChecksumSHA256" in head:
            return head["ChecksumSHA256"].partition("-")[0] == checksum  # Amazon adds the number of parts
        body, digests = self._call("get_object", Key=self._prefix + key)["Body"], b""
        while piece := body.read(part):
            digests += hashlib.sha256(piece).digest()
        return base64.b64encode(hashlib.sha256(digests).digest()).decode() == checksum

    def open_upload(self, key: str, metadata: Mapping[str, str]) -> tuple[str, dict[int, dict[str, Any]]]:
        """An upload of `key` that broke off, or a new one: its id, and what was sent by number."""
        prefix = self._prefix + key
        open_ones = self._call("list_multipart_uploads", Prefix=prefix).get("Uploads", [])
        known = [one["UploadId"] for one in open_ones if one["Key"] == prefix]
        if not known:
            encoded = {name: quote(text) for name, text in metadata.items()}
            made = self._call(
                "create_multipart_upload", Key=prefix, Metadata=encoded, ChecksumAlgorithm="SHA256"
            )
            return made["UploadId"], {}
        sent: dict[int, dict[str, Any]] = {}
        marker = 0
        while True:
            page = self._call("list_parts", Key=prefix, UploadId=known[0], PartNumberMarker=marker)
            sent |= {part["PartNumber"]: part for part in page.get("Parts", [])}
            if not page.get("IsTruncated"):
                return known[0], sent
            marker = page["NextPartNumberMarker"]

    def send_part(self, key: str, upload: str, number: int, data: bytes, checksum: str) -> str:
        """Send one part; the service refuses it when it arrives changed. Returns its ETag."""
        arguments = {"UploadId": upload, "PartNumber": number, "Body": data, "ChecksumSHA256": checksum}
        return self._call("upload_part", Key=self._prefix + key, **arguments)["ETag"]

    def complete(self, key: str, upload: str, parts: list[dict[str, Any]]) -> None:
        """Put the parts together."""
        self._call(
            "complete_multipart_upload",
            Key=self._prefix + key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
        )

    def _call(self, name: str, **arguments: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client(), name)(Bucket=self.bucket, **arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in ("NoSuchKey", "404"):
                raise NoObjectError(
                    f"there is no {arguments.get('Key')} in the bucket {self.bucket}"
                ) from None
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            raise StoreError(f'{status} from the bucket {self.bucket}: "{code}"') from None
        except BotoCoreError as error:
            raise StoreError(f"the bucket {self.bucket} cannot be reached: {error}") from None

    def _client(self) -> Any:
        if self._made is None:
            import boto3  # 30 MB and half a second: only where a bucket is used
            from botocore.config import Config

            config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
            self._made = boto3.client("s3", config=config, **self._options)
        return self._made
