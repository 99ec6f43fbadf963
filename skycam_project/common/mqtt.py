"""One connection to an MQTT broker that is kept for ever: will, subscriptions, retained values, a clean farewell.

A client, and not two, because the session at the broker belongs to the client id: two connections of one id throw
each other out for ever.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)
quiet = logging.getLogger(f"{__name__}.client")
quiet.setLevel(logging.ERROR)

LONGEST_PAUSE: Seconds = 30.0
SESSION_LIFE: Seconds = 86400.0
"""How long the broker keeps what it could not deliver (version 5; with 3.1.1 its own setting counts)."""
PATIENCE: Seconds = 5.0
FAREWELL: Seconds = 2.0


@dataclass(frozen=True, slots=True)
class Broker:
    """Where and as whom to connect.

    Attributes:
        client_id: names the session; fixed, and used by one process only.
        tls_ca: certificates that the broker's must be signed by; turns TLS on.
        version: `3.1.1` or `5`.
        keepalive: a broker that hangs is noticed after 1.5 to 2 times this.
    """

    host: str
    client_id: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls_ca: Path | None = None
    version: str = "3.1.1"
    keepalive: int = 30


@dataclass(frozen=True, slots=True)
class Presence:
    """A retained value that says whether this process is there; the broker says `offline` when it dies."""

    topic: str
    online: bytes
    offline: bytes


Publish = Callable[[str, bytes, bool], Awaitable[None]]
"""topic, payload, retain: QoS 1, returns with the broker's acknowledgement."""


class Connection:
    """Connects, and connects again after 1, 2, 4 … 30 s.

    Args:
        subscriptions: topics, all QoS 1.
        presence: `online` after each connect, `offline` on a planned stop: a clean DISCONNECT discards the will.
        greet: called after each connect, after subscriptions and presence; publishes the newest values.
        heard: called with topic, payload and whether it was retained; must not raise or wait.

    Attributes:
        connected: whether the broker is there now.
        problem: why not; empty when it is.
    """

    def __init__(
        self, broker: Broker, subscriptions: Sequence[str], presence: Presence,
        greet: Callable[[Publish], Awaitable[None]], heard: Callable[[str, bytes, bool], None],
        *, changed: Callable[[], None] = lambda: None, loud: bool = True,
    ) -> None:  # fmt: skip
        self.broker, self.presence = broker, presence
        self.connected, self.problem = False, "not tried yet"
        self._subscriptions, self._greet, self._heard = subscriptions, greet, heard
        self._changed, self._level = changed, logging.WARNING if loud else logging.INFO
        self._client: aiomqtt.Client | None = None

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Publish with QoS 1; whether the broker acknowledged it. Nothing is queued while it is not there."""
        client = self._client
        if client is None or not self.connected:
            return False
        try:
            await client.publish(topic, payload, qos=1, retain=retain, timeout=PATIENCE)
        except (aiomqtt.MqttError, ValueError) as error:
            log.debug("mqtt_publish_failed", extra={"topic": topic, "reason": str(error)})
            return False
        return True

    async def run(self) -> None:
        """Stay connected until cancelled."""
        pause, said = 1.0, ""
        while True:
            try:
                await self._session()
                why = "the broker ended the connection"
            except (aiomqtt.MqttError, OSError, ValueError) as error:
                why = str(error) or type(error).__name__
            if self.connected:
                pause, said = 1.0, ""
            self._set(False, why)
            if said != why:
                said = why
                where = f"{self.broker.host}:{self.broker.port}"
                log.log(
                    self._level, "mqtt_reconnect", extra={"reason": why, "broker": where, "pause_s": pause}
                )
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            pause = min(2 * pause, LONGEST_PAUSE)

    def _set(self, connected: bool, problem: str) -> None:
        self.connected, self.problem = connected, problem
        self._changed()

    async def _session(self) -> None:
        """One connection. Raises `MqttError` when it is lost."""
        client = self._make()
        async with client:
            try:
                await self._stay(client)
            except asyncio.CancelledError:
                await self._farewell(client)
                raise
            finally:
                self._client = None

    async def _stay(self, client: aiomqtt.Client) -> None:
        for topic in self._subscriptions:
            await client.subscribe(topic, qos=1)

        async def publish(topic: str, payload: bytes, retain: bool) -> None:
            await client.publish(topic, payload, qos=1, retain=retain, timeout=PATIENCE)

        await publish(self.presence.topic, self.presence.online, True)
        await self._greet(publish)
        self._client = client
        self._set(True, "")
        log.info("mqtt_connected", extra={"broker": f"{self.broker.host}:{self.broker.port}"})
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            self._heard(message.topic.value, payload, bool(message.retain))

    async def _farewell(self, client: aiomqtt.Client) -> None:
        try:
            async with asyncio.timeout(FAREWELL):
                await client.publish(self.presence.topic, self.presence.offline, qos=1, retain=True)
        except (aiomqtt.MqttError, TimeoutError) as error:
            log.debug("mqtt_farewell_failed", extra={"reason": str(error)})

    def _make(self) -> aiomqtt.Client:
        broker, session = self.broker, {}
        if broker.version == "5":
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = int(SESSION_LIFE)
            session = {"protocol": aiomqtt.ProtocolVersion.V5, "clean_start": False, "properties": properties}
        else:
            session = {"protocol": aiomqtt.ProtocolVersion.V311, "clean_session": False}
        context = ssl.create_default_context(cafile=str(broker.tls_ca)) if broker.tls_ca else None
        return aiomqtt.Client(
            broker.host, broker.port, username=broker.username, password=broker.password, identifier=broker.client_id,
            will=aiomqtt.Will(self.presence.topic, self.presence.offline, qos=1, retain=True),
            keepalive=broker.keepalive, timeout=PATIENCE, tls_context=context, logger=quiet,
            max_concurrent_outgoing_calls=20, **session,
        )  # fmt: skip
