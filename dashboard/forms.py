"""The forms of log in and first run, and the brake on guessed passwords."""

from typing import ClassVar

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

TRIES, WINDOW_S = 5, 300
"""Failures per name and address, and per address times four, before a pause; nobody is ever locked out for good."""


def _keys(request: HttpRequest, name: str) -> list[tuple[str, int]]:
    address = request.META.get("REMOTE_ADDR", "")
    return [(f"login:{address}:{name.casefold()[:150]!r}", TRIES), (f"login:{address}", 4 * TRIES)]


class LoginForm(AuthenticationForm):
    """Name and password; after five failures in five minutes the answer is a pause, even to the right password."""

    error_messages: ClassVar = {
        "invalid_login": "Name and password do not belong together.",
        "inactive": "This account is turned off.",
        "too_many": "Too many tries. Wait five minutes.",
    }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"
        self.fields["username"].label = "Name"

    def clean(self) -> dict:
        keys = _keys(self.request, self.cleaned_data.get("username", ""))
        if any(cache.get(_safe(key), 0) >= most for key, most in keys):
            raise ValidationError(self.error_messages["too_many"], code="too_many")
        try:
            cleaned = super().clean()
        except ValidationError:
            for key, _ in keys:
                cache.add(_safe(key), 0, WINDOW_S)
                cache.incr(_safe(key))
            raise
        cache.delete(_safe(keys[0][0]))
        return cleaned


def _safe(key: str) -> str:
    """A cache key without characters that some caches refuse."""
    return key.encode("unicode_escape").decode().replace(" ", "_")[:240]


class WelcomeForm(forms.Form):
    """What the owner's account needs; sent to the control API by the page's script."""

    token = forms.CharField(
        label="Set-up token",
        help_text="In the terminal where Skycam started, and in the file setup-token of the data folder.",
    )
    username = forms.CharField(label="Name", max_length=150)
    password = forms.CharField(
        label="Password", widget=forms.PasswordInput, help_text="10 characters or more."
    )
    again = forms.CharField(label="Password again", widget=forms.PasswordInput)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        complete = {
            "token": "off",
            "username": "username",
            "password": "new-password",
            "again": "new-password",
        }
        for name, field in self.fields.items():
            field.widget.attrs |= {"class": "input", "autocomplete": complete[name]}
