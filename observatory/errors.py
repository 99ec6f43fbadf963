"""What goes wrong between devices; every text says what to do."""

from skycam_project.common.errors import SkycamError


class FlatsError(SkycamError):
    """The flats could not be taken."""

    code = "flats"


class BusyError(FlatsError):
    """A run is going on already."""

    code = "flats_busy"


class UnreachableError(FlatsError):
    """No brightness and exposure time that are allowed give the wanted level."""

    code = "flats_unreachable"


class UnseenError(FlatsError):
    """The camera's picture does not change with the panel."""

    code = "flats_unseen"
