"""The Django project: settings, process entry points, the command line and what all apps share (`common`)."""
