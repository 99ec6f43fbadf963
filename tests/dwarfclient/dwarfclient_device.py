"""The DWARF 3 simulator as a process of its own, with small pictures that tell where they were taken.

    python dwarfclient_device.py --ws-port 0 …        the simulator's own options

Its sensor has 96 × 64 pixels, so that a frame costs no time. The first pixels of each frame hold the true
place of its middle: what a plate solver would find out, without one. The rest is a pattern that tells the
Bayer phase.
"""

import asyncio
import sys
from dataclasses import replace

import numpy as np
from dwarfclient_pixels import DIGITS, HEIGHT, WIDTH, encode

from telescope.dwarf.values import Camera
from telescope.simulator.options import parse
from telescope.simulator.profile import TELE, WIDE, Profile
from telescope.simulator.renderer import Shot
from telescope.simulator.server import Simulator


def paint(shot: Shot) -> np.ndarray:
    """A picture without stars: the truth, then the Bayer pattern (R 300, G 600, B 900), darks 200."""
    pixels = np.full((shot.camera.height, shot.camera.width), 200, np.uint16)
    if shot.light:
        pixels[0::2, 0::2], pixels[0::2, 1::2], pixels[1::2, 0::2], pixels[1::2, 1::2] = 300, 600, 600, 900
        place = shot.sight.place(shot.exposure / 2)
        pixels[0, : 2 * DIGITS] = encode(place.ra, place.dec)
    return pixels


async def main() -> None:
    """Simulate until killed; the first line of standard output tells the ports."""
    cameras = {
        Camera.TELE: replace(TELE, width=WIDTH, height=HEIGHT),
        Camera.WIDE: replace(WIDE, width=WIDTH, height=HEIGHT),
    }
    async with Simulator(parse(sys.argv[1:]), paint, profile=Profile(cameras=cameras)) as simulator:
        print(simulator.describe(), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
