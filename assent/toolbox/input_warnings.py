"""Warnings about inputs that are valid and probably not meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from assent.masking import mask_text
from assent.toolbox.model import Tool

LONGEST_WINDOWS_PATH = 260
"""Characters that a path may have where Windows does not allow longer ones."""
_PATH = re.compile(r"(?:[A-Za-z]:[\\/]|\\\\|\.{0,2}/)[^\n\0]*")
_MOST = 20
_LONGEST_NAME = 100


def warnings_about(tool: Tool, inputs: Any, document: Any, ignored: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what is odd about inputs, in sentences: first what holds for all tools, then what the tool says itself.

    Args:
        document: the inputs as JSON.
        ignored: names of fields that were passed, and are none of the tool's.
    """
    found = [f"{tool.name} has no input {mask_text(name[:_LONGEST_NAME])!r}, so it was ignored." for name in ignored]
    found.extend(_about_paths(document, ""))
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
