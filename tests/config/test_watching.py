"""Alerts and dashboard in `deploy/` ask for figures that exist, by labels that they have."""

import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import yaml
from prometheus_client import REGISTRY, CollectorRegistry

from camera.metrics import CameraMetrics
from sessions import system
from skycam_project import metrics as merged
from telescope import metrics as telescope
from timelapse import metrics as jobs

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMQL = {"and", "or", "by", "count", "increase", "max", "rate", "vector"}


def asked() -> Iterator[tuple[str, str, str]]:
    """Where, the expression, and the text that names its labels."""
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"], rule["annotations"]["summary"]
    for panel in orjson.loads((DEPLOY / "grafana" / "skycam.json").read_bytes())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


@pytest.fixture(scope="module")
def labels() -> dict[str, set[str]]:
    """The labels of every series by its name."""
    assert system.uptime_pct and telescope.focusing
    jobs.series()
    cameras = CollectorRegistry()
    CameraMetrics(cameras)
    found = {"up": set(), re.findall(r"TYPE (\w+)", merged._UP)[0]: set()}
    for registry in (REGISTRY, cameras):
        for name, collector in registry._names_to_collectors.items():
            found[name] = set(getattr(collector, "_labelnames", ()))
    return found


@pytest.mark.parametrize(("where", "expression", "text"), list(asked()))
def test_figures_exist_and_have_the_labels_that_are_shown(labels, where, expression, text):
    outside = re.sub(r"\{[^}]*\}|\[[^]]*\]|by \([^)]*\)", "", expression)
    names = set(re.findall(r"[a-z_]{2,}", outside)) - PROMQL
    assert names and names <= labels.keys()
    shown = set(re.findall(r"\$labels\.(\w+)|\{\{(\w+)\}\}", text))
    wanted = {one or other for one, other in shown} - {"instance", "process", "job"}
    assert wanted <= set.union(*(labels[name] for name in names))
