"""Light and exposures: warn, enforce, override, red at night, and what the cameras' end sees."""

import asyncio
import math
from datetime import UTC, datetime

import erfa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightsrig import make_engine, red, running, settle, wait_for

from lighting.engine.commands import own_command
from lighting.engine.rig import DEFAULT, Fixture, Rig, parse_patch
from lighting.engine.twilight import Twilight, sun_altitude
from lighting.errors import InterlockedError, InvalidError
from skycam_project.common.leases import Leases
from skycam_project.common.link import CallError

PATCH = [
    {"name": "main", "role": "main"},
    {"name": "panel", "role": "flat-panel", "start": 10, "profile": "dimmer", "bits": 16},
    {"name": "beacon", "role": "beacon", "start": 20},
    {"name": "floor", "role": "room-red", "start": 30, "profile": "dimmer"},
    {"name": "desk", "role": "room-white", "universe": 1, "start": 1, "profile": "rgbw"},
]


async def lit_engine(folder, **variables):
    engine = make_engine(folder, **variables)
    engine.set_patch(PATCH)
    for name in ("panel", "beacon", "floor", "desk"):
        engine.set_fixture(name, "test", (5, 5, 5))
    engine.submit(own_command("person", 10, 20, 30))
    return engine


def shining(engine) -> set[str]:
    """Fixtures whose channels are not all 0 in the frames that go out."""
    frames = engine.frames()
    return {
        name for name, fixture in engine.rig.fixtures.items()
        if any(frames[fixture.universe][channel - 1] for channel in fixture.channels)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "left"), [("light", {"beacon"}), ("flat", {"panel"}), ("dark", set()), ("bias", set())]
)
async def test_enforce_makes_dark_what_disturbs_and_brings_it_back(tmp_path, kind, left):
    async with running(await lit_engine(tmp_path, DMX_INTERLOCK="enforce")) as engine:
        await settle(engine)
        assert shining(engine) == {"main", "panel", "beacon", "floor", "desk"}
        before = engine.state
        await engine.control(engine.exposure_begin, "frame-1", kind, 30)
        assert shining(engine) == left
        assert engine.state.colour == (0, 0, 0) and engine.state.seq == before.seq + 1
        assert engine.state.updated_by == f"interlock:{kind}" and engine.held == (10, 20, 30)
        with pytest.raises(InterlockedError, match="frame-1"):
            engine.submit(red(1))
        engine.submit(own_command("x", 0, 0, 0))  # darkness is always allowed
        with pytest.raises(InterlockedError):
            await engine.control(engine.set_fixture, "desk", "x", (1, 0, 0))
        await settle(engine)
        await engine.control(engine.exposure_begin, "frame-2", kind, 30)
        await engine.control(engine.exposure_end, "frame-1")
        assert shining(engine) == left, "another exposure runs still"
        await engine.control(engine.exposure_end, "frame-2")
        assert shining(engine) >= {"panel", "beacon", "floor", "desk"}


async def test_the_earlier_colour_comes_back_unless_somebody_chose_another(tmp_path):
    async with running(make_engine(tmp_path, DMX_INTERLOCK="enforce")) as engine:
        engine.submit(own_command("person", 10, 20, 30))
        await settle(engine)
        await engine.control(engine.exposure_begin, "a", "light", 5)
        await engine.control(engine.exposure_end, "a")
        assert engine.state.colour == (10, 20, 30) and engine.state.updated_by == "person"
        await engine.control(engine.exposure_begin, "b", "light", 5)
        engine.submit(own_command("person", 0, 0, 0))
        await settle(engine)
        await engine.control(engine.exposure_end, "b")
        assert engine.state.colour == (0, 0, 0)


async def test_a_command_that_waited_while_the_shutter_opened_is_not_carried_out(tmp_path):
    engine = make_engine(tmp_path, DMX_INTERLOCK="enforce")
    late = red(200)
    beginning = asyncio.create_task(engine.control(engine.exposure_begin, "a", "light", 5))
    await asyncio.sleep(0)
    engine.submit(late)
    async with running(engine):
        await beginning
        await settle(engine)
        assert engine.state.colour == (0, 0, 0)
        await engine.control(engine.exposure_end, "a")
        engine.submit(late)
        await settle(engine)
        assert engine.state.colour == (200, 0, 0), "its id was not taken"


async def test_warn_lets_light_pass_and_says_so(tmp_path):
    async with running(make_engine(tmp_path)) as engine:
        told = asyncio.Queue(10)
        engine.events.queues.append(told)
        await engine.control(engine.exposure_begin, "frame-7", "light", 5)
        engine.submit(red(50))
        engine.submit(red(90))
        await settle(engine)
        assert engine.state.colour == (90, 0, 0)
        hits = await engine.control(engine.exposure_end, "frame-7")
        assert [(hit["fixture"], hit["exposure"], hit["colour"]) for hit in hits] == [
            ("main", "frame-7", [90, 0, 0])
        ]
        assert hits[0]["from"] <= hits[0]["to"]
        events = [told.get_nowait() for _ in range(told.qsize())]
        assert [event["event"] for event in events] == ["light_during_exposure"] * 2
        assert events[0]["to"] is None and events[-1]["to"], "one at the first light, one with the end"
        assert [event["number"] for event in engine.events.newest] == [1, 2]


async def test_off_knows_no_leases(tmp_path):
    async with running(make_engine(tmp_path, DMX_INTERLOCK="off")) as engine:
        await engine.control(engine.exposure_begin, "a", "light", 5)
        engine.submit(red(50))
        await settle(engine)
        assert await engine.control(engine.exposure_end, "a") == [] and engine.state.colour == (50, 0, 0)


async def test_a_person_may_override_and_the_frame_knows(tmp_path):
    async with running(make_engine(tmp_path, DMX_INTERLOCK="enforce")) as engine:
        await engine.control(engine.exposure_begin, "a", "light", 5)
        for wrong in ("", "  ", 5, "x" * 201):
            with pytest.raises(InvalidError):
                await engine.control(engine.set_override, wrong, "otto")
        await engine.control(engine.set_override, "somebody fell", "otto")
        engine.submit(own_command("ui", 255, 255, 255))
        await settle(engine)
        assert engine.state.colour == (255, 255, 255)
        hits = await engine.control(engine.exposure_end, "a")
        assert hits[0]["override"] == "somebody fell (otto)"
        await engine.control(engine.exposure_begin, "b", "light", 500)
        assert engine.state.colour == (255, 255, 255), "it stands for the next frames, too"
        now = engine.interlock._now
        engine.interlock._now = lambda: now() + 301
        await engine.control(engine._expire_now)
        assert engine.state.colour == (0, 0, 0), "and ends after five minutes"
        hits = await engine.control(engine.exposure_end, "b")
        assert hits[0]["override"] and hits[0]["to"]
        assert engine.state.colour == (255, 255, 255)


async def test_an_override_is_taken_back(tmp_path):
    async with running(make_engine(tmp_path, DMX_INTERLOCK="enforce")) as engine:
        await engine.control(engine.exposure_begin, "a", "light", 5)
        await engine.control(engine.set_override, "look for the cap", "otto")
        engine.submit(red(9))
        await settle(engine)
        await engine.control(engine.end_override)
        assert engine.state.colour == (0, 0, 0) and engine.held == (9, 0, 0)


async def test_a_crashed_camera_does_not_lock_the_lights_for_ever(tmp_path):
    async with running(make_engine(tmp_path, DMX_INTERLOCK="enforce")) as engine:
        engine.submit(red(70))
        await settle(engine)
        await engine.control(engine.exposure_begin, "a", "light", 5)
        now = engine.interlock._now
        engine.interlock._now = lambda: now() + 14
        await engine.control(engine._expire_now)
        assert engine.interlock.leases
        engine.interlock._now = lambda: now() + 16
        await engine.control(engine._expire_now)
        assert not engine.interlock.leases and engine.state.colour == (70, 0, 0)


async def test_leases_survive_a_restart_of_the_engine(tmp_path):
    async with running(make_engine(tmp_path, DMX_INTERLOCK="enforce")) as engine:
        engine.submit(red(70))
        await settle(engine)
        await engine.control(engine.exposure_begin, "a", "light", 60)
    again = make_engine(tmp_path, DMX_INTERLOCK="enforce")
    with pytest.raises(InterlockedError):
        again.submit(red(1))
    again.close()


async def test_a_bright_beacon_goes_out_and_a_dim_one_stays(tmp_path):
    engine = await lit_engine(tmp_path, DMX_INTERLOCK="enforce", DMX_INTERLOCK_BEACON_MAX="8")
    async with running(engine):
        engine.set_fixture("beacon", "x", (9, 0, 0))
        await engine.control(engine.exposure_begin, "a", "light", 5)
        assert shining(engine) == set()
        with pytest.raises(InterlockedError):
            await engine.control(engine.set_fixture, "beacon", "x", (20, 0, 0))
        await engine.control(engine.set_fixture, "beacon", "x", (8, 0, 0))
        assert shining(engine) == {"beacon"}


@pytest.mark.parametrize(
    "wrong",
    [
        ("", "light", 1),
        ("a", "sunset", 1),
        ("a", "light", -1),
        ("a", "light", 8000),
        ("a", "light", "x"),
        (5, "light", 1),
    ],
)
async def test_a_lease_is_checked(tmp_path, wrong):
    async with running(make_engine(tmp_path)) as engine:
        with pytest.raises(InvalidError):
            await engine.control(engine.exposure_begin, *wrong)


# ---- red at night


async def test_the_dark_mode_lets_red_through_and_keeps_the_sender(tmp_path):
    async with running(await lit_engine(tmp_path, DMX_DARK_MAX_RED="64")) as engine:
        await settle(engine)
        await engine.control(engine.set_mode, "dark", "otto")
        assert engine.state.colour == (10, 0, 0) and engine.state.updated_by == "mode:dark"
        assert engine.rig.colour("desk") == (5, 0, 0) and engine.rig.colour("floor") == (5, 5, 5)
        engine.submit(own_command("ui", 255, 255, 255))
        await settle(engine)
        assert engine.state.colour == (64, 0, 0) and engine.state.updated_by == "ui"
        await engine.control(engine.set_mode, "normal", "otto")
        assert engine.state.colour == (64, 0, 0), "the old colour does not come back by itself"
    again = make_engine(tmp_path)
    assert again.mode == "normal" and again.mode_by == "otto"
    again.close()


async def test_blackout_mode_refuses_light(tmp_path):
    async with running(await lit_engine(tmp_path)) as engine:
        await settle(engine)
        await engine.control(engine.set_mode, "blackout", "otto")
        assert shining(engine) == set() and engine.state.colour == (0, 0, 0)
        with pytest.raises(InterlockedError):
            engine.submit(red(1))


@pytest.mark.parametrize(
    "when", ["2026-06-21T12:00:00", "2026-11-20T18:00:00", "2031-02-03T04:05:06", "1999-12-31T23:59:59"]
)
@pytest.mark.parametrize(
    ("latitude", "longitude"), [(51.4779, 0.0), (-33.9, 18.4), (0.0, -179.0), (89.0, 15.0)]
)
def test_the_suns_altitude_agrees_with_the_full_theory(when, latitude, longitude):
    moment = datetime.fromisoformat(when).replace(tzinfo=UTC)
    tt = (
        2440587.5,
        moment.timestamp() / 86400 + 69 / 86400,
    )  # TT is 69 s ahead of UTC in these years, to a few seconds
    earth, _ = erfa.epv00(*tt)
    x, y, z = erfa.pnm06a(*tt) @ -earth["p"]
    hour_angle = (
        erfa.gst06a(2440587.5, moment.timestamp() / 86400, *tt) + math.radians(longitude) - math.atan2(y, x)
    )
    declination, place = math.atan2(z, math.hypot(x, y)), math.radians(latitude)
    sine = math.sin(place) * math.sin(declination) + math.cos(place) * math.cos(declination) * math.cos(
        hour_angle
    )
    assert sun_altitude(moment, latitude, longitude) == pytest.approx(math.degrees(math.asin(sine)), abs=0.03)


# ---- the rig


def test_profiles_bits_and_the_master_fader():
    rig = Rig(64)
    rig.patch(parse_patch(PATCH))
    rig.set_colour("desk", (200, 100, 50))
    rig.set_level("panel", 0x1234)
    rig.set_colour("main", (255, 128, 0))
    frames = rig.frames(lambda fixture, level: True, True)
    assert frames[1][:4] == bytes([150, 50, 0, 50]), "the common part of RGBW is white"
    assert frames[0][9:11] == b"\x12\x34" and frames[0][:3] == bytes([255, 128, 0])
    assert rig.colour("desk") == (200, 100, 50)
    rig.master = 127
    assert rig.frames(lambda fixture, level: True, True)[0][:3] == bytes([127, 63, 0])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ([{"name": "main", "role": "main", "start": 511}], "513"), ([{"name": "main"}], "main"), ([*PATCH, PATCH[1]], "once"),
        ([PATCH[0], {"name": "b", "start": 3}], "channel 3"), ([PATCH[0], {"name": "B"}], "name"), ([PATCH[0], {"name": "b", "bits": 9}], "bits"),
        ([PATCH[0], {"name": "b", "universe": True}], "universe"), ("x", "list"), ([PATCH[0], {"name": "b", "colour": 1}], "nothing else"),
    ],
)  # fmt: skip
def test_a_wrong_patch_is_refused(change, word):
    with pytest.raises(InvalidError, match=word):
        parse_patch(change)


@given(st.sampled_from(["rgb", "rgbw"]), st.sampled_from([8, 16]), st.tuples(*[st.integers(0, 255)] * 3))
def test_a_colour_comes_back_as_it_was_given(profile, bits, colour):
    rig = Rig(64)
    rig.patch([Fixture("main", "main", profile=profile, bits=bits)])
    rig.set_colour("main", colour)
    assert rig.colour("main") == colour


@given(st.integers(1, 512), st.integers(0, 255))
def test_a_channel_shows_what_it_was_given_with_or_without_a_fixture(channel, value):
    rig = Rig(64)
    rig.patch([DEFAULT, Fixture("panel", "flat-panel", 0, 100, "dimmer", 16)])
    rig.set_channel(0, channel, value)
    assert rig.channel(0, channel) == value
    assert rig.frames(lambda fixture, level: True, True)[0][channel - 1] == value


# ---- the cameras' end, over the link


async def test_a_camera_asks_and_hears_what_shone(engine_process, folder):
    lights = engine_process(DMX_INTERLOCK="enforce", DMX_MQTT_ENABLED="false")
    lights.set(100)
    wait_for(lambda: lights.rgb["r"] == 100)
    leases = Leases(folder / "run")
    async with leases.exposure("frame-1", "light", 2.0) as lease:
        assert lease.dark and lease.warnings == []
        assert lights.rgb["r"] == 0
        with pytest.raises(CallError) as refused:
            lights.set(5)
        assert refused.value.code == "interlocked" and "frame-1" in str(refused.value)
        lights.ask("override", reason="safety", by="otto")
        lights.set(5)
        wait_for(lambda: lights.rgb["r"] == 5)
    assert [hit["fixture"] for hit in lease.hits] == ["main"] and "safety (otto)" in lease.warnings[0]
    await leases.close()


async def test_the_sun_turns_the_lights_red_once_per_night_and_a_person_may_decide_otherwise(tmp_path):
    heights: list[float] = [-20.0]
    async with running(make_engine(tmp_path)) as engine:
        twilight = Twilight(engine, lambda moment: heights[-1], -12.0)
        await twilight.look()
        assert (engine.mode, engine.mode_by) == ("dark", "sun")
        await engine.control(engine.set_mode, "normal", "olga")
        await twilight.look()
        assert engine.mode == "normal"
    async with running(make_engine(tmp_path)) as engine:
        twilight = Twilight(engine, lambda moment: heights[-1], -12.0)
        await twilight.look()
        assert engine.mode == "normal", "a restart in the middle of the night is no crossing"
        for height, mode in (
            (-7, "normal"),
            (-5, "normal"),
            (-11, "normal"),
            (-13, "dark"),
            (-7, "dark"),
            (-5, "normal"),
        ):
            heights.append(height)
            await twilight.look()
            assert engine.mode == mode, height


async def test_a_camera_goes_on_when_there_are_no_lights(folder):
    leases = Leases(folder / "run")
    async with leases.exposure("frame-1", "light", 2.0) as lease:
        assert not lease.dark
    assert lease.warnings == [] and lease.hits == []
    await leases.close()


async def test_a_camera_does_not_wait_for_a_lamp_that_does_not_answer(engine_process, folder):
    lights = engine_process(
        DMX_INTERLOCK="enforce",
        DMX_USB_ENABLED="true",
        DMX_USB_PORT=str(folder / "nothing"),
        DMX_MQTT_ENABLED="false",
    )
    wait_for(lambda: lights.state()["outputs"][0]["reason"].startswith(str(folder)))
    leases = Leases(folder / "run")
    lease = await leases.begin("frame-1", "light", 2.0)
    assert not lease.dark and lease.warnings[0].startswith("the lights at enttec have not confirmed")
    assert str(folder) in lease.warnings[0], "the reason"
    await leases.end(lease)
    await leases.close()
