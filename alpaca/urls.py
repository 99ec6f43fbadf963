"""URLs of the direct route; every view is a coroutine function. The pages are in `setup_urls`."""

from django.urls import path, re_path

from alpaca.devices.table import DeviceTable
from alpaca.views.device import DeviceView
from alpaca.views.management import ManagementView

urlpatterns = [
    # one element each, whatever is in it: the view refuses in words what is no device or member
    re_path(r"^api/v1/(?P<device_type>[^/]+)/(?P<number>[^/]+)/(?P<member>[^/]+)$", DeviceView.as_view()),
    path(
        "management/apiversions",
        ManagementView.as_view(endpoint="management/apiversions", value=lambda table: [1]),
    ),
    path(
        "management/v1/description",
        ManagementView.as_view(
            endpoint="management/description", value=lambda table: table.description.as_value()
        ),
    ),
    path(
        "management/v1/configureddevices",
        ManagementView.as_view(endpoint="management/configureddevices", value=DeviceTable.configured),
    ),
]
