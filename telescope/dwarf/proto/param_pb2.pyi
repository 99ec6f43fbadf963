from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ReqSetExposure(_message.Message):
    __slots__ = ("param_id", "mode", "value")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    mode: int
    value: int
    def __init__(self, param_id: _Optional[int] = ..., mode: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...

class ReqSetGain(_message.Message):
    __slots__ = ("param_id", "mode", "value")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    mode: int
    value: int
    def __init__(self, param_id: _Optional[int] = ..., mode: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...

class ReqSetWb(_message.Message):
    __slots__ = ("param_id", "mode", "value")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    mode: int
    value: int
    def __init__(self, param_id: _Optional[int] = ..., mode: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...

class ReqSetGeneralIntParam(_message.Message):
    __slots__ = ("param_id", "value")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    value: int
    def __init__(self, param_id: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...

class ReqSetGeneralFloatParam(_message.Message):
    __slots__ = ("param_id", "value")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    value: float
    def __init__(self, param_id: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...

class ReqSetGeneralBoolParams(_message.Message):
    __slots__ = ("param_id", "value")
    PARAM_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    param_id: int
    value: bool
    def __init__(self, param_id: _Optional[int] = ..., value: _Optional[bool] = ...) -> None: ...

class ReqSetAutoParam(_message.Message):
    __slots__ = ("camera_type", "shooting_tech", "is_auto")
    CAMERA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SHOOTING_TECH_FIELD_NUMBER: _ClassVar[int]
    IS_AUTO_FIELD_NUMBER: _ClassVar[int]
    camera_type: int
    shooting_tech: int
    is_auto: bool
    def __init__(self, camera_type: _Optional[int] = ..., shooting_tech: _Optional[int] = ..., is_auto: _Optional[bool] = ...) -> None: ...
