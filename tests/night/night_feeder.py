"""A process that feeds a night's products, slowly enough to be killed: `night_feeder.py FOLDER FRAMES PAUSE`."""

import sys
import time
from pathlib import Path

from night_fields import Field, frame_of, streaked

from timelapse.night.engine import NightProducts, Wishes
from timelapse.night.frames import Camera

FIELD = Field(size=320, stars=150)
PARTS = frozenset({"keogram", "trails", "stack", "curves", "mini", "startrail_film", "meteors"})


def night(count: int):
    """Frames with a satellite over three of them and a meteor on the sixth."""
    for n in range(count):
        image = FIELD.pixels(FIELD.light(0.15 * n), n)
        if 2 <= n <= 4:
            image = streaked(
                image, (10 + 80 * (n - 2), 30 + 60 * (n - 2)), (85 + 80 * (n - 2), 86 + 60 * (n - 2)), 900
            )
        if n == 5:
            for k in range(12):  # it flares up and fades
                a, b = (60 + 12 * k, 250 - 8 * k), (72 + 12 * k, 242 - 8 * k)
                image = streaked(image, a, b, 80 + 60 * min(k, 11 - k))
        yield frame_of(image, n)


def feed(folder: Path, count: int, pause: float = 0.0, save_every: float = 0.0) -> NightProducts:
    products = NightProducts(folder, Camera(), Wishes(PARTS), save_every)
    for frame in night(count):
        if products.wants(frame.digest):
            products.append(frame)
            print(frame.name, flush=True)
            time.sleep(pause)
    products.finish()
    return products


if __name__ == "__main__":
    feed(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
