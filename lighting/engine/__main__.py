"""The lights' process: `python -m lighting.engine`; settings as everywhere, SIGTERM ends it."""

import asyncio
import logging
import os
import signal
import sys

from lighting.engine.service import Service
from sessions.store.logs import SessionHandler
from skycam_project.common.errors import SkycamError
from skycam_project.common.logs import JsonFormatter
from skycam_project.config import load
from skycam_project.config.places import prepare_data_folder, runtime_folder


async def serve(service: Service) -> None:
    """Run it until SIGTERM or SIGINT."""
    running = asyncio.ensure_future(service.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        logging.getLogger("lighting.engine").info("lights ended")


def main() -> int:
    """The exit code: 0 for a planned end, 1 for another owner, 2 for a wrong setting."""
    os.environ.setdefault("SKYCAM_PROCESS", "lighting")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level="INFO")
    try:
        config, _ = load()
        logging.getLogger().setLevel((config.dmx_log_level or config.log_level).upper())
        prepare_data_folder(config.data)
        logging.getLogger().addHandler(SessionHandler(config.data / "sessions", "lighting"))
        asyncio.run(serve(Service(config, runtime_folder(config.data))))
    except SkycamError as error:
        sys.stderr.write(f"lights: {error}\n")
        return 2 if error.code == "setting" else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
