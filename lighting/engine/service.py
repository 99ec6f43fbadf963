"""The engine as one process: its tasks, its link, and what may be asked of it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import disable_created_metrics, generate_latest

from lighting.engine.beacons import Beacons
from lighting.engine.commands import parse_command
from lighting.engine.dimming import dim
from lighting.engine.engine import Engine
from lighting.engine.keeping import Keeping
from lighting.engine.panel import Panel
from lighting.engine.player import Player
from lighting.engine.scenes import Files, parse_scenes, parse_show
from lighting.engine.twilight import Twilight, sun_altitude
from lighting.errors import AbsentError, DisabledError, InvalidError
from lighting.inputs.sparkfun import SparkFun
from lighting.outputs import Enttec, configured
from lighting.outputs.enttec import devices
from skycam_project.common.clock import SystemClock
from skycam_project.common.holders import Holders
from skycam_project.common.link import Host
from skycam_project.common.units import Seconds
from skycam_project.config import Configuration

log = logging.getLogger(__name__)

CONFIRM: Seconds = 0.4
"""A camera waits for 0.5 s until everything is dark."""
LOOK: Seconds = 0.5
REFRESH: Seconds = 5.0
DEVICES = ("covercalibrator", "switch")
"""What the lights are to Alpaca clients."""
CLIENTS_EVERY: Seconds = 30.0


class Service:
    """Engine, outputs, inputs and link together.

    Args:
        config: all settings.
        run: folder of sockets and locks.
    """

    def __init__(self, config: Configuration, run: Path) -> None:
        self.config = config
        disable_created_metrics()
        self.failed: set[str] = set()
        expose = generate_latest if config.dmx_metrics_enabled else lambda: ""
        calls: dict[str, Callable[..., Awaitable[Any]]] = {
            name.removeprefix("call_"): getattr(self, name) for name in dir(self) if name.startswith("call_")
        }
        self.host = Host(run, "lighting", calls, metrics=expose)

    # ---- life

    async def run(self) -> None:
        """Own the lights until cancelled. Raises `OwnedElsewhere` at once when another process does."""
        async with self.host:  # its lock first: a second engine must not touch the files
            self.open()
            try:
                async with asyncio.TaskGroup() as tasks:
                    for name, start in self._tasks().items():
                        tasks.create_task(self._supervised(name, start), name=name)
            finally:
                self.engine.close()

    def open(self) -> None:
        """Read the files and make everything; nothing of it waits."""
        config = self.config
        folder = config.data / "state" / "lights"
        state = config.resolve(config.dmx_persistence_path)
        single = Files(state.parent, state, config.resolve(config.dmx_dedupe_path))
        self.keeping = Keeping(config, single)
        files = self.keeping.files
        self.engine = Engine(config, folder, files.state, files.seen)
        self.keeping.library.open(files)
        self.player = Player(self.engine, self.keeping.library)
        self.keeping.bind(self.engine, self.player)
        self.outputs = configured(config)
        for output in self.outputs:
            output.slot.put(self.engine.frames())
            self.engine.frame_slots.append(output.slot)
        self.input = None
        if config.dmx_input_enabled:
            self.input = SparkFun(config, self.engine.submit, lambda: self.engine.state.colour)
        self.mqtt = None
        if config.dmx_mqtt_enabled:
            from lighting.engine.mqtt import LightsMqtt

            self.mqtt = LightsMqtt(self.engine)
        timeout = config.dmx_flat_timeout_min * 60
        self.panel = Panel(self.engine, self.outputs, timeout, self.publish)
        self.beacons = Beacons(self.engine)
        self.holders = Holders(folder / "clients.json", SystemClock(), DEVICES)
        self.engine.on_change = self._engine_changed
        self._published_at: Seconds = 0.0
        self.publish()

    def _tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        tasks: dict[str, Callable[[], Awaitable[None]]] = {
            "engine": self.engine.run,
            "player": self.player.run,
            "beacons": self.beacons.run,
        }
        tasks |= {output.driver: output.run for output in self.outputs}
        tasks |= {"watch": self._watch, "backups": self.keeping.run, "clients": self._forget_clients}
        if self.input:
            tasks["dmx-input"] = self.input.run
        if self.mqtt:
            tasks["mqtt"] = self.mqtt.run
        config = self.config
        if config.dmx_dark_sun_altitude is not None and config.latitude is not None:
            sun = partial(sun_altitude, latitude=config.latitude, longitude=config.longitude or 0.0)
            tasks["twilight"] = Twilight(self.engine, sun, config.dmx_dark_sun_altitude).run
        return tasks

    async def _supervised(self, name: str, start: Callable[[], Awaitable[None]]) -> None:
        """A task that fails makes the lights not ready, and starts again after a second."""
        while True:
            try:
                return await start()
            except Exception:
                log.exception("task_failed", extra={"task": name})
            self.failed.add(name)
            self.publish()
            await asyncio.sleep(1)
            self.failed.discard(name)
            self.publish()

    # ---- state

    def _engine_changed(self) -> None:
        self.panel.follow()
        self.publish()

    def publish(self) -> None:
        """Say how everything is, to every mirror."""
        self._published_at = time.monotonic()
        self.host.publish(self.state())

    def state(self) -> dict[str, Any]:
        """The link's state: document 004's object under `rgb`, and what pages show beside it."""
        engine, player = self.engine, self.player
        mqtt = self.mqtt
        return {
            "rgb": engine.state.body(),
            "applied_at": engine.applied_at,
            "queueDepth": len(engine.inbox),
            "mqttConnected": mqtt is not None and mqtt.connection.connected,
            "mqttRequired": mqtt is not None and bool(self.config.dmx_mqtt_host),
            "failed": sorted(self.failed),
            "mode": engine.mode,
            "modeBy": engine.mode_by,
            "maxRed": engine.rig.max_red,
            "master": engine.rig.master,
            "interlock": engine.interlock.shown() | {"held": engine.held, "beaconMax": engine.interlock.beacon_max},
            "fixtures": engine.rig.shown(),
            "numbered": engine.rig.numbered,
            "panel": self.panel.state(),
            "beacons": self.beacons.why,
            "clients": self.holders.as_dict(),
            "connection": {"connected": True, "connecting": False, "problem": ""},
            "scene": player.scene,
            "library": self.keeping.library.version,
            "fading": player.fading,
            "show": {"running": player.step is not None, "paused": player.paused, "step": player.step, "steps": len(self.keeping.library.show["steps"])},
            "project": self.keeping.active,
            "features": self.keeping.features(),
            "outputs": [output.state() for output in self.outputs],
            "inputs": [part.state() for part in (self.input, mqtt) if part],
            "devices": mqtt.devices if mqtt else {},
            "events": engine.events.newest,
        }  # fmt: skip

    async def _watch(self) -> None:
        """Publish what changes by itself: outputs that fail or come back; and everything now and then."""
        seen: Any = None
        while True:
            await asyncio.sleep(LOOK)
            parts = [*self.outputs, *([self.input] if self.input else [])]
            now = [(part.problem, part.state()["detail"]) for part in parts]
            if now != seen or (parts and time.monotonic() - self._published_at > REFRESH):
                seen = now
                self.publish()

    async def _forget_clients(self) -> None:
        while True:
            await asyncio.sleep(CLIENTS_EVERY)
            if self.holders.expire():
                self.publish()

    # ---- calls: Alpaca clients, and the flat panel

    async def call_connect(self, device: str, client: str, patient: bool = False) -> None:
        """Hold a device of `DEVICES`. Raises `AbsentError` without a panel; a `patient` client holds it all the same."""
        self.holders.hold(device, client)
        try:
            if device == DEVICES[0]:
                self.panel.name()
        except AbsentError:
            if not patient:
                self.holders.release(device, client)
            raise
        finally:
            self.publish()

    async def call_disconnect(self, device: str, client: str) -> None:
        """Give a hold back. The panel stays as it is: `DMX_FLAT_TIMEOUT_MIN` ends it."""
        self.holders.release(device, client)
        self.publish()

    async def call_heard(self, clients: dict[str, list[str]]) -> None:
        self.holders.heard(clients)

    async def call_brightness(self, name: str, value: object, maximum: int, by: str) -> None:
        """Dim a fixture, its colour stays."""
        wanted = _number(value, maximum, "value")
        await self.engine.control(dim, self.engine, name, wanted, maximum, by)

    async def call_panel_on(self, brightness: object, by: str) -> None:
        await self.panel.turn_on(brightness, by)

    async def call_panel_off(self, by: str) -> None:
        await self.panel.turn_off(by)

    # ---- calls: colours

    async def call_submit(self, command: object) -> None:
        """Queue a command; accepted, not yet applied."""
        self.engine.submit(parse_command(command))

    async def call_blackout(self, by: str = "blackout") -> None:
        await self.player.blackout(by)

    async def call_mode(self, mode: str, by: str) -> None:
        await self.engine.control(self.engine.set_mode, mode, by)

    async def call_master(self, master: object) -> None:
        await self.engine.control(self.engine.set_master, _number(master, 255, "master"))

    async def call_fixture(self, name: str, by: str, colour: object = None, level: object = None) -> None:
        if (colour is None) == (level is None):
            raise InvalidError("give either a colour or a level")
        wanted = None if colour is None else _colour(colour)
        number = None if level is None else _number(level, 65535, "level")
        await self.engine.control(self.engine.set_fixture, name, by, wanted, number)

    async def call_beacons(self, colour: object, period_s: float, why: str) -> None:
        """What all beacons show until told otherwise; `period_s` 0 is steady."""
        self.beacons.show(_colour(colour), period_s, why)
        self.publish()

    async def call_patch(self, fixtures: object) -> None:
        await self.engine.control(self.engine.set_patch, fixtures)

    async def call_channels(self, universe: object) -> list[int]:
        """The 512 slots that are sent now."""
        return list(self.engine.frames().get(_number(universe, 63, "universe"), bytes(512)))

    # ---- calls: scenes and the show

    async def call_scenes(self) -> list[dict[str, Any]]:
        return self.keeping.library.scenes

    async def call_put_scenes(self, scenes: object) -> list[dict[str, Any]]:
        return await self.keeping.put_scenes(parse_scenes(scenes))

    async def call_recall(self, scene: str) -> None:
        await self.player.recall(scene)

    async def call_show(self) -> dict[str, Any]:
        player = self.player
        return self.keeping.library.show | {"running": player.step is not None, "paused": player.paused}

    async def call_put_show(self, show: object) -> dict[str, Any]:
        return await self.keeping.put_show(parse_show(show))

    async def call_start_show(self) -> None:
        self.player.start()

    async def call_stop_show(self) -> None:
        self.player.stop()
        self.publish()

    async def call_pause_show(self) -> None:
        self.player.pause()
        self.publish()

    async def call_resume_show(self) -> None:
        self.player.resume()
        self.publish()

    # ---- calls: projects and backups

    async def call_projects(self) -> dict[str, Any]:
        return self.keeping.projects().body()

    async def call_create_project(self, body: object) -> dict[str, Any]:
        return await self.keeping.create(body)

    async def call_update_project(self, project: str, body: object) -> dict[str, Any]:
        return await self.keeping.update(project, body)

    async def call_select_project(self, project: str) -> dict[str, Any]:
        return await self.keeping.select(project)

    async def call_export_project(self, project: str) -> dict[str, Any]:
        return await self.keeping.export(project)

    async def call_backups(self, project: str) -> dict[str, Any]:
        return await self.keeping.versions(project)

    async def call_make_backup(self, project: str, label: str = "") -> dict[str, Any]:
        return await self.keeping.back_up(project, label)

    async def call_restore(self, project: str, version: object) -> None:
        await self.keeping.restore(project, version)

    # ---- calls: devices

    async def call_usb_devices(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(devices)

    async def call_usb_refresh(self) -> list[dict[str, Any]]:
        self._widget()
        return await asyncio.to_thread(devices)

    async def call_usb_reconnect(self) -> str:
        try:
            return await self._widget().reconnect()
        finally:
            self.publish()

    def _widget(self) -> Enttec:
        for output in self.outputs:
            if isinstance(output, Enttec):
                return output
        raise DisabledError("usb output disabled")

    # ---- calls: exposures

    async def call_exposure_begin(self, id: str, kind: str, duration_s: float) -> dict[str, Any]:
        """Make it dark if the policy says so; `unconfirmed`: why an output has not said that it is, by its name."""
        interlock = self.engine.interlock
        if interlock.policy != "off":
            await self.engine.control(self.engine.exposure_begin, id, kind, duration_s)
        late = await self._unsettled() if interlock.enforced else {}
        lit = [name for name, fixture in self.engine.rig.fixtures.items()
               if not interlock.tolerates(fixture, self.engine.rig.level(name))]  # fmt: skip
        if interlock.enforced:
            lit = []
        return {
            "policy": interlock.policy,
            "confirmed": interlock.enforced and not late,
            "unconfirmed": late,
            "lit": lit,
        }

    async def _unsettled(self) -> dict[str, str]:
        waiting = {output: asyncio.ensure_future(output.settled()) for output in self.outputs}
        if waiting:
            await asyncio.wait(waiting.values(), timeout=CONFIRM)
        why = {}
        for output, task in waiting.items():
            if output.problem or not task.done():
                why[output.driver] = output.problem or f"nothing heard within {CONFIRM:g} s"
            task.cancel()
        return why

    async def call_exposure_end(self, id: str) -> list[dict[str, Any]]:
        """What shone during the exposure, for the record of its frame."""
        return await self.engine.control(self.engine.exposure_end, id)

    async def call_end_override(self) -> None:
        await self.engine.control(self.engine.end_override)

    async def call_override(self, reason: object, by: str) -> None:
        await self.engine.control(self.engine.set_override, reason, by)


def _colour(value: object) -> tuple[int, int, int]:
    if not isinstance(value, dict) or value.keys() != {"r", "g", "b"}:
        raise InvalidError("a colour has r, g and b")
    return _number(value["r"], 255, "r"), _number(value["g"], 255, "g"), _number(value["b"], 255, "b")


def _number(value: object, most: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InvalidError(f"{what} must be a whole number from 0 to {most}")
    return value
