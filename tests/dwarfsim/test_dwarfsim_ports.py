"""HTTP, files, MJPEG, FTP, UDP and the control port over real sockets."""

import asyncio
import contextlib
import ftplib
import io
import json
import socket

import httpx
import numpy as np
import pytest
from astropy.io import fits
from dwarfsim_helpers import ANY_PORT, M31, SMALL, Painter, Talker, small_options
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from telescope.dwarf.commands import Astro, Param, System, Tele
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.discovery_pb2 import DwarfEcho, DwarfPing
from telescope.dwarf.values import OperationState, ParamId, StreamType
from telescope.simulator.options import Ports
from telescope.simulator.server import Simulator

EXPOSURE, FRAMES = ParamId(2, 1, 0, 1).pack(), ParamId(2, 2, 0, 16).pack()
WITH_CONTROL = [{"ports": Ports(0, 0, 0, 0, 0, 0, 0, 0)}]


async def session(talker, frames=2, target="M 31"):
    """A stacking run on the card."""
    await talker.ask(Astro.START_CALIBRATION)
    await talker.ask(Astro.START_GOTO_DSO, ra=M31[0], dec=M31[1], target_name=target)
    await talker.ask(Param.SET_EXPOSURE, param_id=EXPOSURE, mode=1, value=141)
    await talker.ask(Param.SET_GENERAL_INT_PARAM, param_id=FRAMES, value=frames)
    await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)

    def idle():
        states = talker.notes(Notify.STATE_CAPTURE_RAW_LIVE_STACKING)
        return bool(states) and states[-1].state == OperationState.IDLE

    await talker.until(idle)


@pytest.fixture
async def api(simulator):
    async with httpx.AsyncClient(verify=False, base_url=f"http://127.0.0.1:{simulator.ports.http}") as client:
        yield client


@pytest.fixture
async def files(simulator):
    async with httpx.AsyncClient(
        verify=False, base_url=f"http://127.0.0.1:{simulator.ports.files}"
    ) as client:
        yield client


async def post(api, path, **body):
    answer = (await api.post(path, json=body)).json()
    assert answer["code"] == 0, answer
    return answer["data"]


async def test_device_info(api):
    data = await post(api, "/deviceInfo")
    assert (data["deviceId"], data["deviceName"]) == (2, "DWARF3_SIM001")
    assert data["sdCardInfo"] == {"availableSize": 64, "totalSize": 64, "hasSdcard": True}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_firmware_version_by_both_methods(api, method):
    answer = (await api.request(method, "/firmwareVersion")).json()
    assert answer["data"] == {"majorVersion": 1, "minorVersion": 5, "patchVersion": 0}


async def test_the_parameter_catalogue_is_what_the_commands_take(api, talker):
    data = await post(api, "/shootingMode/getParamAndSetting", modeId=2)
    tele, wide = data["cameraParams"]
    exposure = tele["specialParams"]["exp"]
    assert (tele["cameraId"], exposure["paramId"]) == (0, 144396663052566529)
    assert wide["specialParams"]["exp"]["paramId"] == 0x0201100000000001
    names = {entry["name"]: entry["value"] for entry in exposure["values"]}
    assert (names["1/30"], names["15"], names["120"], names["1/10000"]) == (75, 156, 165, 0)
    assert "120" not in {entry["name"] for entry in wide["specialParams"]["exp"]["values"]}
    for value in list(names.values())[::9]:
        reply = await talker.ask(Param.SET_EXPOSURE, param_id=exposure["paramId"], mode=1, value=value)
        assert reply.code == 0
    assert 60 in tele["specialParams"]["gain"]["values"]
    again = await post(api, "/shootingMode/getParamAndSetting", modeId=2)
    current = again["cameraParams"][0]["specialParams"]["exp"]["currentValue"]
    assert current == list(names.values())[::9][-1]
    (count,) = data["shootingTechSettings"][0]["generalParams"]
    assert (count["paramId"], count["maxValue"]) == (144678138029277200, 999)
    filters = next(p for p in tele["generalParams"] if p["name"] == "filter")
    assert [entry["name"] for entry in filters["values"]] == ["VIS", "Astro", "Duo-Band"]


async def test_old_configuration_and_modes(api):
    config = (await api.get("/getDefaultParamsConfig")).json()["data"]
    tele, wide = config["cameras"]
    assert (tele["fvWidth"], wide["fvWidth"]) == (3.188, 43.292)
    gear = tele["supportParams"][0]["gearMode"]
    assert gear["values"][gear["defaultValueIndex"] // 3] == {"index": 75, "name": "1/30"}
    modes = (await api.get("/shootingMode/getSupportedShootingModes")).json()["data"]["shootingModes"]
    assert {"id": 9, "name": "Moon", "parentId": 3} in modes


async def test_album_of_a_session(api, files, talker, simulator, painter):
    await session(talker)
    (item,) = await post(api, "/album/list/mediaInfos", mediaType=4, pageIndex=0, pageSize=0)
    details = item["astroImageDetails"]
    assert (item["mediaType"], item["astroTargetName"], details["target"]) == (4, "M 31", "M 31")
    assert details["floatHourRa"] == pytest.approx(M31[0])
    assert (details["shotsTaken"], details["totalExp"]) == (2, 10.0)
    listing = await post(api, "/album/astro/fitsList", srcDir=details["srcDir"])
    assert listing["totalCount"] == 2
    assert not any(entry["isFailed"] for entry in listing["fitsInfo"])
    for entry, frame in zip(listing["fitsInfo"], painter.frames, strict=True):
        response = await files.get(entry["filePath"])
        assert response.headers["content-type"] == "application/fits"
        assert np.array_equal(fits.getdata(io.BytesIO(response.content)), frame)
        async with httpx.AsyncClient(verify=False) as client:
            assert (await client.get(entry["url"])).content == response.content
    stack = await files.get(item["filePath"])
    with Image.open(io.BytesIO(stack.content)) as picture:
        assert picture.size == (64, 36)
    assert (await post(api, "/album/getMediaInfoByFilePath", filePath=item["filePath"])) == item
    counts = {entry["mediaType"]: entry["count"] for entry in await post(api, "/album/list/mediaCounts")}
    assert counts == {0: 0, 1: 0, 2: 0, 3: 0, 4: 1, 5: 0}


async def test_album_pages_newest_first_and_deleting(api, talker, simulator):
    for _ in range(3):
        await talker.ask(Tele.PHOTOGRAPH)
        talker.forget()
        await talker.note(Notify.PHOTO_STATE, state=OperationState.IDLE)
    photos = await post(api, "/album/list/mediaInfos", mediaTypeList=[0])
    times = [photo["modificationTime"] for photo in photos]
    assert (len(photos), times) == (3, sorted(times, reverse=True))
    second = await post(api, "/album/list/mediaInfos", mediaType=1, pageIndex=1, pageSize=2)
    assert [photo["fileName"] for photo in second] == [photos[2]["fileName"]]
    free = simulator.device.card.free()
    wanted = [{"mediaType": 0, "filePath": photos[0]["filePath"], "fileName": photos[0]["fileName"]}]
    wanted.append({"mediaType": 0, "filePath": "/DWARF3/Normal_Photos/none.jpg", "fileName": "none.jpg"})
    done = await post(api, "/album/delete", datas=wanted)
    assert [entry["isSuccess"] for entry in done] == [True, False]
    assert simulator.device.card.free() == free + photos[0]["fileSize"]
    assert len(await post(api, "/album/list/mediaInfos", mediaType=0)) == 2


@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_deleting_single_frames(api, talker, simulator, method):
    await session(talker)
    (item,) = await post(api, "/album/list/mediaInfos", mediaType=4)
    source = item["astroImageDetails"]["srcDir"]
    listing = await post(api, "/album/astro/fitsList", srcDir=source)
    body = {"datas": [{"filePath": listing["fitsInfo"][0]["filePath"]}]}
    answer = (await api.request(method, "/album/astro/deleteFits", json=body)).json()
    assert [entry["isSuccess"] for entry in answer["data"]] == [True]
    assert (await post(api, "/album/astro/fitsList", srcDir=source))["totalCount"] == 1
    done = await post(api, "/album/delete", datas=[{"filePath": item["filePath"]}])
    assert done[0]["isSuccess"]
    assert await post(api, "/album/list/mediaInfos", mediaType=0) == []


@pytest.mark.parametrize(
    "path",
    [
        "/DWARF3/../../etc/passwd", "/DWARF3/Astronomy", "/Astronomy/x", "/DWARF3/.incoming/x", "/",
        "/DWARF3/", "/DWARF3/Normal_Photos/%00", "/sdcard/DWARF3/%2e%2e/%2e%2e/etc/passwd",
    ],
)  # fmt: skip
async def test_the_files_server_serves_files_of_the_card_only(files, path):
    assert (await files.get(path)).status_code == 404


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/DWARF3/../../etc", "/DWARF3", "", "/DWARF3/Astronomy", "/DWARF3/\0"]
)
async def test_nothing_outside_the_card_can_be_deleted(api, simulator, path):
    done = await post(api, "/album/delete", datas=[{"filePath": path}])
    assert not done[0]["isSuccess"]
    assert (simulator.device.card.root / "Astronomy").is_dir()


async def test_parts_of_files(files, simulator):
    path = simulator.device.card.root / "Normal_Photos" / "a b.txt"
    path.write_bytes(bytes(range(200)))
    whole = "/DWARF3/Normal_Photos/a%20b.txt"
    for header, status, content in (
        ("bytes=0-9", 206, bytes(range(10))),
        ("bytes=190-", 206, bytes(range(190, 200))),
        ("bytes=-5", 206, bytes(range(195, 200))),
        ("bytes=150-900", 206, bytes(range(150, 200))),
        ("nonsense", 200, bytes(range(200))),
    ):
        response = await files.get(whole, headers={"range": header})
        assert (response.status_code, response.content) == (status, content)
    assert (await files.get(whole, headers={"range": "bytes=200-"})).status_code == 416
    head = await files.head(whole)
    assert (head.headers["content-length"], head.content) == ("200", b"")
    assert (await files.put(whole)).status_code == 405


async def test_wrong_requests(api):
    assert (await api.get("/nothing")).status_code == 404
    assert (await api.get("/deviceInfo")).status_code == 405
    assert (await api.post("/deviceInfo", content=b"{")).json()["code"] == -2
    assert (await api.post("/deviceInfo", content=b"[1]")).json()["code"] == -2
    assert (await api.post("/album/delete", json={"datas": [1]})).json()["code"] == -2
    assert (await api.post("/shootingMode/getParamAndSetting", json={"modeId": 77})).json()["code"] == -2
    assert (await api.post("/album/list/mediaInfos", json={"pageIndex": -1})).json()["code"] == -2
    assert (await api.post("/deviceInfo", content=b" " * (2 << 20))).status_code == 413
    assert (await post(api, "/deviceInfo"))["deviceId"] == 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "mediaType",
                "mediaTypeList",
                "pageIndex",
                "pageSize",
                "srcDir",
                "filePath",
                "datas",
                "modeId",
                "mode",
                "oldValue",
                "newValue",
            ]
        ),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=20) | st.booleans(),
            lambda inner: st.lists(inner, max_size=3),
        ),
    )
)
async def test_any_json_is_answered(simulator, body):
    async with httpx.AsyncClient(verify=False, base_url=f"http://127.0.0.1:{simulator.ports.http}") as api:
        for path in ("/album/list/mediaInfos", "/album/astro/fitsList", "/album/delete",
        "/setDeviceNameAndPsd",
                     "/shootingMode/getParamAndSetting", "/album/getMediaInfoByFilePath"):  # fmt: skip
            assert (await api.post(path, json=body)).status_code == 200


async def test_garbage_on_the_http_port(simulator):
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.ports.http)
    writer.write(b"\x16\x03\x01\x02\x00nonsense\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400")
    writer.close()


async def test_renaming(api, simulator):
    wrong = {"mode": 1, "oldValue": "x", "newValue": "DWARF3_HOME"}
    assert (await api.post("/setDeviceNameAndPsd", json=wrong)).json()["code"] == -5
    short = {"mode": 1, "oldValue": "DWARF3_SIM001", "newValue": "x"}
    assert (await api.post("/setDeviceNameAndPsd", json=short)).json()["code"] == -6
    await post(api, "/setDeviceNameAndPsd", mode=1, oldValue="DWARF3_SIM001", newValue="DWARF3_HOME")
    assert (await post(api, "/deviceInfo"))["deviceName"] == "DWARF3_HOME"


async def test_http_faults(api, files, simulator):
    simulator.device.faults.http_errors = 1.0
    assert (await api.post("/deviceInfo", json={})).status_code == 500
    simulator.device.faults.http_errors = 0.0
    path = simulator.device.card.root / "Normal_Photos" / "a.txt"
    path.write_bytes(bytes(10000))
    simulator.device.faults.truncate = True
    with pytest.raises(httpx.RemoteProtocolError):
        await files.get("/DWARF3/Normal_Photos/a.txt")


async def pictures(simulator, path, count):
    """The first pictures of a live stream."""
    found, data = [], b""
    address = f"http://127.0.0.1:{simulator.ports.mjpeg}{path}"
    async with (
        httpx.AsyncClient(verify=False, timeout=10) as client,
        client.stream("GET", address) as response,
    ):
        assert response.headers["content-type"].startswith("multipart/x-mixed-replace")
        async for chunk in response.aiter_bytes():
            data += chunk
            while b"\xff\xd9\r\n" in data:
                begin, end = data.index(b"\xff\xd8"), data.index(b"\xff\xd9\r\n") + 2
                found.append(data[begin:end])
                data = data[end:]
            if len(found) >= count:
                return found
    return found


async def test_live_pictures_while_the_stream_is_jpeg(simulator):
    simulator.device.set_stream(StreamType.JPEG)
    for path, size in (("/mainstream", (64, 36)), ("/secondstream", (32, 18))):
        (picture, _) = await pictures(simulator, path, 2)
        with Image.open(io.BytesIO(picture)) as image:
            assert image.size == size


async def test_no_live_picture_while_the_stream_is_rtsp(simulator):
    address = f"http://127.0.0.1:{simulator.ports.mjpeg}/mainstream"
    async with (
        httpx.AsyncClient(verify=False, timeout=0.8) as client,
        client.stream("GET", address) as response,
    ):
        assert response.status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            await anext(response.aiter_bytes())


def connect_ftp(simulator):
    ftp = ftplib.FTP(timeout=10)
    try:
        ftp.connect("127.0.0.1", simulator.ports.ftp)
    except ftplib.Error:
        ftp.close()
        raise
    return ftp


@pytest.mark.parametrize("user", ["Anonymous", "anonymous"])
@pytest.mark.parametrize("passive", [True, False])
async def test_ftp_as_the_clients_use_it(simulator, talker, painter, user, passive):
    await session(talker)

    def fetch():
        with connect_ftp(simulator) as ftp:
            ftp.login(user, "")
            ftp.set_pasv(passive)
            ftp.cwd("/Astronomy")
            (folder,) = [name for name in ftp.nlst() if name.startswith("DWARF_RAW")]
            ftp.cwd(f"/Astronomy/{folder}")
            names = sorted(n for n in ftp.nlst() if n.endswith(".fits") and not n.startswith("stacked"))
            stamp = ftp.sendcmd(f"MDTM {names[0]}")
            size = ftp.size(names[0])
            data = io.BytesIO()
            ftp.retrbinary(f"RETR {names[0]}", data.write)
            lines = []
            ftp.dir(lines.append)
            rest = io.BytesIO()
            ftp.retrbinary(f"RETR /Astronomy/{folder}/{names[0]}", rest.write, rest=2880)
            return stamp, size, data.getvalue(), rest.getvalue(), lines

    stamp, size, data, rest, lines = await asyncio.to_thread(fetch)
    assert stamp.startswith("213 20261120")
    assert len(data) == size
    assert rest == data[2880:]
    assert np.array_equal(fits.getdata(io.BytesIO(data)), painter.frames[0])
    assert any(line.startswith("drwxr-xr-x") and line.endswith(" Thumbnail") for line in lines)
    assert any(line.startswith("-rw-r--r--") and line.endswith("shotsInfo.json") for line in lines)


async def test_ftp_refusals(simulator):
    (simulator.device.card.root / "Normal_Photos" / "x.jpg").write_bytes(b"x")

    def talk():
        codes = {}
        with connect_ftp(simulator) as ftp:
            for before in ("NLST", "CWD /"):
                with pytest.raises(ftplib.error_perm, match="530"):
                    ftp.sendcmd(before)
            with pytest.raises(ftplib.error_perm, match="530"):
                ftp.login("root", "x")
            ftp.login()
            for command in (
                "MLSD", "STOR x", "DELE Normal_Photos/x.jpg", "CWD /../..", "CWD ../../etc",
                "RETR ../../etc/passwd", "SIZE Normal_Photos", "CWD .incoming", "RETR",
                "PORT 8,8,8,8,1,1", "PORT 127,0,0,1,0,21", "EPRT x", "NLST", "REST x", "TYPE Q",
            ):  # fmt: skip
                try:
                    codes[command] = ftp.sendcmd(command)[:3]
                except ftplib.Error as error:
                    codes[command] = str(error)[:3]
            return codes, ftp.pwd()

    codes, folder = await asyncio.to_thread(talk)
    assert codes == {
        "MLSD": "500", "STOR x": "550", "DELE Normal_Photos/x.jpg": "550", "CWD /../..": "250",
        "CWD ../../etc": "550", "RETR ../../etc/passwd": "550", "SIZE Normal_Photos": "550",
        "CWD .incoming": "550", "RETR": "550", "PORT 8,8,8,8,1,1": "500", "PORT 127,0,0,1,0,21": "500",
        "EPRT x": "500", "NLST": "425", "REST x": "501", "TYPE Q": "500",
    }  # fmt: skip
    assert folder == "/"


async def test_ftp_faults(simulator):
    (simulator.device.card.root / "Normal_Photos" / "x.jpg").write_bytes(bytes(1000))

    def broken():
        with connect_ftp(simulator) as ftp:
            ftp.login()
            data = io.BytesIO()
            with pytest.raises(ftplib.error_temp, match="426"):
                ftp.retrbinary("RETR /Normal_Photos/x.jpg", data.write)
            return len(data.getvalue())

    simulator.device.faults.truncate = True
    assert await asyncio.to_thread(broken) == 500
    simulator.device.faults.ftp_refuse = True
    with pytest.raises(ftplib.error_temp, match="421"):
        await asyncio.to_thread(connect_ftp, simulator)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=60), max_size=6))
async def test_ftp_survives_nonsense(simulator, lines):
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.ports.ftp)
    writer.write(b"USER ftp\r\nPASS x\r\n" + b"\r\n".join(lines) + b"\r\nQUIT\r\n")
    answer = await reader.read()
    assert answer.startswith(b"220 (vsFTPd")
    writer.close()


def ask_udp(simulator, data, wait=5.0):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(wait)
        udp.sendto(data, ("127.0.0.1", simulator.ports.udp))
        return udp.recv(4096)


async def test_udp_echo(simulator):
    ping = DwarfPing(vocaltype=1, timestamp=1234567890123, magic="txtl")
    data = await asyncio.to_thread(ask_udp, simulator, ping.SerializeToString())
    echo = DwarfEcho.FromString(data)
    assert (echo.vocaltype, echo.magic, echo.ts_ping) == (2, "txtl", 1234567890123)
    assert (echo.name, echo.fw_version, echo.ws_scheme) == ("DWARF3_SIM001", "1.5.0.1", "ws")
    assert echo.sta.ipv4 == bytes([127, 0, 0, 1])
    assert len(echo.mac_address) == 6


OTHER = DwarfPing(vocaltype=1, magic="other").SerializeToString()


@pytest.mark.parametrize("data", [b"", b"\xff\xff", OTHER])
async def test_udp_ignores_everything_else(simulator, data):
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(ask_udp, simulator, data, 0.2)


@pytest.fixture
async def control(simulator):
    async with httpx.AsyncClient(
        verify=False, base_url=f"http://127.0.0.1:{simulator.ports.control}"
    ) as client:
        yield client


@pytest.mark.parametrize("simulator", WITH_CONTROL, indirect=True)
async def test_control_tells_the_truth_and_sets_faults(control, talker, simulator):
    state = (await control.get("/state")).json()
    assert (state["calibrated"], state["open"], state["target"]) == (False, False, None)
    state = (await control.post("/faults", json={"solve-failure": True, "failed_frames": 0.25})).json()
    assert (state["faults"]["solve_failure"], state["faults"]["failed_frames"]) == (True, 0.25)
    assert (await talker.ask(Astro.START_CALIBRATION)).code < 0
    state = (await control.post("/environment", json={"air_c": -5, "battery_percent": 42})).json()
    assert (state["air_c"], state["battery_percent"]) == (pytest.approx(-5, abs=0.1), 42)
    await talker.ask(System.SET_LOCATION, latitude=1, longitude=2, altitude=3)
    state = (await control.get("/state")).json()
    assert (state["told_location"], simulator.device.setup.site.latitude_deg) == ([1, 2], 46.5)
    state = (await control.post("/mount", json={"wedge": True, "tilt": 0})).json()
    assert state["polar_error_deg"]["altitude"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("simulator", WITH_CONTROL, indirect=True)
async def test_control_actions(control, talker, simulator):
    await control.post("/actions", json={"do": "take_lock"})
    await talker.note(Notify.WS_HOST_SLAVE_MODE, mode=1, lock=True)
    await talker.send(Tele.PHOTOGRAPH)
    await control.post("/faults", json={"slave": False})
    await talker.note(Notify.WS_HOST_SLAVE_MODE, mode=0)
    assert not talker.notes(Notify.PHOTO_STATE)
    await control.post("/actions", json={"do": "drop_sockets"})
    await talker.until(lambda: talker.is_closed)
    await control.post("/actions", json={"do": "power_off"})
    assert not (await control.get("/state")).json()["powered"]
    state = (await control.post("/actions", json={"do": "power_on"})).json()
    assert state["powered"]


@pytest.mark.parametrize("simulator", WITH_CONTROL, indirect=True)
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"headers": {"origin": "http://evil.example"}, "json": {"slave": True}}, 403),
        ({"headers": {"host": "evil.example"}, "json": {"slave": True}}, 403),
        ({"content": '{"slave": true}', "headers": {"content-type": "text/plain"}}, 403),
        ({"json": {"slave": "maybe"}}, 400),
        ({"json": {"earthquake": True}}, 400),
        ({"json": {"failed_frames": 2}}, 400),
        ({"json": [1]}, 400),
        ({"content": "{", "headers": {"content-type": "application/json"}}, 400),
    ],
)
async def test_control_refuses_web_pages_and_nonsense(control, simulator, request_, status):
    assert (await control.post("/faults", **request_)).status_code == status
    assert not simulator.device.faults.slave


async def test_there_is_no_control_port_unless_asked_for(simulator):
    assert simulator.ports.control is None
    assert ANY_PORT.control is None


async def test_the_control_port_stays_on_loopback_whatever_the_host():
    options = small_options(host="0.0.0.0", ports=Ports(0, 0, 0, 0, 0, 0, 0, 0))
    async with Simulator(options, Painter(), profile=SMALL) as simulator:
        _, writer = await asyncio.open_connection("127.0.0.2", simulator.ports.http)
        writer.close()
        with pytest.raises(OSError, match="Connect"):
            await asyncio.open_connection("127.0.0.2", simulator.ports.control)


async def test_closing_ends_every_connection():
    async with Simulator(small_options(), Painter(), profile=SMALL) as simulator:
        talker = await Talker.connect(simulator.ports.websocket)
        opened = [
            await asyncio.open_connection("127.0.0.1", port)
            for port in (simulator.ports.http, simulator.ports.mjpeg, simulator.ports.ftp)
        ]
        opened[1][1].write(b"GET /mainstream HTTP/1.1\r\nHost: x\r\n\r\n")
        await opened[1][0].readline()
        await opened[2][0].readline()
    async with asyncio.timeout(10):
        await talker.until(lambda: talker.is_closed)
        for reader, writer in opened:
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()


async def test_a_kept_card_is_found_again(tmp_path):
    for round_ in range(2):
        async with Simulator(small_options(card=tmp_path / "card"), Painter(), profile=SMALL) as simulator:
            talker = await Talker.connect(simulator.ports.websocket)
            await session(talker, frames=1, target=f"round {round_}")
            await talker.close()
            folders = list((tmp_path / "card" / "Astronomy").glob("DWARF_RAW_*"))
            assert len(folders) == round_ + 1
            used = sum(path.stat().st_size for path in (tmp_path / "card").rglob("*") if path.is_file())
            assert simulator.device.card.free() == 64 * 10**9 - used
    assert json.loads((folders[0] / "shotsInfo.json").read_text())["shotsTaken"] == 1
