"""Addresses of pages and live sockets."""

from django.urls import path

from dashboard import media, pictures, views
from dashboard.consumers import CapturesConsumer, LiveConsumer

urlpatterns = [
    path("", views.TonightView.as_view(), name="tonight"),
    path("lights/", views.LightsView.as_view(), name="lights"),
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
