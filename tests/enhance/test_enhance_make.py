"""What a recipe asks for is in the video: decoded and looked at."""

from datetime import UTC, datetime, timedelta

import av
import cv2
import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from camera.simulator.dng import dng
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import make
from timelapse.pipeline.recipe import Recipe

SIZE = 240, 160
START = datetime(2026, 11, 20, 21, tzinfo=UTC)
OUTPUT = {"codec": "h264", "bits": 8, "preset": "ultrafast", "crf": 8}
PLAIN = {"outputs": [OUTPUT], "chunk": 24, "stabilise": "off", "denoise": 0, "deflicker": 0, "poster": False}


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(5)
    grid = rng.uniform(50, 200, (SIZE[1] // 8, SIZE[0] // 8, 3)).astype(np.float32)
    return cv2.resize(grid, SIZE, interpolation=cv2.INTER_CUBIC)


def write(folder, frames, seconds=None):
    """JPEGs with their time in EXIF."""
    folder.mkdir()
    for number, frame in enumerate(frames):
        image = Image.fromarray(np.clip(frame, 0, 255).astype(np.uint8))
        exif = Image.Exif()
        taken = START + timedelta(seconds=seconds[number] if seconds else 10 * number)
        exif[0x0132] = taken.strftime("%Y:%m:%d %H:%M:%S")
        image.save(folder / f"{number:04d}.jpg", quality=95, exif=exif)
    return folder


def video(folder, tmp_path, **recipe):
    """RGB frames of the finished video, and the report."""
    made = Recipe.from_json({**PLAIN, **recipe})
    source = open_source(folder)
    report = make(source, made, tmp_path / "out.mp4", tmp_path / "work")
    source.close()
    with av.open(str(tmp_path / "out.mp4")) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)], report


def test_key_frames_ramp_exposure_colour_and_crop(tmp_path, scene):
    folder = write(tmp_path / "in", [scene] * 30)
    ramp = [
        {"at": 0, "exposure_ev": 0, "temperature_k": 0, "zoom": 1},
        {"at": 1, "exposure_ev": -1, "temperature_k": 1500, "zoom": 2, "x": 0.25, "y": 0.25},
    ]
    frames, _ = video(folder, tmp_path, key_frames=ramp)
    means = np.array([frame.mean(axis=(0, 1)) for frame in frames])
    assert (np.diff(means.mean(axis=1)) < 0.2).all()
    assert means[-1].mean() < 0.8 * means[0].mean()
    warmth = means[:, 0] / means[:, 2]
    assert warmth[-1] > 1.1 * warmth[0]
    part = cv2.resize(frames[0][: SIZE[1] // 2, : SIZE[0] // 2], SIZE, interpolation=cv2.INTER_CUBIC)
    grey = [frame.mean(axis=2).ravel() for frame in (part, frames[-1], frames[0])]
    assert np.corrcoef(grey[0], grey[1])[0, 1] > 0.97
    assert np.corrcoef(grey[2], grey[1])[0, 1] < 0.6


def test_speed_mixes_neighbours_and_chunks_do_not_show(tmp_path, scene):
    folder = write(tmp_path / "in", [scene * 0 + 40 + 3 * number for number in range(60)])
    frames, report = video(folder, tmp_path, speed={"points": [[0, 0.5], [1, 0.5]]})
    assert report.frames == len(frames) == 119
    greens = np.array([frame[..., 1].mean() for frame in frames])
    assert (np.diff(greens) > 0.5).all()
    assert greens == pytest.approx(np.linspace(greens[0], greens[-1], 119), abs=1.0)


def test_a_gap_in_the_night_takes_its_time(tmp_path, scene):
    seconds = [10 * n + (200 if n >= 15 else 0) for n in range(30)]
    folder = write(tmp_path / "in", [scene * 0 + 60 + 4 * n for n in range(30)], seconds)
    frames, _ = video(folder, tmp_path, speed={"even": True})
    assert len(frames) == 50
    greens = np.array([frame[..., 1].mean() for frame in frames])
    assert np.diff(greens).max() < 6
    assert greens[34] - greens[14] == pytest.approx(
        4, abs=1.5
    )  # the gap: one step of brightness in twenty frames


def test_frames_that_are_not_good_enough_are_left_out_with_the_reason(tmp_path, scene):
    edges = np.kron(np.random.default_rng(2).choice([-40, 40], (20, 30)), np.ones((8, 8)))[..., None]
    sharp = scene + edges
    frames = [sharp] * 30
    frames[7] = cv2.GaussianBlur(sharp, (0, 0), 6)
    frames[20] = sharp * 4
    folder = write(tmp_path / "in", frames)
    made, report = video(folder, tmp_path, least_quality=0.7)
    assert len(made) == report.frames == 28
    assert {problem.name: problem.reason.split(": ")[1].split()[0] for problem in report.left_out} == {
        "0007.jpg": "focus", "0020.jpg": "exposure",
    }  # fmt: skip
    assert 0.7 < report.quality <= 1


def test_dates_are_written_frame_by_frame(tmp_path, scene):
    folder = write(tmp_path / "in", [scene * 0 + 40] * 26)
    plain, _ = video(folder, tmp_path)
    written, _ = video(folder, tmp_path, overlay={"text": "%H:%M:%S", "size": 0.15, "place": "bottom-left"})
    differences = [np.abs(a.astype(int) - b).max(axis=2) > 60 for a, b in zip(plain, written, strict=True)]
    assert all(difference.sum() > 100 for difference in differences)
    assert not any(difference[: SIZE[1] // 2].any() for difference in differences)
    assert (differences[0] != differences[5]).sum() > 20


def test_profiles_change_what_they_say(tmp_path, scene):
    hazy = 90 + scene * 0.3
    folder = write(tmp_path / "in", [hazy] * 26)
    fields = {"denoise": 0, "stabilise": "off", "deflicker": 0}
    plain = video(folder, tmp_path, **fields)[0][10].astype(float)
    shown = {
        name: video(folder, tmp_path, profile=name, **fields)[0][10].astype(float)
        for name in ("golden", "blue", "overcast", "storm", "fog", "night")
    }
    warmth = {name: frame[..., 0].mean() / frame[..., 2].mean() for name, frame in shown.items()}
    before = plain[..., 0].mean() / plain[..., 2].mean()
    assert warmth["golden"] > 1.02 * before > before > 1.02 * warmth["blue"]
    assert shown["blue"].mean() > plain.mean() + 5
    assert local_contrast(shown["overcast"]) > 1.2 * local_contrast(plain)
    assert shown["fog"].min() < plain.min() - 10
    bright = write(tmp_path / "bright", [np.clip(scene * 1.3, 0, 255)] * 26)
    ends = {
        name: video(bright, tmp_path, profile=name, **fields)[0][10].mean(axis=2).max()
        for name in ("day", "storm", "night")
    }
    assert ends["storm"] < ends["night"] < ends["day"]


def local_contrast(frame):
    grey = frame.mean(axis=2)
    return (grey - cv2.GaussianBlur(grey, (0, 0), 20)).std() / grey.mean()


def test_brackets_become_single_frames(tmp_path, scene):
    glow = np.linspace(0.02, 8, SIZE[0])[None, :, None] * (scene / 255) ** 2.2
    frames = [255 * np.clip(glow * 2.0**ev, 0, 1) ** (1 / 2.2) for _ in range(26) for ev in (-2, 0, 2)]
    folder = write(tmp_path / "in", [*frames, frames[0]])
    made, report = video(folder, tmp_path, bracket=3)
    assert len(made) == 26
    assert [problem.reason for problem in report.left_out] == ["no bracket of 3"]
    burnt = [(frame.min(axis=2) >= 252).mean() for frame in (frames[1], made[5])]
    assert burnt[1] < 0.01 < 0.1 < burnt[0]
    dark = [(frame.max(axis=2) <= 25).mean() for frame in (frames[0], made[5])]
    assert dark[1] < 0.5 * dark[0]


def test_a_lens_of_the_database_is_taken_out(tmp_path, scene):
    folder = write(tmp_path / "in", [scene] * 26)
    named = {
        "camera": "Nikon D750",
        "lens": "Samyang 14mm f/2.8 AE ED AS IF UMC",
        "focal_mm": 14,
        "aperture_f": 8,
    }
    straight, _ = video(folder, tmp_path, lens=named)
    plain, _ = video(folder, tmp_path)
    centre = np.s_[60:100, 90:150]
    corner = np.s_[:40, :40]

    def alike(place):
        return np.corrcoef(straight[3][place].ravel(), plain[3][place].ravel())[0, 1]

    assert alike(corner) < alike(centre)
    assert alike(corner) < 0.9


def test_raw_files_are_developed_with_one_white_balance(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rng = np.random.default_rng(4)
    light = cv2.resize(rng.uniform(2000, 40000, (10, 15, 3)).astype(np.float32), SIZE)
    for number in range(26):
        (folder / f"IMG_{number:04d}.dng").write_bytes(raw_file(light))
    source = open_source(folder)
    assert source.size == SIZE
    frames, report = video(folder, tmp_path)
    assert report.frames == 26
    assert not report.left_out
    found = frames[5].astype(float)
    truth = 255 * np.clip(light / 65535, 0, 1) ** (1 / 2.2)
    assert np.corrcoef(found[..., 1].ravel(), truth[..., 1].ravel())[0, 1] > 0.97
    brighter, _ = video(folder, tmp_path, develop={"exposure_ev": 1})
    assert brighter[5].mean() > found.mean() + 15


def raw_file(light):
    mosaic = light[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    preview = cv2.imencode(".jpg", np.zeros((80, 120, 3), np.uint8))[1].tobytes()
    return dng(
        mosaic.astype(np.uint16), preview, (120, 80), make="Skycam", model="Simulated", taken=START,
        exposure_s=2.0, f_number=2.8, iso=800,
    )  # fmt: skip


def test_fits_frames_of_a_dark_sky_are_stretched_alike(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rng = np.random.default_rng(8)
    stars = np.zeros((SIZE[1], SIZE[0]))
    stars[rng.integers(5, 155, 60), rng.integers(5, 235, 60)] = rng.uniform(3000, 60000, 60)
    stars = cv2.GaussianBlur(stars, (0, 0), 1.2)
    for number in range(26):
        counts = rng.poisson(800 + stars) + rng.normal(0, 6, stars.shape)
        header = fits.Header(
            {"DATE-OBS": (START + timedelta(seconds=number)).isoformat()[:-6], "EXPTIME": 1.0}
        )
        fits.PrimaryHDU(counts.astype(np.uint16), header).writeto(folder / f"light_{number:03d}.fits")
    source = open_source(folder)
    assert source.frames[3].exposure_s == 1.0
    assert source.frames[3].time == START + timedelta(seconds=3)
    frames, _ = video(folder, tmp_path)
    means = [frame.mean() for frame in frames]
    assert 15 < means[0] < 60  # the sky shows, and is no day
    assert np.ptp(means) < 0.5
    flat, _ = video(folder, tmp_path, develop={"stretch": "off"})
    assert frames[3].max() - np.median(frames[3]) > 120
    assert np.percentile(flat[3], 90) < 45


def test_sixteen_bit_pictures_keep_their_steps(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    ramp = np.broadcast_to(np.linspace(20000, 21000, SIZE[0]), (SIZE[1], SIZE[0])).astype(np.uint16)
    for number in range(26):
        cv2.imwrite(str(folder / f"{number:03d}.tif"), ramp)
    made = Recipe.from_json({**PLAIN, "outputs": [{"codec": "ffv1", "bits": 10}]})
    make(open_source(folder), made, tmp_path / "out.mkv", tmp_path / "work")
    with av.open(str(tmp_path / "out.mkv")) as file:
        luma = next(file.decode(video=0)).to_ndarray()[: SIZE[1]]
    assert len(np.unique(luma)) >= 13  # four codes in 8 bits


def test_a_file_that_kills_its_decoder_is_a_frame_left_out(tmp_path, scene):
    folder = tmp_path / "in"
    folder.mkdir()
    good = raw_file(np.full((SIZE[1], SIZE[0], 3), 20000.0))
    for number in range(26):
        (folder / f"IMG_{number:04d}.dng").write_bytes(good)
    (folder / "IMG_0005.dng").write_bytes(good[: len(good) // 2])
    (folder / "IMG_0006.dng").write_bytes(b"II*\0" + bytes(3000))
    _, report = video(folder, tmp_path)
    assert report.frames == 24
    assert {problem.name for problem in report.left_out} == {"IMG_0005.dng", "IMG_0006.dng"}
