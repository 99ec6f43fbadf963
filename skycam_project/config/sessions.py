"""Settings of finished sessions: how long what is kept, and how much room it may take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.objectstore import LocalStore, S3Store
from skycam_project.config import kinds
from skycam_project.config.row import setting

_days = kinds.optional(kinds.number(1, 36500, "days"))


@dataclass(frozen=True, kw_only=True)
class SessionsConfiguration:
    """What retention goes by."""

    # fmt: off
    role: str = setting(kinds.choice("main", "capture"), "main", "What this machine is: main keeps everything; capture takes pictures for another machine and keeps its frames only until they are there.", env="SKYCAM_ROLE", yaml="role")
    retention: bool = setting(kinds.switch, True, "Whether sessions are deleted by age and by room at all. People can always delete.", env="SKYCAM_RETENTION", yaml="retention.enabled")
    retention_idle_days: float | None = setting(_days, 30, "Days that idle sessions are kept; empty: for ever.", env="SKYCAM_RETENTION_IDLE_DAYS", yaml="retention.idle_days")
    retention_idle_warning_days: float | None = setting(_days, 180, "The same for idle sessions with a warning or an error.", env="SKYCAM_RETENTION_IDLE_WARNING_DAYS", yaml="retention.idle_warning_days")
    retention_maintenance_days: float | None = setting(_days, 180, "Days that maintenance sessions are kept; empty: for ever.", env="SKYCAM_RETENTION_MAINTENANCE_DAYS", yaml="retention.maintenance_days")
    retention_other_days: float | None = setting(_days, None, "Days that observations, alignments and experiments are kept, with frames only once they are archived; empty: for ever.", env="SKYCAM_RETENTION_OTHER_DAYS", yaml="retention.other_days")
    retention_merge_idle: bool = setting(kinds.switch, True, "Whether idle hours older than a week become one file per day.", env="SKYCAM_RETENTION_MERGE_IDLE", yaml="retention.merge_idle")
    retention_buffer_hours: float = setting(kinds.number(1, 8760, "hours"), 48, "On a capture node: hours after which frames go that lie safely elsewhere.", env="SKYCAM_RETENTION_BUFFER_HOURS", yaml="retention.buffer_hours")
    retention_buffer_size: int = setting(kinds.size, "100GB", "On a capture node: room for sessions; beyond it, frames that lie safely elsewhere go earlier.", env="SKYCAM_RETENTION_BUFFER_SIZE", yaml="retention.buffer_size")
    retention_working_size: int = setting(kinds.size, "500GB", "Room for caches and previews; beyond it the oldest go.", env="SKYCAM_RETENTION_WORKING_SIZE", yaml="retention.working_size")
    retention_archive_size: int = setting(kinds.size, "2TB", "Room for sessions; beyond it, frames of which there is a checked copy elsewhere go, oldest first.", env="SKYCAM_RETENTION_ARCHIVE_SIZE", yaml="retention.archive_size")
    retention_min_free: float = setting(kinds.number(0, 50, "%"), 5, "Free share of the disk below which things are given up in the emergency order; 0: never.", env="SKYCAM_RETENTION_MIN_FREE", yaml="retention.min_free_percent")
    archive: str = setting(kinds.choice("off", "local", "s3"), "off", "Where finished sessions are copied to, each compared by checksum before it counts: a folder (local), a bucket (s3).", env="SKYCAM_ARCHIVE", yaml="archive.store")
    archive_path: Path | None = setting(kinds.optional(kinds.path), None, "The folder of a local archive, on another disk.", env="SKYCAM_ARCHIVE_PATH", yaml="archive.path")
    archive_bucket: str | None = setting(kinds.optional(kinds.text), None, "The bucket; AWS_ENDPOINT_URL_S3 names another service than Amazon's, keys are found as the AWS tools find them unless they stand here.", env="SKYCAM_ARCHIVE_BUCKET", yaml="archive.bucket")
    archive_prefix: str = setting(kinds.text, "skycam/sessions", "Begins every key of sessions in the bucket.", env="SKYCAM_ARCHIVE_PREFIX", yaml="archive.prefix")
    archive_products: bool = setting(kinds.switch, True, "Whether finished films and night products are copied there by themselves, too; people can always do it.", env="SKYCAM_ARCHIVE_PRODUCTS", yaml="archive.products")
    archive_products_prefix: str = setting(kinds.text, "skycam/products", "Begins every key of films and night products in the bucket; a local archive has them in its folder `products`.", env="SKYCAM_ARCHIVE_PRODUCTS_PREFIX", yaml="archive.products_prefix")
    archive_region: str | None = setting(kinds.optional(kinds.text), None, "Its region.", env="SKYCAM_ARCHIVE_REGION", yaml="archive.region")
    archive_access_key: str | None = setting(kinds.optional(kinds.password), None, "Access key.", env="SKYCAM_ARCHIVE_ACCESS_KEY", yaml="archive.access_key")
    archive_secret_key: str | None = setting(kinds.optional(kinds.password), None, "Its secret.", env="SKYCAM_ARCHIVE_SECRET_KEY", yaml="archive.secret_key")
    # fmt: on

    def retention_policy(self) -> dict[str, Any]:
        """How long what is kept: the fields of `sessions.catalogue.rules.Policy`."""
        return {
            "idle_days": self.retention_idle_days,
            "idle_warning_days": self.retention_idle_warning_days,
            "maintenance_days": self.retention_maintenance_days,
            "other_days": self.retention_other_days,
            "merge_idle": self.retention_merge_idle,
            "buffer_hours": self.retention_buffer_hours if self.role == "capture" else None,
            "buffer_bytes": self.retention_buffer_size,
            "archive_bytes": self.retention_archive_size,
        }

    def archive_store(self) -> LocalStore | S3Store | None:
        """Where finished sessions are archived; None: nowhere. Raises `InvalidValueError` for half a setting."""
        return self._store("", self.archive_prefix)

    def products_store(self) -> LocalStore | S3Store | None:
        """The same for films and night products."""
        return self._store("products", self.archive_products_prefix)

    def _store(self, folder: str, prefix: str) -> LocalStore | S3Store | None:
        if self.archive == "local":
            if self.archive_path is None:
                raise InvalidValueError("SKYCAM_ARCHIVE_PATH", "", "a folder, while SKYCAM_ARCHIVE is local")
            return LocalStore(self.archive_path / folder)
        if self.archive == "s3":
            if not self.archive_bucket:
                raise InvalidValueError(
                    "SKYCAM_ARCHIVE_BUCKET", "", "the name of a bucket, while SKYCAM_ARCHIVE is s3"
                )
            keys = {"access_key": self.archive_access_key, "secret_key": self.archive_secret_key}
            return S3Store(self.archive_bucket, prefix, region=self.archive_region, **keys)
        return None
