"""The app of cameras: drivers, hosts, the timelapse loops."""

from django.apps import AppConfig


class CameraConfig(AppConfig):
    """Cameras and what they are asked for."""

    name = "camera"
