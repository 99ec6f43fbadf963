"""Which message travels in `WsPacket.data` of which command.

A command without an entry in `REQUESTS` has an empty request, one without an entry in `REPLIES` answers
`ComResponse`. Only what is documented is here: a command in neither table and not in
`telescope.dwarf.commands` is unknown.
"""

from google.protobuf.message import Message

from telescope.dwarf.commands import (
    Astro,
    Device,
    Focus,
    Motor,
    Panorama,
    Param,
    Schedule,
    System,
    Task,
    Tele,
    Track,
    Wide,
)
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import astro_pb2 as astro
from telescope.dwarf.proto import camera_pb2 as camera
from telescope.dwarf.proto import common_pb2 as common
from telescope.dwarf.proto import focus_pb2 as focus
from telescope.dwarf.proto import motor_pb2 as motor
from telescope.dwarf.proto import notify_pb2 as notify
from telescope.dwarf.proto import panorama_pb2 as panorama
from telescope.dwarf.proto import param_pb2 as param
from telescope.dwarf.proto import schedule_pb2 as schedule
from telescope.dwarf.proto import system_pb2 as system
from telescope.dwarf.proto import task_pb2 as task
from telescope.dwarf.proto import track_pb2 as track

_TELE: dict[int, type[Message]] = {
    Tele.OPEN_CAMERA: camera.ReqOpenCamera,
    Tele.BURST: camera.ReqBurstPhoto,
    Tele.START_RECORD: camera.ReqStartRecord,
    Tele.SET_EXP_MODE: camera.ReqSetExpMode,
    Tele.SET_EXP: camera.ReqSetExp,
    Tele.SET_GAIN_MODE: camera.ReqSetGainMode,
    Tele.SET_GAIN: camera.ReqSetGain,
    Tele.SET_BRIGHTNESS: camera.ReqSetBrightness,
    Tele.SET_CONTRAST: camera.ReqSetContrast,
    Tele.SET_SATURATION: camera.ReqSetSaturation,
    Tele.SET_HUE: camera.ReqSetHue,
    Tele.SET_SHARPNESS: camera.ReqSetSharpness,
    Tele.SET_WB_MODE: camera.ReqSetWBMode,
    Tele.SET_WB_SCENE: camera.ReqSetWBSence,
    Tele.SET_WB_CT: camera.ReqSetWBCT,
    Tele.SET_IRCUT: camera.ReqSetIrCut,
    Tele.SET_ALL_PARAMS: camera.ReqSetAllParams,
    Tele.SET_FEATURE_PARAM: camera.ReqSetFeatureParams,
    Tele.SET_JPG_QUALITY: camera.ReqSetJpgQuality,
    Tele.SET_RTSP_BITRATE_TYPE: camera.ReqSetRtspBitRateType,
    Tele.SET_ISP_MODULE_STATE: camera.ReqSetIspModuleState,
    Tele.GET_ISP_MODULE_STATE: camera.ReqGetIspModuleState,
    Tele.SWITCH_RESOLUTION: camera.ReqSwitchResolution,
    Tele.SWITCH_FRAMERATE: camera.ReqSwitchFrameRate,
    Tele.SWITCH_CROP_RATIO: camera.ReqSwitchCropRatio,
    Tele.SET_PREVIEW_QUALITY: camera.ReqSetPreviewQuality,
}

# The wide camera takes the message of the tele command of the same name.
_WIDE: dict[int, type[Message]] = {
    member: _TELE[Tele[member.name]]
    for member in Wide
    if member.name in Tele.__members__ and Tele[member.name] in _TELE
}

_ASTRO: dict[int, type[Message]] = {
    Astro.START_CALIBRATION: astro.ReqStartCalibration,
    Astro.START_GOTO_DSO: astro.ReqGotoDSO,
    Astro.START_GOTO_SOLAR_SYSTEM: astro.ReqGotoSolarSystem,
    Astro.START_CAPTURE_RAW_LIVE_STACKING: astro.ReqCaptureRawLiveStacking,
    Astro.START_CAPTURE_RAW_DARK: astro.ReqCaptureDarkFrame,
    Astro.START_TRACK_SPECIAL_TARGET: astro.ReqTrackSpecialTarget,
    Astro.START_ONE_CLICK_GOTO_DSO: astro.ReqOneClickGotoDSO,
    Astro.START_ONE_CLICK_GOTO_SOLAR_SYSTEM: astro.ReqOneClickGotoSolarSystem,
    Astro.START_WIDE_CAPTURE_LIVE_STACKING: astro.ReqCaptureWideRawLiveStacking,
    Astro.START_EQ_SOLVING: astro.ReqStartEqSolving,
    Astro.START_CAPTURE_RAW_DARK_WITH_PARAM: astro.ReqCaptureDarkFrameWithParam,
    Astro.DEL_DARK_FRAME_LIST: astro.ReqDelDarkFrameList,
    Astro.START_CAPTURE_WIDE_RAW_DARK_WITH_PARAM: astro.ReqCaptureDarkFrameWithParam,
    Astro.DEL_WIDE_DARK_FRAME_LIST: astro.ReqDelDarkFrameList,
    Astro.START_TELE_MOSAIC: astro.ReqStartMosaic,
    Astro.CHECK_IF_RESTACKABLE: astro.ReqIsImageStackable,
    Astro.START_MAKE_FITS_THUMB: astro.ReqStartMakeFitsThumb,
    Astro.START_RESTACKED: astro.ReqStartRepostprocess,
    Astro.GET_ASTRO_SHOOTING_TIME: astro.ReqGetAstroShootingTime,
    Astro.GET_QUICK_SET_LIST: astro.ReqGetQuickSetList,
    Astro.SET_QUICK_SET: astro.ReqSetQuickSet,
    Astro.GET_CALI_FRAME_LIST: astro.ReqGetCaliFrameList,
    Astro.DEL_CALI_FRAME_LIST: astro.ReqDelCaliFrameList,
    Astro.START_CAPTURE_CALI_FRAME: astro.ReqCaptureCaliFrame,
    Astro.STOP_CAPTURE_CALI_FRAME: astro.ReqStopCaptureCaliFrame,
    Astro.START_SKY_TARGET_FINDER: astro.ReqStartSkyTargetFinder,
}

_OTHERS: dict[int, type[Message]] = {
    System.SET_TIME: system.ReqSetTime,
    System.SET_TIME_ZONE: system.ReqSetTimezone,
    System.SET_MTP_MODE: system.ReqSetMtpMode,
    System.SET_CPU_MODE: system.ReqSetCpuMode,
    System.SET_MASTER: system.ReqsetMasterLock,
    System.GET_DEVICE_ACTIVATE_INFO: system.ReqGetDeviceActivateInfo,
    System.SET_LOW_TEMP_PROTECTION_MODE: system.ReqSetLowTempProtectionMode,
    System.SET_LOCATION: system.ReqSetLocation,
    Device.LENS_DEFOG: system.ReqDeviceState,
    Device.AUTO_COOLING: system.ReqDeviceState,
    Device.AUTO_SHUTDOWN: system.ReqDeviceState,
    Motor.RUN: motor.ReqMotorRun,
    Motor.RUN_TO: motor.ReqMotorRunTo,
    Motor.STOP: motor.ReqMotorStop,
    Motor.RESET: motor.ReqMotorReset,
    Motor.CHANGE_SPEED: motor.ReqMotorChangeSpeed,
    Motor.CHANGE_DIRECTION: motor.ReqMotorChangeDirection,
    Motor.SERVICE_JOYSTICK: motor.ReqMotorServiceJoystick,
    Motor.SERVICE_JOYSTICK_FIXED_ANGLE: motor.ReqMotorServiceJoystick,
    Motor.SERVICE_DUAL_CAMERA_LINKAGE: motor.ReqDualCameraLinkage,
    Motor.RUN_IN_PULSE: motor.ReqMotorRunInPulse,
    Motor.GET_POSITION: motor.ReqMotorGetPosition,
    Track.START_TRACK: track.ReqStartTrack,
    Track.SENTRY_MODE_START: track.ReqStartSentryMode,
    Track.MOT_TRACK_ONE: track.ReqMOTTrackOne,
    Track.MOT_WIDE_TRACK_ONE: track.ReqMOTTrackOne,
    Track.START_CLICK: track.ReqStartTrackClick,
    Focus.AUTO_FOCUS: focus.ReqNormalAutoFocus,
    Focus.MANUAL_SINGLE_STEP_FOCUS: focus.ReqManualFocus,
    Focus.START_MANUAL_CONTINU_FOCUS: focus.ReqManualFocus,
    Focus.START_ASTRO_AUTO_FOCUS: focus.ReqAstroAutoFocus,
    Focus.SET_USER_INFINITY_POS: focus.ReqSetUserInfinityPos,
    Panorama.START_GRID: panorama.ReqStartPanoramaByGrid,
    Panorama.START_EULER_RANGE: panorama.ReqStartPanoramaByEulerRange,
    Schedule.SYNC_SHOOTING_SCHEDULE: schedule.ReqSyncShootingSchedule,
    Schedule.CANCEL_SHOOTING_SCHEDULE: schedule.ReqScheduleById,
    Schedule.UNLOCK_SHOOTING_SCHEDULE: schedule.ReqScheduleById,
    Schedule.LOCK_SHOOTING_SCHEDULE: schedule.ReqScheduleById,
    Schedule.DELETE_SHOOTING_SCHEDULE: schedule.ReqScheduleById,
    Task.START_TASK: task.ReqStartTask,
    Task.STOP_TASK: task.ReqStopTask,
    Task.SWITCH_SHOOTING_MODE: task.ReqSwitchShootingMode,
    Task.SWITCH_SHOOTING_TECH: task.ReqSwitchShootingTech,
    Task.ENTER_CAMERA: task.ReqEnterCamera,
    Param.SET_EXPOSURE: param.ReqSetExposure,
    Param.SET_GAIN: param.ReqSetGain,
    Param.SET_WB: param.ReqSetWb,
    Param.SET_GENERAL_INT_PARAM: param.ReqSetGeneralIntParam,
    Param.SET_GENERAL_FLOAT_PARAM: param.ReqSetGeneralFloatParam,
    Param.SET_GENERAL_BOOL_PARAM: param.ReqSetGeneralBoolParams,
    Param.SET_AUTO_PARAMS: param.ReqSetAutoParam,
}

REQUESTS: dict[int, type[Message]] = {**_TELE, **_WIDE, **_ASTRO, **_OTHERS}

_GETTERS = [
    member for group in (Tele, Wide) for member in group
    if member.name.startswith("GET_") and member.name not in (
        "GET_ALL_PARAMS", "GET_ALL_FEATURE_PARAMS", "GET_SYSTEM_WORKING_STATE", "GET_ISP_MODULE_STATE")
]  # fmt: skip

REPLIES: dict[int, type[Message]] = {
    **dict.fromkeys(_GETTERS, common.ComResWithInt),
    Tele.GET_ALL_PARAMS: camera.ResGetAllParams,
    Tele.GET_ALL_FEATURE_PARAMS: camera.ResGetAllFeatureParams,
    Wide.GET_ALL_PARAMS: camera.ResGetAllParams,
    Astro.START_GOTO_SOLAR_SYSTEM: astro.ResGotoSolarSystem,
    Astro.START_CAPTURE_RAW_LIVE_STACKING: astro.ResAstroShooting,
    Astro.START_WIDE_CAPTURE_LIVE_STACKING: astro.ResAstroShooting,
    Astro.CONTINUE_SHOOTING: astro.ResAstroShooting,
    Astro.CHECK_GOT_DARK: astro.ResCheckDarkFrame,
    Astro.START_ONE_CLICK_GOTO_DSO: astro.ResOneClickGoto,
    Astro.START_ONE_CLICK_GOTO_SOLAR_SYSTEM: astro.ResOneClickGotoSolarSystem,
    Astro.START_EQ_SOLVING: astro.ResStartEqSolving,
    Astro.GET_DARK_FRAME_LIST: astro.ResGetDarkFrameInfoList,
    Astro.GET_WIDE_DARK_FRAME_LIST: astro.ResGetDarkFrameInfoList,
    Astro.DEL_DARK_FRAME_LIST: astro.ResDelDarkFrameList,
    Astro.DEL_WIDE_DARK_FRAME_LIST: astro.ResDelDarkFrameList,
    Astro.START_MAKE_FITS_THUMB: astro.ResMakeFitsThumb,
    Astro.START_RESTACKED: astro.ResRepostprocess,
    Astro.GET_ASTRO_SHOOTING_TIME: astro.ResGetAstroShootingTime,
    Astro.GET_QUICK_SET_LIST: astro.ResGetQuikSetList,
    Astro.SET_QUICK_SET: astro.ResSetQuickSet,
    Astro.GET_CALI_FRAME_LIST: astro.ResGetCaliFrameList,
    Astro.START_SKY_TARGET_FINDER: astro.ResStartSkyTargetFinder,
    System.GET_DEVICE_ACTIVATE_INFO: system.ResDeviceActivateInfo,
    Motor.RUN: motor.ResMotor,
    Motor.RUN_TO: motor.ResMotor,
    Motor.STOP: motor.ResMotor,
    Motor.RESET: motor.ResMotor,
    Motor.CHANGE_SPEED: motor.ResMotor,
    Motor.CHANGE_DIRECTION: motor.ResMotor,
    Motor.RUN_IN_PULSE: motor.ResMotor,
    Motor.GET_POSITION: motor.ResMotorPosition,
    Focus.GET_USER_INFINITY_POS: focus.ResGetUserInfinityPos,
    Schedule.SYNC_SHOOTING_SCHEDULE: schedule.ResSyncShootingSchedule,
    Schedule.GET_ALL_SHOOTING_SCHEDULE: schedule.ResGetAllShootingSchedule,
    Schedule.CANCEL_SHOOTING_SCHEDULE: schedule.ResScheduleById,
    Schedule.UNLOCK_SHOOTING_SCHEDULE: schedule.ResScheduleById,
    Schedule.LOCK_SHOOTING_SCHEDULE: schedule.ResScheduleById,
    Schedule.DELETE_SHOOTING_SCHEDULE: schedule.ResScheduleById,
    Task.START_TASK: task.ResTaskCenter,
    Task.STOP_TASK: task.ResTaskCenter,
    Task.SWITCH_SHOOTING_MODE: task.ResSwitchShootingMode,
    Task.SWITCH_SHOOTING_TECH: task.ResSwitchShootingTech,
    Task.ENTER_CAMERA: task.ResEnterCamera,
    Task.GET_DEVICE_STATE_INFO: task.ResGetDeviceStateInfo,
}

NOTIFICATIONS: dict[int, type[Message]] = {
    Notify.TELE_WIDE_PICTURE_MATCHING: notify.ResNotifyPictureMatching,
    Notify.ELE: common.ComResWithInt,
    Notify.CHARGE: common.ComResWithInt,
    Notify.SDCARD_INFO: notify.ResNotifySDcardInfo,
    Notify.TELE_RECORD_TIME: notify.ResNotifyRecordTime,
    Notify.TELE_TIMELAPSE_OUT_TIME: notify.ResNotifyTimeLapseOutTime,
    Notify.STATE_CAPTURE_RAW_DARK: notify.ResNotifyOperationState,
    Notify.PROGRASS_CAPTURE_RAW_DARK: notify.ResNotifyProgressCaptureRawDark,
    Notify.STATE_CAPTURE_RAW_LIVE_STACKING: notify.ResNotifyOperationState,
    Notify.PROGRASS_CAPTURE_RAW_LIVE_STACKING: notify.ResNotifyProgressCaptureRawLiveStacking,
    Notify.STATE_ASTRO_CALIBRATION: notify.ResNotifyStateAstroCalibration,
    Notify.STATE_ASTRO_GOTO: notify.ResNotifyStateAstroGoto,
    Notify.STATE_ASTRO_TRACKING: notify.ResNotifyStateAstroTracking,
    Notify.TELE_SET_PARAM: notify.ResNotifyParam,
    Notify.WIDE_SET_PARAM: notify.ResNotifyParam,
    Notify.TELE_FUNCTION_STATE: notify.ResNotifyCamFunctionState,
    Notify.WIDE_FUNCTION_STATE: notify.ResNotifyCamFunctionState,
    Notify.SET_FEATURE_PARAM: notify.ResNotifyParam,
    Notify.TELE_BURST_PROGRESS: notify.ResNotifyBurstProgress,
    Notify.PANORAMA_PROGRESS: notify.ResNotifyPanoramaProgress,
    Notify.WIDE_BURST_PROGRESS: notify.ResNotifyBurstProgress,
    Notify.RGB_STATE: notify.ResNotifyState,
    Notify.POWER_IND_STATE: notify.ResNotifyState,
    Notify.WS_HOST_SLAVE_MODE: notify.ResNotifyHostSlaveMode,
    Notify.MTP_STATE: notify.ResNotifyMode,
    Notify.TRACK_RESULT: notify.ResNotifyTrackResult,
    Notify.WIDE_TIMELAPSE_OUT_TIME: notify.ResNotifyTimeLapseOutTime,
    Notify.CPU_MODE: notify.ResNotifyMode,
    Notify.STATE_ASTRO_TRACKING_SPECIAL: notify.ResNotifyStateAstroTrackingSpecial,
    Notify.POWER_OFF: common.Empty,
    Notify.ALBUM_UPDATE: notify.ResNotifyAlbumUpdate,
    Notify.SENTRY_MODE_STATE: notify.ResNotifySentryModeState,
    Notify.SENTRY_MODE_TRACK_RESULT: notify.ResNotifyTrackResult,
    Notify.STATE_ASTRO_ONE_CLICK_GOTO: notify.ResNotifyOneClickGotoState,
    Notify.STREAM_TYPE: notify.ResNotifyStreamType,
    Notify.WIDE_RECORD_TIME: notify.ResNotifyRecordTime,
    Notify.STATE_WIDE_CAPTURE_RAW_LIVE_STACKING: notify.ResNotifyOperationState,
    Notify.PROGRASS_WIDE_CAPTURE_RAW_LIVE_STACKING: notify.ResNotifyProgressCaptureRawLiveStacking,
    Notify.EQ_SOLVING_STATE: notify.ResNotifyState,
    Notify.TELE_LONG_EXP_PROGRESS: notify.LongExpProgress,
    Notify.WIDE_LONG_EXP_PROGRESS: notify.LongExpProgress,
    Notify.TEMPERATURE: notify.ResNotifyTemperature,
    Notify.STATE_CAPTURE_WIDE_RAW_DARK: notify.ResNotifyOperationState,
    Notify.SHOOTING_SCHEDULE_RESULT_AND_STATE: notify.ResNotifyShootingScheduleResultAndState,
    Notify.SHOOTING_TASK_STATE: notify.ResNotifyShootingTaskState,
    Notify.SKY_SEACHER_STATE: notify.ResNotifyState,
    Notify.WIDE_TRACK_RESULT: notify.ResNotifyTrackResult,
    Notify.STATE_AI_ENHANCE: notify.ResNotifyOperationState,
    Notify.PROGRESS_AI_ENHANCE: notify.ProgressAiEnhance,
    Notify.WAIT_SHOOTING_PROGRESS: notify.CommonProgress,
    Notify.CALIBRATION_RESULT: notify.CalibrationResult,
    Notify.FOCUS_POSITION: notify.ResNotifyFocus,
    Notify.LOW_TEMP_PROTECTION_MODE: notify.ResNotifyMode,
    Notify.EXCLUSIVE_SYSTEM_IO_TASK_STATE: notify.ResNotifyTaskState,
    Notify.BODY_STATUS: notify.BodyStatus,
    Notify.PROGRESS_CAPTURE_MOSAIC: notify.ProgressCaptureMosaic,
    Notify.GENERAL_INT_PARAM: notify.GeneralIntParam,
    Notify.GENERAL_FLOAT_PARAM: notify.GeneralFloatParam,
    Notify.GENERAL_BOOL_PARAM: notify.GeneralBoolParam,
    Notify.SWITCH_SHOOTING_MODE: notify.SwitchShootingMode,
    Notify.TELE_SWITCH_CROP_RATIO: notify.SwitchCropRatioState,
    Notify.TELE_SHOOTING_TECH_STATE: notify.ResNotifyState,
    Notify.WB: notify.Wb,
    Notify.WIDE_SHOOTING_TECH_STATE: notify.ResNotifyState,
    Notify.RESOLUTION_PARAM: notify.ResolutionParam,
    Notify.PHOTO_STATE: notify.ResNotifyOperationState,
    Notify.BURST_STATE: notify.ResNotifyOperationState,
    Notify.RECORD_STATE: notify.ResNotifyOperationState,
    Notify.TIMELAPSE_STATE: notify.ResNotifyOperationState,
    Notify.PANORAMA_STATE: notify.ResNotifyOperationState,
    Notify.ASTRO_AUTO_FOCUS_STATE: notify.ResNotifyOperationState,
    Notify.NORMAL_AUTO_FOCUS_STATE: notify.ResNotifyOperationState,
    Notify.ASTRO_AUTO_FOCUS_FAST_STATE: notify.ResNotifyOperationState,
    Notify.AREA_AUTO_FOCUS_STATE: notify.ResNotifyOperationState,
    Notify.DUAL_CAMERA_LINKAGE_STATE: notify.ResNotifyState,
    Notify.RESOLUTION_FPS_STATE: notify.ResNotifyOperationState,
    Notify.NORMAL_TRACK_STATE: notify.ResNotifyOperationState,
    Notify.BURST_PROGRESS: notify.ResNotifyBurstProgress,
    Notify.RECORD_TIME: notify.ResNotifyRecordTime,
    Notify.TIMELAPSE_OUT_TIME: notify.ResNotifyTimeLapseOutTime,
    Notify.LONG_EXP_PROGRESS: notify.LongExpProgress,
    Notify.STATE_CAPTURE_CALI_FRAME: notify.CaliFrameState,
    Notify.PROGRESS_CAPTURE_CALI_FRAME: notify.CaliFrameProgress,
    Notify.CMOS_TEMPERATURE: notify.CmosTemperature,
    Notify.DEVICE_ATTITUDE: notify.DeviceAttitude,
    Notify.SKY_TARGET_FINDER_STATE: notify.ResNotifyOperationState,
    Notify.WIDE_FOCUS_POSITION: notify.ResNotifyFocus,
    Notify.LENS_DEFOG_STATE: notify.ResNotifyState,
    Notify.AUTO_COOLING_STATE: notify.ResNotifyState,
    Notify.AUTO_SHUTDOWN_STATE: notify.ResNotifyState,
}


def request_type(number: int) -> type[Message]:
    """The request message of a command; `Empty` when its request has no fields."""
    return REQUESTS.get(number, common.Empty)


def reply_type(number: int) -> type[Message]:
    """The reply message of a command; `ComResponse` where the device answers nothing but a code."""
    return REPLIES.get(number, common.ComResponse)


def notification_type(number: int) -> type[Message] | None:
    """The message of a notification; None when its content is not documented."""
    return NOTIFICATIONS.get(number)
