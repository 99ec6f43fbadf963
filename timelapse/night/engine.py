"""All products of one night of one camera, fed by one stream of frames, live and resumable.

A frame passes three stages, and its digest is remembered at each: what needs it alone (keogram, stack, curves,
small pictures), what needs its neighbours (trails, which leave out satellites), what needs frames around it
(meteor clips). Products and digests are saved together: whatever kills the process, each frame counts once.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image

from skycam_project.common.files import write_atomic
from skycam_project.common.units import Seconds
from timelapse.night import drawing, state
from timelapse.night.films import MeteorClips, Reel
from timelapse.night.frames import Camera, Look, NightFrame, Paper, halved
from timelapse.night.grades import Grades
from timelapse.night.keogram import Keogram, NothingYetError
from timelapse.night.plates import Plates
from timelapse.night.sightings import Sighting, Watch
from timelapse.night.stack import LiveStack, stack_picture, write_fits
from timelapse.night.trails import Gates, StarTrails

PARTS = ("keogram", "trails", "stack", "curves", "mini", "startrail_film", "meteors")
_CONTEXT = 3
SAVE_EVERY: Seconds = 600.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to make, and how.

    Attributes:
        parts: of `PARTS`.
        title: above the pictures.
        zone: of the time axes.
        gates: of the star trails.
        fps: of the films.
        marks: whether clips say where their meteor is.
        megapixels: larger frames are halved until they fit; None: they stay as they are.
    """

    parts: frozenset[str] = frozenset(PARTS)
    title: str = ""
    zone: tzinfo = UTC
    gates: Gates = field(default_factory=Gates)
    fps: int = 25
    marks: bool = True
    megapixels: float | None = None


class NightProducts:
    """The products of a night.

    Args:
        folder: of the results; what is remembered lies in `.state` below it.
        camera: what is known of it.
        wishes: what to make.
        save_every: seconds between two saves of the state; a crash repeats at most the frames since.
    """

    def __init__(
        self, folder: Path, camera: Camera, wishes: Wishes = Wishes(), save_every: Seconds = SAVE_EVERY
    ) -> None:
        self.folder, self.camera, self.wishes, self._every = folder, camera, wishes, save_every
        self.keogram, self.stack = Keogram(), LiveStack()
        self.grades = Grades(whole="curves" in wishes.parts)
        self.curves = self.grades.curves
        self.trails, self.watch = StarTrails(wishes.gates), Watch()
        self.reel = Reel(folder / ".state" / "reel")
        self.clips = MeteorClips(folder / "meteors", marks=wishes.marks)
        self.plates = Plates()
        self._direct: set[str] = set()
        self._judged: set[str] = set()
        self._line: list[str] = []  # judged, their meteors may still need frames
        self._done: dict[str, None] = {}  # in order
        self._generation = 0
        self._times = 1
        self._restore()
        self._saved = time.monotonic()

    def __len__(self) -> int:
        return len(self._direct)

    def wants(self, digest: str) -> bool:
        """Whether a frame must (still) be offered, in order: it is new, or needed beside the new ones."""
        return digest not in self._done or digest in list(self._done)[-_CONTEXT:]

    def append(self, frame: NightFrame) -> None:
        """Take a frame in. Raises `OSError` for the disk's."""
        look = self._look(frame)
        if frame.digest not in self._direct:
            self._take(look)
            self._direct.add(frame.digest)
        if self.wishes.parts & {"trails", "meteors"}:
            self._sort(self.watch.push(look))
        else:
            self._done[frame.digest] = None
        if time.monotonic() - self._saved > self._every:
            self.save()

    def _look(self, frame: NightFrame) -> Look:
        most, times = (self.wishes.megapixels or np.inf) * 1e6, 1
        while frame.image.shape[0] * frame.image.shape[1] > most:
            frame, times = halved(frame), times * 2
        self._times = max(self._times, times)
        scale = self.camera.scale_arcsec
        return Look(frame, replace(self.camera, scale_arcsec=scale * times) if scale else self.camera)

    def _take(self, look: Look) -> None:
        parts = self.wishes.parts
        if "curves" in parts or ("stack" in parts and look.frame.hint is not None):
            look.solution = self.plates.solve(look)
        if "keogram" in parts:
            self.keogram.append(look)
        self.grades.append(look)
        if parts & {"mini", "startrail_film"}:
            self.reel.append(look)
        if "stack" in parts and (look.sun_deg is None or look.sun_deg < -9):
            plate = look.solution.wcs if look.solution and look.frame.hint else None
            self.stack.append(look.frame, plate)

    def _sort(self, judged: Iterable[tuple[Look, list[Sighting]]]) -> None:
        """Judged frames to trails and clips; what is in already only stands beside the new ones."""
        for look, sightings in judged:
            digest = look.frame.digest
            if "trails" in self.wishes.parts:
                self.trails.append(look, sightings, counted=digest in self._judged)
            if "meteors" in self.wishes.parts:
                self.clips.append(look, [] if digest in self._done else sightings)
            self._judged.add(digest)
            if digest not in self._done:
                self._line.append(digest)
            while len(self._line) > _CONTEXT:
                self._done[self._line.pop(0)] = None

    def found(self) -> dict[str, Any]:
        """For the product's record: how frames of the stack were placed, and why others were left out."""
        found: dict[str, Any] = {}
        if self._times > 1:
            found["pixels_across"] = f"1/{self._times}"
        if "stack" in self.wishes.parts:
            found |= {
                "stacked": self.stack.used,
                "placed_by": self.stack.placed,
                "not_stacked": self.stack.reasons,
            }
        if "curves" in self.wishes.parts and (reason := self.curves.no_sky_brightness()):
            found["no_sky_brightness"] = reason
        if "trails" in self.wishes.parts:
            found["not_in_trails"] = self.trails.reasons
        return found

    def scores(self) -> dict[str, float]:
        """Quality of the product, 0 to 1; empty before the first frame."""
        quality = self.grades.quality()
        return {} if quality is None else {"quality": quality}

    def why(self) -> str:
        """Why frames were left out, for people: " (clouds 12, moon 3)"."""
        reasons = {"trails": self.trails.reasons, "stack": self.stack.reasons}
        found = [
            f"{why} {n}"
            for name, each in reasons.items()
            if name in self.wishes.parts
            for why, n in each.items()
        ]
        return f" ({', '.join(found)})" if found else ""

    # ---- between processes

    @property
    def _parts(self) -> dict[str, Any]:
        named = {"keogram": self.keogram, "trails": self.trails, "stack": self.stack}
        return {name: part for name, part in named.items() if name in self.wishes.parts}

    def save(self) -> None:
        """Put everything on disk as one: a crash leaves this or the state before. Raises `OSError`."""
        home = self.folder / ".state"
        fresh = home / f"{self._generation + 1:06d}"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for name, part in self._parts.items():
            state.save(fresh / name, *part.state())
        head = {
            "generation": self._generation + 1, "megapixels": self.wishes.megapixels, "direct": list(self._direct), "judged": list(self._judged),
            "done": list(self._done), "grades": self.grades.state(),
            "paper": [p.white.tolist(), p.black.tolist()] if (p := self.reel.paper) else None,
        }  # fmt: skip
        write_atomic(home / "head.json", orjson.dumps(head))
        self._generation += 1
        for old in home.iterdir():
            if old.is_dir() and old.name.isdigit() and old != fresh:
                shutil.rmtree(old, ignore_errors=True)
        self._saved = time.monotonic()

    def _restore(self) -> None:
        try:
            head = orjson.loads((self.folder / ".state" / "head.json").read_bytes())
            loaded = {
                name: state.load(self.folder / ".state" / f"{head['generation']:06d}" / name)
                for name in self._parts
            }
        except (OSError, ValueError, KeyError):
            return
        if head.get("megapixels") != self.wishes.megapixels or "grades" not in head:
            return  # of pictures of another size, or of another version
        known = {name: one for name, one in loaded.items() if one is not None}
        if len(known) < len(loaded):
            return  # of another version, or other parts were wanted then: begin anew from the frames
        for name, part in self._parts.items():
            part.restore(*known[name])
        self._generation = head["generation"]
        self._direct, self._judged = set(head["direct"]), set(head["judged"])
        self._done = dict.fromkeys(head["done"])
        self.grades.restore(head["grades"])
        self.reel.paper = Paper(*(np.array(part) for part in head["paper"])) if head["paper"] else None

    # ---- what comes out

    def snapshot(self) -> list[Path]:
        """The pictures as they are now; what has no frame yet is left out. Raises `OSError`."""
        made: list[Path] = []
        for name, make in self._pictures().items():
            if name in self.wishes.parts:
                with contextlib.suppress(NothingYetError):
                    made += make()
        return made

    def finish(self) -> list[Path]:
        """The night is over: judge the last frames, make films, save. Raises `OSError`."""
        self._sort(self.watch.flush())
        if "meteors" in self.wishes.parts:
            self.clips.flush()
        self._done |= dict.fromkeys(self._line)
        self._line = []
        made = self.snapshot()
        for name, trails in (("mini", False), ("startrail_film", True)):
            if name in self.wishes.parts:
                with contextlib.suppress(NothingYetError):
                    film = self.reel.film(self.folder / f"{name}.mp4", self.wishes.fps, trails=trails)
                    made.append(film)
        if "curves" in self.wishes.parts and self.curves.rows:
            # Loads polars: not while a night is live.
            made.append(self.curves.write(self.folder / "curves.parquet"))
        if "meteors" in self.wishes.parts:
            made += sorted(path for path in self.clips.folder.glob("*") if not path.name.startswith("."))
        self.save()
        return made

    def _pictures(self) -> dict[str, Callable[[], list[Path]]]:
        site, zone, folder = self.camera.site, self.wishes.zone, self.folder

        def title(what: str) -> str:
            return f"{what} · {self.wishes.title}" if self.wishes.title else what

        def shown(name: str, image: Image.Image | NDArray[np.uint8]) -> Path:
            path = folder / name
            if len(self.wishes.parts) > 1:
                drawing.save_thumbnail(path, image)
            return (
                drawing.save_png(path, image) if path.suffix == ".png" else drawing.save_jpeg(path, image, 93)
            )

        def keogram() -> list[Path]:
            return [
                shown("keogram.png", self.keogram.picture(title("Keogram"), site, zone)),
                drawing.save_png(folder / "keogram-strip.png", self.keogram.bare()),
            ]

        def trails() -> list[Path]:
            both = {"startrails.jpg": True, "startrails-satellites.jpg": False}
            return [shown(name, self.trails.picture(clean=clean)) for name, clean in both.items()]

        def stack() -> list[Path]:
            if not self.stack.used:
                return []
            return [
                shown("stack.png", stack_picture(self.stack)),
                write_fits(folder / "stack.fits", self.stack),
            ]

        def curves() -> list[Path]:
            return [
                shown("curves.png", self.curves.picture(title("Night"), site, zone)),
                self.curves.write_plots(folder / "curves.json"),
            ]

        return {"keogram": keogram, "trails": trails, "stack": stack, "curves": curves}
