"""Descriptions of nodes, from their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def node_facts(node: str, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return title, agent, tool, and whether the node may be skipped; the title defaults to its name in words.

    Where there is one, with what is done when its call fails, in words (`recovery`), and with the phase of the workflow
    to which the node belongs (`phase`).
    """
    described = metadata or {}
    return {
        "title": str(described.get("title") or node.replace("_", " ").capitalize()),
        "agent": str(described.get("agent") or ""),
        "tool": str(described.get("tool") or ""),
        "skippable": bool(described.get("skippable", False)),
    } | {name: str(described[name]) for name in ("recovery", "phase") if described.get(name)}
