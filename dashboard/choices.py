"""Values and labels together."""

from django.db.models import TextChoices


class Role(TextChoices):
    """What somebody may do; each includes the ones before it."""

    VIEWER = "viewer", "Viewer: look at everything"
    OPERATOR = "operator", "Operator: run devices"
    OWNER = "owner", "Owner: people, tokens, settings"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)
