"""`{% load skycam %}`: icons of the one sprite."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.mirrors import telescope_numbers

register = template.Library()


register.simple_tag(telescope_numbers)


@register.simple_tag
def icon(name: str) -> SafeString:
    """The symbol `name` of `static/icons.svg`; decoration, so hidden from screen readers."""
    return format_html(
        '<svg class="i" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name
    )
