"""What a policy's conditions may look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.domain.policy.terms import Terms, default_terms
from app.domain.risk import Assessment
from assent.contracts import calls_of
from assent.digests import canonical


@dataclass(frozen=True)
class Requester:
    """Whoever started the run, or asked by other ways. All empty for an agent without an account."""

    id: str = ""
    name: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """One request, as conditions see it.

    Attributes:
        tool: of the one call; of several, that of the first.
        tools: of each of several calls. A rule is looked for call by call, and together they hold.
        size: bytes of the proposal as canonical JSON.
        expires_in_seconds: the deadline that the agent names; None: the policy's.
    """

    workflow: str
    node: str
    agent: str
    kind: str
    assessment: Assessment
    environment: str = ""
    tool: str = ""
    tools: tuple[str, ...] = ()
    target: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    size: int = 0
    requester: Requester = field(default_factory=Requester)
    expires_in_seconds: int | None = None

    @classmethod
    def of(
        cls, document: dict[str, Any], assessment: Assessment, *, workflow: str, node: str, agent: str,
        requester: Requester,
    ) -> Facts:  # fmt: skip
        """The facts of a proposal's document."""
        tools = tuple(dict.fromkeys(str(call.get("tool", "")) for call in calls_of(document)))
        return cls(
            workflow=workflow,
            node=node,
            agent=document.get("agent") or agent,
            kind="tool_call" if document["kind"] == "tool_calls" else document["kind"],
            assessment=assessment,
            environment=document.get("environment", ""),
            tool=tools[0] if tools else "",
            tools=tools,
            target=document.get("target", ""),
            labels=document.get("labels") or {},
            size=len(canonical(document).encode()),
            requester=requester,
            expires_in_seconds=document.get("expires_in_seconds"),
        )


class Policy(Protocol):
    """Turns facts into terms."""

    version: int | None

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        """What a request with these facts needs. Always gives an answer: no match falls to a strict default."""
        ...


class StrictDefault:
    """What holds where no policy is loaded, or none of its rules matches."""

    version: int | None = None

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        """One reviewer who did not ask, two for critical risk; silence rejects."""
        return default_terms(facts.assessment.level, facts.expires_in_seconds)
