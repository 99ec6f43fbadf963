from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ShootingTaskMsg(_message.Message):
    __slots__ = ("schedule_id", "params", "state", "code", "created_time", "updated_time", "schedule_task_id", "param_mode", "param_version", "create_from")
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATED_TIME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PARAM_MODE_FIELD_NUMBER: _ClassVar[int]
    PARAM_VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_FROM_FIELD_NUMBER: _ClassVar[int]
    schedule_id: str
    params: str
    state: int
    code: int
    created_time: int
    updated_time: int
    schedule_task_id: str
    param_mode: int
    param_version: int
    create_from: int
    def __init__(self, schedule_id: _Optional[str] = ..., params: _Optional[str] = ..., state: _Optional[int] = ..., code: _Optional[int] = ..., created_time: _Optional[int] = ..., updated_time: _Optional[int] = ..., schedule_task_id: _Optional[str] = ..., param_mode: _Optional[int] = ..., param_version: _Optional[int] = ..., create_from: _Optional[int] = ...) -> None: ...

class ShootingScheduleMsg(_message.Message):
    __slots__ = ("schedule_id", "schedule_name", "device_id", "mac_address", "start_time", "end_time", "result", "created_time", "updated_time", "state", "lock", "password", "shooting_tasks", "param_mode", "param_version", "params", "schedule_time", "sync_state")
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_NAME_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    MAC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATED_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LOCK_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    SHOOTING_TASKS_FIELD_NUMBER: _ClassVar[int]
    PARAM_MODE_FIELD_NUMBER: _ClassVar[int]
    PARAM_VERSION_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TIME_FIELD_NUMBER: _ClassVar[int]
    SYNC_STATE_FIELD_NUMBER: _ClassVar[int]
    schedule_id: str
    schedule_name: str
    device_id: int
    mac_address: str
    start_time: int
    end_time: int
    result: int
    created_time: int
    updated_time: int
    state: int
    lock: int
    password: str
    shooting_tasks: _containers.RepeatedCompositeFieldContainer[ShootingTaskMsg]
    param_mode: int
    param_version: int
    params: str
    schedule_time: int
    sync_state: int
    def __init__(self, schedule_id: _Optional[str] = ..., schedule_name: _Optional[str] = ..., device_id: _Optional[int] = ..., mac_address: _Optional[str] = ..., start_time: _Optional[int] = ..., end_time: _Optional[int] = ..., result: _Optional[int] = ..., created_time: _Optional[int] = ..., updated_time: _Optional[int] = ..., state: _Optional[int] = ..., lock: _Optional[int] = ..., password: _Optional[str] = ..., shooting_tasks: _Optional[_Iterable[_Union[ShootingTaskMsg, _Mapping]]] = ..., param_mode: _Optional[int] = ..., param_version: _Optional[int] = ..., params: _Optional[str] = ..., schedule_time: _Optional[int] = ..., sync_state: _Optional[int] = ...) -> None: ...

class ReqSyncShootingSchedule(_message.Message):
    __slots__ = ("shooting_schedule",)
    SHOOTING_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    shooting_schedule: ShootingScheduleMsg
    def __init__(self, shooting_schedule: _Optional[_Union[ShootingScheduleMsg, _Mapping]] = ...) -> None: ...

class ResSyncShootingSchedule(_message.Message):
    __slots__ = ("shooting_schedule", "time_conflict_schedule_ids", "code", "can_replace")
    SHOOTING_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    TIME_CONFLICT_SCHEDULE_IDS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CAN_REPLACE_FIELD_NUMBER: _ClassVar[int]
    shooting_schedule: ShootingScheduleMsg
    time_conflict_schedule_ids: _containers.RepeatedScalarFieldContainer[str]
    code: int
    can_replace: bool
    def __init__(self, shooting_schedule: _Optional[_Union[ShootingScheduleMsg, _Mapping]] = ..., time_conflict_schedule_ids: _Optional[_Iterable[str]] = ..., code: _Optional[int] = ..., can_replace: _Optional[bool] = ...) -> None: ...

class ResGetAllShootingSchedule(_message.Message):
    __slots__ = ("shooting_schedule", "code")
    SHOOTING_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    shooting_schedule: _containers.RepeatedCompositeFieldContainer[ShootingScheduleMsg]
    code: int
    def __init__(self, shooting_schedule: _Optional[_Iterable[_Union[ShootingScheduleMsg, _Mapping]]] = ..., code: _Optional[int] = ...) -> None: ...

class ReqScheduleById(_message.Message):
    __slots__ = ("id", "password")
    ID_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    id: str
    password: str
    def __init__(self, id: _Optional[str] = ..., password: _Optional[str] = ...) -> None: ...

class ResScheduleById(_message.Message):
    __slots__ = ("id", "code")
    ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    id: str
    code: int
    def __init__(self, id: _Optional[str] = ..., code: _Optional[int] = ...) -> None: ...
