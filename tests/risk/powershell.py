"""Assessing PowerShell, for the tests of its reader."""

from __future__ import annotations

from app.domain.risk import Assessment
from app.risk.assess import assess_proposal


def assessed(text: str) -> Assessment:
    return assess_proposal({"kind": "script", "title": "t", "language": "powershell", "content": text})


def level_of(text: str) -> str:
    return assessed(text).level.value
