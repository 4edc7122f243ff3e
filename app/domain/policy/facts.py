"""The facts that a policy's conditions refer to."""

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
    """The requester of a request. All fields are empty for an agent without an account."""

    id: str = ""
    name: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """The facts about one request.

    Attributes:
        tool: the tool of the only call, or of the first of several.
        tools: the tools of several calls. Each call is matched with the rules by itself, and all matched rules apply.
        size: of the proposal as canonical JSON, in bytes.
        expires_in_seconds: the deadline that the agent asks for; None: the policy's.
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
        """The facts about a proposal's document."""
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
    """Determines the terms of requests from facts."""

    version: int | None

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        """The terms of a request with these facts. There always are some: without a match, the strict default's."""
        ...


class StrictDefault:
    """The policy that applies if none is loaded, or none of its rules matches."""

    version: int | None = None

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        """One reviewer who is not the requester, two for critical risk; rejected on expiry."""
        return default_terms(facts.assessment.level, facts.expires_in_seconds)
