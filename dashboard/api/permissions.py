"""Reading needs a viewer, changing an operator; a view may ask for more."""

from rest_framework.permissions import SAFE_METHODS, BasePermission

from dashboard.choices import Role


class RolePermission(BasePermission):
    """Asks the caller's role; `view.role` overrides what the method needs."""

    message = "This needs a higher role."

    def has_permission(self, request, view):
        needed = getattr(view, "role", None) or (
            Role.VIEWER if request.method in SAFE_METHODS else Role.OPERATOR
        )
        self.message = f"This needs the {needed} role."
        return bool(request.user and request.user.is_authenticated and request.user.may(needed))
