"""The coding agents whose hooks the portal speaks."""

from __future__ import annotations

from assent.hooks import claude_code, codex, cursor, gemini_cli
from assent.hooks.calls import CodingAgent

_ALL = (claude_code.AGENT, codex.AGENT, gemini_cli.AGENT, cursor.AGENT)
AGENTS: dict[str, CodingAgent] = {agent.name: agent for agent in _ALL}
"""By the names that addresses and commands use."""
