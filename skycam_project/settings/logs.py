"""One JSON line per event on standard output; `up` collects, shows and keeps them."""

from skycam_project.settings.base import CONFIG

LOGGING = {
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
    },
}

__all__ = ["LOGGING"]
