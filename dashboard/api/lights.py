"""What the observatory adds to document 004's lights: mode, fixtures, master, monitor, override. Roles as everywhere."""

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.cameras import ERROR
from lighting.engine.rig import MODES
from lighting.services import command, lights

STATE = {
    "type": "object",
    "description": "The complete state of the lights; docs/lighting.md names every field.",
}
ANSWERS = {200: STATE, 400: ERROR, 404: ERROR, 423: ERROR, 503: ERROR}


def _name(request) -> str:
    """Who asks, as the state's `updatedBy` shows it."""
    return (getattr(request.user, "username", None) or request.user.name)[:64]


def _checked(serializer: serializers.Serializer) -> dict:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


class LightsView(APIView):
    """The state of the lights."""

    @extend_schema(operation_id="lights", responses={200: STATE, 503: ERROR})
    def get(self, request):
        return Response(lights().state)


class ModeSerializer(serializers.Serializer):
    """What colours are possible."""

    mode = serializers.ChoiceField(MODES, help_text="dark: red only; blackout: none.")


class ModeView(APIView):
    """The mode."""

    @extend_schema(operation_id="lights_mode", request=ModeSerializer, responses=ANSWERS)
    def put(self, request):
        command("mode", mode=_checked(ModeSerializer(data=request.data))["mode"], by=_name(request))
        return Response(lights().state)


class MasterView(APIView):
    """The master fader."""

    @extend_schema(
        operation_id="lights_master",
        request=inline_serializer("Master", {"master": serializers.IntegerField(min_value=0, max_value=255)}),
        responses=ANSWERS,
    )
    def put(self, request):
        command("master", master=request.data.get("master"))
        return Response(lights().state)


class OverrideSerializer(serializers.Serializer):
    """Why somebody needs light now."""

    reason = serializers.CharField(min_length=1, max_length=200)


class OverrideView(APIView):
    """Light although a camera exposes, for five minutes. Kept with each frame that it spoils."""

    @extend_schema(operation_id="lights_override", request=OverrideSerializer, responses=ANSWERS)
    def post(self, request):
        command(
            "override", reason=_checked(OverrideSerializer(data=request.data))["reason"], by=_name(request)
        )
        return Response(lights().state)

    @extend_schema(operation_id="lights_override_end", responses=ANSWERS)
    def delete(self, request):
        command("end_override")
        return Response(lights().state)


class PatchView(APIView):
    """The fixtures: which light listens to which channels."""

    @extend_schema(
        operation_id="lights_patch_show", responses={200: {"type": "array", "items": STATE}, 503: ERROR}
    )
    def get(self, request):
        return Response(lights().state["fixtures"])

    @extend_schema(operation_id="lights_patch", request={"type": "array", "items": STATE}, responses=ANSWERS)
    def put(self, request):
        command("patch", fixtures=request.data)
        return Response(lights().state["fixtures"])


class FixtureView(APIView):
    """One fixture: `{"colour": {"r", "g", "b"}}` (0..255) or `{"level"}` (0..65535)."""

    @extend_schema(operation_id="lights_fixture", request=STATE, responses=ANSWERS)
    def put(self, request, fixture):
        wanted = {name: request.data[name] for name in ("colour", "level") if name in request.data}
        command("fixture", name=fixture, by=_name(request), **wanted)
        return Response(lights().state["fixtures"])


class ChannelsView(APIView):
    """What one universe sends now."""

    @extend_schema(
        operation_id="lights_channels",
        responses={200: {"type": "array", "items": {"type": "integer"}}, 503: ERROR},
    )
    def get(self, request, universe):
        return Response(command("channels", universe=universe))
