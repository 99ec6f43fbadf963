"""The admin as an app. Its site is in `admin_site.py`, which may be imported only when all apps are there."""

from django.contrib.admin.apps import SimpleAdminConfig


class AdminConfig(SimpleAdminConfig):
    """No autodiscovery: the web server imports the tables with its addresses, other processes never."""

    default_site = "skycam_project.admin_site.SkycamAdminSite"
