"""Fades and shows: every channel arrives, the latest takes precedence, and numbers are not wasted."""

import asyncio
import contextlib
import itertools
import time

import pytest
from lightsrig import make_engine, red, running, settle, until

from lighting.engine.player import Player, sequence
from lighting.engine.scenes import Files, Library, parse_scenes, parse_show
from lighting.errors import InterlockedError, InvalidError, MissingError

SCENES = parse_scenes(
    [
        {"id": "bright", "name": "Bright", "rgb": {"r": 200, "g": 100, "b": 0}},
        {"id": "slow", "name": "Slow", "rgb": {"r": 0, "g": 0, "b": 255}, "fadeMs": 400},
        {"id": "side", "name": "Side", "channelValues": {"100": 50}, "universe": 2},
        {"id": "part", "name": "Part", "channelValues": {"2": 9}},
        {"id": "off", "name": "Off", "rgb": {"r": 0, "g": 0, "b": 0}},
    ]
)


@contextlib.asynccontextmanager
async def stage(folder, **variables):
    engine = make_engine(folder, **variables)
    library = Library(Files(folder, folder / "state.json", folder / "seen.json"))
    library.replace_scenes(SCENES)
    player = Player(engine, library)
    async with running(engine):
        task = asyncio.create_task(player.run())
        yield engine, player
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_scene_without_a_fade_is_there_at_once_as_one_number(tmp_path):
    async with stage(tmp_path) as (engine, player):
        before = engine.state.seq
        await player.recall("bright")
        assert engine.state.colour == (200, 100, 0) and engine.state.seq == before + 1
        assert engine.state.updated_by == "scene:bright"
        await player.recall("part")
        assert engine.state.colour == (200, 9, 0)
        await player.recall("side")
        assert engine.state.seq == before + 2, "it does not touch main"
        assert engine.frames()[2][99] == 50
        with pytest.raises(MissingError):
            await player.recall("nothing")


async def test_a_fade_passes_through_the_middle_and_says_little(tmp_path):
    async with stage(tmp_path) as (engine, player):
        await player.recall("bright")
        before, seen = engine.state.seq, []
        await player.recall("slow")
        while engine.state.colour != (0, 0, 255):
            assert player.fading
            seen.append(engine.rig.colour("main"))
            await asyncio.sleep(0.005)
        blues = [colour[2] for colour in seen]
        assert blues == sorted(blues) and len({blue for blue in blues if 0 < blue < 255}) >= 3
        assert 2 <= engine.state.seq - before <= 8, "start, at most ten a second, end"
        last = engine.state.seq
        await asyncio.sleep(0.1)
        assert engine.state.seq == last and not player.fading


async def test_a_hand_on_the_slider_ends_the_fade(tmp_path):
    async with stage(tmp_path) as (engine, player):
        await player.recall("slow", 5000)
        engine.submit(red(7))
        await settle(engine)
        await asyncio.sleep(0.2)
        assert engine.state.colour == (7, 0, 0) and engine.rig.colour("main") == (7, 0, 0)


async def test_a_fade_waits_for_the_end_of_an_exposure(tmp_path):
    async with stage(tmp_path, DMX_INTERLOCK="enforce") as (engine, player):
        await player.recall("slow", 300)
        await engine.control(engine.exposure_begin, "a", "light", 5)
        await asyncio.sleep(0.4)
        assert engine.rig.colour("main") == (0, 0, 0) and not any(engine.frames()[0])
        with pytest.raises(InterlockedError):
            await player.recall("bright")
        await player.recall("off")
        await engine.control(engine.exposure_end, "a")


async def test_a_show_runs_its_steps_and_stops_as_it_is(tmp_path):
    async with stage(tmp_path) as (engine, player):
        with pytest.raises(InvalidError):
            player.start()
        steps = [{"sceneId": name, "fadeMs": 0, "holdMs": 60} for name in ("bright", "missing", "off")]
        player.library.replace_show(parse_show({"steps": steps, "order": "loop"}))
        player.start()
        await until(lambda: engine.state.updated_by == "scene:bright")
        await until(lambda: engine.state.updated_by == "scene:off")
        await until(lambda: engine.state.updated_by == "scene:bright")
        player.stop()
        colour = engine.state.colour
        await asyncio.sleep(0.2)
        assert engine.state.colour == colour and player.step is None
        player.start()
        await player.blackout("otto")
        assert engine.state.colour == (0, 0, 0) and player.step is None


async def test_a_paused_show_halts_in_the_middle_of_a_fade_and_goes_on_there(tmp_path):
    async with stage(tmp_path) as (engine, player):
        steps = [{"sceneId": "bright", "fadeMs": 600, "holdMs": 300}, {"sceneId": "off", "holdMs": 3_600_000}]
        player.library.replace_show(parse_show({"steps": steps, "order": "single"}))
        with pytest.raises(InvalidError):
            player.pause()
        player.start()
        await until(lambda: 20 < engine.state.colour[0] < 180)
        player.pause()
        await settle(engine)
        halted = engine.state.colour
        await asyncio.sleep(0.8)
        assert engine.state.colour == halted and player.step == 0 and player.paused
        await player.recall("side")  # by hand
        assert engine.frames()[2][99] == 50
        player.resume()
        seen = set()
        while player.step == 0:
            seen.add(engine.state.colour[0])
            await asyncio.sleep(0.005)
        assert max(seen) == 200 and len(seen) > 2, "the rest of the fade was there too"
        player.pause()
        player.stop()
        assert not player.paused and player.step is None
        with pytest.raises(InvalidError):
            player.resume()


async def test_a_scene_by_hand_fades_during_a_pause(tmp_path):
    async with stage(tmp_path) as (engine, player):
        player.library.replace_show(parse_show({"steps": [{"sceneId": "bright", "holdMs": 3_600_000}]}))
        player.start()
        await until(lambda: engine.state.colour[0] == 200)
        player.pause()
        await player.recall("slow")
        await until(lambda: engine.state.colour == (0, 0, 255))
        assert player.paused


async def test_a_single_show_ends_by_itself(tmp_path):
    async with stage(tmp_path) as (engine, player):
        player.library.replace_show(
            parse_show({"steps": [{"sceneId": "bright", "holdMs": 0}], "order": "single"})
        )
        began = time.monotonic()
        player.start()
        await until(lambda: player.step is None and engine.state.updated_by == "scene:bright")
        assert time.monotonic() - began < 10


def test_orders():
    def first(order, count=3, length=7):
        return list(itertools.islice(sequence(count, order), length))

    assert first("loop") == [0, 1, 2, 0, 1, 2, 0]
    assert first("single") == [0, 1, 2]
    assert first("pingpong") == [0, 1, 2, 1, 0, 1, 2]
    assert first("pingpong", 1, 3) == [0, 0, 0]
    assert first("pingpong", 2, 4) == [0, 1, 0, 1]
    assert set(first("random", 3, 200)) == {0, 1, 2}


def test_broken_files_are_kept_aside(tmp_path):
    (tmp_path / "scenes.json").write_text("[{}]")
    (tmp_path / "show.json").write_text("{")
    library = Library(Files(tmp_path, tmp_path / "state.json", tmp_path / "seen.json"))
    assert library.scenes == [] and library.show["steps"] == []
    assert len(list(tmp_path.glob("*.bad-*"))) == 2
