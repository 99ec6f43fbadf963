"""The timelapse pipeline against truth and against ffmpeg: `./skycam bench timelapse [PART …]`.

Parts: `a` and `b` (quality of the encoded result on the two sets), `speed` (4K, the same x265 and preset on both
sides), `denoise`, `memory`, `other` and
`worlds` (errors, tone curves and scenes that nothing was tuned to). Sets are kept in `/tmp/skycam-bench-timelapse`.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from bench import _timelapse_metrics as metrics
from bench import _timelapse_scene as scene
from bench import _timelapse_worlds as worlds
from timelapse.pipeline import pictures, render, warp
from timelapse.pipeline.encode import Encoder
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import Job
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import Recipe

LIMITS = {"frame_dl": 0.09, "cell_de": 0.22, "jitter_px": 0.05, "drift_px": 0.06}
FAST_LIMITS = {"frame_dl_fast": 0.025, "cell_de_fast": 0.11}
"""At a period of 12 frames, asked of set b."""
SETS = Path(tempfile.gettempdir()) / "skycam-bench-timelapse"


def dataset(name: str, errors: scene.Errors) -> Path:
    """Folder of a set, made when it is not there."""
    folder = SETS / f"{name.replace(' ', '-')}-{errors.count}-{errors.seed}"
    if not (folder / "done").exists():
        print(f"making set {name}: {errors.count} frames of {errors.size[0]}x{errors.size[1]}", flush=True)
        scene.write(folder, errors)
        (folder / "done").touch()
    return folder


def cpu() -> float:
    """Seconds of this process and its finished children."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(entry.ru_utime + entry.ru_stime for entry in usage)


def timed(what: str, frames: int, work: Callable[[], None]) -> tuple[float, float]:
    """Frames per second and CPU seconds per frame of `work`."""
    begin, begin_cpu = time.perf_counter(), cpu()
    work()
    fps, each = frames / (time.perf_counter() - begin), (cpu() - begin_cpu) / frames
    print(f"  {what:<58} {fps:6.2f} frames/s  {each:6.3f} CPU s/frame", flush=True)
    return fps, each


def quality(name: str, errors: scene.Errors, every: int) -> None:
    """The measures of an encoded result beside those of the captured frames."""
    folder = dataset(name, errors)
    captured = (cv2.imread(str(path)) for path in sorted((folder / "cap").iterdir()))
    before = metrics.measure(captured, folder, every=every)
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "out.mp4"
        job = Job(open_source(folder / "cap"), Recipe(poster=False), out, Path(work) / "work")
        report = job.run()
        after = metrics.measure(metrics.decoded(out), folder, every=every)
    size = report.outputs[0]["bytes"] / report.frames / 1e3
    output = Recipe().outputs[0]
    print(
        f"set {name}, {report.frames} frames, x265 {output.preset}, CRF {output.crf:g}, {size:.0f} kB a frame"
    )
    for key, value in after.items():
        print(f"  {key:<14} captured {before[key]:8.3f}   result {value:8.4f}")
    for key, most in (LIMITS | FAST_LIMITS if name == "b" else LIMITS).items():
        metrics.limit(f"  {name} {key}", after[key], most)


def ffmpeg(folder: Path, count: int, size: tuple[int, int]) -> Iterator[Planes]:
    """Frames through ffmpeg's vidstab (two passes) and deflicker, 10 bit, as working planes."""
    pattern = [
        "-framerate",
        "25",
        "-start_number",
        "0",
        "-i",
        str(folder / "cap/%05d.jpg"),
        "-frames:v",
        str(count),
    ]
    with tempfile.TemporaryDirectory() as work:
        quiet = ["ffmpeg", "-v", "error", "-y", *pattern]
        detect = [*quiet, "-vf", f"vidstabdetect=result={work}/t", "-f", "null", "-"]
        subprocess.run(detect, check=True)
        chain = f"vidstabtransform=input={work}/t,deflicker,format=yuv420p10le"
        yield from raw([*quiet, "-vf", chain, "-f", "rawvideo", "-"], size)


def raw(command: list[str], size: tuple[int, int], feed: Iterable[bytes] | None = None) -> Iterator[Planes]:
    """Working planes of a program that writes 10 bit 4:2:0, perhaps fed from here."""
    import threading

    stdin = subprocess.PIPE if feed is not None else None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=stdin)
    assert process.stdout is not None  # noqa: S101
    if feed is not None and process.stdin is not None:
        pipe = process.stdin

        def pour() -> None:
            for part in feed:
                pipe.write(part)
            pipe.close()

        threading.Thread(target=pour, daemon=True).start()
    width, height = size
    shapes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    count = width * height * 3
    while len(data := process.stdout.read(count)) == count:
        values = np.frombuffer(data, np.uint16)
        ends = np.cumsum([high * wide for high, wide in shapes])[:2]
        parts = [part.reshape(shape) << 6 for part, shape in zip(np.split(values, ends), shapes, strict=True)]
        yield Planes(*parts)
    process.wait()


def encode(frames: Iterable[Planes], size: tuple[int, int], path: Path) -> None:
    """Through the encoder, preset and quality that both sides use."""
    encoder = Encoder(path, Recipe().outputs[0], size, Recipe().rate, 120, None)
    for planes in frames:
        encoder.write(planes)
    encoder.close()


def speed(count: int) -> None:
    """4K: the whole pipeline, encoding alone, ffmpeg's filters."""
    folder = dataset("a", replace(scene.SET_A, count=count))
    size = scene.SET_A.size
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        output = Recipe().outputs[0]
        warm = Recipe(poster=False, first=count - 4)  # loads the kernels, those for dark frames too
        Job(open_source(folder / "cap"), warm, work / "warm.mp4", work / "warm").run()
        job = Job(open_source(folder / "cap"), Recipe(poster=False), work / "ours.mp4", work / "work")
        rows: list = []
        print(
            f"speed, {count} frames of {size[0]}x{size[1]}, x265 {output.preset}, CRF {output.crf:g}, 10 bit"
        )
        look, look_cpu = timed(
            "analysis (at capture, or before the first render)", count, lambda: rows.extend(job.analyse())
        )
        solved = job.solve(rows)
        ours, ours_cpu = timed(
            "render: decode, move, deflicker, denoise, encode", count, lambda: job.render(solved)
        )
        job.finish(rows, solved)
        kept = [[planes for _, planes in render.processed(job.source, solved, job.recipe, 0, count)]]
        alone, alone_cpu = timed(
            "encoding the same processed frames, nothing else",
            count,
            lambda: encode(kept.pop(), size, work / "e"),
        )
        theirs, theirs_cpu = timed(
            "ffmpeg vidstab (2 passes) + deflicker, the same encoder",
            count,
            lambda: encode(ffmpeg(folder, count, size), size, work / "theirs.mp4"),
        )
        whole = 1 / (1 / look + 1 / ours)
        found = {}
        for what, path in (("ours", work / "ours.mp4"), ("ffmpeg", work / "theirs.mp4")):
            found[what] = metrics.measure(metrics.decoded(path), folder, every=3)
            one = found[what]
            print(
                f"  {what:<8} SSIM {one['ssim']:.4f}  PSNR {one['psnr']:.2f}  jitter {one['jitter_px']:.3f} px"
            )
    limit = metrics.limit
    limit("  whole, analysis included, against ffmpeg", whole / theirs, 2.5, at_least=True)
    limit("  render of frames analysed at capture, against ffmpeg", ours / theirs, 2.5, at_least=True)
    limit("  render against encoding alone", ours / alone, 0.85, at_least=True)
    limit("  SSIM against ffmpeg's", found["ours"]["ssim"] - found["ffmpeg"]["ssim"], 0.0, at_least=True)
    print(f"  CPU: whole {theirs_cpu / (look_cpu + ours_cpu):.2f} x ffmpeg")
    print(
        f"  had our filters cost nothing: {alone / theirs:.2f} x in time, {theirs_cpu / alone_cpu:.2f} x in CPU: the"
        " most that this preset lets anyone reach"
    )


def denoise(count: int) -> None:
    """Our noise reduction beside hqdn3d and atadenoise, on the same moved and deflickered frames."""
    folder = dataset("b", replace(scene.SET_B, count=count))
    size = scene.SET_B.size
    source = open_source(folder / "cap")
    with tempfile.TemporaryDirectory() as name:
        job = Job(source, Recipe(denoise=0.0), Path(name) / "o.mp4", Path(name))
        solved = job.solve(job.analyse())
    plain = [planes for _, planes in render.processed(source, solved, job.recipe, 0, count)]
    feed = [b"".join((plane >> 6).tobytes() for plane in planes) for planes in plain]
    form = ["-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", f"{size[0]}x{size[1]}"]
    results: dict[str, Iterable[Planes]] = {"none": plain}
    for name in ("hqdn3d", "atadenoise"):
        command = ["ffmpeg", "-v", "error", *form, "-i", "-", "-vf", name, *form[:4], "-"]
        results[name] = raw(command, size, feed)
    results["ours"] = (planes for _, planes in render.processed(source, solved, Recipe(), 0, count))
    print(f"denoise, {count} frames of {size[0]}x{size[1]}, luma against noise-free truth")
    found = {}
    for name, frames in results.items():
        scores = [
            registered(planes, folder, number) for number, planes in enumerate(frames) if number % 6 == 5
        ]
        psnr, ssim = found[name] = np.mean(scores, axis=0)
        print(f"  {name:<12} PSNR {psnr:.2f}  SSIM {ssim:.4f}")
    best = np.max([found["hqdn3d"], found["atadenoise"]], axis=0)
    metrics.limit("  PSNR above the best", found["ours"][0] - best[0], 0.0, at_least=True)
    metrics.limit("  SSIM behind the best", best[1] - found["ours"][1], 0.005)


def registered(planes: Planes, folder: Path, number: int) -> tuple[float, float]:
    """PSNR and SSIM of luma after the lasting shift and an even tone error are taken out."""
    frame = pictures.rgb(planes)[:, :, ::-1]
    wanted = cv2.imread(str(folder / f"gt/{number:05d}.png"))
    mask = cv2.imread(str(folder / "mask.png"), cv2.IMREAD_GRAYSCALE)
    assert wanted is not None and mask is not None  # noqa: S101
    ours, truth = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (np.ascontiguousarray(frame), wanted))
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-7)
    _, found = cv2.findTransformECC(
        truth, ours, np.eye(2, 3, dtype=np.float32), cv2.MOTION_EUCLIDEAN, criteria, mask, 5
    )
    moved = cv2.warpAffine(truth.astype(np.float32), found, truth.shape[::-1], flags=cv2.INTER_CUBIC)
    inner = slice(64, -64)
    one, two = ((planes.y.astype(np.float32) / 256 - 16) * 255 / 219)[inner, inner], moved[inner, inner]
    one = np.polyval(np.polyfit(one[::9, ::9].ravel(), two[::9, ::9].ravel(), 1), one)
    grey = [
        cv2.cvtColor(np.clip(image, 0, 255).astype(np.float32), cv2.COLOR_GRAY2BGR) for image in (one, two)
    ]
    return metrics.psnr(one, two), metrics.ssim(*grey)


_CHILD = """
import sys, tempfile
from pathlib import Path
from bench._memory import peak_mb
from skycam_project.common import allocator
allocator.prepare()  # as the command and the jobs' child do
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import make
from timelapse.pipeline.recipe import Output, Recipe
recipe = Recipe(outputs=(Output(preset=sys.argv[2]),), poster=False)
with tempfile.TemporaryDirectory() as work:
    make(open_source(Path(sys.argv[1])), recipe, Path(work) / "o.mp4", Path(work))
print(round(peak_mb()))
"""


def memory() -> None:
    """Largest resident size: 100 and 2,000 frames (links to the same ones), and 4K with the usual preset."""
    small, large = scene.Errors(count=100, size=(640, 360)), replace(scene.SET_A, count=24)
    peaks = {}
    for errors, name, count, preset in (
        (small, "m", 100, "ultrafast"),
        (small, "m", 2000, "ultrafast"),
        (large, "a", 100, "fast"),
    ):
        folder = dataset(name, errors)
        with tempfile.TemporaryDirectory() as links:
            for number in range(count):
                link = Path(links) / f"{number:05d}.jpg"
                link.symlink_to(folder / f"cap/{number % errors.count:05d}.jpg")
            command = [sys.executable, "-c", _CHILD, links, preset]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
        peaks[name, count] = json.loads(done.stdout)
        print(
            f"memory, {errors.size[0]}x{errors.size[1]}, x265 {preset}, {count} frames: {peaks[name, count]} MiB"
        )
    metrics.limit("  2,000 frames against 100", peaks["m", 2000] / peaks["m", 100], 1.1)
    metrics.limit("  GB at 4K", peaks["a", 100] * 1.048576e-3, 2.5)


def kernels() -> None:
    """Milliseconds of CPU of the steps at 4K."""
    random = np.random.default_rng(1)
    grey = cv2.GaussianBlur(random.integers(0, 256, (2160, 3840)).astype(np.uint8), (0, 0), 2)
    chroma = np.full((1080, 1920), 128, np.uint8)
    planes, matrix = Planes(grey, chroma, chroma), np.array([[1, -3e-4, 1.3], [3e-4, 1, -0.7]])
    codes = np.linspace(0, 256, 4096, endpoint=False, dtype=np.float32)
    from timelapse.pipeline.denoise import Denoiser

    denoiser = Denoiser(0.8)
    moved = warp.render(planes, matrix, codes, np.ones(4096, np.float32))
    denoiser(moved)
    print("steps at 3840x2160")
    for what, work in (
        ("move and remap, all planes", lambda: warp.render(planes, matrix, codes, np.ones(4096, np.float32))),
        ("denoise, all planes", lambda: denoiser(moved)),
        (
            "OpenCV's bicubic warpAffine alone, all planes",
            lambda: [
                cv2.warpAffine(plane, matrix, plane.shape[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
                for plane in planes
            ],
        ),
    ):
        work()
        begin = time.process_time()
        for _ in range(5):
            work()
        print(f"  {what:<50} {(time.process_time() - begin) / 5 * 1e3:7.1f} ms CPU")


def small_worlds() -> None:
    """A row for each small world, on the encoded result."""
    print(worlds.HEAD)
    for errors in worlds.WORLDS:
        print(worlds.line(dataset("w", errors), errors), flush=True)


OTHERS = {
    "strong flicker": replace(scene.SET_B, seed=7, flicker=0.12, contrast=0.1),
    "shake": replace(scene.SET_B, seed=21, shake_px=8.0, turn_deg=0.06, contrast=0.6),
}
"""Other worlds, errors, tone curves; nothing is tuned to them."""
PARTS: dict[str, Callable[[argparse.Namespace], object]] = {
    "kernels": lambda options: kernels(),
    "speed": lambda options: speed(options.frames),
    "denoise": lambda options: denoise(30),
    "memory": lambda options: memory(),
    "b": lambda options: quality("b", scene.SET_B, 4),
    "a": lambda options: quality("a", replace(scene.SET_A, count=64), 6),
    "other": lambda options: [quality(name, errors, 6) for name, errors in OTHERS.items()],
    "worlds": lambda options: small_worlds(),
}


def main(arguments: list[str]) -> int:
    """Run the parts that are named, all without names."""
    parser = argparse.ArgumentParser(prog="skycam bench timelapse", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--frames", type=int, default=24, help="frames of the speed measurement")
    options = parser.parse_args(arguments)
    for name in options.parts or PARTS:
        if name not in PARTS:
            parser.error(f"no part {name!r}; there are {', '.join(PARTS)}")
        PARTS[name](options)
    return 0
