"""Celery and the channel layer on one broker: the private socket of `up`, or what REDIS_URL says."""

from skycam_project.config.broker import broker_urls
from skycam_project.settings.base import CONFIG, DATA, RUN

CELERY_BROKER_URL, CHANNELS_URL = broker_urls(CONFIG.redis_url, RUN)

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [CHANNELS_URL], "prefix": "skycam"},
    }
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
# An unacknowledged task comes back after this time while it may still run: longer than the longest render.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600}
CELERY_TASK_DEFAULT_QUEUE = "processing"
CELERY_TIMEZONE = "UTC"
# `expires` just below the period: after a long pause one run is enough.
CELERY_BEAT_SCHEDULE = {
    "clear logins": {"task": "dashboard.clear_logins", "schedule": 86400.0, "options": {"expires": 86000}},
    "archive": {"task": "sessions.archive", "schedule": 3600.0, "options": {"expires": 3500}},
    "retention": {"task": "sessions.retention", "schedule": 86400.0, "options": {"expires": 86000}},
    "sweep jobs": {"task": "timelapse.sweep", "schedule": 15.0, "options": {"expires": 14}},
    "queue nights": {"task": "timelapse.nights", "schedule": 300.0, "options": {"expires": 290}},
    "find products": {"task": "timelapse.find_products", "schedule": 300.0, "options": {"expires": 290}},
}
if CONFIG.role == "capture":
    offer = {"task": "timelapse.offer", "schedule": CONFIG.timelapse_fetch_every, "options": {"expires": 29}}
    CELERY_BEAT_SCHEDULE["offer sessions"] = offer
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA / "state" / "beat")

__all__ = [name for name in dir() if name.isupper() and name not in {"CONFIG", "DATA", "RUN"}]
