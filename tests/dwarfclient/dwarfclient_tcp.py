"""A TCP server for one test that leaves no task behind."""

import asyncio
from contextlib import asynccontextmanager

from telescope.dwarf.http11 import Address


@asynccontextmanager
async def listening(handler):
    """Serve on a free port; afterwards wait until every connection's handler has ended."""
    tasks: set[asyncio.Task] = set()

    async def connection(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            tasks.discard(asyncio.current_task())

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    try:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
