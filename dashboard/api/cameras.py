"""Cameras: state and commands."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.mirrors import command, mirror

STATE = {
    "type": "object",
    "description": "The complete state of the camera; docs/camera.md names every field.",
}
ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "text": {"type": "string"},
                "field": {"type": "string", "nullable": True},
            },
        }
    },
}


class StartSerializer(serializers.Serializer):
    """Settings of a run; what is left out stays as it is."""

    interval_s = serializers.FloatField(
        required=False, min_value=0.2, max_value=86400, help_text="Start to start."
    )
    exposure_s = serializers.FloatField(required=False, min_value=1 / 8000, max_value=3600)
    gain = serializers.FloatField(
        required=False, allow_null=True, min_value=0, help_text="In the camera's gain unit: ISO for a DSLR."
    )
    aperture_f = serializers.FloatField(required=False, allow_null=True, min_value=0.7, max_value=64)


class CameraListView(APIView):
    """All cameras of this observatory."""

    @extend_schema(operation_id="cameras_list", responses={200: {"type": "array", "items": STATE}})
    def get(self, request):
        return Response([_summary(camera.id, camera.name) for camera in settings.CONFIG.all_cameras()])


def _summary(camera: str, name: str) -> dict:
    device = mirror(f"camera/{camera}")
    if problem := device.problem:
        return {
            "camera": camera,
            "name": name,
            "state": "absent",
            "connected": False,
            "capturing": False,
            "reason": problem,
        }
    return device.state


class CameraStatusView(APIView):
    """The state of one camera."""

    @extend_schema(operation_id="camera_status", responses={200: STATE, 503: ERROR})
    def get(self, request, camera="default"):
        return Response(mirror(f"camera/{camera}").state)


class CameraCommandView(APIView):
    """One command; answers with the state that it caused."""

    command = ""
    serializer_class = None

    def post(self, request, camera="default"):
        arguments = {}
        if self.serializer_class:
            serializer = self.serializer_class(data=request.data)
            serializer.is_valid(raise_exception=True)
            arguments = serializer.validated_data
        return Response(command(f"camera/{camera}", self.command, **arguments))


def _view(name: str, text: str, serializer=None):
    view = type(
        f"Camera{name.title()}View",
        (CameraCommandView,),
        {"command": name, "serializer_class": serializer, "__doc__": text},
    )
    view.post = extend_schema(
        operation_id=f"camera_{name}",
        request=serializer,
        responses={200: STATE, 400: ERROR, 409: ERROR, 503: ERROR},
    )(CameraCommandView.post)
    return view


COMMANDS = {
    "connect": _view("connect", "Open the connection to the camera."),
    "disconnect": _view("disconnect", "End the run and let the camera go."),
    "start": _view(
        "start", "Begin a timelapse run, or change the settings of the running one.", StartSerializer
    ),
    "stop": _view("stop", "End the run at once; a running exposure is given up."),
    "single": _view("single", "Take one frame now.", StartSerializer),
}
