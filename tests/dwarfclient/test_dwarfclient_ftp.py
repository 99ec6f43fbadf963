"""The FTP transport against a small server with faults on demand."""

import asyncio
import hashlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from dwarfclient_tcp import listening

from telescope.dwarf.ftp import DwarfFtpClient
from telescope.dwarf.http11 import Address
from telescope.errors import DeviceDataError, DwarfCommandError, NotConnectedError, TelescopeError

CONTENT = hashlib.sha256(b"frame").digest() * 20_000  # 640 kB
FOLDER = "/Astronomy/DWARF_RAW_TELE_M 31_EXP_15_GAIN_60_2026-03-24-20-37-17-172"


class Server:
    """FTP as the telescope speaks it: no MLSD, passive only. Faults are attributes."""

    def __init__(self) -> None:
        self.files = {f"{FOLDER}/a b.fits": CONTENT}
        self.commands: list[str] = []
        self.connections = 0
        self.cut_after: list[int] = []
        self.replies: dict[str, bytes] = {}
        self.announced = "127,0,0,1"
        self.listing: bytes | None = None
        self.opened: list[asyncio.StreamWriter | asyncio.Server] = []

    async def connection(self, reader, writer) -> None:
        self.connections += 1
        self.folder, self.offset = "/", 0
        writer.write(b"220-Welcome\r\n220 to nobody's card\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.commands.append(line)
            word, _, argument = line.partition(" ")
            if (reply := self.replies.get(word)) is not None:
                if not reply:
                    break
                writer.write(reply)
            else:
                await self.command(word, argument, writer)

    async def command(self, word, argument, writer) -> None:
        if word == "USER":
            writer.write(b"331 password please\r\n")
        elif word == "PASS":
            writer.write(b"230 in\r\n")
        elif word == "TYPE":
            writer.write(b"200 binary\r\n")
        elif word == "CWD":
            known = any(name.startswith(argument + "/") for name in self.files)
            self.folder = argument
            writer.write(b"250 there\r\n" if known else b"550 no such folder\r\n")
        elif word == "SIZE":
            size = len(self.files.get(argument, b""))
            writer.write(b"213 %d\r\n" % size if argument in self.files else b"550 no such file\r\n")
        elif word == "MDTM":
            writer.write(b"213 20260324203732\r\n")
        elif word == "REST":
            self.offset = int(argument)
            writer.write(b"350 ready\r\n")
        elif word == "PASV":
            await self.passive(writer)
        elif word in ("NLST", "RETR"):
            writer.write(b"150 here it comes\r\n")
            await self.send(word, argument)
            writer.write(b"226 done\r\n")
        else:
            writer.write(b"502 not known\r\n")

    async def passive(self, writer) -> None:
        self.data: asyncio.Future = asyncio.get_running_loop().create_future()
        self.listener = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        self.opened.append(self.listener)
        high, low = divmod(self.listener.sockets[0].getsockname()[1], 256)
        writer.write(f"227 Entering Passive Mode ({self.announced},{high},{low}).\r\n".encode())

    async def connected(self, reader, writer) -> None:
        self.opened.append(writer)
        self.data.set_result(writer)

    async def send(self, word, argument) -> None:
        if word == "NLST":
            names = "".join(f"{name[len(self.folder) + 1 :]}\r\n" for name in self.files)
            content = self.listing if self.listing is not None else names.encode()
        else:
            content, self.offset = self.files[argument][self.offset :], 0
        async with asyncio.timeout(5):
            data = await self.data
        data.write(content[: self.cut_after.pop(0)] if self.cut_after else content)
        data.close()
        self.listener.close()


@asynccontextmanager
async def ftp(patience: float = 2.0):
    server = Server()
    async with listening(server.connection) as address:
        client = DwarfFtpClient(address, patience=patience)
        try:
            yield client, server
        finally:
            await client.close()
            for transfer in server.opened:
                transfer.close()


async def test_names_of_a_folder_whose_name_holds_spaces():
    async with ftp() as (client, server):
        assert await client.names(FOLDER) == ["a b.fits"]
        assert await client.names(FOLDER) == ["a b.fits"]
        assert server.connections == 1
        assert server.commands[:3] == ["USER Anonymous", "PASS ", "TYPE I"]
        assert f"CWD {FOLDER}" in server.commands


async def test_an_empty_folder_has_no_names_also_where_the_server_calls_that_an_error():
    async with ftp() as (client, server):
        server.listing = b""
        assert await client.names(FOLDER) == []
        server.replies["NLST"] = b"550 No files found.\r\n"
        assert await client.names(FOLDER) == []


async def test_full_paths_in_a_listing_are_cut_to_names_and_dots_left_out():
    async with ftp() as (client, server):
        server.listing = f".\r\n..\r\n{FOLDER}/x.fits\ny.fits\n\n".encode()
        assert await client.names(FOLDER) == ["x.fits", "y.fits"]


async def test_a_missing_folder_is_a_refusal_and_keeps_the_connection():
    async with ftp() as (client, server):
        with pytest.raises(DwarfCommandError, match="no such folder"):
            await client.names("/nothing")
        assert await client.names(FOLDER) == ["a b.fits"]
        assert server.connections == 1


async def test_size_and_time_of_a_file():
    async with ftp() as (client, _):
        assert await client.size(f"{FOLDER}/a b.fits") == len(CONTENT)
        assert await client.modified(f"{FOLDER}/a b.fits") == datetime(2026, 3, 24, 20, 37, 32, tzinfo=UTC)


async def test_a_download_arrives_whole(tmp_path):
    told = []
    async with ftp() as (client, _):
        size = await client.download(
            f"{FOLDER}/a b.fits", tmp_path / "a", limit=1 << 20, progress=lambda *pair: told.append(pair)
        )
    assert size == len(CONTENT)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))


async def test_a_cut_download_fails_and_the_next_call_continues_it(tmp_path):
    async with ftp() as (client, server):
        server.cut_after = [100_000]
        with pytest.raises(NotConnectedError, match="100000 of 640000"):
            await client.download(f"{FOLDER}/a b.fits", tmp_path / "a", limit=1 << 20)
        assert not (tmp_path / "a").exists()
        await client.download(f"{FOLDER}/a b.fits", tmp_path / "a", limit=1 << 20)
        assert "REST 100000" in server.commands
    assert (tmp_path / "a").read_bytes() == CONTENT


async def test_without_rest_a_download_starts_over(tmp_path):
    (tmp_path / "a.part").write_bytes(b"something else")
    async with ftp() as (client, server):
        server.replies["REST"] = b"502 no\r\n"
        await client.download(f"{FOLDER}/a b.fits", tmp_path / "a", limit=1 << 20)
    assert (tmp_path / "a").read_bytes() == CONTENT


async def test_a_file_larger_than_the_limit_is_refused_before_the_transfer(tmp_path):
    async with ftp() as (client, server):
        with pytest.raises(DeviceDataError, match="at most 1000"):
            await client.download(f"{FOLDER}/a b.fits", tmp_path / "a", limit=1000)
        assert not any(command.startswith("RETR") for command in server.commands)


async def test_more_bytes_than_announced_are_refused(tmp_path):
    async with ftp() as (client, server):
        server.replies["SIZE"] = b"213 1000\r\n"
        with pytest.raises(DeviceDataError, match="more than 1000"):
            await client.download(f"{FOLDER}/a b.fits", tmp_path / "a", limit=1 << 20)


async def test_a_listing_without_end_is_refused():
    async with ftp() as (client, server):
        server.listing = b"x.fits\r\n" * 1_000_000
        with pytest.raises(DeviceDataError, match="more than"):
            await client.names(FOLDER)


async def test_the_address_in_a_passive_answer_is_ignored():
    async with ftp() as (client, server):
        server.announced = "10,255,255,1"
        assert await client.names(FOLDER) == ["a b.fits"]


async def test_a_connection_that_the_server_closed_is_opened_again():
    async with ftp() as (client, server):
        await client.names(FOLDER)
        server.replies["CWD"] = b""
        with pytest.raises(NotConnectedError):
            await client.names(FOLDER)
        del server.replies["CWD"]
        assert await client.names(FOLDER) == ["a b.fits"]
        assert server.connections == 2


async def test_nobody_listening_is_said_with_the_address(unused_tcp_port):
    client = DwarfFtpClient(Address("127.0.0.1", unused_tcp_port))
    with pytest.raises(NotConnectedError, match=str(unused_tcp_port)):
        await client.names("/Astronomy")


@pytest.mark.parametrize("path", ["relative", "/a\r\nDELE /b", "/a\0b", ""])
async def test_a_path_that_could_carry_a_second_command_is_not_sent(path):
    async with ftp() as (client, server):
        with pytest.raises(DeviceDataError):
            await client.names(path)
        assert not any("DELE" in command for command in server.commands)


@pytest.mark.parametrize(
    ("word", "reply"),
    [
        ("PASV", b"227 nonsense\r\n"),
        ("PASV", b"227 (1,2,3,4,0,0)\r\n"),
        ("SIZE", b"213 many\r\n"),
        ("SIZE", b"hello\r\n"),
        ("SIZE", b"213-" + b"x\r\n213-" * 300),
        ("SIZE", b"213 " + b"9" * 10_000 + b"\r\n"),
        ("SIZE", b"421 too many users\r\n"),
        ("TYPE", b"500 no\r\n"),
        ("USER", b"\xff\xfe\r\n"),
    ],
)
async def test_answers_outside_the_rules_end_in_a_telescope_error(word, reply, tmp_path):
    async with ftp(patience=0.5) as (client, server):
        server.replies[word] = reply
        with pytest.raises(TelescopeError):
            await client.download(f"{FOLDER}/a b.fits", tmp_path / "a", limit=1 << 20)


async def test_a_server_that_falls_silent_is_given_up():
    async with ftp(patience=0.2) as (client, server):
        server.replies["CWD"] = b"250-still thinking\r\n"
        with pytest.raises(NotConnectedError, match="silent"):
            await client.names(FOLDER)
