"""Addresses of pages and live sockets."""

from django.urls import path, register_converter

from dashboard import media, pictures, views
from dashboard.consumers import CapturesConsumer, LiveConsumer
from dashboard.history import files, gallery, giving, pages
from dashboard.history.converters import FrameNumber

register_converter(FrameNumber, "frame")
urlpatterns = [
    path("", views.TonightView.as_view(), name="tonight"),
    path("lights/", views.LightsView.as_view(), name="lights"),
    path("sessions/", pages.SessionsView.as_view(), name="sessions"),
    path("sessions/<slug:session>/", pages.SessionView.as_view(), name="session"),
    path("sessions/<slug:session>/asdf/", files.asdf, name="session-asdf"),
    path("sessions/<slug:session>/frames/<slug:camera>/<frame:index>/original/", files.original),
    path("sessions/<slug:session>/frames/<slug:camera>/<frame:index>/<slug:size>.<slug:form>", files.picture),
    path("sessions/<slug:session>/frames/<slug:camera>/<frame:index>/fits/", giving.frame),
    path("sessions/<slug:session>/download/<slug:what>/", giving.session, name="session-download"),
    path("gallery/", gallery.GalleryView.as_view(), name="gallery"),
    path("status/", views.StatusView.as_view(), name="status"),
    path("telescope/<slug:telescope>/", views.TelescopeView.as_view(), name="telescope"),
    path("welcome/", views.welcome, name="welcome"),
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("cameras/<slug:camera>/preview/<str:name>", pictures.picture, name="preview"),
    path("cameras/<slug:camera>/thumbnail/<str:name>", pictures.picture, name="thumbnail"),
    path("timelapses/", views.TimelapsesView.as_view(), name="timelapses"),
    path("products/<uuid:uuid>/<path:name>", media.product_file, name="product"),
    path("latest/<slug:camera>.jpg", pictures.latest, name="latest"),
]
websocket_urlpatterns = [
    path("ws/live/", LiveConsumer.as_asgi()),
    path("ws/captures/", CapturesConsumer.as_asgi()),
]
