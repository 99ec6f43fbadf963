"""Django's settings, derived from `skycam_project.config`; each part is a plain module."""

from skycam_project.settings.base import *  # noqa: F403
from skycam_project.settings.broker import *  # noqa: F403
from skycam_project.settings.database import *  # noqa: F403
from skycam_project.settings.logs import *  # noqa: F403
from skycam_project.settings.security import *  # noqa: F403
