"""The one form of a log line: JSON with time, level, process, logger, message and the record’s context."""

import logging
import os
from datetime import UTC, datetime
from typing import Any

import orjson

STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def context_of(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller gave as `extra=`."""
    return {key: value for key, value in vars(record).items() if key not in STANDARD}


class OnlyMistakes(logging.Filter):
    """Lets a refused request pass without a log line: a 503 of `/readyz` is an answer, not a fault."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None or getattr(record, "status_code", 500) != 503


class JsonFormatter(logging.Formatter):
    """One record as one line of JSON; what JSON cannot hold appears as its `repr`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": os.environ.get("SKYCAM_PROCESS", "command"),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line["time"] = line["time"].replace("+00:00", "Z")
        if context := context_of(record):
            line["context"] = context
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
