"""Who may decide on a stage. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.domain.policy.terms import Stage

TEAM = "team:"
PERSON = "person:"


@dataclass(frozen=True)
class Member:
    """A person as stages see them: an address and teams. `id` and `name` say who it is."""

    id: str
    name: str
    email: str
    teams: frozenset[str]

    @property
    def addresses(self) -> frozenset[str]:
        """What a request may be addressed to so that this person is meant: ``team:slug`` and ``person:mail``."""
        return frozenset({f"{PERSON}{self.email.lower()}"} | {f"{TEAM}{team}" for team in self.teams})


def addressed(stage: Stage, escalated_to: Collection[str] = ()) -> tuple[str, ...]:
    """Whom a stage asks, as addresses, with those that an escalation added. Empty: anyone who may decide."""
    named = [f"{TEAM}{each}" for each in stage.teams] + [f"{PERSON}{each.lower()}" for each in stage.people]
    return tuple(dict.fromkeys((*named, *escalated_to))) if named else ()


def is_asked(member: Member, addressed_to: Collection[str]) -> bool:
    """True if the person is among those asked."""
    return not addressed_to or bool(member.addresses & set(addressed_to))
