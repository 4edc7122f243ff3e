"""The manifest of a program: the rights that it asks for."""

from __future__ import annotations

import re
from enum import StrEnum

from workflows.package_deployment.installers.executable import RESOURCE_MANIFEST, Executable
from workflows.package_deployment.installers.texts import clean

_LARGEST = 1 << 18
_LEVEL = re.compile(r"""<(?:\w+:)?requestedExecutionLevel\b[^>]{0,300}?\blevel\s*=\s*["'](\w{1,40})["']""")
_DESCRIPTION = re.compile(r"<(?:\w+:)?description[^>]{0,200}>([^<]{0,500})<")


class ExecutionLevel(StrEnum):
    """The rights that a program asks for when it starts."""

    AS_INVOKER = "asInvoker"
    HIGHEST = "highestAvailable"
    ADMINISTRATOR = "requireAdministrator"
    NOT_SAID = ""


class Manifest:
    """The manifest of a program; empty if there is none."""

    def __init__(self, program: Executable) -> None:
        resource = program.resource(RESOURCE_MANIFEST)
        content = program.content(resource, _LARGEST) if resource else b""
        # Patterns, not an XML parser: nothing in a stranger's document is expanded or looked up.
        encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
        self._text = _without_comments(content.decode(encoding, "replace"))

    @property
    def level(self) -> ExecutionLevel:
        """The rights that the program asks for."""
        found = _LEVEL.search(self._text)
        names = {level.value.lower(): level for level in ExecutionLevel}
        return names.get(found.group(1).lower(), ExecutionLevel.NOT_SAID) if found else ExecutionLevel.NOT_SAID

    @property
    def description(self) -> str:
        """What the program says that it is."""
        found = _DESCRIPTION.search(self._text)
        return clean(found.group(1).strip(), 200) if found else ""


def _without_comments(text: str) -> str:
    # A pattern would look for the end of each comment that has none, again and again.
    parts, place = [], 0
    while (start := text.find("<!--", place)) >= 0:
        parts.append(text[place:start])
        end = text.find("-->", start)
        if end < 0:
            return "".join(parts)
        place = end + 3
    return "".join([*parts, text[place:]])
