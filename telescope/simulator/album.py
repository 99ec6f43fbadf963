"""The album: what is on the card, as the device's HTTP interface lists it."""

import json
from enum import Enum
from pathlib import Path
from typing import Any

from telescope.dwarf.values import Camera
from telescope.simulator.card import Card


class Kind(Enum):
    """Kinds of media with their numbers: in requests with `mediaType` (vendor's text), and in V3 items."""

    PHOTO = (1, 0)
    VIDEO = (2, 1)
    PANORAMA = (5, 2)
    TIME_LAPSE = (6, 3)
    ASTRO = (4, 4)
    BURST = (3, 5)

    def number(self, v2: bool) -> int:
        """The number in items and in notification 15230."""
        return self.value[0] if v2 else self.value[1]


def kinds_of(request: dict[str, Any]) -> set[Kind]:
    """The kinds that a request asks for: `mediaType` (0 = all) or `mediaTypeList`."""
    if "mediaTypeList" in request:
        wanted = request["mediaTypeList"]
        return {kind for kind in Kind if kind.value[1] in wanted} if isinstance(wanted, list) else set()
    number = request.get("mediaType", 0)
    return {kind for kind in Kind if number in (0, kind.value[0])}


class Album:
    """Reads the card anew for every question: what FTP or a person deleted is gone."""

    def __init__(self, card: Card, v2: bool) -> None:
        self._card, self._v2 = card, v2

    def items(self, kinds: set[Kind]) -> list[dict[str, Any]]:
        """All media of these kinds, newest first."""
        found: list[dict[str, Any]] = []
        if Kind.PHOTO in kinds:
            found += [self._photo(path) for path in (self._card.root / "Normal_Photos").glob("DWARF3_*.jpg")]
        if Kind.BURST in kinds:
            found += [self._burst(path) for path in (self._card.root / "Burst").iterdir() if path.is_dir()]
        if Kind.ASTRO in kinds:
            found += [self._astro(path) for path in self._sessions()]
        return sorted(found, key=lambda item: item["modificationTime"], reverse=True)

    def counts(self) -> list[dict[str, int]]:
        """Number of media of each kind."""
        return [
            {"count": len(self.items({kind})), "mediaType": kind.number(self._v2)}
            for kind in Kind
        ]  # fmt: skip

    def by_path(self, public: str) -> dict[str, Any] | None:
        """The item with this `filePath`."""
        return next((item for item in self.items(set(Kind)) if item["filePath"] == public), None)

    def fits_list(self, folder: Path, base_url: str) -> dict[str, Any]:
        """The sub-exposures of a session, oldest first."""
        names = (path for path in folder.glob("*.fits") if not path.name.startswith("stacked"))
        info = [
            {
                "filePath": self._card.public(path),
                "isFailed": path.name.startswith("failed_"),
                "url": base_url + self._card.public(path),
            }
            for path in sorted(names, key=lambda path: path.stat().st_mtime)
        ]
        return {"totalCount": len(info), "fitsInfo": info}

    def _sessions(self) -> list[Path]:
        return [path for path in (self._card.root / "Astronomy").glob("DWARF_RAW_*") if path.is_dir()]

    def _item(self, kind: Kind, path: Path, thumbnail: Path, camera: Camera) -> dict[str, Any]:
        stat = path.stat() if path.exists() else path.parent.stat()
        size = stat.st_size if path.exists() else 0
        return {
            "mediaType": kind.number(self._v2),
            "fileName": path.name,
            "filePath": self._card.public(path),
            "thumbnailPath": self._card.public(thumbnail),
            "modificationTime": int(stat.st_mtime),
            # The old dialect writes sizes as text.
            "fileSize": f"{size / 1024:.2f} KB" if self._v2 else size,
            "camId": int(camera),
            "fileState": 0,
        }

    def _photo(self, path: Path) -> dict[str, Any]:
        camera = Camera.WIDE if "_WIDE_" in path.name else Camera.TELE
        return self._item(Kind.PHOTO, path, path, camera)

    def _burst(self, folder: Path) -> dict[str, Any]:
        camera = Camera.WIDE if "_WIDE_" in folder.name else Camera.TELE
        paths = sorted(folder.glob("*.jpg"))
        first = paths[0] if paths else folder / "none.jpg"
        images = [
            {
                "filePath": self._card.public(path),
                "thumbnailPath": self._card.public(path),
                "fileSize": path.stat().st_size,
            }
            for path in paths
        ]
        return self._item(Kind.BURST, first, first, camera) | {"burstImgCount": len(paths), "images": images}

    def _astro(self, folder: Path) -> dict[str, Any]:
        info = json.loads((folder / "shotsInfo.json").read_text())
        camera = Camera.WIDE if folder.name.startswith("DWARF_RAW_WIDE") else Camera.TELE
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        exposure = _seconds(info["exp"])
        details = {
            "target": info["target"],
            "floatHourRa": info["RA"],
            "floatDegreeDec": info["DEC"],
            "params": {
                "binning": info["binning"], "exp": info["exp"], "filter": info["ir"],
                "format": info["format"], "gain": info["gain"],
            },
            "shotsStacked": info["shotsStacked"],
            "shotsTaken": info["shotsTaken"],
            "shotsToTake": info["shotsToTake"],
            "srcDir": self._card.public(folder),
            "totalExp": info["shotsStacked"] * exposure,
            "maxTemp": info["maxTemp"],
            "minTemp": info["minTemp"],
            "folderSize": size,
        }  # fmt: skip
        item = self._item(Kind.ASTRO, folder / "stacked.jpg", folder / "stacked_thumbnail.jpg", camera)
        return item | {"astroTargetName": info["target"], "astroSubType": 0, "astroImageDetails": details}


def _seconds(name: str) -> float:
    numerator, _, denominator = name.partition("/")
    return float(numerator) / float(denominator or 1)
