"""More than the lights can take: a flood over MQTT for `bench/lights.py`, with a real mosquitto; and flat panels."""

import contextlib
import json
import math
import random
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho

from lighting.engine.ulid import new_ulid
from observatory.errors import UnreachableError, UnseenError
from observatory.flats.search import Limits, Search

FLOOD, QUEUE = 10_000, 50


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    """A mosquitto as the docs advise it; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 20000\nuser root\n"
    )
    child = subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        while child.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield port
    finally:
        child.terminate()
        child.wait()


def offer(port: int) -> None:
    """Send the flood, QoS 1, and wait until the broker has all of it."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.max_queued_messages_set(0)
    acknowledged, done = Counter(), threading.Event()

    def published(*_: object) -> None:
        acknowledged["n"] += 1
        if acknowledged["n"] == FLOOD:
            done.set()

    client.on_publish = published
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(FLOOD):
        command = {"cmdId": new_ulid(), "src": "esp", "r": number & 255, "g": 0, "b": 0}
        client.publish("v1/demo/rgb/cmd", json.dumps(command), qos=1)
    done.wait(60)
    client.loop_stop()
    client.disconnect()


def flats(panels: int) -> tuple[float, int]:
    """Share of random panels (gamma 1.0 to 2.8, 2 % flicker) that are within 5 % after 8 pictures, and the median number."""
    chance, needed = random.Random(6), []  # noqa: S311 - no secret
    for _ in range(panels):
        maximum, gamma = chance.choice((255, 65535)), chance.uniform(1.0, 2.8)
        light = 10 ** chance.uniform(-1.2, 2.2)
        if maximum == 255:  # brighter, one step of 8 bits is more than the tolerance at the shortest exposure
            light = min(light, 5 * (255 / 60) ** gamma)
        search = Search(Limits(maximum, 0.1, 30.0), 1.0)
        with contextlib.suppress(UnreachableError, UnseenError):
            while not search.found:
                setting = (search.probe.brightness or maximum) / maximum
                flicker = 1 + 0.02 * math.sin(chance.uniform(0, math.tau))
                search.tell(min(1.0, light * setting**gamma * flicker * search.probe.exposure_s))
        if search.found and len(search.taken) <= 8 and abs(search.taken[-1][1] - 0.5) <= 0.025:
            needed.append(len(search.taken))
    return len(needed) / panels, sorted(needed)[len(needed) // 2]
