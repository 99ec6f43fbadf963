"""Calibrations and focus runs are sessions of their own: `alignment` and `maintenance` (architecture §4)."""

from collections.abc import Callable
from dataclasses import dataclass

from sessions.store.manager import SessionManager
from telescope.dwarf.session.state import Board

SETTLED = 2
"""Looks at a telescope that has stopped before its session ends: a calibration pauses between its directions."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """Something that a telescope does by itself for a while.

    Attributes:
        session_type: of its session.
        purpose: of its session; by it the session is known again after a restart.
        runs: whether it is going on.
        problem: why it came to nothing; empty when it did not.
    """

    session_type: str
    purpose: str
    runs: Callable[[Board], bool]
    problem: Callable[[Board], str]


CALIBRATION = Procedure(
    "alignment",
    "calibration",
    lambda board: board.mount.calibrating,
    lambda board: board.mount.problem or ("" if board.mount.calibrated else "it ended before it was done"),
)
FOCUS = Procedure(
    "maintenance", "focus", lambda board: board.focus.autofocus, lambda board: board.focus.problem
)
PROCEDURES = (CALIBRATION, FOCUS)


class Procedures:
    """Opens and ends those sessions. What runs within an observation or a run of flats stays in it.

    Args:
        sessions: of this telescope, owned by this process.
        board: its state.
    """

    def __init__(self, sessions: SessionManager, board: Board) -> None:
        self._sessions, self._board, self._still = sessions, board, 0

    def look(self) -> None:
        """Begin or end a session. Raises `StoreError`, `OSError`."""
        active, board = self._sessions.active_session, self._board
        going = next((one for one in PROCEDURES if board.connection.connected and one.runs(board)), None)
        own = next(
            (one for one in PROCEDURES if (one.session_type, one.purpose) == (active.type, active.purpose)),
            None,
        )
        if own is not None and going is not own:
            self._still += 1
            if self._still >= SETTLED:
                self._end(own)
            return
        self._still = 0
        if going is not None and active.type == "idle":
            self._sessions.start_session(going.session_type, purpose=going.purpose)

    def _end(self, done: Procedure) -> None:
        problem = done.problem(self._board)
        if problem:  # an error row: the catalogue finds failed alignments by it
            self._sessions.log("ERROR", f"{done.purpose} failed: {problem}", source=__name__)
        self._sessions.add_event(f"{done.purpose}_ended", {"problem": problem or None})
        self._sessions.end_session(wait=False)
