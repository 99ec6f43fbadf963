"""The strict parser: every row of the rules of conformance testing, and what hypothesis thinks of."""

import math
from datetime import UTC, datetime
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca.protocol.errors import BadRequestError
from alpaca.protocol.members import INTERFACES, Parameter, Verb
from alpaca.protocol.parsing import parse_fields, parse_get, parse_put

CONNECTED = INTERFACES["telescope"].members["connected"].put
MOVE_AXIS = INTERFACES["telescope"].members["moveaxis"].put
CAN_MOVE_AXIS = INTERFACES["telescope"].members["canmoveaxis"].get
NAME = INTERFACES["telescope"].members["name"].get
BAD_CLIENTS = ["", "     ", "-12345", "NASDAQ", "4294967296", "1.0", "0x10", "1e3", "１２", "1_000", "+5"]
BAD_TRANSACTIONS = ["", "     ", "-67890", "qweqwe", "4294967296", " 5", "5 ", "٥"]


def one(kind: str, may_be_empty: bool = False) -> Verb:
    return Verb("PUT", (Parameter("Value", kind, may_be_empty, "value"),), None)


def value(kind: str, text: str):
    return parse_put(f"Value={quote_plus(text)}".encode(), one(kind)).arguments["value"]


# ---- names


@pytest.mark.parametrize("name", ["ClientID", "clientid", "CLIENTID", "cLiEnTiD"])
def test_names_in_a_query_string_have_any_casing(name):
    assert parse_get(f"{name}=7&AXIS=1".encode(), CAN_MOVE_AXIS).client == 7


def test_every_parameter_of_every_get_is_found_in_any_casing():
    for interface in INTERFACES.values():
        for member in interface.members.values():
            if member.get and member.get.parameters:
                for cased in (str.lower, str.upper, str.swapcase):
                    query = {cased(parameter.name): "1" for parameter in member.get.parameters}
                    call = parse_get(urlencode(query).encode(), member.get)
                    assert set(call.arguments) == {p.argument for p in member.get.parameters}


def test_every_parameter_of_every_put_must_be_cased_as_the_interface_writes_it():
    good = {"bool": "true", "int": "1", "double": "1.5", "string": "x", "date": "2026-11-20T20:00:00Z"}
    for interface in INTERFACES.values():
        for member in interface.members.values():
            if not member.put or not member.put.parameters:
                continue
            fields = {parameter.name: good[parameter.kind] for parameter in member.put.parameters}
            parse_put(urlencode(fields).encode(), member.put)
            for name in fields:
                wrong = {
                    (other.swapcase() if other == name else other): text for other, text in fields.items()
                }
                with pytest.raises(BadRequestError, match=f"{name} is missing"):
                    parse_put(urlencode(wrong).encode(), member.put)


def test_in_a_form_a_miscased_client_id_counts_as_absent():
    assert parse_put(b"Connected=True&clientid=5", CONNECTED).client is None


def test_in_a_form_a_miscased_transaction_is_not_echoed_and_not_checked():
    assert parse_put(b"Connected=True&clienttransactionid=77", CONNECTED).transaction == 0
    assert parse_put(b"Connected=True&ClientTransactionid=qweqwe", CONNECTED).transaction == 0


def test_unknown_parameters_are_ignored():
    assert parse_get(b"Colour=red&ClientID=1", NAME).client == 1
    assert parse_put(b"Colour=red&Connected=true&colour=", CONNECTED).arguments == {"connected": True}


@pytest.mark.parametrize(
    "form",
    [b"Connected=True&ClientID=1&ClientTransactionID=2", b"ClientTransactionID=2&Connected=True&ClientID=1"],
)
def test_order_is_free(form):
    assert parse_put(form, CONNECTED) == (1, 2, {"connected": True})


def test_a_known_name_given_twice_is_refused_an_unknown_one_is_not():
    for form in (b"Connected=true&Connected=false", b"Connected=true&ClientID=1&ClientID=1"):
        with pytest.raises(BadRequestError, match="twice"):
            parse_put(form, CONNECTED)
    with pytest.raises(BadRequestError, match="twice"):
        parse_get(b"ClientID=1&clientid=2", NAME)
    assert parse_put(b"Connected=true&x=1&x=2&connected=false", CONNECTED).arguments["connected"] is True


@pytest.mark.parametrize("form", [b"", b"Connected", b"Connected=", b"connected=true", b"Connected=+"])
def test_a_required_parameter_missing_or_empty_is_refused(form):
    with pytest.raises(BadRequestError, match="Connected"):
        parse_put(form, CONNECTED)


def test_an_empty_value_is_accepted_where_it_has_a_meaning():
    sensor = INTERFACES["observingconditions"].members["timesincelastupdate"].get
    assert parse_get(b"SensorName=", sensor).arguments == {"sensor_name": ""}
    with pytest.raises(BadRequestError, match="missing"):
        parse_get(b"", sensor)
    action = INTERFACES["telescope"].members["action"].put
    assert parse_put(b"Action=Go&Parameters=", action).arguments == {"action": "Go", "parameters": ""}
    with pytest.raises(BadRequestError, match="Action is empty"):
        parse_put(b"Action=&Parameters=", action)


# ---- IDs


@pytest.mark.parametrize("text", ["0", "1", "4294967295", "0000000000000007"])
def test_good_ids(text):
    assert parse_get(f"ClientID={text}&ClientTransactionID={text}".encode(), NAME)[:2] == (
        int(text),
        int(text),
    )


def test_absent_ids():
    assert parse_get(b"", NAME)[:2] == (None, 0)


@pytest.mark.parametrize("text", BAD_CLIENTS)
def test_bad_client_ids_are_refused(text):
    for parse, verb, start in ((parse_get, NAME, ""), (parse_put, CONNECTED, "Connected=True&")):
        with pytest.raises(BadRequestError, match="ClientID"):
            parse(f"{start}ClientID={quote_plus(text)}".encode(), verb)


@pytest.mark.parametrize("text", BAD_TRANSACTIONS)
def test_bad_transactions_are_refused(text):
    for parse, verb, start in ((parse_get, NAME, ""), (parse_put, CONNECTED, "Connected=True&")):
        with pytest.raises(BadRequestError, match="ClientTransactionID"):
            parse(f"{start}ClientTransactionID={quote_plus(text)}".encode(), verb)


@given(st.integers(-(2**40), 2**40))
def test_an_id_is_echoed_exactly_or_refused(number):
    try:
        echoed = parse_get(f"ClientTransactionID={number}".encode(), NAME).transaction
    except BadRequestError:
        assert not 0 <= number <= 4294967295
    else:
        assert echoed == number
        assert 0 <= number <= 4294967295


# ---- values


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("True", True), ("TRUE", True), ("fAlSe", False)]
)
def test_booleans(text, expected):
    assert value("bool", text) is expected


@pytest.mark.parametrize(
    "text", ["123456", "asdqwe", "1", "0", "yes", "on", "t", " true", "True\n", "tru\u0435"]
)
def test_other_words_are_no_booleans(text):
    with pytest.raises(BadRequestError, match="true or false"):
        value("bool", text)


@pytest.mark.parametrize(
    "text",
    ["1_000", " 12 ", "12 ", "١٢", "1.0", "1e3", "0x1F", "--1", "+", "2147483648", "-2147483649", "9" * 5000],
)
def test_what_python_would_take_for_an_integer_and_the_protocol_does_not(text):
    with pytest.raises(BadRequestError, match="32 bits"):
        value("int", text)


@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_of_32_bits(number):
    assert value("int", str(number)) == number
    assert value("int", f"{number:+d}") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_come_back_exactly(number):
    assert value("double", repr(number)) == number
    assert value("double", f"{number:.17E}") == number


@pytest.mark.parametrize("text", ["1E-05", "1e5", "+1.5", "-.5", "5.", "00012", "1E+05"])
def test_doubles_as_other_programs_write_them(text):
    assert value("double", text) == float(text)


@pytest.mark.parametrize(
    "text",
    [
        "nan",
        "inf",
        "-Infinity",
        "1,5",
        "1_0",
        "1.5 ",
        ".",
        "e5",
        "1e",
        "0x1p3",
        "1e999",
        "１",
        "",
        "1" * 10_000,
    ],
)
def test_what_python_would_take_for_a_double_and_the_protocol_does_not(text):
    with pytest.raises(BadRequestError):
        value("double", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-12-04T17:45:31.1234567Z", datetime(2022, 12, 4, 17, 45, 31, 123456, UTC)),
        ("2022-12-04T17:45:31Z", datetime(2022, 12, 4, 17, 45, 31, tzinfo=UTC)),
        ("2022-12-04T17:45:31", datetime(2022, 12, 4, 17, 45, 31, tzinfo=UTC)),
        ("2022-12-04T18:45:31.5+01:00", datetime(2022, 12, 4, 17, 45, 31, 500000, UTC)),
    ],
)
def test_dates(text, expected):
    assert value("date", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2022-12-04",
        "20221204T174531Z",
        "2022-W48-7T00:00:00",
        "2022-13-01T00:00:00Z",
        "2022-12-04 17:45:31",
        "04/12/2022",
        "0001-01-01T00:00:00+14:00",
        "now",
    ],
)
def test_no_dates(text):
    with pytest.raises(BadRequestError):
        value("date", text)


@given(st.text(max_size=200))
def test_text_comes_through_unchanged(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    if text:
        assert value("string", text) == text


# ---- whole bodies


@given(st.binary(max_size=300))
def test_any_bytes_are_understood_or_refused_in_words(data):
    for parse, verb in ((parse_get, CAN_MOVE_AXIS), (parse_put, MOVE_AXIS), (parse_put, CONNECTED)):
        try:
            call = parse(data, verb)
        except BadRequestError as error:
            assert error.status == 400
            assert str(error).endswith(".")
            assert len(str(error)) < 300
        else:
            assert call.client is None or 0 <= call.client <= 4294967295
            assert all(not isinstance(v, float) or math.isfinite(v) for v in call.arguments.values())


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=20), max_size=20))
def test_fields_are_decoded_as_the_form_encoding_says(fields):
    fields = {k: v for k, v in fields.items() if (k + v).isprintable()}
    assert dict(parse_fields(urlencode(fields).encode())) == fields


def test_a_flood_of_fields_is_refused():
    with pytest.raises(BadRequestError, match="100"):
        parse_get(b"&".join([b"a=1"] * 1000), NAME)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(BadRequestError, match="UTF-8"):
        parse_put(b"Connected=%ff%fe", CONNECTED)
