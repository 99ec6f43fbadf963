"""The reader package: built, installed into a folder, and used by a Python that has neither Skycam nor blosc."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import blosc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from reader.skycam_reader import blosc1
from reader.skycam_reader.frames import fits_pixels
from reader.skycam_reader.show import Curve, Picture, shown
from sessions.store.manager import SessionManager
from sessions.store.reading import open_session

READER = Path(__file__).parents[2] / "reader"


def needed(*names):
    """Distributions that these need, themselves included, as their metadata says."""
    found, waiting = {}, list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = distribution(name)
            wanted = [Requirement(text) for text in found[name].requires or ()]
            waiting += [
                one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})
            ]
    return found.values()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folders of a Python path: the wheel's, and what the wheel depends on."""
    folder = tmp_path_factory.mktemp("reader")
    source = folder / "source"
    shutil.copytree(READER, source, ignore=shutil.ignore_patterns("__pycache__"))
    for step in (
        ["-m", "hatchling", "build"],
        ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check", "--target",
         str(folder / "site"), "dist/skycam_reader-1.0.0-py3-none-any.whl"],
    ):  # fmt: skip
        done = subprocess.run([sys.executable, *step], cwd=source, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert {path.suffix for path in (source / "dist").iterdir()} == {".whl", ".gz"}
    others = folder / "others"
    others.mkdir()
    for found in needed("asdf", "numpy"):
        for top in {Path(str(file)).parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (others / top).exists():
                (others / top).symlink_to(found.locate_file(top))
    return [folder / "site", others]


def run(installed, program, *arguments):
    """Run it in a Python without site-packages, whose warnings are errors; what it printed."""
    environment = {"PYTHONPATH": os.pathsep.join(map(str, installed)), "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-S", "-W", "error", "-c", program, *arguments],
        env=environment, cwd="/", capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def session_file(tmp_path_factory):
    random = np.random.default_rng(5)
    root = tmp_path_factory.mktemp("sessions")
    with SessionManager(root) as sessions:
        session = sessions.start_session("observation", target="M31")
        for number in range(4):
            session.add_frame("main", random.integers(0, 900, (120, 161), np.uint16) + number, gain=number)
            session.log("ERROR" if number == 2 else "INFO", f"Frame {number} captured", number=number)
            session.add_telemetry("temperature", sensor="ccd", value=-10 + number / 2)
        session.add_original("dslr", b"the camera's bytes", file_name="a.nef")
        return sessions.end_session()


def test_a_plain_python_reads_a_session(installed, session_file):
    program = """
import sys, json, asdf
for name in ("sessions", "skycam_project", "blosc", "asdf_compression", "orjson"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(f"{name} is there: the test proves nothing")
with asdf.open(sys.argv[1], custom_schema="asdf://skycam/schemas/session-1.0.0", validate_checksums=True) as session:
    session.validate()
    camera = session["cameras"]["main"]
    print(json.dumps({
        "message": session["observability"]["logs"][3]["message"],
        "context": session["observability"]["logs"][-1]["context"],
        "values": session["telemetry"]["temperature"].column("value"),
        "gains": [row["gain"] for row in camera["frame_table"]],
        "sums": [int(frame[:].sum()) for frame in camera["frames"]],
        "original": bytes(session["cameras"]["dslr"]["originals"][0]).decode(),
    }))
"""
    found = json.loads(run(installed, program, str(session_file)))
    random = np.random.default_rng(5)
    sums = [int((random.integers(0, 900, (120, 161), np.uint16) + n).sum()) for n in range(4)]
    assert found == {
        "message": "Frame 3 captured",
        "context": {"number": 3},
        "values": [-10.0, -9.5, -9.0, -8.5],
        "gains": [0.0, 1.0, 2.0, 3.0],
        "sums": sums,
        "original": "the camera's bytes",
    }


def test_the_notebooks_cells_run(installed, session_file):
    cells = [
        "".join(cell["source"])
        for cell in json.loads((READER / "session.ipynb").read_text())["cells"]
        if cell["cell_type"] == "code"
    ]
    program = f"""
import ast, sys
shown, scope = [], {{}}
for number, cell in enumerate({cells!r}):
    cell = cell.replace("observation_m31_20251214_210000.asdf", sys.argv[1])
    body = ast.parse(cell).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), f"cell {{number}}", "exec"), scope)
    if last:
        shown.append(eval(compile(ast.Expression(last.value), f"cell {{number}}", "eval"), scope))
meta, wrong, temperature, picture, brightness, closed = shown
assert meta["target"] == "M31", meta
assert [message for _, message in wrong] == ["Frame 2 captured"], wrong
assert temperature._repr_svg_().count("L") == brightness._repr_svg_().count("L") == 3
assert picture._repr_png_().startswith(b"\\x89PNG")
"""
    run(installed, program, str(session_file))


@given(
    data=st.one_of(st.binary(max_size=3000), st.builds(lambda a, n: a * n, st.binary(min_size=1, max_size=9), st.integers(1, 9000))),
    itemsize=st.sampled_from([1, 2, 3, 4, 8]),
    shuffle=st.sampled_from([blosc.NOSHUFFLE, blosc.SHUFFLE, blosc.BITSHUFFLE]),
    compressor=st.sampled_from(["lz4", "zlib"]),
    level=st.integers(0, 9),
)  # fmt: skip
def test_the_decoder_in_python_agrees_with_blosc(data, itemsize, shuffle, compressor, level):
    stored = blosc.compress(data, typesize=itemsize, shuffle=shuffle, cname=compressor, clevel=level)
    assert blosc1.decompress(stored) == data


@given(st.data())
def test_damaged_buffers_are_refused(data):
    """Damage ends in `ValueError` or in other bytes of no more than the size said, never in anything else."""
    stored = bytearray(blosc.compress(b"abcabcabd" * 500 + bytes(500), typesize=2, shuffle=2, cname="lz4"))
    size = int.from_bytes(stored[4:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        stored[data.draw(st.integers(16, len(stored) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        assert len(blosc1.decompress(bytes(stored[: data.draw(st.integers(0, len(stored)))]))) <= size


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(30, 41), (3, 30, 41)])
def test_fits_files_are_read_as_astropy_reads_them(dtype, shape):
    from astropy.io import fits

    array = np.random.default_rng(2).integers(0, 200, shape).astype(dtype)
    buffer = io.BytesIO()
    fits.PrimaryHDU(array, fits.Header({"EXPTIME": 15.0, "OBJECT": "M 31 / a slash"})).writeto(buffer)
    found = fits_pixels(buffer.getvalue())
    assert found.dtype == array.dtype
    assert np.array_equal(found, array if len(shape) == 2 else np.moveaxis(array, 0, -1))
    with pytest.raises(ValueError, match="no image"):
        fits_pixels(buffer.getvalue()[:2880])


@given(
    st.lists(
        st.sampled_from(
            ["SIMPLE  =", "BITPIX  =", "NAXIS   =", "NAXIS1  =", "NAXIS2  =", "BZERO   =", "END"]
        ),
        max_size=9,
    ),
    st.data(),
)
def test_hostile_fits_headers_end_in_value_error(names, data):
    values = st.sampled_from(["T", "16", "8", "-1", "2", "3", "9" * 30, "nan", "x", ""])
    cards = [f"{name}{data.draw(values):>21}".ljust(80) for name in names]
    with contextlib.suppress(ValueError):
        fits_pixels("".join([*cards, "END".ljust(80)]).ljust(2880).encode() + bytes(2880))


def test_cameras_own_files_are_shown(tmp_path):
    """As a telescope and a DSLR leave them: no array in the whole session."""
    from astropy.io import fits

    buffer, photo = io.BytesIO(), b"\xff\xd8 a JPEG"
    fits.PrimaryHDU(np.arange(1200, dtype=np.uint16).reshape(30, 40)).writeto(buffer)
    with SessionManager(tmp_path) as sessions:
        session = sessions.start_session("observation")
        for name, content in (("a.fits", buffer.getvalue()), ("b.jpg", photo), ("c.nef", b"II*")):
            session.add_original("tele", content, file_name=name)
        path = sessions.end_session()
    with open_session(path) as found:
        camera = found["cameras"]["tele"]
        first, second, third = camera["frame_table"]
        assert shown(camera, first).values.shape == (30, 40)
        assert shown(camera, second)._repr_jpeg_() == photo
        with pytest.raises(ValueError, match=r"c\.nef needs"):
            shown(camera, third)


def test_pictures_and_curves_have_their_shape():
    colour = Picture(np.zeros((40, 4000, 3), np.uint16), side=100)
    assert colour.values.shape == (1, 100, 3)
    png = colour._repr_png_()
    assert png[16:24] == (100).to_bytes(4, "big") + (1).to_bytes(4, "big")
    assert "<svg" in Curve([], [], "nothing")._repr_svg_()
