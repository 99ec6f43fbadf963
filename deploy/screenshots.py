"""Pictures of the pages as they are: a demo is started, frames are waited for, a real browser looks.

`./skycam screenshots [FOLDER]` writes docs/img/tonight.png for the README and, into FOLDER, every page at 1280 and
360 px in three themes.
"""

import argparse
import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
README_PICTURE = ROOT / "docs" / "img" / "tonight.png"
LARGEST = 300_000
"""Bytes of the README's picture."""
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
THEMES = ("dark", "light", "night")
SIZES = {1280: 800, 360: 740}
PAGES = {
    "tonight": "/",
    "telescope": "/telescope/0/",
    "status": "/status/",
    "sessions": "/sessions/",
    "gallery": "/gallery/",
    "timelapses": "/timelapses/",
    "lights": "/lights/",
}
"""The session of the run in the pictures is found in the gallery."""
TARGETS = ("M 31", "M 42", "M 13", "M 8", "NGC 5139", "M 104")
"""For the telescope: the first one that is up."""
SETTINGS = {"Interval": "10", "Exposure": "8 s", "ISO": "3200"}
"""Of the run in the pictures: enough light to see stars on a bright screen."""
FRAMES = 3
"""Frames with these settings before the pictures are taken."""
PATIENCE_S = 180.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[tuple[str, str]]:
    """A running demo with its own data folder: (address, set-up token). Ended with Ctrl-C's signal."""
    port, data = free_port(), folder / "var"
    command = [
        sys.executable,
        "-m",
        "skycam_project.cli",
        "up",
        "--demo",
        "--port",
        str(port),
        "--data",
        str(data),
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SKYCAM_")}
    log = (folder / "up.log").open("w+")
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        end = time.monotonic() + PATIENCE_S
        while "Skycam is ready" not in (folder / "up.log").read_text():
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the demo did not start:\n{(folder / 'up.log').read_text()[-2000:]}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", (data / "setup-token").read_text()
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()
        log.close()


def become_owner(page: Any, url: str, token: str) -> None:
    """The first run, as a person does it."""
    password = "only for the pictures"  # noqa: S105 - of a data folder that is deleted a minute later
    page.goto(f"{url}/welcome/#token={token}")
    page.get_by_label("Name").fill("stella")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Password again").fill(password)
    page.get_by_role("button", name="Create owner").click()
    page.wait_for_url(f"{url}/")


def start_run(page: Any) -> None:
    """Have the demo camera take frames with `SETTINGS`, and wait for the first ones."""
    patience = PATIENCE_S * 1000
    page.locator('#camera-status:not([data-s="stale"])').wait_for(timeout=patience)
    connect = page.locator('[data-do="connect"]:not([aria-disabled])')
    if connect.is_visible():
        connect.click()
    page.locator('[data-do="disconnect"]').wait_for(timeout=patience)
    for label, value in SETTINGS.items():
        field = page.get_by_label(label, exact=True)
        if field.evaluate("(element) => element.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value.split()[0])
    page.locator('[data-do="start"]').click()  # "Apply" when the demo runs already
    page.locator("#facts").get_by_text("every 10 s").wait_for()
    page.locator("#frame").wait_for(timeout=patience)
    shown = [page.locator("#frame").get_attribute("src")]
    end = time.monotonic() + PATIENCE_S
    while len(shown) <= FRAMES:
        if time.monotonic() > end:
            raise SystemExit("the demo camera took no frames")
        page.wait_for_timeout(500)
        if (address := page.locator("#frame").get_attribute("src")) != shown[-1]:
            shown.append(address)


def point_telescope(page: Any) -> None:
    """Have the demo telescope take one frame of the first target that is up."""
    patience = PATIENCE_S * 1000
    page.get_by_role("button", name="Connect", exact=True).click()
    slew = page.locator('[data-do="slew"]')
    page.locator('[data-do="slew"]:not([aria-disabled])').wait_for(timeout=patience)
    for target in TARGETS:
        page.locator("#where").fill(target)
        slew.click()
        slew.click()
        page.locator('#headline[data-s="busy"], #where[aria-invalid]').first.wait_for()
        if not page.locator("#where[aria-invalid]").count():
            break
    page.locator("#headline").get_by_text("Tracking").wait_for(timeout=patience)
    page.locator('[data-do="expose"]').click()
    page.locator(".pan > canvas").wait_for(timeout=patience)


def settled(page: Any) -> bytes:
    """A picture of the page once its values and its frame are there."""
    page.locator('#live[data-s="ok"]').wait_for()
    if page.locator("#frame").count():
        page.locator("#frame").wait_for()
    for pictures in ("#charts canvas", ".thumbs img"):
        if page.locator(pictures.split()[0]).count():
            page.locator(pictures).first.wait_for(timeout=PATIENCE_S * 1000)
    page.wait_for_timeout(1200)
    return page.screenshot(full_page=page.viewport_size["width"] < 700)


def optimised(picture: bytes) -> bytes:
    """The same PNG in fewer bytes; with a palette when it is still larger than `LARGEST`."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for candidate in (image, image.quantize(256, dither=Image.Dither.FLOYDSTEINBERG), image.quantize(64)):
        file = io.BytesIO()
        candidate.save(file, "PNG", optimize=True)
        if file.tell() <= LARGEST:
            break
    return file.getvalue()


def look(browser: Any, state: Any, url: str, width: int, theme: str) -> Iterator[tuple[str, bytes]]:
    """Every page at one width in one theme."""
    context = browser.new_context(
        viewport={"width": width, "height": SIZES[width]}, storage_state=state, has_touch=width < 700
    )
    context.add_init_script(f"localStorage.setItem('skycam.theme', '{theme}')")
    page = context.new_page()
    for name, path in PAGES.items():
        page.goto(url + path)
        yield name, settled(page)
    page.goto(f"{url}/gallery/")
    page.locator("[data-running] a").first.click()
    yield "session", settled(page)
    context.close()


def main(arguments: list[str] | None = None) -> int:
    """Take the pictures. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="screenshots", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="also write all pages in all themes here")
    folder = parser.parse_args(arguments).folder
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory(prefix="skycam-") as scratch,
        demo(Path(scratch)) as (url, token),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        become_owner(page, url, token)
        page.goto(f"{url}/telescope/0/")
        point_telescope(page)
        page.goto(url)
        start_run(page)
        README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
        README_PICTURE.write_bytes(optimised(settled(page)))
        sys.stdout.write(
            f"{README_PICTURE.relative_to(ROOT)}: {README_PICTURE.stat().st_size / 1e3:.0f} kB\n"
        )
        state = context.storage_state()
        for theme in THEMES if folder else ():
            for width in SIZES:
                for name, picture in look(browser, state, url, width, theme):
                    folder.mkdir(parents=True, exist_ok=True)
                    (folder / f"{name}-{width}-{theme}.png").write_bytes(picture)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
