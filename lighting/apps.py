"""The app of the lights' addresses; the engine is a process of its own without Django."""

from django.apps import AppConfig


class LightingConfig(AppConfig):
    """Document 004's REST and WebSocket."""

    name = "lighting"
