"""What is kept beside the colour: scenes, show, projects and backups, and how the engine changes between them."""

import asyncio
import logging
from functools import partial
from typing import Any

import orjson

from lighting.engine import backups
from lighting.engine.backups import Backups
from lighting.engine.engine import Engine
from lighting.engine.player import Player
from lighting.engine.projects import Projects
from lighting.engine.scenes import Files, Library
from lighting.errors import DisabledError, NotActiveError
from skycam_project.common.errors import SkycamError
from skycam_project.config import Configuration

log = logging.getLogger(__name__)


class Keeping:
    """The files of the active project. Changes are made one at a time; file work runs in a thread.

    Args:
        config: all settings.
        single: the files that are used while projects are turned off.
    """

    def __init__(self, config: Configuration, single: Files) -> None:
        self.config = config
        self._lock = asyncio.Lock()
        self._projects = (
            Projects(config.resolve(config.dmx_projects_root)) if config.dmx_projects_enabled else None
        )
        self._backups: Backups | None = None
        if config.dmx_cloud_backup_enabled:
            self._backups = backups.store_of(config, config.resolve(config.dmx_cloud_backup_local_path))
        self._single = single
        self.backup_problem = ""
        self.library = Library(self.files)

    def bind(self, engine: Engine, player: Player) -> None:
        """Name the engine whose files these are."""
        self.engine, self.player = engine, player

    # ---- which project

    @property
    def active(self) -> dict[str, Any] | None:
        """The active project, or `None` while projects are turned off."""
        return self._projects.meta(self._projects.active) if self._projects else None

    @property
    def files(self) -> Files:
        """The files in use."""
        return self._projects.files(self._projects.active) if self._projects else self._single

    def features(self) -> dict[str, Any]:
        """Which parts are turned on, for the page."""
        return {"projects": self._projects is not None, "backups": self._backups is not None,
                "encrypted": bool(self.config.dmx_cloud_backup_encryption_key), "backupProblem": self.backup_problem}  # fmt: skip

    def projects(self) -> Projects:
        """The projects. Raises `DisabledError`."""
        if self._projects is None:
            raise DisabledError("projects feature disabled")
        return self._projects

    # ---- scenes and show

    async def put_scenes(self, scenes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Replace all scenes."""
        async with self._lock:
            await asyncio.to_thread(self.library.replace_scenes, scenes)
        self.engine.on_change()
        return self.library.scenes

    async def put_show(self, show: dict[str, Any]) -> dict[str, Any]:
        """Replace the show."""
        async with self._lock:
            await asyncio.to_thread(self.library.replace_show, show)
        self.engine.on_change()
        return self.library.show

    # ---- projects

    async def create(self, body: object) -> dict[str, Any]:
        """A new project, empty, a copy of another (`templateId`) or of what was exported (`snapshot`); the index."""
        projects = self.projects()
        given = dict(body) if isinstance(body, dict) else body
        if isinstance(given, dict) and "snapshot" in given:
            create = partial(
                projects.create, fill=partial(backups.write_all, backups.checked(given.pop("snapshot")))
            )
        else:
            create = projects.create
        async with self._lock:
            await asyncio.to_thread(create, given)
        return projects.body()

    async def update(self, project: str, body: object) -> dict[str, Any]:
        """Change a project's members."""
        projects = self.projects()
        async with self._lock:
            meta = await asyncio.to_thread(projects.update, project, body)
        self.engine.on_change()
        return meta

    async def select(self, project: str) -> dict[str, Any]:
        """Mount another project. Dark, and saying so, where its colour is not allowed now."""
        projects = self.projects()
        async with self._lock:
            files = projects.files(project)
            if project == projects.active:
                return projects.body()
            self.player.stop()
            wanted = await self.engine.control(self._mount, files, f"project:{project}")
            await asyncio.to_thread(projects.select, project)
        self.engine.on_change()
        dark = {"interlocked": True} if any(wanted) and self.engine.state.is_dark else {}
        return projects.body() | dark

    def _mount(self, files: Files, by: str) -> tuple[int, int, int]:
        """For the writer: state, ids, scenes and show of other files, at once."""
        wanted = self.engine.mount(files.state, files.seen, by)
        self.library.open(files)
        return wanted

    async def export(self, project: str) -> dict[str, Any]:
        """All of a project as one object, as a backup holds it; `create` takes it as `snapshot`."""
        projects = self.projects()
        files = projects.files(project)
        async with self._lock:
            await self.engine.kept.disk.written()
            return orjson.loads(await asyncio.to_thread(backups.pack, projects.meta(project), files))

    # ---- backups

    def _store(self, project: str, *, active: bool = False) -> tuple[Projects, Backups, Files]:
        projects = self.projects()
        files = projects.files(project)
        if self._backups is None:
            raise DisabledError("cloud backup disabled")
        if active and project != projects.active:
            raise NotActiveError(
                "select this project first: only the active one can be backed up or restored"
            )
        return projects, self._backups, files

    async def versions(self, project: str) -> dict[str, Any]:
        """All backups of a project, the newest first."""
        _, store, _ = self._store(project)
        return {"projectId": project, "versions": await asyncio.to_thread(store.versions, project)}

    async def back_up(self, project: str, label: str) -> dict[str, Any]:
        """Make a backup of the active project."""
        projects, store, files = self._store(project, active=True)
        async with self._lock:
            await self.engine.kept.disk.written()
            version = await asyncio.to_thread(store.make, projects.meta(project), files, label)
            await asyncio.to_thread(projects.backed_up, project, version["createdAt"])
        self.backup_problem = ""
        self.engine.on_change()
        return version

    async def restore(self, project: str, version: object) -> None:
        """Bring a backup of the active project back, all of it or nothing; what is there now is backed up first."""
        projects, store, files = self._store(project, active=True)
        async with self._lock:
            snapshot = await asyncio.to_thread(store.read, project, version)
            await self.engine.kept.disk.written()
            await asyncio.to_thread(store.make, projects.meta(project), files, "pre-restore")
            self.player.stop()
            await asyncio.to_thread(backups.write_library, snapshot, files)
            await self.engine.control(self._restored, snapshot, files, f"restore:{version}")
        self.engine.on_change()

    def _restored(self, snapshot: backups.Snapshot, files: Files, by: str) -> None:
        self.engine.restore(snapshot.state, by)
        self.library.open(files)

    async def run(self) -> None:
        """Automatic backups of what has changed, until cancelled."""
        pause = self.config.dmx_cloud_backup_auto_interval * 60
        if not pause or self._backups is None or self._projects is None:
            return
        while True:
            await asyncio.sleep(pause)
            try:
                projects, store, files = self._store(self._projects.active, active=True)
                await self.engine.kept.disk.written()
                if await asyncio.to_thread(store.changed, projects.meta(projects.active), files):
                    await self.back_up(projects.active, "auto")
            except (SkycamError, OSError) as error:
                self.backup_problem = str(error)
                log.warning("backup_failed", extra={"reason": str(error)})
                self.engine.on_change()
