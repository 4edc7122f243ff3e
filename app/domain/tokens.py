"""API tokens for programs: kinds, scopes, and terms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.domain.errors import InvalidInputError
from app.domain.hidden_characters import is_line
from app.domain.people import Sight
from app.domain.text import is_storable
from assent.masking import mask_text
from assent.visible import shows

MAX_NAME = 100
MAX_DAYS = 366
DEFAULT_DAYS = 90


class TokenKind(StrEnum):
    """For whom a token acts."""

    PERSON = "person"
    AGENT = "agent"

    @property
    def prefix(self) -> str:
        """The prefix of its tokens, by which secret scanners and our own masking find them."""
        return f"assent_{self.value}_"


class TokenChoice(StrEnum):
    """Which tokens end when a person is signed out everywhere. If any do, so does the link with a Slack user."""

    NONE = "none"
    OWN = "own"
    ALL = "all"

    @property
    def words(self) -> str:
        """The label of the option on forms."""
        return _CHOICES[self]


_CHOICES = {
    TokenChoice.NONE: "keep all tokens",
    TokenChoice.OWN: "also revoke the person's own tokens, and unlink their Slack account",
    TokenChoice.ALL: "also revoke tokens of agents the person is responsible for",
}


class Scope(StrEnum):
    """What a token can be used for, within what its owner's roles allow."""

    APPROVALS_READ = "approvals:read"
    APPROVALS_READ_ACCOUNT = "approvals:read-account"
    APPROVALS_READ_ALL = "approvals:read-all"
    APPROVALS_REQUEST = "approvals:request"
    APPROVALS_DECIDE = "approvals:decide"
    RUNS_READ = "runs:read"
    RUNS_WRITE = "runs:write"
    RULES_READ = "rules:read"
    RULES_WRITE = "rules:write"
    AUDIT_READ = "audit:read"
    DELIVERIES_READ = "deliveries:read"
    DELIVERIES_WRITE = "deliveries:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    METRICS_READ = "metrics:read"

    @property
    def words(self) -> str:
        """What it allows, in words."""
        return _WORDS[self]


_WORDS = {
    Scope.APPROVALS_READ: "read requests and wait for their outcomes; agents: only their own requests",
    Scope.APPROVALS_READ_ACCOUNT: "read all requests and runs of the agent's responsible person",
    Scope.APPROVALS_READ_ALL: "read everybody's requests and runs, as an auditor does",
    Scope.APPROVALS_REQUEST: "request approval; cancel, report on, and comment on requests",
    Scope.APPROVALS_DECIDE: "decide, claim, assign, escalate, extend deadlines, comment, and review samples",
    Scope.RUNS_READ: "read workflows, runs, and their events; agents: only runs that they started",
    Scope.RUNS_WRITE: "start, pause, resume, cancel, and retry runs, and have them ask before their next step",
    Scope.RULES_READ: "read policies, standing grants, lessons, and absences; test policies",
    Scope.RULES_WRITE: "propose and approve standing grants; change lessons; confirm policies; add absences",
    Scope.AUDIT_READ: "read the audit log",
    Scope.DELIVERIES_READ: "read deliveries and destinations",
    Scope.DELIVERIES_WRITE: "send deliveries again; test destinations",
    Scope.PEOPLE_READ: "read your own sessions, and as an admin those of others",
    Scope.PEOPLE_WRITE: "end sessions and sign out everywhere; as an admin, others as well",
    Scope.METRICS_READ: "read the portal's metrics, for Prometheus",
}
WIDER_SIGHT: Mapping[Scope, Sight] = {Scope.APPROVALS_READ_ALL: Sight.ALL, Scope.APPROVALS_READ_ACCOUNT: Sight.ACCOUNT}
"""Scopes with which an agent's token sees more than its own requests, widest first."""
AGENT_SCOPES = frozenset(
    {Scope.APPROVALS_READ, Scope.APPROVALS_REQUEST, Scope.RUNS_READ, Scope.RUNS_WRITE, *WIDER_SIGHT}
)
"""Scopes that an agent's token can have; none of them allows an approval."""
PERSON_SCOPES = frozenset(Scope) - WIDER_SIGHT.keys()
"""Scopes that a person's token can have; it sees what its owner sees."""


@dataclass(frozen=True)
class TokenTerms:
    """The checked terms of a new token."""

    kind: TokenKind
    name: str
    scopes: tuple[Scope, ...]
    lifetime: timedelta


def visibility_of(scopes: Collection[Scope]) -> Sight:
    """Which requests and runs an agent's token with these scopes sees."""
    return next((sight for scope, sight in WIDER_SIGHT.items() if scope in scopes), Sight.OWN)


def token_terms(kind: TokenKind, name: str, scopes: Iterable[str], days: int | str) -> TokenTerms:
    """Check the terms of a new token. Raises InvalidInputError with an error for each field."""
    wrong: dict[str, str] = {}
    name = " ".join(name.split())
    if not shows(name) or len(name) > MAX_NAME or not is_line(name) or not is_storable(name):
        wrong["name"] = f"A token needs a name of at most {MAX_NAME} characters."
    wanted = sorted({Scope(scope) for scope in scopes if scope in set(Scope)}, key=list(Scope).index)
    unknown = [scope for scope in scopes if scope not in set(Scope)]
    if unknown:
        wrong["scopes"] = f"Unknown scope: {str(unknown[0])[:60]!r}."
    elif not wanted:
        wrong["scopes"] = "Choose at least one."
    elif kind is TokenKind.AGENT and not AGENT_SCOPES.issuperset(wanted):
        extra = ", ".join(scope for scope in wanted if scope not in AGENT_SCOPES)
        wrong["scopes"] = f"An agent's token cannot have {extra}: agents never decide."
    elif kind is TokenKind.PERSON and not PERSON_SCOPES.issuperset(wanted):
        extra = ", ".join(scope for scope in wanted if scope not in PERSON_SCOPES)
        wrong["scopes"] = f"{extra} is for agents: with approvals:read a person's token sees what its owner sees."
    number = int(days) if isinstance(days, int) or (days.isascii() and days.isdigit() and len(days) < 6) else 0
    if not 1 <= number <= MAX_DAYS:
        wrong["days"] = f"A token is valid for 1 to {MAX_DAYS} days."
    if wrong:
        raise InvalidInputError("The token was not created.", wrong)
    return TokenTerms(kind, mask_text(name), tuple(wanted), timedelta(days=number))
