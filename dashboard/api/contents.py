"""What is in a session: frames, log, events, telemetry; of a running one too."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.cameras import ERROR
from sessions.finding import find
from sessions.history.contents import LEVELS, MOST_FRAMES, MOST_LOG_ROWS

ANSWER = {"type": "object", "description": "docs/history.md names every field."}
ANSWERS = {200: ANSWER, 400: ERROR, 404: ERROR}


def _checked(serializer: serializers.Serializer) -> dict:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


class ContentsView(APIView):
    """Identity, cameras, counts, plate solutions."""

    @extend_schema(operation_id="sessions_contents", responses=ANSWERS)
    def get(self, request, session):
        return Response(find(session).ask("summary"))


class FramesQuery(serializers.Serializer):
    """Which frames."""

    camera = serializers.CharField(required=False, max_length=64)
    only = serializers.ChoiceField(("all", "dropped", "events", "best"), required=False)
    sample = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST_FRAMES, help_text="That many, evenly spread."
    )
    offset = serializers.IntegerField(required=False, min_value=0, max_value=2**53)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST_FRAMES)


class FramesView(APIView):
    """Frames in order of time."""

    @extend_schema(operation_id="sessions_frames", parameters=[FramesQuery], responses=ANSWERS)
    def get(self, request, session):
        return Response(find(session).ask("frames", **_checked(FramesQuery(data=request.query_params))))


class FrameView(APIView):
    """One frame, with the numbers before and after it."""

    @extend_schema(
        operation_id="sessions_frame",
        parameters=[OpenApiParameter("index", int, "path"), OpenApiParameter("camera", str, "path")],
        responses=ANSWERS,
    )
    def get(self, request, session, camera, index):
        return Response(find(session).ask("frame", camera=camera, index=index))


class EventsView(APIView):
    """Events in order of time, at most the newest 2000."""

    @extend_schema(operation_id="sessions_events", responses=ANSWERS)
    def get(self, request, session):
        return Response(find(session).ask("events"))


class TelemetryView(APIView):
    """All series as charts, thinned so that every extreme is kept; null marks a gap."""

    @extend_schema(operation_id="sessions_telemetry", responses=ANSWERS)
    def get(self, request, session):
        return Response(find(session).ask("telemetry"))


class LogsQuery(serializers.Serializer):
    """Which log rows."""

    level = serializers.ChoiceField(LEVELS, required=False, help_text="The lowest.")
    text = serializers.CharField(required=False, allow_blank=True, max_length=200)
    before = serializers.IntegerField(
        required=False, min_value=0, max_value=2**53, help_text="`next` of the answer before."
    )
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST_LOG_ROWS)


class LogsView(APIView):
    """Log rows, newest first."""

    @extend_schema(operation_id="sessions_logs", parameters=[LogsQuery], responses=ANSWERS)
    def get(self, request, session):
        return Response(find(session).ask("logs", **_checked(LogsQuery(data=request.query_params))))


VIEWS = {"contents": ContentsView, "frames": FramesView, "events": EventsView, "telemetry": TelemetryView, "logs": LogsView}  # fmt: skip
