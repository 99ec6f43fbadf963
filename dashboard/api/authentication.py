"""Who calls: a token in the Authorization header, or the browser's session."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from dashboard.services import token_of


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`; `Token <token>` is understood as well. Never from a URL."""

    def authenticate(self, request):
        words = get_authorization_header(request).decode("latin-1").split()
        if not words or words[0].lower() not in ("bearer", "token"):
            return None
        row = token_of(words[1]) if len(words) == 2 else None
        if row is None:
            raise AuthenticationFailed("This token is not known here.", code="bad_token")
        return row, row

    def authenticate_header(self, request):
        return "Bearer"
