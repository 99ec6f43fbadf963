"""Document 004's topics with a real mosquitto: state, will, reconnects, floods, Home Assistant."""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import time

import paho.mqtt.client as paho
import pytest
from lightsrig import wait_for

from lighting.engine.ulid import new_ulid
from tests.ports import free_port

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not shutil.which("mosquitto"), reason="no mosquitto: apt install mosquitto"),
]

COMMAND, STATE, ONLINE = "v1/demo/rgb/cmd", "v1/demo/rgb/state", "v1/devices/server/state"


class Mosquitto:
    """A broker on a port of its own."""

    def __init__(self, folder, port=None, extra=""):
        self.port = port or free_port()
        self.folder = folder / "broker"
        self.folder.mkdir(exist_ok=True)
        self.config = self.folder / "mosquitto.conf"
        self.config.write_text(
            f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\nmax_queued_messages 20000\n"
            f"message_size_limit 200000\nuser root\nlistener {self.port} 127.0.0.1\n{extra or 'allow_anonymous true'}\n"
        )
        self.start()

    def start(self):
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(["mosquitto", "-c", str(self.config)], stderr=log)

        def listening():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_for(listening)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(10)


class Peer:
    """Another client: remembers the newest payload of each topic."""

    def __init__(self, port, **options):
        self.values = {}
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, **options)
        self.client.on_message = self.heard
        self.client.on_connect = lambda client, *rest: client.subscribe("#", 1)
        self.client.connect("127.0.0.1", port)
        self.port = port
        self.client.loop_start()

    def heard(self, client, data, message):
        if not message.payload:
            self.values.pop(message.topic, None)
        with contextlib.suppress(ValueError, RecursionError):  # it hears the nonsense of the tests, too
            self.values[message.topic] = json.loads(message.payload)

    def set(self, r, retain=False, **more):
        body = {"cmdId": new_ulid(), "src": "esp", "r": r, "g": 0, "b": 0} | more
        self.client.publish(COMMAND, json.dumps(body), qos=1, retain=retain).wait_for_publish(10)
        return body

    def raw(self, payload, topic=COMMAND):
        self.client.publish(topic, payload, qos=1).wait_for_publish(10)

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(folder):
    broker = Mosquitto(folder)
    yield broker
    broker.end(signal.SIGKILL)


@pytest.fixture
def peer(broker):
    peer = Peer(broker.port)
    yield peer
    peer.end()


@pytest.fixture
def lights(broker, engine_process):
    def start(**variables):
        process = engine_process(DMX_MQTT_HOST="127.0.0.1", DMX_MQTT_PORT=str(broker.port), **variables)
        wait_for(lambda: (process.state() or {}).get("mqttConnected"))
        return process

    return start


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_command_becomes_the_retained_state(lights, peer, broker, version):
    process = lights(DMX_MQTT_VERSION=version)
    first = wait_for(lambda: peer.values.get(STATE))
    assert peer.values[ONLINE] == {"online": True}
    sent = peer.set(300)
    wait_for(lambda: peer.values[STATE]["r"] == 255)
    assert peer.values[STATE]["seq"] == first["seq"] + 1
    assert peer.values[STATE] == process.rgb
    process.ask("submit", command=sent | {"r": 5})
    process.set(6)
    wait_for(lambda: peer.values[STATE]["r"] == 6)
    assert peer.values[STATE]["seq"] == first["seq"] + 2, "the same id over the link was ignored"
    late = Peer(broker.port)
    assert wait_for(lambda: late.values.get(STATE))["r"] == 6, "retained"
    late.end()


def test_the_will_after_kill_and_the_farewell_after_a_planned_end(lights, peer):
    process = lights()
    wait_for(lambda: peer.values.get(ONLINE) == {"online": True})
    process.end(kill=True)
    wait_for(lambda: peer.values[ONLINE] == {"online": False})
    process.start()
    wait_for(lambda: peer.values[ONLINE] == {"online": True})
    assert process.end() == 0
    wait_for(lambda: peer.values[ONLINE] == {"online": False})


def test_a_broker_restart_ends_nothing(lights, broker, peer):
    process = lights()
    process.set(1)
    for round_ in range(2):
        broker.end(signal.SIGKILL)
        wait_for(lambda: not process.state()["mqttConnected"])
        process.set(40 + round_)
        broker.start()
        wait_for(lambda: process.state()["mqttConnected"], 40)
        fresh = Peer(broker.port)
        wait_for(lambda fresh=fresh, r=40 + round_: (fresh.values.get(STATE) or {}).get("r") == r)
        fresh.set(90 + round_)
        wait_for(lambda r=90 + round_: process.rgb["r"] == r)
        fresh.end()
    assert "mqtt_reconnect" in process.log()


def test_commands_sent_while_the_server_was_away_are_applied_once(lights, peer):
    process = lights()
    before = process.rgb["seq"]
    process.end()
    sent = [peer.set(value) for value in (10, 20, 30)]
    peer.raw(json.dumps(sent[0]))
    process.start()
    wait_for(lambda: process.rgb["r"] == 30)
    time.sleep(0.3)
    assert process.rgb["seq"] == before + 1 + 3, "one for the start, three commands, the repeat ignored"


BAD = [b"[]", b"", b"\xff\xfe", b"{", b"5", b"null", b'{"cmdId":1}', b"[" * 9000, b'"' + b"x" * 70_000 + b'"']


def test_a_bad_payload_ends_nothing(lights, peer):
    process = lights()
    for number, payload in enumerate(BAD):
        peer.raw(payload)
        peer.raw(payload, topic="v1/devices/esp1/state")
        peer.set(50 + number)
        wait_for(lambda number=number: process.rgb["r"] == 50 + number)
    assert "bad_cmd" in process.log() and not process.state()["failed"]
    assert process.state()["mqttConnected"]


def test_the_runbooks_words_are_in_the_log_and_a_state_from_outside_is_no_command(lights, peer):
    process = lights()
    wait_for(lambda: peer.values.get(STATE))
    rows = [json.loads(line) for line in process.log().splitlines() if line.startswith("{")]
    published = next(row for row in rows if row["message"] == "publish_state")
    assert published["context"]["seq"] == process.rgb["seq"] and published["context"]["topic"] == STATE
    forged = peer.values[STATE] | {"r": 200, "seq": 10_000}
    peer.raw(json.dumps(forged), topic=STATE)
    peer.set(7)
    wait_for(lambda: process.rgb["r"] == 7)
    assert process.rgb["seq"] < 10, "the server listens to commands only"


def test_a_retained_command_is_ignored(lights, peer, broker):
    peer.set(99, retain=True)
    process = lights()
    peer.set(3)
    wait_for(lambda: process.rgb["r"] == 3)
    assert process.rgb["seq"] == 2
    assert "retained" in process.log()


def test_a_flood_is_applied_or_counted(lights, peer):
    process = lights(DMX_QUEUE_SIZE="50")
    before = process.rgb["seq"]
    for number in range(5000):
        peer.client.publish(
            COMMAND, json.dumps({"cmdId": new_ulid(), "src": "esp", "r": number % 256, "g": 0, "b": 0}), qos=1
        )

    def all_accounted():
        text = process.ask("metrics")
        lost = [
            float(line.split()[-1])
            for line in text.splitlines()
            if line.startswith('dmx_engine_dropped_total{reason="full"}')
        ]
        return process.rgb["seq"] - before + sum(lost) == 5000

    wait_for(all_accounted, 40)


def test_devices_are_seen_with_their_time(lights, peer):
    process = lights()
    peer.raw(b'{"online":true}', topic="v1/devices/esp-1/state")
    device = wait_for(lambda: process.state()["devices"].get("esp-1"))
    assert device["online"] is True and abs(device["heardAt"] - time.time() * 1000) < 60_000
    assert "server" not in process.state()["devices"]


def test_without_a_broker_the_lights_work(engine_process):
    process = engine_process(DMX_MQTT_HOST="127.0.0.1", DMX_MQTT_PORT="1")
    process.set(12)
    wait_for(lambda: process.rgb["r"] == 12)
    assert process.state()["mqttRequired"] and not process.state()["mqttConnected"]


def test_user_and_password(folder, engine_process):
    passwords = folder / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(passwords), "lamp", "s3cret"], check=True, capture_output=True
    )
    broker = Mosquitto(folder, extra=f"allow_anonymous false\npassword_file {passwords}")
    try:
        place = {"DMX_MQTT_HOST": "127.0.0.1", "DMX_MQTT_PORT": str(broker.port), "DMX_MQTT_USERNAME": "lamp"}
        process = engine_process(**place, DMX_MQTT_PASSWORD="wrong", DMX_MQTT_CLIENT_ID_PREFIX="my-lights")
        wait_for(lambda: "uthori" in process.log())
        process.end()
        process.environment["DMX_MQTT_PASSWORD"] = "s3cret"
        process.start()
        wait_for(lambda: process.state()["mqttConnected"])
        assert "s3cret" not in process.log() and "wrong" not in process.log()
        assert "my-lights" in (broker.folder / "log").read_text()
    finally:
        broker.end()


def test_tls(folder, engine_process):
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    extension = [
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
    ]
    subprocess.run([*command, *extension], check=True, capture_output=True)
    broker = Mosquitto(
        folder, extra=f"allow_anonymous true\ncafile {certificate}\ncertfile {certificate}\nkeyfile {key}"
    )
    try:
        process = engine_process(
            DMX_MQTT_HOST="localhost", DMX_MQTT_PORT=str(broker.port), DMX_MQTT_TLS_CA=str(certificate)
        )
        wait_for(lambda: process.state()["mqttConnected"])
    finally:
        broker.end()


def test_home_assistant_follows_the_patch(lights, peer):
    process = lights(DMX_HOMEASSISTANT="true")
    main = {"name": "main", "role": "main"}
    config, state = "homeassistant/light/skycam-porch/config", "v1/observatory/lights/porch/state"
    process.ask("patch", fixtures=[main, {"name": "porch", "start": 20, "profile": "dimmer"}])
    assert wait_for(lambda: peer.values.get(config))["supported_color_modes"] == ["brightness"]
    wait_for(lambda: peer.values.get(state))
    process.ask("patch", fixtures=[main])
    for topic in (config, state):
        wait_for(lambda topic=topic: topic not in peer.values)
    late = Peer(peer.port)
    wait_for(lambda: late.values.get("homeassistant/light/skycam-main/config"))
    assert config not in late.values, "nothing of it stays at the broker"
    late.end()


def test_home_assistant_finds_and_drives_the_light(lights, peer):
    process = lights(DMX_HOMEASSISTANT="true")
    config = wait_for(lambda: peer.values.get("homeassistant/light/skycam-main/config"))
    assert config["schema"] == "json" and config["supported_color_modes"] == ["rgb"]
    peer.raw(
        json.dumps({"state": "ON", "brightness": 128, "color": {"r": 255, "g": 0, "b": 255}}),
        config["command_topic"],
    )
    wait_for(lambda: process.rgb["r"] == 128)
    assert process.rgb["updatedBy"] == "ha"
    shown = wait_for(lambda: (value := peer.values.get(config["state_topic"]))["state"] == "ON" and value)
    assert shown["brightness"] == 128 and shown["color"] == {"r": 255, "g": 0, "b": 255}
    peer.raw(b'{"state":"OFF"}', config["command_topic"])
    wait_for(lambda: process.rgb["r"] == 0)
    wait_for(lambda: peer.values[config["state_topic"]]["state"] == "OFF")
    for nonsense in (b"[]", b'{"state":"MAYBE"}', b'{"color":5}', b'{"brightness":"x"}'):
        peer.raw(nonsense, config["command_topic"])
    peer.raw(b'{"state":"ON","brightness":10}', config["command_topic"])
    wait_for(lambda: process.rgb["r"] == 10)
