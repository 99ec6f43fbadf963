"""Telescopes: state and commands."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.cameras import ERROR, STATE
from dashboard.mirrors import command, mirror
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.holders import PAGE
from telescope.host import DEVICES


class SlewSerializer(serializers.Serializer):
    """A name, or a place (ICRS)."""

    target = serializers.CharField(
        required=False, max_length=80, help_text="Such as M 31, NGC 7000, Vega, Jupiter."
    )
    ra_hours = serializers.FloatField(required=False, min_value=0, max_value=24)
    dec_deg = serializers.FloatField(required=False, min_value=-90, max_value=90)


class ExposeSerializer(serializers.Serializer):
    """One exposure."""

    exposure_s = serializers.FloatField(min_value=0.0001, max_value=3600)
    gain = serializers.IntegerField(min_value=0, max_value=1000)


class SwitchSerializer(serializers.Serializer):
    """On or off."""

    on = serializers.BooleanField()


class PositionSerializer(serializers.Serializer):
    """A position of the filter wheel (from 0) or of the focuser (motor steps)."""

    position = serializers.IntegerField(min_value=0, max_value=100_000)


class AxisSerializer(serializers.Serializer):
    """Movement by hand: axis 0 is azimuth, 1 altitude; rate 0 stops it."""

    axis = serializers.IntegerField(min_value=0, max_value=1)
    rate_deg_s = serializers.FloatField(min_value=-10, max_value=10)


class JoystickSerializer(serializers.Serializer):
    """A joystick: angle 0 is right, 90 up; length 1 is as far as it goes, 0 lets go."""

    angle_deg = serializers.FloatField(min_value=0, max_value=360)
    length = serializers.FloatField(min_value=0, max_value=1)


class TelescopeStatusView(APIView):
    """The state of one telescope."""

    @extend_schema(operation_id="telescope_status", responses={200: STATE, 503: ERROR})
    def get(self, request, telescope):
        return Response(mirror(f"telescope/{telescope}").state)


class TelescopeCommandView(APIView):
    """One command; answers with the state that it caused."""

    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    serializer_class: type[serializers.Serializer] | None = None

    def post(self, request, telescope):
        device = f"telescope/{telescope}"
        given = self.arguments(request)
        state = mirror(device).state
        for name, fixed in self.calls:
            state = command(device, name, **fixed, **given)
        return Response(state)

    def arguments(self, request) -> dict[str, Any]:
        """What the body says, checked."""
        if self.serializer_class is None:
            return {}
        serializer = self.serializer_class(data=request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class SlewView(TelescopeCommandView):
    """Point at an object by name, or at a place, and track it."""

    calls = (("slew", {}),)
    serializer_class = SlewSerializer

    def arguments(self, request) -> dict[str, Any]:
        given = super().arguments(request)
        if "target" in given:
            return place_of(given["target"])
        if "ra_hours" not in given or "dec_deg" not in given:
            raise InvalidValueError("target", None, "a name, or ra_hours and dec_deg")
        return {"ra_hours": given["ra_hours"] % 24, "dec_deg": given["dec_deg"]}

    post = extend_schema(
        operation_id="telescope_slew",
        request=SlewSerializer,
        responses={200: STATE, 400: ERROR, 409: ERROR, 503: ERROR},
    )(TelescopeCommandView.post)


def place_of(name: str) -> dict[str, Any]:
    """Where an object is now (ICRS). Raises `InvalidValueError` for a name that no catalogue has."""
    # Catalogues cost the web process 20 MB: only who slews by name pays for them.
    from sky.coordinates import Observer, Site
    from sky.errors import UnknownObjectError
    from sky.names import resolve

    config = settings.CONFIG
    site = Site(config.latitude or 0.0, config.longitude or 0.0, config.elevation)
    try:
        found = resolve(name, Observer(site, datetime.now(UTC)))
    except UnknownObjectError as error:
        raise InvalidValueError("target", name, f"a name of the catalogues ({error})") from None
    return {"ra_hours": found.ra_deg / 15 % 24, "dec_deg": found.dec_deg, "name": found.name}


def _view(name: str, call: str, text: str, serializer=None, **fixed):
    view = type(
        f"Telescope{name.title().replace('_', '')}View",
        (TelescopeCommandView,),
        {"calls": ((call, fixed),), "serializer_class": serializer, "__doc__": text},
    )
    view.post = extend_schema(
        operation_id=f"telescope_{name}",
        request=serializer,
        responses={200: STATE, 400: ERROR, 409: ERROR, 503: ERROR},
    )(TelescopeCommandView.post)
    return view


def _hold(name: str, text: str):
    """The page connects all parts at once: people see one telescope."""
    view = _view(name, name, text)
    view.calls = tuple((name, {"device": device, "client": PAGE}) for device in DEVICES)
    return view


COMMANDS = {
    "connect": _hold("connect", "Connect the telescope for the pages."),
    "disconnect": _hold(
        "disconnect", "Give the pages' hold back; the last holder disconnects the telescope."
    ),
    "slew": SlewView,
    "abort": _view("abort", "abort_slew", "Stop every movement."),
    "park": _view("park", "park", "Fold the barrel in."),
    "unpark": _view("unpark", "unpark", "Allow movements again."),
    "track": _view("track", "track", "Switch tracking.", SwitchSerializer),
    "calibrate": _view("calibrate", "calibrate", "Let the telescope learn from the stars how it stands."),
    "move": _view("move", "move_axis", "Move an axis by hand.", AxisSerializer),
    "joystick": _view(
        "joystick",
        "joystick",
        "Move by hand; to be repeated at least every 1.5 s, else the telescope stops.",
        JoystickSerializer,
    ),
    "take-control": _view("take_control", "take_control", "Take the telescope over from another app."),
    "expose": _view("expose", "expose", "Take one frame.", ExposeSerializer),
    "abort-exposure": _view("abort_exposure", "abort_exposure", "Give the exposure up."),
    "filter": _view("filter", "set_filter", "Put a filter into the light.", PositionSerializer),
    "focus": _view("focus", "focus_move", "Move the focus.", PositionSerializer),
    "halt-focus": _view("halt_focus", "focus_halt", "Stop the focus motor."),
    "autofocus": _view("autofocus", "autofocus", "Let the telescope focus on stars."),
}
