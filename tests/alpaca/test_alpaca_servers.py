"""The same route under both servers, over real sockets, on a real link."""

import http.client
import json
import socket
import threading
import time
from urllib.parse import urlencode

import numpy as np
import pytest
from alpacafakes import bayer_frame
from alpacaprocess import server

WIDTH, HEIGHT = 1920, 1080


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def port(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alpaca")
    with server(request.param, folder, ALPACA_SIZE=f"{WIDTH}x{HEIGHT}", ALPACA_EXPOSURE_S="0.05") as port:
        yield port


@pytest.fixture
def connection(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    yield connection
    connection.close()


def ask(connection, method: str, path: str, headers: dict[str, str] | None = None, **fields):
    """(status, content type, body) over a connection that stays open."""
    text = urlencode({"ClientID": 9, "ClientTransactionID": 4} | fields)
    if method == "GET":
        connection.request("GET", f"{path}?{text}", headers=headers or {})
    else:
        form = {"Content-Type": "application/x-www-form-urlencoded"} | (headers or {})
        connection.request(method, path, text, form)
    answer = connection.getresponse()
    return answer.status, answer.getheader("content-type"), answer.read()


def value(connection, path: str):
    status, _, body = ask(connection, "GET", f"/api/v1/{path}")
    assert status == 200
    answer = json.loads(body)
    assert answer["ErrorNumber"] == 0, answer
    assert answer["ClientTransactionID"] == 4
    return answer["Value"]


def do(connection, path: str, **fields) -> None:
    status, _, body = ask(connection, "PUT", f"/api/v1/{path}", **fields)
    assert status == 200, body
    assert json.loads(body)["ErrorNumber"] == 0


def test_one_connection_carries_many_requests_good_and_bad(connection):
    do(connection, "telescope/0/connected", Connected="True")
    local = connection.sock.getsockname()
    for index in range(50):
        do(connection, "telescope/0/targetrightascension", TargetRightAscension=index / 4)
        assert value(connection, "telescope/0/targetrightascension") == index / 4  # read your own writes
        assert ask(connection, "GET", "/api/v1/telescope/0/nonsense")[0] == 400
        assert ask(connection, "POST", "/api/v1/telescope/0/connected")[0] == 405
        assert ask(connection, "GET", "/api/v1/telescope/0/name", {"Origin": "http://evil.example"})[0] == 403
    assert connection.sock.getsockname() == local  # never closed between


def test_an_image_comes_through_whole(connection):
    do(connection, "camera/0/connected", Connected="True")
    do(connection, "camera/0/startexposure", Duration=1.0, Light="True")
    end = time.monotonic() + 20
    while not value(connection, "camera/0/imageready"):
        assert time.monotonic() < end
        time.sleep(0.02)
    status, kind, body = ask(
        connection, "GET", "/api/v1/camera/0/imagearray", {"Accept": "application/imagebytes"}
    )
    assert (status, kind) == (200, "application/imagebytes")
    pixels = np.frombuffer(body, "<u2", offset=44).reshape(WIDTH, HEIGHT)
    assert np.array_equal(pixels, bayer_frame(WIDTH, HEIGHT).T)
    status, kind, body = ask(connection, "GET", "/api/v1/camera/0/imagearray")
    assert kind.startswith("application/json")
    assert np.array_equal(np.array(json.loads(body)["Value"], "u2"), pixels)
    assert value(connection, "camera/0/camerastate") == 0


def raw(port: int, data: bytes, wait: float = 10.0) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        received = b""
        try:
            connection.sendall(data)
            while chunk := connection.recv(65_536):
                received += chunk
                if b"\r\n\r\n" in received:
                    break
        except OSError:
            pass
        return received


def test_a_body_in_chunks_is_a_form(port):
    head = (
        b"PUT /api/v1/focuser/0/connected HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    answer = raw(port, head + b"5\r\nConne\r\n9\r\ncted=True\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "request_",
    [
        b"PUT /api/v1/telescope/0/connected HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2097152\r\n\r\n"
        + b"x" * (2 << 20),
        b"GET /api/v1/telescope/0/name?ClientID=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/telescope/0/name HTTP/1.1\r\n\r\n",
        b"GET /api/v1/telescope/0/name HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /api/v1/telescope/0/../../secret HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"BREW /api/v1/telescope/0/name HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/telescope/0/name?\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\0" * 1000,
    ],
    ids=lambda request_: request_[:40].decode("latin-1"),
)
def test_what_is_wrong_is_refused_and_the_server_lives_on(port, request_):
    answer = raw(port, request_, wait=1.0)  # nonsense gets no answer from Daphne
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    assert value(connection, "telescope/0/name") == "DWARF 3"
    connection.close()


def test_many_clients_at_once_read_what_they_wrote(port):
    wrong = []

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for index in range(40):
            status, _, _ = ask(
                connection, "PUT", "/api/v1/telescope/0/connected", ClientID=number, Connected=index % 2 == 0
            )
            _, _, body = ask(connection, "GET", "/api/v1/telescope/0/connected", ClientID=number)
            if status != 200 or json.loads(body)["Value"] is not (index % 2 == 0):
                wrong.append((number, index, body))
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_client_that_leaves_in_the_middle_of_an_image_harms_nobody(port, connection):
    test_an_image_comes_through_whole(connection)
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as leaving:
            leaving.sendall(
                b"GET /api/v1/camera/0/imagearray?ClientID=9 HTTP/1.1\r\nHost: localhost\r\nAccept: application/imagebytes\r\n\r\n"
            )
            assert leaving.recv(1000)
    assert value(connection, "camera/0/imageready") is True
