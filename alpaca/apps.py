"""The app of the Alpaca protocol; owns no device."""

from django.apps import AppConfig


class AlpacaConfig(AppConfig):
    """The interface for astronomy programs."""

    name = "alpaca"
