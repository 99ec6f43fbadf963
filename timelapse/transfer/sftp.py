"""SFTP by asyncssh, for nodes without rsync; what was begun is kept and gone on with."""

import asyncio
import errno
import os
import posixpath
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from skycam_project.common.files import under
from timelapse.transfer.errors import GoneError, HostKeyError, LoginError, TransferError
from timelapse.transfer.node import Node

PIECE = 256 << 10
AHEAD = 8
"""Pieces that are asked for at the same time."""
PART = ".part"
PATIENCE_S = 60.0
OURS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})
"""Errors of the system that come of files, never of a connection."""
T = TypeVar("T")


class Sftp:
    """The same as `Rsync`; one connection for each call."""

    def __init__(self, node: Node, cancelled: Callable[[], bool] = lambda: False) -> None:
        self._node, self._cancelled = node, cancelled

    def fetch(self, paths: Sequence[str], folder: Path) -> None:
        """Bring files below the node's sessions' folder into `folder`, under the same relative paths."""
        self._run(self._fetch(paths, folder))

    def put(self, path: Path, name: str) -> None:
        """Bring a file to the node; there it appears whole, by rename."""
        self._run(self._put(path.read_bytes(), name))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        import asyncssh

        node = self._node
        try:
            return asyncio.run(work)
        except asyncssh.HostKeyNotVerifiable:
            raise HostKeyError(
                f"{node.id}: {node.host} shows another host key than nodes.host_key pins. Nothing was sent or fetched."
            ) from None
        except asyncssh.PermissionDenied:
            raise LoginError(
                f"{node.id}: {node.host} does not let {node.user} in with {node.identity}."
            ) from None
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied, asyncssh.SFTPFailure) as error:
            raise TransferError(f"{node.id}: {node.host} says of its files: {error.reason}") from None
        except OSError as error:
            if error.errno in OURS:
                raise  # a file on this side, not the connection
            raise TransferError(
                f"{node.id}: no connection to {node.host} ({error or type(error).__name__}); what came before is kept."
            ) from None
        except asyncssh.Error as error:
            raise TransferError(
                f"{node.id}: no connection to {node.host} ({error or type(error).__name__}); what came before is kept."
            ) from None

    def _connection(self) -> Any:
        import asyncssh

        node = self._node
        return asyncssh.connect(
            node.host, node.port, username=node.user, client_keys=[str(node.identity)], config=None, agent_path=None,
            known_hosts=asyncssh.import_known_hosts(f"{node.id} {node.host_key}\n"), host_key_alias=node.id,
            connect_timeout=15, keepalive_interval=15, keepalive_count_max=3, preferred_auth="publickey",
        )  # fmt: skip

    async def _fetch(self, paths: Sequence[str], folder: Path) -> None:
        async with self._connection() as connection, connection.start_sftp_client() as sftp:
            for name in paths:
                target = under(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                await self._fetch_one(sftp, self._node.remote(name), target)

    async def _fetch_one(self, sftp: Any, remote: str, target: Path) -> None:
        import asyncssh

        try:
            status = await sftp.lstat(remote)
        except asyncssh.SFTPNoSuchFile:
            raise GoneError(f"{self._node.id}: {self._node.host} has no {remote}") from None
        if status.type != 1:  # a regular file; a link could lead anywhere
            raise TransferError(f"{self._node.id}: {remote} is not a regular file")
        if _is_there(target, status):
            return
        part = target.with_name(target.name + PART)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            at = min(os.fstat(handle).st_size, status.size)
            os.ftruncate(handle, at)
            async with sftp.open(remote, "rb") as file:
                while at < status.size:
                    if self._cancelled():
                        raise TransferError(f"{self._node.id}: the transfer was stopped")
                    at += await self._pieces(file, handle, at, status.size)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.utime(part, (status.mtime, status.mtime))
        part.replace(target)

    @staticmethod
    async def _pieces(file: Any, handle: int, at: int, size: int) -> int:
        """Ask for a few pieces at once, write what comes in order. Returns the bytes written."""
        places = [place for place in range(at, min(size, at + AHEAD * PIECE), PIECE)]
        async with asyncio.timeout(PATIENCE_S):
            found = await asyncio.gather(*(file.read(min(PIECE, size - place), place) for place in places))
        written = 0
        for place, data in zip(places, found, strict=True):
            await asyncio.to_thread(os.pwrite, handle, data, place)
            written += len(data)
            if len(data) < min(PIECE, size - place):
                if not written:
                    raise TransferError("the file became shorter while it was fetched")
                break
        return written

    async def _put(self, data: bytes, name: str) -> None:
        remote = self._node.remote(name)
        async with self._connection() as connection, connection.start_sftp_client() as sftp:
            await sftp.makedirs(posixpath.dirname(remote), exist_ok=True)
            async with sftp.open(remote + PART, "wb") as file:
                await file.write(data)
            await sftp.posix_rename(remote + PART, remote)


def _is_there(target: Path, status: Any) -> bool:
    """Whether a visit that was cut off has brought this file, by size and time as rsync; digests are compared later."""
    try:
        ours = target.lstat()
    except FileNotFoundError:
        return False
    return (ours.st_size, int(ours.st_mtime)) == (status.size, status.mtime)
