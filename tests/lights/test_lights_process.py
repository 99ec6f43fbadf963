"""The engine as a process: killed, doubled, flooded; and each setting through its environment."""

import json
import threading
import time

import pytest
from lightsrig import EngineProcess, wait_for

from sessions.store.manager import SessionManager
from sessions.store.reading import open_session
from skycam_project.common.link import CallError, Mirror, NotConnected, OutcomeUnknown


def test_kill_9_under_commands_loses_no_number_and_forgets_no_id(engine_process):
    lights = engine_process()
    sent, seen, stop = [], [], threading.Event()

    def send():
        while not stop.is_set():
            try:
                sent.append(lights.set(len(sent) % 256))
                seen.append(lights.rgb["seq"])
            except (NotConnected, OutcomeUnknown):
                time.sleep(0.01)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(3):
            count = len(sent)
            wait_for(lambda count=count: len(sent) > count + 20)
            lights.end(kill=True)
            highest = max(seen)
            lights.start()
            assert lights.rgb["seq"] > highest
    finally:
        stop.set()
        sender.join()
    before = wait_for(lambda: lights.state())["rgb"]["seq"]
    for command in sent[-30:]:
        lights.ask("submit", command=command)
    lights.set(1, 2, 3)
    wait_for(lambda: lights.rgb["b"] == 3)
    repeats = lights.rgb["seq"] - before - 1
    assert repeats <= 1, "only a command that was in the queue at the kill may come again"
    assert seen == sorted(seen)


def test_at_debug_each_command_is_a_line_with_its_sender_and_its_time(engine_process):
    lights = engine_process(DMX_LOG_LEVEL="debug")
    sent = lights.set(5, src="porch")

    def line():
        rows = [json.loads(text) for text in lights.log().splitlines() if text.startswith("{")]
        return next((row["context"] for row in rows if row["message"] == "cmd"), None)

    found = wait_for(line)
    assert found["cmdId"] == sent["cmdId"] and found["src"] == "porch" and found["seq"] == lights.rgb["seq"]
    assert 0 <= found["latency_ms"] < 20_000


def test_a_second_engine_leaves_the_files_alone_and_names_the_first(engine_process, folder):
    first = engine_process()
    first.set(10, 20, 30)
    wait_for(lambda: first.rgb["b"] == 30)
    wait_for(lambda: b'"b":30' in (folder / "data" / "state.json").read_bytes())  # a thread writes it
    wait_for(lambda: (folder / "data" / "cmd_seen.json").read_bytes())
    files = {path: path.read_bytes() for path in folder.rglob("*.json")}
    second = EngineProcess(folder)
    second.run = folder / "nowhere"
    second.start()
    assert second.process.wait(20) == 1
    assert str(first.process.pid) in second.log()
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == files
    second.output.close()


async def test_ten_thousand_commands_over_the_link_are_applied_or_refused(engine_process, folder):
    import asyncio

    from lighting.engine.ulid import new_ulid

    lights = engine_process(DMX_QUEUE_SIZE="500")
    mirror = Mirror(folder / "run", "lighting")
    await mirror.start()
    before = mirror.state["rgb"]["seq"]
    counts = {"accepted": 0, "queue_full": 0}

    async def one(number: int) -> None:
        command = {"cmdId": new_ulid(), "src": "flood", "r": number % 256, "g": 0, "b": 0}
        try:
            await mirror.call("submit", timeout=30, command=command)
            counts["accepted"] += 1
        except CallError as error:
            counts[error.code] += 1

    for start in range(0, 10_000, 1000):
        await asyncio.gather(*(one(number) for number in range(start, start + 1000)))
    await asyncio.to_thread(wait_for, lambda: lights.state()["queueDepth"] == 0)
    assert sum(counts.values()) == 10_000
    assert lights.rgb["seq"] - before == counts["accepted"]
    await mirror.stop()


def test_a_planned_end_is_clean(engine_process):
    lights = engine_process()
    assert lights.end() == 0
    assert not (lights.run / "lighting.sock").exists()


def test_metrics_have_the_documents_names(engine_process):
    lights = engine_process()
    command = lights.set(1)
    lights.ask("submit", command=command)
    wait_for(lambda: "dmx_engine_deduped_total 1.0" in lights.ask("metrics"))
    text = lights.ask("metrics")
    for name in (
        "dmx_engine_processed_total 1.0",
        "dmx_engine_queue_depth ",
        "dmx_engine_last_latency_ms ",
        "dmx_mqtt_connected 0.0",
    ):
        assert f"\n{name}" in text, name


# ---- each variable has an effect


def test_paths_ttl_and_capacity(engine_process, folder):
    lights = engine_process(
        DMX_PERSISTENCE_PATH="here/s.json", DMX_DEDUPE_PATH="here/ids.json", DMX_CMD_DEDUPE_TTL_SECONDS="1",
        DMX_METRICS_ENABLED="false", DMX_MQTT_ENABLED="false", DMX_LOG_LEVEL="DEBUG",
    )  # fmt: skip
    command = lights.set(1)
    wait_for(lambda: lights.rgb["r"] == 1)
    first = lights.rgb["seq"]
    time.sleep(1.1)
    lights.ask("submit", command=command)
    wait_for(lambda: lights.rgb["seq"] == first + 1)
    assert json.loads((folder / "here/s.json").read_text())["r"] == 1
    assert (folder / "here/ids.json").read_text().count(command["cmdId"]) >= 1
    assert lights.ask("metrics") == ""
    assert lights.state()["inputs"] == []
    rows = [json.loads(line) for line in lights.log().splitlines() if line.startswith("{")]
    row = next(row for row in rows if row["message"] == "cmd")
    assert row["level"] == "DEBUG" and {"seq", "cmdId", "src"} <= row["context"].keys()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DMX_QUEUE_SIZE", "0"), ("DMX_MQTT_PORT", "70000"), ("DMX_OLA_FPS", "45"), ("DMX_USB_FPS", "0"),
        ("DMX_OLA_URL", "ftp://x"), ("DMX_USB_VENDOR_IDS", "0xzz"), ("DMX_INTERLOCK", "perhaps"),
        ("DMX_CLOUD_BACKUP_PROVIDER", "ftp"), ("DMX_CLOUD_BACKUP_ENCRYPTION_KEY", "short"), ("OUTPUT_MODE", "dali"),
        ("DMX_PROJECTS_ENABLED", "si"), ("DMX_CMD_DEDUPE_TTL_SECONDS", "0"), ("DMX_INPUT_BAUDRATE", "fast"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_name(folder, variable, value):
    from lightsrig import configuration

    from skycam_project.config import SettingError

    with pytest.raises(SettingError) as refused:
        configuration(folder, **{variable: value})
    assert variable in str(refused.value)


def test_a_wrong_value_stops_the_process_with_one_line(folder):
    lights = EngineProcess(folder, DMX_CLOUD_BACKUP_ENABLED="true", DMX_CLOUD_BACKUP_PROVIDER="s3")
    lights.start()
    assert lights.process.wait(20) == 2
    assert "DMX_CLOUD_BACKUP_S3_BUCKET" in lights.log() and "Traceback" not in lights.log()
    lights.output.close()


def test_the_interval_of_automatic_backups_has_its_effect(engine_process):
    lights = engine_process(
        DMX_MQTT_ENABLED="false", DMX_PROJECTS_ENABLED="true", DMX_CLOUD_BACKUP_ENABLED="true",
        DMX_CLOUD_BACKUP_AUTO_INTERVAL="0.005",
    )  # fmt: skip

    def versions() -> list:
        return lights.ask("backups", project="default")["versions"]

    lights.set(1, 2, 3)
    first = wait_for(versions)
    assert {version["label"] for version in first} == {"auto"}
    time.sleep(1)
    assert len(versions()) <= 2, "what has not changed is not backed up again"
    count = len(versions())
    lights.set(9, 9, 9)
    wait_for(lambda: len(versions()) == count + 1)


def test_what_the_lights_log_stands_in_the_programs_session(engine_process, folder):
    engine_process().end()
    (sessions_folder,) = folder.rglob("sessions")
    with SessionManager(sessions_folder, instrument="system") as sessions:
        path = sessions.end_session()
    with open_session(path) as session:
        rows = list(session["observability"]["logs"])
    assert "lights ended" in [row["message"] for row in rows]
    assert all(row["level"] != "ERROR" for row in rows)
