"""FTP client of a DWARF telescope: finds new captures on its card and fetches them.

Written on asyncio streams: a deadline or a cancellation ends a transfer at once, which a blocking library in
a thread cannot promise. Only what the telescope's server (like vsFTPd) offers is used: USER PASS TYPE CWD
NLST SIZE MDTM REST RETR PASV EPSV, no MLSD. The address in a PASV answer is ignored; data always comes from
the host that was called.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from skycam_project.common.units import Seconds
from telescope.dwarf.http11 import Address
from telescope.dwarf.spool import PartFile, Progress
from telescope.errors import DeviceDataError, DwarfCommandError, NotConnectedError

logger = logging.getLogger(__name__)

LONGEST_LINE = 4096
MOST_LINES = 200
"""Lines of one answer."""
LARGEST_LISTING = 4 << 20
"""Bytes. A folder of 10,000 frames lists as 600 KB."""
PIECE = 1 << 20
SLOWEST = 50_000
"""Bytes per second below which a transfer is given up, after 20 s of grace."""
_REPLY = re.compile(r"([1-5][0-9][0-9])([ -])(.*)")
_PASV = re.compile(r"\(?(?:[0-9]{1,3},){4}([0-9]{1,3}),([0-9]{1,3})\)?")
_EPSV = re.compile(r"\(\|\|\|([0-9]{1,5})\|\)")


class DwarfFtpClient:
    """Reads over one control connection, which is opened when needed and again when it broke.

    Args:
        address: host and port (21).
        user: the telescope accepts anybody as `Anonymous` with an empty password.
        patience: longest silence before the connection is given up, seconds.
    """

    def __init__(self, address: Address, *, user: str = "Anonymous", patience: Seconds = 10.0) -> None:
        self.address, self._user, self._patience = address, user, patience
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        """Close the control connection; the next call opens another."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def names(self, folder: str) -> list[str]:
        """Names in a folder, without their path, in the server's order.

        Args:
            folder: absolute path on the card.

        Raises:
            DwarfCommandError: there is no such folder.
            NotConnectedError: the server cannot be reached.
            DeviceDataError: the listing is larger than 4 MiB or not an FTP answer.
        """
        async with self._session():
            await self._command(f"CWD {_checked(folder)}", 250)
            try:
                listing = b"".join([piece async for piece in self._transfer("NLST", LARGEST_LISTING)])
            except DwarfCommandError as error:
                if error.device_code == -550:  # some servers answer so for an empty folder
                    return []
                raise
        names = (line.rsplit("/", 1)[-1] for line in listing.decode("utf-8", "replace").splitlines())
        return [name for name in names if name not in ("", ".", "..")]

    async def size(self, path: str) -> int:
        """Size of a file, bytes; errors as `names`."""
        async with self._session():
            return await self._size(path)

    async def modified(self, path: str) -> datetime:
        """Time of the last change of a file, UTC by the telescope's clock; errors as `names`."""
        async with self._session():
            text = await self._command(f"MDTM {_checked(path)}", 213)
        try:
            return datetime.strptime(text.strip()[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError as error:
            raise DeviceDataError(f"the telescope's FTP server answered {text[:40]!r} for a time") from error

    async def download(
        self, path: str, destination: Path, *, limit: int, progress: Progress | None = None
    ) -> int:
        """Fetch a file; a part that is already there is continued.

        Args:
            path: absolute path on the card.
            destination: file to write; until complete it is called `<name>.part`.
            limit: largest size accepted, bytes.
            progress: told how much has arrived.

        Returns:
            Size of the file in bytes.

        Raises:
            DwarfCommandError: there is no such file.
            NotConnectedError: the connection failed before the file was complete; the part stays for the next
                call.
            DeviceDataError: larger than `limit`, or another size arrived than announced.
        """
        file = PartFile(destination, progress)
        try:
            async with self._session():
                total = await self._size(path)
                if total > limit:
                    raise DeviceDataError(f"{path}: {total} bytes, at most {limit} are accepted")
                resume = 0 < file.have <= total and await self._restart_at(file.have)
                await file.open(file.have if resume else 0)
                async with asyncio.timeout(20.0 + total / SLOWEST):
                    async for piece in self._transfer(f"RETR {_checked(path)}", total - file.have):
                        await file.write(piece, total)
                if file.have != total:
                    raise ConnectionResetError(f"{path}: {file.have} of {total} bytes arrived")
            return await file.finish()
        finally:
            await file.close()

    async def _size(self, path: str) -> int:
        text = (await self._command(f"SIZE {_checked(path)}", 213)).strip()
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise DeviceDataError(f"the telescope's FTP server answered {text[:40]!r} for a size")
        return int(text)

    async def _restart_at(self, offset: int) -> bool:
        try:
            await self._command(f"REST {offset}", 350)
        except DwarfCommandError:
            return False
        return True

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[None]:
        """One caller at a time; anything but a refusal closes the connection."""
        async with self._turn:
            try:
                if self._writer is None:
                    await self._log_in()
                yield
            except DwarfCommandError:
                raise
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                await self.close()
                reason = str(error) or f"silent for {self._patience:g} s"
                raise NotConnectedError(f"FTP server at {self.address}: {reason}") from error
            except BaseException:
                await self.close()
                raise

    async def _log_in(self) -> None:
        async with asyncio.timeout(self._patience):
            self._reader, self._writer = await asyncio.open_connection(
                self.address.host, self.address.port, limit=LONGEST_LINE
            )
        await self._answer("connecting", 220)
        if (await self._send(f"USER {self._user}"))[0] == 331:
            await self._command("PASS ", 230)
        await self._command("TYPE I", 200)

    async def _transfer(self, command: str, limit: int) -> AsyncIterator[bytes]:
        """Carry out a command that answers over a data connection; yield what arrives."""
        reader, writer = await self._open_data()
        try:
            code, text = await self._send(command)
            if code not in (125, 150):
                raise _refusal(command, code, text)
            taken = 0
            while True:
                async with asyncio.timeout(self._patience):
                    piece = await reader.read(PIECE)
                if not piece:
                    break
                taken += len(piece)
                if taken > limit:
                    raise DeviceDataError(f"{command}: more than {limit} bytes arrived")
                yield piece
        finally:
            writer.transport.abort()
        await self._answer(command, 226, 250)

    async def _open_data(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if ":" in self.address.host:
            found = _EPSV.search(await self._command("EPSV", 229))
            port = int(found[1]) if found else 0
        else:
            found = _PASV.search(await self._command("PASV", 227))
            port = int(found[1]) * 256 + int(found[2]) if found else 0
        if not 0 < port < 65536:
            raise DeviceDataError("the telescope's FTP server gave no port for the transfer")
        async with asyncio.timeout(self._patience):
            return await asyncio.open_connection(self.address.host, port, limit=PIECE)

    async def _command(self, command: str, *expected: int) -> str:
        code, text = await self._send(command)
        if code not in expected:
            if code == 421:  # the server closes an idle or surplus connection
                raise ConnectionResetError(text)
            raise _refusal(command, code, text)
        return text

    async def _send(self, command: str) -> tuple[int, str]:
        assert self._writer is not None  # noqa: S101 - _session opened it
        self._writer.write(f"{command}\r\n".encode())
        async with asyncio.timeout(self._patience):
            await self._writer.drain()
        return await self._reply()

    async def _answer(self, what: str, *expected: int) -> None:
        code, text = await self._reply()
        if code not in expected:
            raise ConnectionResetError(f"{what}: {code} {text}")

    async def _reply(self) -> tuple[int, str]:
        first = _REPLY.fullmatch(line := await self._line())
        if not first:
            raise DeviceDataError(f"the telescope's FTP server sent {line[:60]!r}")
        if first[2] == "-":
            for _ in range(MOST_LINES):
                if (line := await self._line()).startswith(f"{first[1]} "):
                    return int(first[1]), line[4:]
            raise DeviceDataError("the telescope's FTP server does not end its answer")
        return int(first[1]), first[3]

    async def _line(self) -> str:
        assert self._reader is not None  # noqa: S101 - _session opened it
        try:
            async with asyncio.timeout(self._patience):
                line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            raise DeviceDataError(
                f"the telescope's FTP server sent a line longer than {LONGEST_LINE} bytes"
            ) from error
        return line.decode("utf-8", "replace").rstrip("\r\n")


def _refusal(command: str, code: int, text: str) -> DwarfCommandError:
    return DwarfCommandError(command.split(" ", 1)[0], -code, "FTP", text[:200])


def _checked(path: str) -> str:
    if not path.startswith("/") or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise DeviceDataError(f"{path!r} is not a path on the telescope's card")
    return path
