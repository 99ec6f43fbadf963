"""A telescope that is not there: some fields of state, a few commands. As a program: its host process."""

import asyncio
import sys
import time
from pathlib import Path

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.link import Host, OwnedElsewhere


class FakeTelescope:
    """Owns the state and publishes each change through its host."""

    def __init__(self, folder: Path, rate: float = 1.0, **options) -> None:
        self.rate = rate
        self.state = {"connected": True, "slews": 0, "turns": 0} | {f"field{n}": n / 7 for n in range(70)}
        self.began: list[int] = []
        self.host = Host(
            folder,
            "telescope",
            {
                "put": self.put,
                "slew": self.slew,
                "wait": self.wait,
                "begin": self.begin,
                "fail": self.fail,
                "strange": self.strange,
                "swell": self.swell,
                "cancelled": self.cancelled,
                "block": self.block,
            },
            **options,
        )
        self.host.publish(self.state)

    def change(self, **fields) -> None:
        self.state |= fields
        self.host.publish(self.state)

    async def run(self) -> None:
        async with self.host:
            while True:
                self.change(turns=self.state["turns"] + 1, at=time.time())
                await asyncio.sleep(1 / self.rate)

    async def put(self, name, value):
        self.change(**{name: value})
        return value

    async def slew(self, ra):
        if not 0 <= ra < 24:
            raise InvalidValueError("ra", ra, "0 to 24 h")
        self.change(slews=self.state["slews"] + 1)

    async def wait(self, seconds):
        try:
            await asyncio.sleep(seconds)
        finally:
            self.state["waited"] = True
        self.change(waited=True)

    async def begin(self, number):
        self.began.append(number)
        await asyncio.sleep(0.01 * (number % 3))
        return number

    async def fail(self):
        raise ZeroDivisionError("a bug")

    async def strange(self):
        return object()

    async def swell(self, size):
        self.host.publish({"picture": "x" * size})

    async def cancelled(self):
        task = asyncio.create_task(asyncio.sleep(10))
        task.cancel()
        await task

    async def block(self, seconds):
        time.sleep(seconds)  # noqa: ASYNC251 - a driver that hangs in the event loop


async def main(folder: Path) -> None:
    while True:
        try:
            await FakeTelescope(folder).run()
        except OwnedElsewhere:
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
