"""The single writer: everything that changes the light goes through one queue and one task."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from lighting.engine import metrics, rigfile
from lighting.engine.commands import Command
from lighting.engine.events import Events
from lighting.engine.inbox import Entry, Inbox
from lighting.engine.interlock import Interlock
from lighting.engine.kept import Kept
from lighting.engine.rig import FULL, MAIN, MODES, Fixture, Rig, parse_patch
from lighting.engine.slot import Slot
from lighting.engine.state import RgbState, load_state
from lighting.errors import InterlockedError, InvalidError, QueueFullError
from skycam_project.common.units import Seconds
from skycam_project.config.lights import LightsConfiguration

log = logging.getLogger(__name__)

Colour = tuple[int, int, int]
T = TypeVar("T")

BATCH = 64
"""Commands that are applied before the state is written and sent once: a state is complete, skipping is lossless."""
LOOSE = Fixture("channels")
"""What channels without a fixture count as."""


class Engine:
    """Owns the state, the fixtures and the rules.

    Producers call `submit` for colours and `control` for everything else. Consumers are given a slot of states or
    frames, or are called after a change (`on_change`), and are never waited for.

    Args:
        config: the lights' settings.
        folder: of fixtures, mode and leases.
        state_path, seen_path: files of state and command ids.
    """

    def __init__(self, config: LightsConfiguration, folder: Path, state_path: Path, seen_path: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config, self.folder = config, folder
        self.inbox = Inbox(config.dmx_queue_size)
        self.rig = Rig(config.dmx_dark_max_red)
        self.events = Events()
        self.state_slots: list[Slot[RgbState]] = []
        self.frame_slots: list[Slot[dict[int, bytes]]] = []
        self.on_change: Callable[[], None] = lambda: None
        self.on_manual: Callable[[set[tuple[int, int]]], None] = lambda channels: None
        """Told which channels somebody took over, so that fades leave them alone."""
        self.kept = Kept(config, folder / "numbers.json", state_path, seen_path)
        put, policy, beacon_max = self.kept.disk.put, config.dmx_interlock, config.dmx_interlock_beacon_max
        self.interlock = Interlock(policy, beacon_max, folder / "leases.json", self.events.tell, put=put)
        self.state = RgbState()
        self._held: tuple[Colour, str] | None = None
        self.applied_at: Seconds = 0.0
        self._touched = False
        self._was_enforced = False
        self.mode, self.mode_by = rigfile.load(self.folder / "rig.json", self.rig)
        self._show_kept()
        self._hand_over()
        self.kept.disk.drain()

    # ---- files

    def mount(self, state_path: Path, seen_path: Path, by: str) -> Colour:
        """Continue with other files (project select); `seq` goes on. For the writer: use `control`.

        Returns the colour that the files ask for; the state is dark where mode or interlock forbid it.
        """
        self.kept.mount(state_path, seen_path)
        return self._show_kept(by)

    def _show_kept(self, by: str | None = None) -> Colour:
        stored = load_state(self.kept.state_path)
        self.restore(stored, stored.updated_by if by is None else by)
        return stored.colour

    def close(self) -> None:
        """Write what is not written; afterwards the files belong to the next engine."""
        self.kept.close()

    def restore(self, stored: RgbState, by: str) -> None:
        """Show a stored state, with a `seq` above it and above ours; for the writer."""
        colour = self._allowed(stored.colour)
        if colour != stored.colour:
            by = "interlock:restore"
        now = self.state
        self.state = replace(now, seq=max(now.seq, stored.seq, self.kept.used), ts=max(now.ts, stored.ts))
        self._held = None
        self.on_manual(self.rig.channels_of(MAIN))
        self.change(colour, by)

    def _allowed(self, colour: Colour) -> Colour:
        """A stored colour as mode and interlock let it through: darkness where they forbid light."""
        try:
            return self._permitted(MAIN, colour)
        except InterlockedError:
            return (0, 0, 0)

    def _save_rig(self) -> None:
        content = rigfile.content(self.rig, self.mode, self.mode_by)
        self.kept.disk.put(self.folder / "rig.json", content)

    # ---- producers

    def submit(self, command: Command) -> None:
        """Queue a colour for `main`.

        Raises `InterlockedError` and `QueueFullError`; the id is not taken then, so that it may be sent again.
        """
        try:
            self._permitted(MAIN, command.clamped)
        except InterlockedError:
            metrics.dropped.labels("interlock").inc()
            raise
        try:
            gone = self.inbox.put(Entry(command, command.is_drag, time.monotonic()))
        except QueueFullError:
            metrics.dropped.labels("full").inc()
            raise
        if gone:
            metrics.dropped.labels("drag").inc()

    async def control(self, function: Callable[..., T], *args: Any) -> T:
        """Have the writer call a function between two commands; its result. Raises what it raises, `QueueFullError`."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.inbox.put(Entry(partial(function, *args), False, time.monotonic(), answer))
        return await answer

    # ---- the writer

    async def run(self) -> None:
        """Take, apply, hand over, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.kept.run())
            tasks.create_task(self._expire())
            while True:
                await self.inbox.wait()
                self._batch()
                await asyncio.sleep(0)

    def _batch(self) -> None:
        began = time.perf_counter()
        answers: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
        taken = 0
        while taken < BATCH and (entry := self.inbox.pop()):
            taken += 1
            if entry.answer is None:
                metrics.wait_seconds.observe(time.monotonic() - entry.since)
                self._take(entry.value, entry.since)
                continue
            try:
                answers.append((entry.answer, entry.value(), None))
            except Exception as error:
                answers.append((entry.answer, None, error))
        if taken:
            self._hand_over()
            passed = time.perf_counter() - began
            metrics.last_latency.set(passed * 1000)
            metrics.apply_seconds.observe(passed)
            facts = {"seq": self.state.seq, "src": self.state.updated_by, "latency_ms": passed * 1000}
            log.debug("applied", extra=facts)
        for answer, result, error in answers:
            if answer.done():
                continue
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)

    def _take(self, command: Command, since: Seconds) -> None:
        if self.kept.ids.knows(command.cmd_id):
            metrics.deduped.inc()
            return
        try:
            colour = self._permitted(MAIN, command.clamped)
        except InterlockedError as error:  # the exposure began while it waited
            metrics.dropped.labels("interlock").inc()
            log.info("cmd_dropped", extra={"cmdId": command.cmd_id, "src": command.src, "reason": str(error)})
            return
        self.kept.ids.take(command.cmd_id)
        self.on_manual(self.rig.channels_of(MAIN))
        self._held = None
        self.change(colour, command.src)
        metrics.processed.inc()
        if log.isEnabledFor(logging.DEBUG):
            facts = {"seq": self.state.seq, "cmdId": command.cmd_id, "src": command.src}
            log.debug("cmd", extra=facts | {"latency_ms": (time.monotonic() - since) * 1000})

    def _permitted(self, name: str, colour: Colour) -> Colour:
        """What a fixture may be given instead of `colour`. Raises `InterlockedError`."""
        if self.mode == "dark":
            colour = self.rig.darkened(name, colour)
        if any(colour):
            if self.mode == "blackout":
                raise InterlockedError("everything is blacked out; set the mode to normal or dark first")
            self.interlock.check(self.rig.fixture(name), max(colour) * 257)
        return colour

    def change(self, colour: Colour, by: str, *, seq: bool = True) -> None:
        """Give `main` a colour; for the writer, after everything was checked. A fade's inner steps have no `seq`."""
        if self.rig.colour(MAIN) != colour:
            self.rig.set_colour(MAIN, colour)
        if seq:
            self.number(by)
        self._touched = True

    def number(self, by: str) -> None:
        """Make what `main` shows now the state, with the next `seq`."""
        ts = max(time.time_ns() // 1_000_000, self.state.ts)
        self.state = RgbState(*self.rig.colour(MAIN), self.state.seq + 1, by, ts)
        self._touched = True

    def touch(self) -> None:
        """Say that the fixtures changed without the state, so that the outputs get a frame."""
        self._touched = True

    def _hand_over(self) -> None:
        """Keep the newest state, then give it and the frames to everybody. Waits for nobody."""
        metrics.queue_depth.set(len(self.inbox))
        if self._touched:
            self._touched = False
            self.interlock.look(self._shining())
            if self.kept.save(self.state):
                for slot in self.state_slots:
                    slot.put(self.state)
            frames = self.frames()
            for slot in self.frame_slots:
                slot.put(frames)
            metrics.write_errors.set(self.kept.write_errors)
        self.applied_at = time.monotonic()
        self.on_change()

    def _shining(self) -> list[tuple[Fixture, int, Colour]]:
        """Each fixture with the level that it really gives: 0 where it is held back."""
        rows = []
        for name, fixture in self.rig.fixtures.items():
            level = self.rig.sent_level(name)
            held = self.mode == "blackout" or not self.interlock.allows(fixture, level)
            rows.append((fixture, 0 if held else level, self.rig.colour(name)))
        return rows

    def frames(self) -> dict[int, bytes]:
        """What the outputs shall send now: universe to 512 slots, everything dark that has to be."""
        loose = self.mode == "normal" and not self.interlock.enforced
        if self.mode == "blackout":
            return self.rig.frames(lambda fixture, level: False, False)
        return self.rig.frames(self.interlock.allows, loose)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(1)
            if self.interlock.leases:
                await self.control(self._expire_now)

    def _expire_now(self) -> None:
        """Leases and overrides end by themselves."""
        if self.interlock.expire() or self.interlock.enforced != self._was_enforced:
            self._obey("expired")
        self._was_enforced = self.interlock.enforced

    # ---- what the writer can be asked to do (through `control`)

    def set_fixture(self, name: str, by: str, colour: Colour | None = None, level: int | None = None) -> None:
        """Give a fixture a colour (0..255 each) or a level (0..65535). Raises `MissingError`, `InterlockedError`."""
        fixture = self.rig.fixture(name)
        dim = -(-min(level or 0, FULL) // 257)  # upwards: the faintest light is light
        wanted = colour if colour is not None else (dim, dim, dim)
        allowed = self._permitted(name, wanted)
        self.on_manual(self.rig.channels_of(name))
        if name == MAIN:
            self._held = None
            self.change(allowed, by)
        elif colour is None and allowed == wanted:
            self.interlock.check(fixture, level or 0)
            self.rig.set_level(name, min(level or 0, FULL))
        else:
            self.rig.set_colour(name, allowed)
        self.touch()

    def check_channels(self, values: Mapping[tuple[int, int], int]) -> None:
        """Raise `InterlockedError` when one of these channel values would make light that is not allowed now."""
        for place, value in values.items():
            if not value:
                continue
            if self.mode == "blackout":
                raise InterlockedError("everything is blacked out; set the mode to normal or dark first")
            if self.interlock.enforced:
                self.interlock.check(self.rig.owner(*place) or LOOSE, value * 257)

    def set_channels(self, values: Mapping[tuple[int, int], int], by: str, *, seq: bool = True) -> None:
        """Set (universe, channel) to 0..255; whoever listens shows it. Raises `InterlockedError`."""
        self.check_channels(values)
        before = self.rig.colour(MAIN)
        for (universe, channel), value in values.items():
            self.rig.set_channel(universe, channel, value)
        if self.mode == "dark":
            self.rig.darken()
        self._held = None
        if seq and (self.rig.colour(MAIN) != before or self.rig.channels_of(MAIN) & values.keys()):
            self.number(by)
        self.touch()

    def set_mode(self, mode: str, by: str) -> None:
        """`normal`, `dark` (red only) or `blackout`. Leaving one does not bring old colours back."""
        if mode not in MODES:
            raise InvalidError(f"mode: must be one of {', '.join(MODES)}")
        if mode == self.mode:
            return
        self.mode, self.mode_by = mode, by
        if mode == "blackout":
            self.rig.blackout()
        elif mode == "dark":
            self.rig.darken()
        if self.rig.colour(MAIN) != self.state.colour:
            self.number(f"mode:{mode}")
        self._held = None
        self._save_rig()
        self.touch()

    def set_master(self, master: int) -> None:
        """The master fader, 0..255: scales every output, not the state."""
        self.rig.master = master
        self._save_rig()
        self.touch()

    def set_patch(self, body: object) -> None:
        """Replace the fixtures. Raises `InvalidError`; nothing is changed then."""
        self.rig.patch(parse_patch(body))
        if self.rig.colour(MAIN) != self.state.colour:
            self.number("patch")
        self._save_rig()
        self.touch()

    def blackout(self, by: str) -> None:
        """Everything to 0 at once."""
        self.on_manual({(u, c) for u in range(64) for c in range(1, 513)})
        self.rig.blackout()
        self._held = None
        self.change((0, 0, 0), by)

    # ---- exposures

    def exposure_begin(self, exposure: object, kind: object, duration: object) -> None:
        """A camera is about to open its shutter. Raises `InvalidError`."""
        self.interlock.begin(exposure, kind, duration)
        self._obey(str(kind))

    def exposure_end(self, exposure: str) -> list[dict[str, Any]]:
        """The shutter is closed; what shone during the exposure."""
        hits = self.interlock.end(exposure)
        self._obey("end")
        return hits

    def set_override(self, reason: object, by: str) -> None:
        """A person needs light now: the interlock lets it through for five minutes. Raises `InvalidError`."""
        self.interlock.set_override(reason, by)
        self._obey("override")

    def end_override(self) -> None:
        """The interlock counts again."""
        self.interlock.end_override()
        self._obey("override-end")

    def _obey(self, why: str) -> None:
        """Bring `main` in line with the interlock: dark where it must be, as it was where it may."""
        enforced = self.interlock.enforced
        metrics.interlock_active.set(enforced)
        if enforced and not self.interlock.allows(self.rig.fixture(MAIN), self.rig.level(MAIN)):
            self._held = self.state.colour, self.state.updated_by
            self.change((0, 0, 0), f"interlock:{why}")
        elif self._held and not enforced:
            colour, by = self._held
            self._held = None
            self.change(self._allowed(colour), by)
        self.touch()

    @property
    def held(self) -> Colour | None:
        """What `main` will show again after the exposure."""
        return self._held[0] if self._held else None
