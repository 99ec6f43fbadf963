"""The FTP server: anonymous and read-only, in the manner of vsFTPd; no MLSD, which the device lacks too."""

import asyncio
import contextlib
import ipaddress
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from skycam_project.common.files import OutsideRootError
from telescope.simulator.device import Dwarf
from telescope.simulator.streams import StreamServer

IDLE = 300.0
"""Real seconds without a command after which a session ends, as in vsFTPd."""
CONNECT = 30.0
MAX_LINE = 4096
CHUNK = 1 << 18
FEATURES = ("EPRT", "EPSV", "MDTM", "PASV", "REST STREAM", "SIZE", "TVFS", "UTF8")


def ftp_server(device: Dwarf) -> StreamServer:
    """The FTP server of a device; its owner opens and closes it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(device, reader, writer)
        try:
            await session.run()
        finally:
            session.close_data()

    return StreamServer(serve)


class _Session:
    """One control connection."""

    def __init__(self, device: Dwarf, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._device, self._reader, self._writer = device, reader, writer
        self._folder = PurePosixPath("/")
        self._user: str | None = None
        self._logged_in = False
        self._offset = 0
        self._listener: asyncio.Server | None = None
        self._peer: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] | None = None
        self._active: tuple[str, int] | None = None

    async def run(self) -> None:
        if self._device.faults.ftp_refuse or not self._device.powered:
            await self._say(421, "Service not available, remote server has closed connection.")
            return
        await self._say(220, "(vsFTPd 3.0.3)")
        while True:
            async with asyncio.timeout(IDLE):
                line = await self._reader.readuntil(b"\n")
            if len(line) > MAX_LINE:
                await self._say(500, "Input line too long.")
                return
            verb, _, argument = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
            verb = verb.upper()
            if verb == "QUIT":
                await self._say(221, "Goodbye.")
                return
            await self._command(verb, argument)

    async def _say(self, code: int, text: str) -> None:
        self._writer.write(f"{code} {text}\r\n".encode())
        await self._writer.drain()

    async def _command(self, verb: str, argument: str) -> None:
        before_login = {
            "USER": self._user_name,
            "PASS": self._password,
            "FEAT": self._feat,
            "OPTS": self._opts,
        }
        commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "SYST": self._syst,
            "TYPE": self._type,
            "MODE": self._mode,
            "STRU": self._mode,
            "NOOP": self._noop,
            "PWD": self._pwd,
            "XPWD": self._pwd,
            "CWD": self._cwd,
            "CDUP": self._cdup,
            "PASV": self._pasv,
            "EPSV": self._epsv,
            "PORT": self._port,
            "EPRT": self._eprt,
            "REST": self._rest,
            "RETR": self._retr,
            "LIST": self._list,
            "NLST": self._nlst,
            "SIZE": self._size,
            "MDTM": self._mdtm,
            "ABOR": self._abor,
        }
        if verb in before_login:
            await before_login[verb](argument)
        elif not self._logged_in:
            await self._say(530, "Please login with USER and PASS.")
        elif verb in commands:
            await commands[verb](argument)
        elif verb in ("STOR", "APPE", "STOU", "DELE", "MKD", "RMD", "RNFR", "RNTO", "SITE"):
            await self._say(550, "Permission denied.")
        else:
            await self._say(500, "Unknown command.")

    # --- who, where

    async def _user_name(self, argument: str) -> None:
        self._user, self._logged_in = argument, False
        await self._say(331, "Please specify the password.")

    async def _password(self, _argument: str) -> None:
        if self._user is None:
            await self._say(503, "Login with USER first.")
        elif self._user.lower() in ("anonymous", "ftp"):
            self._logged_in = True
            await self._say(230, "Login successful.")
        else:
            await self._say(530, "Login incorrect.")

    async def _feat(self, _argument: str) -> None:
        lines = ["211-Features:", *(f" {feature}" for feature in FEATURES), "211 End", ""]
        self._writer.write("\r\n".join(lines).encode())
        await self._writer.drain()

    async def _opts(self, argument: str) -> None:
        if argument.upper().startswith("UTF8"):
            await self._say(200, "Always in UTF8 mode.")
        else:
            await self._say(501, "Option not understood.")

    async def _syst(self, _argument: str) -> None:
        await self._say(215, "UNIX Type: L8")

    async def _noop(self, _argument: str) -> None:
        await self._say(200, "NOOP ok.")

    async def _type(self, argument: str) -> None:
        kind = argument.upper()[:1]
        if kind in ("A", "I"):
            await self._say(200, f"Switching to {'Binary' if kind == 'I' else 'ASCII'} mode.")
        else:
            await self._say(500, "Unrecognised TYPE command.")

    async def _mode(self, argument: str) -> None:
        await self._say(200 if argument.upper() in ("S", "F") else 504, "Mode or structure.")

    async def _abor(self, _argument: str) -> None:
        self.close_data()
        await self._say(225, "No transfer to ABOR.")

    def _resolve(self, argument: str) -> tuple[PurePosixPath, Path]:
        """The path below the card's root that an argument means. Raises `FileNotFoundError`."""
        wanted = PurePosixPath("/")
        for part in (self._folder / argument).parts[1:]:
            wanted = wanted.parent if part == ".." else wanted / part
        if any(part.startswith(".") for part in wanted.parts) or "\0" in str(wanted):
            raise FileNotFoundError(argument)
        root = self._device.card.root
        try:
            path = root if wanted == PurePosixPath("/") else self._device.card.path(str(wanted)[1:])
        except OutsideRootError as error:
            raise FileNotFoundError(argument) from error
        return wanted, path

    async def _pwd(self, _argument: str) -> None:
        name = str(self._folder).replace('"', '""')
        await self._say(257, f'"{name}" is the current directory')

    async def _cwd(self, argument: str) -> None:
        with contextlib.suppress(OSError):
            wanted, path = self._resolve(argument)
            if path.is_dir():
                self._folder = wanted
                await self._say(250, "Directory successfully changed.")
                return
        await self._say(550, "Failed to change directory.")

    async def _cdup(self, _argument: str) -> None:
        await self._cwd("..")

    # --- data connections

    def close_data(self) -> None:
        """Close a data connection that is open or expected."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._peer is not None and self._peer.done() and not self._peer.cancelled():
            self._peer.result()[1].close()
        self._peer = self._active = None

    async def _listen(self) -> int:
        """Open a port for one data connection; returns its number."""
        self.close_data()
        peer = self._peer = asyncio.get_running_loop().create_future()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if peer.done():
                writer.close()
            else:
                peer.set_result((reader, writer))

        host = self._writer.get_extra_info("sockname")[0]
        self._listener = await asyncio.start_server(connected, host, 0)
        return self._listener.sockets[0].getsockname()[1]

    async def _pasv(self, _argument: str) -> None:
        host = self._writer.get_extra_info("sockname")[0]
        if not isinstance(ipaddress.ip_address(host), ipaddress.IPv4Address):
            await self._say(425, "Use EPSV.")
            return
        port = await self._listen()
        address = ",".join([*host.split("."), str(port >> 8), str(port & 255)])
        await self._say(227, f"Entering Passive Mode ({address}).")

    async def _epsv(self, argument: str) -> None:
        if argument.upper() == "ALL":
            await self._say(200, "EPSV ALL ok.")
            return
        await self._say(229, f"Entering Extended Passive Mode (|||{await self._listen()}|)")

    async def _port(self, argument: str) -> None:
        numbers = argument.split(",")
        if len(numbers) != 6 or not all(n.isdecimal() and int(n) < 256 for n in numbers):
            await self._say(500, "Illegal PORT command.")
            return
        await self._connect_to(".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5]))

    async def _eprt(self, argument: str) -> None:
        match = re.fullmatch(r"\|[12]\|([0-9a-fA-F.:]+)\|(\d{1,5})\|", argument)
        if match is None:
            await self._say(500, "Bad EPRT command.")
            return
        await self._connect_to(match.group(1), int(match.group(2)))

    async def _connect_to(self, host: str, port: int) -> None:
        """Remember where to connect to; only to the client itself, else the server is a stepping stone."""
        if host != self._writer.get_extra_info("peername")[0] or not 1024 <= port < 65536:
            await self._say(500, "Illegal PORT command.")
            return
        self.close_data()
        self._active = (host, port)
        await self._say(200, "PORT command successful. Consider using PASV.")

    async def _transfer(self, text: str, send: Callable[[asyncio.StreamWriter], Awaitable[bool]]) -> None:
        """Open the data connection, send, close it, report; `send` returns False when it broke off."""
        if self._active is not None:
            opening = asyncio.open_connection(*self._active)
        elif self._peer is not None:
            opening = self._peer
        else:
            await self._say(425, "Use PORT or PASV first.")
            return
        await self._say(150, text)
        try:
            async with asyncio.timeout(CONNECT):
                _, writer = await opening
        except (OSError, TimeoutError):
            self.close_data()
            await self._say(425, "Failed to establish connection.")
            return
        complete = False
        with contextlib.suppress(ConnectionError):
            complete = await send(writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.close_data()
        if complete:
            await self._say(226, "Transfer complete.")
        else:
            await self._say(426, "Failure writing network stream.")

    # --- listing and fetching

    async def _rest(self, argument: str) -> None:
        if not argument.isdecimal():
            await self._say(501, "Bad REST argument.")
            return
        self._offset = int(argument)
        await self._say(350, f"Restart position accepted ({self._offset}).")

    async def _retr(self, argument: str) -> None:
        offset, self._offset = self._offset, 0
        try:
            _, path = self._resolve(argument)
            size = path.stat().st_size if path.is_file() else None
        except OSError:
            size = path = None
        if size is None or path is None:
            await self._say(550, "Failed to open file.")
            return
        broken = self._device.faults.truncate

        async def send(writer: asyncio.StreamWriter) -> bool:
            left = (size - offset) // 2 if broken else size - offset
            with path.open("rb") as file:
                file.seek(offset)
                while left > 0 and (data := file.read(min(CHUNK, left))):
                    writer.write(data)
                    await writer.drain()
                    left -= len(data)
            return not broken

        await self._transfer(f"Opening BINARY mode data connection for {argument} ({size} bytes).", send)

    def _entries(self, argument: str) -> list[Path]:
        """Files that LIST and NLST mean (`-al` and the like are no names); none for what does not exist."""
        name = " ".join(part for part in argument.split(" ") if not part.startswith("-")).strip()
        try:
            _, path = self._resolve(name)
            if path.is_dir():
                return sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
            return [path] if path.exists() else []
        except OSError:
            return []

    async def _nlst(self, argument: str) -> None:
        names = "".join(f"{entry.name}\r\n" for entry in self._entries(argument))
        await self._send_text(names)

    async def _list(self, argument: str) -> None:
        lines = []
        for entry in self._entries(argument):
            with contextlib.suppress(FileNotFoundError):
                lines.append(_long(entry, self._device.clock.now()))
        await self._send_text("".join(f"{line}\r\n" for line in lines))

    async def _send_text(self, text: str) -> None:
        async def send(writer: asyncio.StreamWriter) -> bool:
            writer.write(text.encode())
            await writer.drain()
            return True

        await self._transfer("Here comes the directory listing.", send)

    async def _size(self, argument: str) -> None:
        path = self._file(argument)
        if path is None:
            await self._say(550, "Could not get file size.")
        else:
            await self._say(213, str(path.stat().st_size))

    async def _mdtm(self, argument: str) -> None:
        path = self._file(argument)
        if path is None:
            await self._say(550, "Could not get file modification time.")
        else:
            moment = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            await self._say(213, moment.strftime("%Y%m%d%H%M%S"))

    def _file(self, argument: str) -> Path | None:
        try:
            _, path = self._resolve(argument)
        except OSError:
            return None
        return path if path.is_file() else None


def _long(path: Path, now: datetime) -> str:
    """One line of LIST, as `ls -l` writes it."""
    stat = path.stat()
    moment = datetime.fromtimestamp(stat.st_mtime, UTC)
    recent = abs((now - moment).days) < 180
    when = moment.strftime("%b %d %H:%M" if recent else "%b %d  %Y")
    kind = "drwxr-xr-x" if path.is_dir() else "-rw-r--r--"
    return f"{kind} {stat.st_nlink:4d} 0        0        {stat.st_size:12d} {when} {path.name}"
