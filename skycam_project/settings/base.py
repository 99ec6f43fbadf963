"""Apps, middleware, templates, static files, time."""

import os
from pathlib import Path

from skycam_project.config import load
from skycam_project.config.places import prepare_data_folder, runtime_folder

CONFIG, CONFIG_NOTES = load()
PROCESS = os.environ.get("SKYCAM_PROCESS", "command")
"""Name of this process in logs, metrics and on the status page."""
ROOT = Path(__file__).resolve().parents[2]
DATA = CONFIG.data
prepare_data_folder(DATA)
RUN = runtime_folder(DATA)

DEBUG = CONFIG.debug
ROOT_URLCONF = "skycam_project.urls"
ASGI_APPLICATION = "skycam_project.asgi.application"
# `daphne` is not an app here: it would cost 26 MiB in every process, and only `runserver` needs it.
INSTALLED_APPS = [
    "skycam_project.admin_app.AdminConfig",
    "django.contrib.messages",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "channels",
    "csp",
    "django_prometheus",
    "skycam_project",
    "sessions",
    "camera",
    "lighting",
    "telescope",
    "timelapse",
    "alpaca",
    "dashboard",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "skycam_project.middleware.refuse_hidden_peers",
    "skycam_project.middleware.refuse_cross_site_changes",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dashboard.middleware.first_run",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,  # the admin brings its own; ours come first
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ]
        },
    }
]
STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
# Served from where they lie, with an ETag: no collectstatic step between a change and the page, none at the start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = ["skycam_project.formats"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "dashboard.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["dashboard.api.permissions.RolePermission"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_RATES": {"login": "5/5m"},
    "EXCEPTION_HANDLER": "dashboard.api.errors.handle",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Skycam control API",
    "DESCRIPTION": "Commands and state of everything that Skycam runs. Log in by session or with a token: "
    "`Authorization: Bearer …`.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["dashboard.api.permissions.RolePermission"],
    "SCHEMA_PATH_PREFIX": "/control/v1/",
}
PROMETHEUS_EXPORT_MIGRATIONS = False
