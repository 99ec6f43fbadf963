"""The app of telescopes: the DWARF 3's protocol, session and host."""

from django.apps import AppConfig


class TelescopeConfig(AppConfig):
    """Telescopes."""

    name = "telescope"
