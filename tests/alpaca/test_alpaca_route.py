"""The direct route: who is let in, what becomes of bodies, bugs and clients that leave."""

import asyncio
import base64
import logging

import pytest
from alpacafakes import NETWORKS, ask, scope_of
from django.db.backends.base.base import BaseDatabaseWrapper
from prometheus_client import REGISTRY

from alpaca import services
from skycam_project import alpaca_route
from skycam_project.alpaca_route import AlpacaRoute
from skycam_project.common.access import Access
from skycam_project.common.errors import InvalidValueError

NAME = "/api/v1/telescope/0/name"
CONNECTED = "/api/v1/telescope/0/connected"
HOST = (b"host", b"127.0.0.1:8080")


def count(endpoint: str, outcome: str) -> float:
    labels = {"endpoint": endpoint, "outcome": outcome}
    return REGISTRY.get_sample_value("skycam_alpaca_requests_total", labels) or 0.0


# ---- who may ask


@pytest.mark.parametrize(
    "peer",
    ["127.0.0.1", "127.8.9.1", "10.1.2.3", "172.31.255.255", "192.168.88.1", "169.254.3.4", "::1", "fe80::1%eth0", "fd00::7", "::ffff:192.168.1.5"],
)  # fmt: skip
async def test_local_peers_are_served(route, peer):
    assert (await ask(route, "GET", NAME, client=(peer, 1))).status == 200


@pytest.mark.parametrize(
    "peer", ["8.8.8.8", "172.32.0.1", "192.169.0.1", "2001:db8::1", "::ffff:8.8.8.8", "", "not an address"]
)
async def test_peers_elsewhere_are_not(route, peer):
    answer = await ask(route, "GET", NAME, client=(peer, 1))
    assert answer.status == 403
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_peer_without_an_address_is_not_served(route):
    assert (await ask(route, "GET", NAME, client=None)).status == 403


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"LOCALHOST:8080", b"skycam.local:8080", b"skycam.local.", b"192.168.1.7:8080", b"8.8.8.8", b"[::1]:8080", b"[fe80::1]", b"[fe80::1%25eth0]:8080"],
)  # fmt: skip
async def test_known_names_and_addresses_are_served(route, host):
    assert (await ask(route, "GET", NAME, headers=[(b"host", host)])).status == 200


@pytest.mark.parametrize(
    "host",
    [b"evil.example", b"evil.example:8080", b"skycam.local.evil.example", b"xskycam.local", b"", b"localhost:x", b"localhost:8080:1", b"[::1", b"[evil]:8080", b"localhost@evil.example", b"127.0.0.1.evil.example", b"\xff", b"."],
)  # fmt: skip
async def test_other_names_are_refused_as_dns_rebinding_makes_them(route, host):
    assert (await ask(route, "GET", NAME, headers=[(b"host", host)])).status == 400


async def test_a_request_without_or_with_two_hosts_is_refused(route):
    assert (await ask(route, "GET", NAME, headers=[])).status == 400
    assert (await ask(route, "GET", NAME, headers=[HOST, HOST])).status == 400


async def test_a_domain_covers_every_name_below_it(route):
    access = Access(NETWORKS, hosts=[".observatory.lan"])
    for host, good in (
        (b"hut.observatory.lan", True),
        (b"observatory.lan", False),
        (b"xobservatory.lan", False),
    ):
        assert (access.refusal(scope_of("GET", NAME, headers=[(b"host", host)])) is None) is good


def test_rules_that_would_let_everybody_in_or_nobody_are_refused():
    with pytest.raises(InvalidValueError, match="hosts"):
        Access(NETWORKS, hosts=["*"])
    with pytest.raises(InvalidValueError, match="proxies"):
        Access(NETWORKS, hosts=[], trusted_proxies=["proxy.lan"])


@pytest.mark.parametrize(
    "header",
    [
        (b"origin", b"http://evil.example"), (b"origin", b"null"), (b"origin", b"http://127.0.0.1:9000"),
        (b"origin", b"http://127.0.0.1"), (b"sec-fetch-site", b"cross-site"), (b"sec-fetch-site", b"same-site"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_pages_of_other_sites_are_refused(route, telescope, header, method):
    answer = await ask(route, method, CONNECTED, body=b"Connected=True", headers=[HOST, header])
    assert answer.status == 403
    assert telescope.calls == []
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "header",
    [
        (b"origin", b"http://127.0.0.1:8080"),
        (b"sec-fetch-site", b"same-origin"),
        (b"sec-fetch-site", b"none"),
    ],
)
async def test_own_pages_are_served(route, header):
    assert (await ask(route, "GET", NAME, headers=[HOST, header])).status == 200


@pytest.mark.parametrize(
    "header",
    [(b"x-forwarded-for", b"192.168.1.9"), (b"forwarded", b"for=192.168.1.9"), (b"via", b"1.1 proxy"), (b"x-forwarded-host", b"a"), (b"x-forwarded-proto", b"https"), (b"x-real-ip", b"192.168.1.9")],
)  # fmt: skip
async def test_a_proxy_that_nobody_declared_is_refused(route, header):
    """A proxy on this host makes every peer 127.0.0.1."""
    answer = await ask(route, "GET", NAME, headers=[HOST, header])
    assert answer.status == 403
    assert b"SKYCAM_TRUSTED_PROXIES" in answer.body


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ([b"192.168.1.9"], 200), ([b"8.8.8.8"], 403), ([b"192.168.1.9, 8.8.8.8"], 403), ([b"8.8.8.8, 192.168.1.9"], 200),
        ([b"8.8.8.8, 10.9.9.9"], 403), ([b"192.168.1.9", b"8.8.8.8"], 403), ([b"unknown"], 403), ([b""], 403),
        ([b"10.9.9.9"], 200),
    ],
)  # fmt: skip
async def test_behind_a_declared_proxy_its_client_counts(telescope, route, forwarded, status):
    trusting = AlpacaRoute(Access(NETWORKS, ["localhost"], trusted_proxies=["10.9.9.9"]))
    headers = [HOST, *((b"x-forwarded-for", value) for value in forwarded)]
    assert (await ask(trusting, "GET", NAME, headers=headers, client=("10.9.9.9", 1))).status == status
    assert (await ask(trusting, "GET", NAME, headers=headers, client=("10.9.9.8", 1))).status == 403


async def test_a_declared_proxy_must_say_for_whom_it_asks(route):
    trusting = AlpacaRoute(Access(NETWORKS, ["localhost"], trusted_proxies=["127.0.0.1"]))
    assert (await ask(trusting, "GET", NAME, headers=[HOST, (b"via", b"1.1 proxy")])).status == 403


async def test_alpaca_can_be_switched_off(route, telescope):
    off = AlpacaRoute(Access(NETWORKS, ["localhost"]), enabled=False)
    for path in (NAME, "/management/apiversions"):
        answer = await ask(off, "GET", path)
        assert answer.status == 403
        assert b"SKYCAM_ALPACA" in answer.body


async def test_a_refusal_is_logged_once_a_minute(route, caplog, monkeypatch):
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            await ask(route, "GET", NAME, client=("8.8.8.8", 1))
        assert [record.getMessage() for record in caplog.records] == [
            "alpaca: refused: Requests from 8.8.8.8 are not allowed here."
        ]
        later = alpaca_route.monotonic() + alpaca_route.NOTE_INTERVAL
        monkeypatch.setattr(alpaca_route, "monotonic", lambda: later)
        await ask(route, "GET", NAME, client=("8.8.8.8", 1))
        assert len(caplog.records) == 2


# ---- password


def basic(text: str) -> list[tuple[bytes, bytes]]:
    return [HOST, (b"authorization", b"Basic " + base64.b64encode(text.encode()))]


async def test_a_password_is_asked_for_and_any_name_goes_with_it(route):
    guarded = AlpacaRoute(Access(NETWORKS, ["localhost"]), password="dark:sky")
    answer = await ask(guarded, "GET", NAME)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    for header in (
        basic("nina:wrong"),
        basic("dark:sky"),
        [HOST, (b"authorization", b"Basic !!!")],
        [HOST, (b"authorization", b"Bearer x")],
    ):
        assert (await ask(guarded, "GET", NAME, headers=header)).status == 401
    for name in ("", "nina"):
        assert (await ask(guarded, "GET", NAME, headers=basic(f"{name}:dark:sky"))).status == 200


async def test_guessing_a_password_ends(route, monkeypatch):
    guarded = AlpacaRoute(Access(NETWORKS, ["localhost"]), password="dark sky")
    for _ in range(alpaca_route.MOST_FAILURES):
        assert (await ask(guarded, "GET", NAME, headers=basic("x:guess"))).status == 401
    assert (await ask(guarded, "GET", NAME, headers=basic("x:dark sky"))).status == 429
    other = await ask(guarded, "GET", NAME, headers=basic("x:dark sky"), client=("192.168.1.9", 1))
    assert other.status == 200
    later = alpaca_route.monotonic() + alpaca_route.FAILURE_WINDOW + 1
    monkeypatch.setattr(alpaca_route, "monotonic", lambda: later)
    assert (await ask(guarded, "GET", NAME, headers=basic("x:dark sky"))).status == 200


# ---- bodies


def receiver(*messages):
    queue = list(messages)

    async def receive():
        if queue:
            return queue.pop(0)
        return {"type": "http.disconnect"}

    return receive


async def run(route, scope, receive) -> list[dict]:
    sent = []

    async def send(message):
        sent.append(message)

    await route(scope, receive, send)
    return sent


FORM = [HOST, (b"content-type", b"application/x-www-form-urlencoded")]


def part(body: bytes, more: bool) -> dict:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_pieces_is_one_form(route, telescope):
    receive = receiver(part(b"Conn", True), part(b"", True), part(b"ected=Tr", True), part(b"ue", False))
    sent = await run(route, scope_of("PUT", CONNECTED, headers=FORM), receive)
    assert sent[0]["status"] == 200
    assert telescope.calls[0][0] == "connect"


@pytest.mark.parametrize(
    "messages",
    [
        [part(b"x" * (2 << 20), False)],
        [part(b"x" * (1 << 19), True)] * 4,
        [part(b"Connected=True&x=" + b"y" * (1 << 20), False)],
    ],
)
async def test_a_body_of_two_megabytes_is_refused_before_it_is_kept(route, telescope, messages):
    sent = await run(route, scope_of("PUT", CONNECTED, headers=FORM), receiver(*messages))
    assert sent[0]["status"] == 413
    assert telescope.calls == []


@pytest.mark.parametrize("length", [b"2000000", b"-1", b"99999999999999999999", b"abc", b""])
async def test_an_announced_length_out_of_range_is_refused_unread(route, length):
    async def never():
        raise AssertionError("the body was read")

    sent = await run(route, scope_of("PUT", CONNECTED, headers=[*FORM, (b"content-length", length)]), never)
    assert sent[0]["status"] == 413


async def test_a_client_that_leaves_within_its_body_gets_nothing_and_does_nothing(route, telescope):
    sent = await run(route, scope_of("PUT", CONNECTED, headers=FORM), receiver(part(b"Connected=True", True)))
    assert sent == []
    assert telescope.calls == []


async def test_a_body_that_never_ends_is_given_up(route, telescope, monkeypatch):
    monkeypatch.setattr(alpaca_route, "BODY_TIMEOUT", 0.05)
    first = [part(b"Connected=True", True)]

    async def receive():
        if first:
            return first.pop()
        await asyncio.Event().wait()

    assert await run(route, scope_of("PUT", CONNECTED, headers=FORM), receive) == []
    assert telescope.calls == []


async def test_a_query_that_is_no_text_is_400(route):
    scope = scope_of("GET", NAME)
    scope["query_string"] = b"ClientID=\xff"
    assert (await run(route, scope, receiver()))[0]["status"] == 400


# ---- bugs, floods, clients that leave


async def test_a_bug_is_500_with_a_sentence_and_a_log_line_with_its_transactions(route, telescope, caplog):
    telescope.refusal = ZeroDivisionError("secret detail")
    with caplog.at_level(logging.ERROR):
        answer = await ask(route, "PUT", CONNECTED, body=b"Connected=True&ClientID=5&ClientTransactionID=77")
    assert answer.status == 500
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"secret" not in answer.body
    line = caplog.records[-1].getMessage()
    assert "client=5" in line
    assert "client_transaction=77" in line
    assert caplog.records[-1].exc_info


async def test_a_bug_outside_the_views_is_500_too(route, monkeypatch, caplog):
    monkeypatch.setattr(services, "_installed", None)
    answer = await ask(route, "GET", NAME)
    assert answer.status == 500
    assert "alpaca.services.install() has not been called" in caplog.text


async def test_a_command_that_has_begun_is_finished_after_its_client_has_left(route, telescope):
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow_connect(**_arguments):
        begun.set()
        await go_on.wait()
        done.set()

    telescope.connect = slow_connect
    request = asyncio.create_task(
        run(route, scope_of("PUT", CONNECTED, headers=FORM), receiver(part(b"Connected=True", False)))
    )
    await begun.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    go_on.set()
    async with asyncio.timeout(5):
        await done.wait()


async def test_a_flood_is_refused_and_the_route_recovers(route, telescope, monkeypatch):
    monkeypatch.setattr(alpaca_route, "MOST_REQUESTS", 3)
    go_on = asyncio.Event()

    async def slow_connect(**_arguments):
        await go_on.wait()

    telescope.connect = slow_connect
    waiting = [asyncio.create_task(ask(route, "PUT", CONNECTED, body=b"Connected=True")) for _ in range(3)]
    await asyncio.sleep(0)
    assert (await ask(route, "GET", NAME)).status == 503
    go_on.set()
    assert [answer.status for answer in await asyncio.gather(*waiting)] == [200, 200, 200]
    assert (await ask(route, "GET", NAME)).status == 200


async def test_no_request_touches_the_database(connected, monkeypatch):
    touched = []
    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", touched.append)
    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", touched.append)
    await connected.do("telescope/0/tracking", Tracking=True)
    await connected.value("camera/0/devicestate")
    for path in ("apiversions", "v1/description", "v1/configureddevices"):
        assert (await ask(connected.route, "GET", f"/management/{path}")).status == 200
    assert touched == []


# ---- measured


async def test_what_is_counted_has_bounded_labels(connected):
    before = (
        count("telescope/declination", "ok"),
        count("telescope/sideofpier", "0x400"),
        count("unknown", "http_400"),
    )
    await connected.value("telescope/0/declination")
    await connected.error("get", "telescope/0/sideofpier")
    for index in range(50):
        await ask(connected.route, "GET", f"/api/v1/telescope/{index + 1}/declination")
        await ask(connected.route, "GET", f"/api/v1/x{index}/0/declination")
    after = (
        count("telescope/declination", "ok"),
        count("telescope/sideofpier", "0x400"),
        count("unknown", "http_400"),
    )
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 100]
    seconds = REGISTRY.get_sample_value(
        "skycam_alpaca_request_seconds_count", {"endpoint": "telescope/declination"}
    )
    assert seconds >= 1


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/api/v1/telescope/0/name", True), ("/api/v2/x", True), ("/api/v1", True), ("/management/apiversions", True),
        ("/api/camera/default", False), ("/api/video/1", False), ("/", False), ("/setup/v1/telescope/0/setup", False),
        ("/control/v1/status", False), ("/management", False),
    ],
)  # fmt: skip
def test_which_paths_belong_to_the_route(path, wanted):
    assert AlpacaRoute.wants(path) is wanted
