"""Reading tool calls: what a tool is, by its name, and what its arguments would make it do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.risk.reading import Reading


def read_call(tool: str, args: Any, reading: Reading, first: int | None = None) -> None:
    """See `app.risk.tools.reader`, which is loaded here: the web process leaves reading to another process."""
    from app.risk.tools.reader import read_call

    read_call(tool, args, reading, first)


def is_ordinary(tool: str, args: Any) -> bool:
    """Return True if neither a tool's name nor its action speaks of deleting, money, rights, or running something."""
    from app.risk.tools.call import ToolCall
    from app.risk.tools.names import speaks_of_harm

    return not speaks_of_harm(ToolCall(tool, args))
