from telescope.dwarf.proto import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ResNotifyPictureMatching(_message.Message):
    __slots__ = ("x", "y", "width", "height", "value", "code")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    x: int
    y: int
    width: int
    height: int
    value: float
    code: int
    def __init__(self, x: _Optional[int] = ..., y: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., value: _Optional[float] = ..., code: _Optional[int] = ...) -> None: ...

class ResNotifySDcardInfo(_message.Message):
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

class ResNotifyRecordTime(_message.Message):
    __slots__ = ("seconds", "camera_type")
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    seconds: int
    camera_type: int
    def __init__(self, seconds: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class ResNotifyTimeLapseOutTime(_message.Message):
    __slots__ = ("interval", "out_time", "total_time", "camera_type")
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    OUT_TIME_FIELD_NUMBER: _ClassVar[int]
    TOTAL_TIME_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    interval: int
    out_time: int
    total_time: int
    camera_type: int
    def __init__(self, interval: _Optional[int] = ..., out_time: _Optional[int] = ..., total_time: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class ResNotifyOperationState(_message.Message):
    __slots__ = ("state", "camera_type")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    state: int
    camera_type: int
    def __init__(self, state: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class ResNotifyProgressCaptureRawDark(_message.Message):
    __slots__ = ("progress", "remaining_time", "camera_type")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REMAINING_TIME_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    progress: int
    remaining_time: int
    camera_type: int
    def __init__(self, progress: _Optional[int] = ..., remaining_time: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class ResNotifyProgressCaptureRawLiveStacking(_message.Message):
    __slots__ = ("total_count", "update_type", "current_count", "stacked_count", "exp_index", "gain_index", "target_name", "camera_type", "shooting_time", "stacked_time")
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    STACKED_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXP_INDEX_FIELD_NUMBER: _ClassVar[int]
    GAIN_INDEX_FIELD_NUMBER: _ClassVar[int]
    TARGET_NAME_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SHOOTING_TIME_FIELD_NUMBER: _ClassVar[int]
    STACKED_TIME_FIELD_NUMBER: _ClassVar[int]
    total_count: int
    update_type: int
    current_count: int
    stacked_count: int
    exp_index: int
    gain_index: int
    target_name: str
    camera_type: int
    shooting_time: int
    stacked_time: int
    def __init__(self, total_count: _Optional[int] = ..., update_type: _Optional[int] = ..., current_count: _Optional[int] = ..., stacked_count: _Optional[int] = ..., exp_index: _Optional[int] = ..., gain_index: _Optional[int] = ..., target_name: _Optional[str] = ..., camera_type: _Optional[int] = ..., shooting_time: _Optional[int] = ..., stacked_time: _Optional[int] = ...) -> None: ...

class ResNotifyStateAstroCalibration(_message.Message):
    __slots__ = ("state", "plate_solving_times")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PLATE_SOLVING_TIMES_FIELD_NUMBER: _ClassVar[int]
    state: int
    plate_solving_times: int
    def __init__(self, state: _Optional[int] = ..., plate_solving_times: _Optional[int] = ...) -> None: ...

class ResNotifyStateAstroGoto(_message.Message):
    __slots__ = ("state", "target_name")
    STATE_FIELD_NUMBER: _ClassVar[int]
    TARGET_NAME_FIELD_NUMBER: _ClassVar[int]
    state: int
    target_name: str
    def __init__(self, state: _Optional[int] = ..., target_name: _Optional[str] = ...) -> None: ...

class ResNotifyStateAstroTracking(_message.Message):
    __slots__ = ("state", "target_name")
    STATE_FIELD_NUMBER: _ClassVar[int]
    TARGET_NAME_FIELD_NUMBER: _ClassVar[int]
    state: int
    target_name: str
    def __init__(self, state: _Optional[int] = ..., target_name: _Optional[str] = ...) -> None: ...

class ResNotifyParam(_message.Message):
    __slots__ = ("param",)
    PARAM_FIELD_NUMBER: _ClassVar[int]
    param: _containers.RepeatedCompositeFieldContainer[_common_pb2.CommonParam]
    def __init__(self, param: _Optional[_Iterable[_Union[_common_pb2.CommonParam, _Mapping]]] = ...) -> None: ...

class ResNotifyCamFunctionState(_message.Message):
    __slots__ = ("state", "function_id")
    STATE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    state: int
    function_id: int
    def __init__(self, state: _Optional[int] = ..., function_id: _Optional[int] = ...) -> None: ...

class ResNotifyBurstProgress(_message.Message):
    __slots__ = ("total_count", "completed_count", "camera_type")
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    total_count: int
    completed_count: int
    camera_type: int
    def __init__(self, total_count: _Optional[int] = ..., completed_count: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class ResNotifyPanoramaProgress(_message.Message):
    __slots__ = ("total_count", "completed_count", "camera_type")
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    total_count: int
    completed_count: int
    camera_type: int
    def __init__(self, total_count: _Optional[int] = ..., completed_count: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class ResNotifyState(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: int
    def __init__(self, state: _Optional[int] = ...) -> None: ...

class ResNotifyMode(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: int
    def __init__(self, mode: _Optional[int] = ...) -> None: ...

class ResNotifyHostSlaveMode(_message.Message):
    __slots__ = ("mode", "lock")
    MODE_FIELD_NUMBER: _ClassVar[int]
    LOCK_FIELD_NUMBER: _ClassVar[int]
    mode: int
    lock: bool
    def __init__(self, mode: _Optional[int] = ..., lock: _Optional[bool] = ...) -> None: ...

class ResNotifyTrackResult(_message.Message):
    __slots__ = ("x", "y", "w", "h", "id")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    W_FIELD_NUMBER: _ClassVar[int]
    H_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    x: int
    y: int
    w: int
    h: int
    id: int
    def __init__(self, x: _Optional[int] = ..., y: _Optional[int] = ..., w: _Optional[int] = ..., h: _Optional[int] = ..., id: _Optional[int] = ...) -> None: ...

class ResNotifyStateAstroTrackingSpecial(_message.Message):
    __slots__ = ("state", "target_name", "index")
    STATE_FIELD_NUMBER: _ClassVar[int]
    TARGET_NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    state: int
    target_name: str
    index: int
    def __init__(self, state: _Optional[int] = ..., target_name: _Optional[str] = ..., index: _Optional[int] = ...) -> None: ...

class ResNotifyAlbumUpdate(_message.Message):
    __slots__ = ("media_type",)
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    media_type: int
    def __init__(self, media_type: _Optional[int] = ...) -> None: ...

class ResNotifySentryModeState(_message.Message):
    __slots__ = ("state", "object_type")
    STATE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    state: int
    object_type: int
    def __init__(self, state: _Optional[int] = ..., object_type: _Optional[int] = ...) -> None: ...

class ResNotifyOneClickGotoState(_message.Message):
    __slots__ = ("auto_focus", "calibration", "goto", "tracking")
    AUTO_FOCUS_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    GOTO_FIELD_NUMBER: _ClassVar[int]
    TRACKING_FIELD_NUMBER: _ClassVar[int]
    auto_focus: ResNotifyState
    calibration: ResNotifyStateAstroCalibration
    goto: ResNotifyStateAstroGoto
    tracking: ResNotifyStateAstroTracking
    def __init__(self, auto_focus: _Optional[_Union[ResNotifyState, _Mapping]] = ..., calibration: _Optional[_Union[ResNotifyStateAstroCalibration, _Mapping]] = ..., goto: _Optional[_Union[ResNotifyStateAstroGoto, _Mapping]] = ..., tracking: _Optional[_Union[ResNotifyStateAstroTracking, _Mapping]] = ...) -> None: ...

class ResNotifyStreamType(_message.Message):
    __slots__ = ("stream_type", "cam_id")
    STREAM_TYPE_FIELD_NUMBER: _ClassVar[int]
    CAM_ID_FIELD_NUMBER: _ClassVar[int]
    stream_type: int
    cam_id: int
    def __init__(self, stream_type: _Optional[int] = ..., cam_id: _Optional[int] = ...) -> None: ...

class ResNotifyTemperature(_message.Message):
    __slots__ = ("code", "temperature")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    code: int
    temperature: int
    def __init__(self, code: _Optional[int] = ..., temperature: _Optional[int] = ...) -> None: ...

class ResNotifyShootingScheduleResultAndState(_message.Message):
    __slots__ = ("schedule_id", "result", "state")
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    schedule_id: str
    result: int
    state: int
    def __init__(self, schedule_id: _Optional[str] = ..., result: _Optional[int] = ..., state: _Optional[int] = ...) -> None: ...

class ResNotifyShootingTaskState(_message.Message):
    __slots__ = ("schedule_task_id", "state", "code")
    SCHEDULE_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    schedule_task_id: str
    state: int
    code: int
    def __init__(self, schedule_task_id: _Optional[str] = ..., state: _Optional[int] = ..., code: _Optional[int] = ...) -> None: ...

class ProgressAiEnhance(_message.Message):
    __slots__ = ("progress", "total_time")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_TIME_FIELD_NUMBER: _ClassVar[int]
    progress: int
    total_time: int
    def __init__(self, progress: _Optional[int] = ..., total_time: _Optional[int] = ...) -> None: ...

class CommonProgress(_message.Message):
    __slots__ = ("current", "total", "progress_type")
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_TYPE_FIELD_NUMBER: _ClassVar[int]
    current: int
    total: int
    progress_type: int
    def __init__(self, current: _Optional[int] = ..., total: _Optional[int] = ..., progress_type: _Optional[int] = ...) -> None: ...

class CalibrationResult(_message.Message):
    __slots__ = ("azi", "alt")
    AZI_FIELD_NUMBER: _ClassVar[int]
    ALT_FIELD_NUMBER: _ClassVar[int]
    azi: float
    alt: float
    def __init__(self, azi: _Optional[float] = ..., alt: _Optional[float] = ...) -> None: ...

class ResNotifyFocus(_message.Message):
    __slots__ = ("pos",)
    POS_FIELD_NUMBER: _ClassVar[int]
    pos: int
    def __init__(self, pos: _Optional[int] = ...) -> None: ...

class TaskAttribute(_message.Message):
    __slots__ = ("exclusive_mask", "priority")
    EXCLUSIVE_MASK_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    exclusive_mask: int
    priority: int
    def __init__(self, exclusive_mask: _Optional[int] = ..., priority: _Optional[int] = ...) -> None: ...

class TaskState(_message.Message):
    __slots__ = ("base_state", "astro_extended_state")
    BASE_STATE_FIELD_NUMBER: _ClassVar[int]
    ASTRO_EXTENDED_STATE_FIELD_NUMBER: _ClassVar[int]
    base_state: int
    astro_extended_state: int
    def __init__(self, base_state: _Optional[int] = ..., astro_extended_state: _Optional[int] = ...) -> None: ...

class TaskSourceDir(_message.Message):
    __slots__ = ("src_dir",)
    SRC_DIR_FIELD_NUMBER: _ClassVar[int]
    src_dir: str
    def __init__(self, src_dir: _Optional[str] = ...) -> None: ...

class TaskResultDir(_message.Message):
    __slots__ = ("result_dir",)
    RESULT_DIR_FIELD_NUMBER: _ClassVar[int]
    result_dir: str
    def __init__(self, result_dir: _Optional[str] = ...) -> None: ...

class TaskCaliFrame(_message.Message):
    __slots__ = ("camera_type", "cali_frame_type")
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    CALI_FRAME_TYPE_FIELD_NUMBER: _ClassVar[int]
    camera_type: int
    cali_frame_type: int
    def __init__(self, camera_type: _Optional[int] = ..., cali_frame_type: _Optional[int] = ...) -> None: ...

class TaskParam(_message.Message):
    __slots__ = ("panorama_upload", "make_fits_thumb", "repostprocess", "cali_frame")
    PANORAMA_UPLOAD_FIELD_NUMBER: _ClassVar[int]
    MAKE_FITS_THUMB_FIELD_NUMBER: _ClassVar[int]
    REPOSTPROCESS_FIELD_NUMBER: _ClassVar[int]
    CALI_FRAME_FIELD_NUMBER: _ClassVar[int]
    panorama_upload: bytes
    make_fits_thumb: TaskSourceDir
    repostprocess: TaskResultDir
    cali_frame: TaskCaliFrame
    def __init__(self, panorama_upload: _Optional[bytes] = ..., make_fits_thumb: _Optional[_Union[TaskSourceDir, _Mapping]] = ..., repostprocess: _Optional[_Union[TaskResultDir, _Mapping]] = ..., cali_frame: _Optional[_Union[TaskCaliFrame, _Mapping]] = ...) -> None: ...

class ResNotifyTaskState(_message.Message):
    __slots__ = ("task_id", "attribute", "state", "param")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    task_id: int
    attribute: TaskAttribute
    state: TaskState
    param: TaskParam
    def __init__(self, task_id: _Optional[int] = ..., attribute: _Optional[_Union[TaskAttribute, _Mapping]] = ..., state: _Optional[_Union[TaskState, _Mapping]] = ..., param: _Optional[_Union[TaskParam, _Mapping]] = ...) -> None: ...

class BodyStatus(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: int
    def __init__(self, status: _Optional[int] = ...) -> None: ...

class ProgressCaptureMosaic(_message.Message):
    __slots__ = ("total_count", "update_type", "current_count", "stacked_count", "exp_index", "gain_index", "target_name", "horizontal_scale", "vertical_scale", "rotation", "fov_id", "fov_total")
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    STACKED_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXP_INDEX_FIELD_NUMBER: _ClassVar[int]
    GAIN_INDEX_FIELD_NUMBER: _ClassVar[int]
    TARGET_NAME_FIELD_NUMBER: _ClassVar[int]
    HORIZONTAL_SCALE_FIELD_NUMBER: _ClassVar[int]
    VERTICAL_SCALE_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    FOV_ID_FIELD_NUMBER: _ClassVar[int]
    FOV_TOTAL_FIELD_NUMBER: _ClassVar[int]
    total_count: int
    update_type: int
    current_count: int
    stacked_count: int
    exp_index: int
    gain_index: int
    target_name: str
    horizontal_scale: int
    vertical_scale: int
    rotation: int
    fov_id: int
    fov_total: int
    def __init__(self, total_count: _Optional[int] = ..., update_type: _Optional[int] = ..., current_count: _Optional[int] = ..., stacked_count: _Optional[int] = ..., exp_index: _Optional[int] = ..., gain_index: _Optional[int] = ..., target_name: _Optional[str] = ..., horizontal_scale: _Optional[int] = ..., vertical_scale: _Optional[int] = ..., rotation: _Optional[int] = ..., fov_id: _Optional[int] = ..., fov_total: _Optional[int] = ...) -> None: ...

class GeneralIntParam(_message.Message):
    __slots__ = ("param_id", "mode", "value")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    mode: int
    value: int
    def __init__(self, param_id: _Optional[int] = ..., mode: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...

class GeneralFloatParam(_message.Message):
    __slots__ = ("param_id", "value")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    value: float
    def __init__(self, param_id: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...

class GeneralBoolParam(_message.Message):
    __slots__ = ("param_id", "value")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    value: bool
    def __init__(self, param_id: _Optional[int] = ..., value: _Optional[bool] = ...) -> None: ...

class SwitchShootingMode(_message.Message):
    __slots__ = ("state", "source_mode", "dst_mode")
    STATE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_MODE_FIELD_NUMBER: _ClassVar[int]
    DST_MODE_FIELD_NUMBER: _ClassVar[int]
    state: int
    source_mode: int
    dst_mode: int
    def __init__(self, state: _Optional[int] = ..., source_mode: _Optional[int] = ..., dst_mode: _Optional[int] = ...) -> None: ...

class SwitchCropRatioState(_message.Message):
    __slots__ = ("state", "crop_ratio")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CROP_RATIO_FIELD_NUMBER: _ClassVar[int]
    state: int
    crop_ratio: int
    def __init__(self, state: _Optional[int] = ..., crop_ratio: _Optional[int] = ...) -> None: ...

class Wb(_message.Message):
    __slots__ = ("mode", "ct", "scene", "camera_type")
    MODE_FIELD_NUMBER: _ClassVar[int]
    CT_FIELD_NUMBER: _ClassVar[int]
    SCENE_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    mode: int
    ct: int
    scene: int
    camera_type: int
    def __init__(self, mode: _Optional[int] = ..., ct: _Optional[int] = ..., scene: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class ResolutionParam(_message.Message):
    __slots__ = ("param_id", "current_res", "current_fps", "supported_fps", "supported_resolutions")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENT_RES_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FPS_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_FPS_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_RESOLUTIONS_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    current_res: int
    current_fps: int
    supported_fps: _containers.RepeatedScalarFieldContainer[int]
    supported_resolutions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, param_id: _Optional[int] = ..., current_res: _Optional[int] = ..., current_fps: _Optional[int] = ..., supported_fps: _Optional[_Iterable[int]] = ..., supported_resolutions: _Optional[_Iterable[int]] = ...) -> None: ...

class LongExpProgress(_message.Message):
    __slots__ = ("total_time", "exposured_time", "camera_type")
    TOTAL_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPOSURED_TIME_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    total_time: float
    exposured_time: float
    camera_type: int
    def __init__(self, total_time: _Optional[float] = ..., exposured_time: _Optional[float] = ..., camera_type: _Optional[int] = ...) -> None: ...

class CaliFrameState(_message.Message):
    __slots__ = ("state", "camera_type", "cali_frame_type")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    CALI_FRAME_TYPE_FIELD_NUMBER: _ClassVar[int]
    state: int
    camera_type: int
    cali_frame_type: int
    def __init__(self, state: _Optional[int] = ..., camera_type: _Optional[int] = ..., cali_frame_type: _Optional[int] = ...) -> None: ...

class CaliFrameProgress(_message.Message):
    __slots__ = ("progress", "camera_type", "cali_frame_type")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    CALI_FRAME_TYPE_FIELD_NUMBER: _ClassVar[int]
    progress: int
    camera_type: int
    cali_frame_type: int
    def __init__(self, progress: _Optional[int] = ..., camera_type: _Optional[int] = ..., cali_frame_type: _Optional[int] = ...) -> None: ...

class CmosTemperature(_message.Message):
    __slots__ = ("temperature", "camera_type")
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    temperature: int
    camera_type: int
    def __init__(self, temperature: _Optional[int] = ..., camera_type: _Optional[int] = ...) -> None: ...

class DeviceAttitude(_message.Message):
    __slots__ = ("pitch", "yaw", "roll")
    PITCH_FIELD_NUMBER: _ClassVar[int]
    YAW_FIELD_NUMBER: _ClassVar[int]
    ROLL_FIELD_NUMBER: _ClassVar[int]
    pitch: float
    yaw: float
    roll: float
    def __init__(self, pitch: _Optional[float] = ..., yaw: _Optional[float] = ..., roll: _Optional[float] = ...) -> None: ...
