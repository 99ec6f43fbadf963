"""What spans devices: automatic flats, scenes of the night."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.cameras import ERROR
from observatory.flats.run import MODES
from observatory.services import command, observatory

STATE = {
    "type": "object",
    "description": "The run that goes on, or the last one: camera, mode, phase, problem, running, target, frames, "
    "frames_taken, steps (brightness, exposure_s, level); null before the first.",
    "nullable": True,
}
ANSWERS = {200: STATE, 400: ERROR, 409: ERROR, 503: ERROR}


class FlatsSerializer(serializers.Serializer):
    """What flats are wanted."""

    camera = serializers.CharField(max_length=80, help_text="Such as camera/default or telescope/0.")
    frames = serializers.IntegerField(required=False, min_value=1, max_value=100)
    mode = serializers.ChoiceField(
        MODES, required=False, help_text="panel: search its brightness; exposure: search the exposure time."
    )
    target = serializers.FloatField(
        required=False, min_value=0.1, max_value=0.8, help_text="Share of full scale; 0.5."
    )
    exposure_s = serializers.FloatField(
        required=False, min_value=0.001, max_value=600, help_text="To begin with."
    )
    gain = serializers.FloatField(required=False, min_value=0, help_text="In the camera's own unit.")


class FlatsView(APIView):
    """Flats."""

    @extend_schema(operation_id="flats", responses={200: STATE, 503: ERROR})
    def get(self, request):
        return Response(observatory().state["flats"])

    @extend_schema(operation_id="flats_start", request=FlatsSerializer, responses=ANSWERS)
    def post(self, request):
        serializer = FlatsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(command("start_flats", **serializer.validated_data)["flats"])

    @extend_schema(operation_id="flats_stop", responses=ANSWERS)
    def delete(self, request):
        return Response(command("stop_flats")["flats"])


class NightScenesSerializer(serializers.Serializer):
    """The scene that each moment begins with; what is left out has none."""

    day = serializers.CharField(required=False, allow_null=True, max_length=64)
    twilight = serializers.CharField(required=False, allow_null=True, max_length=64)
    night = serializers.CharField(required=False, allow_null=True, max_length=64)
    capturing = serializers.CharField(required=False, allow_null=True, max_length=64)
    parked = serializers.CharField(required=False, allow_null=True, max_length=64)


class NightScenesView(APIView):
    """Scenes of the night."""

    @extend_schema(operation_id="night_scenes", responses={200: NightScenesSerializer, 503: ERROR})
    def get(self, request):
        return Response(observatory().state["scenes"])

    @extend_schema(
        operation_id="night_scenes_replace",
        request=NightScenesSerializer,
        responses={200: NightScenesSerializer, 400: ERROR, 503: ERROR},
    )
    def put(self, request):
        serializer = NightScenesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(command("set_scenes", scenes=dict(serializer.validated_data))["scenes"])
