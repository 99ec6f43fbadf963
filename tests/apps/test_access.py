"""Who may reach what: every address is on a short public list or refuses without login."""

import json
import re

import pytest
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.urls import URLPattern, get_resolver

from dashboard.choices import Role
from dashboard.services import create_token, create_user, renew_setup_token
from skycam_project.common.access import peer_in

PUBLIC = {"healthz", "readyz", "metrics", "welcome/", "login/", "control/v1/welcome/"}
PUBLIC |= {
    "rgb",
    "blackout",
    "scenes",
    "scenes/<str:scene>/recall",
    "show",
    "show/start",
    "show/stop",
    "show/pause",
    "show/resume",
    "projects",
}
PUBLIC |= {f"projects/<str:project>{end}" for end in ("", "/select", "/export", "/backups", "/restore")}
PUBLIC |= {"usb/devices", "usb/refresh", "usb/reconnect"}
PASSWORD = "a clear night in march"

pytestmark = pytest.mark.django_db


def routes(patterns=None, prefix=""):
    """Every address of the project, with something plausible for each parameter."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern.url_patterns, route)


def address(route: str) -> str:
    samples = {
        "<slug:camera>": "default",
        "<slug:telescope>": "0",
        "<slug:number>": "0",
        "<str:name>": "x.jpg",
        "<int:token>": "1",
        "<str:device_type>": "camera",
        "<str:number>": "2",
        "<str:scene>": "a",
        "<str:project>": "default",
        "<slug:fixture>": "main",
        "<int:universe>": "0",
        "<slug:session>": "idle_20261120_210000",
        "<str:session>": "idle_20261120_210000",
        "<slug:what>": "fits",
        "<slug:size>.<slug:form>": "strip.jpg",
        "<frame:index>": "000001",
        "<frame_number:index>": "1",
        "<path:object_id>": "1",
        "<str:node>": "roof",
        "<path:name>": "timelapse.mp4",
        "<path:content_type_id>": "1",
        "^(?P<app_label>observing_sessions)/$": "observing_sessions/",
        "(?P<url>.*)$": "anything",
    }
    for parameter, value in samples.items():
        route = route.replace(parameter, value)
    route = re.sub("<uuid:[a-z]+>", "9d3d5c6e-58d4-4e44-8f0b-7b1c3a2f1e00", route)
    assert "<" not in route, f"give {route} a sample value"
    return "/" + route


@pytest.fixture
def owner():
    return create_user("stella", PASSWORD, Role.OWNER)


@pytest.mark.parametrize("route", sorted(set(routes())))
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_an_address_is_public_or_refuses(owner, route, method):
    body = {} if method == "get" else {"data": "{}", "content_type": "application/json"}
    response = getattr(Client(), method)(address(route), **body)
    if route in PUBLIC:
        assert response.status_code not in (401, 403, 500) or method != "get"
    elif response.status_code == 302:
        assert response["Location"].startswith(("/login/", "/admin/"))
    else:
        assert response.status_code in (401, 403, 405)


@pytest.mark.parametrize("route", sorted(set(routes())))
def test_before_there_is_an_owner_everything_leads_to_the_first_run(route):
    response = Client().get(address(route))
    if route in PUBLIC and route != "login/":
        assert response.status_code not in (302, 403)
    elif route.startswith("control/"):
        assert response.status_code == 403 and response.json()["error"]["code"] == "no_owner"
    else:
        assert response.status_code == 302 and response["Location"] == "/welcome/"


@pytest.mark.parametrize("path", ["/ws/live/", "/ws/captures/"])
async def test_a_socket_refuses_without_login(path):
    from skycam_project.asgi import websocket

    socket = WebsocketCommunicator(
        websocket, path, headers=[(b"host", b"localhost"), (b"origin", b"http://localhost")]
    )
    connected, _ = await socket.connect()
    assert not connected or (await socket.receive_output())["type"] == "websocket.close"


@pytest.mark.parametrize("path", ["/ws/live/", "/ws/captures/"])
async def test_a_socket_refuses_pages_of_other_sites(path):
    from skycam_project.asgi import websocket

    socket = WebsocketCommunicator(
        websocket, path, headers=[(b"host", b"localhost"), (b"origin", b"http://evil.example")]
    )
    assert (await socket.connect())[0] is False


def test_a_foreign_host_name_is_refused(owner):
    """DNS rebinding: a page of evil.example whose name suddenly points here."""
    assert Client().get("/login/", headers={"host": "evil.example"}).status_code == 400


def test_each_role_may_do_what_it_says(owner):
    cases = [
        ("viewer", "get", "cameras/", 200), ("viewer", "post", "cameras/default/stop/", 403), ("viewer", "get", "tokens/", 403),
        ("operator", "post", "cameras/default/stop/", 503), ("operator", "get", "tokens/", 403), ("owner", "get", "tokens/", 200),
    ]  # fmt: skip
    tokens = {role: create_token(f"a {role}", role) for role in ("viewer", "operator", "owner")}
    for role, method, path, status in cases:
        for word in ("Bearer", "Token"):
            headers = {"authorization": f"{word} {tokens[role]}"}
            response = getattr(Client(), method)(
                f"/control/v1/{path}", headers=headers, content_type="application/json"
            )
            assert response.status_code == status, (role, path, response.content)


def test_a_token_is_kept_as_a_digest_only(owner):
    from dashboard.models import ApiToken

    token = create_token("grafana", "viewer")
    assert token not in json.dumps(list(ApiToken.objects.values()), default=str)
    assert Client().get("/control/v1/me/", headers={"authorization": f"Bearer {token}x"}).status_code == 401
    answer = Client().get("/control/v1/me/", headers={"authorization": f"Bearer {token}"})
    assert answer.json() == {"name": "grafana", "role": "viewer"}
    assert ApiToken.objects.get(name="grafana").last_used_at is not None


def test_a_token_in_an_address_is_worth_nothing(owner):
    token = create_token("careless", "owner")
    assert Client().get(f"/control/v1/me/?token={token}").status_code == 401


@pytest.mark.parametrize(
    ("headers", "content_type", "status"),
    [
        ({}, "text/plain", 415),
        ({}, "application/x-www-form-urlencoded", 415),
        ({"origin": "http://evil.example"}, "application/json", 403),
        ({"origin": "null"}, "application/json", 403),
        ({"sec-fetch-site": "cross-site"}, "application/json", 403),
        ({"origin": "http://testserver", "sec-fetch-site": "same-origin"}, "application/json", 503),
    ],
)
def test_a_change_comes_from_here_and_as_json(owner, settings, headers, content_type, status):
    settings.ALLOWED_HOSTS = ["testserver"]
    headers = {"authorization": f"Bearer {create_token('t', 'owner')}", **headers}
    for path in ("/control/v1/cameras/default/stop/", "/api/camera/stop/"):
        assert Client().post(path, headers=headers, content_type=content_type).status_code == status


def test_a_session_needs_the_csrf_token_too(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert (
        client.post("/control/v1/cameras/default/stop/", content_type="application/json").status_code == 403
    )


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-forwarded-host", "via"])
@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
def test_what_needs_no_login_refuses_an_unknown_proxy(header, path):
    response = Client().get(path, headers={header: "for=8.8.8.8"})
    assert response.status_code == 403 and response.json()["error"]["code"] == "unknown_proxy"


def test_metrics_are_for_local_networks_or_a_token(owner):
    for peer, status in (("127.0.0.1", 200), ("8.8.8.8", 403), ("192.168.3.4", 200), ("nonsense", 403)):
        assert Client().get("/metrics", REMOTE_ADDR=peer).status_code == status, peer
    headers = {"authorization": f"Bearer {create_token('prometheus', 'viewer')}"}
    answer = Client().get("/metrics", REMOTE_ADDR="8.8.8.8", headers=headers)
    assert answer.status_code == 200 and b"skycam_process_up" in answer.content


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.0.0.1", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("x", False),
    ],
)
def test_a_peer_is_compared_by_address(address, inside):
    import ipaddress

    assert peer_in(address, [ipaddress.ip_network("10.0.0.0/8")]) is inside


# ---- the first run


def welcome(client: Client, **values: str):
    body = {"token": "", "username": "stella", "password": PASSWORD} | values
    return client.post("/control/v1/welcome/", json.dumps(body), content_type="application/json")


@pytest.fixture
def no_throttle(settings):
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


def test_the_set_up_token_makes_one_owner_once(no_throttle):
    token = renew_setup_token()
    assert welcome(Client(), token="wrong").json()["error"]["code"] == "setup_refused"
    weak = welcome(Client(), token=token, password="short")
    assert weak.status_code == 400 and weak.json()["error"]["field"] == "password"
    client = Client()
    assert welcome(client, token=token).status_code == 201
    assert client.get("/").status_code == 200, "the new owner is logged in"
    assert welcome(Client(), token=token, username="eve").json()["error"]["code"] == "setup_refused"
    assert renew_setup_token() is None


def test_an_old_set_up_token_is_refused(no_throttle, settings):
    import os

    token = renew_setup_token()
    os.utime(settings.DATA / "setup-token", (1, 1))
    assert "older than an hour" in welcome(Client(), token=token).json()["error"]["text"]


def test_guessing_is_slowed_down(no_throttle):
    renew_setup_token()
    answers = [welcome(Client(), token=f"guess {n}").status_code for n in range(7)]
    assert answers == [409] * 5 + [429] * 2


def test_the_set_up_token_is_for_this_user_only(settings):
    renew_setup_token()
    assert (settings.DATA / "setup-token").stat().st_mode & 0o777 == 0o600
    assert (settings.DATA / "secret_key").stat().st_mode & 0o777 == 0o600
