"""What a sender may say, and what is refused."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lighting.engine.commands import parse_command
from lighting.engine.state import RgbState, parse_state
from lighting.engine.ulid import is_ulid, new_ulid
from lighting.errors import BadCommandError

SCHEMAS = Path(__file__).resolve().parents[2] / "lighting" / "schemas"
ID = "01HZX3YJ9YJ3M5QAZ3GZ8K3QFF"
GOOD = {"cmdId": ID, "src": "ui", "r": 64, "g": 32, "b": 128}


def test_the_documents_own_example_is_a_command():
    command = parse_command(dict(GOOD))
    assert (command.cmd_id, command.src, command.r, command.g, command.b) == (ID, "ui", 64, 32, 128)
    assert command.is_drag
    assert parse_command(GOOD | {"schema": "demo.rgb.cmd.v1", "ts": 5}) == command


@pytest.mark.parametrize(
    ("change", "named", "code"),
    [
        ({"r": "2"}, "r", "bad_message"),
        ({"g": True}, "g", "bad_message"),
        ({"b": 1.5}, "b", "bad_message"),
        ({"b": None}, "b", "bad_message"),
        ({"src": ""}, "src", "bad_message"),
        ({"src": "x" * 65}, "src", "bad_message"),
        ({"schema": "demo.rgb.cmd.v2"}, "schema", "bad_message"),
        ({"colour": 1}, "colour", "bad_message"),
        ({"ts": 0}, "ts", "bad_message"),
        ({"ts": None}, "ts", "bad_message"),
        ({"cmdId": "Z" * 26}, "cmdId", "bad_ulid"),
        ({"cmdId": ID.lower()}, "cmdId", "bad_ulid"),
        ({"cmdId": ID.replace("Y", "U")}, "cmdId", "bad_ulid"),
        ({"cmdId": 5}, "cmdId", "bad_ulid"),
    ],
)
def test_a_wrong_member_is_named(change, named, code):
    with pytest.raises(BadCommandError) as refused:
        parse_command(GOOD | change)
    assert [fault["loc"] for fault in refused.value.fields] == [[named]]
    assert refused.value.code == code


def test_all_faults_are_named_at_once():
    with pytest.raises(BadCommandError) as refused:
        parse_command({"r": 1.5})
    assert {fault["loc"][0] for fault in refused.value.fields} == {"src", "r", "g", "b", "cmdId"}


@pytest.mark.parametrize("body", [None, [], 5, "x", True])
def test_a_command_is_an_object(body):
    with pytest.raises(BadCommandError):
        parse_command(body)


@given(st.integers(), st.integers(), st.integers())
def test_any_integer_is_taken_and_a_whole_float_counts_as_one(r, g, b):
    command = parse_command(GOOD | {"r": r, "g": g, "b": b})
    assert (command.r, command.g, command.b) == (r, g, b)
    assert parse_command(GOOD | {"r": 1.0}).r == 1


def test_fresh_ids_are_ulids_and_all_different():
    ids = [new_ulid() for _ in range(1000)]
    assert all(map(is_ulid, ids)) and len(set(ids)) == 1000
    assert [i[:10] for i in ids] == sorted(i[:10] for i in ids)


@given(
    st.builds(
        RgbState,
        *[st.integers(0, 255)] * 3,
        st.integers(0, 2**53),
        st.text(min_size=1),
        st.integers(0, 2**53),
    )
)
def test_a_state_keeps_to_its_schema_and_comes_back(state):
    schema = json.loads((SCHEMAS / "demo.rgb.state.v1.json").read_text())
    jsonschema.validate(state.body(), schema)
    assert parse_state(state.body()) == state


def test_the_command_schema_agrees_with_the_reader():
    schema = json.loads((SCHEMAS / "demo.rgb.cmd.v1.json").read_text())
    jsonschema.validate(GOOD, schema)
    for change in ({"cmdId": "Z" * 26}, {"src": ""}, {"colour": 1}, {"r": True}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(GOOD | change, schema)


@pytest.mark.parametrize(
    "change",
    [{"r": 256}, {"seq": -1}, {"updatedBy": ""}, {"extra": 1}, {"schema": "x"}, {"ts": "1"}, {"g": True}],
)
def test_a_broken_state_is_refused(change):
    with pytest.raises(ValueError):
        parse_state(RgbState().body() | change)
