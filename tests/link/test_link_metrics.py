"""Expositions of several processes, merged; read with Prometheus's own parser."""

import asyncio
import contextlib
import signal

import prometheus_client as prometheus
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from skycam_project.common.link import Mirror
from skycam_project.metrics import collect, merge
from tests.link.conftest import hosted, until

LABELS = st.sampled_from(["camera", "le_", "process", "exported_process", "_x"])
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
NUMBERS = st.floats(0, 1e12) | st.just(float("inf"))


def expose(metrics) -> str:
    """The exposition of a process with these (kind, name, labels, observed numbers)."""
    registry = prometheus.CollectorRegistry()
    for (kind, name), (text, labels, series) in metrics.items():
        metric = {
            "counter": prometheus.Counter,
            "gauge": prometheus.Gauge,
            "summary": prometheus.Summary,
            "histogram": prometheus.Histogram,
        }[kind](f"skycam_{kind}_{name}", text, labels, registry=registry)
        for values, number in series:
            child = metric.labels(*values[: len(labels)]) if labels else metric
            getattr(child, {"counter": "inc", "gauge": "set"}.get(kind, "observe"))(number)
    return prometheus.generate_latest(registry).decode()


METRICS = st.dictionaries(
    st.tuples(st.sampled_from(["counter", "gauge", "summary", "histogram"]), st.sampled_from(["a", "b"])),
    st.tuples(
        VALUES,
        st.lists(LABELS, unique=True, max_size=3),
        st.lists(st.tuples(st.tuples(VALUES, VALUES, VALUES), NUMBERS), min_size=1, max_size=3),
    ),
    max_size=4,
)


def series(text):
    """Every sample: family type, name, labels, value."""
    return [
        (family.type, sample.name, tuple(sorted(sample.labels.items())), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def labelled(process, found):
    kind, name, labels, value = found
    labels = dict(labels)
    if "process" in labels:
        free = "exported_process"
        while free in labels:
            free = f"exported_{free}"
        labels[free] = labels.pop("process")
    return kind, name, tuple(sorted((labels | {"process": process}).items())), value


@settings(max_examples=50)
@given(processes=st.dictionaries(VALUES, METRICS, max_size=3))
def test_every_sample_of_every_process_arrives_once_with_its_process(processes):
    texts = {process: expose(metrics) for process, metrics in processes.items()}
    merged = merge(texts)
    expected = [labelled(process, found) for process, text in texts.items() for found in series(text)]
    assert sorted(map(repr, series(merged))) == sorted(map(repr, expected))
    heads = [line for line in merged.split("\n") if line.startswith("# ")]
    assert len({tuple(head.split(" ", 3)[1:3]) for head in heads}) == len(heads)  # once per family
    names = [family.name for family in text_string_to_metric_families(merged)]
    assert len(set(names)) == len(names)  # all samples of a family stand together


def test_what_it_looks_like():
    web = '# HELP up_total Ups.\n# TYPE up_total counter\nup_total{path="/"} 3\n# HELP old Gone.\n'
    camera = "# HELP up_total Other words.\n# TYPE up_total counter\nup_total 4 1700000000000\nfree 1\n"
    assert merge({"web": web, 'cam"0\\': camera}) == (
        "# HELP up_total Ups.\n# TYPE up_total counter\n"
        'up_total{process="web",path="/"} 3\nup_total{process="cam\\"0\\\\"} 4 1700000000000\n'
        '# TYPE free untyped\nfree{process="cam\\"0\\\\"} 1\n'
    )


def test_a_query_without_labels_still_finds_its_series():
    text = "# TYPE skycam_images_captured_total counter\nskycam_images_captured_total 7.0\n"
    found = series(merge({"camera": text}))
    assert found == [("counter", "skycam_images_captured_total", (("process", "camera"),), 7.0)]


@pytest.mark.parametrize(
    "line",
    [
        "a{",
        'a{x="1} 2',
        "a{x=1} 2",
        "a b",
        "a",
        'a{x="1",x="2"} 3',
        "1a 2",
        'a{x="\\q"} 1',
        "a 1 2 3",
        "a 0x1",
    ],
)
def test_a_line_out_of_format_costs_only_itself(line):
    merged = merge({"web": f"# a comment\n{line}\n\nb 1\n"})
    assert merged == '# TYPE b untyped\nb{process="web"} 1\n'


def test_a_process_that_gives_another_type_loses_those_samples_only(caplog):
    gauge, counter = "# TYPE x gauge\nx 1\ny 1\n", "# TYPE x counter\nx 2\ny 2\n"
    for _ in range(2):
        merged = merge({"one": gauge, "two": counter})
    assert sorted(series(merged)) == [
        ("gauge", "x", (("process", "one"),), 1.0),
        ("unknown", "y", (("process", "one"),), 1.0),
        ("unknown", "y", (("process", "two"),), 2.0),
    ]
    assert caplog.text.count("two calls x a counter, others a gauge") == 1


def test_a_repeated_series_is_written_once():
    merged = merge({"web": 'x{a="1",b="2"} 1\nx{b="2",a="1"} 5\n'})
    assert series(merged) == [("unknown", "x", (("a", "1"), ("b", "2"), ("process", "web")), 1.0)]


def test_parts_of_a_summary_are_not_taken_for_another_process_s_gauge():
    summary = "# TYPE x summary\nx_sum 3\nx_count 2\n"
    gauge = "# TYPE x_count gauge\nx_count 9\n"
    for texts in ({"a": summary, "b": gauge}, {"b": gauge, "a": summary}):
        assert sorted(series(merge(texts))) == [
            ("gauge", "x_count", (("process", "b"),), 9.0),
            ("summary", "x_count", (("process", "a"),), 2.0),
            ("summary", "x_sum", (("process", "a"),), 3.0),
        ]


async def test_a_hung_process_costs_only_its_own_series(folder, spawn):
    hung = spawn()
    (folder / "b").mkdir()
    async with hosted(folder / "b", metrics=lambda: "frames_total 5") as (_, camera):
        telescope = Mirror(folder, "telescope")
        await telescope.start()
        await until(lambda: not telescope.problem)
        absent = Mirror(folder, "lighting")
        mirrors = {"camera": camera, "telescope": telescope, "lighting": absent}
        text = await collect(mirrors, {"web": "frames_total 1\n"})
        assert up(text) == {"web": 1, "camera": 1, "telescope": 1, "lighting": 0}
        hung.send_signal(signal.SIGSTOP)
        text = await asyncio.wait_for(collect(mirrors, {"web": "frames_total 1\n"}), 20)
        assert up(text) == {"web": 1, "camera": 1, "telescope": 0, "lighting": 0}
        assert 'frames_total{process="camera"} 5\n' in text
        assert 'frames_total{process="web"} 1\n' in text
        for mirror in (telescope, absent):
            await mirror.stop()
        fresh = Mirror(folder, "telescope")  # not started: it finds a host that accepts and says nothing
        text = await collect({"telescope": fresh}, {}, limit=0.3)
        assert up(text) == {"telescope": 0}
        with contextlib.suppress(RuntimeError):
            await fresh.stop()


def up(text):
    return {dict(s[2])["process"]: s[3] for s in series(text) if s[1] == "skycam_process_up"}
