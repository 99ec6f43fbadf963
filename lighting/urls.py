"""Document 004's addresses, bare as it has them."""

from django.urls import path

from lighting import views
from lighting.views import LARGEST_LIST, LARGEST_PROJECT, resource

urlpatterns = [
    path("rgb", resource(GET=views.get_rgb, POST=views.post_rgb)),
    path("blackout", resource(POST=views.post_blackout)),
    path("scenes", resource(LARGEST_LIST, GET=views.get_scenes, PUT=views.put_scenes)),
    path("scenes/<str:scene>/recall", resource(POST=views.recall)),
    path("show", resource(LARGEST_LIST, GET=views.get_show, PUT=views.put_show)),
    path("show/start", resource(POST=views.start_show)),
    path("show/stop", resource(POST=views.stop_show)),
    path("show/pause", resource(POST=views.pause_show)),
    path("show/resume", resource(POST=views.resume_show)),
    path("projects", resource(LARGEST_PROJECT, GET=views.get_projects, POST=views.post_projects)),
    path("projects/<str:project>", resource(PUT=views.put_project)),
    path("projects/<str:project>/select", resource(POST=views.select_project)),
    path("projects/<str:project>/export", resource(GET=views.export_project)),
    path("projects/<str:project>/backups", resource(GET=views.get_backups, POST=views.post_backup)),
    path("projects/<str:project>/restore", resource(POST=views.post_restore)),
    path("usb/devices", resource(GET=views.get_usb)),
    path("usb/refresh", resource(POST=views.refresh_usb)),
    path("usb/reconnect", resource(POST=views.reconnect_usb)),
]
