"""The Prometheus text expositions of all processes, merged into one.

Each process answers `metrics` on its link; the web process collects the answers and adds a `process` label. A
query without labels, like `skycam_images_captured_total`, still finds its series.
"""

import asyncio
import functools
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from skycam_project.common.errors import SkycamError
from skycam_project.common.link import Mirror
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_NUMBER = r"(?i:nan|[+-]?inf|[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)"
_COMMENT = re.compile(rf"#[ \t]+(HELP|TYPE)[ \t]+({_NAME})(?:[ \t]+(.*))?", re.DOTALL)
_SAMPLE = re.compile(
    rf"({_NAME})(?:[ \t]*\{{(.*)\}}[ \t]*|[ \t]+)({_NUMBER}(?:[ \t]+-?[0-9]+)?)[ \t]*", re.DOTALL
)
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\[\\n"])*)"[ \t]*(?:,|\Z)')
_PARTS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
_UP = """# HELP skycam_process_up Whether the process answers.
# TYPE skycam_process_up gauge
skycam_process_up {}
"""


@dataclass
class _Family:
    """One metric: what is said about it, and the lines of its samples by series."""

    help: str = ""
    type: str = "untyped"
    samples: dict[tuple[str, frozenset[tuple[str, str]]], str] = field(default_factory=dict)


def merge(expositions: Mapping[str, str]) -> str:
    """One valid exposition from several.

    Each sample gets the label `process` with the key of its exposition; a label of that name that it had
    becomes `exported_process`. Help and type stand once per family, the first one's. Left out, and logged
    once: the samples of a process that gives a family another type, a series that a process repeats, a line
    that is not in the format.

    Args:
        expositions: text format 0.0.4 by the name of the process.
    """
    merged: dict[str, _Family] = {}
    for process, text in expositions.items():
        for name, family in _parse(process, text).items():
            if not family.samples:
                continue
            into = merged.setdefault(name, _Family(family.help, family.type))
            if into.type != family.type:
                _say_once(f"metrics: {process} calls {name} a {family.type}, others a {into.type}")
                continue
            into.help = into.help or family.help
            into.samples |= family.samples
    return "".join(line for name, family in merged.items() for line in _lines(name, family))


def _lines(name: str, family: _Family) -> Iterator[str]:
    if family.help:
        yield f"# HELP {name} {family.help}\n"
    yield f"# TYPE {name} {family.type}\n"
    yield from family.samples.values()


async def collect(mirrors: Mapping[str, Mirror], own: Mapping[str, str], limit: Seconds = 2.0) -> str:
    """The merged exposition of this process and of those behind `mirrors`.

    A process that does not answer within `limit` costs its own series only: `skycam_process_up{process="…"}
    0`.

    Args:
        mirrors: by the name of the process; started if they are not.
        own: this process's exposition by its name.
        limit: for each process; they are asked at the same time.
    """
    texts = await asyncio.gather(*(_ask(mirror, limit) for mirror in mirrors.values()))
    found: dict[str, str | None] = dict(own) | dict(zip(mirrors, texts, strict=True))
    expositions = {name: _UP.format(int(text is not None)) + (text or "") for name, text in found.items()}
    return await asyncio.to_thread(merge, expositions)  # 20 ms for 4000 lines: too long for a server's loop


async def _ask(mirror: Mirror, limit: Seconds) -> str | None:
    try:
        async with asyncio.timeout(limit):
            await mirror.start()
            return str(await mirror.call("metrics", timeout=limit))
    except (SkycamError, TimeoutError) as error:
        log.debug("metrics: %s", error or f"{mirror.name} takes too long")
        return None


def _parse(process: str, text: str) -> dict[str, _Family]:
    """The families of one process; the samples as they will be written."""
    families: dict[str, _Family] = {}
    for line in text.split("\n"):
        if comment := _COMMENT.fullmatch(line):
            kind, name, rest = comment.groups(default="")
            setattr(families.setdefault(name, _Family()), kind.lower(), rest)
        elif line.strip(" \t") and not line.startswith("#"):
            sample = _SAMPLE.fullmatch(line)
            labels = _labels(process, sample[2] or "") if sample else None
            if sample is None or labels is None:
                _say_once(f"metrics: {process} sends a line that is not in the text format")
                continue
            name, value = sample[1], sample[3]
            written = ",".join(f'{label}="{text}"' for label, text in labels.items())
            family = families.setdefault(_family_of(name, families), _Family())
            family.samples.setdefault((name, frozenset(labels.items())), f"{name}{{{written}}} {value}\n")
    return families


def _labels(process: str, text: str) -> dict[str, str] | None:
    """The labels of a sample, `process` first, values escaped; None when `text` is not made of labels."""
    found: dict[str, str] = {}
    at = 0
    while text[at:].strip(" \t"):
        label = _LABEL.match(text, at)
        if label is None or label[1] in found:
            return None
        found[label[1]] = label[2]
        at = label.end()
    if "process" in found:
        found[_free("exported_process", found)] = found.pop("process")
    escaped = process.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return {"process": escaped} | found


def _family_of(sample: str, families: Mapping[str, _Family]) -> str:
    """The family of a sample: a histogram or summary that it is part of, else its own name."""
    if sample not in families:
        for kind, suffixes in _PARTS.items():
            for suffix in suffixes:
                base = sample.removesuffix(suffix)
                if base != sample and base in families and families[base].type == kind:
                    return base
    return sample


def _free(label: str, labels: Mapping[str, str]) -> str:
    while label in labels:
        label = f"exported_{label}"
    return label


@functools.cache
def _say_once(text: str) -> None:
    """A scrape comes every few seconds; what is wrong with it stays the same."""
    log.warning("%s", text)
