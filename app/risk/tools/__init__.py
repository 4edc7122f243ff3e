"""Reading tool calls: what a tool is, by its name, and what its arguments would make it do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.risk.reading import Reading


def read_call(tool: str, args: Any, reading: Reading, first: int | None = None) -> None:
    """See `app.risk.tools.reader`, which is loaded here: the web process leaves reading to another process."""
    from app.risk.tools.reader import read_call

    read_call(tool, args, reading, first)
