"""How long the toolbox takes with 1,000 tools of an MCP server: its catalog, look-ups, and what a change costs.

    python -m bench.toolbox [--tools NUMBER]

To reach: 20 ms for the catalog (all tools with their facts) and for a look-up, also of a name that does not exist.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from mcp.types import Tool as Listed

from assent.toolbox import Registry, Tool
from assent.toolbox.checks import facts_of
from assent.toolbox.errors import UnknownToolError
from assent.toolbox.mcp_entries import ServerEntry
from assent.toolbox.mcp_tools import Listing, offer_of
from assent.toolbox.model import Dependency
from assent.toolbox.sources import Offer
from bench.support import machine, percentile

TARGET = 0.020
REPEATS = 50
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {f"field_{n}": {"type": "string", "description": "What the field means."} for n in range(20)},
}


class Server:
    """A server whose tools are never called."""

    prefix = "many"

    def __init__(self) -> None:
        self.offer = Offer()

    def make(self, name: str, pin: str, schema: dict[str, Any] | None) -> Any:
        """Return a function that does nothing."""

        async def function(inputs: dict[str, Any]) -> dict[str, Any]:
            return inputs

        return function

    def health(self) -> list[Dependency]:
        """Return nothing that it needs."""
        return []

    def retry(self) -> None:
        """Do nothing."""

    async def aretry(self) -> None:
        """Do nothing."""


def listed(count: int, description: str) -> list[Listed]:
    """Return what a server lists."""
    return [
        Listed(name=f"tool_{number}", description=f"{description} {number}.", input_schema=SCHEMA, output_schema=SCHEMA)
        for number in range(count)
    ]


def missed(registry: Registry) -> None:
    """Look up a name that does not exist."""
    try:
        registry.get("many.tol_77")
    except UnknownToolError:
        return
    raise AssertionError("there is such a tool")


def measured(name: str, work: Callable[[], Any], target: float | None = TARGET) -> bool:
    """Print how long something takes, and return whether that is short enough."""
    times = []
    for _ in range(REPEATS if target else 1):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    worst = percentile(times, 0.95)
    good = target is None or worst <= target
    print(f"{name:<40} {worst * 1000:8.2f} ms{'' if good else '  too slow'}")
    return good


def main() -> None:
    """Measure, and exit with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", type=int, default=1000)
    count = parser.parse_args().tools
    print(machine(), f"{count:,} tools; 95th percentiles")
    entry, server = ServerEntry(name="many", command="unused"), Server()
    registry = Registry()
    registry.attach(server)

    def offered(description: str) -> Callable[[], None]:
        listing = Listing("1.0", tuple(listed(count, description)))

        def work() -> None:
            server.offer = offer_of(entry, listing, server, server.offer)

        return work

    def catalog() -> list[dict[str, Any]]:
        return [facts_of(tool) for tool in registry]

    def names() -> list[Tool]:
        return list(registry)

    measured("first list of the server, checked", offered("Does thing"), None)
    measured("the same list again", offered("Does thing"), None)
    measured("a list in which every tool has changed", offered("Now does thing"), None)
    results = [
        measured("catalog: all tools with their facts", catalog),
        measured("list of the newest versions", names),
        measured("look-up by name", lambda: registry.get("many.tool_77")),
        measured("look-up by name and version", lambda: registry.get("many.tool_77@>=1.0,<2")),
        measured("look-up of a name that does not exist", lambda: missed(registry)),
    ]
    raise SystemExit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
