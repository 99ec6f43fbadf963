"""A capture node's side, and the commands of the main machine."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jobs_sessions import session
from jobs_sshd import SSHD, key, server

from sessions.catalogue.ledger import Ledger
from timelapse import nodes
from timelapse.transfer import manifest

ROOT = Path(__file__).resolve().parents[2]


def command(
    folder: Path, nodes_yaml: list[dict], *arguments: str, stderr: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    (folder / "skycam.yaml").write_text(json.dumps({"nodes": nodes_yaml}))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "SKYCAM_DATA": str(folder / "var"),
    }
    return subprocess.run(
        [sys.executable, "-m", "skycam_project.cli", *arguments],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True,
        timeout=50, check=False,
    )  # fmt: skip


def test_only_a_true_receipt_lets_retention_have_a_session(night, settings):
    root = settings.DATA / "sessions"
    nodes.offer()
    offer = manifest.read_manifest(root)[0]
    assert offer.session == night and not Ledger(root).decisions()
    place = root / manifest.RECEIVED / f"{offer.uuid}.json"
    place.write_bytes(manifest.receipt(offer, "main").replace(offer.files[0].sha256.encode(), b"0" * 64))
    nodes.offer()
    assert not Ledger(root).decisions(), "the main machine has other bytes"
    place.write_bytes(manifest.receipt(offer, "main"))
    nodes.offer()
    decision = Ledger(root).decisions()[offer.uuid]
    assert decision.archived_at and decision.archive_url == f"skycam://main/{offer.uuid}"
    nodes.offer()
    assert Ledger(root).decisions()[offer.uuid].archived_at == decision.archived_at, "said once"
    assert (root / offer.files[0].path).exists()


def test_digests_are_computed_once(night, settings, monkeypatch):
    nodes.offer()
    monkeypatch.setattr(manifest, "sha256_of", lambda path: pytest.fail(f"{path} was hashed again"))
    manifest.write_manifest(settings.DATA / "sessions")


@pytest.mark.parametrize(
    ("node", "named"),
    [
        ({"id": "roof", "host": "10.0.0.9"}, "nodes[0].host_key"),
        ({"id": "roof", "host": "-oProxyCommand=evil", "host_key": "ssh-ed25519 AAAAx"}, "host"),
        ({"id": "roof", "user": "-x", "host_key": "ssh-ed25519 AAAAx"}, "user"),
        ({"id": "a b", "host_key": "ssh-ed25519 AAAAx"}, "nodes[0].id"),
        ({"id": "roof", "host_key": "trust me"}, "host_key"),
    ],
)
def test_a_node_that_cannot_be_trusted_stops_the_start(tmp_path, node, named):
    result = command(tmp_path, [node], "nodes", "list")
    assert result.returncode == 2 and named in result.stderr and result.stderr.count("\n") == 1


def test_a_node_that_does_not_answer_is_one_line_and_is_remembered(tmp_path):
    identity = tmp_path / "id"
    host_key = key(identity)
    node = {"id": "roof", "host": "127.0.0.1", "port": 1, "host_key": host_key, "identity": str(identity)}
    assert "no nodes" in command(tmp_path, [], "nodes", "fetch").stderr
    assert "roof" in command(tmp_path, [node], "nodes", "fetch", "cellar").stderr
    failed = command(tmp_path, [node], "nodes", "fetch", "--output", "json")
    assert failed.returncode == 2 and failed.stderr.count("\n") == 1 and "Traceback" not in failed.stderr
    state = json.loads(command(tmp_path, [node], "nodes", "list", "--output", "json").stdout)[0]
    assert (
        state["failures"] == 1
        and state["problem"]
        and datetime.fromisoformat(state["next_at"]) > datetime.now(UTC)
    )


@pytest.mark.full
@pytest.mark.skipif(not SSHD.exists(), reason="no sshd: apt install openssh-server")
def test_fetching_shows_a_bar_on_a_terminal_and_a_line_per_session_in_a_pipe(tmp_path, night_file):
    data = tmp_path / "roof" / "data"
    shutil.copytree(night_file.parents[3], data / "sessions")
    offer = manifest.write_manifest(data / "sessions")[0]
    line = f"1 of 1: {offer.session}, {offer.bytes / 1e6:.1f} MB"
    with server(tmp_path / "ssh") as sshd:
        node = {
            "id": "roof", "host": "127.0.0.1", "port": sshd.port, "user": sshd.user, "data": str(data),
            "host_key": sshd.host_key, "identity": str(sshd.identity),
        }  # fmt: skip
        piped = command(tmp_path, [node], "nodes", "fetch")
        assert piped.returncode == 0 and piped.stderr.splitlines() == [line], piped.stderr
        shutil.rmtree(tmp_path / "var")
        ours, theirs = pty.openpty()
        shown = command(tmp_path, [node], "nodes", "fetch", stderr=theirs)
        os.close(theirs)
        words = os.read(ours, 1 << 16).decode()
        os.close(ours)
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", words)  # colours
    size = f"{offer.bytes / 1e3:.1f}/{offer.bytes / 1e3:.1f} kB"
    assert shown.returncode == 0 and line in words and "roof ━" in words and size in words, words


def test_idle_sessions_are_not_offered(tmp_path):
    session(tmp_path / "sessions", 2)
    assert len(list((tmp_path / "sessions").glob("2*/*/*/idle_*.asdf"))) > 0
    assert [offer.session[:11] for offer in manifest.write_manifest(tmp_path / "sessions")] == ["observation"]
