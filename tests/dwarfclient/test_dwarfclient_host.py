"""The host: clients, calls, frames to the sink, the published state."""

import asyncio
import json
import shutil
from contextlib import asynccontextmanager

import orjson
import pytest
from dwarfclient_harness import high_place, holders, session, simulator, truth_solver

from skycam_project.common.errors import InvalidValueError, SkycamError
from skycam_project.common.holders import PAGE, connected_for
from skycam_project.common.leases import Leases
from skycam_project.common.link import Host
from telescope.dwarf.fits import read_header
from telescope.dwarf.frame import mosaic
from telescope.errors import BelowHorizonError, InvalidStateError, NotConnectedError
from telescope.host import TelescopeHost
from telescope.leased import FrameLeases


class Folder:
    """A sink that keeps frames in a folder."""

    def __init__(self, folder, fail=0):
        self.folder, self.fail, self.events, self.frames = folder, fail, [], []
        folder.mkdir()

    async def frame(self, frame):
        if self.fail:
            self.fail -= 1
            raise SkycamError("the disk is full")
        number = f"{len(self.frames) + 1:06d}"
        shutil.copy(frame.path, self.folder / f"{number}.fits")
        self.frames.append(frame)
        return number

    async def image(self, frame, number):
        pixels, cropped = mosaic(frame, 96, 64)
        return {"width": pixels.shape[1], "height": pixels.shape[0], "cropped": cropped}

    async def begin_calibration(self, purpose):
        self.events.append(("calibration", {"purpose": purpose}))

    async def end_calibration(self):
        self.events.append(("calibration_ended", {}))

    def event(self, name, **details):
        self.events.append((name, details))


@asynccontextmanager
async def hosted(device, tmp_path, fail=0, run=None, **options):
    """A running host, with the lights of the folder `run`; its published states are in `host.states`."""
    async with session(device, tmp_path / "spool", connect=False, **options) as one:
        states = []
        leases = FrameLeases(Leases(run or tmp_path / "no-lights"), "DWARF 3")
        sink = Folder(tmp_path / f"frames-{len(list(tmp_path.iterdir()))}", fail)
        host = TelescopeHost(
            telescope="0",
            name="DWARF 3",
            session=one,
            sink=sink,
            holders=holders(tmp_path / "state" / "holders.json", one.clock),
            publish=lambda state: states.append(orjson.loads(orjson.dumps(state))),
            leases=leases,
            clock=one.clock,
        )
        host.states, host.sink = states, sink
        task = asyncio.create_task(host.run())
        await asyncio.sleep(0)
        try:
            yield host
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await leases.close()


async def until(predicate):
    """Wait until something holds that nobody tells."""
    for _ in range(2000):
        if predicate():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def reached(host, predicate):
    """Wait for a published state."""
    await until(lambda: host.states and predicate(host.states[-1]))
    return host.states[-1]


async def test_a_night_by_calls_alone(device, tmp_path):
    async with hosted(device, tmp_path, solver=truth_solver) as host:
        call = host.calls
        await call["connect"](device="telescope", client="7")
        await call["connect"](device="camera", client="7")
        state = host.states[-1]  # published before the call's answer
        assert state["connection"]["connected"] is True
        assert state["clients"]["camera"] == {"holding": ["7"], "known": ["7"]}
        place = high_place(host.session.clock)
        await call["slew"](ra_hours=place.ra_hours, dec_deg=place.dec_deg, name="M 31")
        assert host.states[-1]["mount"]["slewing"] is True
        state = await reached(host, lambda s: s["mount"]["tracking_active"] and not s["mount"]["slewing"])
        assert state["mount"]["residual_arcsec"] <= 30
        await call["expose"](exposure_s=5.0, gain=61)
        assert host.states[-1]["camera"]["phase"] == "waiting"
        assert host.states[-1]["camera"]["image_ready"] is False
        with pytest.raises(InvalidStateError, match="exposing already"):
            await call["expose"](exposure_s=5.0, gain=60)
        state = await reached(host, lambda s: s["camera"]["image_ready"])
        camera = state["camera"]
        assert (camera["phase"], camera["percent_completed"], camera["problem"]) == ("idle", 100, "")
        assert (camera["exposure_s"], camera["gain"], camera["frames"]) == (5.0, 60, 1)
        assert camera["image"]["frame"] == "000001"
        assert (camera["image"]["width"], camera["image"]["height"]) == (96, 64)
        assert camera["started_at"] == camera["image"]["started_at"]
        stored = read_header(host.sink.folder / "000001.fits").cards
        assert (stored["EXPTIME"], stored["OBJECT"]) == (5, "M 31")
        await until(lambda: not list((tmp_path / "spool").glob("*.fits")))
        await call["set_filter"](position=2)
        await reached(host, lambda s: s["filters"]["position"] == 2)
        await call["set_filter"](position=1)
        await call["focus_move"](position=state["focus"]["position"] + 15)
        assert host.states[-1]["focus"]["moving"] is True
        await reached(host, lambda s: not s["focus"]["moving"])
        await call["park"]()
        await reached(host, lambda s: s["mount"]["parked"])
        await call["disconnect"](device="telescope", client="7")
        assert host.state()["connection"]["connected"] is True
        await call["disconnect"](device="camera", client="7")
        await reached(host, lambda s: not s["connection"]["connected"])
        assert len(json.dumps(host.states[-1])) < 20_000


async def test_refusals_reach_the_caller_with_code_and_sentence(device, tmp_path):
    async with hosted(device, tmp_path) as host:
        with pytest.raises(NotConnectedError, match="not connected"):
            await host.calls["expose"](exposure_s=5.0, gain=60)
        with pytest.raises(NotConnectedError):
            await host.calls["slew"](ra_hours=1.0, dec_deg=2.0)
        await host.connect("telescope", "1")
        with pytest.raises(BelowHorizonError) as caught:
            await host.calls["slew"](
                ra_hours=(host.session.clock.now().hour + 14) % 24, dec_deg=-80.0, name="low"
            )
        assert caught.value.code == "below_horizon"
        with pytest.raises(InvalidValueError):
            await host.calls["expose"](exposure_s=7.0, gain=60)
        with pytest.raises(InvalidValueError):
            await host.calls["set_filter"](position=9)
        with pytest.raises(InvalidValueError, match="telescope, camera"):
            await host.calls["connect"](device="toaster", client="1")


async def test_an_aborted_exposure_leaves_the_camera_ready_for_the_next(device, tmp_path):
    async with hosted(device, tmp_path) as host:
        await host.connect("camera", "1")
        place = high_place(host.session.clock)
        await host.slew(place.ra_hours, place.dec_deg, "M 31")
        await reached(host, lambda s: s["mount"]["tracking_active"] and not s["mount"]["slewing"])
        await host.expose(60.0, 60)
        await reached(host, lambda s: s["camera"]["phase"] == "exposing")
        await host.abort_exposure()
        camera = host.state()["camera"]
        assert (camera["phase"], camera["image_ready"]) == ("idle", False)
        assert "aborted" in camera["problem"]
        await host.abort_exposure()
        await host.expose(5.0, 60)
        state = await reached(host, lambda s: s["camera"]["image_ready"])
        assert state["camera"]["problem"] == ""


async def test_a_failed_exposure_says_why_and_tells_the_session(device, tmp_path):
    async with hosted(device, tmp_path) as host:
        await host.connect("camera", "1")
        await device.control("/faults", sd_full=True)
        await host.expose(2.0, 60)
        state = await reached(host, lambda s: s["camera"]["problem"])
        assert "SD card is full" in state["camera"]["problem"]
        assert state["camera"]["phase"] == "idle"
        assert host.sink.events[0][0] == "exposure_failed"


async def test_a_frame_that_cannot_be_stored_at_once_is_offered_again(tmp_path):
    with simulator() as device:
        async with hosted(device, tmp_path, fail=2) as host:
            await host.connect("camera", "1")
            await host.expose(1.0, 60)
            state = await reached(host, lambda s: s["camera"]["image_ready"])
            assert state["camera"]["image"]["frame"] == "000001"


async def test_a_frame_that_nobody_stored_is_stored_by_the_next_process(tmp_path):
    with simulator() as device:
        async with hosted(device, tmp_path, fail=9) as host:
            await host.connect("camera", "1")
            await host.expose(1.0, 60)
            state = await reached(host, lambda s: s["camera"]["problem"])
            assert "stored when the telescope's host starts again" in state["camera"]["problem"]
            assert host.sink.frames == []
        (tmp_path / "spool" / "cut.fits").write_bytes(b"SIMPLE  = T")
        (tmp_path / "spool" / "x.fits.part").write_bytes(b"SIMPLE")
        async with hosted(device, tmp_path) as host:
            await until(lambda: not list((tmp_path / "spool").glob("*.fits*")))
            [frame] = host.sink.frames
            assert frame.recovered is True
            assert (frame.exposure.duration_s, frame.exposure.gain) == (1.0, 60)


async def test_a_restarted_host_connects_for_the_clients_it_had(tmp_path):
    with simulator() as device:
        async with hosted(device, tmp_path) as host:
            await host.connect("telescope", "7")
            kept = (tmp_path / "state" / "holders.json").read_bytes()
        (tmp_path / "state" / "holders.json").write_bytes(kept)
        async with hosted(device, tmp_path) as host:
            state = await reached(host, lambda s: s["connection"]["connected"])
            assert connected_for(state["clients"], "telescope", "7") is True


async def test_a_telescope_that_does_not_answer_is_not_held_unless_wished(tmp_path, monkeypatch):
    monkeypatch.setattr("telescope.host.CONNECT_PATIENCE", 0.3)
    with simulator() as device:
        device.clock()
        clock = device.clock()
        device.kill()
        device.clock = lambda: clock
        async with hosted(device, tmp_path) as host:
            with pytest.raises(NotConnectedError):
                await host.connect("telescope", "7")
            assert host.state()["clients"]["telescope"]["holding"] == []
            await reached(host, lambda s: not s["connection"]["wanted"])
            with pytest.raises(NotConnectedError):
                await host.connect("telescope", PAGE, patient=True)
            assert host.state()["connection"]["wanted"] is True


@asynccontextmanager
async def lights(folder):
    """The lights' link as it counts, answering as the engine does; who holds what, in order."""
    held, told, shines = {}, [], []

    async def exposure_begin(id, kind, duration_s):
        held[id] = kind
        told.append(dict(held))
        return {"policy": "warn", "confirmed": False, "unconfirmed": {}, "lit": []}

    async def exposure_end(id):
        kind = held.pop(id)
        told.append(dict(held))
        hit = {"fixture": "desk", "kind": kind, "from": "20:00", "to": "20:01", "override": None}
        return [hit] if shines and shines.pop() else []

    async with Host(folder, "lighting", {f.__name__: f for f in (exposure_begin, exposure_end)}) as link:
        link.publish({})
        yield told, shines


async def test_the_lights_know_of_each_exposure_and_of_the_time_between(device, tmp_path):
    async with (
        lights(tmp_path / "run") as (told, shines),
        hosted(device, tmp_path, solver=truth_solver, run=tmp_path / "run") as host,
    ):
        call = host.calls
        await call["connect"](device="telescope", client="7")
        place = high_place(host.session.clock)
        await call["slew"](ra_hours=place.ra_hours, dec_deg=place.dec_deg, name="M 31")
        await reached(host, lambda s: s["mount"]["tracking_active"] and not s["mount"]["slewing"])
        for number in (1, 2):
            if number == 2:
                shines.append(True)
            await call["expose"](exposure_s=5.0, gain=60)
            state = await reached(host, lambda s, number=number: s["camera"]["frames"] == number)
        assert state["camera"]["image"]["warnings"] == ["desk was lit from 20:00 to 20:01"]
        await call["abort_exposure"]()
    assert told[0] == {"DWARF 3 1": "light"}
    between = [set(held) for held in told[1:-1]]
    assert all(held for held in between), "no moment without a lease while the run goes on"
    assert {"DWARF 3, between frames"} in between
    assert told[-1] == {}, "the end of the run gives the lights back"


async def test_a_flat_is_a_flat_for_the_lights_and_for_the_sink(device, tmp_path):
    async with (
        lights(tmp_path / "run") as (told, _),
        hosted(device, tmp_path, run=tmp_path / "run") as host,
    ):
        call = host.calls
        await call["connect"](device="camera", client="7")
        await call["expose"](exposure_s=0.1, gain=60, flat=True)
        await reached(host, lambda s: s["camera"]["image_ready"])
        assert [frame.exposure.kind for frame in host.sink.frames] == ["flat"]
        await call["expose"](exposure_s=0.1, gain=60, light=False)
        await reached(host, lambda s: s["camera"]["frames"] == 2)
        await call["end_calibration"]()
        assert host.sink.events[-1][0] == "calibration_ended"
    kinds = [kind for held in told for kind in held.values()]
    assert list(dict.fromkeys(kinds)) == ["flat", "dark"]
    assert told[-1] == {}, "the host's end gives the lights back"
