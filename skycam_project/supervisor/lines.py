"""What the children say: one stream to the terminal and one log file, each line with its process."""

import logging
import logging.handlers
import sys
from datetime import datetime
from pathlib import Path

import orjson

from skycam_project.common.logs import JsonFormatter

COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31;1m"}


class LineCollector:
    """Takes raw lines, makes JSON of what is not, shows them (pretty on a terminal only) and keeps them.

    Args:
        path: rotating log file, or `None`.
        max_size: bytes at which the file is rotated.
        backups: rotated files that are kept.
    """

    def __init__(self, path: Path | None, max_size: int, backups: int) -> None:
        self._pretty = sys.stdout.isatty()
        self._file: logging.handlers.RotatingFileHandler | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = logging.handlers.RotatingFileHandler(path, maxBytes=max_size, backupCount=backups)
            self._file.setFormatter(logging.Formatter("%(message)s"))

    def __call__(self, process: str, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if not text:
            return
        try:
            record = orjson.loads(text)
            if not isinstance(record, dict) or "message" not in record:
                raise ValueError(text)
            record["process"] = process
        except ValueError:
            plain = logging.makeLogRecord({"name": process, "levelname": "INFO", "msg": text})
            record = orjson.loads(JsonFormatter().format(plain)) | {"process": process}
        self._show(record)
        if self._file:
            self._file.emit(logging.makeLogRecord({"msg": orjson.dumps(record).decode()}))

    def _show(self, record: dict) -> None:
        if not self._pretty:
            sys.stdout.write(orjson.dumps(record).decode() + "\n")
        else:
            local = datetime.fromisoformat(record["time"]).astimezone().strftime("%H:%M:%S")
            colour = COLOURS.get(record["level"], "")
            end = "\x1b[0m" if colour else ""
            sys.stdout.write(f"{local} {record['process']:<10} {colour}{record['message']}{end}\n")
            if "traceback" in record:
                sys.stdout.write(record["traceback"] + "\n")
        sys.stdout.flush()


class CollectorHandler(logging.Handler):
    """Sends the supervisor's own records the same way."""

    def __init__(self, collector: LineCollector) -> None:
        super().__init__()
        self._collector = collector
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self._collector("up", self.format(record).encode())
