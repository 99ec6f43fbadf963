"""Capture nodes: how the last visit to each went, and a visit now."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.cameras import ERROR
from timelapse import services

NODES = {
    "type": "array",
    "items": {"type": "object", "description": "A node; docs/jobs.md names every field."},
}


class NodesView(APIView):
    """The nodes of skycam.yaml."""

    @extend_schema(operation_id="nodes", responses={200: NODES})
    def get(self, request):
        from timelapse import nodes  # brings numpy: only where somebody asks

        return Response(nodes.rows())


class NodeFetchView(APIView):
    """A visit now; how it goes is in the list and in the event `node`."""

    @extend_schema(operation_id="node_fetch", request=None, responses={202: None, 404: ERROR})
    def post(self, request, node):
        services.fetch_now(node)
        return Response(status=status.HTTP_202_ACCEPTED)
