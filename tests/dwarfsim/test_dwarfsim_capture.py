"""Stacking runs: messages in the device's order, its timing, and the pixels of its files."""

import json
import re
import time
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from astropy.io import fits
from dwarfsim_helpers import M31, NIGHT, SMALL, Painter, Talker, small_options
from PIL import Image

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Astro, Module, Param, System, Task, Tele
from telescope.dwarf.notifications import Notify
from telescope.dwarf.values import OperationState, ParamId, StreamType
from telescope.simulator.server import Simulator

EXPOSURE, GAIN = ParamId(2, 1, 0, 1).pack(), ParamId(2, 1, 0, 2).pack()
CAPTURE_EXPOSURE, CAPTURE_GAIN = ParamId(11, 1, 0, 1).pack(), ParamId(11, 1, 0, 2).pack()
FRAMES = ParamId(2, 2, 0, 16).pack()
FIVE_SECONDS = 141


async def on_target(talker, frames=3, exposure=FIVE_SECONDS, gain=80):
    await talker.ask(Astro.START_CALIBRATION)
    await talker.ask(Astro.START_GOTO_DSO, ra=M31[0], dec=M31[1], target_name="M 31")
    await talker.ask(Param.SET_EXPOSURE, param_id=EXPOSURE, mode=1, value=exposure)
    await talker.ask(Param.SET_GAIN, param_id=GAIN, mode=1, value=gain)
    await talker.ask(Param.SET_GENERAL_INT_PARAM, param_id=FRAMES, value=frames)
    talker.forget()


async def ended(talker):
    await talker.note(Notify.STATE_CAPTURE_RAW_LIVE_STACKING, state=OperationState.RUNNING)

    def idle():
        return talker.notes(Notify.STATE_CAPTURE_RAW_LIVE_STACKING)[-1].state == OperationState.IDLE

    await talker.until(idle)


async def run(talker, **request):
    reply = await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, **({"ir_index": 1} | request))
    await ended(talker)
    return reply


def folder_of(simulator):
    (folder,) = (simulator.device.card.root / "Astronomy").glob("DWARF_RAW_*")
    return folder


def size_of(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.size


def subs(folder):
    return sorted(path for path in folder.glob("*.fits") if not path.name.startswith("stacked"))


async def test_a_run_from_start_to_end(talker, simulator, painter):
    await on_target(talker)
    assert (await run(talker)).code == 0
    folder = folder_of(simulator)
    assert re.fullmatch(r"DWARF_RAW_TELE_M 31_EXP_5_GAIN_80_2026-11-20-\d\d-\d\d-\d\d-\d{3}", folder.name)
    assert len(subs(folder)) == 3
    pattern = r"M 31_5s80_Astro_20261120-\d{9}_\d\dC\.fits"
    assert all(re.fullmatch(pattern, path.name) for path in subs(folder))
    names = {path.name for path in folder.iterdir()}
    assert {"shotsInfo.json", "stacked.jpg", "stacked_thumbnail.jpg", "Thumbnail"} <= names
    assert {"img_reference.png", "img_stacked_counter.png"} <= names
    thumbnails = {path.stem for path in (folder / "Thumbnail").glob("*.jpg")}
    assert thumbnails == {path.stem for path in subs(folder)}


async def test_the_pixels_of_a_file_are_those_of_the_renderer(talker, simulator, painter):
    await on_target(talker)
    await run(talker)
    for path, painted, shot in zip(subs(folder_of(simulator)), painter.frames, painter.shots, strict=True):
        with fits.open(path) as hdus:
            hdus.verify("exception")
            assert hdus[0].data.dtype == np.uint16
            assert np.array_equal(hdus[0].data, painted)
            header = hdus[0].header
        assert list(header)[:9] == [
            "SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "BZERO", "BSCALE", "DATE-OBS",
        ]  # fmt: skip
        assert (header["EXPTIME"], header["GAIN"], header["FILTER"]) == (5.0, 80, "Astro")
        assert (header["CAMERA"], header["BAYERPAT"], header["TELESCOP"]) == ("TELE", "RGGB", "DWARF 3")
        assert (header["RA"], header["DEC"]) == (pytest.approx(M31[0] * 15), M31[1])
        assert header["OBJECT"] == "M 31"
        assert header["DET-TEMP"] == round(shot.temperature)
        end = datetime.fromisoformat(header["DATE-OBS"] + "+00:00")
        assert abs(end - shot.start - timedelta(seconds=5)) < timedelta(milliseconds=1)
        assert end.strftime("%Y%m%d-%H%M%S") in path.name


@pytest.mark.alone  # a machine that paints late has gaps, and is told so
@pytest.mark.parametrize("simulator", [{"speed": 20.0}], indirect=True)
async def test_frames_follow_each_other_without_a_gap(talker, simulator, painter):
    await on_target(talker, frames=6)
    await run(talker)
    starts = [shot.start for shot in painter.shots]
    gaps = {(b - a).total_seconds() for a, b in pairwise(starts)}
    assert gaps == {5.0}
    stamp = datetime.strptime(folder_of(simulator).name[-23:], "%Y-%m-%d-%H-%M-%S-%f")
    assert 4.0 < (starts[0].replace(tzinfo=None) - stamp).total_seconds() < 6.0


async def test_a_shot_looks_where_the_mount_truly_looks(talker, simulator, painter):
    await on_target(talker, frames=1)
    await run(talker)
    (shot,) = painter.shots
    assert shot.light
    place = shot.sight.place(2.5)
    assert (place.ra, place.dec) == (pytest.approx(M31[0] * 15, abs=0.1), pytest.approx(M31[1], abs=0.05))
    assert place.roll != pytest.approx(shot.sight.place(0).roll, abs=1e-6)


async def test_the_reply_comes_late_and_progress_is_sparse(talker):
    await on_target(talker, frames=2)
    await run(talker)
    order = [p.cmd for p in talker.packets]
    reply = next(i for i, p in enumerate(talker.packets) if p.cmd == Astro.START_CAPTURE_RAW_LIVE_STACKING)
    progress = Notify.PROGRASS_CAPTURE_RAW_LIVE_STACKING
    assert order.index(Notify.STATE_CAPTURE_RAW_LIVE_STACKING) < order.index(progress) < reply
    notes = talker.notes(progress)
    first = notes[0]
    assert (first.total_count, first.current_count, first.exp_index, first.gain_index) == (2, 0, 141, 80)
    assert first.target_name == "M 31"
    taken = [n for n in notes[1:] if n.update_type == 0]
    stacked = [n for n in notes[1:] if n.update_type == 1]
    assert [n.current_count for n in taken] == [1, 2]
    assert [n.stacked_count for n in stacked] == [1, 2]
    assert not any(n.HasField("target_name") or n.HasField("total_count") for n in notes[1:])
    assert not any(n.HasField("stacked_count") for n in taken)


async def test_seconds_within_a_frame_are_told(talker):
    await on_target(talker, frames=1)
    await run(talker)
    notes = talker.notes(Notify.WAIT_SHOOTING_PROGRESS)
    assert {note.total for note in notes} == {5}
    seconds = [note.current for note in notes]
    assert seconds == sorted(seconds)
    assert seconds[-1] == 5


async def test_exposure_and_gain_are_reloaded_under_the_internal_mode(talker):
    await on_target(talker)
    await run(talker)
    echoes = [p for p in talker.packets if p.cmd == Notify.GENERAL_INT_PARAM]
    assert {p.module_id for p in echoes} == {Module.PARAM}
    values = {n.param_id: n.value for n in talker.notes(Notify.GENERAL_INT_PARAM)}
    assert values == {CAPTURE_EXPOSURE: FIVE_SECONDS, CAPTURE_GAIN: 80}


async def test_a_client_may_correct_what_was_reloaded_until_the_folder_is_made(talker, simulator):
    """With the stale-parameters fault the run begins with the settings of the run before."""
    simulator.device.faults.stale_parameters = True
    await on_target(talker, frames=1)
    await talker.send(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    stale = await talker.note(Notify.GENERAL_INT_PARAM, param_id=CAPTURE_EXPOSURE)
    assert stale.value == 156
    await talker.ask(Param.SET_EXPOSURE, param_id=CAPTURE_EXPOSURE, mode=1, value=FIVE_SECONDS)
    await ended(talker)
    assert "_EXP_5_GAIN_60_" in folder_of(simulator).name


async def test_shots_info(talker, simulator):
    await on_target(talker, frames=2)
    await run(talker)
    info = json.loads((folder_of(simulator) / "shotsInfo.json").read_text())
    assert list(info) == [
        "DEC", "RA", "binning", "exp", "format", "gain", "ir", "maxTemp", "minTemp", "shotsStacked",
        "shotsTaken", "shotsToTake", "target",
    ]  # fmt: skip
    assert (info["RA"], info["DEC"]) == (pytest.approx(M31[0]), M31[1])
    assert (info["exp"], info["gain"], info["binning"], info["ir"]) == ("5", 80, "1*1", "Astro")
    assert (info["shotsStacked"], info["shotsTaken"], info["shotsToTake"]) == (2, 2, 2)


async def test_the_stack_is_the_mean_of_the_accepted_frames(talker, simulator, painter):
    await on_target(talker, frames=3)
    await run(talker)
    folder = folder_of(simulator)
    (path,) = folder.glob("stacked-16_M 31_5s80_Astro_*.fits")
    mean = np.mean(painter.frames, axis=0)
    with fits.open(path) as hdus:
        data, header = hdus[0].data, hdus[0].header
    assert data.shape == (3, 72, 128)
    assert np.allclose(data[0, ::2, ::2], np.round(mean[::2, ::2]), atol=1)
    assert np.allclose(data[2, 1::2, 1::2], np.round(mean[1::2, 1::2]), atol=1)
    assert header["EXPTIME"] == 15.0
    assert (header["CRTL1X"], header["CRBR2Y"]) == (0, 71)
    assert size_of(path.with_suffix(".png")) == (128, 72)
    assert size_of(folder / "stacked.jpg") == (64, 36)


async def test_rejected_frames_are_kept_with_their_prefix_and_not_stacked(talker, simulator):
    simulator.device.faults.failed_frames = 1.0
    await on_target(talker, frames=3)
    await run(talker)
    folder = folder_of(simulator)
    assert all(path.name.startswith("failed_M 31_5s80_Astro_") for path in subs(folder))
    assert len(subs(folder)) == len(list((folder / "Thumbnail").glob("failed_*.jpg"))) == 3
    info = json.loads((folder / "shotsInfo.json").read_text())
    assert (info["shotsStacked"], info["shotsTaken"]) == (0, 3)
    assert not [n for n in talker.notes(Notify.PROGRASS_CAPTURE_RAW_LIVE_STACKING)[1:] if n.update_type == 1]
    assert not (folder / "stacked.jpg").exists()


@pytest.mark.parametrize(
    "command", [Astro.STOP_CAPTURE_RAW_LIVE_STACKING, Astro.FAST_STOP_CAPTURE_RAW_LIVE_STACKING]
)
async def test_stopping(talker, simulator, command):
    await on_target(talker, frames=500)
    await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=0)
    await talker.note(Notify.PROGRASS_CAPTURE_RAW_LIVE_STACKING, current_count=2)
    assert (await talker.ask(command)).code == 0
    await ended(talker)
    states = [n.state for n in talker.notes(Notify.STATE_CAPTURE_RAW_LIVE_STACKING)]
    assert states == [OperationState.RUNNING, OperationState.STOPPING, OperationState.IDLE]
    folder = folder_of(simulator)
    info = json.loads((folder / "shotsInfo.json").read_text())
    assert 2 <= info["shotsTaken"] == len(subs(folder)) < 10
    assert (folder / "stacked.jpg").exists()
    slow = command == Astro.STOP_CAPTURE_RAW_LIVE_STACKING
    assert bool(list(folder.glob("stacked-16*"))) == slow
    assert "_VIS_" in subs(folder)[0].name
    assert simulator.device.stream == StreamType.JPEG
    await talker.ask(Astro.GO_LIVE)
    await talker.note(Notify.STREAM_TYPE, stream_type=StreamType.RTSP, cam_id=1)


async def test_stopping_before_the_first_frame(talker, simulator):
    await on_target(talker, frames=5, exposure=162)
    await talker.send(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    await talker.note(Notify.STATE_CAPTURE_RAW_LIVE_STACKING, state=OperationState.RUNNING)
    await talker.ask(Astro.FAST_STOP_CAPTURE_RAW_LIVE_STACKING)
    await ended(talker)
    start = Astro.START_CAPTURE_RAW_LIVE_STACKING
    await talker.until(lambda: any(p.cmd == start for p in talker.packets))
    assert not list((simulator.device.card.root / "Astronomy").glob("DWARF_RAW_*/*.fits"))
    assert (await run(talker, force_start=True)).code == 0


async def test_without_a_goto_a_phantom_runs_for_a_while(talker, simulator):
    begin = simulator.device.clock.monotonic()
    reply = await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    assert reply.code == Code.ASTRO_NEED_GOTO
    busy = await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    assert busy.code == Code.ASTRO_LIVE_STACKING_RUNNING
    await ended(talker)
    assert simulator.device.clock.monotonic() - begin >= 20
    assert not list((simulator.device.card.root / "Astronomy").glob("DWARF_RAW_*"))


@pytest.mark.parametrize("simulator", [{"darks": False}], indirect=True)
async def test_a_missing_dark_is_named_and_11050_goes_on(talker, simulator):
    await on_target(talker, frames=1)
    reply = await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    assert (reply.code, reply.exp_name, reply.gain, reply.filter_type) == (
        Code.ASTRO_DARK_NOT_FOUND,
        "5",
        80,
        3,
    )
    assert not talker.notes(Notify.STATE_CAPTURE_RAW_LIVE_STACKING)
    assert (await talker.ask(Astro.CONTINUE_SHOOTING)).code == 0
    await ended(talker)
    assert len(subs(folder_of(simulator))) == 1
    assert (await talker.ask(Astro.CONTINUE_SHOOTING)).code == Code.ASTRO_FUNCTION_BUSY


async def test_a_dark_of_another_temperature_is_not_enough(talker, simulator):
    await on_target(talker)
    simulator.device.environment.set(air=30)
    reply = await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    assert (reply.code, reply.temp_threshold) == (Code.ASTRO_DARK_TEMP_MISMATCH, 5)


async def test_a_full_card(talker, simulator):
    await on_target(talker)
    simulator.device.faults.sd_full = True
    reply = await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    assert reply.code == Code.WS_SDCARD_FULL_ERROR
    assert (await talker.ask(Tele.PHOTO_RAW)).code == Code.WS_SDCARD_FULL_ERROR
    assert (await talker.ask(Task.GET_DEVICE_STATE_INFO)).device.storage.available_size == 0


async def test_long_exposures_need_the_equatorial_mode(talker):
    await on_target(talker, exposure=163)
    reply = await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    assert reply.code == Code.ASTRO_NEED_EQ


async def test_a_running_stack_survives_its_client(simulator, talker):
    await on_target(talker, frames=4)
    await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    await talker.close()
    other = await Talker.connect(simulator.ports.websocket)
    state = await other.ask(Task.GET_DEVICE_STATE_INFO)
    assert state.tele.exclusive_state.raw_capture.state == OperationState.RUNNING
    assert state.motion_motor.exclusive_state.tracking.target_name == "M 31"
    await other.note(Notify.STATE_CAPTURE_RAW_LIVE_STACKING, state=OperationState.IDLE)
    assert len(subs(folder_of(simulator))) == 4
    await other.close()


async def test_gotos_are_refused_while_stacking(talker):
    await on_target(talker, frames=100)
    await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
    reply = await talker.ask(Astro.START_GOTO_DSO, ra=5.0, dec=40.0, target_name="other")
    assert reply.code == Code.ASTRO_LIVE_STACKING_RUNNING
    await talker.ask(Astro.FAST_STOP_CAPTURE_RAW_LIVE_STACKING)
    await ended(talker)


async def test_the_wide_camera_stacks_too(talker, simulator, painter):
    await on_target(talker)
    await talker.ask(Param.SET_GENERAL_INT_PARAM, param_id=ParamId(2, 2, 1, 16).pack(), value=2)
    await talker.ask(Param.SET_EXPOSURE, param_id=ParamId(2, 1, 1, 1).pack(), mode=1, value=FIVE_SECONDS)
    assert (await talker.ask(Astro.START_WIDE_CAPTURE_LIVE_STACKING)).code == 0
    await talker.until(
        lambda: [n.state for n in talker.notes(Notify.STATE_WIDE_CAPTURE_RAW_LIVE_STACKING)][-1:] == [0]
    )
    folder = folder_of(simulator)
    assert folder.name.startswith("DWARF_RAW_WIDE_M 31_EXP_5_GAIN_60_")
    with fits.open(subs(folder)[0]) as hdus:
        header, data = hdus[0].header, hdus[0].data
    assert (header["CAMERA"], header["FOCALLEN"], header["XPIXSZ"], header["FILTER"]) == (
        "WIDE",
        6.7,
        2.9,
        "",
    )
    assert data.shape == (36, 64)


async def test_stamps_are_in_the_devices_own_time_zone(talker, simulator):
    await talker.ask(System.SET_TIME_ZONE, timezone="Asia/Tokyo")
    await on_target(talker, frames=1)
    await run(talker)
    assert "_2026-11-21-07-" in folder_of(simulator).name
    (path,) = subs(folder_of(simulator))
    assert fits.getheader(path)["DATE-OBS"].startswith("2026-11-21T07:")


async def test_a_pinned_clock_ignores_what_clients_set_and_a_free_one_follows(painter):
    stamp = int(NIGHT.timestamp()) + 86400
    for start, date in ((NIGHT, "2026-11-20"), (None, "2026-11-21")):
        async with Simulator(small_options(start=start, speed=1.0), painter, profile=SMALL) as simulator:
            talker = await Talker.connect(simulator.ports.websocket)
            assert (await talker.ask(System.SET_TIME, timestamp=stamp, timezone_offset=0)).code == 0
            device = simulator.device
            assert device.local(device.clock.now()).strftime("%Y-%m-%d") == date
            await talker.close()


async def test_names_of_targets_cannot_leave_the_folder(talker, simulator):
    await talker.ask(Astro.START_CALIBRATION)
    await talker.ask(Astro.START_GOTO_DSO, ra=M31[0], dec=M31[1], target_name="../../etc/\x00 M31's\n")
    await talker.ask(Param.SET_GENERAL_INT_PARAM, param_id=FRAMES, value=1)
    await talker.ask(Param.SET_EXPOSURE, param_id=EXPOSURE, mode=1, value=FIVE_SECONDS)
    await run(talker)
    folder = folder_of(simulator)
    assert folder.parent == simulator.device.card.root / "Astronomy"
    assert folder.name.startswith("DWARF_RAW_TELE__.._etc__ M31's__EXP_5")
    assert fits.getheader(subs(folder)[0])["OBJECT"] == "_.._etc__ M31's_"


async def test_quick_sets(talker, simulator):
    entries = (await talker.ask(Astro.GET_QUICK_SET_LIST, camera_type=0)).results
    assert entries[0].info_id == "0|0|15|60|0|null"
    await talker.ask(Param.SET_EXPOSURE, param_id=EXPOSURE, mode=1, value=FIVE_SECONDS)
    reply = await talker.ask(Astro.SET_QUICK_SET, info_id=entries[2].info_id)
    assert (reply.code, reply.info_id) == (0, "0|0|60|60|0|null")
    assert simulator.device.params.get(2, 0, 1).value == 162
    assert (await talker.ask(Astro.SET_QUICK_SET, info_id="0|0|61|60|0|null")).code == Code.WS_INVAID_PARAM
    await talker.ask(Param.SET_GENERAL_INT_PARAM, param_id=FRAMES, value=10)
    assert (await talker.ask(Astro.GET_ASTRO_SHOOTING_TIME, exp_index=-1)).shooting_time == 600


async def test_photos_and_bursts(talker, simulator, painter):
    await talker.ask(Tele.PHOTOGRAPH)
    await talker.note(Notify.PHOTO_STATE, state=OperationState.RUNNING)
    await talker.note(Notify.PHOTO_STATE, state=OperationState.IDLE)
    (photo,) = (simulator.device.card.root / "Normal_Photos").glob("DWARF3_TELE_2026-11-20-22-*.jpg")
    assert size_of(photo) == (64, 36)
    assert not painter.shots[0].light, "the barrel is still folded in"
    await talker.ask(Tele.BURST, count=3)
    await talker.until(lambda: len(talker.notes(Notify.BURST_PROGRESS)) == 3)
    await talker.note(Notify.BURST_STATE, state=OperationState.IDLE)
    assert [n.completed_count for n in talker.notes(Notify.BURST_PROGRESS)] == [1, 2, 3]
    assert len(list((simulator.device.card.root / "Burst").glob("*/*.jpg"))) == 3


async def test_a_raw_photo_has_the_renderers_pixels(talker, simulator, painter):
    photo_exposure = ParamId(1, 1, 0, 1).pack()
    await talker.ask(Param.SET_EXPOSURE, param_id=photo_exposure, mode=1, value=FIVE_SECONDS)
    assert (await talker.ask(Tele.PHOTO_RAW)).code == 0
    assert (await talker.ask(Tele.PHOTO_RAW)).code == Code.CAMERA_TELE_RUNNING_PHOTO
    await talker.note(Notify.PHOTO_STATE, state=OperationState.IDLE)
    await talker.note(Notify.LONG_EXP_PROGRESS, total_time=5.0)
    (path,) = (simulator.device.card.root / "Normal_Photos").glob("*.fits")
    assert np.array_equal(fits.getdata(path), painter.frames[0])
    await talker.ask(Param.SET_EXPOSURE, param_id=photo_exposure, mode=1, value=159)
    assert (await talker.ask(Tele.PHOTO_RAW)).code == Code.CAMERA_TELE_EXP_TOO_LONG


@pytest.mark.parametrize("simulator", [{"darks": False}], indirect=True)
async def test_new_darks_make_a_master_and_serve_a_run(talker, simulator, painter):
    await on_target(talker, frames=1)
    reply = await talker.ask(
        Astro.START_CAPTURE_CALI_FRAME, exp_index=FIVE_SECONDS, gain=80, cap_size=4, filter_type=3
    )
    assert reply.code == 0
    await talker.note(Notify.PROGRESS_CAPTURE_CALI_FRAME, progress=100)
    await talker.until(lambda: [n.state for n in talker.notes(Notify.STATE_CAPTURE_CALI_FRAME)] == [1, 0])
    assert [shot.light for shot in painter.shots] == [False] * 4
    (master,) = (simulator.device.card.root / "Astronomy/CALI_FRAME/dark/cam_0").iterdir()
    assert re.fullmatch(r"dark_exp_5\.000000_gain_80_bin_1_\d+C_stack_4\.fits", master.name)
    with fits.open(master) as hdus:
        assert np.allclose(hdus[0].data, np.mean(painter.frames, axis=0), atol=1)
        assert list(hdus[0].header)[-1] == "BAYERPAT"
    (entry,) = (await talker.ask(Astro.GET_CALI_FRAME_LIST, camera_type=0, cali_frame_type=0)).results
    assert (entry.exp_name, entry.gain, entry.filter_type, entry.progress) == ("5", 80, 3, 100)
    # The barrel went into the body for the darks: the target is lost.
    assert (await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING)).code == Code.ASTRO_NEED_GOTO
    await talker.ask(Astro.FAST_STOP_CAPTURE_RAW_LIVE_STACKING)
    await talker.ask(Astro.START_GOTO_DSO, ra=M31[0], dec=M31[1], target_name="M 31")
    assert (await run(talker)).code == 0
    await talker.ask(Astro.DEL_CALI_FRAME_LIST, info_ids=[entry.info_id])
    assert not (await talker.ask(Astro.GET_CALI_FRAME_LIST)).results


@pytest.mark.parametrize("simulator", [{"darks": False}], indirect=True)
async def test_old_dark_commands(talker, simulator):
    assert (await talker.ask(Astro.CHECK_GOT_DARK)).code == Code.ASTRO_DARK_NOT_FOUND
    await talker.ask(
        Astro.START_CAPTURE_RAW_DARK_WITH_PARAM,
        exp_index=FIVE_SECONDS,
        gain_index=18,
        bin_index=0,
        cap_size=2,
    )
    await talker.note(Notify.PROGRASS_CAPTURE_RAW_DARK, progress=100)
    await talker.until(lambda: [n.state for n in talker.notes(Notify.STATE_CAPTURE_RAW_DARK)] == [1, 0])
    files = list(
        (simulator.device.card.root / "Astronomy/DWARF_DARK").glob("tele_exp_5_gain_60_bin_1_*/*.fits")
    )
    assert len(files) == 2
    assert all(re.fullmatch(r"raw_5s_60_000[12]_\d{8}-\d{9}_\d+C\.fits", path.name) for path in files)
    header = fits.getheader(files[0])
    assert (header["OBJECT"], header["FILTER"], header["RA"]) == ("", "", 0)
    (entry,) = (await talker.ask(Astro.GET_DARK_FRAME_LIST)).results
    key = {"exp_index": 141, "gain_index": 18, "bin_index": 0, "temp_value": entry.temperature}
    await talker.ask(Astro.DEL_DARK_FRAME_LIST, dark_list=[key])
    assert not (await talker.ask(Astro.GET_DARK_FRAME_LIST)).results


async def test_a_slow_painter_makes_gaps_not_a_queue():
    class Slow(Painter):
        def __call__(self, shot):
            time.sleep(0.05)
            return super().__call__(shot)

    painter = Slow()
    async with Simulator(small_options(), painter, profile=SMALL) as simulator:
        talker = await Talker.connect(simulator.ports.websocket)
        await on_target(talker, frames=8)
        await run(talker)
        starts = [shot.start for shot in painter.shots]
        assert len(starts) == 8
        # 0.05 s of painting are 25 s of simulated time, five times the exposure.
        assert (starts[-1] - starts[0]).total_seconds() > 7 * 5 + 20
        await talker.close()


async def test_equal_seeds_give_equal_frames():
    shots = []
    for _ in range(2):
        painter = Painter()
        async with Simulator(small_options(), painter, profile=SMALL) as simulator:
            talker = await Talker.connect(simulator.ports.websocket)
            await on_target(talker, frames=2)
            await run(talker)
            await talker.close()
        shots.append([(shot.seed, shot.gain, shot.exposure) for shot in painter.shots])
    assert shots[0] == shots[1]
