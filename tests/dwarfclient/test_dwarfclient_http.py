"""The HTTP transport against servers that are slow, broken, or lie about sizes."""

import asyncio
import hashlib
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from dwarfclient_tcp import listening
from hypothesis import given, settings
from hypothesis import strategies as st

from skycam_project.common.clock import FastClock
from telescope.dwarf.http import AstroItem, DeviceInfo, DwarfHttpClient, FitsItem
from telescope.dwarf.http11 import Address
from telescope.errors import DeviceDataError, DwarfCommandError, NotConnectedError, TelescopeError

CONTENT = hashlib.sha256(b"frame").digest() * 20_000  # 640 kB


@asynccontextmanager
async def serving(answer, patience: float = 2.0):
    """A server that answers each connection by `answer(request head, body, writer)`; a client of it."""
    requests: list[tuple[str, bytes]] = []

    async def connection(reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(fields.get("Content-Length", 0)))
            requests.append((head, body))
            await answer(head, body, writer)
            await writer.drain()
        except asyncio.IncompleteReadError:
            pass

    async with listening(connection) as address:
        client = DwarfHttpClient(address, address, clock=FastClock(speed=100), patience=patience)
        yield client, requests


def ok(body: bytes, extra: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


def saying(value):
    async def answer(head, body, writer):
        writer.write(ok(orjson.dumps(value)))

    return answer


async def test_device_info_leaves_passwords_out_and_accepts_both_spellings():
    data = {
        "deviceID": 2,
        "deviceName": "DWARF3_ABCDEF",
        "devicePwd": "secret",
        "sdCardInfo": {"availableSize": 101, "totalSize": 115, "hasSdcard": True},
    }
    async with serving(saying({"code": 0, "data": data})) as (client, requests):
        info = await client.device_info()
    assert info == DeviceInfo(2, "DWARF3_ABCDEF", 101.0, 115.0)
    assert "secret" not in repr(info)
    assert requests[0][0].startswith("POST /deviceInfo HTTP/1.1\r\n")
    assert requests[0][1] == b"{}"


async def test_a_telescope_without_card_has_no_space():
    answer = saying(
        {"code": 0, "data": {"deviceId": 2, "sdCardInfo": {"availableSize": 0, "hasSdcard": False}}}
    )
    async with serving(answer) as (client, _):
        assert (await client.device_info()).storage_free_gb is None


async def test_sessions_come_newest_first_and_damaged_items_are_skipped():
    def item(name, modified):
        details = {"srcDir": f"/DWARF3/Astronomy/{name}", "target": name, "shotsTaken": 5, "shotsStacked": 4}
        return {"mediaType": 4, "modificationTime": modified, "astroImageDetails": details}

    items = [item("old", 10), "nonsense", {"astroImageDetails": None}, item("new", 20)]
    async with serving(saying({"code": 0, "data": items})) as (client, _):
        found = await client.astro_sessions()
    assert found == [
        AstroItem("/DWARF3/Astronomy/new", "new", 20, 5, 4),
        AstroItem("/DWARF3/Astronomy/old", "old", 10, 5, 4),
    ]


async def test_the_frames_of_a_session_with_the_rejected_ones():
    data = {
        "totalCount": 2,
        "fitsInfo": [
            {"filePath": "/a/b.fits", "isFailed": False, "url": "x"},
            {"filePath": "/a/failed_c.fits", "isFailed": True},
            {"isFailed": True},
        ],
    }
    async with serving(saying({"code": 0, "data": data})) as (client, requests):
        assert await client.fits_list("/a") == [
            FitsItem("/a/b.fits", False),
            FitsItem("/a/failed_c.fits", True),
        ]
    assert orjson.loads(requests[0][1]) == {"srcDir": "/a"}


async def test_a_code_other_than_zero_is_a_refusal_and_is_not_repeated():
    async with serving(saying({"code": -2, "message": "invalid"})) as (client, requests):
        with pytest.raises(DwarfCommandError, match="invalid") as caught:
            await client.fits_list("/a")
    assert caught.value.device_code == -2
    assert len(requests) == 1


async def test_a_server_that_fails_twice_is_asked_a_third_time():
    count = 0

    async def answer(head, body, writer):
        nonlocal count
        count += 1
        if count == 1:
            writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        elif count == 3:
            writer.write(ok(b'{"code":0,"data":{"deviceId":2}}'))

    async with serving(answer) as (client, _):
        assert (await client.device_info()).model_id == 2
    assert count == 3


async def test_a_server_that_never_answers_ends_as_not_connected():
    async def answer(head, body, writer):
        await asyncio.sleep(1)

    async with serving(answer, patience=0.1) as (client, requests):
        with pytest.raises(NotConnectedError, match="silent"):
            await client.device_info()
    assert len(requests) == 3


async def test_nobody_listening_is_said_with_the_address(unused_tcp_port):
    address = Address("127.0.0.1", unused_tcp_port)
    client = DwarfHttpClient(address, address, clock=FastClock(speed=100))
    with pytest.raises(NotConnectedError, match=str(unused_tcp_port)):
        await client.device_info()


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 3_000_000,
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n{}",
        b"220 FTP server ready\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (9 << 20),
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"code\":\"0\"}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"[" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"code\":0,\"data\":1}",
    ],
)  # fmt: skip
async def test_an_answer_outside_the_rules_is_refused(raw):
    async def answer(head, body, writer):
        writer.write(raw)

    async with serving(answer) as (client, _):
        with pytest.raises(DeviceDataError):
            await client.device_info()


async def test_a_chunked_answer_is_put_together():
    async def answer(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b'{"code":0,', b'"data":', b'{"deviceId":2}}'):
            writer.write(b"%x;name=value\r\n%b\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")

    async with serving(answer) as (client, _):
        assert (await client.device_info()).model_id == 2


def file_server(cut_after: list[int]):
    """Serve CONTENT with ranges; each answer is cut after the next number of bytes."""

    async def answer(head, body, writer):
        begin = 0
        for line in head.split("\r\n"):
            if line.startswith("Range: bytes="):
                begin = int(line[13:].rstrip("-"))
        if begin:
            writer.write(
                b"HTTP/1.1 206 Partial\r\nContent-Length: %d\r\nContent-Range: bytes %d-%d/%d\r\n\r\n"
                % (len(CONTENT) - begin, begin, len(CONTENT) - 1, len(CONTENT))
            )
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT))
        end = begin + cut_after.pop(0) if cut_after else len(CONTENT)
        writer.write(CONTENT[begin:end])
        await writer.drain()

    return answer


async def test_a_download_arrives_whole_and_tells_its_progress(tmp_path):
    told = []
    async with serving(file_server([])) as (client, requests):
        size = await client.download(
            "DWARF3/Astronomy/M 31_15s60/ü%.fits",
            tmp_path / "a.fits",
            limit=1 << 20,
            progress=lambda *p: told.append(p),
        )
    assert size == len(CONTENT)
    assert (tmp_path / "a.fits").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert requests[0][0].startswith("GET /DWARF3/Astronomy/M%2031_15s60/%C3%BC%25.fits HTTP/1.1")
    assert [path.name for path in tmp_path.iterdir()] == ["a.fits"]


async def test_a_cut_download_is_continued_where_it_ended(tmp_path):
    async with serving(file_server([100_000, 7, 0, 0, 250_000])) as (client, requests):
        await client.download("a.fits", tmp_path / "a.fits", limit=1 << 20)
    assert (tmp_path / "a.fits").read_bytes() == CONTENT
    assert "Range: bytes=100007-" in requests[2][0]


async def test_a_part_left_by_an_earlier_run_is_continued(tmp_path):
    (tmp_path / "a.fits.part").write_bytes(CONTENT[:5000])
    async with serving(file_server([])) as (client, requests):
        await client.download("a.fits", tmp_path / "a.fits", limit=1 << 20)
    assert (tmp_path / "a.fits").read_bytes() == CONTENT
    assert len(requests) == 1


async def test_a_server_without_ranges_starts_over(tmp_path):
    (tmp_path / "a.fits.part").write_bytes(b"old")

    async def answer(head, body, writer):
        writer.write(ok(CONTENT))

    async with serving(answer) as (client, _):
        await client.download("a.fits", tmp_path / "a.fits", limit=1 << 20)
    assert (tmp_path / "a.fits").read_bytes() == CONTENT


async def test_a_part_longer_than_the_file_is_thrown_away(tmp_path):
    (tmp_path / "a.fits.part").write_bytes(b"x" * 900_000)

    async def answer(head, body, writer):
        if "Range:" in head:
            writer.write(b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(ok(CONTENT))

    async with serving(answer) as (client, _):
        await client.download("a.fits", tmp_path / "a.fits", limit=1 << 20)
    assert (tmp_path / "a.fits").read_bytes() == CONTENT


async def test_a_download_that_makes_no_progress_ends(tmp_path):
    async with serving(file_server([10, *[0] * 20])) as (client, requests):
        with pytest.raises(NotConnectedError, match="missing"):
            await client.download("a.fits", tmp_path / "a.fits", limit=1 << 20)
    assert len(requests) == 4
    assert not (tmp_path / "a.fits").exists()


async def test_a_file_larger_than_the_limit_is_refused_before_it_is_read(tmp_path):
    async with serving(file_server([])) as (client, requests):
        with pytest.raises(DeviceDataError, match="at most 1000"):
            await client.download("a.fits", tmp_path / "a.fits", limit=1000)
    assert len(requests) == 1


async def test_a_missing_file_is_not_asked_for_again(tmp_path):
    async def answer(head, body, writer):
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async with serving(answer) as (client, requests):
        with pytest.raises(DwarfCommandError, match="no such file"):
            await client.download("a.fits", tmp_path / "a.fits", limit=1000)
    assert len(requests) == 1


async def test_a_full_disk_is_told_as_this_computers_problem():
    async with serving(file_server([])) as (client, _):
        with pytest.raises(TelescopeError, match="disk") as caught:
            await client.download("a.fits", Path("/dev/full/a.fits"), limit=1 << 20)
    assert caught.value.code == "disk"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
async def test_whatever_arrives_ends_in_an_answer_or_a_telescope_error(raw):
    async def answer(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n" + raw if len(raw) % 2 else raw)

    async with serving(answer, patience=0.5) as (client, _):
        try:
            await client.device_info()
        except TelescopeError as error:
            assert str(error)
