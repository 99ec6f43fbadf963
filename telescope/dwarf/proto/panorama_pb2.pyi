from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ReqStartPanoramaByGrid(_message.Message):
    __slots__ = ("rows", "cols")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    cols: int
    def __init__(self, rows: _Optional[int] = ..., cols: _Optional[int] = ...) -> None: ...

class ReqStartPanoramaByEulerRange(_message.Message):
    __slots__ = ("yaw_range", "pitch_range")
    YAW_RANGE_FIELD_NUMBER: _ClassVar[int]
    PITCH_RANGE_FIELD_NUMBER: _ClassVar[int]
    yaw_range: float
    pitch_range: float
    def __init__(self, yaw_range: _Optional[float] = ..., pitch_range: _Optional[float] = ...) -> None: ...
