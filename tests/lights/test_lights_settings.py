"""Each variable of document 004 through the environment of a process, with another value than its default."""

import json
import os
import subprocess
import sys

from lightsrig import ROOT

from skycam_project.config.keys import Configuration
from skycam_project.config.lights import LightsConfiguration

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
VALUES = {
    "DMX_MQTT_HOST": ("broker.lan", "broker.lan"), "DMX_MQTT_PORT": ("1884", 1884), "DMX_MQTT_USERNAME": ("u", "u"),
    "DMX_MQTT_PASSWORD": ("p", "p"), "DMX_MQTT_ENABLED": ("no", False), "DMX_MQTT_TLS_CA": ("ca.pem", "ca.pem"),
    "DMX_MQTT_KEEPALIVE": ("5", 5), "DMX_MQTT_CLIENT_ID_PREFIX": ("me", "me"), "DMX_MQTT_VERSION": ("5", "5"),
    "DMX_QUEUE_SIZE": ("7", 7), "DMX_CMD_DEDUPE_TTL_SECONDS": ("60", 60), "DMX_CMD_DEDUPE_CAPACITY": ("9", 9),
    "DMX_ALLOW_ORIGINS": ("http://a, http://b", ["http://a", "http://b"]), "DMX_OLA_ENABLED": ("1", True),
    "DMX_OLA_URL": ("http://ola:9/set_dmx", "http://ola:9/set_dmx"), "DMX_OLA_UNIVERSE": ("3", 3), "DMX_OLA_FPS": ("10", 10),
    "DMX_USB_ENABLED": ("true", True), "DMX_USB_PORT": ("/dev/ttyUSB7", "/dev/ttyUSB7"), "DMX_USB_VENDOR_IDS": ("0x0403,1234", [0x403, 0x1234]),
    "DMX_USB_PRODUCT_IDS": ("6001", [0x6001]), "DMX_USB_BAUDRATE": ("115200", 115200), "DMX_USB_FPS": ("20", 20),
    "DMX_USB_SCAN_INTERVAL": ("0.5", 0.5), "DMX_INPUT_ENABLED": ("on", True), "DMX_INPUT_PORT": ("COM5", "COM5"),
    "DMX_INPUT_BAUDRATE": ("9600", 9600), "DMX_INPUT_CHANNELS": ("2", 2), "DMX_INPUT_UNIVERSE": ("4", 4), "DMX_INPUT_SRC": ("desk", "desk"),
    "DMX_PROJECTS_ENABLED": ("yes", True), "DMX_PROJECTS_ROOT": ("p", "p"), "DMX_CLOUD_BACKUP_ENABLED": ("1", True),
    "DMX_CLOUD_BACKUP_PROVIDER": ("s3", "s3"), "DMX_CLOUD_BACKUP_LOCAL_PATH": ("b", "b"), "DMX_CLOUD_BACKUP_ENCRYPTION_KEY": (KEY, KEY),
    "DMX_CLOUD_BACKUP_AUTO_INTERVAL": ("15", 15), "DMX_CLOUD_BACKUP_S3_BUCKET": ("k", "k"), "DMX_CLOUD_BACKUP_S3_PREFIX": ("x/y", "x/y"),
    "DMX_CLOUD_BACKUP_S3_REGION": ("eu", "eu"), "DMX_CLOUD_BACKUP_S3_ACCESS_KEY": ("a", "a"), "DMX_CLOUD_BACKUP_S3_SECRET_KEY": ("s", "s"),
    "DMX_CLOUD_BACKUP_S3_SESSION_TOKEN": ("t", "t"), "OUTPUT_MODE": ("enttec", "enttec"), "DMX_API_KEYS": ("one,two", ["one", "two"]),
    "DMX_ENGINE": ("external", "external"), "DMX_INTERLOCK": ("enforce", "enforce"), "DMX_INTERLOCK_BEACON_MAX": ("3", 3),
    "DMX_BEACONS": ("off", False), "DMX_FLAT_TIMEOUT_MIN": ("12", 12), "DMX_FLAT_PWM_HZ": ("500", 500), "DMX_DARK_MAX_RED": ("30", 30), "DMX_DARK_SUN_ALTITUDE": ("-9", -9), "DMX_LOG_LEVEL": ("DEBUG", "debug"),
    "DMX_PERSISTENCE_PATH": ("s.json", "s.json"), "DMX_DEDUPE_PATH": ("d.json", "d.json"), "DMX_METRICS_ENABLED": ("0", False),
    "DMX_HOMEASSISTANT": ("1", True), "DMX_SACN_ENABLED": ("1", True), "DMX_SACN_HOST": ("10.0.0.9", "10.0.0.9"), "DMX_SACN_UNIVERSE": ("5", 5),
    "DMX_ARTNET_ENABLED": ("1", True), "DMX_ARTNET_HOST": ("10.0.0.8", "10.0.0.8"), "DMX_ARTNET_UNIVERSE": ("6", 6),
}  # fmt: skip
PROGRAM = """
import dataclasses, json
from skycam_project.config import load
print(json.dumps(dataclasses.asdict(load()[0]), default=str))
"""


def test_every_variable_is_read_under_its_name(folder):
    rows = {row.metadata["env"][0]: row.name for row in LightsConfiguration.__dataclass_fields__.values()}
    assert rows.keys() == VALUES.keys(), "a variable without a test"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SKYCAM_DATA": str(folder)}
    environment |= {name: text for name, (text, _) in VALUES.items()}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: found[rows[name]] for name in VALUES} == {
        name: value for name, (_, value) in VALUES.items()
    }


def test_every_value_differs_from_its_default():
    default = Configuration()
    for row in LightsConfiguration.__dataclass_fields__.values():
        value = getattr(default, row.name)
        shown = list(value) if isinstance(value, tuple) else value
        assert shown != VALUES[row.metadata["env"][0]][1], row.name


def test_the_other_name_of_the_output(folder):
    from lightsrig import configuration

    assert configuration(folder, DMX_OUTPUT_MODE="ola").sends_to_ola
    assert configuration(folder, DMX_OLA_ENABLED="1", OUTPUT_MODE="enttec").sends_to_ola, "both may run"
    assert not configuration(folder).sends_to_usb
