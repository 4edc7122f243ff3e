"""What an action changes."""

from __future__ import annotations

from enum import StrEnum


class Effect(StrEnum):
    """What a call changes: nothing, something that can be changed back, or something that is then gone."""

    READ = "read"
    WRITE = "write"
    DESTROY = "destroy"
