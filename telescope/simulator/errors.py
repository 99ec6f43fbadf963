"""Errors of the simulator."""

from skycam_project.common.errors import SkycamError


class SimulatorError(SkycamError):
    """The simulator was told something that it cannot do."""

    code = "simulator"
