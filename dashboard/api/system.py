"""Who is asking, who may, and how the processes are."""

import contextlib

from django.contrib.auth import login
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from dashboard.choices import Role
from dashboard.mirrors import command, mirror
from dashboard.models import ApiToken
from dashboard.readiness import readiness
from dashboard.services import create_owner, create_token
from skycam_project.common.link import NotConnected

ANY = {"type": "object"}


class MeView(APIView):
    """The caller's name and role."""

    @extend_schema(operation_id="me", responses=ANY)
    def get(self, request):
        return Response(
            {"name": getattr(request.user, "username", None) or request.user.name, "role": request.user.role}
        )


class SystemView(APIView):
    """Processes, their restarts and reasons, and what is ready."""

    @extend_schema(operation_id="system", responses=ANY)
    def get(self, request):
        up = mirror("up")
        processes = {"problem": up.problem} if up.problem else up.state
        return Response({"up": processes, "readiness": readiness()})


class TokenSerializer(serializers.ModelSerializer):
    """A token without its secret."""

    class Meta:
        """What is shown."""

        model = ApiToken
        fields = ("id", "name", "role", "created_at", "last_used_at")


class TokensView(APIView):
    """The tokens of this observatory; a new one is shown once."""

    role = Role.OWNER

    @extend_schema(operation_id="tokens_list", responses=TokenSerializer(many=True))
    def get(self, request):
        return Response(TokenSerializer(ApiToken.objects.order_by("name"), many=True).data)

    @extend_schema(
        operation_id="token_create",
        request=inline_serializer(
            "NewToken", {"name": serializers.CharField(), "role": serializers.ChoiceField(Role.choices)}
        ),
        responses={201: ANY},
    )
    def post(self, request):
        name, role = str(request.data.get("name", "")), str(request.data.get("role", ""))
        return Response(
            {"name": name, "role": role, "token": create_token(name, role)}, status=status.HTTP_201_CREATED
        )


class TokenView(APIView):
    """One token."""

    role = Role.OWNER

    @extend_schema(operation_id="token_revoke", responses={204: None})
    def delete(self, request, token):
        if not ApiToken.objects.filter(pk=token).delete()[0]:
            raise NotFound("There is no such token.")
        return Response(status=status.HTTP_204_NO_CONTENT)


class FewTries(SimpleRateThrottle):
    """Five tries in five minutes per address, for what takes a secret from somebody unknown."""

    scope = "login"

    def get_cache_key(self, request, view):
        return f"tries:{request.META.get('REMOTE_ADDR')}"

    def parse_rate(self, rate):
        return 5, 300


class WelcomeView(APIView):
    """The first run: whoever has the set-up token becomes the owner."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (FewTries,)

    @extend_schema(
        operation_id="welcome",
        request=inline_serializer(
            "Owner",
            {
                "token": serializers.CharField(),
                "username": serializers.CharField(),
                "password": serializers.CharField(),
            },
        ),
        responses={201: ANY},
    )
    def post(self, request):
        values = {key: str(request.data.get(key, "")) for key in ("token", "username", "password")}
        user = create_owner(**values)
        login(request._request, user)
        with contextlib.suppress(NotConnected):  # without `up` nobody listens on other addresses anyway
            command("up", "owner_created")
        return Response({"name": user.username, "role": user.role}, status=status.HTTP_201_CREATED)
