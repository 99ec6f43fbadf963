"""`./skycam simulate dwarf3`, `python -m telescope.simulator`: a DWARF 3 on the network until interrupted."""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Sequence

from sky.panel import Panel
from telescope.simulator.options import Options, parse
from telescope.simulator.panel import PanelRenderer
from telescope.simulator.renderer import Renderer
from telescope.simulator.server import Simulator
from telescope.simulator.sky_renderer import SkyRenderer


async def run(options: Options) -> None:
    """Simulate until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    renderer = SkyRenderer(options.seed)
    seen: Renderer = renderer
    if options.panel_port is not None:
        seen = PanelRenderer(
            renderer, Panel(options.panel_port, options.panel_channel, gamma=options.panel_gamma)
        )
    async with Simulator(options, seen) as simulator:
        print(simulator.describe(), flush=True)
        # A daemon: the program need not wait for it when it ends.
        threading.Thread(target=renderer.warm_up, name="warm-up", daemon=True).start()
        await stop.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    try:
        asyncio.run(run(options))
    except OSError as error:
        print(f"the simulator cannot listen: {error}; choose other ports or another --host", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
