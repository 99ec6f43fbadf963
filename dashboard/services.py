"""Accounts and tokens: the verbs."""

import hashlib
import hmac
import secrets
import time
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from dashboard.choices import Role
from dashboard.models import ApiToken, User
from skycam_project.common.errors import InvalidValueError, SkycamError
from skycam_project.common.files import write_atomic
from skycam_project.config.places import setup_token_file

SETUP_TOKEN_LIFE_S = 3600


class SetupRefusedError(SkycamError):
    """The first run cannot be finished with what was given."""

    code = "setup_refused"


class WeakPasswordError(InvalidValueError):
    """The password is too easy to guess."""

    def __init__(self, why: str) -> None:
        super().__init__("password", "(hidden)", why)
        self.args = (f"password: {why}",)


def owner_exists() -> bool:
    """Whether the first run is over."""
    return User.objects.filter(role=Role.OWNER, is_active=True).exists()


def renew_setup_token() -> str | None:
    """Make the single-use token of the first run, good for an hour; `None` once there is an owner."""
    path = setup_token_file(settings.DATA)
    if owner_exists():
        path.unlink(missing_ok=True)
        return None
    token = secrets.token_urlsafe(24)
    write_atomic(path, token.encode(), mode=0o600)
    return token


def create_owner(token: str, username: str, password: str) -> User:
    """Finish the first run: make the owner and burn the token.

    Raises:
        SetupRefusedError: wrong, used or old token, or there is an owner already.
        InvalidValueError: the name or the password is not allowed.
    """
    path = setup_token_file(settings.DATA)
    wanted = path.read_text() if path.is_file() else ""
    if owner_exists():
        raise SetupRefusedError("This observatory has an owner already. Log in instead.")
    if not wanted or not hmac.compare_digest(token.encode(), wanted.encode()):
        raise SetupRefusedError(f"This set-up link is not valid. The current token is in {path}.")
    if time.time() - path.stat().st_mtime > SETUP_TOKEN_LIFE_S:  # a file's age is wall-clock time
        raise SetupRefusedError("This set-up link is older than an hour. Start Skycam again for a new one.")
    user = create_user(username, password, Role.OWNER)
    path.unlink(missing_ok=True)
    return user


def create_user(username: str, password: str, role: Role) -> User:
    """Make an account. Raises `InvalidValueError` naming the field."""
    user = User(username=username, role=role, is_staff=role == Role.OWNER, is_superuser=role == Role.OWNER)
    try:
        User.username_validator(username)
    except ValidationError as error:
        raise InvalidValueError("username", username, " ".join(error.messages)) from None
    _choose_password(user, password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise InvalidValueError("username", username, "a name that nobody has yet") from None
    return user


def set_password(user: User, password: str) -> None:
    """Give an account a new password, which ends its logins. Raises `WeakPasswordError`."""
    _choose_password(user, password)
    user.save(update_fields=["password"])


def _choose_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPasswordError(" ".join(error.messages)) from None
    user.set_password(password)


def create_token(name: str, role: str) -> str:
    """Make a token and return it: the only time it can be seen. Raises `InvalidValueError`."""
    if role not in Role.values:
        raise InvalidValueError("role", role, ", ".join(Role.values))
    if not 1 <= len(name.strip()) <= 80:
        raise InvalidValueError("name", name, "1 to 80 characters")
    token = "sky_" + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            ApiToken.objects.create(name=name.strip(), role=role, digest=_digest(token))
    except IntegrityError:
        raise InvalidValueError("name", name, "a name that no token has yet") from None
    return token


def token_of(secret: str) -> ApiToken | None:
    """The token's row, its last use noted at most once a minute."""
    row = ApiToken.objects.filter(digest=_digest(secret)).first()
    now = timezone.now()
    if row and (row.last_used_at is None or now - row.last_used_at > timedelta(minutes=1)):
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


def _digest(secret: str) -> str:
    # A token has 256 bits of its own: a plain digest is enough, a slow hash would only slow every request.
    return hashlib.sha256(secret.encode()).hexdigest()
