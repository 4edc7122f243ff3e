"""The lists of words beside this module."""

from __future__ import annotations

from pathlib import Path


def lines_of(name: str) -> list[str]:
    """The lines of a list, without comments and empty lines."""
    text = Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
