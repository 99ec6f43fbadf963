"""Previews, statistics and the JPEG inside raw files."""

import io
import struct
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from camera.embedded import embedded_jpeg
from camera.preview import NotShowableError, PreviewFolder, measure
from camera.simulator.camera import Shot
from camera.simulator.scene import NightScene
from skycam_project.common.files import OutsideRootError

SHOT = Shot(datetime(2026, 11, 20, 22, tzinfo=UTC), 15, 1600, 1.4)


@pytest.fixture
def previews(tmp_path: Path) -> PreviewFolder:
    return PreviewFolder(tmp_path / "previews", keep=3)


def jpeg(image: Image.Image, **options: object) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, **options)
    return buffer


def shown(previews: PreviewFolder, name: str) -> Image.Image:
    with Image.open(previews.folder / name) as image:
        image.load()
        return image


def halves(width: int, height: int) -> Image.Image:
    """Left red, right blue."""
    image = Image.new("RGB", (width, height), (200, 0, 0))
    image.paste((0, 0, 200), (width // 2, 0, width, height))
    return image


def test_preview_and_thumbnail_show_the_picture(previews: PreviewFolder) -> None:
    made = previews.make(jpeg(halves(4000, 3000)), "image/jpeg", "x")
    preview, thumbnail = shown(previews, made.preview), shown(previews, made.thumbnail)
    assert (made.width, made.height) == (4000, 3000)
    assert preview.size == (1600, 1200)
    assert thumbnail.size == (320, 240)
    for image in (preview, thumbnail):
        left, right = image.getpixel((20, 20)), image.getpixel((image.width - 20, 20))
        assert left == pytest.approx((200, 0, 0), abs=6)
        assert right == pytest.approx((0, 0, 200), abs=6)


def test_small_pictures_are_not_blown_up(previews: PreviewFolder) -> None:
    made = previews.make(jpeg(halves(100, 60)), "image/jpeg", "x")
    assert shown(previews, made.preview).size == shown(previews, made.thumbnail).size == (100, 60)


def test_pictures_stand_upright(previews: PreviewFolder) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right by 90 degrees
    made = previews.make(jpeg(halves(400, 200), exif=exif), "image/jpeg", "x")
    image = shown(previews, made.preview)
    assert image.size == (200, 400)
    assert image.getpixel((100, 20)) == pytest.approx((200, 0, 0), abs=6)


def test_the_copy_behind_the_picture_is_used(previews: PreviewFolder) -> None:
    """A camera's own small copy saves nearly all the work; it is recognised by its shape and size."""
    copy = Image.new("RGB", (1600, 1200), (0, 150, 0))
    for other in (Image.new("RGB", (1600, 900)), Image.new("RGB", (160, 120))):
        buffer = io.BytesIO()
        halves(4000, 3000).save(buffer, "MPO", save_all=True, append_images=[other, copy])
        made = previews.make(buffer, "image/jpeg", "x")
        assert shown(previews, made.preview).getpixel((800, 600)) == pytest.approx((0, 150, 0), abs=6)
        assert (made.width, made.height) == (4000, 3000)


def test_a_broken_directory_of_copies_does_not_spoil_the_picture(previews: PreviewFolder) -> None:
    copies = [Image.new("RGB", size) for size in ((160, 120), (1600, 900), (1600, 1200))]
    buffer = io.BytesIO()
    halves(2000, 1500).save(buffer, "MPO", save_all=True, append_images=copies)
    made = previews.make(io.BytesIO(buffer.getvalue()[:-40_000]), "image/jpeg", "x")
    assert shown(previews, made.preview).getpixel((20, 20)) == pytest.approx((200, 0, 0), abs=6)


def test_night_of_the_simulator_is_shown_from_its_copy(previews: PreviewFolder) -> None:
    ((_, data),) = NightScene((3000, 2000)).files(SHOT, jpeg=True, raw=False)
    made = previews.make(io.BytesIO(data), "image/jpeg", "x")
    small = np.asarray(shown(previews, made.preview), float).mean(axis=(0, 1))
    full = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float).mean(axis=(0, 1))
    assert small == pytest.approx(full, abs=1.5)


def test_raw_files_show_the_jpeg_inside(previews: PreviewFolder) -> None:
    ((_, data),) = NightScene((600, 400)).files(SHOT, jpeg=False, raw=True)
    made = previews.make(io.BytesIO(data), "image/x-adobe-dng", "x")
    assert shown(previews, made.preview).size == (600, 400)
    assert made.statistics.mean > 5


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"no picture", "image/jpeg"),
        (b"", "image/jpeg"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"II*\0\x08\0\0\0\0\0", "image/x-nikon-nef"),
        (b"\x89PNG\r\n\x1a\n", "image/jpeg"),
    ],
)
def test_what_cannot_be_shown_is_said(previews: PreviewFolder, data: bytes, media_type: str) -> None:
    with pytest.raises(NotShowableError):
        previews.make(io.BytesIO(data), media_type, "x")
    assert list(previews.folder.iterdir()) == []


def test_a_cut_file_is_no_picture(previews: PreviewFolder) -> None:
    data = jpeg(Image.effect_noise((800, 600), 80).convert("RGB")).getvalue()
    with pytest.raises(NotShowableError, match="unreadable"):
        previews.make(io.BytesIO(data[: len(data) // 2]), "image/jpeg", "x")


def test_only_the_newest_previews_are_kept(previews: PreviewFolder) -> None:
    for name in "abcde":
        previews.make(jpeg(halves(80, 60)), "image/jpeg", name)
    again = PreviewFolder(previews.folder, keep=2)
    names = lambda: sorted(path.name for path in previews.folder.iterdir())  # noqa: E731
    assert names() == sorted(f"{n}-{kind}.jpg" for n in "cde" for kind in ("preview", "thumbnail"))
    again.make(jpeg(halves(80, 60)), "image/jpeg", "f")
    assert names() == sorted(f"{n}-{kind}.jpg" for n in "ef" for kind in ("preview", "thumbnail"))


def test_a_name_stays_in_the_folder(previews: PreviewFolder) -> None:
    with pytest.raises(OutsideRootError):
        previews.make(jpeg(halves(80, 60)), "image/jpeg", "../x")


# ---- statistics


@given(st.integers(0, 255), st.integers(1, 40), st.integers(1, 40))
def test_statistics_of_a_flat_picture(code: int, width: int, height: int) -> None:
    statistics = measure(Image.new("RGB", (width, height), (code, code, code)))
    linear = code / 255 / 12.92 if code <= 10 else ((code / 255 + 0.055) / 1.055) ** 2.4
    assert (statistics.mean, statistics.median) == (code, code)
    assert statistics.linear_mean == pytest.approx(linear, rel=1e-6)
    assert statistics.clipped_fraction == (1.0 if code >= 254 else 0.0)
    assert all(channel[code] == width * height for channel in statistics.histogram)


def test_statistics_agree_with_numpy() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    pixels[:30] = (255, 10, 10)
    image = Image.fromarray(pixels)
    luma = np.asarray(image.convert("L"))
    statistics = measure(image)
    assert statistics.mean == pytest.approx(luma.mean())
    assert statistics.median == sorted(luma.ravel())[(luma.size - 1) // 2]
    assert statistics.clipped_fraction == pytest.approx((pixels[..., 0] >= 254).mean())
    for channel in range(3):
        assert statistics.histogram[channel] == tuple(
            np.bincount(pixels[..., channel].ravel(), minlength=256)
        )


# ---- the JPEG inside


def test_fuji_raf() -> None:
    inside = jpeg(halves(64, 48)).getvalue()
    head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 148, len(inside))
    data = head.ljust(148, b"\0") + inside + b"sensor"
    assert embedded_jpeg(io.BytesIO(data)) == inside


@given(st.binary(max_size=400), st.sampled_from([b"II*\0", b"MM\0*", b"FUJIFILMCCD-RAW ", b""]))
def test_files_that_lie_break_nothing(data: bytes, head: bytes) -> None:
    found = embedded_jpeg(io.BytesIO(head + data))
    assert found is None or found.startswith(b"\xff\xd8\xff")


@given(st.data())
def test_damaged_raw_files_break_nothing(data: st.DataObject) -> None:
    content = bytearray(_DNG)
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, 700))] = data.draw(st.integers(0, 255))
    found = embedded_jpeg(io.BytesIO(content))
    assert found is None or found.startswith(b"\xff\xd8\xff")


_DNG = NightScene((60, 40)).files(SHOT, jpeg=False, raw=True)[0][1]


def test_stars_are_counted_in_the_dark_and_clouds_hide_them() -> None:
    ((_, data),) = NightScene((3000, 2000)).files(SHOT, jpeg=True, raw=False)
    with Image.open(io.BytesIO(data)) as image:
        night = image.convert("RGB").resize((1500, 1000))
    clear = measure(night).stars
    assert clear is not None and 200 < clear < 700
    veiled = measure(Image.blend(night.filter(ImageFilter.GaussianBlur(5)), night, 0.05)).stars
    assert veiled is not None and veiled < clear / 4
    assert measure(Image.new("RGB", (300, 200), (180, 190, 200))).stars is None, "by day"
    assert measure(Image.new("RGB", (300, 200))).stars == 0


def test_each_star_is_counted_once() -> None:
    image = Image.new("L", (400, 300), 20)
    places = [(x, y) for x in range(20, 400, 40) for y in range(20, 300, 40)]
    for number, (x, y) in enumerate(places):
        for dx in range(2 + number % 2 * 2):
            for dy in range(2 + number % 3):
                image.putpixel((x + dx, y + dy), 200)
    assert measure(image.convert("RGB")).stars == pytest.approx(len(places), abs=2)
