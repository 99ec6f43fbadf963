"""`./skycam sessions …` as people type it: one line and exit code 2 for a mistake, JSON for programs."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from astropy.io import fits
from exchange_nights import jpeg, night

from skycam_project.cli import output
from skycam_project.cli.__main__ import main


@dataclass
class Done:
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def skycam(tmp_path, monkeypatch, capsys):
    """The command line in this process: starting one costs a second."""

    def run(*arguments: object, ok: int = 0) -> Done:
        monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))
        monkeypatch.setattr(sys, "argv", ["skycam", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 0
        found = capsys.readouterr()
        assert code == ok, found.out + found.err
        return Done(code, found.out, found.err)

    return run


def test_without_a_terminal_progress_is_a_line_now_and_then(skycam, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.jpg").write_bytes(jpeg(number))
    assert not skycam("sessions", "import", tmp_path / "in", "--dry-run").stderr
    monkeypatch.setattr(output, "_QUIET", 0.0)
    assert skycam("sessions", "import", tmp_path / "in", "--dry-run").stderr.splitlines() == [
        f"reading: {number} of 3" for number in (1, 2, 3)
    ]
    assert not skycam("sessions", "import", tmp_path / "in", "--dry-run", "--output", "json").stderr


def test_the_command_itself_runs(tmp_path):
    path = night(tmp_path / "data" / "sessions")
    environment = {**os.environ, "SKYCAM_DATA": str(tmp_path / "data")}
    command = [
        sys.executable,
        "-m",
        "skycam_project.cli",
        "sessions",
        "export",
        path.stem,
        "-o",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=55, check=True)
    assert done.stdout.startswith("6 files, ") and not done.stderr


def test_export_and_reproduce(tmp_path, skycam):
    path = night(tmp_path / "data" / "sessions")
    done = skycam("sessions", "export", path.stem, "-o", tmp_path / "out", "--compress", "--output", "json")
    assert json.loads(done.stdout)["files"] == 6
    files = sorted((tmp_path / "out").rglob("*.fits.fz"))
    assert len(files) == 6
    again = json.loads(skycam("sessions", "reproduce", tmp_path / "out", "--output", "json").stdout)
    assert again["ok"] and {one["likeness"] for one in again["outputs"]} <= {"equal", "identical"}
    with fits.open(files[0], mode="update") as found:
        found[1].data[0, 0] += 1
    assert "not reproduced" in skycam("sessions", "reproduce", tmp_path / "out", ok=1).stdout
    path.unlink()
    assert "input missing" in skycam("sessions", "reproduce", tmp_path / "out", ok=1).stdout


def test_every_form_goes_to_a_folder_and_to_a_zip(tmp_path, skycam):
    path = night(tmp_path / "elsewhere", storage="external")
    counts = {"fits": 7, "originals": 6, "asdf": 7, "portable": 1}
    for what, count in counts.items():
        skycam("sessions", "export", path, "-o", tmp_path / what, "--format", what)
        assert sum(one.is_file() for one in (tmp_path / what).rglob("*")) == count, what
        skycam("sessions", "export", path, "-o", tmp_path / f"{what}.zip", "--format", what)
        with zipfile.ZipFile(tmp_path / f"{what}.zip") as found:
            assert found.testzip() is None and len(found.namelist()) == count - (what == "fits")


def test_mistakes_are_one_line(tmp_path, skycam):
    path = night(tmp_path / "data" / "sessions")
    (tmp_path / "file").write_text("x")
    (tmp_path / "x.asdf").write_text("x")
    mistakes = {
        ("export", "nothing", "-o", tmp_path / "out"): "no finished session 'nothing'",
        ("export", "../../etc", "-o", tmp_path / "out"): "no finished session",
        ("export", tmp_path / "x.asdf", "-o", tmp_path / "out"): "not an ASDF file",
        ("export", path, "-o", tmp_path / "file" / "out"): "cannot be written",
        ("export", path, "-o", tmp_path / "a", "--format", "asdf", "--public"): "place",
        ("export", path, "-o", tmp_path / "a", "--location-precision", "-1"): "range",
        ("reproduce", tmp_path): "no record of its making",
    }
    for arguments, words in mistakes.items():
        done = skycam("sessions", *arguments, ok=2)
        assert words in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "a").exists()


def test_import_says_first_what_it_would_do(tmp_path, skycam):
    (tmp_path / "dcim").mkdir()
    (tmp_path / "dcim" / "DSC_0001.JPG").write_bytes(jpeg())
    (tmp_path / "dcim" / "DSC_0002.JPG").write_bytes(b"not a picture")
    common = ("sessions", "import", tmp_path / "dcim", "--timezone", "Europe/Zurich", "--output", "json")
    would = json.loads(skycam(*common, "--dry-run").stdout)
    assert would["dry_run"] and would["layout"] == "images" and would["sessions"][0]["files"] == 1
    assert not list((tmp_path / "data").rglob("*.asdf"))
    done = json.loads(skycam(*common).stdout)
    assert (tmp_path / "data/sessions/2026/03/24" / f"{done['sessions'][0]['session']}.asdf").is_file()
    assert [Path(name).name for name in done["problems"]] == ["DSC_0002.JPG"]
    assert json.loads(skycam(*common).stdout)["known"] == 1
    assert "in a session already: 1 file" in skycam(*common[:-2], "--output", "rich").stdout
    for wrong in (("--timezone", "Mars/Olympus"), ("--layout", "nasa"), ("--instrument", "../x")):
        assert skycam("sessions", "import", tmp_path / "dcim", *wrong, ok=2).stderr.count("\n") == 1


def test_adopt_takes_a_folder_and_names_what_it_refuses(tmp_path, skycam):
    night(tmp_path / "node")
    (tmp_path / "node" / "bad.asdf").write_text("x")
    said = json.loads(
        skycam("sessions", "adopt", tmp_path / "node", "--keep", "--output", "json", ok=1).stdout
    )
    assert [Path(name).name for name in said["refused"]] == ["bad.asdf"]
    assert all(Path(name).is_file() for name in said["adopted"]) and said["adopted"]
    (tmp_path / "empty").mkdir()
    assert "no session" in skycam("sessions", "adopt", tmp_path / "empty", ok=2).stderr


def test_archive_copies_what_is_not_there_yet(tmp_path, skycam, monkeypatch):
    path = night(tmp_path / "data" / "sessions")
    assert "there is no archive" in skycam("sessions", "archive", ok=2).stderr
    monkeypatch.setenv("SKYCAM_ARCHIVE", "local")
    assert "SKYCAM_ARCHIVE_PATH" in skycam("sessions", "archive", ok=2).stderr
    monkeypatch.setenv("SKYCAM_ARCHIVE_PATH", str(tmp_path / "disk"))
    done = json.loads(skycam("sessions", "archive", "--output", "json").stdout)
    assert list(done["archived"]) == [path.stem] and not done["failed"]
    copy = tmp_path / "disk" / path.relative_to(tmp_path / "data" / "sessions")
    assert copy.read_bytes() == path.read_bytes()
    assert json.loads(skycam("sessions", "archive", "--output", "json").stdout)["archived"] == {}
    path.unlink()
    for name in (path.stem, "2026-03-24"):
        came = json.loads(skycam("sessions", "retrieve", name, "--output", "json").stdout)
        assert came == {"retrieved": {path.stem: str(path)}, "failed": {}}
    assert path.read_bytes() == copy.read_bytes()
    for wrong in ("2026-03-25", "nothing", "observation_m31_20200101_000000"):
        assert skycam("sessions", "retrieve", wrong, ok=1).stderr.startswith(f"not retrieved: {wrong}: ")
