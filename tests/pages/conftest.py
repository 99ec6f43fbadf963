"""A running Skycam and a real browser for tests of pages."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from site_process import PASSWORD, USERS, Site, quiet_scene

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
ARGUMENTS += ["--disable-component-update", "--disable-sync"]
NAUGHTY = "East <img src=x onerror=\"document.title='owned'\">"
EAST = {"id": "east", "name": "East"}
REASON = "The camera has been silent for 4 min. USB reset tried twice. Check the cable or the battery."


def busy_scene() -> dict[str, Any]:
    """One camera that takes a frame every 2 s, one that failed and whose name is an attack."""
    gap = {
        "from": "2026-11-20T18:02:10Z",
        "to": "2026-11-20T18:02:54Z",
        "reason": "USB transfer was cut, camera reset",
    }
    default = {"name": "All-sky", "interval_s": 2, "exposure_s": 1, "frames": 112, "gaps": [gap]}
    exposure = {
        "kind": "range",
        "minimum": 1e-4,
        "maximum": 3600.0,
        "values": [],
        "step": 1e-4,
        "bulb": False,
    }
    can = {
        "exposure": exposure,
        "gain": {"kind": "range", "unit": "dB", "minimum": 0, "maximum": 48, "base": 0, "values": []},
    }
    east = {"name": NAUGHTY, "frames": 3, "force": {"state": "fault", "reason": REASON, "capabilities": can}}
    return {"cameras": {"default": default, "east": east}, "telescope": {"frames": 1}}


# By module: while the synchronous Playwright runs, its event loop counts as running in this thread, and no asynchronous
# test of another module could run.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def busy() -> Iterator[Site]:
    """A night in full swing, shared by tests that only look."""
    with Site.running(busy_scene(), cameras=[EAST]) as site:
        yield site


@pytest.fixture(scope="module")
def quiet() -> Iterator[Site]:
    """One connected camera that waits for commands; tests leave it waiting."""
    with Site.running(quiet_scene()) as site:
        yield site


@dataclass
class Visit:
    """One page of one person, with everything it complained about and asked for."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


LOGINS: dict[tuple[Path, str], Any] = {}
"""By the site's folder: a port comes back when an earlier site is gone, and its log-ins are worth nothing."""


class Visitors:
    """Opens pages. A log-in happens once per site and person."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._contexts: list[Any] = []

    def __call__(
        self,
        site: Site,
        who: str | None = "otto",
        *,
        width: int = 1280,
        height: int = 800,
        theme: str = "dark",
        **options: Any,
    ) -> Visit:
        """A blank page of `who` (None: nobody is logged in)."""
        state = self._log_in(site, who) if who else None
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, storage_state=state, has_touch=width < 800, **options
        )
        self._contexts.append(context)
        context.add_init_script(
            f"if (!localStorage.getItem('skycam.theme')) localStorage.setItem('skycam.theme', {json.dumps(theme)})"
        )
        visit = Visit(context.new_page())
        visit.page.on(
            "console",
            lambda message: message.type in ("error", "warning") and visit.errors.append(message.text),
        )
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("websocket", lambda opened: visit.requests.append(opened.url))
        return visit

    def _log_in(self, site: Site, who: str) -> Any:
        assert who in USERS
        if (site.folder, who) not in LOGINS:
            context = self._browser.new_context()
            page = context.new_page()
            page.goto(f"{site.url}/login/")
            page.get_by_label("Name").fill(who)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"{site.url}/")
            LOGINS[site.folder, who] = context.storage_state()
            context.close()
        return LOGINS[site.folder, who]

    def leave(self) -> None:
        for context in self._contexts:
            context.close()
        self._contexts.clear()


@pytest.fixture(scope="module")
def _visitors(browser) -> Visitors:
    return Visitors(browser)


@pytest.fixture
def visit(_visitors) -> Iterator[Callable[..., Visit]]:
    yield _visitors
    _visitors.leave()
