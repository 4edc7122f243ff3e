"""Warnings about inputs that are valid and probably not meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from assent.toolbox.model import Tool

LONGEST_WINDOWS_PATH = 260
"""Characters that a path may have where Windows does not allow longer ones."""
_PATH = re.compile(r"(?:[A-Za-z]:[\\/]|\\\\|\.{0,2}/)[^\n\0]*")
_MOST = 20


def warnings_about(tool: Tool, inputs: Any, document: Any) -> tuple[str, ...]:
    """Return what is odd about inputs, in sentences: first what holds for all tools, then what the tool says itself."""
    found = list(_about_paths(document, ""))
    if tool.warnings is not None:
        try:
            found.extend(map(str, tool.warnings(inputs)))
        except Exception as error:
            found.append(f"The tool's own check of its inputs failed: {type(error).__name__}.")
    return tuple(found[:_MOST])


def _about_paths(value: Any, path: str) -> Iterator[str]:
    pending = [(value, path)]
    while pending:
        value, path = pending.pop()
        if isinstance(value, dict):
            pending.extend((value[name], f"{path}.{name}" if path else str(name)) for name in reversed(list(value)))
        elif isinstance(value, list):
            pending.extend((part, f"{path}[{index}]") for index, part in reversed(list(enumerate(value))))
        elif isinstance(value, str) and len(value) > LONGEST_WINDOWS_PATH and _PATH.fullmatch(value):
            yield f"The path in {path} has {len(value)} characters; Windows may not accept more than 260."
