"""The timelapse pipeline against truth and against ffmpeg: `./skycam bench timelapse [PART …]`.

Parts: `a` and `b` (quality of the encoded result on the two sets), `speed` (4K, the same x265 and preset on both
sides), `denoise`, `memory`. Sets are kept in `/tmp/skycam-bench-timelapse`.
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
from timelapse.pipeline import pictures, render, warp
from timelapse.pipeline.encode import Encoder
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import Job
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import Output, Recipe

SETS = Path(tempfile.gettempdir()) / "skycam-bench-timelapse"


def dataset(name: str, errors: scene.Errors) -> Path:
    """Folder of a set, made when it is not there."""
    folder = SETS / f"{name}-{errors.count}-{errors.seed}"
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
    print(f"set {name}, encoded with x265 fast, {size:.0f} kB a frame")
    for key, value in after.items():
        print(f"  {key:<14} captured {before[key]:8.3f}   result {value:8.4f}")


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
    """Through the encoder that both sides use."""
    encoder = Encoder(path, Output(preset="fast"), size, Recipe().rate, 120, None)
    for planes in frames:
        encoder.write(planes)
    encoder.close()


def speed(count: int) -> None:
    """4K: the whole pipeline, encoding alone, ffmpeg's filters."""
    folder = dataset("a", replace(scene.SET_A, count=count))
    size = scene.SET_A.size
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        small = Recipe(poster=False, last=3, outputs=(Output(preset="fast"),))
        Job(
            open_source(folder / "cap"), small, work / "warm.mp4", work / "warm"
        ).run()  # compiles the kernels
        job = Job(open_source(folder / "cap"), Recipe(poster=False), work / "ours.mp4", work / "work")
        rows: list = []
        print(f"speed, {count} frames of {size[0]}x{size[1]}, x265 fast, 10 bit")
        look, _ = timed(
            "analysis (at capture, or before the first render)", count, lambda: rows.extend(job.analyse())
        )
        solved = job.solve(rows)
        ours, _ = timed("render: decode, move, deflicker, denoise, encode", count, lambda: job.render(solved))
        job.finish(rows, solved)
        kept = [[planes for _, planes in render.processed(job.source, solved, job.recipe, 0, count)]]
        alone, _ = timed(
            "encoding the same processed frames, nothing else",
            count,
            lambda: encode(kept.pop(), size, work / "e"),
        )
        theirs, _ = timed(
            "ffmpeg vidstab (2 passes) + deflicker, the same encoder",
            count,
            lambda: encode(ffmpeg(folder, count, size), size, work / "theirs.mp4"),
        )
        whole = 1 / (1 / look + 1 / ours)
        print(f"  whole {whole:.2f} frames/s: {whole / theirs:.2f} x ffmpeg (wanted 2.5)")
        print(
            f"  render alone {ours / theirs:.2f} x ffmpeg, {ours / alone:.2f} of encoding alone (wanted 0.85)"
        )
        for what, path in (("ours", work / "ours.mp4"), ("ffmpeg", work / "theirs.mp4")):
            found = metrics.measure(metrics.decoded(path), folder, every=4)
            print(
                f"  {what:<8} SSIM {found['ssim']:.4f}  PSNR {found['psnr']:.2f}  jitter {found['jitter_px']:.3f} px"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  largest resident size of this process, held frames included: {peak:.0f} MiB")


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
    for name, frames in results.items():
        scores = [
            registered(planes, folder, number) for number, planes in enumerate(frames) if number % 6 == 5
        ]
        psnr, ssim = np.mean(scores, axis=0)
        print(f"  {name:<12} PSNR {psnr:.2f}  SSIM {ssim:.4f}")


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
import json, resource, sys, tempfile
from pathlib import Path
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import make
from timelapse.pipeline.recipe import Output, Recipe
recipe = Recipe(outputs=(Output(preset="ultrafast"),), poster=False)
with tempfile.TemporaryDirectory() as work:
    make(open_source(Path(sys.argv[1])), recipe, Path(work) / "o.mp4", Path(work))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def memory() -> None:
    """Largest resident size with 100 and 2,000 frames (links to the same ones)."""
    folder = dataset("m", scene.Errors(count=100, size=(640, 360)))
    print("memory, 640x360")
    for count in (100, 2000):
        with tempfile.TemporaryDirectory() as name:
            for number in range(count):
                (Path(name) / f"{number:05d}.jpg").symlink_to(folder / f"cap/{number % 100:05d}.jpg")
            command = [sys.executable, "-c", _CHILD, name]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
            print(f"  {count:>5} frames: {json.loads(done.stdout)} MiB", flush=True)


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


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "kernels": lambda options: kernels(),
    "speed": lambda options: speed(options.frames),
    "denoise": lambda options: denoise(30),
    "memory": lambda options: memory(),
    "b": lambda options: quality("b", scene.SET_B, 2),
    "a": lambda options: quality("a", scene.SET_A, 4),
    "other": lambda options: quality(
        "other", replace(scene.SET_B, seed=7, flicker=0.12, contrast=0.1, shake_px=4.0), 2
    ),
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
