"""Sessions come back from the zips that Skycam gives; strangers' zips break nothing and leave nothing."""

import io
import json
import stat
import struct
import sys
import zipfile
from pathlib import Path

import pytest
from exchange_nights import night
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.exchange import adoption, giving, unzip
from sessions.exchange.contents import Contents
from sessions.exchange.fits import Options
from sessions.exchange.unzip import ZipError, unpack
from sessions.store import tree
from sessions.store.verify import verify
from skycam_project.cli.__main__ import main


@pytest.mark.parametrize("storage", ["embedded", "external"])
def test_a_session_goes_out_as_a_zip_and_comes_in_elsewhere(tmp_path, monkeypatch, capsys, storage):
    path = night(tmp_path / "here", storage=storage)
    giving.give(path, tmp_path / "night.zip", "asdf", Options())
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "there"))
    monkeypatch.setattr(
        sys, "argv", ["skycam", "sessions", "adopt", str(tmp_path / "night.zip"), "--output", "json"]
    )
    with pytest.raises(SystemExit) as left:
        main()
    said = json.loads(capsys.readouterr().out)
    assert left.value.code == 0 and len(said["adopted"]) == 1 and not said["refused"]
    came = Path(said["adopted"][0])
    assert came == tmp_path / "there/sessions" / path.relative_to(tmp_path / "here") and verify(came).ok
    assert tree.read_header(came)[0]["meta"]["uuid"] == tree.read_header(path)[0]["meta"]["uuid"]
    assert (tmp_path / "night.zip").exists() and not list((tmp_path / "there/sessions/.import").glob("zip-*"))


def test_the_portable_form_is_a_session_again(tmp_path):
    path = night(tmp_path / "here", storage="external")
    giving.give(path, tmp_path / "out", "portable", Options())
    came = adoption.adopt(next((tmp_path / "out").glob("*.asdf")), tmp_path / "there")
    with Contents(path) as one, Contents(came) as two:
        for first, second in zip(one.frames(), two.frames(), strict=True):
            assert (one.pixels(first) == two.pixels(second)).all()


def archive(entries: dict[str, bytes], **changes: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = changes.get("mode", stat.S_IFREG | 0o644) << 16
            file.writestr(entry, data)
    return buffer.getvalue()


def lying() -> bytes:
    """Its directory says 10 bytes where 4 MB come out."""
    data = bytearray(archive({"a.asdf": bytes(4 << 20)}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)


HOSTILE = {
    "empty": b"",
    "no zip": b"PK\x03\x04 nothing",
    "climbing": archive({"../../x.asdf": b"x"}),
    "absolute": archive({"/etc/x.asdf": b"x"}),
    "backslash": archive({"a\\..\\x.asdf": b"x"}),
    "hidden": archive({".live/x.asdf": b"x"}),
    "a link": archive({"x.asdf": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777),
    "a device": archive({"x.asdf": b""}, mode=stat.S_IFCHR | 0o666),
    "a bomb": archive({"x.asdf": bytes(80 << 20)}),
    "lying": lying(),
    "file and folder": archive({"x.asdf": b"1", "x.asdf/y": b"2"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_strangers_zips_are_refused_and_leave_nothing(tmp_path, name):
    (tmp_path / "x.zip").write_bytes(HOSTILE[name])
    with pytest.raises((ZipError, OSError)):
        unpack(tmp_path / "x.zip", tmp_path / "in" / "found")
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["in", "x.zip"]


def test_a_zip_larger_than_the_disk_or_of_too_many_files_is_refused(tmp_path, monkeypatch):
    (tmp_path / "x.zip").write_bytes(archive({"a.asdf": b"x" * 100, "b.asdf": b"y"}))
    monkeypatch.setattr(unzip, "MOST", 1)
    with pytest.raises(ZipError, match="holds 2 files"):
        unpack(tmp_path / "x.zip", tmp_path / "found")
    monkeypatch.setattr(unzip, "MOST", 9)
    monkeypatch.setattr(unzip.shutil, "disk_usage", lambda where: unzip.shutil._ntuple_diskusage(1, 1, 50))
    with pytest.raises(ZipError, match="are free"):
        unpack(tmp_path / "x.zip", tmp_path / "found")


GOOD = archive({"a/x.asdf": b"#ASDF 1.0.0\n" * 30, "a/x.frames/c/0.frame": b"y" * 90})


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_zip_changed_anywhere_is_unpacked_or_refused_in_words(tmp_path_factory, changes):
    data = bytearray(GOOD)
    for at, value in changes:
        data[at] = value
    folder = tmp_path_factory.mktemp("zip")
    (folder / "x.zip").write_bytes(data)
    try:
        unpack(folder / "x.zip", folder / "found")
    except ZipError as refused:
        assert "\n" not in str(refused).strip() and not (folder / "found").exists()
