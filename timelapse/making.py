"""What the child makes: a timelapse or a night product in a folder that says what it is. Pure Python.

The folder is described (`product.json`) when everything in it is on disk; a draft of a timelapse is described
before, so that it can be watched while the rest is rendered.
"""

import errno
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessions import provenance
from skycam_project.common.files import claimed_in_turn, fsync_file, fsync_folder
from timelapse import curves, seasons, sidecar
from timelapse.pipeline.errors import CancelledError as CancelledError
from timelapse.work import Work

if TYPE_CHECKING:
    from sessions.calibration.lookup import Corrections
    from timelapse.checking import Measured
    from timelapse.night.engine import NightProducts
    from timelapse.night.products import Made
    from timelapse.pipeline.frames import FrameSource
    from timelapse.pipeline.job import Progress, Report
    from timelapse.pipeline.recipe import Recipe

FINAL = frozenset({"timelapse_source", "timelapse_encoder", "nothing_yet", "invalid_value", "not_found"})
"""Errors that the next try would meet again."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
STAGES = {
    "analyse": (0.0, 25.0),
    "draft": (25.0, 35.0),
    "render": (35.0, 90.0),
    "join": (90.0, 92.0),
    "check": (92.0, 100.0),
}
"""Stage to its share of a timelapse, per cent."""
PACKAGES = ("av", "numba", "opencv-python-headless", "scipy")
"""Whose versions decide about pixels."""
SHOWN_PROBLEMS = 200
"""Frames that a report names one by one."""
Say = Callable[[dict[str, Any]], None]
Asked = Callable[[], bool]


def make(work: Work, say: Say, cancelled: Asked, corrections: "Corrections | None" = None) -> dict[str, Any]:
    """Do it. Returns the report.

    Args:
        work: what.
        say: hears of progress: stage, percent, fps, remaining_s, frames, done, chunk, chunks, left_out, notes, drafted.
        cancelled: asked at every frame.
        corrections: calibration masters of a timelapse; None: those of the library beside the session.

    Raises:
        SkycamError: it cannot be done; codes in `FINAL` say for ever.
        CancelledError: `cancelled` said so.
        OSError: disk or files refuse.
    """
    Path(work.folder).mkdir(parents=True, exist_ok=True)
    if work.kind == "timelapse":
        return _timelapse(work, say, cancelled, corrections)
    return _product(work, say, cancelled)


# ---- timelapses


def _timelapse(work: Work, say: Say, cancelled: Asked, corrections: "Corrections | None") -> dict[str, Any]:
    from timelapse.pipeline.frames import open_source
    from timelapse.pipeline.job import make as render
    from timelapse.pipeline.notes import notes
    from timelapse.pipeline.recipe import Recipe

    recipe = Recipe.from_json(work.recipe["recipe"])
    folder = Path(work.folder)
    with closing(open_source(Path(work.source))) as source:
        tell = _Teller(say, recipe.chunk, len(source.problems), notes(source, recipe), cancelled)
        if work.recipe.get("draft") and not (folder / sidecar.NAME).exists():
            _draft(work, recipe, source, tell, cancelled)
        first = folder / f"timelapse{recipe.outputs[0].suffix}"
        report = render(source, recipe, first, Path(work.work), tell, cancelled, corrections)
        # Of several workers one checks and describes the film; the others wait until they are told that it is done.
        with claimed_in_turn(Path(work.work) / "end.lock", lambda: _unfinished(work, cancelled)):
            found = curves.write(Path(report.curves or ""), folder, _check(work, recipe, source, tell))
            for draft in folder.glob("timelapse-draft*"):
                draft.unlink()
            scores = curves.scores(found) | {"quality": round(report.quality, 4)}
            made_with = {"recipe": recipe.to_json(), "found": found_of(report), "scores": scores}
            inputs = [*inputs_of(Path(work.source)), *masters_of(report)]
            provenance.write(folder, "timelapse", inputs, made_with, outputs(folder), packages=PACKAGES)
            _describe(work, folder, report.frames / recipe.fps, scores)
    return shown(report) | found


def _unfinished(work: Work, cancelled: Asked) -> None:
    """Raises `CancelledError` when another worker has ended the film: its parts are deleted then."""
    if cancelled() or not Path(work.work).is_dir():
        raise CancelledError("another worker ends this film")


def _draft(work: Work, recipe: "Recipe", source: "FrameSource", tell: "_Teller", cancelled: Asked) -> None:
    """Something to look at soon: the same film, small and noisy."""
    from timelapse.pipeline.job import make as render
    from timelapse.pipeline.recipe import named

    folder = Path(work.folder)
    quick = replace(recipe, outputs=(named("draft"),), denoise=0.0, contact_sheet=False)
    tell.draft = True
    report = render(source, quick, folder / "timelapse-draft.mp4", Path(work.work), tell, cancelled)
    curves.write(Path(report.curves or ""), folder)
    _describe(work, folder, report.frames / recipe.fps, {})
    tell.drafted(len(report.left_out))


def outputs(folder: Path) -> list[Path]:
    """Files of a finished timelapse."""
    return [folder / file["name"] for file in sidecar.files_of(folder)]


def _describe(
    work: Work,
    folder: Path,
    duration_s: float | None,
    scores: Mapping[str, float],
    made: Sequence[Path] | None = None,
) -> None:
    files = sidecar.files_of(folder, made)
    for file in files:
        fsync_file(folder / file["name"])
    fsync_folder(folder)
    try:
        uuid = {"uuid": sidecar.read(folder).uuid}  # a draft has been shown under it
    except sidecar.SidecarError:
        uuid = {}
    facts = sidecar.Facts(
        kind=work.product or work.kind, title=work.title, night=work.night, instrument=work.instrument,
        session=work.session, session_uuid=work.session_uuid, duration_s=duration_s, scores=scores, files=files,
        **uuid,
    )  # fmt: skip
    sidecar.write(folder, facts)


def shown(report: "Report") -> dict[str, Any]:
    """A report as the database keeps it: a night of broken frames must not fill a row."""
    values = report.to_json()
    problems = values.pop("left_out")
    del values["master_files"]
    values["left_out"], values["left_out_count"] = problems[:SHOWN_PROBLEMS], len(problems)
    values["outputs"] = [each | {"path": Path(each["path"]).name} for each in values["outputs"]]
    for name in ("poster", "contact_sheet", "curves", "source"):
        values[name] = Path(values[name]).name if values[name] else None
    return values


class _Teller:
    """The pipeline's progress, stage by stage, as one percentage of the whole job."""

    def __init__(self, say: Say, chunk: int, left_out: int, notes: Sequence[str], cancelled: Asked) -> None:
        self._say, self._chunk, self._left_out, self._cancelled = say, chunk, left_out, cancelled
        self.draft = self._drafted = False
        self._began = time.monotonic()
        self._kept: dict[str, float] = {}
        self._message: dict[str, Any] = {"notes": notes}

    def __call__(self, now: "Progress") -> None:
        stage = "render" if now.stage == "wait" else now.stage
        if self.draft and stage in ("render", "join"):
            stage = "draft"
        low, high = STAGES[stage]
        share = now.done / now.total if now.total else 1.0
        percent = high if now.stage == "join" and self.draft else low + (high - low) * share
        looks_only = stage == "analyse" and self._drafted  # its rows are there
        if looks_only:
            percent = max(percent, self._message.get("percent", 0.0))
        elif now.total:
            self._kept[stage] = max(self._kept.get(stage, 0.0), (high - low) * now.kept / now.total)
        message = {
            "stage": stage, "percent": percent, "fps": None if looks_only else round(now.fps, 2) or None,
            "remaining_s": self._remaining(percent), "left_out": self._left_out, "drafted": self._drafted,
        }  # fmt: skip
        if now.stage != "join":
            message |= {"frames": now.total, "done": now.done}
        if stage == "render":
            chunks = math.ceil(now.total / self._chunk)
            message |= {"chunk": min(chunks, now.done // self._chunk + 1), "chunks": chunks}
        self._message |= message
        self._say(self._message)

    def checked(self, done: int, total: int) -> None:
        """So many frames of the finished film have been looked at."""
        if self._cancelled():
            raise CancelledError("cancelled while the film was checked")
        percent = STAGES["check"][0] + (100.0 - STAGES["check"][0]) * done / total
        self._message |= {
            "stage": "check",
            "percent": percent,
            "remaining_s": self._remaining(percent),
            "fps": None,
        }
        self._say(self._message)

    def drafted(self, left_out: int) -> None:
        """The draft can be watched, and that many frames are known to be missing in it."""
        self.draft, self._drafted, self._left_out = False, True, left_out
        self._message |= {"drafted": True, "left_out": left_out}
        self._say(self._message)

    def _remaining(self, percent: float) -> float | None:
        """By the speed so far; what an earlier try has made costs no time now and does not count."""
        kept = self._kept if self.draft or self._drafted else self._kept | {"draft": _width("draft")}
        passed = sum(share for stage, share in kept.items() if STAGES[stage][0] < percent)
        gone, made = time.monotonic() - self._began, percent - passed
        left = 100.0 - percent - (sum(kept.values()) - passed)
        return round(gone * left / made, 1) if made > 2 and gone > 2 else None


def _width(stage: str) -> float:
    low, high = STAGES[stage]
    return high - low


def _check(work: Work, recipe: "Recipe", source: "FrameSource", tell: "_Teller") -> "Measured | None":
    """Measure the film that every browser plays."""
    from timelapse.checking import measure
    from timelapse.pipeline.job import held_by

    film = next(Path(work.folder).glob("timelapse*-preview.mp4"), None)
    rows = Path(work.work) / "check"
    shutil.rmtree(rows, ignore_errors=True)
    if film is None:
        return None
    return measure(film, recipe, held_by(recipe, source), source.size[0], rows, tell.checked)


# ---- night products


def _product(work: Work, say: Say, cancelled: Asked) -> dict[str, Any]:
    from timelapse.night import products as night
    from timelapse.pipeline.frames import open_source

    folder, options = Path(work.folder), work.recipe["options"]
    began = time.monotonic()
    first: list[int] = []

    def tell(done: int, total: int) -> None:
        first[:] = first or [done - 1]  # what an earlier try has done took no time now
        gone, made = time.monotonic() - began, done - first[0]
        fps = made / gone if gone > 0 else 0.0
        say({"stage": "render", "percent": 100.0 * done / max(1, total), "fps": round(fps, 2) or None, "done": done,
             "frames": total, "remaining_s": round((total - done) / fps, 1) if fps and gone > 2 else None})  # fmt: skip

    def lengthen(products: "NightProducts") -> None:
        if work.session and "keogram" in products.wishes.parts:
            seasons.add(folder.parents[2], work.instrument, products)

    with closing(open_source(Path(work.source))) as source:
        made = night.make(work.product, source, options, folder, tell, cancelled, after=lengthen)
        problems = [asdict(problem) for problem in source.problems]
        frames = len(source)
    if work.product == seasons.KIND:
        seasons.describe(folder, work.instrument)
    else:
        record_night(folder, work.product, inputs_of(Path(work.source)), options, made)
        _describe(work, folder, None, made.scores, made.files)
    shutil.rmtree(folder / ".state", ignore_errors=True)  # only what a try that was cut short would need
    outputs = [
        {"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size} for path in made.files
    ]
    return {
        "outputs": outputs,
        "found": made.found,
        "scores": made.scores,
        "frames": frames,
        "left_out": problems[:SHOWN_PROBLEMS],
        "left_out_count": len(problems),
    }


def record_night(
    folder: Path, kind: str, inputs: Sequence[provenance.Input], options: Mapping[str, Any], made: "Made"
) -> None:
    """Write the record of a night product; its masters are inputs like its frames."""
    everything = [*inputs, *(provenance.of_file(path) for path in made.masters)]
    parameters = {"options": dict(options), "found": made.found, "scores": made.scores}
    provenance.write(folder, kind, everything, parameters, made.files, packages=PACKAGES)


# ---- where it came from


def found_of(report: "Report") -> dict[str, Any]:
    """For the record: the masters that changed pixels, and what was missing for how many frames."""
    return {"masters": report.masters, "gaps": report.gaps}


def masters_of(report: "Report") -> list[provenance.Input]:
    """The masters by hash: inputs like the frames."""
    return [provenance.of_file(Path(path)) for path in report.master_files]


def inputs_of(path: Path) -> list[provenance.Input]:
    """What a product was made from, by hash: the session's file, or the pictures of the folder."""
    from timelapse.pipeline.folders import pictures
    from timelapse.pipeline.sessions import is_running

    if path.is_file():
        return [provenance.of_session(path)]
    files = sorted(path.rglob("*")) if is_running(path) else pictures(path)[0]
    return [provenance.of_file(file) for file in files if file.is_file()]
