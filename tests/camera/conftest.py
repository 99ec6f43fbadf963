"""The fixtures of `camera_rig`, for every test of this folder."""

from camera_rig import home, nikon, simulator, simulators, start_driver, start_simulator, vusb

__all__ = ["home", "nikon", "simulator", "simulators", "start_driver", "start_simulator", "vusb"]
