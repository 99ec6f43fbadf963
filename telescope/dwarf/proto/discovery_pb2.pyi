from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DwarfPing(_message.Message):
    __slots__ = ("vocaltype", "timestamp", "magic", "vocals", "mutes")
    VOCALTYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    MAGIC_FIELD_NUMBER: _ClassVar[int]
    VOCALS_FIELD_NUMBER: _ClassVar[int]
    MUTES_FIELD_NUMBER: _ClassVar[int]
    vocaltype: int
    timestamp: int
    magic: str
    vocals: str
    mutes: str
    def __init__(self, vocaltype: _Optional[int] = ..., timestamp: _Optional[int] = ..., magic: _Optional[str] = ..., vocals: _Optional[str] = ..., mutes: _Optional[str] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("family", "revision")
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    family: int
    revision: int
    def __init__(self, family: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class AccessPoint(_message.Message):
    __slots__ = ("ifname", "mode", "country_code", "ssid", "sec", "psw", "ipv4", "ipv6")
    IFNAME_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_CODE_FIELD_NUMBER: _ClassVar[int]
    SSID_FIELD_NUMBER: _ClassVar[int]
    SEC_FIELD_NUMBER: _ClassVar[int]
    PSW_FIELD_NUMBER: _ClassVar[int]
    IPV4_FIELD_NUMBER: _ClassVar[int]
    IPV6_FIELD_NUMBER: _ClassVar[int]
    ifname: str
    mode: int
    country_code: str
    ssid: str
    sec: int
    psw: str
    ipv4: bytes
    ipv6: bytes
    def __init__(self, ifname: _Optional[str] = ..., mode: _Optional[int] = ..., country_code: _Optional[str] = ..., ssid: _Optional[str] = ..., sec: _Optional[int] = ..., psw: _Optional[str] = ..., ipv4: _Optional[bytes] = ..., ipv6: _Optional[bytes] = ...) -> None: ...

class Station(_message.Message):
    __slots__ = ("ifname", "ssid", "psw", "rssi", "ipv4", "ipv6")
    IFNAME_FIELD_NUMBER: _ClassVar[int]
    SSID_FIELD_NUMBER: _ClassVar[int]
    PSW_FIELD_NUMBER: _ClassVar[int]
    RSSI_FIELD_NUMBER: _ClassVar[int]
    IPV4_FIELD_NUMBER: _ClassVar[int]
    IPV6_FIELD_NUMBER: _ClassVar[int]
    ifname: str
    ssid: str
    psw: str
    rssi: int
    ipv4: bytes
    ipv6: bytes
    def __init__(self, ifname: _Optional[str] = ..., ssid: _Optional[str] = ..., psw: _Optional[str] = ..., rssi: _Optional[int] = ..., ipv4: _Optional[bytes] = ..., ipv6: _Optional[bytes] = ...) -> None: ...

class DwarfEcho(_message.Message):
    __slots__ = ("vocaltype", "timestamp", "magic", "ts_ping", "mac_address", "model", "sn", "name", "psw", "fw_version", "ws_scheme", "session", "ap", "sta")
    VOCALTYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    MAGIC_FIELD_NUMBER: _ClassVar[int]
    TS_PING_FIELD_NUMBER: _ClassVar[int]
    MAC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PSW_FIELD_NUMBER: _ClassVar[int]
    FW_VERSION_FIELD_NUMBER: _ClassVar[int]
    WS_SCHEME_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    AP_FIELD_NUMBER: _ClassVar[int]
    STA_FIELD_NUMBER: _ClassVar[int]
    vocaltype: int
    timestamp: int
    magic: str
    ts_ping: int
    mac_address: bytes
    model: Model
    sn: str
    name: str
    psw: str
    fw_version: str
    ws_scheme: str
    session: bytes
    ap: AccessPoint
    sta: Station
    def __init__(self, vocaltype: _Optional[int] = ..., timestamp: _Optional[int] = ..., magic: _Optional[str] = ..., ts_ping: _Optional[int] = ..., mac_address: _Optional[bytes] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., sn: _Optional[str] = ..., name: _Optional[str] = ..., psw: _Optional[str] = ..., fw_version: _Optional[str] = ..., ws_scheme: _Optional[str] = ..., session: _Optional[bytes] = ..., ap: _Optional[_Union[AccessPoint, _Mapping]] = ..., sta: _Optional[_Union[Station, _Mapping]] = ...) -> None: ...
