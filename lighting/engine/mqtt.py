"""Document 004's topics, and the lights' announcement to Home Assistant."""

import asyncio
import logging
import re
import time
from typing import Any

import orjson

from lighting.engine import metrics
from lighting.engine.commands import LARGEST, own_command, parse_command
from lighting.engine.engine import Engine
from lighting.engine.rig import MAIN
from lighting.engine.slot import Slot
from lighting.engine.state import RgbState
from lighting.errors import BadCommandError, InterlockedError, LightingError, QueueFullError
from skycam_project.common.mqtt import Broker, Connection, Presence, Publish
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

COMMAND = "v1/demo/rgb/cmd"
STATE = "v1/demo/rgb/state"
PRESENCE = Presence("v1/devices/server/state", b'{"online":true}', b'{"online":false}')
DEVICES = "v1/devices/+/state"
EVENTS = "v1/observatory/events"
FIXTURES = "v1/observatory/lights"
DEVICE = re.compile(r"v1/devices/([A-Za-z0-9_-]{1,64})/state")
FIXTURE = re.compile(rf"{FIXTURES}/([a-z0-9-]{{1,40}})/set")
MOST_DEVICES = 200
SAY_EVERY: Seconds = 1.0


class LightsMqtt:
    """Commands in, retained state out. One connection; nothing that arrives can end it."""

    def __init__(self, engine: Engine) -> None:
        config = self._config = engine.config
        self.engine, self.devices = engine, dict[str, dict[str, Any]]()
        broker = Broker(
            config.dmx_mqtt_host or "localhost", config.dmx_mqtt_client_id_prefix, config.dmx_mqtt_port,
            config.dmx_mqtt_username, config.dmx_mqtt_password, config.dmx_mqtt_tls_ca, config.dmx_mqtt_version,
            config.dmx_mqtt_keepalive,
        )  # fmt: skip
        topics = [COMMAND, DEVICES] + ([f"{FIXTURES}/+/set"] if config.dmx_homeassistant else [])
        self.connection = Connection(
            broker,
            topics,
            PRESENCE,
            self._greet,
            self._heard,
            changed=self._changed,
            loud=bool(config.dmx_mqtt_host),
        )
        self._states: Slot[RgbState] = Slot()
        self._frames: Slot[dict[int, bytes]] = Slot()
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue(100)
        engine.state_slots.append(self._states)
        engine.events.queues.append(self._events)
        if config.dmx_homeassistant:
            engine.frame_slots.append(self._frames)
        self._bad, self._said = 0, -SAY_EVERY
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.connection.run())
            tasks.create_task(self._send_states())
            tasks.create_task(self._send_events())
            if self._config.dmx_homeassistant:
                tasks.create_task(self._send_fixtures())

    def _changed(self) -> None:
        metrics.mqtt_connected.set(self.connection.connected)
        self.engine.on_change()

    # ---- out

    async def _greet(self, publish: Publish) -> None:
        state = self.engine.state
        await publish(STATE, orjson.dumps(state.body()), True)
        log.info("publish_state", extra={"seq": state.seq, "topic": STATE})
        if self._config.dmx_homeassistant:
            for topic, payload in self._retained().items():
                await publish(topic, payload, True)

    async def _send_states(self) -> None:
        while True:
            state = await self._states.take()
            if await self.connection.publish(STATE, orjson.dumps(state.body()), True):
                log.debug("publish_state", extra={"seq": state.seq, "topic": STATE})

    async def _send_events(self) -> None:
        while True:
            await self.connection.publish(EVENTS, orjson.dumps(await self._events.get()))

    async def _send_fixtures(self) -> None:
        """Fixtures for Home Assistant, at most ten times a second, what has changed: colours, and the patch."""
        sent: dict[str, bytes] = {}
        while True:
            await self._frames.take()
            for topic, payload in self._retained().items():
                if sent.get(topic) != payload and await self.connection.publish(topic, payload, True):
                    sent[topic] = payload
            await asyncio.sleep(0.1)

    def _retained(self) -> dict[str, bytes]:
        """What Home Assistant shall find, by topic; nothing for fixtures that have left the patch, which removes them there."""
        rig, found = self.engine.rig, dict[str, bytes]()
        for name in dict.fromkeys([*rig.fixtures, *rig.numbered]):
            here = name in rig.fixtures
            config, state = f"homeassistant/light/skycam-{name}/config", f"{FIXTURES}/{name}/state"
            found[config] = orjson.dumps(self.announcement(name)) if here else b""
            found[state] = orjson.dumps(self.shown(name)) if here else b""
        return found

    def announcement(self, name: str) -> dict[str, Any]:
        """Home Assistant's discovery message of one fixture (MQTT light, schema `json`)."""
        fixture = self.engine.rig.fixtures[name]
        mode = "brightness" if fixture.profile == "dimmer" else "rgb"
        return {
            "name": name.replace("-", " ").capitalize(), "unique_id": f"skycam-{name}", "schema": "json",
            "command_topic": f"{FIXTURES}/{name}/set", "state_topic": f"{FIXTURES}/{name}/state",
            "supported_color_modes": [mode], "brightness": True, "qos": 1,
            "availability_topic": PRESENCE.topic, "availability_template": "{{ 'online' if value_json.online else 'offline' }}",
            "device": {"identifiers": ["skycam-lights"], "name": "Skycam lights"},
        }  # fmt: skip

    def shown(self, name: str) -> dict[str, Any]:
        """A fixture as Home Assistant's state has it: full colour beside a brightness."""
        colour = self.engine.rig.colour(name)
        level = max(colour)
        body: dict[str, Any] = {"state": "ON" if level else "OFF", "brightness": level}
        if self.engine.rig.fixtures[name].profile != "dimmer":
            full = [round(part * 255 / level) for part in colour] if level else [255, 255, 255]
            body |= {"color_mode": "rgb", "color": dict(zip("rgb", full, strict=True))}
        else:
            body["color_mode"] = "brightness"
        return body

    # ---- in

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        try:
            if topic == COMMAND:
                self._command(payload, retained)
            elif found := DEVICE.fullmatch(topic):
                self._device(found[1], payload)
            elif found := FIXTURE.fullmatch(topic):
                self._assistant(found[1], payload)
        except (BadCommandError, ValueError, RecursionError) as error:
            self._drop("bad_cmd", topic, str(error))
        except (QueueFullError, InterlockedError) as error:
            self._drop("cmd_dropped", topic, str(error))
        except LightingError as error:
            self._drop("bad_cmd", topic, str(error))

    def _command(self, payload: bytes, retained: bool) -> None:
        if retained:
            raise BadCommandError(
                [{"loc": ["retain"], "msg": "a retained command would be repeated at each reconnect"}]
            )
        if len(payload) > LARGEST:
            raise BadCommandError([{"loc": [], "msg": f"more than {LARGEST} bytes"}])
        self.engine.submit(parse_command(orjson.loads(payload)))

    def _device(self, device: str, payload: bytes) -> None:
        if device == "server":
            return
        body = orjson.loads(payload[:4096])
        if isinstance(body, dict) and (device in self.devices or len(self.devices) < MOST_DEVICES):
            at = time.time_ns() // 1_000_000
            self.devices[device] = {"online": body.get("online") is True, "heardAt": at}
            self.engine.on_change()

    def _assistant(self, name: str, payload: bytes) -> None:
        """Home Assistant's command: `{"state", "brightness", "color"}`; what is left out stays."""
        body = orjson.loads(payload[:4096])
        if not isinstance(body, dict) or body.get("state") not in ("ON", "OFF", None):
            raise BadCommandError([{"loc": ["state"], "msg": "must be ON or OFF"}])
        self.engine.rig.fixture(name)
        colour = self._wanted(name, body)
        if name == MAIN:
            self.engine.submit(own_command("ha", *colour))
            return
        task = asyncio.create_task(self._set_fixture(name, colour))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _set_fixture(self, name: str, colour: tuple[int, int, int]) -> None:
        try:
            await self.engine.control(self.engine.set_fixture, name, "ha", colour)
        except LightingError as error:
            self._drop("cmd_dropped", f"{FIXTURES}/{name}/set", str(error))

    def _wanted(self, name: str, body: dict[str, Any]) -> tuple[int, int, int]:
        if body.get("state") == "OFF":
            return (0, 0, 0)
        now = self.shown(name)
        full = body.get("color", now.get("color", {"r": 255, "g": 255, "b": 255}))
        brightness = body.get("brightness", now["brightness"] or 255)
        if not isinstance(full, dict):
            raise BadCommandError([{"loc": ["color"], "msg": "must have r, g and b"}])
        values = [full.get("r", 255), full.get("g", 255), full.get("b", 255), brightness]
        if not all(
            isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255 for value in values
        ):
            raise BadCommandError(
                [{"loc": ["color"], "msg": "r, g, b and brightness must be integers from 0 to 255"}]
            )
        r, g, b = (round(value * brightness / 255) for value in values[:3])
        return r, g, b

    def _drop(self, event: str, topic: str, reason: str) -> None:
        """Count it; a flood makes one line a second, with how many there were."""
        self._bad += 1
        if event == "bad_cmd":
            metrics.dropped.labels("bad").inc()
        if time.monotonic() - self._said >= SAY_EVERY:
            log.warning(event, extra={"topic": topic, "reason": reason[:300], "count": self._bad})
            self._bad, self._said = 0, time.monotonic()

    def state(self) -> dict[str, Any]:
        """For the page."""
        link = self.connection
        return {"driver": "mqtt", "name": "MQTT", "detail": f"{link.broker.host}:{link.broker.port}", "ok": link.connected,
                "reason": link.problem, "required": bool(self._config.dmx_mqtt_host)}  # fmt: skip
