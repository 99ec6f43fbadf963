"""The one table of the protocol: devices, members, verbs, parameters, types (Platform 7).

`members.py` reads these lines at import; nothing else in the program lists members. A line is

    Name            verb [Parameter:kind ...] [-> kind] [| verb ...] [flags]

- a verb is `get` or `put`; parameters carry the interface casing, which PUT demands and GET does not;
- `?` after a kind: an empty value has a meaning and is accepted;
- flag `state`: the property belongs to DeviceState; flag `offline`: it answers without a connection.

Source: ASCOM Alpaca device API v1, interfaces as of Platform 7 (AlpacaDeviceAPI_v1P7.yaml and the API
    reference); CancelAsync is part of ISwitchV3 although that file lacks it.
"""

COMMON = """
Action            put Action:string Parameters:string? -> string
CommandBlind      put Command:string Raw:bool
CommandBool       put Command:string Raw:bool -> bool
CommandString     put Command:string Raw:bool -> string
Connect           put                                           offline
Connected         get -> bool | put Connected:bool              offline
Connecting        get -> bool                                   offline
Description       get -> string                                 offline
DeviceState       get -> states
Disconnect        put                                           offline
DriverInfo        get -> string                                 offline
DriverVersion     get -> string                                 offline
InterfaceVersion  get -> int                                    offline
Name              get -> string                                 offline
SupportedActions  get -> strings                                offline
"""

TELESCOPE = """
AlignmentMode            get -> int
Altitude                 get -> double                          state
ApertureArea             get -> double
ApertureDiameter         get -> double
AtHome                   get -> bool                            state
AtPark                   get -> bool                            state
Azimuth                  get -> double                          state
CanFindHome              get -> bool
CanPark                  get -> bool
CanPulseGuide            get -> bool
CanSetDeclinationRate    get -> bool
CanSetGuideRates         get -> bool
CanSetPark               get -> bool
CanSetPierSide           get -> bool
CanSetRightAscensionRate get -> bool
CanSetTracking           get -> bool
CanSlew                  get -> bool
CanSlewAltAz             get -> bool
CanSlewAltAzAsync        get -> bool
CanSlewAsync             get -> bool
CanSync                  get -> bool
CanSyncAltAz             get -> bool
CanUnpark                get -> bool
Declination              get -> double                          state
DeclinationRate          get -> double | put DeclinationRate:double
DoesRefraction           get -> bool | put DoesRefraction:bool
EquatorialSystem         get -> int
FocalLength              get -> double
GuideRateDeclination     get -> double | put GuideRateDeclination:double
GuideRateRightAscension  get -> double | put GuideRateRightAscension:double
IsPulseGuiding           get -> bool                            state
RightAscension           get -> double                          state
RightAscensionRate       get -> double | put RightAscensionRate:double
SideOfPier               get -> int | put SideOfPier:int        state
SiderealTime             get -> double                          state
SiteElevation            get -> double | put SiteElevation:double
SiteLatitude             get -> double | put SiteLatitude:double
SiteLongitude            get -> double | put SiteLongitude:double
Slewing                  get -> bool                            state
SlewSettleTime           get -> int | put SlewSettleTime:int
TargetDeclination        get -> double | put TargetDeclination:double
TargetRightAscension     get -> double | put TargetRightAscension:double
Tracking                 get -> bool | put Tracking:bool        state
TrackingRate             get -> int | put TrackingRate:int
TrackingRates            get -> ints
UTCDate                  get -> date | put UTCDate:date         state
AxisRates                get Axis:int -> rates
CanMoveAxis              get Axis:int -> bool
DestinationSideOfPier    get RightAscension:double Declination:double -> int
AbortSlew                put
FindHome                 put
MoveAxis                 put Axis:int Rate:double
Park                     put
PulseGuide               put Direction:int Duration:int
SetPark                  put
SlewToAltAz              put Azimuth:double Altitude:double
SlewToAltAzAsync         put Azimuth:double Altitude:double
SlewToCoordinates        put RightAscension:double Declination:double
SlewToCoordinatesAsync   put RightAscension:double Declination:double
SlewToTarget             put
SlewToTargetAsync        put
SyncToAltAz              put Azimuth:double Altitude:double
SyncToCoordinates        put RightAscension:double Declination:double
SyncToTarget             put
Unpark                   put
"""

CAMERA = """
BayerOffsetX          get -> int
BayerOffsetY          get -> int
BinX                  get -> int | put BinX:int
BinY                  get -> int | put BinY:int
CameraState           get -> int                                state
CameraXSize           get -> int
CameraYSize           get -> int
CanAbortExposure      get -> bool
CanAsymmetricBin      get -> bool
CanFastReadout        get -> bool
CanGetCoolerPower     get -> bool
CanPulseGuide         get -> bool
CanSetCCDTemperature  get -> bool
CanStopExposure       get -> bool
CCDTemperature        get -> double                             state
CoolerOn              get -> bool | put CoolerOn:bool
CoolerPower           get -> double                             state
ElectronsPerADU       get -> double
ExposureMax           get -> double
ExposureMin           get -> double
ExposureResolution    get -> double
FastReadout           get -> bool | put FastReadout:bool
FullWellCapacity      get -> double
Gain                  get -> int | put Gain:int
GainMax               get -> int
GainMin               get -> int
Gains                 get -> strings
HasShutter            get -> bool
HeatSinkTemperature   get -> double                             state
ImageArray            get -> image
ImageArrayVariant     get -> image
ImageReady            get -> bool                               state
IsPulseGuiding        get -> bool                               state
LastExposureDuration  get -> double
LastExposureStartTime get -> date
MaxADU                get -> int
MaxBinX               get -> int
MaxBinY               get -> int
NumX                  get -> int | put NumX:int
NumY                  get -> int | put NumY:int
Offset                get -> int | put Offset:int
OffsetMax             get -> int
OffsetMin             get -> int
Offsets               get -> strings
PercentCompleted      get -> int                                state
PixelSizeX            get -> double
PixelSizeY            get -> double
ReadoutMode           get -> int | put ReadoutMode:int
ReadoutModes          get -> strings
SensorName            get -> string
SensorType            get -> int
SetCCDTemperature     get -> double | put SetCCDTemperature:double
StartX                get -> int | put StartX:int
StartY                get -> int | put StartY:int
SubExposureDuration   get -> double | put SubExposureDuration:double
AbortExposure         put
PulseGuide            put Direction:int Duration:int
StartExposure         put Duration:double Light:bool
StopExposure          put
"""

FOCUSER = """
Absolute          get -> bool
IsMoving          get -> bool                                   state
MaxIncrement      get -> int
MaxStep           get -> int
Position          get -> int                                    state
StepSize          get -> double
TempComp          get -> bool | put TempComp:bool
TempCompAvailable get -> bool
Temperature       get -> double                                 state
Halt              put
Move              put Position:int
"""

FILTER_WHEEL = """
FocusOffsets      get -> ints
Names             get -> strings
Position          get -> int | put Position:int                 state
"""

COVER_CALIBRATOR = """
Brightness         get -> int                                   state
CalibratorChanging get -> bool                                  state
CalibratorState    get -> int                                   state
CoverMoving        get -> bool                                  state
CoverState         get -> int                                   state
MaxBrightness      get -> int
CalibratorOff      put
CalibratorOn       put Brightness:int
CloseCover         put
HaltCover          put
OpenCover          put
"""

SWITCH = """
MaxSwitch            get -> int
CanAsync             get Id:int -> bool
CanWrite             get Id:int -> bool
GetSwitch            get Id:int -> bool                         state
GetSwitchDescription get Id:int -> string
GetSwitchName        get Id:int -> string
GetSwitchValue       get Id:int -> double                       state
MaxSwitchValue       get Id:int -> double
MinSwitchValue       get Id:int -> double
StateChangeComplete  get Id:int -> bool                         state
SwitchStep           get Id:int -> double
CancelAsync          put Id:int
SetAsync             put Id:int State:bool
SetAsyncValue        put Id:int Value:double
SetSwitch            put Id:int State:bool
SetSwitchName        put Id:int Name:string
SetSwitchValue       put Id:int Value:double
"""

OBSERVING_CONDITIONS = """
AveragePeriod       get -> double | put AveragePeriod:double
CloudCover          get -> double                               state
DewPoint            get -> double                               state
Humidity            get -> double                               state
Pressure            get -> double                               state
RainRate            get -> double                               state
SkyBrightness       get -> double                               state
SkyQuality          get -> double                               state
SkyTemperature      get -> double                               state
StarFWHM            get -> double                               state
Temperature         get -> double                               state
WindDirection       get -> double                               state
WindGust            get -> double                               state
WindSpeed           get -> double                               state
SensorDescription   get SensorName:string -> string
TimeSinceLastUpdate get SensorName:string? -> double
Refresh             put
"""

SAFETY_MONITOR = """
IsSafe            get -> bool                                   state offline
"""

ROTATOR = """
CanReverse         get -> bool
IsMoving           get -> bool                                  state
MechanicalPosition get -> double                                state
Position           get -> double                                state
Reverse            get -> bool | put Reverse:bool
StepSize           get -> double
TargetPosition     get -> double
Halt               put
Move               put Position:double
MoveAbsolute       put Position:double
MoveMechanical     put Position:double
Sync               put Position:double
"""

DOME = """
Altitude          get -> double                                 state
AtHome            get -> bool                                   state
AtPark            get -> bool                                   state
Azimuth           get -> double                                 state
CanFindHome       get -> bool
CanPark           get -> bool
CanSetAltitude    get -> bool
CanSetAzimuth     get -> bool
CanSetPark        get -> bool
CanSetShutter     get -> bool
CanSlave          get -> bool
CanSyncAzimuth    get -> bool
ShutterStatus     get -> int                                    state
Slaved            get -> bool | put Slaved:bool
Slewing           get -> bool                                   state
AbortSlew         put
CloseShutter      put
FindHome          put
OpenShutter       put
Park              put
SetPark           put
SlewToAltitude    put Altitude:double
SlewToAzimuth     put Azimuth:double
SyncToAzimuth     put Azimuth:double
"""
