"""Images pixel by pixel: axis order, Bayer offsets, header, JSON, subframes."""

import json
import struct

import numpy as np
import pytest
from alpacafakes import ACCEPT_BYTES, HEIGHT, WIDTH, bayer_frame, client_array, until
from hypothesis import given
from hypothesis import strategies as st

from alpaca.protocol import imagebytes
from alpaca.protocol.errors import AlpacaError
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import OutsideRootError
from skycam_project.common.pixels import open_pixels, read_pixels, write_pixels


def deliver(folder, frame: np.ndarray) -> np.ndarray:
    image = write_pixels(folder, "frame", frame)
    header = imagebytes.pack_header(image["dtype"], image["shape"], 5, 6)
    return client_array(header + read_pixels(folder, image))


# ---- the layout


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32"])
@pytest.mark.parametrize("shape", [(27, 48), (48, 27), (1, 9), (9, 1), (16, 16), (5, 7, 3)])
def test_pixel_x_y_of_the_client_is_row_y_column_x_of_the_frame(tmp_path, dtype, shape):
    frame = np.random.default_rng(3).integers(0, 120, shape).astype(dtype)
    delivered = deliver(tmp_path, frame)
    assert delivered.shape == (shape[1], shape[0], *shape[2:])
    for x in range(shape[1]):
        for y in range(shape[0]):
            assert np.array_equal(delivered[x, y], frame[y, x])


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[:, ::2], np.s_[3:9, 5:8]])
def test_frames_that_are_views_of_others_are_laid_out_too(tmp_path, view):
    frame = bayer_frame()[view]
    assert np.array_equal(deliver(tmp_path, frame), frame.T)


def test_frames_of_the_other_byte_order_are_laid_out_too(tmp_path):
    frame = bayer_frame().astype(">u2")  # as FITS files come
    assert np.array_equal(deliver(tmp_path, frame), bayer_frame().T)


def test_other_types_are_refused(tmp_path):
    for wrong in (
        np.zeros((4, 4)),
        np.zeros((4, 4), np.uint32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros(4, np.uint8),
    ):
        with pytest.raises(InvalidValueError, match="frame"):
            write_pixels(tmp_path, "frame", wrong)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_what_the_state_says_is_not_sent(tmp_path):
    image = write_pixels(tmp_path, "frame", bayer_frame())
    (tmp_path / "frame").write_bytes(b"\0" * (WIDTH * HEIGHT * 2 - 1))
    with pytest.raises(InvalidValueError, match="2591 bytes"):
        read_pixels(tmp_path, image)
    with pytest.raises(InvalidValueError):
        read_pixels(tmp_path, image | {"dtype": "float64"})
    with pytest.raises(OutsideRootError):
        read_pixels(tmp_path, image | {"file": "../frame"})
    with pytest.raises(OutsideRootError):
        write_pixels(tmp_path, "../frame", bayer_frame())


def test_a_replaced_file_stays_whole_for_who_has_it_open(tmp_path):
    write_pixels(tmp_path, "frame", bayer_frame())
    with (tmp_path / "frame").open("rb") as reader:
        write_pixels(tmp_path, "frame", bayer_frame()[:5])
        assert len(reader.read()) == WIDTH * HEIGHT * 2


# ---- the header


@given(
    st.sampled_from(sorted(imagebytes.TRANSMISSION)),
    st.lists(st.integers(1, 70_000), min_size=2, max_size=3),
    st.integers(0, 2**32 - 1),
    st.integers(1, 2**32 - 1),
)
def test_the_header_says_what_is_sent(dtype, shape, client_transaction, transaction):
    packed = imagebytes.pack_header(dtype, shape, client_transaction, transaction)
    assert len(packed) == 44
    fields = struct.unpack("<iiIIiiiiiii", packed)
    sizes = [*shape, 0][:3]
    wire = {"uint8": 6, "int16": 1, "uint16": 8, "int32": 2}[dtype]
    assert fields == (1, 0, client_transaction, transaction, 44, 2, wire, len(shape), *sizes)
    header = imagebytes.unpack_header(packed)
    assert header.shape == tuple(shape)
    assert (header.client_transaction, header.server_transaction) == (client_transaction, transaction)


@pytest.mark.parametrize(
    ("dtype", "shape"), [("float32", (4, 4)), ("uint16", (4,)), ("uint16", (4, 0)), ("uint16", (1, 2, 3, 4))]
)
def test_what_cannot_travel_is_an_error(dtype, shape):
    with pytest.raises(AlpacaError):
        imagebytes.pack_header(dtype, shape, 0, 1)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 44, b"\1" * 44, struct.pack("<iiIIiiiiiii", 1, 0, 0, 0, 12, 2, 8, 2, 1, 1, 0)]
)
def test_what_is_no_header_is_refused(data):
    with pytest.raises(ValueError, match="header"):
        imagebytes.unpack_header(data)


# ---- JSON


@pytest.mark.parametrize("shape", [(27, 48), (1, 1), (300, 1000), (5, 7, 3)])
def test_json_holds_the_same_pixels_and_begins_with_type_and_rank(tmp_path, shape):
    frame = np.random.default_rng(3).integers(0, 65535, shape).astype(np.uint16)
    image = write_pixels(tmp_path, "frame", frame)
    text = b"".join(
        imagebytes.json_pieces(read_pixels(tmp_path, image), image["dtype"], image["shape"], 8, 9)
    )
    assert text.startswith(b'{"Type":2,"Rank":%d,"Value":[[' % len(shape))
    assert b" " not in text
    answer = json.loads(text)
    assert np.array_equal(np.array(answer.pop("Value")), frame.swapaxes(0, 1))
    assert answer == {
        "Type": 2, "Rank": len(shape), "ClientTransactionID": 8, "ServerTransactionID": 9, "ErrorNumber": 0, "ErrorMessage": "",
    }  # fmt: skip


# ---- through the server


async def expose(client, telescope, **parameters):
    telescope.exposure_time_s = 0.0
    await client.do("camera/0/startexposure", Duration=1.0, Light=True)
    await until(lambda: client.value("camera/0/imageready"), True)


async def test_image_bytes_are_the_frame_with_red_where_the_bayer_offsets_say(connected, telescope):
    await expose(connected, telescope)
    answer = await connected.get("camera/0/imagearray", headers=ACCEPT_BYTES)
    assert answer.headers["content-type"] == "application/imagebytes"
    delivered = client_array(answer.body)
    assert np.array_equal(delivered, bayer_frame().T)
    assert imagebytes.unpack_header(answer.body).client_transaction == connected.transaction
    offset_x = await connected.value("camera/0/bayeroffsetx")
    offset_y = await connected.value("camera/0/bayeroffsety")
    red = delivered[offset_x::2, offset_y::2]
    assert red.max() < 10_000  # the fake frame puts red lowest, blue highest
    assert delivered[1 - offset_x :: 2, 1 - offset_y :: 2].min() >= 30_000
    assert await connected.value("camera/0/sensortype") == 2


@pytest.mark.parametrize("member", ["imagearray", "imagearrayvariant"])
async def test_json_and_image_bytes_agree(connected, telescope, member):
    await expose(connected, telescope)
    as_bytes = client_array((await connected.get(f"camera/0/{member}", headers=ACCEPT_BYTES)).body)
    answer = (await connected.get(f"camera/0/{member}")).json
    assert (answer["Type"], answer["Rank"], answer["ErrorNumber"]) == (2, 2, 0)
    assert answer["ClientTransactionID"] == connected.transaction
    assert np.array_equal(np.array(answer["Value"]), as_bytes)


async def test_a_subframe_is_the_part_that_was_asked_for(connected, telescope):
    for name, value in (("StartX", 5), ("StartY", 3), ("NumX", 10), ("NumY", 20)):
        await connected.do(f"camera/0/{name.lower()}", **{name: value})
    await expose(connected, telescope)
    delivered = client_array((await connected.get("camera/0/imagearray", headers=ACCEPT_BYTES)).body)
    assert np.array_equal(delivered, bayer_frame()[3:23, 5:15].T)
    as_json = (await connected.get("camera/0/imagearray")).json
    assert np.array_equal(np.array(as_json["Value"]), delivered)


async def test_the_subframe_of_the_start_counts_not_a_later_one(connected, telescope):
    await connected.do("camera/0/numx", NumX=10)
    await connected.do("camera/0/startexposure", Duration=1.0, Light=True)
    await connected.do("camera/0/numx", NumX=20)
    await until(lambda: connected.value("camera/0/imageready"), True)
    delivered = client_array((await connected.get("camera/0/imagearray", headers=ACCEPT_BYTES)).body)
    assert np.array_equal(delivered, bayer_frame()[:, :10].T)


async def test_every_image_has_a_header_of_its_own(connected, telescope):
    await expose(connected, telescope)
    first = (await connected.get("camera/0/imagearray", headers=ACCEPT_BYTES)).body
    second = (await connected.get("camera/0/imagearray", headers=ACCEPT_BYTES)).body
    one, two = imagebytes.unpack_header(first), imagebytes.unpack_header(second)
    assert two.client_transaction == one.client_transaction + 1
    assert two.server_transaction == one.server_transaction + 1
    assert first[44:] == second[44:]


@pytest.mark.parametrize("headers", [None, ACCEPT_BYTES])
async def test_without_an_image_the_error_is_json_whatever_was_asked_for(connected, headers):
    answer = (await connected.get("camera/0/imagearray", headers=headers)).json
    assert answer["ErrorNumber"] == 0x40B
    assert (answer["Type"], answer["Rank"], answer["Value"]) == (2, 2, [])


async def test_an_image_replaced_while_it_is_read_gives_the_new_one(
    connected, telescope, monkeypatch, tmp_path
):
    await expose(connected, telescope)
    real = open_pixels

    def replaced_meanwhile(folder, image):
        if image["file"] == "tele-1":
            (tmp_path / "tele-1").unlink()
            newer = write_pixels(tmp_path, "tele-2", bayer_frame()[::-1])
            telescope.state["camera"]["image"] = newer
        return real(folder, image)

    monkeypatch.setattr("alpaca.views.image.open_pixels", replaced_meanwhile)
    delivered = client_array((await connected.get("camera/0/imagearray", headers=ACCEPT_BYTES)).body)
    assert np.array_equal(delivered, bayer_frame()[::-1].T)


async def test_an_image_that_is_gone_is_an_error_with_a_sentence(connected, telescope, tmp_path):
    await expose(connected, telescope)
    (tmp_path / "tele-1").unlink()
    answer = (await connected.get("camera/0/imagearray", headers=ACCEPT_BYTES)).json
    assert answer["ErrorNumber"] == 0x40B
    assert "tele-1" in answer["ErrorMessage"]
