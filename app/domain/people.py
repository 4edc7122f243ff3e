"""Actors, and what each role allows, as one readable table."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.errors import ForbiddenError
from app.domain.policy.access import Member


class Role(StrEnum):
    """What a person is trusted with."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Action(StrEnum):
    """Every action that requires a permission."""

    SEE = "see"
    DECIDE = "decide"
    COMMENT = "comment"
    ESCALATE = "escalate"
    CLAIM = "claim"
    ASSIGN = "assign"
    EXTEND = "extend"
    REOPEN = "reopen"
    CANCEL_REQUEST = "cancel_request"
    START_RUN = "start_run"
    REQUEST_APPROVAL = "request_approval"
    CONTROL_RUN = "control_run"
    READ_AUDIT = "read_audit"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_TOKENS = "manage_tokens"
    MANAGE_DELIVERIES = "manage_deliveries"
    MANAGE_DESTINATIONS = "manage_destinations"
    BE_ABSENT = "be_absent"
    MANAGE_POLICIES = "manage_policies"
    TEST_POLICIES = "test_policies"
    PROPOSE_GRANT = "propose_grant"
    APPROVE_GRANT = "approve_grant"
    REVOKE_GRANT = "revoke_grant"
    CHANGE_LESSONS = "change_lessons"
    SEE_SAMPLES = "see_samples"
    REVIEW_SAMPLE = "review_sample"
    ERASE = "erase"
    OPERATE = "operate"


ALLOWED: dict[Action, frozenset[Role]] = {
    Action.SEE: frozenset(Role),
    Action.DECIDE: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.COMMENT: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.ESCALATE: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.CLAIM: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.ASSIGN: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.EXTEND: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.REOPEN: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.CANCEL_REQUEST: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.START_RUN: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.REQUEST_APPROVAL: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.CONTROL_RUN: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.READ_AUDIT: frozenset({Role.AUDITOR, Role.ADMIN}),
    Action.MANAGE_PEOPLE: frozenset({Role.ADMIN}),
    Action.MANAGE_TOKENS: frozenset({Role.ADMIN}),
    Action.MANAGE_DELIVERIES: frozenset({Role.ADMIN}),
    Action.MANAGE_DESTINATIONS: frozenset({Role.ADMIN}),
    Action.BE_ABSENT: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.MANAGE_POLICIES: frozenset({Role.ADMIN}),
    Action.TEST_POLICIES: frozenset({Role.REVIEWER, Role.AUDITOR, Role.ADMIN}),
    Action.PROPOSE_GRANT: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.APPROVE_GRANT: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.REVOKE_GRANT: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.CHANGE_LESSONS: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.SEE_SAMPLES: frozenset({Role.REVIEWER, Role.AUDITOR, Role.ADMIN}),
    Action.REVIEW_SAMPLE: frozenset({Role.REVIEWER, Role.ADMIN}),
    Action.ERASE: frozenset({Role.ADMIN}),
    Action.OPERATE: frozenset({Role.ADMIN}),
}


AGENTS_MAY = frozenset({Action.SEE, Action.COMMENT, Action.REQUEST_APPROVAL, Action.START_RUN, Action.CONTROL_RUN})
"""The most that an agent's token may do, whatever roles its account has: nothing that helps a request get approved.

Comments, receipts, and cancellations are limited to requests that it opened, steering to runs that it started."""


class Sight(StrEnum):
    """Which requests and runs an agent's token sees.

    Its own are those that an agent of the same name and account opened, so a replacement token sees them as well.
    """

    OWN = "own"
    ACCOUNT = "account"
    ALL = "all"


class Via(StrEnum):
    """The interface that an actor used; stored in the audit log."""

    PAGE = "page"
    API = "api"
    SOCKET = "socket"
    COMMAND_LINE = "command_line"
    WORKER = "worker"
    MAIL = "mail"
    SLACK = "slack"


@dataclass(frozen=True)
class Makers:
    """The people who made, for somebody else, a sign-in link, a token, or an absence.

    Makers can use what they made, so one person could act as two. The four-eyes checks therefore count makers as well.

    Attributes:
        ids: of the makers; empty if nobody else made it, or if the operator did at the command line, who is trusted.
        names: of the makers, or the operator's, for display.
    """

    ids: frozenset[str] = frozenset()
    names: str = ""

    @property
    def counted(self) -> Makers:
        """The makers that the four-eyes checks count: nobody if the operator made it."""
        return self if self.ids else NOBODY_ELSE

    def with_also(self, others: Makers) -> Makers:
        """These makers, followed by others."""
        if not others.ids - self.ids:
            return self
        return Makers(self.ids | others.ids, ", ".join(filter(None, [self.names, others.names])))

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of `app.store.base.Made`."""
        return {"makers": sorted(self.ids), "made_by": self.names}


NOBODY_ELSE = Makers()


@dataclass(frozen=True)
class Actor:
    """Who does something.

    Attributes:
        kind: ``person``, ``agent`` or ``system``. Agents never decide, whatever their roles.
        id: the person's id; empty for the system and for agents without an account.
        name: as displayed and logged.
        roles: what the person may do.
        email: the person's email address; empty for the system and for agents.
        teams: slugs of the person's teams.
        authenticated_at: when the person last signed in; None where the interface does not say.
        via: the interface that was used.
        source: network address or host name, for the audit log.
        makers: others who made the sign-in link or token with which this person or agent acts.
        account: who added or reactivated the account, as long as nobody else has made a sign-in link for it.
        sight: which requests and runs an agent sees. People see all.
    """

    kind: str
    id: str
    name: str
    roles: frozenset[Role] = field(default_factory=frozenset)
    teams: frozenset[str] = field(default_factory=frozenset)
    via: Via = Via.PAGE
    source: str = ""
    email: str = ""
    authenticated_at: datetime | None = None
    makers: Makers = NOBODY_ELSE
    account: Makers = NOBODY_ELSE
    sight: Sight = Sight.OWN

    @property
    def sees_everything(self) -> bool:
        """True unless this is an agent whose token sees only some requests and runs."""
        return self.kind != "agent" or self.sight is Sight.ALL

    @property
    def signature(self) -> str:
        """The name for signing comments: an agent's is marked, so that nobody mistakes it for a person's."""
        return signature(self.kind, self.name)

    @property
    def member(self) -> Member:
        """This person, for the stages of a policy."""
        return Member(self.id, self.name, self.email, self.teams)

    @property
    def persons(self) -> frozenset[str]:
        """Ids of everybody who could be acting: the named person, and the makers of their link or token."""
        return self.makers.ids | ({self.id} if self.id else frozenset())

    @property
    def is_trusted(self) -> bool:
        """True for the operator at the command line: anybody with access to the database can do anything anyway."""
        return self.via is Via.COMMAND_LINE

    def makes_for(self, person_id: str) -> Makers:
        """The makers of a link, token, or absence that this actor makes for a person."""
        if self.is_trusted:
            return Makers(names=self.name if self.kind == "system" else f"{self.name}, on the command line")
        others = self.persons - {person_id}
        names = [self.name] if self.id in others else []
        return Makers(others, ", ".join([*names, *filter(None, [self.makers.names])])) if others else NOBODY_ELSE

    def may(self, action: Action) -> bool:
        """True if the actor's roles allow `action`."""
        if self.kind == "system":
            return True
        if self.kind == "agent" and action not in AGENTS_MAY:
            return False
        return bool(self.roles & ALLOWED[action])

    def require(self, action: Action) -> None:
        """Raise ForbiddenError unless the actor may do `action`."""
        if not self.may(action):
            needed = " or ".join(sorted(role.value for role in ALLOWED[action]))
            raise ForbiddenError(
                f"{self.name} may not do this: it needs the role {needed}.", action=action.value, needed=needed
            )


def signature(kind: str, name: str) -> str:
    """The name of an actor of that kind, marked if it is an agent's."""
    return f"{name} (agent)" if kind == "agent" else name


SYSTEM = Actor(kind="system", id="", name="Assent", via=Via.WORKER)
