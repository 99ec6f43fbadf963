"""Very long lists of frames: read as YAML reads them, checked whole, and never longer than readers allow."""

import string

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from store_contents import finished, read_all
from test_store_untrusted import META, make

from sessions.store import keeper, layout, manager, tree, untrusted, yamltext
from sessions.store.errors import DamagedFileError, SessionFullError, UntrustedFileError
from sessions.store.manager import SessionManager
from sessions.store.verify import verify
from sessions.store.yamltext import Yaml, flow, ndarray


class Plain(yaml.CSafeLoader):
    """YAML as the standard says, tags ignored."""


def _untagged(loader, _suffix, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


Plain.add_multi_constructor("", _untagged)

arrays = st.builds(
    ndarray,
    st.integers(0, 10**6)
    | st.text(string.printable, min_size=1, max_size=12)
    | st.just("x.frames/main/1.frame"),
    st.sampled_from(["uint8", "uint16", "float32", "bool", "U3"]),
    st.lists(st.integers(0, 5000), min_size=1, max_size=3),
)
others = st.sampled_from(
    [
        Yaml('"a path"'),
        Yaml("[1, 2]"),
        Yaml("&a {b: 1}"),
        Yaml("*a"),
        Yaml("null"),
        Yaml("|\n   text"),
        Yaml('"'),
    ]
)
lists = st.lists(st.lists(arrays, min_size=1, max_size=40) | st.lists(others, max_size=2), max_size=4)


@given(st.lists(st.tuples(lists, st.sampled_from(["", "  ", "    "])), max_size=4))
def test_a_tree_with_frames_reads_as_yaml_reads_it(cameras):
    lines = ["first: &a 1"]
    for number, (groups, indent) in enumerate(cameras):
        lines.append(f"camera{number}:")
        lines += [f"{indent}- {flow(item)}" for group in groups for item in group]
    text = (yamltext.HEAD + "\n".join(lines) + "\n...\n").encode()
    try:
        wanted = yaml.load(text, Plain)
    except yaml.YAMLError:
        wanted = None
    if wanted is None:
        with pytest.raises(ValueError, match="YAML"):
            yamltext.parse(text)
    else:
        assert yamltext.parse(text) == wanted


def long_list(path, count, head=yamltext.HEAD, extra=""):
    names = (f"{path.stem}.frames/main/{number:06d}.frame" for number in range(count))
    lines = [f"      - {ndarray(name, 'uint16', (2160, 3840))}" for name in names]
    path.write_text(f"{head}{META}cameras:\n  main:\n    frames:\n" + "\n".join(lines) + f"\n{extra}...\n")
    return path


def test_as_many_frames_as_a_session_may_hold_pass_with_the_longest_names(tmp_path):
    stem = "observation_" + "t" * 20 + "_" + "i" * 32 + "_20261120_220000_99"
    path = long_list(tmp_path / f"{stem}.asdf", 20_000)
    assert path.stat().st_size * layout.MAX_FRAMES / 20_000 < tree.HEADER_LIMIT * 0.8
    assert untrusted.DEFAULT.frames >= layout.MAX_FRAMES and untrusted.DEFAULT.blocks >= layout.MAX_FRAMES
    untrusted.check(path)
    content, offset = tree.read_header(path)
    assert offset == path.stat().st_size
    frames = content["cameras"]["main"]["frames"]
    assert len(frames) == 20_000 and len(tree.references(content)[1]) == 20_000
    with pytest.raises(UntrustedFileError, match="lists more than 19999 frames"):
        untrusted.check(path, untrusted.Limits(frames=19_999))


@pytest.mark.parametrize(
    ("head", "extra", "error"),
    [
        (yamltext.HEAD.replace("tag:stsci.edu:asdf/", "tag:evil:"), "", UntrustedFileError),
        (yamltext.HEAD, "--- !<!run> 0\n", DamagedFileError),
        (yamltext.HEAD, "thing: !<tag:skycam:0123456789abcdef> 0\n", UntrustedFileError),
        (yamltext.HEAD, "        - more\n", DamagedFileError),
    ],
    ids=["another meaning of the tag", "a second document", "a guessed run", "goes on"],
)
def test_no_trick_hides_behind_a_list_of_frames(tmp_path, head, extra, error):
    with pytest.raises(error):
        untrusted.check(long_list(tmp_path / "x.asdf", 20, head, extra))


def test_a_source_outside_hidden_in_a_long_list(tmp_path):
    path = long_list(tmp_path / "x.asdf", 20)
    path.write_text(path.read_text().replace("x.frames/main/000007", "y.frames/main/000007"))
    with pytest.raises(UntrustedFileError, match="outside its own folder"):
        untrusted.check(path)
    path = make(tmp_path / "z.asdf", META + "a:\n" + f"- {ndarray(7, 'uint16', (4,))}\n" * 20)
    with pytest.raises(UntrustedFileError, match="not in block 7"):
        untrusted.check(path)


def test_a_session_with_very_many_frames_goes_on_in_another(tmp_path, monkeypatch):
    monkeypatch.setattr(manager, "FRAMES_LIMIT", 3)
    with SessionManager(tmp_path) as sessions:
        first = sessions.start_session("observation", "M31", "film", observer="A")
        first.update(observer="B", weather="clear")
        for number in range(7):
            frame = np.full((4, 4), number, np.uint16)
            sessions.add_frame("main", frame, **({"info": {"model": "x"}} if number == 0 else {}))
            sessions.rotate_if_due()
    found = read_all(tmp_path)
    assert len(found.frames) == 7 and set(found.frames.values()) == {1}
    nights = sorted(
        (meta for meta in found.metas if meta["session_type"] == "observation"), key=lambda m: m["start_time"]
    )
    assert [(one["target"], one["purpose"], one["observer"], one["weather"]) for one in nights] == [
        ("M31", "film", "B", "clear")
    ] * 3
    assert [one.get("continues") for one in nights] == [None, nights[0]["uuid"], nights[1]["uuid"]]
    models = [
        tree.read_header(path)[0]["cameras"]["main"]["info"]
        for path in finished(tmp_path)
        if "m31" in path.name
    ]
    assert models == [{"model": "x"}] * 3


def test_a_session_refuses_what_no_reader_would_accept(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper, "MAX_FRAMES", 2)
    with SessionManager(tmp_path) as sessions:
        session = sessions.start_session("observation", "M31")
        session.add_frame("main", np.zeros((4, 4), np.uint16))
        session.add_original("dslr", b"raw", file_name="a.nef")
        with pytest.raises(SessionFullError, match="2 frames"):
            session.add_frame("main", np.zeros((4, 4), np.uint16))
        session.log("INFO", "still here")
        path = sessions.end_session()
    assert verify(path).ok
    assert "still here" in read_all(tmp_path).messages
