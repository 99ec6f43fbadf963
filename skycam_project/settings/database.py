"""SQLite in the data folder, or what DATABASE_URL says.

IMMEDIATE takes the write lock at BEGIN: waiting for it works, upgrading to it does not (without it 90 % of
the transactions of eight writers failed, with it none).
"""

import dj_database_url

from skycam_project.settings.base import CONFIG, DATA

SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA / "skycam.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA temp_store=MEMORY;"
        "PRAGMA mmap_size=134217728;PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-8000",
    },
}
DATABASES = {"default": SQLITE}
if CONFIG.database_url:
    outside = dj_database_url.parse(CONFIG.database_url, conn_max_age=60)
    if outside["ENGINE"].endswith("sqlite3"):
        name = CONFIG.resolve(CONFIG.data.__class__(outside["NAME"]))
        DATABASES = {"default": SQLITE | {"NAME": name}}
    else:
        DATABASES = {"default": outside}

__all__ = ["DATABASES"]
