"""The registry: tools by name and version."""

from __future__ import annotations

import difflib
import heapq
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from assent.toolbox.errors import InvalidToolError, UnknownToolError
from assent.toolbox.model import Tool
from assent.toolbox.sources import Offer, Source

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

_MOST_COMPARED = 30
_LONGEST_NAME = 200


class Registry:
    """Tools by name; of each name, any number of versions.

    The tools of a source, such as an MCP server, are those that it offers when the registry is read.
    """

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._broken: dict[str, str] = {}
        self._tools: dict[str, list[Tool]] = {}
        self._sources: dict[str, Source] = {}
        self._offers: dict[str, Offer] = {}
        self._refreshing = threading.Lock()
        for tool in tools:
            self.add(tool)

    @property
    def broken(self) -> dict[str, str]:
        """Why tools could not be loaded, by the place where they should be."""
        self._refresh()
        return self._broken

    def attach(self, source: Source) -> None:
        """Add the tools of a source, now and whenever they change.

        Raises:
            InvalidToolError: there is a tool or a source of this name already.
        """
        if source.prefix in self._sources or source.prefix in self._tools:
            raise InvalidToolError(f"There is already something with the name {source.prefix}.")
        self._sources[source.prefix] = source
        self._refresh()

    def add(self, tool: Tool) -> None:
        """Add a tool. Adding the same one again changes nothing.

        Raises:
            InvalidToolError: another tool has this name and version.
        """
        versions = self._tools.setdefault(tool.name, [])
        for index, other in enumerate(versions):
            if other is tool:
                return
            if other.parsed_version == tool.parsed_version:
                there = other.source or "another place"
                raise InvalidToolError(f"{tool.full_name} of {tool.source or 'here'} is already in {there}.")
            if other.parsed_version < tool.parsed_version:
                versions.insert(index, tool)
                return
        versions.append(tool)

    def __iter__(self) -> Iterator[Tool]:
        """Yield the newest version of each tool, by name."""
        tools = self._current()
        return (self._newest(tools[name]) for name in sorted(tools))

    def __len__(self) -> int:
        return len(self._current())

    def __contains__(self, name: object) -> bool:
        return name in self._current()

    def versions(self, name: str) -> list[Tool]:
        """Return all versions of a tool, the newest first. Raises UnknownToolError."""
        versions = self._current().get(name)
        if not versions and (source := self._source_of(name)):
            source.retry()
            versions = self._current().get(name)
        if not versions:
            raise UnknownToolError(self._unknown(name))
        return list(versions)

    async def aget(self, wanted: str) -> Tool:
        """As `get`; waits, without blocking the event loop, for an MCP server that could not be reached before."""
        name = wanted.partition("@")[0]
        if name not in self and (source := self._source_of(name)):
            await source.aretry()
        return self.get(wanted)

    def get(self, wanted: str) -> Tool:
        """Return the newest version of a tool that fits; a pre-release only if it is asked for, or nothing else fits.

        Args:
            wanted: a name, a name and version (``name@1.2``), or a name and conditions (``name@>=1.2,<2``).

        Raises:
            UnknownToolError: there is none; the message lists what there is.
        """
        name, separator, condition = wanted.partition("@")
        versions = self.versions(name)
        if not separator:
            return self._newest(versions)
        specifiers = _specifiers(name, condition)
        fitting = set(specifiers.filter([tool.parsed_version for tool in versions]))
        for tool in versions:
            if tool.parsed_version in fitting:
                return tool
        there = ", ".join(tool.version for tool in versions)
        raise UnknownToolError(f"No version of the tool {name!r} fits {condition!r}. Installed: {there}.")

    def _current(self) -> dict[str, list[Tool]]:
        self._refresh()
        return self._tools

    def _source_of(self, name: str) -> Source | None:
        return self._sources.get(name.partition(".")[0])

    def _refresh(self) -> None:
        """Replace the tools of sources whose offers have changed. Dicts are replaced whole: others may read them."""
        if all(self._offers.get(prefix) is source.offer for prefix, source in self._sources.items()):
            return
        with self._refreshing:
            tools, broken = dict(self._tools), dict(self._broken)
            for prefix, source in self._sources.items():
                offer, known = source.offer, self._offers.get(prefix, Offer())
                if offer is known:
                    continue
                for name in (tool.name for tool in known.tools):
                    tools.pop(name, None)
                for place in known.broken:
                    broken.pop(place, None)
                tools.update((tool.name, [tool]) for tool in offer.tools)
                broken.update(offer.broken)
                self._offers[prefix] = offer
            self._tools, self._broken = tools, broken

    def _newest(self, versions: list[Tool]) -> Tool:
        return next((tool for tool in versions if not tool.parsed_version.is_prerelease), versions[0])

    def _unknown(self, name: str) -> str:
        source = self._source_of(name)
        if source is not None and (why := source.offer.broken.get(f"mcp:{source.prefix}")):
            return f"There is no tool {name!r}: {why}"
        near = _near(name[:_LONGEST_NAME], self._tools)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        return f"There is no tool {name!r}.{hint or self._why_missing(name)}"

    def _why_missing(self, name: str) -> str:
        prefix, dot, _ = name[:_LONGEST_NAME].partition(".")
        if dot and prefix not in self._sources:
            return f" Nor is there an MCP server {prefix!r}: ASSENT_TOOL_SERVERS names the file that lists them."
        return f" Some tools could not be loaded: those of {', '.join(sorted(self.broken))}." if self.broken else ""


def _near(name: str, names: Iterable[str]) -> list[str]:
    """Return the names that are most like this one; only those that share pairs of letters are compared in detail."""
    pairs = {name[start : start + 2] for start in range(len(name) - 1)}
    likely = heapq.nlargest(_MOST_COMPARED, names, key=lambda other: sum(pair in other for pair in pairs))
    return difflib.get_close_matches(name, likely, n=3)


def _specifiers(name: str, condition: str) -> SpecifierSet:
    """Return the condition on the version. Raises UnknownToolError."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = condition.strip()
    try:
        return SpecifierSet(f"=={Version(text)}")
    except InvalidVersion:
        pass
    try:
        if not text:
            raise InvalidSpecifier
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise UnknownToolError(
            f"{name}@{condition}: {condition!r} is neither a version such as 1.2, nor a condition such as >=1.2,<2."
        ) from None
