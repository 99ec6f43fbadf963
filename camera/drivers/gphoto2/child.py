"""The process that owns one camera: `python -m camera.drivers.gphoto2.child`.

It reads commands from standard input and answers on standard output, one JSON object per line:

    parent  {"id": 3, "op": "capture", "deadline_s": 38.0, "args": {"files": 1}}
    child   {"id": 3, "result": {...}}   or   {"id": 3, "error": {"code": -110, "text": "..."}}

Commands are carried out one after the other; `{"op": "abort"}` alone is heeded at once and not answered.
The process ends when its input ends, and ends itself by SIGALRM when a command takes 5 s longer than its
deadline: several calls of the binding keep the interpreter's lock, so nothing written in Python could. It
imports nothing but the standard library and gphoto2; the policy (what to retry, what to believe) is the
parent's.
"""

import base64
import contextlib
import fcntl
import json
import os
import queue
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gphoto2

gp: Any = gphoto2  # the binding carries no types

SELF_DESTRUCTION_MARGIN = 5.0
"""Seconds after a command's deadline at which the process ends itself, should the parent not have done
it.
"""
FAREWELL = 2.0
"""Seconds that closing the camera may take after the parent has gone."""
PTPIP_MODEL = "PTP/IP Camera"
POLL = 0.02
"""Seconds between questions for events: over PTP/IP waiting for one returns at once."""


class OpError(Exception):
    """An operation failed; `code` is libgphoto2's number or one of our words."""

    def __init__(self, code: int | str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Session:
    """The libgphoto2 handle and what may be done with it; every public method is a command."""

    def __init__(self) -> None:
        self.aborted = threading.Event()
        self._camera: Any = None
        self._lock: int | None = None
        self._said: list[str] = []
        self._context = gp.Context()
        self._callback = self._context.set_error_func(self._on_error, None)

    def _on_error(self, _context: Any, text: Any, _data: Any = None) -> None:
        self._said.append(text.decode(errors="replace") if isinstance(text, bytes) else str(text))

    def last_words(self) -> str:
        """What libgphoto2 said about the last failure, once."""
        said, self._said = "; ".join(self._said), []
        return said

    # ---- open and close

    def open(self, address: str, lock_folder: str, widgets: list[str]) -> dict[str, Any]:
        """Find the camera, lock its port, open it. Answers what it is and the widgets it has."""
        model, port = self._find(address)
        self._take_lock(Path(lock_folder), port)
        abilities, ports = gp.CameraAbilitiesList(), gp.PortInfoList()
        abilities.load()
        ports.load()
        camera = gp.Camera()
        camera.set_abilities(abilities[abilities.lookup_model(model)])
        camera.set_port_info(ports[ports.lookup_path(port)])
        camera.init(self._context)
        self._camera = camera
        found = {name: shown for name in widgets if (shown := self._widget(name))}
        return {
            "model": model,
            "port": port,
            "operations": camera.get_abilities().operations,
            "preview": bool(camera.get_abilities().operations & gp.GP_OPERATION_CAPTURE_PREVIEW),
            "widgets": found,
            "library": gp.gp_library_version(gp.GP_VERSION_SHORT)[0],
        }

    def _find(self, address: str) -> tuple[str, str]:
        if address.startswith("ptpip:"):
            return PTPIP_MODEL, address
        cameras = gp.Camera.autodetect(self._context)
        found = [(cameras.get_name(i), cameras.get_value(i)) for i in range(cameras.count())]
        wanted = address.removeprefix("usb:").lower()
        for model, port in found:
            if address == "auto" or port == address or model.lower() == wanted:
                return model, port
        seen = ", ".join(f"{model} at {port}" for model, port in found) or "none"
        raise OpError("absent", f"cameras found: {seen}")

    def _take_lock(self, folder: Path, port: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"camera-{re.sub('[^A-Za-z0-9.]+', '_', port)}.lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(lock, 64).decode(errors="replace").strip()
            os.close(lock)
            raise OpError("locked", f"process {owner} of this program holds {port}") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock  # held until the process ends, however it ends

    def close(self) -> dict[str, Any]:
        """Close the PTP session, so that the camera is ready for the next program."""
        if self._camera is not None:
            camera, self._camera = self._camera, None
            camera.exit(self._context)
        return {}

    # ---- settings

    def _widget(self, name: str) -> dict[str, Any] | None:
        try:
            widget = self._camera.get_single_config(name, self._context)
        except gp.GPhoto2Error as error:
            # A camera without this widget says "bad parameters"; some list widgets that they cannot read.
            if error.code in (gp.GP_ERROR_BAD_PARAMETERS, gp.GP_ERROR_NOT_SUPPORTED):
                return None
            raise
        kind, shown = (
            widget.get_type(),
            {"value": widget.get_value(), "readonly": bool(widget.get_readonly())},
        )
        if kind in (gp.GP_WIDGET_RADIO, gp.GP_WIDGET_MENU):
            shown["choices"] = [widget.get_choice(i) for i in range(widget.count_choices())]
        elif kind == gp.GP_WIDGET_RANGE:
            shown["range"] = list(widget.get_range())
        return shown

    def set(self, values: dict[str, str | float]) -> dict[str, Any]:
        """Set widgets in this order and read them back: what they show, errors of those refused."""
        shown: dict[str, Any] = {}
        failed: dict[str, int] = {}
        for name, value in values.items():
            try:
                widget = self._camera.get_single_config(name, self._context)
                kind = widget.get_type()
                number = {gp.GP_WIDGET_RANGE: float, gp.GP_WIDGET_TOGGLE: int, gp.GP_WIDGET_DATE: int}.get(
                    kind, str
                )
                widget.set_value(number(value))
                self._camera.set_single_config(name, widget, self._context)
            except gp.GPhoto2Error as error:
                if error.code in (gp.GP_ERROR_IO, gp.GP_ERROR_TIMEOUT, gp.GP_ERROR_CAMERA_BUSY):
                    raise
                failed[name] = error.code
            if widget := self._widget(name):
                shown[name] = widget["value"]
        return {"values": shown, "failed": failed}

    def get(self, names: list[str]) -> dict[str, Any]:
        """What the named widgets show; those that cannot be read are left out."""
        return {"values": {name: shown["value"] for name in names if (shown := self._widget(name))}}

    # ---- pictures

    def capture(self, files: int, wait_s: float) -> dict[str, Any]:
        """Press the shutter and wait for the picture; then `wait_s` for a second file, if two are expected.

        `others` are files announced before: pictures that somebody took at the camera.
        """
        others, changed = self._drain()
        where = self._camera.capture(gp.GP_CAPTURE_IMAGE, self._context)
        found = self._captured([(where.folder, where.name)], files, wait_s)
        return {**found, "others": self._infos(others), "changed": changed or found["changed"]}

    def bulb(
        self, start: list[Any], end: list[Any], seconds: float, files: int, wait_s: float
    ) -> dict[str, Any]:
        """Hold the shutter open: set widget `start` = [name, value], wait, set `end`, wait for the file."""
        self.aborted.clear()
        others, _changed = self._drain()
        self._set_one(*start)
        self.aborted.wait(seconds)
        self._set_one(*end)
        found = self._captured([], files, wait_s)
        if not found["files"]:
            raise OpError("no_file", "the bulb exposure ended and no file came")
        return {**found, "others": self._infos(others)}

    def _set_one(self, name: str, value: str | int) -> None:
        widget = self._camera.get_single_config(name, self._context)
        widget.set_value(value)
        self._camera.set_single_config(name, widget, self._context)

    def _captured(self, places: list[tuple[str, str]], files: int, wait_s: float) -> dict[str, Any]:
        end = time.monotonic() + wait_s
        changed = False
        while True:
            added, other = self._drain()
            places += [place for place in added if place not in places]
            changed |= other
            if len(places) >= files or time.monotonic() > end:
                break
            time.sleep(POLL)
        return {"files": self._infos(places), "changed": changed}

    def _infos(self, places: list[tuple[str, str]]) -> list[dict[str, Any]]:
        return [self.info(*place) for place in places]

    def _drain(self) -> tuple[list[tuple[str, str]], bool]:
        """Files announced since the last time, and whether something else changed."""
        added, changed = [], False
        while True:
            kind, data = self._camera.wait_for_event(1, self._context)
            if kind == gp.GP_EVENT_TIMEOUT:
                return added, changed
            if kind == gp.GP_EVENT_FILE_ADDED:
                added.append((data.folder, data.name))
            elif kind == gp.GP_EVENT_UNKNOWN:
                changed = True

    def events(self, seconds: float) -> dict[str, Any]:
        """Empty the camera's event queue for `seconds`."""
        end = time.monotonic() + seconds
        places, changed = self._drain()
        while time.monotonic() < end:
            time.sleep(POLL)
            more, other = self._drain()
            places, changed = places + more, changed or other
        return {"files": self._infos(places), "changed": changed}

    def preview(self) -> dict[str, Any]:
        """One live view picture."""
        picture = self._camera.capture_preview(None, self._context)
        data = memoryview(picture.get_data_and_size())
        return {"jpeg": base64.b64encode(data).decode()}

    # ---- files

    def info(self, folder: str, name: str) -> dict[str, Any]:
        """Size in bytes and time (camera's clock) of a file."""
        info = self._camera.file_get_info(folder, name, self._context).file
        return {"folder": folder, "name": name, "size": info.size, "modified": info.mtime}

    def download(self, folder: str, name: str, target: str, size: int) -> dict[str, Any]:
        """Copy a file into `target`, which appears complete and on disk. `size` 0 means unknown.

        The new name itself is not synced: until its session has the frame, the card has it too.
        """
        path = Path(target)
        part = path.with_name(path.name + ".part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            # libgphoto2 writes into the file itself (and closes its descriptor): a picture is never in our
            # memory. The binding deprecates giving it a file; without, 50 MB raw files would double this
            # process.
            file = gp.check_result(gp.gp_file_new_from_fd(os.dup(handle)))
            self._camera.file_get(folder, name, gp.GP_FILE_TYPE_NORMAL, file, self._context)
            written = os.fstat(handle).st_size
            if written == 0 or (size and written != size):
                raise OpError("cut", f"{name}: {written} of {size} bytes arrived")
            os.fsync(handle)
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
        return {"size": written}

    def delete(self, folder: str, name: str, size: int) -> dict[str, Any]:
        """Remove a file from the card, if it is still the one of `size` bytes."""
        try:
            if self.info(folder, name)["size"] != size:
                return {"deleted": False}
            self._camera.file_delete(folder, name, self._context)
        except gp.GPhoto2Error as error:
            if error.code in (gp.GP_ERROR_FILE_NOT_FOUND, gp.GP_ERROR_DIRECTORY_NOT_FOUND):
                return {"deleted": False}
            raise
        return {"deleted": True}

    def list(self) -> dict[str, Any]:
        """Every file in every folder of the camera."""
        return {"files": list(self._walk("/"))}

    def _walk(self, folder: str) -> Iterator[dict[str, Any]]:
        names = self._camera.folder_list_files(folder, self._context)
        for i in range(names.count()):
            yield self.info(folder, names.get_name(i))
        folders = self._camera.folder_list_folders(folder, self._context)
        for i in range(folders.count()):
            yield from self._walk(f"{folder.rstrip('/')}/{folders.get_name(i)}")

    def storage(self) -> dict[str, Any]:
        """Pictures and kilobytes free on all cards; `None` where the camera does not say."""
        images = kilobytes = None
        for card in self._camera.get_storageinfo(self._context):
            if card.fields & gp.GP_STORAGEINFO_FREESPACEIMAGES:
                images = (images or 0) + card.freeimages
            if card.fields & gp.GP_STORAGEINFO_FREESPACEKBYTES:
                kilobytes = (kilobytes or 0) + card.freekbytes
        return {"free_images": images, "free_kilobytes": kilobytes}


COMMANDS = frozenset(
    {
        "open",
        "close",
        "set",
        "get",
        "capture",
        "bulb",
        "events",
        "preview",
        "info",
        "download",
        "delete",
        "list",
    }
    | {"storage"}
)


def read_commands(commands: "queue.SimpleQueue[dict[str, Any] | None]", session: Session) -> None:
    """Move lines from standard input into the queue; end the process soon after they end."""
    rest = b""
    while data := os.read(0, 65536):  # not sys.stdin, whose lock this thread would hold when the process ends
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if command["op"] == "abort":
                session.aborted.set()
            else:
                commands.put(command)
    commands.put(None)
    time.sleep(FAREWELL)
    os._exit(0)


def carry_out(session: Session, command: dict[str, Any]) -> dict[str, Any]:
    """Run one command and pack its answer."""
    session.last_words()
    try:
        if command["op"] not in COMMANDS:
            raise OpError("unknown_op", command["op"])
        result = getattr(session, command["op"])(**command.get("args", {}))
        return {"id": command["id"], "result": result}
    except gp.GPhoto2Error as error:
        said = session.last_words()
        code, text = error.code, f"{error.string} ({said})" if said else error.string
    except OpError as error:
        code, text = error.code, str(error)
    except OSError as error:
        code, text = "os", str(error)
    return {"id": command["id"], "error": {"code": code, "text": text}}


def main() -> int:
    """Serve until the input ends."""
    # What a C library prints must not spoil the answers: it goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    warnings.filterwarnings("ignore", "In function Camera_file_get", DeprecationWarning)
    session = Session()
    commands: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=read_commands, args=(commands, session), daemon=True).start()
    while (command := commands.get()) is not None:
        signal.setitimer(signal.ITIMER_REAL, command["deadline_s"] + SELF_DESTRUCTION_MARGIN)
        answer = carry_out(session, command)
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
    with contextlib.suppress(gp.GPhoto2Error):
        session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
