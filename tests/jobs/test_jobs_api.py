"""The control API of jobs and the files of products, asked as programs and players ask."""

import asyncio
import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.test import AsyncClient
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from PIL import Image

from dashboard.services import create_token, create_user
from timelapse import products, queue, running, services
from timelapse.choices import JobState
from timelapse.models import Job, Product

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/control/v1/timelapses/"


@pytest.fixture(autouse=True)
def owner(db):
    """The first run is over."""
    create_user("olga", "sees red at night", "owner")


@pytest.fixture
def api(client, woken):
    """Requests of an operator's token."""

    class Api:
        token = create_token("program", "operator")

        def __call__(self, method: str, path: str = "", body=None):
            headers = {"Authorization": f"Bearer {self.token}"}
            return client.generic(
                method, BASE + path, "" if method == "GET" else json.dumps(body or {}), "application/json",
                headers=headers,
            )  # fmt: skip

    return Api()


@pytest.fixture
def product(settings, messages):
    """A product of one file, 5000 bytes."""
    folder = products.root() / "2026-11-19" / "default" / "timelapse-abc"
    folder.mkdir(parents=True)
    (folder / "timelapse-preview.mp4").write_bytes(bytes(range(250)) * 20)
    (folder / "notes.json").write_text("{}")
    (folder.parent / "secret.txt").write_text("not yours")
    files = [
        {"name": "timelapse-preview.mp4", "role": "preview", "bytes": 5000, "type": "video/mp4"},
        {"name": "notes.json", "role": "data", "bytes": 2, "type": "application/json"},
        {"name": "../secret.txt", "role": "data", "bytes": 9, "type": "text/plain"},
    ]
    yield Product.objects.create(
        kind="timelapse", title="One", folder="2026-11-19/default/timelapse-abc", files=files
    )
    shutil.rmtree(products.root(), ignore_errors=True)


def test_a_job_from_its_making_to_its_end(api, night):
    made = api("POST", body={"session": night, "recipe": {"fps": 24}})
    assert made.status_code == 201, made.content
    job = made.json()
    assert (job["state"], job["session"], job["format"]) == ("waiting", night, "H.265 10 bit")
    assert job["night"] and job["recipe"]["recipe"]["outputs"][-1]["fragmented"] is True
    again = api("POST", body={"session": night, "recipe": {"fps": 24}})
    assert (again.status_code, again.json()["uuid"]) == (200, job["uuid"])
    assert api("POST", f"{job['uuid']}/first/").json()["priority"] == 1
    share = queue.claim()
    queue.beat(
        share, stage="render", percent=41.26, fps=3.1, remaining_s=240.0, progress={"frames": 60, "chunk": 2}
    )
    seen = api("GET", f"{job['uuid']}/").json()
    assert (seen["percent"], seen["stage"], seen["chunk"], seen["workers"]) == (41.3, "render", 2, 1)
    assert api("GET").json()["running"] == 1
    assert api("POST", f"{job['uuid']}/cancel/").json()["cancelling"] is True
    queue.given_up(share)
    assert api("GET", f"{job['uuid']}/").json()["state"] == "cancelled"
    assert api("POST", f"{job['uuid']}/cancel/").status_code == 409
    assert api("POST", f"{job['uuid']}/retry/").json()["state"] == "waiting"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "session"),
        ({"session": "NIGHT", "folder": "garden"}, "session"),
        ({"session": "../../etc/passwd"}, "session"),
        ({"session": "NIGHT", "recipe": {"fps": 0}}, "fps"),
        ({"session": "NIGHT", "recipe": {"fsp": 25}}, "fsp"),
        ({"session": "NIGHT", "recipe": {"outputs": ["vhs"]}}, "outputs"),
        ({"session": "NIGHT", "recipe": {"outputs": [{"codec": "h264", "bits": 12}]}}, "bits"),
        ({"session": "NIGHT", "recipe": []}, "recipe"),
        ({"session": "NIGHT", "draft": "perhaps"}, "draft"),
        ({"session": "NIGHT", "kind": "opera"}, "kind"),
        ({"session": "NIGHT", "colour": "blue"}, "colour"),
        ({"session": "NIGHT", "title": "x" * 201}, "title"),
        ({"session": 5}, "session"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(api, night, body, field):
    sent = {key: night if value == "NIGHT" else value for key, value in body.items()}
    answer = api("POST", body=sent)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field), answer.content
    assert not Job.objects.exists()


@rules(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    recipe=st.dictionaries(
        st.sampled_from(["fps", "first", "last", "deflicker", "stabilise", "denoise", "chunk", "outputs", "poster"]),
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=5)
        | st.lists(st.sampled_from(["h265", "draft", "x"]) | st.none() | st.dictionaries(st.sampled_from(["codec", "size", "crf"]), st.integers() | st.text(max_size=3), max_size=3), max_size=3),
        max_size=4,
    )
)  # fmt: skip
def test_any_recipe_is_taken_or_refused_but_never_breaks(api, night, recipe):
    answer = api("POST", body={"session": night, "recipe": recipe})
    assert answer.status_code in (200, 201, 400), answer.content
    if answer.status_code == 400:
        assert answer.json()["error"]["field"]


def test_what_is_not_there_is_404(api, woken):
    nobody = "00000000-0000-0000-0000-000000000000/"
    for path in (nobody, f"{nobody}curves/", f"products/{nobody}"):
        assert api("GET", path).status_code == 404
    assert api("POST", f"{nobody}cancel/").status_code == 404
    assert api("POST", body={"session": "observation_20261119_190000"}).status_code == 404
    assert api("POST", body={"folder": "nowhere"}).status_code == 404


def test_a_viewer_looks_and_changes_nothing(client, night, woken):
    job = services.create_timelapse({}, session=night)[0]
    token = create_token("looker", "viewer")
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get(BASE, headers=headers).status_code == 200
    assert client.post(BASE, {"session": night}, "application/json", headers=headers).status_code == 403
    assert client.post(f"{BASE}{job.pk}/cancel/", {}, "application/json", headers=headers).status_code == 403
    assert (
        client.put(f"{BASE}queue/", {"paused": True}, "application/json", headers=headers).status_code == 403
    )
    assert client.get(BASE).status_code in (401, 403)
    assert Job.objects.get().state == JobState.WAITING


def test_the_queue_is_paused_by_a_plain_true(api):
    assert api("PUT", "queue/", {"paused": True}).json() == {"paused": True}
    assert api("GET").json()["paused"] is True
    assert api("PUT", "queue/", {"paused": "yes"}).status_code == 400
    assert api("PUT", "queue/", {"paused": False}).json() == {"paused": False}


def test_sources_are_sessions_and_folders(api, night, folder):
    found = api("GET", "sources/").json()
    assert {"session": night, "folder": None, "finished": True}.items() <= found[0].items()
    assert folder in [entry["folder"] for entry in found]
    assert not any((entry["session"] or "").startswith("idle") for entry in found)


def test_a_product_is_shown_and_deleted(api, product):
    shown = api("GET", f"products/{product.pk}/").json()
    assert shown["files"][0]["url"] == f"/products/{product.pk}/timelapse-preview.mp4"
    assert api("DELETE", f"products/{product.pk}/").status_code == 204
    assert api("GET", f"products/{product.pk}/").status_code == 404
    assert not (products.root() / product.folder).exists()


# ---- files


def fetch(product, name="timelapse-preview.mp4", method="get", logged_in=True, **headers):
    """Status, headers and body from the ASGI handler, as a browser gets them."""

    async def ask():
        client = AsyncClient()
        if logged_in:
            await client.aforce_login(user)
        answer = await getattr(client, method)(f"/products/{product.pk}/{name}", headers=headers)
        body = (
            b"".join([piece async for piece in answer.streaming_content])
            if answer.streaming
            else answer.content
        )
        return answer.status_code, answer.headers, body

    user = get_user_model().objects.filter(username="vera").first()
    if logged_in and user is None:
        user = create_user("vera", "sees red at night", "viewer")
    return asyncio.run(ask())


CONTENT = bytes(range(250)) * 20


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-", 206, slice(0, 5000)),
        ("bytes=100-199", 206, slice(100, 200)),
        ("bytes=4990-9999", 206, slice(4990, 5000)),
        ("bytes=-10", 206, slice(4990, 5000)),
        ("bytes=-9999", 206, slice(0, 5000)),
        ("bytes=5000-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=200-100", 200, slice(0, 5000)),
        ("bytes=0-1,5-6", 200, slice(0, 5000)),
        ("lines=1-2", 200, slice(0, 5000)),
        ("bytes=-", 200, slice(0, 5000)),
    ],
)
def test_ranges_are_answered_as_the_standard_says(product, asked, status, part):
    code, headers, body = fetch(product, Range=asked)
    assert code == status
    assert headers["Accept-Ranges"] == "bytes" and headers["X-Content-Type-Options"] == "nosniff"
    if part is None:
        assert headers["Content-Range"] == "bytes */5000"
        return
    assert body == CONTENT[part] and headers["Content-Length"] == str(len(body))
    if status == 206:
        assert headers["Content-Range"] == f"bytes {part.start}-{part.stop - 1}/5000"
        assert headers["Content-Type"] == "video/mp4"


def test_a_file_that_did_not_change_is_not_sent_again(product):
    tag = fetch(product)[1]["ETag"]
    assert fetch(product, **{"If-None-Match": tag})[0] == 304
    code, _, body = fetch(product, Range="bytes=0-9", **{"If-Range": '"another"'})
    assert (code, body) == (200, CONTENT)


@pytest.mark.parametrize("name", ["../secret.txt", "..%2Fsecret.txt", "product.json", "nothing.mp4"])
def test_only_the_files_of_the_product_are_served(product, name):
    assert fetch(product, name)[0] == 404


def test_what_is_no_picture_is_saved_not_shown(product):
    assert fetch(product, "notes.json")[1]["Content-Disposition"] == 'attachment; filename="notes.json"'


def test_nobody_who_is_not_logged_in_gets_a_file(product):
    assert fetch(product, logged_in=False)[0] == 302


def test_the_web_process_stays_small():
    """What pages and the control API import must not bring the renderer with it."""
    script = (
        "import django, sys; django.setup(); import dashboard.api.timelapses, dashboard.media, timelapse.tasks;"
        "print([name for name in ('av', 'cv2', 'numba', 'polars', 'scipy', 'asdf', 'timelapse.making') if name in sys.modules])"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "skycam_project.settings"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def picture(colour) -> bytes:
    data = io.BytesIO()
    Image.new("RGBA", (24, 16), colour).save(data, "PNG")
    return data.getvalue()


def test_a_logo_is_named_by_its_content_and_another_one_is_another_job(api, folder):
    names = []
    for colour in ("red", "red", "blue"):
        answer = api("POST", "logos/", {"png": base64.b64encode(picture(colour)).decode()})
        assert answer.status_code == 201, answer.content
        names.append(answer.json()["logo"])
    assert names[0] == names[1] == hashlib.sha256(picture("red")).hexdigest() != names[2]
    made = [api("POST", "", {"folder": folder, "recipe": {"overlay": {"logo": name}}}) for name in names]
    assert [answer.status_code for answer in made] == [201, 200, 201]
    assert made[0].json()["recipe"]["recipe"]["overlay"]["logo"] == names[0], "no path of this machine"
    work = running.prepare(queue.get(made[2].json()["uuid"]))
    assert Path(work.recipe["recipe"]["overlay"]["logo"]).read_bytes() == picture("blue")


@pytest.mark.parametrize("logo", ["/etc/hostname", "../../etc/passwd", "ab" * 32, 7, "logo.png"])
def test_no_other_file_is_taken_for_a_logo(api, folder, logo):
    answer = api("POST", "", {"folder": folder, "recipe": {"overlay": {"logo": logo}}})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "overlay.logo")


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"no base 64 !", picture("red")[:40], b"\x89PNG" + b"0" * 600_000]
)
def test_what_is_no_small_png_is_no_logo(api, data):
    answer = api("POST", "logos/", {"png": base64.b64encode(data).decode()})
    assert answer.status_code == 400
    assert api("POST", "logos/", {"png": "*"}).status_code == 400


def test_nodes_are_listed_and_visited_now(api, client, settings, monkeypatch):
    from skycam_project.config.timelapse import NodeConfiguration

    entry = NodeConfiguration(id="roof", host="10.0.0.9", user="skycam", host_key="ssh-ed25519 AAAAx")
    settings.CONFIG = replace(settings.CONFIG, nodes=(entry,))
    sent = []
    monkeypatch.setattr(services, "_send", lambda task, *arguments: sent.append((task.name, arguments)))
    headers = {"Authorization": f"Bearer {api.token}"}

    def ask(method, path):
        body = "" if method == "GET" else "{}"
        return client.generic(method, f"/control/v1/nodes/{path}", body, "application/json", headers=headers)

    (row,) = ask("GET", "").json()
    assert (row["node"], row["last_ok_at"], row["problem"]) == ("roof", None, None)
    assert ask("POST", "roof/fetch/").status_code == 202
    assert ask("POST", "cellar/fetch/").status_code == 404
    assert sent == [("timelapse.visit", ("roof",))]
