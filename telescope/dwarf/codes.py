"""Result codes of the DWARF protocol: the vendor's names, and what they mean in plain words.

Codes are negative in every V3 source; 0 is success and travels as an absent field.
"""

from enum import IntEnum


class Code(IntEnum):
    """`code` of a reply.

    Attributes:
        meaning: what happened and, where there is something, what to do about it; no full stop.
    """

    meaning: str

    def __new__(cls, value: int, meaning: str) -> "Code":
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    WS_OK = 0, "done"
    WS_PARSE_PROTOBUF_ERROR = -1, "the device could not decode the request"
    WS_SDCARD_NOT_EXIST = -2, "there is no SD card in the device"
    WS_INVAID_PARAM = -3, "the device refuses a value of the request"
    WS_SDCARD_WRITE_ERROR = -4, "writing to the SD card failed"
    WS_DEVICE_NOT_ACTIVATED = -5, "the device is not activated: activate it once with the vendor's app"
    WS_SDCARD_FULL_ERROR = -6, "the SD card is full: delete or download old sessions"

    CAMERA_TELE_OPENED = -10500, "the tele camera is already open"
    CAMERA_TELE_CLOSED = -10501, "the tele camera is closed"
    CAMERA_TELE_ISP_SET_FAILED = -10502, "the tele camera did not take an image parameter"
    CAMERA_TELE_OPEN_FAILED = -10503, "the tele camera could not be opened"
    CAMERA_TELE_START_RECORD_FAILED = -10504, "the tele video could not be started"
    CAMERA_TELE_STOP_RECORD_FAILED = -10505, "the tele video could not be stopped"
    CAMERA_TELE_CAPTURE_RAW_FAILED = -10506, "the raw capture of the tele camera failed"
    CAMERA_TELE_WORKING_BUSY = -10507, "the tele camera is busy"
    CAMERA_TELE_GET_IMAGE_FAILED = -10508, "the tele camera delivered no image"
    CAMERA_TELE_RUNNING_PHOTO = -10509, "the tele camera is taking a photo"
    CAMERA_TELE_RUNNING_RECORD = -10510, "the tele camera is recording a video"
    CAMERA_TELE_RUNNING_PANORAMA = -10511, "a panorama is running"
    CAMERA_TELE_RUNNING_TIMELAPSE = -10512, "a time lapse is running"
    CAMERA_TELE_RUNNING_CAPTURE_DARK = -10513, "dark frames are being taken"
    CAMERA_TELE_RUNNING_CAPTURE_LIVE_STACKING = -10514, "a stacking run is going on"
    CAMERA_TELE_EXP_TOO_LONG = -10515, "the exposure is too long for this function"
    CAMERA_TELE_SWITCH_WORK_MODE_FAILED = -10516, "the tele camera did not change its working mode"
    CAMERA_TELE_RUNNING_TRACK = -10517, "an object is being tracked"
    CAMERA_TELE_RECORD_FILE_ERROR = -10518, "the file of the tele video is damaged"

    ASTRO_PLATE_SOLVING_FAILED = -11500, "plate solving failed: clouds, an obstacle, or out of focus"
    ASTRO_FUNCTION_BUSY = -11501, "another astro function is running: stop it first"
    ASTRO_DARK_GAIN_OUT_OF_RANGE = -11502, "no dark frames exist for this gain (old firmware: 30 to 150)"
    ASTRO_DARK_NOT_FOUND = -11503, "no matching dark frame: take darks, or go on without"
    ASTRO_CALIBRATION_FAILED = -11504, "calibration failed: level the device and look for a clear sky"
    ASTRO_GOTO_FAILED = -11505, "the goto failed: is the target above the horizon?"
    ASTRO_DARK_RUNNING = -11506, "dark frames are being taken"
    ASTRO_CALIBRATION_RUNNING = -11507, "a calibration is running"
    ASTRO_GOTO_RUNNING = -11508, "a goto is running"
    ASTRO_LIVE_STACKING_RUNNING = -11509, "a stacking run is going on"
    ASTRO_RESET_PITCH_MOTOR_FAILED = -11510, "the pitch motor did not find its zero"
    ASTRO_NEED_CALIBRATION = -11511, "the device must be calibrated first"
    ASTRO_GOTO_READ_MOTOR_POSITION_AND_PLATE_SOLVING_FAILED = (
        -11512,
        "the goto could not find out where it is",
    )
    ASTRO_NEED_GOTO = -11513, "a goto is needed first"
    ASTRO_NEED_ADJUST_SHOOT_PARAM = -11514, "exposure or gain do not suit this function: adjust them"
    ASTRO_CALIBRATION_PLATE_SOLVING_FAILED_TOO_MUCH = (
        -11515,
        "too many plate solves of the calibration failed",
    )
    ASTRO_EQ_SOLVING_FAILED = -11516, "measuring the polar alignment failed"
    ASTRO_SKY_SEARCH_FAILED = -11517, "the device found no sky"
    ASTRO_NEED_GOTO_DSO = -11518, "a goto to a deep-sky object is needed first"
    ASTRO_RESTACK_CAMERA_MISMATCH = -11519, "these sessions are of different cameras"
    ASTRO_RESTACK_BINNING_MISMATCH = -11520, "these sessions have different binnings"
    ASTRO_RESTACK_FILTER_MISMATCH = -11521, "these sessions have different filters"
    ASTRO_RESTACK_TARGET_MISMATCH = -11522, "these sessions have different targets"
    ASTRO_RESTACK_DARKFRAME_MISMATCH = -11523, "these sessions need different dark frames"
    ASTRO_RESTACK_FAILED = -11524, "stacking the sessions again failed"
    ASTRO_RESTACK_INVALID_DATA = -11525, "a session to be stacked again is damaged"
    ASTRO_OVEREXPOSURE_WARNING = -11526, "the picture is over-exposed: shorten the exposure"
    ASTRO_EXP_TOO_LONG = -11527, "the exposure is too long: the field would turn too far"
    ASTRO_NEED_EQ = -11528, "this exposure needs equatorial mode"
    ASTRO_STAR_TOO_FEW = -11529, "too few stars in the picture"
    ASTRO_DARK_TEMP_MISMATCH = (
        -11530,
        "the dark frame was taken at another temperature: take new ones, or go on",
    )
    ASTRO_SUN_MOON_NOT_FOUND = -11531, "the sun or moon is not in the picture"
    ASTRO_GUIDING_FAILED_LOWER_EXPOSURE = -11532, "guiding failed: shorten the exposure"
    ASTRO_GUIDING_FAILED_TARGET_BLOCKED = -11533, "guiding failed: something hides the target"

    CAMERA_WIDE_OPENED = -12500, "the wide camera is already open"
    CAMERA_WIDE_CLOSED = -12501, "the wide camera is closed"
    CAMERA_WIDE_CANNOT_FOUND = -12502, "the device does not find its wide camera"
    CAMERA_WIDE_OPEN_FAILED = -12503, "the wide camera could not be opened"
    CAMERA_WIDE_CLOSE_FAILED = -12504, "the wide camera could not be closed"
    CAMERA_WIDE_SET_ISP_FAILED = -12505, "the wide camera did not take an image parameter"
    CAMERA_WIDE_PHOTOGRAPHING = -12506, "the wide camera is taking a photo"
    CAMERA_WIDE_TIMELAPSE_RECORDING = -12507, "a time lapse of the wide camera is running"
    CAMERA_WIDE_EXP_TOO_LONG = -12508, "the exposure is too long for this function"
    CAMERA_WIDE_RECORD_FILE_ERROR = -12509, "the file of the wide video is damaged"

    SYSTEM_SET_TIME_FAILED = -13300, "the clock could not be set"
    SYSTEM_SET_TIMEZONE_FAILED = -13301, "the time zone could not be set"
    RGB_POWER_UART_INIT_FAILED = -13800, "the serial line to the lights and power board failed"
    RGB_POWER_UART_SEND_FAILED = -13801, "the lights and power board did not take a command"

    STEP_MOTOR_IS_RUNNING = -14500, "the motor is running"
    STEP_MOTOR_IS_STOPPED = -14501, "the motor is stopped"
    STEP_MOTOR_PARALLEL_IN = -14502, "the motors entered a parallel motion"
    STEP_MOTOR_PARALLEL_END = -14503, "the motors ended a parallel motion"
    STEP_MOTOR_INVALID_PARAMETER_ID = -14504, "there is no such motor"
    STEP_MOTOR_INVALID_PARAMETER_ANGLE = -14505, "the motor refuses this angle"
    STEP_MOTOR_INVALID_PARAMETER_SPEED = -14506, "the motor refuses this speed"
    STEP_MOTOR_INVALID_PARAMETER_SPEED_RAMPING = -14507, "the motor refuses this acceleration"
    STEP_MOTOR_INVALID_PARAMETER_RESOLUTION = -14508, "the motor refuses this step resolution"
    STEP_MOTOR_INVALID_PARAMETER_POSITION = -14509, "the motor refuses this position"
    STEP_MOTOR_OVERTIME_GET_LIMIT_RETURN = -14510, "the motor board did not report its limit in time"
    STEP_MOTOR_OVERTIME_GET_RESET_RETURN = -14511, "the motor board did not report its reset in time"
    STEP_MOTOR_OVERTIME_GET_ABSOLUTE_POSITION_RETURN = (
        -14512,
        "the motor board did not report its position in time",
    )
    STEP_MOTOR_OVERTIME_GET_RELATIVE_POSITION_RETURN = (
        -14513,
        "the motor board did not report its movement in time",
    )
    STEP_MOTOR_OVERTIME_WAIT_TO_STOP = -14514, "the motor did not stop in time"
    STEP_MOTOR_OVERTIME_WAIT_TO_RUN = -14515, "the motor did not start in time"
    STEP_MOTOR_LIMIT_SPEED_TO_MAX = -14516, "the speed was limited to the motor's highest"
    STEP_MOTOR_LIMIT_SPEED_TO_MIN = -14517, "the speed was limited to the motor's lowest"
    STEP_MOTOR_LIMIT_POSITION_WARNING = -14518, "the motor is near the end of its travel"
    STEP_MOTOR_LIMIT_POSITION_HIT = -14519, "the motor is at the end of its travel"
    STEP_MOTOR_NEED_RESET = -14520, "the motor must find its zero first: reset it"
    STEP_MOTOR_OVERTIME_GET_PE_SWITCH_RETURN = (
        -14521,
        "the motor board did not report its light barrier in time",
    )
    STEP_MOTOR_OVERTIME_TO_RESET = -14522, "the motor did not find its zero in time"
    STEP_MOTOR_ROLL_LIMIT_ANGLE_WARNING = -14523, "the device is tilted too far"

    TRACK_TRACKER_INITING = -14900, "object tracking is starting"
    TRACK_TRACKER_FAILED = -14901, "object tracking failed"
    TRACK_SENTRY_MODE_INITING = -14902, "the sentry mode is starting"
    TRACK_SENTRY_MODE_FAILED = -14903, "the sentry mode failed"
    UFOTRACK_MODE_INITING = -14904, "UFO tracking is starting"
    UFOTRACK_MODE_FAILED = -14905, "UFO tracking failed"
    UFO_DAY_AUTO_MODE = -14906, "UFO tracking is in its automatic day mode"

    FOCUS_ASTRO_AUTO_FOCUS_SLOW_ERROR = (
        -15100,
        "the astro auto focus failed: clouds, or no stars in the picture",
    )
    FOCUS_ASTRO_AUTO_FOCUS_FAST_ERROR = -15101, "the fast astro auto focus failed: do the slow one first"
    FOCUS_EXP_TOO_LONG = -15106, "the exposure is too long for auto focus"
    FOCUS_INFINITY_POS_ERROR = -15107, "the stored infinity position is wrong"
    FOCUS_GET_NOW_POS_FAILED = -15108, "the focus position could not be read"

    PANORAMA_PHOTO_FAILED = -15600, "a photo of the panorama failed"
    PANORAMA_MOTOR_RESET_FAILED = -15601, "a motor did not find its zero before the panorama"
    PANORAMA_UPLOAD_USER_STOP = -15602, "the user stopped the panorama's upload"
    PANORAMA_UPLOAD_FILE_CHECK_FAILED = -15603, "the files of the panorama are not complete"
    PANORAMA_UPLOAD_COMPRESS_FAILED = -15604, "packing the panorama failed"
    PANORAMA_UPLOAD_UPLOAD_FAILED = -15605, "uploading the panorama failed"
    PANORAMA_UPLOAD_NOT_EXIST = -15606, "there is no panorama to upload"
    PANORAMA_UPLOAD_IS_RUNNING = -15607, "a panorama is being uploaded"
    PANORAMA_UPLOAD_CAMERA_BUSY = -15608, "the camera is busy with the panorama"
    PANORAMA_UPLOAD_NOT_IN_STA = -15609, "uploading a panorama needs the device in your own Wi-Fi"
    PANORAMA_COMPRESSION_IS_RUNNING = -15612, "a panorama is being packed"
    PANORAMA_COMPOSE_IS_IDEL = -15614, "no panorama is being composed"
    PANORAMA_COMPOSE_IS_RUNNING = -15615, "a panorama is being composed"

    SHOOTING_SCHEDULE_DEVICE_ID_NOT_MATCH = -16300, "the schedule was made for another device"
    SHOOTING_SCHEDULE_INVALID_SHOOTING_DURATION = -16301, "the schedule's duration is not allowed"
    SHOOTING_SCHEDULE_TIME_CONFLICT = -16302, "the schedule overlaps another one"
    SHOOTING_SCHEDULE_INVALID_TASK_DURATION = -16303, "a task's duration is not allowed"
    SHOOTING_SCHEDULE_DATABASE_OPERATION_FAILED = -16305, "the device could not store the schedule"
    SHOOTING_SCHEDULE_PASSWORD_ERROR = -16306, "the schedule's password is wrong"
    SHOOTING_SCHEDULE_SHOOTING = -16307, "a schedule is being worked off"
    SHOOTING_SCHEDULE_START_TIME_TOO_FAR = -16308, "the schedule starts too far ahead"
    SHOOTING_SCHEDULE_INTERRUPTED = -16310, "the schedule was interrupted"
    SHOOTING_SCHEDULE_NOT_SYNCED = -16311, "the schedule is not on the device"

    GLOBAL_TASK_MANAGER_BUSY = -16600, "the device is busy with another task"


def describe(code: int) -> str:
    """One phrase for people, with the number for a search; unknown codes say so."""
    try:
        return f"{Code(code).meaning} ({code})"
    except ValueError:
        return f"the device answered with a code that is not documented ({code})"
