"""How long coding agents wait for their hooks. Apart from their formats, because the command needs nothing else."""

from __future__ import annotations

LIMITS = {"claude-code": 600.0, "codex": 600.0, "gemini-cli": 600.0, "cursor": 600.0}
"""Seconds, by the agent's name, as set-up configures them."""
