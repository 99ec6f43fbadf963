"""Timelapses and night products: the queue, its jobs, what they made."""

import base64

import orjson
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.cameras import ERROR
from skycam_project.common.errors import InvalidValueError
from timelapse import live, logos, products, queue, services, sources
from timelapse.models import Job, Product

JOB = {"type": "object", "description": "A job; docs/jobs.md names every field."}
PRODUCT = {"type": "object", "description": "A product; docs/jobs.md names every field."}
SHOWN = 100
"""Newest jobs and products that a list holds."""


class _Plain(serializers.Serializer):
    """Refuses what it does not know: a misspelt option must not be a silent default."""

    def to_internal_value(self, data):
        if isinstance(data, dict):
            for name in data:
                if name not in self.fields:
                    raise InvalidValueError(
                        str(name), data[name], f"one of the fields {', '.join(self.fields)}"
                    )
        return super().to_internal_value(data)


class NewJobSerializer(_Plain):
    """What to make of what. One of `session` and `folder` must be given."""

    kind = serializers.CharField(default="timelapse", help_text="`timelapse`, or a night product's name.")
    session = serializers.CharField(
        required=False, allow_null=True, max_length=200, help_text="A session's id."
    )
    folder = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=500,
        help_text="A folder below the setting timelapse.folders.",
    )
    title = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    draft = serializers.BooleanField(
        default=True, help_text="Whether a quick draft of a timelapse comes first."
    )
    recipe = serializers.DictField(
        required=False,
        default=dict,
        help_text="Fields of a timelapse's recipe; docs/timelapse.md names them.",
    )
    options = serializers.DictField(required=False, default=dict, help_text="Options of a night product.")


class TimelapsesView(APIView):
    """The queue: what runs, what waits, what has ended."""

    @extend_schema(operation_id="timelapses_list", responses={200: {"type": "object"}})
    def get(self, request):
        jobs = Job.objects.order_by("-created_at").prefetch_related("shares", "products")[:SHOWN]
        open_jobs = [job for job in jobs if job.state in ("waiting", "running")]
        return Response(
            {
                "paused": queue.paused(),
                "running": sum(job.state == "running" for job in open_jobs),
                "waiting": sum(job.state == "waiting" for job in open_jobs),
                "jobs": [live.job_row(job) for job in jobs],
                "products": [
                    live.product_row(each)
                    for each in Product.objects.filter(deleted_at=None).order_by("-made_at")[:SHOWN]
                ],
            }
        )

    @extend_schema(
        operation_id="timelapse_create",
        request=NewJobSerializer,
        responses={200: JOB, 201: JOB, 400: ERROR, 404: ERROR},
        description="201 with a new job; 200 with the open job that makes the same already.",
    )
    def post(self, request):
        given = NewJobSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        kind, draft = values.pop("kind"), values.pop("draft")
        recipe, options = values.pop("recipe"), values.pop("options")
        if kind == "timelapse":
            job, new = services.create_timelapse(recipe, draft=draft, **values)
        else:
            job, new = services.create_product(kind, options, **values)
        return Response(detail(job), status.HTTP_201_CREATED if new else status.HTTP_200_OK)


def detail(job: Job) -> dict:
    """A job with its recipe and report."""
    return live.job_row(job) | {"recipe": job.recipe, "report": job.report}


class TimelapseView(APIView):
    """One job."""

    @extend_schema(operation_id="timelapse", responses={200: JOB, 404: ERROR})
    def get(self, request, uuid):
        return Response(detail(queue.get(uuid)))


class TimelapseCommandView(APIView):
    """Something done to one job; answers with the job as it is then."""

    command = ""

    def post(self, request, uuid):
        return Response(detail(getattr(services, self.command)(uuid)))


def _command(name: str, text: str):
    view = type(f"Timelapse{name.title()}View", (TimelapseCommandView,), {"command": name, "__doc__": text})
    view.post = extend_schema(
        operation_id=f"timelapse_{name}", request=None, responses={200: JOB, 404: ERROR, 409: ERROR}
    )(TimelapseCommandView.post)
    return view


COMMANDS = {
    "cancel": _command(
        "cancel", "End a job; a running one stops within seconds and keeps its finished chunks."
    ),
    "retry": _command(
        "retry", "Try a failed or cancelled job again from its finished chunks, a waiting one now."
    ),
    "first": _command("first", "Let a waiting job be the next one."),
}


class CurvesView(APIView):
    """Flicker and motion of a timelapse, before and after; empty lists until it was analysed."""

    @extend_schema(operation_id="timelapse_curves", responses={200: {"type": "object"}, 404: ERROR})
    def get(self, request, uuid):
        path = products.folder_for(queue.get(uuid)) / "curves.json"
        try:
            return Response(orjson.loads(path.read_bytes()))
        except (OSError, ValueError):
            return Response({"frame": [], "flicker": {}, "motion": {}})


class SourcesView(APIView):
    """Sessions and folders that a timelapse can be made of, newest first."""

    @extend_schema(
        operation_id="timelapse_sources", responses={200: {"type": "array", "items": {"type": "object"}}}
    )
    def get(self, request):
        return Response(sources.listed())


class QueueView(APIView):
    """Whether new jobs are begun."""

    schema_of = inline_serializer("QueueState", {"paused": serializers.BooleanField()})

    @extend_schema(operation_id="timelapse_queue", responses=schema_of)
    def get(self, request):
        return Response({"paused": queue.paused()})

    @extend_schema(
        operation_id="timelapse_queue_set", request=schema_of, responses={200: schema_of, 400: ERROR}
    )
    def put(self, request):
        if not isinstance(on := request.data.get("paused"), bool):
            raise InvalidValueError("paused", on, "true or false")
        services.pause(on)
        return Response({"paused": on})


class LogoSerializer(_Plain):
    """A PNG in base 64."""

    png = serializers.CharField(max_length=700_000, trim_whitespace=False)


class LogosView(APIView):
    """Logos for films."""

    @extend_schema(
        operation_id="timelapse_logo", request=LogoSerializer,
        responses={201: inline_serializer("Logo", {"logo": serializers.CharField()}), 400: ERROR},
        description="Keep a PNG; `recipe.overlay.logo` takes the name that is answered, its SHA-256.",
    )  # fmt: skip
    def post(self, request):
        given = LogoSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            data = base64.b64decode(given.validated_data["png"], validate=True)
        except ValueError:
            raise InvalidValueError("png", "this text", "a PNG in base 64") from None
        return Response({"logo": logos.keep(data)}, status.HTTP_201_CREATED)


class ProductView(APIView):
    """One product."""

    @extend_schema(operation_id="timelapse_product", responses={200: PRODUCT, 404: ERROR})
    def get(self, request, uuid):
        return Response(live.product_row(products.get(uuid)))

    @extend_schema(operation_id="timelapse_product_delete", responses={204: None, 400: ERROR, 404: ERROR})
    def delete(self, request, uuid):
        products.delete(products.get(uuid))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProductArchiveView(APIView):
    """One product to the archive; how it goes is in its `archive`."""

    @extend_schema(
        operation_id="timelapse_product_archive", request=None,
        responses={202: PRODUCT, 404: ERROR, 409: ERROR},
    )  # fmt: skip
    def post(self, request, uuid):
        return Response(live.product_row(services.archive_now(uuid)), status.HTTP_202_ACCEPTED)
