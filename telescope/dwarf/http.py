"""HTTP client of a DWARF telescope: JSON calls on port 8082, files of its card on port 80.

Answers come in an envelope `{"code": 0, "data": …}`; a code other than 0 is a refusal. Every call here reads,
so every call may be repeated: three attempts with growing pauses. Sizes are capped before memory is taken;
names are checked by who uses them (`telescope.dwarf.captures`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import orjson

from skycam_project.common.clock import Clock, SystemClock
from skycam_project.common.units import Seconds
from telescope.dwarf.http11 import Address, Response, exchange
from telescope.dwarf.spool import PartFile, Progress
from telescope.errors import DeviceDataError, DwarfCommandError, NotConnectedError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

LARGEST_JSON = 8 << 20
"""Bytes. A session of 1000 frames lists as about 250 KB."""
ATTEMPTS = 3
PAUSES: tuple[Seconds, ...] = (0.3, 1.0)
SLOWEST = 50_000
"""Bytes per second below which a download is given up, after 20 s of grace."""


class ServerBusyError(ConnectionError):
    """The telescope's web server answered 5xx: worth another attempt."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What /deviceInfo says, without its passwords.

    Attributes:
        model_id: 1 DWARF II, 2 DWARF 3, 4 mini; 0 when not told.
        name: the name its owner gave it.
        storage_free_gb, storage_total_gb: space on the card, GB; None when there is no card.
    """

    model_id: int
    name: str
    storage_free_gb: float | None
    storage_total_gb: float | None


@dataclass(frozen=True, slots=True)
class AstroItem:
    """One stacking session of the album.

    Attributes:
        folder: path of its files below the web root of port 80.
        target: name of the target.
        modified: unix time, seconds.
        taken, stacked: number of sub-exposures taken and accepted.
    """

    folder: str
    target: str
    modified: int
    taken: int
    stacked: int


@dataclass(frozen=True, slots=True)
class FitsItem:
    """One sub-exposure of a session; `rejected` when the telescope left it out of its stack."""

    path: str
    rejected: bool


class DwarfHttpClient:
    """Reads from one telescope.

    Args:
        api: address of the JSON service (port 8082).
        files: address of the static file service (port 80).
        clock: time for the pauses between attempts.
        patience: longest silence before an attempt is given up, seconds.
    """

    def __init__(
        self, api: Address, files: Address, *, clock: Clock | None = None, patience: Seconds = 10.0
    ) -> None:
        self.api, self.files = api, files
        self._clock = clock or SystemClock()
        self._patience = patience

    async def device_info(self) -> DeviceInfo:
        """Model, name and card of the telescope."""
        data = _mapping(await self.call("POST", "/deviceInfo", {}), "deviceInfo")
        card = data.get("sdCardInfo")
        card = card if isinstance(card, dict) and card.get("hasSdcard", True) else {}
        return DeviceInfo(
            _integer(data.get("deviceId", data.get("deviceID"))),
            str(data.get("deviceName", ""))[:80],
            _number(card.get("availableSize")),
            _number(card.get("totalSize")),
        )

    async def params_and_settings(self, mode_id: int) -> dict[str, Any]:
        """Parameter tables of a shooting mode (V3); `telescope.dwarf.exposure` reads them."""
        return _mapping(
            await self.call("POST", "/shootingMode/getParamAndSetting", {"modeId": mode_id}), "parameters"
        )

    async def default_params(self) -> dict[str, Any]:
        """Parameter tables in the older form."""
        return _mapping(await self.call("GET", "/getDefaultParamsConfig"), "parameters")

    async def astro_sessions(self, most: int = 5) -> list[AstroItem]:
        """The newest stacking sessions, newest first.

        Args:
            most: number of items asked for, 1 … 100.
        """
        query = {"mediaType": 4, "pageIndex": 0, "pageSize": most}
        found = []
        for item in _sequence(await self.call("POST", "/album/list/mediaInfos", query), "mediaInfos"):
            details = item.get("astroImageDetails") if isinstance(item, dict) else None
            if isinstance(details, dict) and isinstance(folder := details.get("srcDir"), str) and folder:
                found.append(
                    AstroItem(
                        folder,
                        str(details.get("target", ""))[:80],
                        _integer(item.get("modificationTime")),
                        _integer(details.get("shotsTaken")),
                        _integer(details.get("shotsStacked")),
                    )
                )
        return sorted(found, key=lambda item: item.modified, reverse=True)

    async def fits_list(self, folder: str) -> list[FitsItem]:
        """The sub-exposures of one session."""
        data = _mapping(await self.call("POST", "/album/astro/fitsList", {"srcDir": folder}), "fitsList")
        return [
            FitsItem(item["filePath"], bool(item.get("isFailed")))
            for item in _sequence(data.get("fitsInfo") or [], "fitsInfo")
            if isinstance(item, dict) and isinstance(item.get("filePath"), str)
        ]

    async def call(self, method: str, target: str, body: Any = None) -> Any:
        """One JSON call.

        Args:
            method: `GET` or `POST`.
            target: path, percent-encoded.
            body: sent as JSON when not None.

        Returns:
            `data` of the envelope.

        Raises:
            DwarfCommandError: the telescope answered with a code other than 0, or the HTTP status of a
                refusal.
            NotConnectedError: three attempts failed.
            DeviceDataError: the answer is too large or not what the protocol says.
        """
        payload = b"" if body is None else orjson.dumps(body)

        async def attempt() -> Any:
            headers = {"Content-Type": "application/json"} if payload else {}
            async with (
                asyncio.timeout(3 * self._patience),
                exchange(
                    self.api, method, target, headers=headers, body=payload, patience=self._patience
                ) as response,
            ):
                _check_status(response, target)
                return _envelope(target, await response.body(LARGEST_JSON))

        return await self._repeat(target, attempt)

    async def download(
        self, path: str, destination: Path, *, limit: int, progress: Progress | None = None
    ) -> int:
        """Fetch a file of the card; a part that is already there is continued, not fetched again.

        Args:
            path: path below the web root, not encoded.
            destination: file to write; until complete it is called `<name>.part`.
            limit: largest size accepted, bytes.
            progress: told how much has arrived.

        Returns:
            Size of the file in bytes.

        Raises:
            DwarfCommandError: the telescope has no such file (404) or refuses it.
            NotConnectedError: it could not be fetched in several attempts, none of which made progress.
            DeviceDataError: larger than `limit`.
        """
        file = PartFile(destination, progress)
        target = "/" + quote(path.lstrip("/"), safe="/")

        async def attempt() -> None:
            async with asyncio.timeout(20.0 + self._patience + limit / SLOWEST):
                await self._fetch(target, file, limit)

        fruitless = 0
        while True:
            before = file.have
            try:
                await self._repeat(target, attempt, attempts=1)
                return await file.finish()
            except NotConnectedError:
                fruitless = fruitless + 1 if file.have <= before else 0
                if fruitless == ATTEMPTS:
                    raise
            finally:
                await file.close()
            await self._clock.sleep(PAUSES[0])

    async def _fetch(self, target: str, file: PartFile, limit: int) -> None:
        headers = {"Range": f"bytes={file.have}-"} if file.have else {}
        async with exchange(self.files, "GET", target, headers=headers, patience=self._patience) as response:
            if response.status == 416:  # the part is not a beginning of this file
                file.discard()
                raise ServerBusyError(f"{target}: range refused, begun anew")
            _check_status(response, target)
            offset = file.have if response.status == 206 else 0
            if offset and not response.headers.get("content-range", "").startswith(f"bytes {offset}-"):
                raise DeviceDataError(f"{target}: another range than asked for")
            await file.open(offset)
            total = 0 if response.length is None else offset + response.length
            async for piece in response.pieces(limit - offset):
                await file.write(piece, total)

    async def _repeat(
        self, target: str, attempt: Callable[[], Awaitable[Result]], attempts: int = ATTEMPTS
    ) -> Result:
        for number in range(1, attempts + 1):
            try:
                return await attempt()
            except (NotConnectedError, OSError, TimeoutError) as error:
                reason = str(error) or f"silent for {self._patience:g} s"
                logger.debug("http attempt=%d target=%s failed=%s", number, target, reason)
                if number == attempts:
                    raise NotConnectedError(
                        f"the telescope's web server did not deliver {target}: {reason}"
                    ) from error
            await self._clock.sleep(PAUSES[min(number, len(PAUSES)) - 1])
        raise AssertionError("unreachable")


def _check_status(response: Response, target: str) -> None:
    if response.status >= 500:
        raise ServerBusyError(f"{target}: HTTP {response.status}")
    if response.status not in (200, 206):
        meaning = "there is no such file or service" if response.status == 404 else f"HTTP {response.status}"
        raise DwarfCommandError(target, -response.status, "HTTP", meaning)


def _envelope(target: str, body: bytes) -> Any:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DeviceDataError(f"{target}: the answer is not JSON ({error})") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("code"), int):
        raise DeviceDataError(f"{target}: the answer has no code")
    if answer["code"] != 0:
        message = str(answer.get("message") or "no reason given")[:200]
        raise DwarfCommandError(target, answer["code"], "", message)
    return answer.get("data")


def _mapping(data: Any, what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DeviceDataError(f"{what}: an object was expected, not {type(data).__name__}")
    return data


def _sequence(data: Any, what: str) -> list[Any]:
    if (
        isinstance(data, dict)
        and len(lists := [value for value in data.values() if isinstance(value, list)]) == 1
    ):
        return lists[0]  # some firmware wraps its lists
    if not isinstance(data, list):
        raise DeviceDataError(f"{what}: a list was expected, not {type(data).__name__}")
    return data


def _integer(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
