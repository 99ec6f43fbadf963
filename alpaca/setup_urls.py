"""Pages that Alpaca clients open; ordinary views behind Django's handler and the login."""

from django.urls import path

from alpaca.views.setup import SetupView

urlpatterns = [
    path("setup", SetupView.as_view(), name="alpaca-setup"),
    path("setup/v1/<str:device_type>/<str:number>/setup", SetupView.as_view(), name="alpaca-device-setup"),
]
