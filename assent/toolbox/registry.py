"""The registry: tools by name and version."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from assent.toolbox.errors import InvalidToolError, UnknownToolError
from assent.toolbox.model import Tool


class Registry:
    """Tools by name; of each name, any number of versions.

    Attributes:
        broken: why tools could not be loaded, by the place where they should be.
    """

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self.broken: dict[str, str] = {}
        self._tools: dict[str, list[Tool]] = {}
        for tool in tools:
            self.add(tool)

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
        return (self._newest(self._tools[name]) for name in sorted(self._tools))

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def versions(self, name: str) -> list[Tool]:
        """Return all versions of a tool, the newest first. Raises UnknownToolError."""
        try:
            return list(self._tools[name])
        except KeyError:
            raise UnknownToolError(self._unknown(name)) from None

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

    def _newest(self, versions: list[Tool]) -> Tool:
        return next((tool for tool in versions if not tool.parsed_version.is_prerelease), versions[0])

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._tools, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        broken = f" {len(self.broken)} places with tools could not be loaded." if self.broken and not near else ""
        return f"There is no tool {name!r}.{hint}{broken}"


def _specifiers(name: str, condition: str) -> SpecifierSet:
    """Return the condition on the version. Raises UnknownToolError."""
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
