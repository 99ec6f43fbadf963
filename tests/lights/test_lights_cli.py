"""`./skycam lights` on this machine."""

import json
import subprocess
import sys


def test_the_command_shows_and_changes(engine_process, folder):
    lights = engine_process(DMX_MQTT_ENABLED="false")

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "skycam_project.cli", "lights", *words],
            env=lights.environment, cwd=folder, capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    assert json.loads(command("--output", "json").stdout)["rgb"]["seq"] == 1
    changed = command("--mode", "dark", "--colour", "200", "100", "50")
    assert changed.returncode == 0 and "mode dark" in changed.stdout and "64, 0, 0" in changed.stdout
    assert lights.rgb["updatedBy"] == "command line"
    refused = command("--mode", "blackout", "--colour", "1", "1", "1")
    assert refused.returncode != 0 and "blacked out" in refused.stderr and "Traceback" not in refused.stderr
    lights.end()
    absent = command()
    assert absent.returncode != 0 and "not running" in absent.stderr
