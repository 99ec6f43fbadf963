"""The rules of each device that conformance testing checks, and the traps that others fell into."""

from datetime import UTC, datetime

import pytest
from alpacafakes import Client, table_of, until
from hypothesis import given
from hypothesis import strategies as st

from alpaca import services
from alpaca.devices.errors import ascom_error
from alpaca.devices.facts import Optics
from alpaca.devices.telescope import local_sidereal_time
from alpaca.protocol.errors import AlpacaError
from skycam_project.common.errors import SkycamError
from skycam_project.common.link import CallError, OutcomeUnknown

MOTIONS = [
    ("slewtocoordinatesasync", {"RightAscension": 5, "Declination": 5}),
    ("slewtotargetasync", {}),
    ("abortslew", {}),
    ("moveaxis", {"Axis": 0, "Rate": 0.0}),
    ("moveaxis", {"Axis": 1, "Rate": 1.0}),
    ("tracking", {"Tracking": True}),
]


# ---- telescope


async def test_a_slew_shows_slewing_and_target_when_it_returns_and_ends_there(connected, telescope):
    await connected.do("telescope/0/tracking", Tracking=True)
    await connected.do("telescope/0/slewtocoordinatesasync", RightAscension=0.712, Declination=41.27)
    assert await connected.value("telescope/0/slewing") is True
    assert await connected.value("telescope/0/targetrightascension") == 0.712
    assert await connected.value("telescope/0/targetdeclination") == 41.27
    await until(lambda: connected.value("telescope/0/slewing"), False)
    assert await connected.value("telescope/0/rightascension") == 0.712
    assert await connected.value("telescope/0/declination") == 41.27


async def test_a_target_is_not_set_before_it_is_written(connected):
    for name in ("targetrightascension", "targetdeclination"):
        assert await connected.error("get", f"telescope/0/{name}") == 0x402
    await connected.do("telescope/0/tracking", Tracking=True)
    assert await connected.error("put", "telescope/0/slewtotargetasync") == 0x402
    await connected.do("telescope/0/targetrightascension", TargetRightAscension=3.5)
    assert await connected.error("put", "telescope/0/slewtotargetasync") == 0x402
    await connected.do("telescope/0/targetdeclination", TargetDeclination=-3.25)
    assert await connected.value("telescope/0/targetrightascension") == 3.5
    await connected.do("telescope/0/slewtotargetasync")


@pytest.mark.parametrize(("ra", "dec"), [(-1, 0), (24, 0), (25, 0), (0, -100), (0, 100), (0, 90.0000001)])
async def test_coordinates_out_of_range_are_invalid_values(connected, telescope, ra, dec):
    await connected.do("telescope/0/tracking", Tracking=True)
    path = "telescope/0/slewtocoordinatesasync"
    assert await connected.error("put", path, RightAscension=ra, Declination=dec) == 0x401
    if not 0 <= ra < 24:
        assert (
            await connected.error("put", "telescope/0/targetrightascension", TargetRightAscension=ra) == 0x401
        )
    else:
        assert await connected.error("put", "telescope/0/targetdeclination", TargetDeclination=dec) == 0x401
    assert not [call for call in telescope.calls if call[0] == "slew"]


async def test_below_the_horizon_is_an_invalid_value_in_the_hosts_words(connected):
    await connected.do("telescope/0/tracking", Tracking=True)
    answer = await connected.put("telescope/0/slewtocoordinatesasync", RightAscension=1, Declination=-80)
    assert answer.json["ErrorNumber"] == 0x401
    assert answer.json["ErrorMessage"] == "The target is 4.2° below the horizon; it never rises here."


async def test_slews_need_tracking(connected):
    path = "telescope/0/slewtocoordinatesasync"
    assert await connected.error("put", path, RightAscension=1, Declination=1) == 0x40B


async def test_parked_nothing_moves_and_nothing_unparks(connected):
    await connected.do("telescope/0/tracking", Tracking=True)
    await connected.do("telescope/0/park")
    await connected.do("telescope/0/park")
    assert await connected.value("telescope/0/atpark") is True
    assert await connected.value("telescope/0/tracking") is False
    await connected.do("telescope/0/targetrightascension", TargetRightAscension=3.5)
    await connected.do("telescope/0/targetdeclination", TargetDeclination=3.5)
    for member, parameters in MOTIONS:
        assert await connected.error("put", f"telescope/0/{member}", **parameters) == 0x408, member
        assert await connected.value("telescope/0/atpark") is True
    await connected.do("telescope/0/tracking", Tracking=False)
    await connected.do("telescope/0/unpark")
    await connected.do("telescope/0/unpark")
    assert await connected.value("telescope/0/atpark") is False
    await connected.do("telescope/0/abortslew")


async def test_a_target_of_somebody_else_is_read_until_one_is_set(connected, telescope):
    telescope.state["mount"].update(target_ra_hours=7.5, target_dec_deg=-12.25)
    assert await connected.value("telescope/0/targetrightascension") == 7.5
    await connected.do("telescope/0/targetrightascension", TargetRightAscension=8.5)
    assert await connected.value("telescope/0/targetrightascension") == 8.5
    assert await connected.value("telescope/0/targetdeclination") == -12.25


async def test_axes(connected):
    for axis in (0, 1):
        assert await connected.value("telescope/0/canmoveaxis", Axis=axis) is True
        assert await connected.value("telescope/0/axisrates", Axis=axis) == [
            {"Maximum": 30.0, "Minimum": 0.0}
        ]
    assert await connected.value("telescope/0/canmoveaxis", Axis=2) is False
    assert await connected.value("telescope/0/axisrates", Axis=2) == []
    for axis in (-1, 3):
        assert await connected.error("get", "telescope/0/canmoveaxis", Axis=axis) == 0x401
        assert await connected.error("get", "telescope/0/axisrates", Axis=axis) == 0x401
    for rate in (31, -31, 1e9):
        assert await connected.error("put", "telescope/0/moveaxis", Axis=0, Rate=rate) == 0x401
    assert await connected.error("put", "telescope/0/moveaxis", Axis=2, Rate=0) == 0x401
    await connected.do("telescope/0/moveaxis", Axis=1, Rate=-30)
    assert await connected.value("telescope/0/slewing") is True
    await connected.do("telescope/0/moveaxis", Axis=1, Rate=0)
    assert await connected.value("telescope/0/slewing") is False


async def test_the_site_comes_back_exactly(connected):
    assert await connected.value("telescope/0/sitelatitude") == 47.123456789012345
    assert await connected.value("telescope/0/siteelevation") == 1240.5
    assert await connected.error("put", "telescope/0/sitelatitude", SiteLatitude=1.0) == 0x400


async def test_rates_agree_and_others_are_invalid(connected):
    assert await connected.value("telescope/0/trackingrates") == [0]
    await connected.do("telescope/0/trackingrate", TrackingRate=0)
    for rate in (-1, 1, 2, 3, 5):
        assert await connected.error("put", "telescope/0/trackingrate", TrackingRate=rate) == 0x401


async def test_what_the_mount_cannot_do_is_read_as_the_interface_wants(connected):
    for name in ("declinationrate", "rightascensionrate"):
        assert await connected.value(f"telescope/0/{name}") == 0.0
    assert await connected.error("put", "telescope/0/declinationrate", DeclinationRate=0.0) == 0x400
    for name in ("ispulseguiding", "sideofpier", "slewsettletime", "doesrefraction"):
        assert await connected.error("get", f"telescope/0/{name}") == 0x400


@pytest.mark.parametrize(
    ("moment", "longitude", "expected"),
    [
        # apparent-to-mean differences are below 0.1 s; values from the Astronomical Almanac's formula for GMST
        (datetime(2000, 1, 1, 12, tzinfo=UTC), 0.0, 18.697374558),
        (datetime(2000, 1, 1, 12, tzinfo=UTC), 90.0, 0.697374558),
    ],
)
def test_sidereal_time(moment, longitude, expected):
    assert local_sidereal_time(moment, longitude) == pytest.approx(expected, abs=0.1 / 3600)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2049, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC)),
    st.floats(-180, 180),
)
def test_sidereal_time_agrees_with_the_standard_library_of_astronomy(moment, longitude):
    erfa = pytest.importorskip("erfa")
    days = (moment - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400
    radians = erfa.gmst06(2451545.0, days, 2451545.0, days + 69.2 / 86400)
    expected = (radians * 12 / 3.141592653589793 + longitude / 15) % 24
    difference = abs(local_sidereal_time(moment, longitude) - expected)
    assert min(difference, 24 - difference) * 3600 < 0.01
    assert 0 <= local_sidereal_time(moment, longitude) < 24


# ---- camera


async def test_before_the_first_exposure_there_is_no_image_and_no_start(connected):
    assert await connected.value("camera/0/imageready") is False
    assert await connected.value("camera/0/camerastate") == 0
    assert await connected.value("camera/0/percentcompleted") == 100
    for name in ("lastexposureduration", "lastexposurestarttime", "imagearray", "imagearrayvariant"):
        assert await connected.error("get", f"camera/0/{name}") == 0x40B


async def test_an_exposure_from_start_to_image(connected, telescope):
    await connected.do("camera/0/gain", Gain=80)
    await connected.do("camera/0/startexposure", Duration=5.0, Light=True)
    assert await connected.value("camera/0/camerastate") == 2
    assert await connected.value("camera/0/imageready") is False
    assert await connected.error("get", "camera/0/imagearray") == 0x40B
    assert await connected.error("put", "camera/0/startexposure", Duration=5.0, Light=True) == 0x40B
    await until(lambda: connected.value("camera/0/camerastate"), 0)
    assert await connected.value("camera/0/imageready") is True
    assert await connected.value("camera/0/lastexposureduration") == 5.0
    started = datetime.fromisoformat(await connected.value("camera/0/lastexposurestarttime")).replace(
        tzinfo=UTC
    )
    assert abs((datetime.now(UTC) - started).total_seconds()) < 30
    name, arguments = telescope.calls[-1]
    assert name == "expose"
    assert arguments == {"exposure_s": 5.0, "light": True, "gain": 80}


async def test_abort_ends_an_exposure_without_an_image(connected, telescope):
    await connected.do("camera/0/abortexposure")
    telescope.exposure_time_s = 60
    await connected.do("camera/0/startexposure", Duration=5.0, Light=True)
    await connected.do("camera/0/abortexposure")
    assert await connected.value("camera/0/camerastate") == 0
    assert await connected.value("camera/0/imageready") is False
    assert await connected.error("put", "camera/0/stopexposure") == 0x400


@pytest.mark.parametrize("duration", [-1, 0, 0.00005, 120.1, 1e9])
async def test_durations_out_of_range(connected, duration):
    assert await connected.error("put", "camera/0/startexposure", Duration=duration, Light=True) == 0x401


async def test_a_bias_frame_is_as_short_as_can_be(connected, telescope):
    await connected.do("camera/0/startexposure", Duration=0, Light=False)
    assert telescope.calls[-1][1]["exposure_s"] == 0.0001
    assert telescope.calls[-1][1]["light"] is False


async def test_a_duration_that_the_firmware_has_not_is_refused_by_the_host(connected):
    assert await connected.error("put", "camera/0/startexposure", Duration=2.5, Light=True) == 0x401


@pytest.mark.parametrize(
    "frame",
    [
        {"NumX": 49}, {"NumY": 28}, {"NumX": 0}, {"NumY": -1}, {"StartX": 48}, {"StartY": 27}, {"StartX": -1},
        {"StartX": 1}, {"StartX": 2**31 - 1, "NumX": 2**31 - 1},
    ],
)  # fmt: skip
async def test_a_subframe_out_of_range_can_be_set_but_not_exposed(connected, frame):
    for name, value in frame.items():
        await connected.do(f"camera/0/{name.lower()}", **{name: value})
        assert await connected.value(f"camera/0/{name.lower()}") == value
    assert await connected.error("put", "camera/0/startexposure", Duration=1.0, Light=True) == 0x401
    assert await connected.value("camera/0/camerastate") == 0


async def test_the_whole_sensor_is_the_first_subframe(connected):
    names = ("startx", "starty", "numx", "numy", "cameraxsize", "cameraysize")
    assert [await connected.value(f"camera/0/{name}") for name in names] == [0, 0, 48, 27, 48, 27]


async def test_what_is_not_set_follows_the_sensor(connected, telescope):
    await connected.do("camera/0/starty", StartY=2)
    telescope.state["camera"].update(width_px=40, height_px=20)
    assert await connected.value("camera/0/numx") == 40
    assert await connected.error("put", "camera/0/startexposure", Duration=1.0, Light=True) == 0x401
    await connected.do("camera/0/numy", NumY=18)
    await connected.do("camera/0/startexposure", Duration=1.0, Light=True)


async def test_gain_is_a_value_with_ends(connected):
    assert await connected.value("camera/0/gain") == 60
    assert (await connected.value("camera/0/gainmin"), await connected.value("camera/0/gainmax")) == (0, 240)
    for gain in (-1, 241):
        assert await connected.error("put", "camera/0/gain", Gain=gain) == 0x401
    for gain in (0, 240):
        await connected.do("camera/0/gain", Gain=gain)
        assert await connected.value("camera/0/gain") == gain
    assert await connected.error("get", "camera/0/gains") == 0x400
    for name in ("offset", "offsetmin", "offsetmax", "offsets"):
        assert await connected.error("get", f"camera/0/{name}") == 0x400


@pytest.mark.parametrize("name", ["BinX", "BinY"])
async def test_binning_is_one(connected, name):
    await connected.do(f"camera/0/{name.lower()}", **{name: 1})
    for value in (0, 2):
        assert await connected.error("put", f"camera/0/{name.lower()}", **{name: value}) == 0x401


@pytest.mark.parametrize(
    ("pattern", "sensor_type", "offsets"),
    [("RGGB", 2, (0, 0)), ("GRBG", 2, (1, 0)), ("GBRG", 2, (0, 1)), ("BGGR", 2, (1, 1)), ("", 0, None)],
)
async def test_bayer_offsets_follow_the_pattern(telescope, route, tmp_path, pattern, sensor_type, offsets):
    services.install(table_of(telescope, tmp_path, Optics(bayer=pattern)))
    client = Client(route)
    await client.do("camera/0/connected", Connected=True)
    assert await client.value("camera/0/sensortype") == sensor_type
    for index, name in enumerate(("bayeroffsetx", "bayeroffsety")):
        if offsets is None:
            assert await client.error("get", f"camera/0/{name}") == 0x400
        else:
            assert await client.value(f"camera/0/{name}") == offsets[index]


async def test_a_failed_exposure_is_told_when_the_image_is_asked_for(connected, telescope):
    telescope.state["camera"].update(problem="the SD card is full", started_at="2026-11-20T20:00:00.000Z")
    assert await connected.value("camera/0/camerastate") == 0
    answer = (await connected.get("camera/0/imageready")).json
    assert answer["ErrorNumber"] == 0x500
    assert "SD card is full" in answer["ErrorMessage"]
    await connected.do("camera/0/startexposure", Duration=1.0, Light=True)


async def test_what_the_camera_has_not_is_not_implemented(connected, telescope):
    telescope.state["camera"]["sensor_temperature_c"] = None
    for name in (
        "ccdtemperature",
        "cooleron",
        "coolerpower",
        "fastreadout",
        "ispulseguiding",
        "subexposureduration",
    ):
        assert await connected.error("get", f"camera/0/{name}") == 0x400
    assert await connected.value("camera/0/readoutmodes") == ["Standard"]
    await connected.do("camera/0/readoutmode", ReadoutMode=0)
    assert await connected.error("put", "camera/0/readoutmode", ReadoutMode=1) == 0x401
    assert len(await connected.value("camera/0/description")) <= 68


# ---- focuser, filter wheel


@pytest.mark.parametrize(("target", "end"), [(-10, 0), (0, 0), (12_000, 12_000), (20_010, 20_000)])
async def test_a_focuser_goes_where_it_can(connected, target, end):
    await connected.do("focuser/0/move", Position=target)
    assert await connected.value("focuser/0/ismoving") is True
    await until(lambda: connected.value("focuser/0/ismoving"), False)
    assert await connected.value("focuser/0/position") == end


async def test_a_focuser_without_compensation(connected):
    assert await connected.value("focuser/0/tempcomp") is False
    assert await connected.error("put", "focuser/0/tempcomp", TempComp=True) == 0x400
    assert 1 <= await connected.value("focuser/0/maxincrement") <= await connected.value("focuser/0/maxstep")
    await connected.do("focuser/0/halt")


async def test_a_filter_wheel_is_nowhere_while_it_turns(connected):
    names = await connected.value("filterwheel/0/names")
    assert names == ["VIS", "Astro", "Duo-band"]
    assert await connected.value("filterwheel/0/focusoffsets") == [0, 0, 0]
    await connected.do("filterwheel/0/position", Position=2)
    assert await connected.value("filterwheel/0/position") == -1
    await until(lambda: connected.value("filterwheel/0/position"), 2)
    for position in (-1, 3):
        assert await connected.error("put", "filterwheel/0/position", Position=position) == 0x401


async def test_what_the_telescope_has_not_told_is_an_error_not_a_number(connected, telescope):
    telescope.state["focus"]["position"] = telescope.state["filters"]["position"] = None
    assert await connected.error("get", "focuser/0/position") == 0x40B
    assert await connected.error("get", "filterwheel/0/position") == 0x40B
    assert "Position" not in [state["Name"] for state in await connected.value("focuser/0/devicestate")]


# ---- actions and commands


@pytest.mark.parametrize("device", ["telescope", "camera", "focuser", "filterwheel"])
async def test_there_are_no_actions_and_no_commands(connected, device):
    assert await connected.value(f"{device}/0/supportedactions") == []
    assert await connected.error("put", f"{device}/0/action", Action="PowerDown", Parameters="") == 0x400
    for command in ("commandblind", "commandbool", "commandstring"):
        assert await connected.error("put", f"{device}/0/{command}", Command="x", Raw="true") == 0x400


# ---- errors of the host


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (CallError("no", code="invalid_value"), 0x401),
        (CallError("no", code="near_sun"), 0x401),
        (CallError("no", code="parked"), 0x408),
        (CallError("no", code="invalid_operation"), 0x40B),
        (CallError("no", code="not_host"), 0x40B),
        (OutcomeUnknown("gone"), 0x501),
        (CallError("bug", code="internal"), 0x5FF),
        (CallError("x", code="never heard of"), 0x500),
    ],
)
async def test_a_refusal_of_the_host_keeps_its_words(connected, telescope, error, number):
    telescope.refusal = error
    answer = (await connected.put("focuser/0/halt")).json
    assert (answer["ErrorNumber"], answer["ErrorMessage"]) == (number, str(error))


@given(st.text(max_size=30), st.text(max_size=30))
def test_every_error_becomes_one_that_a_client_sees(code, text):
    error = ascom_error(SkycamError(text, code=code))
    assert isinstance(error, AlpacaError)
    assert 0x400 <= error.number <= 0xFFF
    assert str(error)
