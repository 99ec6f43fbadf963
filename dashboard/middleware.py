"""Until there is an owner, every page leads to the first run."""

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import JsonResponse
from django.shortcuts import redirect

from dashboard.services import owner_exists
from skycam_project.middleware import is_lights

OPEN = ("/welcome/", "/control/v1/welcome/", "/static/", "/healthz", "/readyz", "/metrics")
# Document 004's addresses need no login, so they need no owner either; until there is one only this machine is heard.


def is_open(path: str) -> bool:
    """Whether an address answers before there is an owner."""
    return path.startswith(OPEN) or is_lights(path)


class FirstRun:
    """Sends browsers to `/welcome/` and programs away with 403 while nobody owns this observatory."""

    async_capable = sync_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        self.owned = False
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        if iscoroutinefunction(self):
            return self.acall(request)
        if self.owned or is_open(request.path) or self._look():
            return self.get_response(request)
        return self._refusal(request)

    async def acall(self, request):
        if self.owned or is_open(request.path) or await sync_to_async(self._look)():
            return await self.get_response(request)
        return self._refusal(request)

    def _look(self) -> bool:
        """Ask the database until the answer is yes; then never again."""
        self.owned = owner_exists()
        return self.owned

    def _refusal(self, request):
        if request.path.startswith("/control/"):
            text = "Nobody owns this observatory yet. Open /welcome/ in a browser first."
            return JsonResponse({"error": {"code": "no_owner", "text": text, "field": None}}, status=403)
        return redirect("/welcome/")


first_run = FirstRun
