"""The filter wheel: VIS, Astro, Duo-Band."""

from skycam_project.common.errors import InvalidValueError
from telescope.dwarf.commands import Param
from telescope.dwarf.exposure import FILTERS
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import notify_pb2, param_pb2
from telescope.dwarf.session.camera import CameraParams
from telescope.dwarf.session.connection import Connection
from telescope.dwarf.values import Camera, Filter, Parameter, ParamId
from telescope.errors import TelescopeError

FIRST = 1
"""Position taken when none is known: Astro, the telescope's own for the deep sky."""


class Filters:
    """Turns the wheel.

    Args:
        connection: of the session.
        camera: knows the parameter's id.
    """

    def __init__(self, connection: Connection, camera: CameraParams) -> None:
        self._connection, self._board, self._camera = connection, connection.board, camera
        self._board.set("filters", names=tuple(FILTERS), focus_offsets=(0,) * len(FILTERS))
        connection.on(Notify.GENERAL_INT_PARAM, self._echo)
        connection.on_ready(self._make_known)

    @property
    def current(self) -> Filter | None:
        """The filter in the way of the light; None when it turns or is not known."""
        position = self._board.filters.position
        return None if position is None or position < 0 else list(FILTERS.values())[position]

    def check(self, position: int) -> None:
        """Raise `InvalidValueError` when there is no such position."""
        if not 0 <= position < len(FILTERS):
            raise InvalidValueError("filter", position, f"0 … {len(FILTERS) - 1} ({', '.join(FILTERS)})")

    async def turn(self, position: int) -> None:
        """Put a filter into the light.

        Args:
            position: index into the names.

        Raises:
            InvalidValueError: no such position.
            TelescopeError: the telescope refused; the old position stands.
        """
        self.check(position)
        before = self._board.filters.position
        self._board.set("filters", position=-1, problem="")
        message = param_pb2.ReqSetGeneralIntParam(
            param_id=self._camera.resolver.param_id(Parameter.FILTER), value=list(FILTERS.values())[position]
        )
        try:
            await self._connection.command(Param.SET_GENERAL_INT_PARAM, message)
        except BaseException as error:
            problem = str(error) if isinstance(error, TelescopeError) else "interrupted"
            self._board.set("filters", position=before, problem=problem)
            raise
        self._board.set("filters", position=position)

    async def _make_known(self) -> None:
        """The telescope never tells which filter is in: put one in when we do not know."""
        if self._board.filters.position is None and not self._board.camera.run_active:
            await self.turn(FIRST)

    def set_focus_offset(self, position: int, steps: int) -> None:
        """Note by how many focus steps a filter is off; the wheel itself does nothing with it."""
        self.check(position)
        offsets = list(self._board.filters.focus_offsets)
        offsets[position] = steps
        self._board.set("filters", focus_offsets=tuple(offsets))

    def _echo(self, message: notify_pb2.GeneralIntParam) -> None:
        number, values = ParamId.unpack(message.param_id), list(FILTERS.values())
        if number.parameter == Parameter.FILTER and number.camera == Camera.TELE and message.value in values:
            self._board.set("filters", position=values.index(Filter(message.value)))
