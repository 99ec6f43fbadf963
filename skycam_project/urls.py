"""Every address: operations, the control API, pages."""

from django.urls import include, path

from dashboard import operations
from dashboard.api.urls import default_camera

urlpatterns = [
    path("healthz", operations.healthz),
    path("readyz", operations.readyz),
    path("metrics", operations.metrics),
    path("", include("alpaca.setup_urls")),
    path("control/v1/", include("dashboard.api.urls")),
    path("api/camera/", include(default_camera)),
    path("", include("dashboard.urls")),
]
handler400 = "dashboard.views.bad_request"
handler403 = "dashboard.views.forbidden"
handler404 = "dashboard.views.not_found"
handler500 = "dashboard.views.server_error"
