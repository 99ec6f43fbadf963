"""Parameters of the tele camera: exposure and gain, and the mode that it is in."""

import logging

from telescope.dwarf.commands import Param, Task
from telescope.dwarf.exposure import ExposureResolver
from telescope.dwarf.frame import Exposure
from telescope.dwarf.http import DwarfHttpClient
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import notify_pb2, param_pb2, task_pb2
from telescope.dwarf.session.connection import Connection
from telescope.dwarf.values import Camera, Parameter, ParamId, ParamMode, ShootingMode, ShootingTech
from telescope.errors import TelescopeError

logger = logging.getLogger(__name__)


class CameraParams:
    """Sets what the next frames are taken with.

    Args:
        connection: of the session.
        http: for the tables of exposures and gains.

    Attributes:
        resolver: the tables, the telescope's own once it was asked.
        reloaded: parameters that the telescope loaded under another mode's id than we set, since `watch`.
    """

    def __init__(self, connection: Connection, http: DwarfHttpClient) -> None:
        self._connection, self._http = connection, http
        self.resolver = ExposureResolver()
        self.reloaded: dict[ParamId, int] = {}
        connection.on(Notify.GENERAL_INT_PARAM, self._echo)
        connection.on_ready(self._read_tables)
        self._publish()

    async def set_exposure(self, exposure: Exposure) -> None:
        """Set exposure time and gain for the deep-sky mode.

        Raises:
            InvalidValueError: not in the telescope's tables.
            TelescopeError: the telescope refused.
        """
        step, gain = self.resolver.exposure(exposure.duration_s), self.resolver.gain(exposure.gain)
        await self._set(Parameter.EXPOSURE, self.resolver.param_id(Parameter.EXPOSURE), step.index)
        await self._set(Parameter.GAIN, self.resolver.param_id(Parameter.GAIN), gain)

    async def set_frame_count(self, count: int) -> None:
        """Frames of the next stacking run, 1 … 999."""
        message = param_pb2.ReqSetGeneralIntParam(
            param_id=self.resolver.param_id(Parameter.FRAME_COUNT), value=count
        )
        await self._connection.command(Param.SET_GENERAL_INT_PARAM, message)

    async def correct_reloaded(self, exposure: Exposure) -> None:
        """Set again what the telescope loaded differently while it prepared a run.

        Firmware 1.5 keeps the parameters of a running capture under ids of internal modes (11, 13) and fills
        them with older values; 15264 tells them, and what is set under those ids before the first frame
        holds.
        """
        wanted = {
            Parameter.EXPOSURE: self.resolver.exposure(exposure.duration_s).index,
            Parameter.GAIN: self.resolver.gain(exposure.gain),
        }
        for number, value in list(self.reloaded.items()):
            parameter = Parameter(number.parameter)
            if value != wanted[parameter]:
                logger.info("parameter reloaded mode=%d %s=%d", number.mode, parameter.name.lower(), value)
                await self._set(parameter, number.pack(), wanted[parameter])
            self.reloaded.pop(number, None)

    async def enter(self, tech: ShootingTech) -> None:
        """Switch to the deep-sky mode and a technique: stacking or single photos."""
        mode = task_pb2.ReqSwitchShootingMode(mode=ShootingMode.DEEP_SKY)
        await self._connection.command(Task.SWITCH_SHOOTING_MODE, mode)
        message = task_pb2.ReqSwitchShootingTech(tech=tech)
        await self._connection.command(Task.SWITCH_SHOOTING_TECH, message)

    async def _set(self, parameter: Parameter, param_id: int, value: int) -> None:
        kind = param_pb2.ReqSetExposure if parameter == Parameter.EXPOSURE else param_pb2.ReqSetGain
        command = Param.SET_EXPOSURE if parameter == Parameter.EXPOSURE else Param.SET_GAIN
        await self._connection.command(command, kind(param_id=param_id, mode=ParamMode.MANUAL, value=value))

    def _echo(self, message: notify_pb2.GeneralIntParam) -> None:
        number = ParamId.unpack(message.param_id)
        foreign = number.mode not in (0, ShootingMode.NORMAL, ShootingMode.DEEP_SKY)
        if (
            foreign
            and number.camera == Camera.TELE
            and number.parameter in (Parameter.EXPOSURE, Parameter.GAIN)
        ):
            self.reloaded[number] = message.value

    async def _read_tables(self) -> None:
        try:
            data = await self._http.params_and_settings(ShootingMode.DEEP_SKY)
        except TelescopeError as error:
            logger.warning("parameter tables not read, built-in ones used: %s", error)
            return
        self.resolver = ExposureResolver.from_params(data)
        self._publish()

    def _publish(self) -> None:
        resolver, optics = self.resolver, self._connection.settings.optics
        self._connection.board.set(
            "camera",
            exposures_s=tuple(step.seconds for step in resolver.steps),
            exposure_min_s=resolver.shortest,
            exposure_max_s=resolver.longest,
            gains=tuple(resolver.gains),
            gain_min=resolver.gains[0],
            gain_max=resolver.gains[-1],
            width_px=optics.width_px,
            height_px=optics.height_px,
        )
