"""The JSON interface, port 8082: device info, parameters, album."""

from collections.abc import Callable
from typing import Any

from skycam_project.common.files import OutsideRootError
from telescope.simulator.album import Album, kinds_of
from telescope.simulator.catalogue import default_config, params_of_mode
from telescope.simulator.device import Dwarf
from telescope.simulator.http import Reply, Request, json_reply
from telescope.simulator.params import MODES

INVALID = -2
Answer = dict[str, Any] | list[Any] | None


class ApiError(Exception):
    """An answer with a code other than 0."""

    def __init__(self, code: int = INVALID, message: str = "invalid parameter") -> None:
        super().__init__(message)
        self.code = code


class Api:
    """Answers the requests of port 8082.

    Args:
        device: the telescope.
        files_port: where the files server listens, for the addresses in answers.
    """

    def __init__(self, device: Dwarf, files_port: Callable[[], int]) -> None:
        self._device, self._files_port = device, files_port
        self._album = Album(device.card, device.setup.v2)
        self._routes: dict[tuple[str, str], Callable[[Request, dict[str, Any]], Answer]] = {
            ("POST", "/deviceInfo"): self._device_info,
            ("POST", "/firmwareVersion"): self._firmware,
            ("GET", "/firmwareVersion"): self._firmware,
            ("GET", "/getDefaultParamsConfig"): lambda _r, _b: default_config(device),
            ("GET", "/shootingMode/getSupportedShootingModes"): self._modes,
            ("POST", "/shootingMode/getParamAndSetting"): self._params,
            ("POST", "/album/list/mediaCounts"): lambda _r, _b: self._album.counts(),
            ("POST", "/album/list/mediaInfos"): self._media,
            ("POST", "/album/getMediaInfoByFilePath"): self._media_by_path,
            ("POST", "/album/astro/fitsList"): self._fits_list,
            ("DELETE", "/album/astro/deleteFits"): self._delete_fits,
            ("POST", "/album/astro/deleteFits"): self._delete_fits,
            ("POST", "/album/delete"): self._delete,
            ("POST", "/setDeviceNameAndPsd"): self._rename,
        }

    async def __call__(self, request: Request) -> Reply:
        if self._device.chance(self._device.faults.http_errors):
            return json_reply({"code": -1, "data": None, "message": "fault"}, 500)
        if not self._device.powered:
            return json_reply({"code": -1, "data": None, "message": "powered off"}, 503)
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = any(path == request.path for _, path in self._routes)
            return json_reply({"code": -1, "data": None, "message": "no such request"}, 405 if known else 404)
        try:
            body = request.json()
            if not isinstance(body, dict):
                raise ApiError
            return json_reply({"code": 0, "data": route(request, body), "message": "success"})
        except ApiError as error:
            return json_reply({"code": error.code, "data": None, "message": str(error)})
        except ValueError:
            return json_reply({"code": INVALID, "data": None, "message": "invalid JSON"})

    def _device_info(self, _request: Request, _body: dict[str, Any]) -> Answer:
        device = self._device
        storage = device.storage()
        return {
            "deviceId": 2,
            "deviceName": device.name,
            "devicePwd": device.password,
            "macAddress": device.profile.mac,
            "sn": device.profile.serial,
            "apIpAddress": "192.168.88.1",
            "staIpAddress": "",
            "staWifiName": "",
            "staWifiPwd": "",
            "bleServiceId": "0000DAF3-0000-1000-8000-00805F9B34FB",
            "wifiConnectedMode": 1,
            "activateStatus": 1,
            "sdCardInfo": {
                "availableSize": storage["available_size"],
                "totalSize": storage["total_size"],
                "hasSdcard": True,
            },
        }

    def _firmware(self, _request: Request, _body: dict[str, Any]) -> Answer:
        major, minor, patch = (int(part) for part in self._device.profile.firmware.split(".")[:3])
        return {"majorVersion": major, "minorVersion": minor, "patchVersion": patch}

    def _modes(self, _request: Request, _body: dict[str, Any]) -> Answer:
        modes = [
            {"id": int(mode), "name": name, "parentId": parent} for mode, (name, parent) in MODES.items()
        ]
        return {"shootingModes": modes}

    def _params(self, _request: Request, body: dict[str, Any]) -> Answer:
        mode = body.get("modeId", 2)
        if not isinstance(mode, int) or mode not in MODES:
            raise ApiError
        return params_of_mode(self._device, mode)

    def _media(self, _request: Request, body: dict[str, Any]) -> Answer:
        items = self._album.items(kinds_of(body))
        index, size = body.get("pageIndex", 0), body.get("pageSize", 0)
        if not (isinstance(index, int) and isinstance(size, int) and index >= 0 and size >= 0):
            raise ApiError
        return items[index * size : (index + 1) * size] if size else items

    def _media_by_path(self, _request: Request, body: dict[str, Any]) -> Answer:
        item = self._album.by_path(_text(body, "filePath"))
        if item is None:
            raise ApiError(INVALID, "no such file")
        return item

    def _fits_list(self, request: Request, body: dict[str, Any]) -> Answer:
        try:
            folder = self._device.card.from_public(_text(body, "srcDir"))
        except (FileNotFoundError, OutsideRootError) as error:
            raise ApiError(INVALID, "no such folder") from error
        if not folder.is_dir():
            raise ApiError(INVALID, "no such folder")
        host = request.headers.get("host", "127.0.0.1").rsplit(":", 1)[0]
        return self._album.fits_list(folder, f"http://{host}:{self._files_port()}")

    def _delete_fits(self, _request: Request, body: dict[str, Any]) -> Answer:
        return [
            {"filePath": entry.get("filePath"), "isSuccess": self._remove(entry.get("filePath"))}
            for entry in _entries(body)
        ]

    def _delete(self, _request: Request, body: dict[str, Any]) -> Answer:
        """A session is deleted by the path of its stack, everything else by its own."""
        done = []
        for entry in _entries(body):
            path = entry.get("filePath")
            if isinstance(path, str) and "/Astronomy/DWARF_RAW_" in path and path.endswith("/stacked.jpg"):
                path = path.rsplit("/", 1)[0]
            done.append(
                {
                    "mediaType": entry.get("mediaType"),
                    "filePath": entry.get("filePath"),
                    "fileName": entry.get("fileName"),
                    "isSuccess": self._remove(path),
                }
            )
        return done

    def _remove(self, public: object) -> bool:
        card = self._device.card
        try:
            path = card.from_public(public) if isinstance(public, str) else None
            return path is not None and card.delete(str(path.relative_to(card.root)))
        except (FileNotFoundError, OutsideRootError, OSError):
            return False

    def _rename(self, _request: Request, body: dict[str, Any]) -> Answer:
        """Mode 0 changes the password, 1 the name; -5 when the old value is wrong, -6 for a bad new one."""
        mode = body.get("mode")
        if mode not in (0, 1):
            raise ApiError
        attribute = "name" if mode else "password"
        if body.get("oldValue") != getattr(self._device, attribute):
            raise ApiError(-5, "wrong old value")
        new = body.get("newValue")
        if not (isinstance(new, str) and 8 <= len(new) <= 32 and new.isascii() and new.isprintable()):
            raise ApiError(-6, "8 to 32 printable characters")
        setattr(self._device, attribute, new)
        return None


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise ApiError
    return value


def _entries(body: dict[str, Any]) -> list[dict[str, Any]]:
    entries = body.get("datas")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ApiError
    return entries
