"""How other programs lay their files out; each layout says what a file's place and name mean.

DWARF: `DWARF_RAW_TELE_<target>_EXP_<e>_GAIN_<g>_<stamp>/` with `shotsInfo.json` (dwarf3.md §4). indi-allsky:
`[ccd_<uuid>/<type>/]YYYYMMDD/{night,day}/DD_HH/ccd<n>_YYYYMMDD_HHMMSS.<ext>`. Allsky:
`YYYYMMDD/image-YYYYMMDDHHMMSS.<ext>`. Times in names are local.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from sessions.exchange.imports.item import FITS, PICTURES, Item, named_time, number

LARGEST_JSON = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to lay files out.

    Attributes:
        name: of the layout.
        title: for people.
        knows: whether a folder is laid out like that.
        items: the files of a folder that are to be taken, with what their place says; zone of local times.
        end_stamp: DATE-OBS of its FITS files is the end of the exposure.
        local_stamp: DATE-OBS of its FITS files is local time.
    """

    name: str
    title: str
    knows: Callable[[Path], bool]
    items: Callable[[Path, tzinfo], Iterator[Item]]
    end_stamp: bool = False
    local_stamp: bool = False


def files_below(root: Path) -> Iterator[Path]:
    """Regular files below a folder in order; links are not followed."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and not name.startswith("."):
                yield path


# ---- DWARF

_DWARF = re.compile(
    r"(?P<again>RESTACKED_)?DWARF_RAW_(?:(?P<camera>TELE|WIDE)_)?(?P<target>.*)_EXP_(?P<exposure>[^_]+)"
    r"_GAIN_(?P<gain>[^_]+)_(?P<stamp>\d{4}(?:-\d\d){5}-\d{3})"
)
_DWARF_DARK = re.compile(
    r"(?P<camera>tele|wide)_exp_(?P<exposure>[^_]+)_gain_(?P<gain>\d+)_bin_(?P<bins>\d+)_.*"
)
_DWARF_FRAME = re.compile(r".*_(?P<stamp>\d{8}-\d{9})_(?P<temperature>-?\d+)C")


def _is_dwarf(folder: Path) -> bool:
    return (
        bool(_DWARF.fullmatch(folder.name) or _DWARF_DARK.fullmatch(folder.name))
        or (folder / "shotsInfo.json").is_file()
    )


def _dwarf_folders(root: Path, depth: int = 3) -> Iterator[Path]:
    """The session folder itself, or those of an `Astronomy` folder or a card (darks lie three folders deep)."""
    if _is_dwarf(root):
        yield root
    elif depth:
        with os.scandir(root) as entries:
            below = sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
        for path in below:
            yield from _dwarf_folders(Path(path), depth - 1)


def _knows_dwarf(root: Path) -> bool:
    return next(_dwarf_folders(root), None) is not None


def _dwarf(root: Path, zone: tzinfo) -> Iterator[Item]:
    for folder in _dwarf_folders(root):
        named = _DWARF.fullmatch(folder.name)
        dark = _DWARF_DARK.fullmatch(folder.name)
        shots = _shots(folder / "shotsInfo.json")
        found = named or dark
        camera = ((found and found["camera"]) or "tele").lower()
        target = str(shots.get("target") or (named["target"] if named else "")) or None
        meta = _dwarf_meta(shots)
        for path in files_below(folder):
            if "Thumbnail" in path.parts or path.suffix.lower() not in FITS | PICTURES:
                continue
            item = Item(path, ("dwarf", str(folder)), camera, f"dwarf-{camera}", target, meta=dict(meta))
            stacked = path.name.startswith(("stacked", "img_"))
            if stacked:
                item.camera, item.kind = f"{camera}-stack", "Stacked"
            elif dark or path.name.startswith("raw_"):
                item.kind = "Dark Frame"
            if path.suffix.lower() not in FITS and not stacked:
                continue
            if path.name.startswith("failed_"):
                item.values["rejected"] = True
            if frame := _DWARF_FRAME.fullmatch(path.stem):
                item.values["sensor_temp_c"] = float(frame["temperature"])
            stamp = (named["stamp"].replace("-", "") if named else None) or ""
            item.time, item.time_from = named_time(stamp, zone), "name"
            yield item


def _shots(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_JSON:
            return {}
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    # Plain values only: what a stranger nests must not make our own file one that nobody may open.
    plain = ((key, value) for key, value in found.items() if isinstance(value, str | int | float | bool))
    return {key[:100]: value[:500] if isinstance(value, str) else value for key, value in islice(plain, 100)}


def _dwarf_meta(shots: dict[str, Any]) -> dict[str, Any]:
    """`shotsInfo.json`: right ascension is in hours there."""
    meta: dict[str, Any] = {"shots_info": shots} if shots else {}
    ra, dec = number(shots.get("RA")), number(shots.get("DEC"))
    if ra is not None and dec is not None and (ra or dec):
        meta["target_coords"] = {"ra": ra * 15 % 360, "dec": dec, "frame": "icrs"}
    return meta


# ---- all-sky cameras

_INDI = re.compile(r"ccd(?P<number>\w+?)_(?P<date>\d{8})_(?P<time>\d{6})")
_ALLSKY = re.compile(r"image-(?P<stamp>\d{14})")


def _knows_indi(root: Path) -> bool:
    return any(_indi_place(path, root) is not None for path in _some(root))


def _some(root: Path, most: int = 2000) -> Iterator[Path]:
    for number_, path in enumerate(files_below(root)):
        if number_ >= most:
            return
        yield path


def _indi_place(path: Path, root: Path) -> tuple[str, str, str, str] | None:
    """Camera, type, evening and time of day of a file of indi-allsky."""
    parts = (*root.absolute().parts[-4:], *path.relative_to(root).parts)
    if not _INDI.fullmatch(path.stem) or path.suffix.lower() not in FITS | PICTURES:
        return None
    for at in range(len(parts) - 3):
        if (
            re.fullmatch(r"\d{8}", parts[at])
            and parts[at + 1] in ("night", "day")
            and re.fullmatch(r"\d\d_\d\d", parts[at + 2])
        ):
            kind = parts[at - 1] if at >= 2 and parts[at - 2].startswith("ccd_") else "exposures"
            camera = parts[at - 2] if at >= 2 and parts[at - 2].startswith("ccd_") else "ccd"
            return camera, kind, parts[at], parts[at + 1]
    return None


def _indi(root: Path, zone: tzinfo) -> Iterator[Item]:
    for path in files_below(root):
        place, named = _indi_place(path, root), _INDI.fullmatch(path.stem)
        if place is None or named is None or place[1] in ("thumbnails", "timelapse"):
            continue
        folder, kind, evening, part = place
        name = f"ccd{named['number']}"
        camera = name if kind == "exposures" else f"{name}-{kind}"
        item = Item(path, ("indi-allsky", folder, evening, part), camera, f"allsky-{name}", "All sky")
        item.time, item.time_from = named_time(named["date"] + named["time"], zone), "name"
        yield item


def _knows_allsky(root: Path) -> bool:
    return any(_ALLSKY.fullmatch(path.stem) and _evening(path) for path in _some(root))


def _evening(path: Path) -> str | None:
    """The folder `YYYYMMDD` that an Allsky picture lies in."""
    return path.parent.name if re.fullmatch(r"\d{8}", path.parent.name) else None


def _allsky(root: Path, zone: tzinfo) -> Iterator[Item]:
    for path in files_below(root):
        named, evening = _ALLSKY.fullmatch(path.stem), _evening(path)
        if named is None or evening is None or path.suffix.lower() not in PICTURES:
            continue
        item = Item(path, ("allsky", evening), "sky", "allsky", "All sky")
        item.time, item.time_from = named_time(named["stamp"], zone), "name"
        yield item


# ---- folders of files


def _knows_fits(root: Path) -> bool:
    return any(path.suffix.lower() in FITS for path in _some(root))


def _fits(root: Path, zone: tzinfo) -> Iterator[Item]:
    for path in files_below(root):
        if path.suffix.lower() in FITS:
            yield Item(path, ("fits",))


def _knows_images(root: Path) -> bool:
    return any(path.suffix.lower() in PICTURES for path in _some(root))


_STAMP = re.compile(
    r"(?<!\d)(20\d{2})[-_]?(\d{2})[-_]?(\d{2})[-_T ]?(\d{2})[-_.:]?(\d{2})[-_.:]?(\d{2})(?!\d)"
)


def _images(root: Path, zone: tzinfo) -> Iterator[Item]:
    for path in files_below(root):
        if path.suffix.lower() in PICTURES:
            item = Item(path, ("images",))
            if named := _STAMP.search(path.stem):
                item.time, item.time_from = named_time("".join(named.groups()), zone), "name"
            yield item


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("dwarf", "a DWARF session folder", _knows_dwarf, _dwarf, end_stamp=True, local_stamp=True),
        Layout("indi-allsky", "an indi-allsky archive", _knows_indi, _indi),
        Layout("allsky", "an Allsky archive", _knows_allsky, _allsky),
        Layout("fits", "a folder of FITS files", _knows_fits, _fits),
        Layout("images", "a folder of pictures", _knows_images, _images),
    )
}
"""In the order in which they are tried."""


def recognise(root: Path) -> Layout | None:
    """The layout of a folder, None when it is none of them."""
    return next((layout for layout in LAYOUTS.values() if layout.knows(root)), None)
