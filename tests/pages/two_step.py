"""Both presses of a two-step button (static/js/twostep.js)."""

from collections.abc import Callable
from typing import Any


def confirm(button: Any, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Press `button` (a locator of one) twice, `meanwhile` between the two.

    A busy machine may take longer than the button waits for the second press; it asks again then, and so do we.
    """
    one = button.element_handle()
    one.evaluate(
        "b => delete b.dataset.did && b.addEventListener('skycam:do', () => b.dataset.did = '', { once: true })"
    )
    one.click()
    assert one.get_attribute("data-did") is None, "one press was enough"
    meanwhile()
    while one.get_attribute("data-did") is None:
        one.click()
