"""What a person can set, where it may stand, and what it does: the one place that reads configuration.

Order, later wins: default, `skycam.yaml`, environment, command line. Plain Python: the supervisor
and the command line read it too.
"""

from skycam_project.config.keys import CameraConfiguration, Configuration
from skycam_project.config.load import SettingError, load

__all__ = ["CameraConfiguration", "Configuration", "SettingError", "load"]
