"""Every address: operations, the control API, pages."""

from django.contrib import admin
from django.urls import include, path

from dashboard import operations
from dashboard.api.urls import default_camera
from sessions import admin as _sessions_admin  # noqa: F401 - registers its tables; only the web server needs them

urlpatterns = [
    path("healthz", operations.healthz),
    path("readyz", operations.readyz),
    path("metrics", operations.metrics),
    path("", include("alpaca.setup_urls")),
    path("admin/", admin.site.urls),
    path("control/v1/", include("dashboard.api.urls")),
    path("api/camera/", include(default_camera)),
    path("", include("lighting.urls")),
    path("", include("dashboard.urls")),
]
handler400 = "dashboard.views.bad_request"
handler403 = "dashboard.views.forbidden"
handler404 = "dashboard.views.not_found"
handler500 = "dashboard.views.server_error"
