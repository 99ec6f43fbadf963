"""Projects and backups: all or nothing, encrypted or not, in a folder and in a bucket."""

import json
import os
import secrets
import subprocess
import sys

import httpx
import pytest
from cryptography.fernet import Fernet
from lightsrig import configuration, wait_for, write_state

from lighting.engine import backups
from lighting.engine.backups import Backups, pack, store_of, unpack, write_library
from lighting.engine.projects import Projects
from lighting.engine.scenes import parse_scenes
from lighting.engine.state import RgbState
from lighting.errors import InvalidError, MissingError
from skycam_project.common.objectstore import LocalStore, NoObjectError, S3Store, StoreError
from tests.ports import free_port

META = {"id": "default", "name": "Default show"}


@pytest.fixture
def project(tmp_path):
    projects = Projects(tmp_path / "projects")
    files = projects.files("default")
    write_state(files.state, RgbState(1, 2, 3, 40, "x", 5))
    files.scenes.write_text(json.dumps(parse_scenes([{"id": "a", "name": "A"}])))
    return projects, files


def local(tmp_path, key=None) -> Backups:
    return Backups(LocalStore(tmp_path / "backups"), "local", key)


# ---- projects


def test_a_template_copies_the_look_and_not_the_ids(project):
    projects, files = project
    files.seen.write_text("x")
    projects.create({"name": "Copy", "templateId": "default"})
    copy = projects.files(projects.metas[-1]["id"])
    assert (
        copy.state.read_bytes() == files.state.read_bytes()
        and copy.scenes.exists()
        and not copy.seen.exists()
    )


@pytest.mark.parametrize("name", ["観測所", "!!!", "Žluťoučký kůň", "a" * 120])
def test_any_name_gives_an_id_that_is_a_folder(project, name):
    projects, _ = project
    projects.create({"name": name})
    meta = projects.metas[-1]
    assert meta["name"] == name and projects.files(meta["id"]).folder.is_dir()
    assert len(meta["id"]) <= 64 and set(meta["id"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_broken_index_is_kept_and_made_anew_from_the_folders(project, tmp_path):
    projects, _ = project
    projects.create({"name": "Second"})
    second = projects.metas[-1]["id"]
    index = projects.root / "projects.json"
    for broken in (
        "{",
        "[]",
        '{"activeId":"x","projects":[]}',
        '{"activeId":"default","projects":[{"id":"../x","name":"y"}]}',
    ):
        index.write_text(broken)
        again = Projects(projects.root)
        assert {meta["id"] for meta in again.metas} == {"default", second} and again.active == "default"
    assert len(list(projects.root.glob("projects.json.bad-*"))) >= 1


# ---- snapshots


@pytest.mark.parametrize("key", [None, Fernet.generate_key().decode()], ids=["plain", "encrypted"])
def test_a_backup_comes_back_as_it_was(project, tmp_path, key):
    projects, files = project
    store = local(tmp_path, key)
    version = store.make(projects.meta("default"), files, "before Ž")
    snapshot = store.read("default", version["versionId"])
    assert snapshot.state == RgbState(1, 2, 3, 40, "x", 5) and snapshot.scenes[0]["id"] == "a"
    assert version["encrypted"] is bool(key) and store.versions("default") == [version]
    stored = next((tmp_path / "backups/default").glob("*.bin")).read_bytes()
    assert (b'"scenes"' in stored) is not bool(key)


def test_a_lost_or_broken_index_costs_the_label_only(project, tmp_path):
    projects, files = project
    store = local(tmp_path)
    made = store.make(projects.meta("default"), files, "x")
    for damage in (lambda path: path.unlink(), lambda path: path.write_text("[")):
        damage(tmp_path / "backups/default/index.json")
        row = store.versions("default")[0]
        assert row["versionId"] == made["versionId"] and row["label"] == "" and row["size"] == made["size"]
        assert abs(row["createdAt"] - made["createdAt"]) < 5000
        store.make(projects.meta("default"), files, "y")
        (tmp_path / "backups/default" / f"{store.versions('default')[0]['versionId']}.bin").unlink()


def test_with_another_key_or_none_nothing_is_given(project, tmp_path):
    projects, files = project
    version = local(tmp_path, Fernet.generate_key().decode()).make(projects.meta("default"), files, "")[
        "versionId"
    ]
    for key, word in ((None, "not set"), (Fernet.generate_key().decode(), "another key")):
        with pytest.raises(InvalidError, match=word):
            local(tmp_path, key).read("default", version)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"state":{}}',
        b"gAAAAnonsense",
        b'{"state":{"schema":"demo.rgb.state.v1"},"scenes":[],"show":{}}',
    ],
)
def test_what_is_no_snapshot_is_refused(data):
    with pytest.raises(InvalidError):
        unpack(data)


@pytest.mark.parametrize("version", ["../../secret", "a/b", "", None, 5, "x" * 41, "nothing"])
def test_a_version_is_a_name_and_not_a_path(tmp_path, version):
    with pytest.raises(MissingError):
        local(tmp_path).read("default", version)


def test_only_what_has_changed_is_backed_up_automatically(project, tmp_path):
    projects, files = project
    store = local(tmp_path)
    assert store.changed(META, files)
    store.make(projects.meta("default"), files, "auto")
    write_state(files.state, RgbState(1, 2, 3, 99, "y", 77))
    assert not store.changed(META, files), "the same light with another number"
    write_state(files.state, RgbState(9, 2, 3, 99, "y", 77))
    assert store.changed(META, files)


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be"):
        LocalStore(tmp_path / "file").put("a/b", b"x", {})


def test_the_library_is_replaced_whole(project, tmp_path):
    _projects, files = project
    snapshot = unpack(pack(META, files))
    files.scenes.write_text("[]")
    write_library(snapshot, files)
    assert json.loads(files.scenes.read_text())[0]["id"] == "a"


# ---- a bucket


@pytest.fixture(scope="module")
def bucket():
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def answers():
        try:
            return httpx.put(f"{url}/lights", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(answers, 40)
    old = os.environ.get("AWS_ENDPOINT_URL_S3")
    os.environ["AWS_ENDPOINT_URL_S3"] = url
    yield url
    os.environ.pop("AWS_ENDPOINT_URL_S3") if old is None else os.environ.update(AWS_ENDPOINT_URL_S3=old)
    server.kill()
    server.wait()


def s3(tmp_path, **more):
    variables = {
        "DMX_CLOUD_BACKUP_ENABLED": "1", "DMX_CLOUD_BACKUP_PROVIDER": "s3", "DMX_CLOUD_BACKUP_S3_BUCKET": "lights",
        "DMX_CLOUD_BACKUP_S3_PREFIX": f"t/{secrets.token_hex(4)}", "DMX_CLOUD_BACKUP_S3_REGION": "us-east-1",
        "DMX_CLOUD_BACKUP_S3_ACCESS_KEY": "AKIA", "DMX_CLOUD_BACKUP_S3_SECRET_KEY": "secret",
        "DMX_CLOUD_BACKUP_S3_SESSION_TOKEN": "token",
    }  # fmt: skip
    return store_of(configuration(tmp_path, **(variables | more)), None)


@pytest.mark.full
def test_a_bucket_really_holds_what_was_put(project, tmp_path, bucket):
    projects, files = project
    store = s3(tmp_path, DMX_CLOUD_BACKUP_ENCRYPTION_KEY=Fernet.generate_key().decode())
    assert store.versions("default") == []
    made = store.make(projects.meta("default"), files, "Žižkov 50 %")
    listed = store.versions("default")
    assert listed == [made] and made["provider"] == "s3" and made["encrypted"]
    assert store.read("default", made["versionId"]).state.colour == (1, 2, 3)
    with pytest.raises(MissingError):
        store.read("default", "01ABC")
    with pytest.raises(InvalidError):
        backups.Backups(store._store, "s3", None).read("default", made["versionId"])


@pytest.mark.full
def test_a_bucket_that_is_not_there(project, tmp_path, bucket, monkeypatch):
    projects, files = project
    with pytest.raises(StoreError, match="NoSuchBucket"):
        s3(tmp_path, DMX_CLOUD_BACKUP_S3_BUCKET="nowhere").make(projects.meta("default"), files, "")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with pytest.raises(StoreError, match="cannot be reached") as refused:
        s3(tmp_path).versions("default")
    assert not isinstance(refused.value, NoObjectError)


def test_many_objects_are_listed_over_pages():
    store = S3Store("b", "p")
    pages = [
        {"Contents": [{"Key": "p/x/1.bin", "Size": 1}], "IsTruncated": True, "NextContinuationToken": "t"},
        {"Contents": [{"Key": "p/x/2.bin", "Size": 2}], "IsTruncated": False},
    ]

    class Client:
        def list_objects_v2(self, **asked):
            assert (asked["Bucket"], asked["Prefix"]) == ("b", "p/x/")
            return pages[1 if asked.get("ContinuationToken") == "t" else 0]

        def head_object(self, **asked):
            return {"Metadata": {"label": "a%20b"}}

    store._made = Client()
    assert [(row.key, row.size, row.metadata["label"]) for row in store.list_objects("x")] == [
        ("x/1.bin", 1, "a b"),
        ("x/2.bin", 2, "a b"),
    ]
