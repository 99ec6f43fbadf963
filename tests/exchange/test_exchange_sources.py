"""`timelapse make` and `products make` find their source by what people call it."""

from uuid import uuid4

import pytest
from exchange_nights import mosaic, night

from sessions.catalogue.sync import sync
from sessions.exchange.finding import NoSessionError, find
from sessions.store import reading
from sessions.store.manager import SessionManager
from skycam_project.cli.__main__ import main
from skycam_project.cli.group import Options
from skycam_project.cli.sources import source_path


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "sessions"


def test_a_finished_session_by_id_uuid_and_path(root):
    path = night(root)
    sync(root)
    with reading.open_session(path) as af:
        uuid = af["meta"]["uuid"]
    for name in (path.stem, uuid, uuid.upper(), str(path)):
        assert source_path(Options(None), name).samefile(path), name


def test_a_running_session_by_its_id(root):
    with SessionManager(root, instrument="dslr") as sessions:
        running = sessions.start_session("observation", target="M31")
        running.add_frame("main", mosaic(1))
        found = source_path(Options(None), running.id)
        assert found.is_dir() and found.parent == root / ".live"


def test_a_folder_wins_over_a_session_of_that_name(root, tmp_path):
    path = night(root)
    (tmp_path / path.stem).mkdir()
    assert source_path(Options(None), path.stem).samefile(tmp_path / path.stem)


def test_an_unknown_uuid_is_no_session(root):
    night(root)
    sync(root)
    with pytest.raises(NoSessionError):
        find(root, str(uuid4()))


@pytest.mark.parametrize("command", ["timelapse make {} -o out.mp4", "products make stack {} -o out"])
@pytest.mark.parametrize("name", ["../../etc", "00000000-0000-4000-8000-000000000000"])
def test_a_wrong_name_is_one_line(root, monkeypatch, capsys, command, name):
    monkeypatch.setattr("sys.argv", ["skycam", *command.format(name).split()])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert left.value.code == 2 and not said.out
    assert said.err.count("\n") == 1 and name in said.err
