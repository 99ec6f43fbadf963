"""Files that somebody made to harm their reader are refused before the ASDF library sees them."""

import struct
import tracemalloc
import zlib

import blosc
import numpy as np
import pytest

from sessions.store import blocks, tree, untrusted, yamltext
from sessions.store.errors import DamagedFileError, UntrustedFileError
from sessions.store.manager import SessionManager
from sessions.store.untrusted import Limits, check, open_untrusted
from sessions.store.verify import verify

META = 'meta: {session_id: "x", schema_version: "1.0.0"}\n'


def make(path, body, *stored, index=True):
    """An ASDF file of a tree and finished blocks."""
    text = (yamltext.HEAD + body + "...\n").encode()
    offsets = [len(text) + sum(map(len, stored[:number])) for number in range(len(stored))]
    path.write_bytes(text + b"".join(stored) + (blocks.pack_index(offsets) if index else b""))
    return path


def block(label, data, size):
    return blocks.pack_header(label, len(data), size, bytes(16)) + data


def refused(path, words):
    tracemalloc.start()
    with pytest.raises(UntrustedFileError, match=words) as caught:
        open_untrusted(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 << 20, f"{peak >> 20} MiB to refuse it"
    assert path.name in str(caught.value)
    assert not verify(path).ok


@pytest.mark.parametrize("storage", ["embedded", "external"])
@pytest.mark.parametrize("codec", ["blsc", "portable", "none"])
def test_a_session_passes(tmp_path, storage, codec):
    with SessionManager(tmp_path, storage=storage, codec=codec) as sessions:
        session = sessions.start_session("observation", "M 31")
        session.add_frame("main", np.zeros((400, 600), np.uint16))
        session.add_original("dslr", b"raw", file_name="DSC_0001.NEF")
        session.add_calibration("flat", np.ones((4, 4), np.uint8))
        session.log("INFO", "* & << !!python/object:os.system")
        path = sessions.end_session()
    with open_untrusted(path) as af:
        assert af["observability"]["logs"][0]["message"].startswith("* &")


def test_a_billion_laughs_in_a_few_lines(tmp_path):
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    refused(make(tmp_path / "x.asdf", META + "\n".join(lines) + "\n"), "unfolds")


@pytest.mark.parametrize(
    "body",
    [
        "many: [" + "&a 1, " + "*a, " * 200 + "]\n",
        "self: &a [*a]\n",
        "deep: " + "[" * 500 + "]" * 500 + "\n",
    ],
    ids=["aliases", "circle", "depth"],
)
def test_trees_larger_than_they_look(tmp_path, body):
    refused(make(tmp_path / "x.asdf", META + body), "unfolds")


def test_more_values_than_a_session_has(tmp_path):
    path = make(tmp_path / "x.asdf", META + "values: [" + "1," * 2000 + "]\n")
    check(path)
    with pytest.raises(UntrustedFileError, match="unfolds"):
        check(path, Limits(nodes=1000))


def test_a_tree_that_never_ends(tmp_path):
    path = tmp_path / "x.asdf"
    with path.open("wb") as file:
        file.write(yamltext.HEAD.encode() + b"meta: {}\n")
        file.truncate(1 << 33)
    refused(path, "longer than 64 MiB")


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system [id]",
        "!<tag:stsci.edu:asdf/fits/fits-1.0.0> []",
        "!<tag:stsci.edu:asdf/core/externalarray-1.0.0> {fileuri: /etc/passwd}",
        "!<asdf://elsewhere/tags/thing-1.0.0> {}",
        '{$ref: "file:///etc/passwd"}',
    ],
)
def test_kinds_that_make_a_library_act(tmp_path, value):
    refused(make(tmp_path / "x.asdf", f"{META}thing: {value}\n"), "of the kind|refers to")


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "file:///etc/passwd",
        "http://192.0.2.1/x",
        "x.frames/../../secret",
        "x.frames/%2e%2e/%2e%2e/secret",
        "x.frames/main/link",
        "y.frames/main/000000.frame",
        "x.frames/main/\0",
        "x.frames/.hidden",
    ],
)
@pytest.mark.parametrize("form", ["frames", "originals"])
def test_files_elsewhere(tmp_path, name, form):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "x.frames/main").mkdir(parents=True)
    (tmp_path / "x.frames/main/link").symlink_to(tmp_path / "secret")
    quoted = yamltext.quote(name)
    node = f"!core/ndarray-1.1.0 {{source: {quoted}, datatype: uint16, byteorder: little, shape: [2, 2]}}"
    entry = node if form == "frames" else quoted
    refused(
        make(tmp_path / "x.asdf", f"{META}cameras: {{main: {{{form}: [{entry}]}}}}\n"), "outside|not inside"
    )


def test_a_frame_outside_is_looked_at_too(tmp_path):
    (tmp_path / "x.frames/main").mkdir(parents=True)
    make(tmp_path / "x.frames/main/000000.frame", "data: !!python/name:os.system ''\n")
    node = '!core/ndarray-1.1.0 {source: "x.frames/main/000000.frame", datatype: uint16, shape: [2, 2]}'
    path = make(tmp_path / "x.asdf", f"{META}cameras: {{main: {{frames: [{node}]}}}}\n")
    with pytest.raises(UntrustedFileError, match=r"000000\.frame is refused"):
        open_untrusted(path)


def array(size):
    return f"{META}data: !core/ndarray-1.1.0 {{source: 0, datatype: uint8, byteorder: little, shape: [{size}]}}\n"


def test_a_bomb_of_zlib(tmp_path):
    size = 128 << 20
    packer = zlib.compressobj(6)
    stored = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()
    refused(make(tmp_path / "x.asdf", array(size), block(b"zlib", stored, size)), "would become")


def test_a_bomb_of_blosc_that_lies_about_its_size(tmp_path):
    stored = bytearray(blosc.compress(bytes(100_000), typesize=1, cname="lz4"))
    stored[4:8] = struct.pack("<I", 2_000_000_000)
    refused(
        make(tmp_path / "x.asdf", array(100_000), block(b"blsc", bytes(stored), 100_000)),
        "two different sizes",
    )


@pytest.mark.parametrize(
    ("label", "data", "size"),
    [
        (b"blsc", b"", 100),
        (b"bzp2", b"BZh9", 100),
        (blocks.RAW, b"x" * 10, 1 << 20),
        (b"zlib", b"x" * 100, 3 << 30),
        (b"zlib", b"x" * 100, (1 << 64) - 1),
    ],
)
def test_blocks_that_promise_too_much(tmp_path, label, data, size):
    refused(make(tmp_path / "x.asdf", array(size), block(label, data, size)), "block")


@pytest.mark.parametrize(
    "node",
    [
        "{source: 0, datatype: uint8, shape: [1000000000], strides: [0]}",
        "{source: 0, datatype: uint8, shape: [100, 100]}",
        "{source: 7, datatype: uint8, shape: [10]}",
        "{source: -1, datatype: uint8, shape: [10]}",
        "{source: 0, datatype: uint8, shape: ['*', 10]}",
        "{source: 0, datatype: [{name: a, datatype: uint8}], shape: [10]}",
        "{source: 0, datatype: object, shape: [10]}",
        "{source: 0, datatype: uint8, shape: [10], mask: {source: 'file:///x', datatype: bool8}}",
        "{source: [1], datatype: uint8, shape: [10]}",
    ],
)
def test_arrays_that_are_not_in_their_blocks(tmp_path, node):
    refused(
        make(
            tmp_path / "x.asdf", f"{META}data: !core/ndarray-1.1.0 {node}\n", block(blocks.RAW, b"x" * 10, 10)
        ),
        "array",
    )


def test_too_many_blocks(tmp_path):
    path = make(tmp_path / "x.asdf", META, *[block(blocks.RAW, b"x", 1)] * 20)
    check(path)
    with pytest.raises(UntrustedFileError, match="more than 10 blocks"):
        check(path, Limits(blocks=10))


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"#ASDF 1.0.0\n", b"#ASDF 1.0.0\n--- {\n...\n"])
def test_what_is_no_asdf_file(tmp_path, content):
    path = tmp_path / "x.asdf"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"x\.asdf"):
        check(path)


def test_any_damage_is_refused_or_harmless(tmp_path):
    """Flipped bytes of the tree: the check ends with its own errors only, whatever they make of it."""
    with SessionManager(tmp_path) as sessions:
        sessions.log("INFO", "row")
        path = sessions.end_session()
    whole = path.read_bytes()
    end = tree.read_header(path)[1]
    random = np.random.default_rng(8)
    for _ in range(200):
        damaged = bytearray(whole)
        for place in random.integers(0, end + 60, 3):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            untrusted.check(path)
        except DamagedFileError:
            continue
