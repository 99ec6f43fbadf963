"""Every fault that libgphoto2 is known for: recovered or reported within its deadline, and nothing lost."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from camera_rig import SHORT, Simulator, StartDriver, StartSimulator, until

from camera.drivers.base import DriverState, Frame, Settings
from camera.drivers.gphoto2 import faults
from camera.drivers.gphoto2.child import SELF_DESTRUCTION_MARGIN
from camera.drivers.gphoto2.driver import GPhoto2Driver
from camera.drivers.gphoto2.process import ChildError
from camera.errors import (
    CameraAbsentError,
    CameraBusyError,
    CameraClaimedError,
    CameraError,
    CameraFaultError,
    CameraHungError,
    CardFullError,
    DriverDiedError,
    FrameLostError,
)

KINDS = pytest.mark.parametrize("kind", ["generic", "nikon"])


@pytest.fixture
async def camera(kind: str, simulators: dict[str, Simulator]) -> Simulator:
    await simulators[kind].control(reset=True)
    return simulators[kind]


async def next_frame_is_normal(driver: GPhoto2Driver, simulator: Simulator) -> Frame:
    """The camera works again, and acknowledged frames leave nothing on its card."""
    await driver.recover()
    for frame in await driver.recovered():
        await driver.acknowledge(frame)
    frame = await driver.expose(Settings(exposure_s=0.01))
    await driver.acknowledge(frame)
    assert driver.standing.state is DriverState.IDLE
    assert await simulator.files() == []
    return frame


@KINDS
async def test_busy_is_waited_out(camera: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(camera.address)
    await camera.faults(busy=3)
    frame = await driver.expose(Settings())
    assert frame.path.stat().st_size > 1000
    assert driver.counters.restarts == 0


async def test_busy_too_long_is_reported_and_costs_no_connection(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    pid = driver.child_pid
    await simulator.faults(busy=5)  # one attempt and four more
    with pytest.raises(CameraBusyError, match="battery"):
        await driver.expose(Settings())
    await next_frame_is_normal(driver, simulator)
    assert driver.child_pid == pid


async def test_busy_camera_is_set_again(simulator: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(simulator.address)
    await simulator.faults(busy_set=1)
    assert (await driver.apply(Settings(gain=1600))).gain == 1600


@KINDS
@pytest.mark.parametrize("how", ["fault", "capacity"])
async def test_full_card_is_reported_by_name(how: str, camera: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(camera.address)
    pid = driver.child_pid
    await (camera.faults(store_full=1) if how == "fault" else camera.control(capacity=0))
    with pytest.raises(CardFullError, match="card is full"):
        await driver.expose(Settings())
    assert driver.standing.state is DriverState.FAULT
    assert driver.standing.reason is not None
    assert driver.connected
    await camera.control(capacity=10)
    await next_frame_is_normal(driver, camera)
    assert driver.child_pid == pid


@KINDS
async def test_general_error_never_blocks_for_longer_than_the_deadline(
    camera: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(camera.address, limits=replace(SHORT, grace_s=0.5))
    await camera.faults(general_error=1)
    async with asyncio.timeout(10):
        with pytest.raises(CameraError) as caught:
            await driver.expose(Settings(exposure_s=0.01))
    # The generic code takes this answer for success and waits for ever; the Nikon code reports it.
    assert isinstance(caught.value, CameraHungError | FrameLostError)
    await next_frame_is_normal(driver, camera)


@KINDS
async def test_stalled_capture_is_ended_by_the_watchdog(camera: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(camera.address, limits=replace(SHORT, grace_s=0.5))
    pid = driver.child_pid
    await camera.faults(stall=1)
    async with asyncio.timeout(10):
        with pytest.raises(CameraHungError, match="no answer to capture"):
            await driver.expose(Settings(exposure_s=0.01))
    assert driver.standing.state is DriverState.FAULT
    assert driver.counters.watchdog_kills == 1
    assert not _runs(pid or 0)
    await next_frame_is_normal(driver, camera)


async def test_picture_without_event_is_fetched_all_the_same(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    await simulator.faults(lose_event=1)
    frame = await driver.expose(Settings(exposure_s=0.01))
    assert frame.metadata["camera_file"].endswith("SKY_0001.JPG")
    assert frame.applied.exposure_s == 0.01
    assert "fetched after a failure" in frame.warnings[-1]
    await driver.acknowledge(frame)
    await next_frame_is_normal(driver, simulator)


async def test_nikon_picture_without_event_is_recovered(nikon: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(nikon.address, limits=replace(SHORT, grace_s=0.5))
    await nikon.faults(lose_event=1)
    with pytest.raises(CameraHungError):  # the library itself would wait for 20 s
        await driver.expose(Settings(exposure_s=0.01, gain=800))
    await driver.recover()
    (frame,) = await driver.recovered()
    assert frame.recovered
    assert (frame.applied.exposure_s, frame.applied.gain) == (0.01, 800)
    await driver.acknowledge(frame)
    await next_frame_is_normal(driver, nikon)


async def test_lost_picture_is_reported(simulator: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(simulator.address)
    await simulator.faults(lose_picture=1)
    with pytest.raises(FrameLostError, match="no picture on the card"):
        await driver.expose(Settings())
    await next_frame_is_normal(driver, simulator)


@KINDS
async def test_closed_socket_is_reopened_by_a_fresh_process(
    camera: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(camera.address)
    pid = driver.child_pid
    await camera.faults(disconnect=1)
    with pytest.raises(CameraError):
        await driver.expose(Settings())
    await next_frame_is_normal(driver, camera)
    assert driver.child_pid != pid


@KINDS
async def test_cut_transfer_loses_nothing(camera: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(camera.address)
    await camera.faults(cut_transfer=1)
    frame = await driver.expose(Settings())
    assert frame.path.read_bytes().endswith(b"\xff\xd9")
    assert not list(frame.path.parent.glob("*.part"))
    await driver.acknowledge(frame)
    await next_frame_is_normal(driver, camera)


@pytest.mark.full
@KINDS
@pytest.mark.parametrize("fault", ["silence", "silence_set"])
async def test_silent_camera_is_given_up_and_found_again(
    fault: str, camera: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(camera.address)
    await camera.faults(**{fault: 1})
    with pytest.raises(CameraFaultError if fault == "silence_set" else CameraError):
        await driver.expose(Settings(exposure_s=0.02))  # libgphoto2 waits for 2.5 s
    await next_frame_is_normal(driver, camera)


async def test_refused_connection_is_tried_again_with_back_off(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address, opened=False)
    events: list[str] = []
    driver.on_event = lambda name, details: events.append(name)
    await simulator.faults(refuse=3)
    for _ in range(3):
        with pytest.raises(CameraFaultError, match="refused the connection"):
            await driver.recover()
    assert driver.standing.state is DriverState.FAULT
    assert events == ["camera_failed"] * 3 + ["camera_alert"]
    await driver.recover()
    assert driver.connected


async def test_camera_switched_off_while_idle_is_noticed(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    await simulator.control(hang_up=True)
    with pytest.raises(CameraError):
        await driver.refresh()
    await next_frame_is_normal(driver, simulator)


# ---- the child dies


def kill(driver: GPhoto2Driver) -> None:
    assert driver.child_pid is not None
    os.kill(driver.child_pid, signal.SIGKILL)


async def test_child_killed_while_idle(simulator: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(simulator.address)
    kill(driver)
    with pytest.raises(CameraError):
        await driver.expose(Settings())
    assert driver.standing.state in (DriverState.FAULT, DriverState.ABSENT)
    await next_frame_is_normal(driver, simulator)


async def test_child_that_died_unnoticed_is_replaced_at_once_and_reported(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    events: list[str] = []
    driver.on_event = lambda name, details: events.append(name)
    kill(driver)
    await until(lambda: not driver.connected)
    await driver.recover()
    assert events == ["camera_failed", "camera_connected"]
    assert driver.counters.restarts == 1
    await next_frame_is_normal(driver, simulator)


async def test_child_killed_while_connecting(simulator: Simulator, start_driver: StartDriver) -> None:
    driver = await start_driver(simulator.address, opened=False)
    opening = asyncio.create_task(driver.open())
    await until(lambda: driver.child_pid)
    kill(driver)
    with pytest.raises(DriverDiedError, match="SIGKILL"):
        await opening
    await next_frame_is_normal(driver, simulator)


async def test_child_killed_while_exposing_and_the_picture_is_recovered(
    start_simulator: StartSimulator, start_driver: StartDriver
) -> None:
    simulator = start_simulator("--vendor", "generic", scale=1.0)
    driver = await start_driver(simulator.address)
    exposure = asyncio.create_task(driver.expose(Settings(exposure_s=0.4, gain=200)))
    await until(lambda: driver.standing.state is DriverState.EXPOSING)
    kill(driver)
    with pytest.raises(DriverDiedError):
        await exposure
    await until(simulator.files)  # the camera finishes by itself
    await driver.recover()
    (frame,) = await driver.recovered()
    assert frame.recovered
    assert (frame.applied.exposure_s, frame.applied.gain) == (0.4, 200)
    await driver.acknowledge(frame)
    await next_frame_is_normal(driver, simulator)


async def test_child_killed_while_downloading_and_the_picture_is_recovered(
    start_simulator: StartSimulator, start_driver: StartDriver
) -> None:
    simulator = start_simulator("--vendor", "generic", "--throughput", "8000")
    driver = await start_driver(simulator.address, limits=replace(SHORT, throughput=1000))
    exposure = asyncio.create_task(driver.expose(Settings()))
    await until(lambda: driver.standing.state is DriverState.DOWNLOADING)
    kill(driver)
    with pytest.raises(DriverDiedError):
        await exposure
    await driver.recover()
    (frame,) = await driver.recovered()
    assert frame.path.read_bytes().endswith(b"\xff\xd9")
    await driver.acknowledge(frame)
    assert await simulator.files() == []


async def test_child_ends_with_its_parent(simulator: Simulator, tmp_path: Path) -> None:
    """The parent is killed with -9: its child must not keep the camera."""
    program = f"""
import asyncio, sys
from pathlib import Path
from camera.drivers.gphoto2.driver import GPhoto2Driver

async def main():
    driver = GPhoto2Driver(Path({str(tmp_path / "spool")!r}), address={simulator.address!r})
    await driver.open()
    print(driver.child_pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.communicate()
    await until(lambda: not _runs(pid), patience=10)


async def test_child_ends_itself_when_nobody_does(simulator: Simulator, tmp_path: Path) -> None:
    """A call that keeps the interpreter's lock stops every thread of the child: the kernel's alarm still
    ends it.
    """
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "camera.drivers.gphoto2.child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None

    def command(number: int, op: str, deadline: float, **arguments: object) -> bytes:
        return (
            json.dumps({"id": number, "op": op, "deadline_s": deadline, "args": arguments}).encode() + b"\n"
        )

    await simulator.faults(stall=1)
    child.stdin.write(
        command(1, "open", 20, address=simulator.address, lock_folder=str(tmp_path), widgets=[])
    )
    assert b'"result"' in await child.stdout.readline()
    child.stdin.write(command(2, "capture", 0.2 - SELF_DESTRUCTION_MARGIN, files=1, wait_s=0))
    async with asyncio.timeout(10):
        assert await child.wait() == -signal.SIGALRM
    child.stdin.close()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or ") Z " not in status.read_text()


# ---- what is left on the card


async def test_frame_not_acknowledged_before_a_crash_is_offered_again(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    first = await start_driver(simulator.address)
    taken = await first.expose(Settings(exposure_s=0.01, gain=3200))
    content = taken.path.read_bytes()
    await first.close()  # a crash leaves the same: nothing was acknowledged

    second = await start_driver(simulator.address)
    (frame,) = await second.recovered()
    assert frame.recovered
    assert frame.path.read_bytes() == content
    assert frame.applied.gain == 3200
    assert abs((frame.start - taken.start).total_seconds()) < 0.01
    assert await second.recovered() == [frame]  # until it is acknowledged
    await second.acknowledge(frame)
    assert await second.recovered() == []
    assert await simulator.files() == []
    assert sorted(path.name for path in frame.path.parent.iterdir()) == ["ledger.json"]


async def test_frame_acknowledged_without_connection_is_not_offered_again(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    driver = await start_driver(simulator.address)
    frame = await driver.expose(Settings())
    kill(driver)
    await until(lambda: not driver.connected)
    await driver.acknowledge(frame)
    await driver.recover()
    assert await driver.recovered() == []
    assert await simulator.files() == []  # the deletion was made up for


async def test_only_copy_in_the_spool_is_offered(simulator: Simulator, start_driver: StartDriver) -> None:
    """A camera that keeps pictures in its memory has forgotten them after the interruption."""
    first = await start_driver(simulator.address)
    content = (await first.expose(Settings(gain=500))).path.read_bytes()
    await first.close()
    await simulator.control(reset=True)  # the card is empty

    second = await start_driver(simulator.address)
    (frame,) = await second.recovered()
    assert frame.path.read_bytes() == content
    assert frame.applied.gain == 500
    await second.acknowledge(frame)
    assert not frame.path.exists()


async def test_pictures_that_somebody_else_took_meanwhile_are_not_touched(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    first = await start_driver(simulator.address)
    spooled = (await first.expose(Settings())).path
    await first.close()
    for count in (2, 3, 4):
        await simulator.control(press=True)
        await until(lambda count=count: _has(simulator, count))

    spooled.unlink()
    second = await start_driver(simulator.address)
    assert await second.recovered() == []  # four pictures, one exposure: whose is which is unknown
    assert len(await simulator.files()) == 4


async def _has(simulator: Simulator, count: int) -> bool:
    return len(await simulator.files()) == count


async def test_a_leftover_that_cannot_be_fetched_does_not_stop_the_night(
    simulator: Simulator, start_driver: StartDriver
) -> None:
    first = await start_driver(simulator.address)
    spooled = (await first.expose(Settings())).path
    await first.close()
    spooled.unlink()

    driver = await start_driver(simulator.address)
    events: list[str] = []
    driver.on_event = lambda name, details: events.append(name)
    await simulator.faults(cut_transfer=SHORT.download_tries)
    for _ in range(SHORT.download_tries):
        with pytest.raises(CameraError):
            await driver.recovered()
        await driver.recover()
    assert await driver.recovered() == []
    assert "files_left_on_card" in events
    assert await simulator.files() == ["SKY_0001.JPG"]
    frame = await driver.expose(Settings())
    assert frame.metadata["camera_file"].endswith("SKY_0002.JPG")


# ---- words


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        (-53, CameraClaimedError, "gvfs-gphoto2-volume-monitor"),
        (-105, CameraAbsentError, "switched on"),
        (-52, CameraAbsentError, "switched on"),
        (-110, CameraBusyError, "battery"),
        (-7, CameraFaultError, "connection"),
        (-10, CameraFaultError, "does not answer"),
        (-1, CameraFaultError, "refused the connection"),
        (-99999, CameraFaultError, "without a reason"),
    ],
)
def test_error_numbers_become_sentences(code: int, kind: type[CameraError], remedy: str) -> None:
    error = faults.translate("Allsky", ChildError("open", code, "text of the library"))
    assert type(error) is kind
    assert str(error).startswith("Allsky: ")
    assert remedy in str(error)
    assert f"[{code}]" in str(error)
