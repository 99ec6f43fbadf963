"""Addresses of the control API."""

from django.urls import path, register_converter
from drf_spectacular.views import SpectacularAPIView

from dashboard.api import (
    cameras,
    contents,
    lights,
    nodes,
    observatory,
    sessions,
    system,
    telescopes,
    timelapses,
)
from dashboard.history.converters import FrameNumber

register_converter(FrameNumber, "frame_number")

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("me/", system.MeView.as_view()),
    path("system/", system.SystemView.as_view()),
    path("tokens/", system.TokensView.as_view()),
    path("tokens/<int:token>/", system.TokenView.as_view()),
    path("welcome/", system.WelcomeView.as_view()),
    path("lights/", lights.LightsView.as_view()),
    path("lights/mode/", lights.ModeView.as_view()),
    path("lights/master/", lights.MasterView.as_view()),
    path("lights/override/", lights.OverrideView.as_view()),
    path("lights/fixtures/", lights.PatchView.as_view()),
    path("lights/fixtures/<slug:fixture>/", lights.FixtureView.as_view()),
    path("lights/channels/<int:universe>/", lights.ChannelsView.as_view()),
    path("sessions/", sessions.SessionListView.as_view()),
    path("sessions/retention/", sessions.RetentionView.as_view()),
    path("sessions/<str:session>/", sessions.SessionView.as_view()),
    path("sessions/<str:session>/protect/", sessions.ProtectView.as_view()),
    path("sessions/<str:session>/verify/", sessions.VerifyView.as_view()),
    path("sessions/<str:session>/retrieve/", sessions.RetrieveView.as_view()),
    path("sessions/<str:session>/delete/", sessions.DeleteView.as_view()),
    *(path(f"sessions/<slug:session>/{name}/", view.as_view()) for name, view in contents.VIEWS.items()),
    path("sessions/<slug:session>/frames/<slug:camera>/<frame_number:index>/", contents.FrameView.as_view()),
    path("flats/", observatory.FlatsView.as_view()),
    path("lights/night/", observatory.NightScenesView.as_view()),
    path("cameras/", cameras.CameraListView.as_view()),
    path("cameras/<slug:camera>/status/", cameras.CameraStatusView.as_view()),
    *(path(f"cameras/<slug:camera>/{name}/", view.as_view()) for name, view in cameras.COMMANDS.items()),
    path("telescopes/<slug:telescope>/status/", telescopes.TelescopeStatusView.as_view()),
    *(
        path(f"telescopes/<slug:telescope>/{name}/", view.as_view())
        for name, view in telescopes.COMMANDS.items()
    ),
    path("nodes/", nodes.NodesView.as_view()),
    path("nodes/<str:node>/fetch/", nodes.NodeFetchView.as_view()),
    path("timelapses/", timelapses.TimelapsesView.as_view()),
    path("timelapses/sources/", timelapses.SourcesView.as_view()),
    path("timelapses/queue/", timelapses.QueueView.as_view()),
    path("timelapses/logos/", timelapses.LogosView.as_view()),
    path("timelapses/products/<uuid:uuid>/", timelapses.ProductView.as_view()),
    path("timelapses/products/<uuid:uuid>/archive/", timelapses.ProductArchiveView.as_view()),
    path("timelapses/<uuid:uuid>/", timelapses.TimelapseView.as_view()),
    path("timelapses/<uuid:uuid>/curves/", timelapses.CurvesView.as_view()),
    *(path(f"timelapses/<uuid:uuid>/{name}/", view.as_view()) for name, view in timelapses.COMMANDS.items()),
]

# Document 001's addresses: the default camera.
default_camera = [
    path("status/", cameras.CameraStatusView.as_view()),
    *(
        path(f"{name}/", view.as_view())
        for name, view in cameras.COMMANDS.items()
        if name in ("connect", "start", "stop")
    ),
]
