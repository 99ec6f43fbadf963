"""Addresses of pages and live sockets."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard import views
from dashboard.api.images import LatestView, PictureView
from dashboard.consumers import CapturesConsumer, LiveConsumer

urlpatterns = [
    path("", views.TonightView.as_view(), name="tonight"),
    path("status/", views.StatusView.as_view(), name="status"),
    path("welcome/", views.welcome, name="welcome"),
    path("login/", views.LoginView.as_view(), name="login"),
    path("cameras/<slug:camera>/preview/<str:name>", PictureView.as_view()),
    path("cameras/<slug:camera>/thumbnail/<str:name>", PictureView.as_view()),
    path("latest/<slug:camera>.jpg", LatestView.as_view()),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
]
websocket_urlpatterns = [
    path("ws/live/", LiveConsumer.as_asgi()),
    path("ws/captures/", CapturesConsumer.as_asgi()),
]
