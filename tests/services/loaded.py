"""Desks on which loaded policies hold."""

from __future__ import annotations

from typing import Any

from app.domain.people import Actor, Via
from app.store.policies import PolicyVersion

OPERATOR = Actor(kind="system", id="", name="Command line (operator)", via=Via.COMMAND_LINE)
ONE_OF_ANYONE = """\
version: 1
default: {deadline: 8 hours}
"""


def rule(body: str, when: str = "size >= 0", name: str = "The rule") -> str:
    """A policy with one rule."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"version: 1\nrules:\n  - name: {name}\n    when: '{when}'\n{lines}"


def load(desk: Any, content: str, source: str = "policies.yaml") -> PolicyVersion:
    """Put it into force."""
    stored: PolicyVersion = desk.policies.load(OPERATOR, content, source).stored
    return stored
