"""Downloads: what arrives is whole and readable elsewhere, and what breaks off is not taken for whole."""

import asyncio
import io
import zipfile

import asdf
import numpy as np
import pytest
from astropy.io import fits
from django.test import AsyncClient

from dashboard.choices import Role
from dashboard.history import giving
from dashboard.services import create_user
from tests.history_nights import BRIGHT, frame, jpeg

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def get(settings, nights, tmp_path):
    """Ask as a viewer; the body as it arrives."""
    from asgiref.sync import sync_to_async

    settings.DATA = tmp_path
    (tmp_path / "sessions").symlink_to(nights[0])
    viewer = AsyncClient()
    await sync_to_async(create_user)("olga", "a clear night in march", Role.OWNER)
    await viewer.aforce_login(await sync_to_async(create_user)("vera", "a clear night in march", Role.VIEWER))

    async def ask(path: str):
        response = await viewer.get(path)
        return response, b"".join(
            [piece async for piece in response]
        ) if response.streaming else response.content

    return ask


def base(nights) -> str:
    return f"/sessions/{nights[1]['m-31'].stem}"


async def test_the_portable_session_opens_in_the_library_alone(get, nights, tmp_path):
    response, body = await get(f"{base(nights)}/download/portable/")
    assert response["Content-Type"] == "application/x-asdf" and ".asdf" in response["Content-Disposition"]
    with asdf.open(io.BytesIO(body), ignore_unrecognized_tag=True) as file:
        assert file["meta"]["target"] == "M 31"
        assert np.array_equal(np.array(file["cameras"]["main"]["frames"][5]), frame(5))


async def test_the_zip_of_fits_holds_every_frame(get, nights):
    response, body = await get(f"{base(nights)}/download/fits/")
    assert response["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(body)) as zipped:
        assert zipped.testzip() is None
        names = [name for name in zipped.namelist() if name.endswith(".fits")]
        assert len(names) == 25
        one = next(name for name in names if name.endswith("_main_00007.fits"))
        with fits.open(io.BytesIO(zipped.read(one))) as units:
            assert np.array_equal(units[0].data, frame(7)) and units[0].header["OBJECT"] == "M 31"


async def test_originals_are_byte_for_byte(get, nights):
    _, body = await get(f"{base(nights)}/download/originals/")
    with zipfile.ZipFile(io.BytesIO(body)) as zipped:
        assert jpeg() in [zipped.read(name) for name in zipped.namelist() if name.lower().endswith("jpg")]


async def test_one_frame_as_fits_opens_with_its_pixels_and_settings(get, nights):
    response, body = await get(f"{base(nights)}/frames/main/3/fits/")
    assert 'main_00003.fits"' in response["Content-Disposition"]
    with fits.open(io.BytesIO(body), checksum=True) as units:
        assert np.array_equal(units[0].data, frame(3)) and units[0].data[BRIGHT] == 30_000
        assert units[0].header["EXPTIME"] == pytest.approx(20.000003)


@pytest.mark.parametrize("path", ["/download/odd/", "/frames/main/99/fits/", "/frames/nobody/0/fits/"])
async def test_what_is_not_there_is_refused_in_words(get, nights, path):
    response, _body = await get(f"{base(nights)}{path}")
    assert response.status_code in (404, 409) and not giving._running


async def test_a_damaged_session_is_refused_before_the_first_byte(get, nights, tmp_path):
    (tmp_path / "sessions").unlink()
    folder = tmp_path / "sessions" / "2026" / "11" / "19"
    folder.mkdir(parents=True)
    path = nights[1]["m-31"]
    (folder / path.name).write_bytes(path.read_bytes()[:3000])
    response, body = await get(f"{base(nights)}/download/fits/")
    assert response.status_code == 409 and body


async def test_more_than_a_few_at_once_are_put_off(get, nights, monkeypatch):
    monkeypatch.setattr(giving, "MOST", 0)
    response, body = await get(f"{base(nights)}/download/fits/")
    assert response.status_code == 503 and b"Try again" in body and response["Retry-After"]


async def test_a_reader_that_leaves_ends_the_process(get, nights):
    await get(f"{base(nights)}/frames/main/3/fits/")
    assert not giving._running, "one that was read to the end is gone"
    found = await giving.sync_to_async(giving._finished)(nights[1]["m-31"].stem)
    streaming = await giving._given(found, "fits", "x.zip")
    stream = aiter(streaming.streaming_content)
    await anext(stream)
    assert giving._running
    await stream.aclose()
    del stream, streaming
    while giving._running:  # the event loop closes what nobody holds any more
        await asyncio.sleep(0.01)
