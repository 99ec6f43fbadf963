"""The pages that clients open as "set-up": what is offered here and how it stands; settings are elsewhere."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from alpaca import services
from alpaca.devices.base import Device
from alpaca.protocol.errors import BadRequestError


@method_decorator(never_cache, name="dispatch")
class SetupView(LoginRequiredMixin, TemplateView):
    """`/setup`, and `/setup/v1/{device_type}/{device_number}/setup` with the one device."""

    template_name = "alpaca/setup.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        table = services.devices()
        devices = list(table)
        if "number" in kwargs:
            try:
                devices = [table.find(kwargs["device_type"], kwargs["number"], "name")[0]]
            except BadRequestError as error:
                raise Http404(str(error)) from None
        return super().get_context_data(
            server=table.description.as_value(),
            devices=[described(device) for device in devices],
            single="number" in kwargs,
            role=getattr(self.request.user, "role", None),
            **kwargs,
        )


def described(device: Device) -> dict[str, Any]:
    """One device as the page shows it."""
    device_type = device.interface.device_type
    status, reason = device.standing()
    look = {"connected": ("ok", "s-ok"), "free": ("off", "s-off")}.get(status, ("fault", "s-fault"))
    return {
        "name": device.name,
        "type": device_type,
        "number": device.number,
        "version": device.interface.version,
        "unique_id": device.unique_id,
        "path": f"/api/v1/{device_type.lower()}/{device.number}/",
        "setup": f"/setup/v1/{device_type.lower()}/{device.number}/setup",
        "s": look[0],
        "icon": look[1],
        "reason": reason,
    }
