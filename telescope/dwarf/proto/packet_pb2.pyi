from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class WsPacket(_message.Message):
    __slots__ = ("major_version", "minor_version", "device_id", "module_id", "cmd", "type", "data", "client_id")
    MAJOR_VERSION_FIELD_NUMBER: _ClassVar[int]
    MINOR_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    MODULE_ID_FIELD_NUMBER: _ClassVar[int]
    CMD_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    major_version: int
    minor_version: int
    device_id: int
    module_id: int
    cmd: int
    type: int
    data: bytes
    client_id: str
    def __init__(self, major_version: _Optional[int] = ..., minor_version: _Optional[int] = ..., device_id: _Optional[int] = ..., module_id: _Optional[int] = ..., cmd: _Optional[int] = ..., type: _Optional[int] = ..., data: _Optional[bytes] = ..., client_id: _Optional[str] = ...) -> None: ...
