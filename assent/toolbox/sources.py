"""Sources of tools that may change while the process runs, such as MCP servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from assent.toolbox.model import Tool


@dataclass(frozen=True)
class Offer:
    """The tools of a source at one moment.

    Attributes:
        tools: the tools that can be called.
        broken: why others cannot be, by the place where they should be.
    """

    tools: tuple[Tool, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A source of tools whose names start with its prefix and a dot."""

    @property
    def prefix(self) -> str:
        """The name in front of the names of its tools."""
        ...

    @property
    def offer(self) -> Offer:
        """The current tools; the same object until something has changed. Reading it does no I/O."""
        ...

    def retry(self) -> None:
        """Try again to get the tools if they could not be read, without blocking an event loop that runs here."""
        ...

    async def aretry(self) -> None:
        """As `retry`, and wait for the result."""
        ...
