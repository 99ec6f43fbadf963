"""Settings: the order of their places, and every kind of mistake as a person meets it."""

import contextlib
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skycam_project.config import SettingError, document, kinds, load
from skycam_project.config.keys import Configuration

ROOT = Path(__file__).resolve().parents[2]


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command as somebody would type it, in an empty folder."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-m", "skycam_project.cli", *arguments],
        cwd=folder, env=variables, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


MISTAKES = [
    # what is wrong, skycam.yaml, environment, what the one line must name
    ("out of range", None, {"SKYCAM_PORT": "70000"}, ["environment", "SKYCAM_PORT", "70000", "1 to 65535"]),
    ("not a number", None, {"SKYCAM_LATITUDE": "north"}, ["SKYCAM_LATITUDE", "north", "-90 to 90"]),
    ("not a choice", "web: {server: apache}", {}, ["skycam.yaml", "web.server", "apache", "daphne, uvicorn"]),
    ("not a switch", "web: {debug: perhaps}", {}, ["web.debug", "perhaps", "true or false"]),
    (
        "unknown key",
        "camera: {exposure: 3}",
        {},
        ["camera.exposure", "no such setting", "camera.exposure_time"],
    ),
    ("not a section", "camera: 5", {}, ["skycam.yaml", "camera", "keys with values"]),
    ("not YAML", "web: [", {}, ["skycam.yaml", "YAML"]),
    ("not keys", "- 1\n- 2", {}, ["skycam.yaml", "keys with values"]),
    ("unset variable", "web: {secret_key: '${NO_SUCH_KEY}'}", {}, ["web.secret_key", "NO_SUCH_KEY"]),
    ("short secret", "web: {secret_key: hunter2}", {}, ["web.secret_key", "32 characters"]),
    ("wrong scheme", None, {"REDIS_URL": "http://x"}, ["REDIS_URL", "redis://"]),
    ("open broker", None, {"REDIS_URL": "redis://10.1.2.3:6379/0"}, ["10.1.2.3", "password"]),
    (
        "bad network",
        None,
        {"SKYCAM_TRUSTED_PROXIES": "10.0.0.0/99"},
        ["SKYCAM_TRUSTED_PROXIES", "10.0.0.0/99"],
    ),
    ("no such file", None, {"SKYCAM_CONFIG": "/nowhere.yaml"}, ["/nowhere.yaml", "a file that exists"]),
    ("camera id twice", "cameras: [{id: a}, {id: a}]", {}, ["cameras[1].id", "each id once"]),
    ("unknown camera key", "cameras: [{id: a, iso_speed: 3}]", {}, ["cameras[0].iso_speed", "no such key"]),
    ("unusable folder", None, {"SKYCAM_DATA": "/proc/skycam"}, ["/proc/skycam", "SKYCAM_DATA"]),
]


@pytest.mark.parametrize(
    ("yaml", "environment", "named"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_stops_the_start_with_one_line(tmp_path, yaml, environment, named):
    if yaml:
        (tmp_path / "skycam.yaml").write_text(yaml)
    result = command(tmp_path, "up", **environment)
    assert result.returncode == 2
    line = result.stderr
    assert line.startswith("skycam: ") and line.count("\n") == 1, line
    assert all(word in line for word in named), line
    assert "Traceback" not in line
    assert "hunter2" not in line


def test_a_wrong_option_is_named(tmp_path):
    result = command(tmp_path, "up", "--port", "none")
    assert result.returncode == 2
    assert "--port" in result.stderr and "1 to 65535" in result.stderr


def test_later_places_win(tmp_path):
    path = tmp_path / "skycam.yaml"
    path.write_text("web: {port: 1000}\ncamera: {delay: 5, exposure_time: 2}\n")
    settings, _ = load(path, {"SKYCAM_PORT": "2000"})
    assert (settings.port, settings.delay) == (2000, 5.0)
    assert load(path, {"SKYCAM_PORT": "2000"}, port=3000)[0].port == 3000
    assert load(path, {"WEB_PORT": "4000"})[0].port == 4000
    assert load(path, {"WEB_PORT": "4000", "SKYCAM_PORT": "4001"})[0].port == 4001


def test_an_empty_variable_means_none_for_every_list_and_every_optional_value(tmp_path):
    path = tmp_path / "skycam.yaml"
    path.write_text("timelapse: {automatic: [keogram], folders: }\nweb: {port: 1000}")
    assert load(path, {})[0].timelapse_automatic == ("keogram",)
    assert load(path, {})[0].timelapse_folders == (), "a key with nothing behind it"
    lists = {
        "timelapse_automatic": "SKYCAM_TIMELAPSE_AUTOMATIC",
        "timelapse_folders": "SKYCAM_TIMELAPSE_FOLDERS",
        "alpaca_networks": "SKYCAM_ALPACA_NETWORKS",
        "metrics_networks": "SKYCAM_METRICS_NETWORKS",
        "trusted_proxies": "SKYCAM_TRUSTED_PROXIES",
        "hosts": "SKYCAM_HOSTS",
        "dmx_allow_origins": "DMX_ALLOW_ORIGINS",
        "dmx_api_keys": "DMX_API_KEYS",
        "dmx_usb_vendor_ids": "DMX_USB_VENDOR_IDS",
        "dmx_usb_product_ids": "DMX_USB_PRODUCT_IDS",
    }
    rows = [row for row in fields(Configuration) if row.metadata]
    assert {row.name for row in rows if "separated by commas" in row.metadata["kind"].allowed} == lists.keys()
    settings = load(path, dict.fromkeys(lists.values(), ""))[0]
    assert {name: getattr(settings, name) for name in lists} == dict.fromkeys(lists, ())
    optional = {
        row.name: row.metadata["env"][0] for row in rows if "; or empty" in row.metadata["kind"].allowed
    }
    settings = load(path, dict.fromkeys(optional.values(), ""))[0]
    assert {name: getattr(settings, name) for name in optional} == dict.fromkeys(optional)


def test_an_empty_variable_leaves_what_cannot_be_empty_and_gives_way_to_its_other_name(tmp_path):
    path = tmp_path / "skycam.yaml"
    path.write_text("web: {port: 1000}")
    assert load(path, {"SKYCAM_PORT": ""})[0].port == 1000
    names = {"SKYCAM_SECRET_KEY": "", "DJANGO_SECRET_KEY": "k" * 40}
    assert load(path, names)[0].secret_key == "k" * 40


def test_the_file_of_document_001_is_accepted_whole(tmp_path):
    path = tmp_path / "skycam.yaml"
    path.write_text("""
camera: {type: "dslr", exposure_time: 8.0, f_number: 1.4, delay: 12.0, image_path: "/home/skycam/images/", port: null}
sensor: {type: "digitemp", port: null, baud_rate: 9600, sampling_interval: 2.0}
monitoring: {prometheus: {enabled: true, port: 8000}, grafana: {enabled: true, dashboard_path: "dashboards/skycam.json"}}
logging: {level: "INFO", file: "/var/log/skycam.log", max_size: "10MB", backup_count: 5}
web: {host: "0.0.0.0", port: 8080, debug: false, secret_key: "${DJANGO_SECRET_KEY}"}
cli: {output_format: "rich", verbose: false}
""")
    settings, notes = load(path, {"DJANGO_SECRET_KEY": "k" * 40})
    assert settings.image_path == Path("/home/skycam/images/")
    assert (settings.prometheus_port, settings.log_max_size, settings.log_level) == (8000, 10_000_000, "info")
    assert settings.secret_key == "k" * 40
    assert [note.split(": ")[1].split()[0] for note in notes] == ["sensor", "monitoring.grafana"]


def test_demo_is_what_runs_when_nothing_is_configured(tmp_path):
    assert load(None, {})[0].is_demo
    assert not load(None, {"CAMERA_PORT": "usb:001,004"})[0].is_demo
    assert load(None, {"CAMERA_PORT": "usb:001,004", "SKYCAM_DEMO": "on"})[0].is_demo
    assert not load(None, {"SKYCAM_DEMO": "off"})[0].is_demo


def test_the_documentation_is_that_of_the_table():
    assert document.PAGE.read_text() == document.page(), "run: python -m skycam_project.config.document"


def test_every_allowed_default_is_allowed():
    settings, notes = load(None, {})
    assert settings.data == Path("var").absolute()
    assert notes == []


@given(st.text(max_size=30))
def test_no_text_crashes_a_reader(text):
    for kind in (
        kinds.switch,
        kinds.integer(0, 9),
        kinds.number(0, 1),
        kinds.size,
        kinds.networks,
        kinds.path,
    ):
        with contextlib.suppress(ValueError):
            kind.read(text)


@given(st.floats(0, 100, allow_nan=False))
def test_a_number_is_read_as_it_is_written(value):
    assert kinds.number(0, 100).read(repr(value)) == value


@pytest.mark.parametrize("text", ["1_000", " 0x10", "nan", "inf", "１２", "1,5", "", "true"])
def test_numbers_are_ascii_digits(text):
    with pytest.raises(ValueError):
        kinds.number(-1e9, 1e9).read(text)


def test_a_wrong_value_names_its_place():
    with pytest.raises(
        SettingError, match=r"environment: SKYCAM_DELAY is '0', allowed: a number from 0.2 to 86400 s"
    ):
        load(None, {"SKYCAM_DELAY": "0"})
