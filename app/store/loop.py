"""Use cases on an event loop: synchronous code that lets other work continue while it waits for the server.

This is SQLAlchemy's own way of running synchronous code on an asynchronous driver. A use case runs in a greenlet on the
loop's thread, and each statement yields to the loop until its result has arrived. A thread per use case would work too,
but switching to a thread and back costs more than most statements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_, greenlet_spawn

from app.domain.run_protocol import Statement
from app.store.engine import Sessions, engine_arguments, sqlalchemy_url
from app.store.pipeline import Connections

Result = TypeVar("Result")


_HASTY = Statement("select set_config('synchronous_commit', 'off', true)", {})


class LoopSessions(Sessions):
    """Sessions for use cases that are called with `on_loop`.

    Args:
        engine: For reading with sessions.
        connections: For statements of the driver. They commit each statement by itself.
        hasty: Commits do not wait for the disk. A crash of the database, and nothing else, may lose the last of them.
    """

    def __init__(self, engine: AsyncEngine, connections: Connections, *, hasty: bool = False) -> None:
        super().__init__(engine.sync_engine)
        self._connections = connections
        self._hasty = hasty

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `Sessions.execute`."""
        return self.together([Statement(statement, parameters)])[0]

    def together(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        """See `Sessions.together`; this takes one trip to the server."""
        if self._hasty:
            return await_(self._connections.run([_HASTY, *statements]))[1:]
        return await_(self._connections.run(statements))

    def pause(self, seconds: float) -> None:
        """See `Sessions.pause`."""
        await_(asyncio.sleep(seconds))


async def on_loop(use_case: Callable[..., Result], *arguments: Any) -> Result:
    """Call a use case that is built on `LoopSessions`."""
    return await greenlet_spawn(use_case, *arguments)


def make_loop_engine(database_url: str, *, pool_size: int, application_name: str) -> AsyncEngine:
    """Create an engine for `LoopSessions`, as `app.store.engine.make_engine` does."""
    return create_async_engine(sqlalchemy_url(database_url), **engine_arguments(pool_size, application_name))
