"""Tools of MCP servers: what a server lists and an operator's entry says, made into tools of the registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from packaging.version import InvalidVersion, Version

from assent.digests import digest_of
from assent.json_values import whole
from assent.toolbox.errors import InvalidToolError
from assent.toolbox.mcp_entries import ServerEntry, ToolEntry
from assent.toolbox.model import Dependency, Effect, Tool
from assent.toolbox.shapes import SchemaShape
from assent.toolbox.sources import Offer

if TYPE_CHECKING:
    from mcp.types import Tool as Listed

LONGEST_DESCRIPTION = 10_000
"""Characters of a description that are shown; the pin covers all of them."""
_LONGEST_VERSION = 50
_NO_ENTRY = ToolEntry()
_UNPINNED = "Its entry has no pin, so it counts as one that destroys. `assent tools pin` prints the pin."


class Server(Protocol):
    """What calls the tools of a server."""

    def make(self, name: str, pin: str, schema: dict[str, Any] | None) -> Callable[[dict[str, Any]], Awaitable[Any]]:
        """Return the function of the tool with this name, pin, and output schema."""
        ...

    def health(self) -> list[Dependency]:
        """Return whether the server can be reached."""
        ...


@dataclass(frozen=True)
class Listing:
    """What a server has listed.

    Attributes:
        version: the server's version, as it says.
        tools: what it says about each tool.
    """

    version: str
    tools: tuple[Listed, ...]


def pin_of(tool: Tool) -> str:
    """Return the pin for the entry of a tool of an MCP server, as it is now.

    Raises:
        InvalidToolError: it is not a tool of an MCP server.
    """
    if not tool.pin:
        raise InvalidToolError(f"{tool.name} is not a tool of an MCP server, so there is nothing to pin.")
    return tool.pin


def pin_of_listed(listed: Listed) -> str:
    """Return the digest of a tool's name, description, and schemas. Raises InvalidToolError: it is not JSON."""
    facts = [listed.name, listed.description, listed.input_schema, listed.output_schema]
    try:
        return f"sha256:{digest_of(facts)}"
    except ValueError as error:
        raise InvalidToolError(f"The description or a schema cannot be read: {error}.") from None


def offer_of(entry: ServerEntry, listing: Listing, server: Server, before: Offer) -> Offer:
    """Return the tools of a server.

    Args:
        before: the previous ones. A tool that has not changed stays the same object; one that has says so.
    """
    tools: list[Tool] = []
    broken: dict[str, str] = {}
    known = {tool.name: tool for tool in before.tools}
    counts = Counter(listed.name for listed in listing.tools)
    for listed in listing.tools:
        name = f"{entry.name}.{listed.name}"
        said = entry.tools.get(listed.name)
        if not (said.allowed if said else entry.others_allowed):
            continue
        try:
            if counts[listed.name] > 1:
                raise InvalidToolError("The server lists several tools of this name.")
            tools.append(_tool(entry, listing.version, listed, server, known.get(name)))
        except InvalidToolError as error:
            broken[f"mcp:{whole(name)[:200]}"] = str(error)
    missing = sorted(entry.tools.keys() - counts.keys())
    broken.update((f"mcp:{entry.name}.{name}", "The server does not list this tool.") for name in missing)
    return Offer(tuple(tools), broken)


def _tool(entry: ServerEntry, version: str, listed: Listed, server: Server, before: Tool | None) -> Tool:
    pin = pin_of_listed(listed)
    numbered = _version(version, pin)
    hints = _hints(listed)
    if before is not None and (before.pin, before.version) == (pin, numbered) and hints == _hints_in(before.notes):
        return before
    takes = _usable("input", listed.input_schema)
    if takes.get("type") != "object":
        raise InvalidToolError("Its input schema does not describe an object.")
    returns = None if listed.output_schema is None else _usable("output", listed.output_schema)
    said = entry.tools.get(listed.name)
    counts, notes = _what_counts(said, pin)
    if before is not None and before.pin != pin:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        change = _difference(before, listed)
        notes = (*notes, f"The server has changed what it says about this tool ({change}) at {now}.")
    reads = counts.effect is Effect.READ
    return Tool(
        name=f"{entry.name}.{listed.name}", version=numbered, description=_description(listed),
        takes=SchemaShape(takes), returns=SchemaShape(_output(returns)),
        function=server.make(listed.name, pin, returns), dependencies=server.health,
        effect=counts.effect, idempotent=counts.idempotent, risk=counts.risk, capabilities=counts.capabilities,
        timeout=counts.timeout or entry.timeout, tier=counts.tier,
        sends_to=tuple(dict.fromkeys((*([entry.host] if entry.host else []), *counts.sends_to))) if reads else (),
        title=f"{entry.name}: {listed.name}", source=f"mcp:{entry.name}", pin=pin,
        notes=(*notes, *([hints] if hints else [])),
    )  # fmt: skip


def _what_counts(said: ToolEntry | None, pin: str) -> tuple[ToolEntry, tuple[str, ...]]:
    """Return the entry as far as it counts for the tool with this pin, and why not all of it does."""
    if said is None:
        return _NO_ENTRY, ("No operator has said what this tool changes, so it counts as one that destroys.",)
    if said.pin == pin:
        return said, ()
    cautious = said.model_copy(update={"effect": Effect.DESTROY, "idempotent": False, "risk": None, "sends_to": ()})
    if not said.pin:
        unpinned = said.model_copy(update={"pin": ""}) != cautious
        return cautious, (_UNPINNED,) if unpinned else ()
    return cautious, (
        f"The server says something else about this tool than what was pinned ({said.pin[:19]}…), so it counts as one "
        "that destroys until an operator pins it again.",
    )


_HINTS = "Hints of the server, which nothing here relies on: "


def _hints(listed: Listed) -> str:
    """Return the server's own hints in words."""
    hints = listed.annotations
    if hints is None:
        return ""
    words = {
        "reads only": hints.read_only_hint, "changes something": _denied(hints.read_only_hint),
        "destroys": hints.destructive_hint, "does not destroy": _denied(hints.destructive_hint),
        "idempotent": hints.idempotent_hint, "not idempotent": _denied(hints.idempotent_hint),
        "reaches other systems": hints.open_world_hint, "reaches no other systems": _denied(hints.open_world_hint),
    }  # fmt: skip
    said = ", ".join(word for word, holds in words.items() if holds)
    return f"{_HINTS}{said}." if said else ""


def _denied(hint: bool | None) -> bool:
    return hint is False


def _hints_in(notes: Iterable[str]) -> str:
    return next((note for note in notes if note.startswith(_HINTS)), "")


def _description(listed: Listed) -> str:
    text = whole(listed.description or "").strip()
    if not text:
        return "(The server does not describe this tool.)"
    return text if len(text) <= LONGEST_DESCRIPTION else f"{text[:LONGEST_DESCRIPTION]}…"


def _version(of_server: str, pin: str) -> str:
    """Return a version by PEP 440, whose local part tells tools of different pins apart."""
    local = f"d{pin.removeprefix('sha256:')[:12]}"
    try:
        found = Version(of_server[:_LONGEST_VERSION])
    except InvalidVersion:
        return f"0+{local}"
    return f"{found.public}+{f'{found.local}.' if found.local else ''}{local}"


def _usable(which: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that can be used. Raises InvalidToolError."""
    from assent.schemas import SchemaError, check

    try:
        check(schema)
    except (SchemaError, RecursionError) as error:
        raise InvalidToolError(f"Its {which} schema cannot be used: {str(error)[:500]}") from None
    return dict(schema)


def _output(schema: dict[str, Any] | None) -> dict[str, Any]:
    from assent.toolbox.mcp_results import TEXT_SCHEMA, VALUE_SCHEMA, is_of_object

    if schema is None:
        return TEXT_SCHEMA
    return schema if is_of_object(schema) else VALUE_SCHEMA


def _difference(before: Tool, listed: Listed) -> str:
    parts = {
        "description": before.description != _description(listed),
        "input schema": before.takes.schema != listed.input_schema,
        "output schema": before.returns.schema != _output(listed.output_schema),
    }
    return " and ".join(part for part, differs in parts.items() if differs) or "details"
