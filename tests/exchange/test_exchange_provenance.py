"""A product's record: written after its files, made again, compared by bytes, by pixels, by distance."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import orjson
import pytest
from PIL import Image

from sessions import provenance
from sessions.exchange.comparing import Likeness, Tolerance, compare
from sessions.provenance import ProvenanceError
from sessions.store.manager import SessionManager


@pytest.fixture
def session(tmp_path) -> Path:
    with SessionManager(tmp_path / "data") as sessions:
        night = sessions.start_session("experiment", target="M31")
        for number in range(4):
            night.add_frame("main", np.full((20, 30), 100 * number, np.uint16), exposure_us=1_000_000)
        return sessions.end_session()


def mean_image(inputs, parameters, folder):
    """Mean of the chosen frames, brightened, as PNG."""
    from sessions.store import reading

    with reading.open_session(inputs[0].path) as af:
        frames = af["cameras"]["main"]["frames"]
        chosen = inputs[0].frames if inputs[0].frames is not None else range(len(frames))
        mean = np.mean([np.array(frames[n]) for n in chosen], 0) * parameters["gain"]
    path = folder / "mean.png"
    Image.fromarray(mean.astype(np.uint16)).save(path, compress_level=parameters.get("level", 6))
    return [path]


@pytest.fixture
def kind(monkeypatch):
    monkeypatch.setattr(provenance, "_makers", {})
    provenance.register("test-mean", mean_image)
    return "test-mean"


def make(folder: Path, session: Path, kind: str, frames=None, **parameters) -> Path:
    folder.mkdir()
    source = provenance.Source(session, frames)
    mean_image([source], parameters, folder)
    provenance.write(folder, kind, [provenance.of_session(session, frames)], parameters, packages=["pillow"])
    return folder


def test_a_product_is_made_again_from_its_record_alone(tmp_path, session, kind):
    product = make(tmp_path / "mean", session, kind, frames=[1, 3], gain=2.0)
    record = orjson.loads((product / "provenance.json").read_bytes())
    assert record["schema"] == "skycam-product-1" and record["kind"] == kind
    assert record["inputs"][0]["session"] == session.stem and record["inputs"][0]["frames"] == [1, 3]
    assert {"skycam", "python", "numpy", "pillow"} <= {one["name"] for one in record["software"]}
    result = provenance.reproduce(product)
    assert result.ok and [one.likeness for one in result.outputs] == [Likeness.IDENTICAL]
    assert not list(tmp_path.glob("skycam-*")) and sorted(p.name for p in product.iterdir()) == [
        "mean.png",
        "provenance.json",
    ]


def test_a_product_of_one_file_has_its_record_beside_it(tmp_path, session, kind):
    path = make(tmp_path / "x", session, kind, gain=1.0) / "mean.png"
    provenance.write(path, kind, [provenance.of_session(session)], {"gain": 1.0})
    assert path.with_name("mean.png.provenance.json").is_file()
    assert provenance.reproduce(path).ok


def test_other_bytes_with_the_same_pixels_are_equal(tmp_path, session, kind):
    product = make(tmp_path / "mean", session, kind, gain=2.0, level=6)
    path = product / "mean.png"
    Image.open(path).save(path, compress_level=0)
    provenance.write(product, kind, [provenance.of_session(session)], {"gain": 2.0})
    verdict = provenance.reproduce(product).outputs[0]
    assert verdict.likeness is Likeness.EQUAL and verdict.largest == 0


def test_a_difference_is_measured_and_allowed_up_to_the_tolerance(tmp_path, session, kind):
    product = make(tmp_path / "mean", session, kind, gain=2.0)
    path = product / "mean.png"
    pixels = np.array(Image.open(path))
    pixels[0, 0] += 655
    Image.fromarray(pixels).save(path)
    provenance.write(product, kind, [provenance.of_session(session)], {"gain": 2.0})
    result = provenance.reproduce(product)
    verdict = result.outputs[0]
    assert verdict.likeness is Likeness.DIFFERENT and not result.ok
    assert verdict.largest == pytest.approx(655 / 65535) and verdict.mean == pytest.approx(655 / 65535 / 600)
    provenance.register(kind, mean_image, Tolerance(mean=1e-4, largest=0.02))
    assert provenance.reproduce(product).outputs[0].likeness is Likeness.CLOSE


def test_missing_and_changed_inputs_are_named(tmp_path, session, kind):
    product = make(tmp_path / "mean", session, kind, gain=2.0)
    original = session.read_bytes()
    session.write_bytes(original[:-1] + b"x")
    result = provenance.reproduce(product)
    assert result.changed == [str(session)] and not result.ok and not result.outputs
    session.unlink()
    assert provenance.reproduce(product).missing == [str(session)]


def test_data_and_product_may_move(tmp_path, session, kind):
    product = make(tmp_path / "data" / "mean", session, kind, gain=2.0)
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere" / product.name
    assert provenance.reproduce(moved).ok  # together
    away = tmp_path / "deep" / "er" / "mean"
    shutil.copytree(moved, away)
    assert not provenance.reproduce(away).ok
    assert provenance.reproduce(away, sessions=tmp_path / "elsewhere").ok  # the session is found by its id


def test_a_product_that_was_edited_or_removed_says_so(tmp_path, session, kind):
    product = make(tmp_path / "mean", session, kind, gain=2.0)
    (product / "mean.png").unlink()
    assert provenance.reproduce(product).ok, "its hash is known, and the new one has it"
    record = provenance.sidecar(product)
    text = record.read_text().replace('"sha256": "', '"sha256": "0')
    record.write_text(text)
    assert not provenance.reproduce(product).ok


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"schema": "skycam-product-9"}', '{"schema": 1', "null"]
)
def test_a_record_that_is_none_is_one_error(tmp_path, text):
    if text is not None:
        (tmp_path / "provenance.json").write_text(text)
    with pytest.raises(ProvenanceError):
        provenance.read(tmp_path)


def test_an_unknown_kind_names_the_known_ones(tmp_path, session, kind):
    product = make(tmp_path / "mean", session, kind, gain=2.0)
    record = provenance.sidecar(product)
    record.write_text(record.read_text().replace('"test-mean"', '"sundial"'))
    with pytest.raises(ProvenanceError, match=r"sundial.*test-mean"):
        provenance.reproduce(product)


def test_a_link_in_the_record_is_not_followed_out_of_the_remade_folder(tmp_path, session, kind):
    product = make(tmp_path / "mean", session, kind, gain=2.0)
    record = provenance.sidecar(product)
    record.write_text(record.read_text().replace('"mean.png"', '"../../mean.png"'))
    assert not provenance.reproduce(product).ok


def video(path: Path, frames, codec: str, **options) -> Path:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options={k: str(v) for k, v in options.items()})
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    return path


def test_videos_are_compared_frame_by_frame(tmp_path):
    random = np.random.default_rng(1)
    frames = [cv2.blur(random.integers(0, 255, (64, 96, 3), np.uint8), (9, 9)) for _ in range(6)]
    lossless = video(tmp_path / "a.mp4", frames, "libx264", qp=0)
    again = video(tmp_path / "b.mkv", frames, "libx264", qp=0, preset="ultrafast")
    short = video(tmp_path / "c.mp4", frames[:5], "libx264", qp=0)
    lossy = video(tmp_path / "d.mp4", frames, "libx264", crf=28)
    none = Tolerance()
    assert compare("v", lossless, again, none).likeness is Likeness.EQUAL
    assert "5 images" in compare("v", lossless, short, none).note
    found = compare("v", lossless, lossy, none)
    assert found.likeness is Likeness.DIFFERENT and 0 < found.mean < 0.05
    assert compare("v", lossless, lossy, Tolerance(0.05, 0.5)).likeness is Likeness.CLOSE


def test_tables_are_compared_by_their_rows(tmp_path):
    import polars

    table = polars.DataFrame({"a": [1, 2, 3]})
    table.write_parquet(tmp_path / "a.parquet", compression="zstd")
    table.write_parquet(tmp_path / "b.parquet", compression="uncompressed")
    table.with_columns(a=polars.lit(1)).write_parquet(tmp_path / "c.parquet")
    assert (
        compare("t", tmp_path / "a.parquet", tmp_path / "b.parquet", Tolerance()).likeness is Likeness.EQUAL
    )
    assert not compare("t", tmp_path / "a.parquet", tmp_path / "c.parquet", Tolerance()).ok


def test_floats_with_holes_are_equal_where_both_have_them(tmp_path):
    hole = np.array([1.0, np.nan, 3.0])
    for name, array in (("a", hole), ("b", hole), ("c", np.array([1.0, 2.0, 3.0]))):
        np.save(tmp_path / f"{name}.npy", array)
    with (tmp_path / "b.npy").open("ab") as file:
        file.write(b"\0")  # other bytes, the same array
    assert compare("n", tmp_path / "a.npy", tmp_path / "b.npy", Tolerance()).likeness is Likeness.EQUAL
    assert compare("n", tmp_path / "a.npy", tmp_path / "c.npy", Tolerance()).largest == 1.0
