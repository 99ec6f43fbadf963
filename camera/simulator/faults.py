"""What can go wrong with a camera, on demand: each fault counts down as it happens."""

from dataclasses import asdict, dataclass, fields


@dataclass(slots=True)
class Faults:
    """How often each fault is still to happen.

    Attributes:
        busy: captures answered with Device Busy.
        busy_set: settings answered with Device Busy.
        store_full: captures answered with Store Full, the card showing no room until the next capture.
        general_error: captures answered with General Error, which libgphoto2 takes for success and waits
            for ever.
        lose_event: pictures stored without an ObjectAdded event.
        lose_picture: captures that complete without a picture.
        stall: captures that are accepted and never complete.
        disconnect: captures at which both connections are closed.
        cut_transfer: downloads that stop half-way, both connections closed.
        refuse: connections refused at the first packet.
        silence: captures that get no answer at all for `silence_s`.
        silence_set: settings that get no answer for `silence_s`.
        silence_s: how long a silence lasts, seconds.
    """

    busy: int = 0
    busy_set: int = 0
    store_full: int = 0
    general_error: int = 0
    lose_event: int = 0
    lose_picture: int = 0
    stall: int = 0
    disconnect: int = 0
    cut_transfer: int = 0
    refuse: int = 0
    silence: int = 0
    silence_set: int = 0
    silence_s: float = 30.0

    def take(self, name: str) -> bool:
        """Whether the fault `name` happens now; it is used up by the question."""
        left = getattr(self, name)
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        return True

    def update(self, wanted: dict[str, float]) -> None:
        """Set the named counters. Raises `ValueError` naming the faults there are."""
        known = {field.name for field in fields(self)}
        for name, value in wanted.items():
            if (
                name not in known
                or isinstance(value, bool)
                or not isinstance(value, int | float)
                or value < 0
            ):
                raise ValueError(
                    f"fault {name}={value!r}; faults are {', '.join(sorted(known))}, each a number >= 0"
                )
        for name, value in wanted.items():
            setattr(self, name, float(value) if name == "silence_s" else int(value))

    def as_dict(self) -> dict[str, float]:
        """The counters by name."""
        return asdict(self)
