"""Finished sessions: find, keep, check, delete. Frames, log rows and downloads are the pages' (docs/history.md)."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.cameras import ERROR
from dashboard.choices import Role
from sessions import retention, retrieving
from sessions.choices import SessionType
from sessions.finding import VERIFY_S, find
from sessions.models import Capture, Session
from skycam_project.common.errors import InvalidValueError

MOST = 500


class CaptureSerializer(serializers.ModelSerializer):
    """What one camera took."""

    class Meta:
        """Everything but the keys."""

        model = Capture
        exclude = ("id", "session")


class SessionSerializer(serializers.ModelSerializer):
    """The catalogue's row of a session; docs/catalogue.md names every field."""

    class Meta:
        """Everything."""

        model = Session
        fields = "__all__"


class SessionDetailSerializer(SessionSerializer):
    """The same with its cameras."""

    captures = CaptureSerializer(many=True, read_only=True)
    retrieving = serializers.SerializerMethodField(
        help_text="Who asked for it from the archive; it is on its way."
    )
    not_retrieved = serializers.SerializerMethodField(help_text="Why the last fetch from the archive failed.")

    def get_retrieving(self, row: Session) -> str:
        """Looked up only where something is missing."""
        return retrieving.state(row).retrieving if row.dropped_at or row.removed_at else ""

    def get_not_retrieved(self, row: Session) -> str:
        """As above."""
        return retrieving.state(row).not_retrieved if row.dropped_at or row.removed_at else ""


class FilterSerializer(serializers.Serializer):
    """Which sessions."""

    type = serializers.ChoiceField(SessionType.choices, required=False)
    instrument = serializers.CharField(required=False, max_length=32)
    target = serializers.CharField(required=False, max_length=200, help_text="Part of its name.")
    text = serializers.CharField(required=False, max_length=200, help_text="Part of id, target or purpose.")
    since = serializers.DateTimeField(required=False, help_text="Began then or later.")
    until = serializers.DateTimeField(required=False, help_text="Began before.")
    errors = serializers.BooleanField(required=False, help_text="Only with errors.")
    removed = serializers.BooleanField(
        required=False, help_text="What retention deleted instead of what is there."
    )
    limit = serializers.IntegerField(required=False, default=50, min_value=1, max_value=MOST)
    after = serializers.CharField(required=False, help_text="`next` of the answer before.")


class SessionListView(APIView):
    """Finished sessions, newest first."""

    @extend_schema(
        operation_id="sessions_list",
        parameters=[FilterSerializer],
        responses={
            200: inline_serializer(
                "SessionList",
                {
                    "sessions": SessionSerializer(many=True),
                    "next": serializers.CharField(allow_null=True, help_text="Give it as `after` for more."),
                },
            ),
            400: ERROR,
        },
    )
    def get(self, request):
        serializer = FilterSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data
        rows = list(_filtered(wanted).order_by("-start_time", "-uuid")[: wanted["limit"] + 1])
        more = len(rows) > wanted["limit"]
        rows = rows[: wanted["limit"]]
        following = f"{rows[-1].start_time.isoformat()}_{rows[-1].uuid}" if more else None
        return Response({"sessions": SessionSerializer(rows, many=True).data, "next": following})


def _filtered(wanted: dict):
    rows = Session.objects.removed() if wanted.get("removed") else Session.objects.present()
    for name, lookup in (
        ("type", "session_type"),
        ("instrument", "instrument"),
        ("target", "target__icontains"),
        ("since", "start_time__gte"),
        ("until", "start_time__lt"),
    ):
        if name in wanted:
            rows = rows.filter(**{lookup: wanted[name]})
    if wanted.get("errors"):
        rows = rows.filter(error_count__gt=0)
    if text := wanted.get("text"):
        rows = rows.filter(
            Q(session_id__icontains=text) | Q(target__icontains=text) | Q(purpose__icontains=text)
        )
    if "after" in wanted:
        time, uuid = _position(wanted["after"])
        rows = rows.filter(Q(start_time__lt=time) | Q(start_time=time, uuid__lt=uuid))
    return rows


def _position(after: str) -> tuple[datetime, UUID]:
    moment, _, uuid = after.partition("_")
    try:
        time = datetime.fromisoformat(moment)
        if time.tzinfo is None:
            raise ValueError(moment)
        return time, UUID(uuid)
    except ValueError:
        raise InvalidValueError("after", after, "the `next` of an answer") from None


def session_named(name: str) -> Session:
    """A session by uuid or by id, the newest of that id. Raises `NotFound`."""
    try:
        found = Session.objects.filter(pk=UUID(name)).first()
    except ValueError:
        found = Session.objects.filter(session_id=name).order_by("removed_at", "-start_time").first()
    if found is None:
        raise NotFound(f"There is no session {name!r}.")
    return found


def _who(request) -> str:
    return (getattr(request.user, "username", None) or request.user.name)[:64]


class SessionView(APIView):
    """One session."""

    @extend_schema(operation_id="session", responses={200: SessionDetailSerializer, 404: ERROR})
    def get(self, request, session):
        return Response(SessionDetailSerializer(session_named(session)).data)


class ProtectSerializer(serializers.Serializer):
    """Whether it is kept for ever."""

    protected = serializers.BooleanField()


class ProtectView(APIView):
    """Protection from every deletion."""

    @extend_schema(
        operation_id="session_protect",
        request=ProtectSerializer,
        responses={200: SessionDetailSerializer, 400: ERROR, 404: ERROR},
    )
    def post(self, request, session):
        serializer = ProtectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        found = session_named(session)
        retention.protect(found, serializer.validated_data["protected"], _who(request))
        return Response(SessionDetailSerializer(found).data)


class VerifyView(APIView):
    """Reads the session whole and compares every checksum."""

    @extend_schema(
        operation_id="session_verify",
        request=None,
        responses={
            200: inline_serializer(
                "Verified",
                {
                    "ok": serializers.BooleanField(),
                    "blocks": serializers.IntegerField(help_text="Whose checksum is right."),
                    "external": serializers.IntegerField(help_text="Files outside that are right."),
                    "problems": serializers.ListField(child=serializers.CharField()),
                },
            ),
            404: ERROR,
        },
    )
    def post(self, request, session):
        found = find(str(session_named(session).uuid))
        return Response(found.ask("verify", patience=VERIFY_S))


class RetrieveView(APIView):
    """Asks for a session's frames, or a deleted session, to be fetched from the archive; done in the background.

    `dropped_at` (or `removed_at`) is null when it is here; it is protected from then on.
    """

    @extend_schema(
        operation_id="session_retrieve",
        request=None,
        responses={202: SessionDetailSerializer, 404: ERROR, 409: ERROR},
    )
    def post(self, request, session):
        found = session_named(session)
        retrieving.ask(found, _who(request))
        return Response(SessionDetailSerializer(found).data, status=status.HTTP_202_ACCEPTED)


class DeleteSerializer(serializers.Serializer):
    """The wish to delete."""

    confirm = serializers.CharField(
        required=False, default="", max_length=200, allow_blank=True,
        help_text="The session's id, when it has frames of which there is no copy elsewhere.",
    )  # fmt: skip


class DeleteView(APIView):
    """Asks retention to delete the session; done within seconds, after all checks. Its row stays as a tombstone."""

    role = Role.OWNER

    @extend_schema(
        operation_id="session_delete",
        request=DeleteSerializer,
        responses={202: SessionDetailSerializer, 404: ERROR, 409: ERROR},
    )
    def post(self, request, session):
        serializer = DeleteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        found = session_named(session)
        retention.ask_deletion(found, _who(request), serializer.validated_data["confirm"])
        return Response(SessionDetailSerializer(found).data, status=status.HTTP_202_ACCEPTED)


class RetentionView(APIView):
    """What retention will do until tomorrow."""

    @extend_schema(
        operation_id="sessions_retention",
        responses={
            200: inline_serializer(
                "Retention",
                {
                    "verb": serializers.ChoiceField(["remove", "drop", "merge"]),
                    "reason": serializers.CharField(),
                    "bytes": serializers.IntegerField(help_text="About so many become free."),
                    "sessions": serializers.ListField(child=serializers.DictField()),
                },
                many=True,
            )
        },
    )
    def get(self, request):
        return Response(
            [
                {
                    "verb": action.verb.value,
                    "reason": action.reason,
                    "bytes": action.bytes,
                    "sessions": [
                        {"uuid": row["uuid"], "session_id": row["session_id"]} for row in action.rows
                    ],
                }
                for action in retention.tomorrow()
            ]
        )
