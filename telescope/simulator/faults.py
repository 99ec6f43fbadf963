"""What can go wrong on demand: `--fault NAME[=VALUE]` and the control port set these."""

from dataclasses import dataclass, fields

from telescope.simulator.errors import SimulatorError


@dataclass
class Faults:
    """Switches of the misbehaviours that stay until they are switched off.

    Attributes:
        drop_after: every new connection breaks off after so many simulated seconds, 0 = never.
        no_pong: keep-alives are not answered.
        slave: another controller, which nobody sees, is host.
        occupied: a second controller is refused with a WebSocket close, reason DEVICE_OCCUPIED.
        sd_full: no space on the card: captures answer -6.
        solve_failure: every plate solve of the device fails.
        focus_failure: auto focus fails.
        failed_frames: share of sub-exposures that the device rejects (`failed_…`), 0-1.
        low_battery: battery at this percentage, 0 = as it is.
        stale_parameters: a stacking run begins with exposure and gain of the run before.
        strict_order: a camera command before 16404 makes the device power off, as one unit did.
        http_errors: share of HTTP requests answered with 500, 0-1.
        ftp_refuse: FTP connections are refused (421).
        truncate: downloads by HTTP and FTP break off in the middle.
    """

    drop_after: int = 0
    no_pong: bool = False
    slave: bool = False
    occupied: bool = False
    sd_full: bool = False
    solve_failure: bool = False
    focus_failure: bool = False
    failed_frames: float = 0.0
    low_battery: int = 0
    stale_parameters: bool = False
    strict_order: bool = False
    http_errors: float = 0.0
    ftp_refuse: bool = False
    truncate: bool = False

    def set(self, name: str, value: object = True) -> None:
        """Set one fault; names may be written with hyphens.

        Args:
            name: an attribute above.
            value: true or false for switches, a number for the others; text is read as on the command line.

        Raises:
            SimulatorError: no such fault, or a value out of its range.
        """
        name = name.replace("-", "_")
        kinds = {field.name: type(field.default) for field in fields(self)}
        if name not in kinds:
            raise SimulatorError(f"there is no fault {name!r}; there are {', '.join(sorted(kinds))}")
        setattr(self, name, _read(name, kinds[name], str(value)))


TOPS = {"drop_after": 86400, "low_battery": 100, "failed_frames": 1, "http_errors": 1}
"""Highest value of the faults that take a number."""
_SWITCH = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


def _read(name: str, kind: type, value: str) -> bool | int | float:
    if kind is bool:
        switch = _SWITCH.get(value.lower())
        if switch is None:
            raise SimulatorError(f"fault {name} is on or off, not {value!r}")
        return switch
    top = TOPS[name]
    try:
        number = kind(value)
    except ValueError:
        number = None
    if number is None or not 0 <= number <= top:
        raise SimulatorError(f"fault {name} takes a number from 0 to {top}, not {value!r}")
    return number
