"""Two ways for each record: a JSON line on standard output, which `up` shows and keeps, and a row of a session."""

from typing import Any

from skycam_project.settings.base import CONFIG, DATA, PROCESS

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "skycam_project.common.logs.JsonFormatter"}},
    "filters": {"mistakes": {"()": "skycam_project.common.logs.OnlyMistakes"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}
    },
    "root": {"handlers": ["console"], "level": CONFIG.log_level.upper()},
    "loggers": {
        "django.request": {"level": "ERROR", "filters": ["mistakes"]},
        "django.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "uvicorn": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "channels_redis": {
            "level": "CRITICAL"
        },  # one traceback a second without a broker; /readyz says it once
    },
}

if PROCESS != "command":  # a command's lines are for the person who typed it
    LOGGING["handlers"]["session"] = {
        "class": "sessions.store.logs.SessionHandler",
        "data_dir": str(DATA / "sessions"),
        "process": PROCESS,
    }
    LOGGING["root"]["handlers"].append("session")

__all__ = ["LOGGING"]
