"""What other programs say of the files: ffprobe of their colours, chromium of playing them."""

import contextlib
import functools
import http.server
import json
import shutil
import subprocess
import threading
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_timelapse_job import write_frames

from timelapse.pipeline import encode, hdr
from timelapse.pipeline.errors import EncoderError
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import make
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import Recipe

CHROMIUM = Path("/usr/bin/chromium")
OUTPUTS = [
    "preview",
    "1080p",
    "hdr10",
    "hlg",
    "prores",
    "ffv1",
    "webp",
    "frames",
    {"codec": "av1", "name": "av1", "preset": "12"},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All outputs from one pass, 40 frames."""
    folder = tmp_path_factory.mktemp("outputs")
    write_frames(folder / "in", 40)
    recipe = Recipe.from_json({"chunk": 24, "outputs": [{"preset": "ultrafast"}, *OUTPUTS]})
    make(open_source(folder / "in"), recipe, folder / "o.mp4", folder / "w")
    return folder


def probe(path, *arguments):
    command = ["ffprobe", "-v", "error", "-of", "json", *arguments, str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "codec", "layout", "transfer", "primaries", "matrix"),
    [
        ("o.mp4", "hevc", "yuv420p10le", "iec61966-2-1", "bt709", "smpte170m"),
        ("o-preview.mp4", "h264", "yuv420p", "iec61966-2-1", "bt709", "smpte170m"),
        ("o-1080p.mp4", "h264", "yuv420p", "iec61966-2-1", "bt709", "smpte170m"),
        ("o-hdr10.mp4", "hevc", "yuv420p10le", "smpte2084", "bt2020", "bt2020nc"),
        ("o-hlg.mp4", "hevc", "yuv420p10le", "arib-std-b67", "bt2020", "bt2020nc"),
        ("o-prores.mov", "prores", "yuv422p10le", "iec61966-2-1", "bt709", "smpte170m"),
        ("o-ffv1.mkv", "ffv1", "yuv420p10le", "iec61966-2-1", "bt709", "smpte170m"),
        ("o-av1.mp4", "av1", "yuv420p10le", "iec61966-2-1", "bt709", "smpte170m"),
    ],
)
def test_streams_are_what_they_should_be(made, name, codec, layout, transfer, primaries, matrix):
    stream = probe(made / name, "-show_streams", "-count_packets")["streams"][0]
    assert (stream["codec_name"], stream["pix_fmt"], stream["color_range"]) == (codec, layout, "tv")
    assert (stream["color_transfer"], stream["color_primaries"], stream["color_space"]) == (
        transfer,
        primaries,
        matrix,
    )
    assert int(stream["nb_read_packets"]) == 40
    assert stream["avg_frame_rate"] == "25/1"
    assert float(stream["start_time"]) == 0
    if codec == "hevc":
        assert stream["codec_tag_string"] == "hvc1"


@pytest.mark.full
def test_hdr10_says_how_bright_it_is(made):
    frames = probe(made / "o-hdr10.mp4", "-show_frames", "-read_intervals", "%+#1")["frames"]
    side = {entry["side_data_type"]: entry for entry in frames[0]["side_data_list"]}
    mastering = side["Mastering display metadata"]
    assert (mastering["red_x"], mastering["green_y"], mastering["max_luminance"]) == (
        "35400/50000",
        "39850/50000",
        "10000000/10000",
    )
    light = side["Content light level metadata"]
    assert 30 < light["max_average"] < light["max_content"] <= 203


@pytest.mark.full
@pytest.mark.parametrize("name", ["o.mp4", "o-hdr10.mp4", "o-av1.mp4", "o-prores.mov"])
def test_another_decoder_finds_no_fault(made, name):
    command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(made / name), "-f", "null", "-"]
    result = subprocess.run(command, capture_output=True, check=True, timeout=50)
    assert result.stderr == b""


@pytest.mark.full
def test_preview_plays_in_chromium(made):
    from playwright.sync_api import sync_playwright

    assert shutil.which("chromium")
    (made / "page.html").write_text('<video id="v" muted src="o-preview.mp4"></video>')
    with served(made) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{address}/page.html")
        page.evaluate("document.getElementById('v').play()")
        page.wait_for_function("document.getElementById('v').currentTime > 0.5", timeout=30_000)
        assert page.evaluate("document.getElementById('v').videoWidth") == 320
        page.wait_for_function("document.getElementById('v').ended", timeout=30_000)
        browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@contextlib.contextmanager
def served(folder):
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_originals_come_back_untouched(made):
    with zipfile.ZipFile(made / "o-frames.zip") as archive:
        listing = json.loads(archive.read("frames.json"))
        assert len(listing) == 40
        assert archive.read(listing[7]["file"]) == (made / "in" / "frame7.jpg").read_bytes()


def test_webp_moves(made):
    with Image.open(made / "o-webp.webp") as image:
        assert image.n_frames == 40
        assert image.size == (320, 180)


def test_preview_is_in_fragments(made):
    data = (made / "o-preview.mp4").read_bytes()
    assert data.count(b"moof") >= 1
    assert data.index(b"moov") < data.index(b"moof") < data.index(b"mdat")


def test_greys_in_pq_have_the_light_they_should():
    """Diffuse white is 203 cd/m2 (58 % of the PQ signal, 75 % of HLG), black is black, greys stay grey."""
    for transfer, wanted in (("hdr10", 0.5807), ("hlg", 0.75)):
        for code, signal in ((255, wanted), (0, 0.0)):
            luma = np.full((4, 4), round((16 + 219 * code / 255) * 256), np.uint16)
            chroma = np.full((2, 2), 128 * 256, np.uint16)
            out = hdr.convert(Planes(luma, chroma, chroma), transfer)
            np.testing.assert_allclose((out.y / 256 - 16) / 219, signal, atol=0.002)
            np.testing.assert_allclose(out.u / 256, 128, atol=0.1)
            np.testing.assert_allclose(out.v / 256, 128, atol=0.1)
    assert hdr.pq(np.array(10000.0)) == pytest.approx(1)
    assert hdr.pq(np.array(100.0)) == pytest.approx(0.508, abs=0.001)


@pytest.mark.parametrize(
    ("there", "codec", "bits", "taken"),
    [
        ({"hevc_nvenc", "libx265"}, "h265", 10, "hevc_nvenc"),
        ({"h264_v4l2m2m", "libx264"}, "h264", 8, "h264_v4l2m2m"),
        ({"libx265"}, "h265", 10, "libx265"),
        ({"prores_ks", "hevc_nvenc"}, "prores", 10, "prores_ks"),
    ],
)
def test_hardware_is_taken_only_where_it_opens(monkeypatch, there, codec, bits, taken):
    monkeypatch.setattr(encode, "_opens", lambda name, output: name in there)
    encode.working_encoder.cache_clear()
    assert encode.working_encoder(codec, bits, True) == taken
    assert encode.working_encoder(codec, bits, False) not in ("hevc_nvenc", "h264_v4l2m2m")
    encode.working_encoder.cache_clear()


def test_no_encoder_at_all_is_said(monkeypatch):
    monkeypatch.setattr(encode, "_opens", lambda name, output: False)
    encode.working_encoder.cache_clear()
    with pytest.raises(EncoderError, match=r"hevc_nvenc.*libx265"):
        encode.working_encoder("h265", 10, True)


def test_encoders_without_a_quality_get_bits_for_it():
    output = Recipe.from_json({"outputs": ["1080p"]}).outputs[0]
    rate = encode.bit_rate(output, (1920, 1080), Fraction(25))
    assert 5e6 < rate < 10e6
    assert encode.bit_rate(replace(output, crf=output.crf - 6), (1920, 1080), Fraction(25)) == pytest.approx(
        2 * rate, rel=1e-6
    )
