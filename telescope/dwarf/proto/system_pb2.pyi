from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ReqSetTime(_message.Message):
    __slots__ = ("timestamp", "timezone_offset")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    timezone_offset: float
    def __init__(self, timestamp: _Optional[int] = ..., timezone_offset: _Optional[float] = ...) -> None: ...

class ReqSetTimezone(_message.Message):
    __slots__ = ("timezone",)
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    timezone: str
    def __init__(self, timezone: _Optional[str] = ...) -> None: ...

class ReqSetMtpMode(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: int
    def __init__(self, mode: _Optional[int] = ...) -> None: ...

class ReqSetCpuMode(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: int
    def __init__(self, mode: _Optional[int] = ...) -> None: ...

class ReqsetMasterLock(_message.Message):
    __slots__ = ("lock",)
    LOCK_FIELD_NUMBER: _ClassVar[int]
    lock: bool
    def __init__(self, lock: _Optional[bool] = ...) -> None: ...

class ReqGetDeviceActivateInfo(_message.Message):
    __slots__ = ("issuer",)
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    issuer: int
    def __init__(self, issuer: _Optional[int] = ...) -> None: ...

class ResDeviceActivateInfo(_message.Message):
    __slots__ = ("activate_state", "activate_process_state", "request_param")
    ACTIVATE_STATE_FIELD_NUMBER: _ClassVar[int]
    ACTIVATE_PROCESS_STATE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_PARAM_FIELD_NUMBER: _ClassVar[int]
    activate_state: int
    activate_process_state: int
    request_param: str
    def __init__(self, activate_state: _Optional[int] = ..., activate_process_state: _Optional[int] = ..., request_param: _Optional[str] = ...) -> None: ...

class ReqSetLowTempProtectionMode(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: int
    def __init__(self, mode: _Optional[int] = ...) -> None: ...

class ReqSetLocation(_message.Message):
    __slots__ = ("latitude", "longitude", "altitude", "country_region", "province", "city", "district", "enable")
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    ALTITUDE_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_REGION_FIELD_NUMBER: _ClassVar[int]
    PROVINCE_FIELD_NUMBER: _ClassVar[int]
    CITY_FIELD_NUMBER: _ClassVar[int]
    DISTRICT_FIELD_NUMBER: _ClassVar[int]
    ENABLE_FIELD_NUMBER: _ClassVar[int]
    latitude: float
    longitude: float
    altitude: float
    country_region: str
    province: str
    city: str
    district: str
    enable: bool
    def __init__(self, latitude: _Optional[float] = ..., longitude: _Optional[float] = ..., altitude: _Optional[float] = ..., country_region: _Optional[str] = ..., province: _Optional[str] = ..., city: _Optional[str] = ..., district: _Optional[str] = ..., enable: _Optional[bool] = ...) -> None: ...

class ReqDeviceState(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: int
    def __init__(self, state: _Optional[int] = ...) -> None: ...
