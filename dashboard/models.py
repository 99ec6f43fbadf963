"""People and tokens."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from dashboard.choices import Role


class User(AbstractUser):
    """A person who logs in."""

    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)

    def may(self, role: Role) -> bool:
        """Whether this person has at least `role`."""
        return self.is_active and Role(self.role).includes(role)


class ApiToken(models.Model):
    """A named key for a program. Only its digest is kept: the token itself is shown once."""

    name = models.CharField(max_length=80, unique=True)
    role = models.CharField(max_length=10, choices=Role)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"

    # What DRF and the permissions ask of a caller.
    is_authenticated = True
    is_active = True

    def may(self, role: Role) -> bool:
        """Whether the token has at least `role`."""
        return Role(self.role).includes(role)
