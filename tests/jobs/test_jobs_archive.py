"""Finished films and pictures in a folder and in a bucket: by themselves, on request, by command, over a bad line."""

import logging
import os
import secrets
import select
import shutil
import socket
import threading
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from django.db.models.functions import Now

from sessions import provenance
from skycam_project.cli.group import skycam
from skycam_project.common import objectfiles
from skycam_project.common.objectstore import S3Store, StoreError
from timelapse import archive, products, running, services, sidecar, tasks
from timelapse.choices import JobState
from timelapse.errors import StateError
from timelapse.models import Job, Product
from timelapse.transfer import finals

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]
KEYS = {"region": "us-east-1", "access_key": "a", "secret_key": "b"}


def film(root: Path, name: str = "2026-11-19/default/timelapse-abc", size: int = 5000) -> Path:
    """A finished product as a job leaves it."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "timelapse.mp4").write_bytes(os.urandom(size))
    (folder / "curves.json").write_text("{}")
    files = sidecar.files_of(folder)
    provenance.write(folder, "timelapse", [], {"recipe": {}}, [folder / file["name"] for file in files])
    sidecar.write(folder, sidecar.Facts(kind="timelapse", title="Garden", night="2026-11-19", files=files))
    return folder


class Line:
    """A wire to a server that is cut after so many bytes towards it; `None` lets everything through."""

    def __init__(self, port: int) -> None:
        self.port, self.left, self.cuts = port, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.port)) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(1 << 16)
                    if source is client and self.left is not None:
                        self.left -= len(data)
                        if self.left < 0:
                            self.cuts += 1
                            return
                    if not data:
                        return
                    (server if source is client else client).sendall(data)


@pytest.fixture(scope="module")
def line():
    """A bucket called finals behind a wire that can be cut."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    wire = Line(server.get_host_and_port()[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", wire.address)
        S3Store("finals", **KEYS)._call("create_bucket")
        yield wire
    wire.listener.close()
    server.stop()


@pytest.fixture(params=["local", "s3"])
def configured(request, settings, tmp_path, messages):
    """An archive as people set it: a folder, or the bucket."""
    if request.param == "local":
        given = {"archive": "local", "archive_path": tmp_path / "disk"}
    else:
        request.getfixturevalue("line").left = None
        given = {"archive": "s3", "archive_bucket": "finals", "archive_products_prefix": secrets.token_hex(4)}
        given |= {"archive_region": "us-east-1", "archive_access_key": "a", "archive_secret_key": "b"}
    settings.CONFIG = replace(settings.CONFIG, **given)
    running.stopping.clear()
    yield settings.CONFIG
    shutil.rmtree(products.root(), ignore_errors=True)


@pytest.fixture
def store(configured):
    """Where it is then."""
    return configured.products_store()


def test_a_film_lies_elsewhere_and_its_row_says_so(configured, store, messages):
    folder = film(products.root())
    product = products.index(folder)
    assert list(archive.due()) == [product]
    archive.run()
    product.refresh_from_db()
    assert product.archived_at and product.archive_url.endswith("timelapse-abc.manifest.json")
    manifest = orjson.loads(store.get("2026-11-19/default/timelapse-abc.manifest.json"))
    names = {Path(entry["key"]).name for entry in manifest["files"]}
    assert names == {"timelapse.mp4", "curves.json", "product.json", "provenance.json"}
    for entry in manifest["files"]:
        assert store.get(entry["key"]) == (products.root() / entry["key"]).read_bytes()
    assert not archive.due().exists() and folder.joinpath("timelapse.mp4").exists()
    assert messages[-1]["data"]["archive"]["state"] == "archived"


def test_what_was_archived_is_known_after_a_loss_of_the_database(configured):
    products.index(film(products.root()))
    archive.run()
    Product.objects.all().delete()
    assert products.find_all() == 1
    assert Product.objects.get().archived_at and not archive.due().exists()


def test_a_film_that_is_made_again_is_archived_again(configured, store):
    folder = film(products.root())
    products.index(folder)
    archive.run()
    shutil.rmtree(folder)
    products.index(film(products.root()))
    assert archive.due().count() == 1
    archive.run()
    assert (
        store.get("2026-11-19/default/timelapse-abc/timelapse.mp4") == (folder / "timelapse.mp4").read_bytes()
    )
    assert not archive.due().exists()


def test_a_file_that_is_not_what_was_made_is_refused_and_shown(configured, store, messages):
    folder = film(products.root())
    product = products.index(folder)
    data = bytearray((folder / "timelapse.mp4").read_bytes())
    data[100] ^= 1
    (folder / "timelapse.mp4").write_bytes(data)
    archive.run()
    product.refresh_from_db()
    assert product.archived_at is None and "is not what was made" in product.archive_error
    shown = messages[-1]["data"]["archive"]
    assert shown["state"] == "failed" and shown["next_try_at"]
    with pytest.raises(StoreError):
        store.get("2026-11-19/default/timelapse-abc.manifest.json")


def test_failures_wait_longer_each_time_and_a_person_need_not_wait(configured, woken, monkeypatch):
    product = products.index(film(products.root()))

    def away(*_: object) -> None:
        raise StoreError("the bucket finals cannot be reached")

    monkeypatch.setattr(finals, "archive", away)
    monkeypatch.setattr(tasks.send, "apply_async", lambda **_: None)
    pauses = []
    for _ in range(9):
        archive.run()
        product.refresh_from_db()
        pauses.append(round((product.archive_next_at - _now()).total_seconds() / 10) * 10)
        assert not archive.due().exists(), "it waits"
        Product.objects.update(archive_next_at=Now())
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    archive.run()
    assert services.archive_now(product.pk).archive_asked
    assert archive.due().exists()


def _now():
    return Product.objects.annotate(now=Now()).values_list("now", flat=True)[0]


def test_without_the_setting_only_what_a_person_asks_for(configured, settings, monkeypatch):
    settings.CONFIG = replace(configured, archive_products=False)
    monkeypatch.setattr(tasks.send, "apply_async", lambda **_: None)
    one, two = (products.index(film(products.root(), f"2026-11-19/default/timelapse-{n}")) for n in "ab")
    archive.run()
    assert not Product.objects.exclude(archived_at=None).exists()
    services.archive_now(two.pk)
    archive.run()
    assert list(Product.objects.exclude(archived_at=None)) == [two]
    with pytest.raises(StateError, match="already"):
        services.archive_now(two.pk)
    one.refresh_from_db()
    assert one.archived_at is None


def test_a_draft_is_not_archived(configured):
    job = Job.objects.create(
        kind="timelapse", title="x", source_kind="folder", source="g", digest="d", state=JobState.RUNNING
    )
    folder = film(products.root())
    products.index(folder, job)
    assert not archive.due().exists()
    (folder / "timelapse-draft.mp4").write_bytes(b"small")
    facts = sidecar.read(folder)
    sidecar.write(folder, sidecar.Facts(kind="timelapse", title=facts.title, files=sidecar.files_of(folder)))
    assert not finals.finished(folder) and finals.due(products.root()) == []


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(objectfiles, "PART", 5 << 20)
    return film(products.root(), size=18 << 20)


@pytest.mark.parametrize("configured", ["s3"], indirect=True)
def test_a_line_that_is_cut_in_the_middle_costs_only_the_part_that_was_on_it(
    line, configured, store, large, monkeypatch
):
    product = products.index(large)
    sent: list[int] = []
    real = S3Store.send_part

    def counted(self, key, upload, number, data, checksum):
        etag = real(self, key, upload, number, data, checksum)
        if key.endswith(".mp4"):
            sent.append(number)
        return etag

    monkeypatch.setattr(S3Store, "send_part", counted)
    line.left = 12 << 20
    archive.run()
    product.refresh_from_db()
    assert line.cuts and product.archive_error and product.archived_at is None
    assert sent and max(sent) < 4
    line.left = None
    Product.objects.update(archive_next_at=None)
    archive.run()
    product.refresh_from_db()
    assert product.archived_at and not product.archive_error
    assert sorted(sent) == [1, 2, 3, 4], "no part went over the line twice"
    assert (
        store.get("2026-11-19/default/timelapse-abc/timelapse.mp4") == (large / "timelapse.mp4").read_bytes()
    )


def test_a_worker_that_stops_leaves_the_rest_to_the_next(configured, large, monkeypatch):
    product = products.index(large)
    real = finals.put_file

    def put(store, key, path, metadata, progress):
        def told(done: int, total: int) -> None:
            running.stopping.set()
            progress(done, total)

        real(store, key, path, metadata, told)

    monkeypatch.setattr(finals, "put_file", put)
    archive.run()
    product.refresh_from_db()
    assert product.archived_at is None and not product.archive_error, "nobody's failure"
    monkeypatch.setattr(finals, "put_file", real)
    running.stopping.clear()
    archive.run()
    product.refresh_from_db()
    assert product.archived_at


def test_the_command_archives_and_the_rows_hear_of_it(settings, tmp_path, messages):
    run = CliRunner().invoke
    env = {
        "SKYCAM_DATA": str(tmp_path), "SKYCAM_ARCHIVE": "local", "SKYCAM_ARCHIVE_PATH": str(tmp_path / "disk"),
    }  # fmt: skip
    film(tmp_path / "products")
    bad = film(tmp_path / "products", "2026-11-19/default/timelapse-bad")
    (bad / "curves.json").write_text("{ }")
    result = run(skycam, ["products", "archive", "--output", "json"], env=env)
    said = orjson.loads(result.stdout)
    assert result.exit_code == 1 and list(said["archived"]) == ["2026-11-19/default/timelapse-abc"]
    assert "is not what was made" in said["failed"]["2026-11-19/default/timelapse-bad"]
    assert (tmp_path / "disk/products/2026-11-19/default/timelapse-abc/timelapse.mp4").is_file()
    result = run(skycam, ["products", "archive", str(tmp_path)], env=env)
    assert result.exit_code == 2 or "not a product below" in result.output
