"""Who may decide on a stage. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.domain.policy.fold import NO_STAGE
from app.domain.policy.terms import Stage, Terms

TEAM = "team:"
PERSON = "person:"


@dataclass(frozen=True)
class Member:
    """A person, as far as stages are concerned: an email address and teams. `id` and `name` identify them."""

    id: str
    name: str
    email: str
    teams: frozenset[str]

    @property
    def addresses(self) -> frozenset[str]:
        """All addresses that include this person: ``team:<slug>`` and ``person:<email>``."""
        return frozenset({f"{PERSON}{self.email.lower()}"} | {f"{TEAM}{team}" for team in self.teams})


def addressed(stage: Stage, escalated_to: Collection[str] = ()) -> tuple[str, ...]:
    """Addresses of a stage's approvers, with those that escalations added. Empty: any reviewer."""
    named = [f"{TEAM}{team}" for team in stage.teams] + [f"{PERSON}{person.lower()}" for person in stage.people]
    return tuple(dict.fromkeys((*named, *escalated_to))) if named else ()


def is_approver(member: Member, addressed_to: Collection[str]) -> bool:
    """True if the person is one of the approvers."""
    return not addressed_to or bool(member.addresses & set(addressed_to))


def seat_after_edit(old: Terms, new: Terms, current: int, who: Member, escalated_to: Collection[str]) -> int:
    """The stage of the new terms for which an approver's decision counts after their edit changed the terms.

    It is the stage with the same approvers as the one for which they decided, otherwise the first that requires their
    approval; `NO_STAGE` if none does.
    """
    stages = list(enumerate(new.stages))
    same = [at for at, stage in stages if stage.same_approvers(old.stages[current])]
    if current in same:
        return current
    asking = [at for at, stage in stages if is_approver(who, addressed(stage, escalated_to))]
    return next(iter((*same, *asking)), NO_STAGE)
