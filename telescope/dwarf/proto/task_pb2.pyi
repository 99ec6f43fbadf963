from telescope.dwarf.proto import astro_pb2 as _astro_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReqStartTask(_message.Message):
    __slots__ = ("task_id", "make_fits_thumb", "repostprocess")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    MAKE_FITS_THUMB_FIELD_NUMBER: _ClassVar[int]
    REPOSTPROCESS_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    make_fits_thumb: _astro_pb2.ReqStartMakeFitsThumb
    repostprocess: _astro_pb2.ReqStartRepostprocess
    def __init__(self, task_id: _Optional[int] = ..., make_fits_thumb: _Optional[_Union[_astro_pb2.ReqStartMakeFitsThumb, _Mapping]] = ..., repostprocess: _Optional[_Union[_astro_pb2.ReqStartRepostprocess, _Mapping]] = ...) -> None: ...

class ReqStopTask(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    def __init__(self, task_id: _Optional[int] = ...) -> None: ...

class ResTaskCenter(_message.Message):
    __slots__ = ("code", "task_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    code: int
    task_id: int
    def __init__(self, code: _Optional[int] = ..., task_id: _Optional[int] = ...) -> None: ...

class ReqSwitchShootingMode(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: int
    def __init__(self, mode: _Optional[int] = ...) -> None: ...

class ResSwitchShootingMode(_message.Message):
    __slots__ = ("code", "shooting_mode_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SHOOTING_MODE_ID_FIELD_NUMBER: _ClassVar[int]
    code: int
    shooting_mode_id: int
    def __init__(self, code: _Optional[int] = ..., shooting_mode_id: _Optional[int] = ...) -> None: ...

class ReqSwitchShootingTech(_message.Message):
    __slots__ = ("tech",)
    TECH_FIELD_NUMBER: _ClassVar[int]
    tech: int
    def __init__(self, tech: _Optional[int] = ...) -> None: ...

class ResSwitchShootingTech(_message.Message):
    __slots__ = ("code", "shooting_tech_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SHOOTING_TECH_ID_FIELD_NUMBER: _ClassVar[int]
    code: int
    shooting_tech_id: int
    def __init__(self, code: _Optional[int] = ..., shooting_tech_id: _Optional[int] = ...) -> None: ...

class ClientParam(_message.Message):
    __slots__ = ("encode_type",)
    ENCODE_TYPE_FIELD_NUMBER: _ClassVar[int]
    encode_type: int
    def __init__(self, encode_type: _Optional[int] = ...) -> None: ...

class ReqEnterCamera(_message.Message):
    __slots__ = ("client_param",)
    CLIENT_PARAM_FIELD_NUMBER: _ClassVar[int]
    client_param: ClientParam
    def __init__(self, client_param: _Optional[_Union[ClientParam, _Mapping]] = ...) -> None: ...

class ResEnterCamera(_message.Message):
    __slots__ = ("code", "shooting_mode_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SHOOTING_MODE_ID_FIELD_NUMBER: _ClassVar[int]
    code: int
    shooting_mode_id: int
    def __init__(self, code: _Optional[int] = ..., shooting_mode_id: _Optional[int] = ...) -> None: ...

class CameraOperation(_message.Message):
    __slots__ = ("state", "camera_type")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    state: int
    camera_type: int
    def __init__(self, state: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class CameraExclusiveState(_message.Message):
    __slots__ = ("raw_capture", "photo", "burst", "record", "time_lapse", "calibration_frame", "panorama", "sentry")
    RAW_CAPTURE_FIELD_NUMBER: _ClassVar[int]
    PHOTO_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    TIME_LAPSE_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FRAME_FIELD_NUMBER: _ClassVar[int]
    PANORAMA_FIELD_NUMBER: _ClassVar[int]
    SENTRY_FIELD_NUMBER: _ClassVar[int]
    raw_capture: CameraOperation
    photo: CameraOperation
    burst: CameraOperation
    record: CameraOperation
    time_lapse: CameraOperation
    calibration_frame: CameraOperation
    panorama: CameraOperation
    sentry: CameraOperation
    def __init__(self, raw_capture: _Optional[_Union[CameraOperation, _Mapping]] = ..., photo: _Optional[_Union[CameraOperation, _Mapping]] = ..., burst: _Optional[_Union[CameraOperation, _Mapping]] = ..., record: _Optional[_Union[CameraOperation, _Mapping]] = ..., time_lapse: _Optional[_Union[CameraOperation, _Mapping]] = ..., calibration_frame: _Optional[_Union[CameraOperation, _Mapping]] = ..., panorama: _Optional[_Union[CameraOperation, _Mapping]] = ..., sentry: _Optional[_Union[CameraOperation, _Mapping]] = ...) -> None: ...

class StreamType(_message.Message):
    __slots__ = ("stream_type", "cam_id")
    STREAM_TYPE_FIELD_NUMBER: _ClassVar[int]
    CAM_ID_FIELD_NUMBER: _ClassVar[int]
    stream_type: int
    cam_id: int
    def __init__(self, stream_type: _Optional[int] = ..., cam_id: _Optional[int] = ...) -> None: ...

class CmosTemperature(_message.Message):
    __slots__ = ("temperature", "camera_type")
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    temperature: int
    camera_type: int
    def __init__(self, temperature: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class CameraState(_message.Message):
    __slots__ = ("exclusive_state", "stream_type", "h_fov", "v_fov", "width", "height", "cmos_temperature")
    EXCLUSIVE_STATE_FIELD_NUMBER: _ClassVar[int]
    STREAM_TYPE_FIELD_NUMBER: _ClassVar[int]
    H_FOV_FIELD_NUMBER: _ClassVar[int]
    V_FOV_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    CMOS_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    exclusive_state: CameraExclusiveState
    stream_type: StreamType
    h_fov: float
    v_fov: float
    width: int
    height: int
    cmos_temperature: CmosTemperature
    def __init__(self, exclusive_state: _Optional[_Union[CameraExclusiveState, _Mapping]] = ..., stream_type: _Optional[_Union[StreamType, _Mapping]] = ..., h_fov: _Optional[float] = ..., v_fov: _Optional[float] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., cmos_temperature: _Optional[_Union[CmosTemperature, _Mapping]] = ...) -> None: ...

class State(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: int
    def __init__(self, state: _Optional[int] = ...) -> None: ...

class FocusExclusiveState(_message.Message):
    __slots__ = ("astro_auto_focus", "normal_auto_focus", "fast_astro_auto_focus", "area_auto_focus")
    ASTRO_AUTO_FOCUS_FIELD_NUMBER: _ClassVar[int]
    NORMAL_AUTO_FOCUS_FIELD_NUMBER: _ClassVar[int]
    FAST_ASTRO_AUTO_FOCUS_FIELD_NUMBER: _ClassVar[int]
    AREA_AUTO_FOCUS_FIELD_NUMBER: _ClassVar[int]
    astro_auto_focus: State
    normal_auto_focus: State
    fast_astro_auto_focus: State
    area_auto_focus: State
    def __init__(self, astro_auto_focus: _Optional[_Union[State, _Mapping]] = ..., normal_auto_focus: _Optional[_Union[State, _Mapping]] = ..., fast_astro_auto_focus: _Optional[_Union[State, _Mapping]] = ..., area_auto_focus: _Optional[_Union[State, _Mapping]] = ...) -> None: ...

class FocusPosition(_message.Message):
    __slots__ = ("pos",)
    POS_FIELD_NUMBER: _ClassVar[int]
    pos: int
    def __init__(self, pos: _Optional[int] = ...) -> None: ...

class FocusMotorState(_message.Message):
    __slots__ = ("exclusive_state", "focus_position")
    EXCLUSIVE_STATE_FIELD_NUMBER: _ClassVar[int]
    FOCUS_POSITION_FIELD_NUMBER: _ClassVar[int]
    exclusive_state: FocusExclusiveState
    focus_position: FocusPosition
    def __init__(self, exclusive_state: _Optional[_Union[FocusExclusiveState, _Mapping]] = ..., focus_position: _Optional[_Union[FocusPosition, _Mapping]] = ...) -> None: ...

class CalibrationState(_message.Message):
    __slots__ = ("state", "plate_solving_times")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PLATE_SOLVING_TIMES_FIELD_NUMBER: _ClassVar[int]
    state: int
    plate_solving_times: int
    def __init__(self, state: _Optional[int] = ..., plate_solving_times: _Optional[int] = ...) -> None: ...

class NamedState(_message.Message):
    __slots__ = ("state", "target_name")
    STATE_FIELD_NUMBER: _ClassVar[int]
    TARGET_NAME_FIELD_NUMBER: _ClassVar[int]
    state: int
    target_name: str
    def __init__(self, state: _Optional[int] = ..., target_name: _Optional[str] = ...) -> None: ...

class OneClickGotoState(_message.Message):
    __slots__ = ("auto_focus", "calibration", "goto", "tracking")
    AUTO_FOCUS_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    GOTO_FIELD_NUMBER: _ClassVar[int]
    TRACKING_FIELD_NUMBER: _ClassVar[int]
    auto_focus: State
    calibration: CalibrationState
    goto: NamedState
    tracking: NamedState
    def __init__(self, auto_focus: _Optional[_Union[State, _Mapping]] = ..., calibration: _Optional[_Union[CalibrationState, _Mapping]] = ..., goto: _Optional[_Union[NamedState, _Mapping]] = ..., tracking: _Optional[_Union[NamedState, _Mapping]] = ...) -> None: ...

class MotionExclusiveState(_message.Message):
    __slots__ = ("calibration", "goto", "tracking", "normal_track", "one_click_goto", "eq_solving", "sentry", "sky_target_finder")
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    GOTO_FIELD_NUMBER: _ClassVar[int]
    TRACKING_FIELD_NUMBER: _ClassVar[int]
    NORMAL_TRACK_FIELD_NUMBER: _ClassVar[int]
    ONE_CLICK_GOTO_FIELD_NUMBER: _ClassVar[int]
    EQ_SOLVING_FIELD_NUMBER: _ClassVar[int]
    SENTRY_FIELD_NUMBER: _ClassVar[int]
    SKY_TARGET_FINDER_FIELD_NUMBER: _ClassVar[int]
    calibration: CalibrationState
    goto: NamedState
    tracking: NamedState
    normal_track: State
    one_click_goto: OneClickGotoState
    eq_solving: State
    sentry: State
    sky_target_finder: State
    def __init__(self, calibration: _Optional[_Union[CalibrationState, _Mapping]] = ..., goto: _Optional[_Union[NamedState, _Mapping]] = ..., tracking: _Optional[_Union[NamedState, _Mapping]] = ..., normal_track: _Optional[_Union[State, _Mapping]] = ..., one_click_goto: _Optional[_Union[OneClickGotoState, _Mapping]] = ..., eq_solving: _Optional[_Union[State, _Mapping]] = ..., sentry: _Optional[_Union[State, _Mapping]] = ..., sky_target_finder: _Optional[_Union[State, _Mapping]] = ...) -> None: ...

class Mode(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: int
    def __init__(self, mode: _Optional[int] = ...) -> None: ...

class MotionMotorState(_message.Message):
    __slots__ = ("exclusive_state", "mode")
    EXCLUSIVE_STATE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    exclusive_state: MotionExclusiveState
    mode: Mode
    def __init__(self, exclusive_state: _Optional[_Union[MotionExclusiveState, _Mapping]] = ..., mode: _Optional[_Union[Mode, _Mapping]] = ...) -> None: ...

class Storage(_message.Message):
    __slots__ = ("available_size", "total_size", "storage_type", "is_valid")
    AVAILABLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STORAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    IS_VALID_FIELD_NUMBER: _ClassVar[int]
    available_size: int
    total_size: int
    storage_type: int
    is_valid: bool
    def __init__(self, available_size: _Optional[int] = ..., total_size: _Optional[int] = ..., storage_type: _Optional[int] = ..., is_valid: _Optional[bool] = ...) -> None: ...

class Temperature(_message.Message):
    __slots__ = ("code", "temperature")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    code: int
    temperature: int
    def __init__(self, code: _Optional[int] = ..., temperature: _Optional[int] = ...) -> None: ...

class BodyStatus(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: int
    def __init__(self, status: _Optional[int] = ...) -> None: ...

class Battery(_message.Message):
    __slots__ = ("percent",)
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    percent: int
    def __init__(self, percent: _Optional[int] = ...) -> None: ...

class CalibrationResult(_message.Message):
    __slots__ = ("azi", "alt")
    AZI_FIELD_NUMBER: _ClassVar[int]
    ALT_FIELD_NUMBER: _ClassVar[int]
    azi: float
    alt: float
    def __init__(self, azi: _Optional[float] = ..., alt: _Optional[float] = ...) -> None: ...

class PictureMatching(_message.Message):
    __slots__ = ("x", "y", "w", "h")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    W_FIELD_NUMBER: _ClassVar[int]
    H_FIELD_NUMBER: _ClassVar[int]
    x: int
    y: int
    w: int
    h: int
    def __init__(self, x: _Optional[int] = ..., y: _Optional[int] = ..., w: _Optional[int] = ..., h: _Optional[int] = ...) -> None: ...

class DeviceState(_message.Message):
    __slots__ = ("rgb", "power_indicator", "charging", "storage", "mtp", "cpu_mode", "temperature", "body_status", "battery", "calibration_result", "picture_matching")
    RGB_FIELD_NUMBER: _ClassVar[int]
    POWER_INDICATOR_FIELD_NUMBER: _ClassVar[int]
    CHARGING_FIELD_NUMBER: _ClassVar[int]
    STORAGE_FIELD_NUMBER: _ClassVar[int]
    MTP_FIELD_NUMBER: _ClassVar[int]
    CPU_MODE_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    BODY_STATUS_FIELD_NUMBER: _ClassVar[int]
    BATTERY_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_RESULT_FIELD_NUMBER: _ClassVar[int]
    PICTURE_MATCHING_FIELD_NUMBER: _ClassVar[int]
    rgb: State
    power_indicator: State
    charging: State
    storage: Storage
    mtp: Mode
    cpu_mode: Mode
    temperature: Temperature
    body_status: BodyStatus
    battery: Battery
    calibration_result: CalibrationResult
    picture_matching: PictureMatching
    def __init__(self, rgb: _Optional[_Union[State, _Mapping]] = ..., power_indicator: _Optional[_Union[State, _Mapping]] = ..., charging: _Optional[_Union[State, _Mapping]] = ..., storage: _Optional[_Union[Storage, _Mapping]] = ..., mtp: _Optional[_Union[Mode, _Mapping]] = ..., cpu_mode: _Optional[_Union[Mode, _Mapping]] = ..., temperature: _Optional[_Union[Temperature, _Mapping]] = ..., body_status: _Optional[_Union[BodyStatus, _Mapping]] = ..., battery: _Optional[_Union[Battery, _Mapping]] = ..., calibration_result: _Optional[_Union[CalibrationResult, _Mapping]] = ..., picture_matching: _Optional[_Union[PictureMatching, _Mapping]] = ...) -> None: ...

class HostSlaveMode(_message.Message):
    __slots__ = ("mode", "lock")
    MODE_FIELD_NUMBER: _ClassVar[int]
    LOCK_FIELD_NUMBER: _ClassVar[int]
    mode: int
    lock: bool
    def __init__(self, mode: _Optional[int] = ..., lock: _Optional[bool] = ...) -> None: ...

class ConnectionState(_message.Message):
    __slots__ = ("host_slave_mode",)
    HOST_SLAVE_MODE_FIELD_NUMBER: _ClassVar[int]
    host_slave_mode: HostSlaveMode
    def __init__(self, host_slave_mode: _Optional[_Union[HostSlaveMode, _Mapping]] = ...) -> None: ...

class ShootingModeInfo(_message.Message):
    __slots__ = ("shooting_mode", "parent_shooting_mode", "shooting_techs")
    SHOOTING_MODE_FIELD_NUMBER: _ClassVar[int]
    PARENT_SHOOTING_MODE_FIELD_NUMBER: _ClassVar[int]
    SHOOTING_TECHS_FIELD_NUMBER: _ClassVar[int]
    shooting_mode: int
    parent_shooting_mode: int
    shooting_techs: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, shooting_mode: _Optional[int] = ..., parent_shooting_mode: _Optional[int] = ..., shooting_techs: _Optional[_Iterable[int]] = ...) -> None: ...

class ResGetDeviceStateInfo(_message.Message):
    __slots__ = ("shooting_mode", "tele", "wide", "focus_motor", "motion_motor", "device", "code", "connection_state_info", "shooting_modes")
    SHOOTING_MODE_FIELD_NUMBER: _ClassVar[int]
    TELE_FIELD_NUMBER: _ClassVar[int]
    WIDE_FIELD_NUMBER: _ClassVar[int]
    FOCUS_MOTOR_FIELD_NUMBER: _ClassVar[int]
    MOTION_MOTOR_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_STATE_INFO_FIELD_NUMBER: _ClassVar[int]
    SHOOTING_MODES_FIELD_NUMBER: _ClassVar[int]
    shooting_mode: int
    tele: CameraState
    wide: CameraState
    focus_motor: FocusMotorState
    motion_motor: MotionMotorState
    device: DeviceState
    code: int
    connection_state_info: ConnectionState
    shooting_modes: _containers.RepeatedCompositeFieldContainer[ShootingModeInfo]
    def __init__(self, shooting_mode: _Optional[int] = ..., tele: _Optional[_Union[CameraState, _Mapping]] = ..., wide: _Optional[_Union[CameraState, _Mapping]] = ..., focus_motor: _Optional[_Union[FocusMotorState, _Mapping]] = ..., motion_motor: _Optional[_Union[MotionMotorState, _Mapping]] = ..., device: _Optional[_Union[DeviceState, _Mapping]] = ..., code: _Optional[int] = ..., connection_state_info: _Optional[_Union[ConnectionState, _Mapping]] = ..., shooting_modes: _Optional[_Iterable[_Union[ShootingModeInfo, _Mapping]]] = ...) -> None: ...
