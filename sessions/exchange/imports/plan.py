"""What an import would do: files read once, grouped into sessions, what is there already left out."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sessions.exchange.contents import Contents
from sessions.exchange.decoding import LARGEST_FILE, Decoder, UndecodableError
from sessions.exchange.imports.item import Item, exposure_of, frame_kind, take_cards, take_exif
from sessions.exchange.imports.layouts import LAYOUTS, Layout, recognise
from sessions.store import ids, tree
from sessions.store.errors import DamagedFileError
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.nights import evening

NAMESPACE = UUID("6f1d8c1e-3f5b-5a06-9f2e-0c2a1d7b9e44")
"""Sessions that were imported have a uuid made from their files' hashes: the same files, the same session."""
HEADER = 1 << 20
"""Bytes from a file's start in which a header is looked for, of those that begin with it."""
HEADER_FIRST = frozenset({".fits", ".fit", ".fts", ".fz", ".jpg", ".jpeg"})
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Planned:
    """A session that would be made.

    Attributes:
        items: its files in the order of their times.
        layout: name of the layout.
    """

    items: list[Item]
    layout: str

    @property
    def uuid(self) -> UUID:
        """Made from the files' content."""
        return uuid5(NAMESPACE, "\n".join(sorted(item.sha256 for item in self.items)))

    @property
    def start(self) -> datetime:
        """Of the first exposure, UTC."""
        return min(moment(item) for item in self.items)

    @property
    def end(self) -> datetime:
        """Of the last exposure, UTC."""
        return max(moment(item) + timedelta(seconds=exposure_of(item)) for item in self.items)

    @property
    def kind(self) -> ids.SessionType:
        """An observation when there are light frames, else an alignment (calibration)."""
        lights = any(item.kind in ("Light Frame", "Stacked") for item in self.items)
        return ids.SessionType.OBSERVATION if lights else ids.SessionType.ALIGNMENT

    @property
    def target(self) -> str | None:
        """What most of its files name."""
        named = [item.target for item in self.items if item.target]
        return max(set(named), key=named.count) if named else None

    @property
    def instrument(self) -> str:
        """The first file's."""
        return self.items[0].instrument


@dataclass(slots=True)
class Plan:
    """What would be done.

    Attributes:
        layout: how the folder is laid out.
        sessions: to be made, oldest first.
        known: files that a session holds already.
        problems: files that cannot be taken, with the reason.
    """

    layout: Layout
    sessions: list[Planned] = field(default_factory=list)
    known: list[Path] = field(default_factory=list)
    problems: dict[Path, str] = field(default_factory=dict)


def moment(item: Item) -> datetime:
    """When its exposure began; every planned item has a time."""
    return item.time or datetime.fromtimestamp(0, UTC)


def plan(
    root: Path, sessions: Path, zone: ZoneInfo, layout: str | None = None, instrument: str | None = None,
    progress: Progress | None = None,
) -> Plan:  # fmt: skip
    """Look at a folder. Nothing is written.

    Args:
        root: the folder.
        sessions: the folder of sessions, to find what is there already.
        zone: of local times in names and EXIF data.
        layout: a name of `LAYOUTS`; recognised by default.
        instrument: the sessions' instrument; by default what the files say.
        progress: told files read and files in all.

    Raises `InvalidValueError` when there is nothing that can be taken, `OSError`.
    """
    if not root.is_dir():
        raise InvalidValueError("folder", str(root), "a folder")
    found = LAYOUTS[layout] if layout else recognise(root)
    if found is None:
        hint = "; sessions of Skycam (.asdf) are taken by `sessions adopt`"
        raise InvalidValueError("folder", str(root), "; ".join(one.title for one in LAYOUTS.values()) + hint)
    result = Plan(found)
    items = list(found.items(root, zone))
    good = []
    with Decoder() as decoder:
        for number, item in enumerate(items, 1):
            try:
                _read(item, found, decoder, zone)
                item.instrument = instrument or _instrument(item)
                item.camera = _camera(item)
                good.append(item)
            except (UndecodableError, OSError) as error:
                result.problems[item.path] = str(error)
            if progress:
                progress(number, len(items))
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in good:
        groups.setdefault(_group(item, zone), []).append(item)
    for group in groups.values():
        _arrange(group, result, sessions, found.name)
    result.sessions.sort(key=lambda one: one.start)
    return result


def _arrange(group: list[Item], result: Plan, sessions: Path, layout: str) -> None:
    """One group becomes a session, without files that are double or in a session already."""
    group.sort(key=lambda item: (moment(item), item.path))
    times = [moment(item) for item in group]
    known = known_files(sessions, times[0], times[-1])
    new = []
    for item in group:
        if item.sha256 in known:
            result.known.append(item.path)
        else:
            known.add(item.sha256)
            new.append(item)
    if new:
        result.sessions.append(Planned(new, layout))


def _read(item: Item, layout: Layout, decoder: Decoder, zone: ZoneInfo) -> None:
    """Hash the file, and let its header speak."""
    item.size = item.path.stat().st_size
    if not 0 < item.size <= LARGEST_FILE:
        raise UndecodableError(f"{item.path.name} has {item.size} bytes; 1 to {LARGEST_FILE} are taken")
    with item.path.open("rb") as file:
        item.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        head = file.read(HEADER if item.path.suffix.lower() in HEADER_FIRST else item.size)
    facts = decoder.facts(head, item.path.name)
    kind, named = item.kind, item.time
    if "cards" in facts:
        local = zone if layout.local_stamp else ZoneInfo("UTC")
        take_cards(item, facts["cards"], end_stamp=layout.end_stamp, zone=local)
    else:
        take_exif(item, facts.get("exif", {}), zone)
    if named is not None and (
        kind == "Stacked" or ("exif" in facts and layout.name in ("indi-allsky", "allsky"))
    ):
        # A stack's header speaks of all its frames; an all-sky program's name is better than a camera's clock.
        item.time, item.time_from = named, "name"
    if kind != "Light Frame":
        item.kind = kind
    elif item.kind == "Light Frame" and layout.name == "fits":
        item.kind = _by_folder(item)
    if item.time is None:
        item.time = datetime.fromtimestamp(item.path.stat().st_mtime, UTC)
        item.time_from = "modified"
    item.values["time_from"] = item.time_from


def _by_folder(item: Item) -> str:
    """What Siril's folders say where a header says nothing."""
    said = "IMAGETYP" in item.values.get("cards", {})
    return item.kind if said else frame_kind(item.path.parent.name)


def _instrument(item: Item) -> str:
    named = ids.slug(item.instrument or str(item.info.get("model") or ""), 32)
    return named or "imported"


def _camera(item: Item) -> str:
    """A name that can be a folder's; for plain folders the camera's model."""
    name = item.camera
    if item.group[0] in ("fits", "images"):
        name = str(item.info.get("model") or "main")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")[:64]
    return name if name and name.lower() != ids.RESERVED_CAMERA else "main"


def _group(item: Item, zone: ZoneInfo) -> tuple[str, ...]:
    """Plain folders are cut into nights, and FITS files by what they show."""
    if item.group[0] not in ("fits", "images"):
        return item.group
    night = evening(moment(item), zone).isoformat()
    what = (item.target or "") if item.kind == "Light Frame" else item.kind
    return (*item.group, item.instrument, night, what if item.group[0] == "fits" else "")


def known_files(root: Path, first: datetime, last: datetime) -> set[str]:
    """Hashes of all files in imported sessions that began about then."""
    known: set[str] = set()
    day = first.astimezone(UTC).date() - timedelta(days=1)
    while day <= last.astimezone(UTC).date():
        for path in sorted((root / f"{day:%Y/%m/%d}").glob("*.asdf")):
            known.update(_hashes(path))
        day += timedelta(days=1)
    return known


def _hashes(path: Path) -> Iterator[str]:
    try:
        if "imported" not in tree.read_header(path)[0].get("meta", {}):
            return
        with Contents(path) as contents:
            yield from (str(frame.row["sha256"]) for frame in contents.frames())
    except (DamagedFileError, OSError, KeyError):
        return  # `verify` tells about it
