"""The facts that a policy's conditions refer to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.domain.plans import refers, steps_of, tool_of
from app.domain.policy.terms import Terms, default_terms
from app.domain.policy.verdicts import Ruling
from app.domain.reading_tools import NO_TOOLS, ReadingTools
from app.domain.risk import Assessment
from assent.contracts import RiskLevel, calls_of
from assent.digests import canonical

_NOT_KNOWN_YET = "not known yet"


@dataclass(frozen=True)
class Requester:
    """The requester of a request. All fields are empty for an agent without an account."""

    id: str = ""
    name: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


@dataclass(frozen=True)
class CallFacts:
    """A tool call, or a step of a plan, as conditions see it.

    Attributes:
        tool: empty for a step that is a workflow.
        args: its arguments as JSON. Of anything but an object, nothing is known.
    """

    tool: str
    args: Any = None


@dataclass(frozen=True)
class Facts:
    """The facts about one request.

    Attributes:
        language: of a script, as its agent states it.
        calls: the tool calls, or the steps of a plan. Each is matched with the rules by itself, and all matched rules
            apply.
        tool, args: of the call that is matched; before that, of the first one.
        size: of the proposal as canonical JSON, in bytes.
        expires_in_seconds: the deadline that the agent asks for; None: the policy's.
    """

    workflow: str
    node: str
    agent: str
    kind: str
    assessment: Assessment
    environment: str = ""
    language: str = ""
    tool: str = ""
    args: Any = None
    calls: tuple[CallFacts, ...] = ()
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
        calls = tuple(CallFacts(str(call.get("tool", "")), call.get("args")) for call in calls_of(document))
        calls = calls or tuple(map(_step_facts, steps_of(document)))
        return cls(
            workflow=workflow,
            node=node,
            agent=document.get("agent") or agent,
            kind="tool_call" if document["kind"] == "tool_calls" else document["kind"],
            assessment=assessment,
            environment=document.get("environment", ""),
            language=str(document.get("language") or ""),
            tool=calls[0].tool if calls else "",
            args=calls[0].args if calls else None,
            calls=calls,
            target=document.get("target", ""),
            labels=document.get("labels") or {},
            size=len(canonical(document).encode()),
            requester=requester,
            expires_in_seconds=document.get("expires_in_seconds"),
        )


def _step_facts(step: dict[str, Any]) -> CallFacts:
    """A step of a plan. Conditions on its arguments cannot be evaluated where these refer to the output of a step."""
    inputs = step.get("inputs") or {}
    return CallFacts(tool_of(step), _NOT_KNOWN_YET if step.get("workflow") or refers(inputs) else inputs)


class Policy(Protocol):
    """Determines what applies to requests, from facts.

    Attributes:
        reading_tools: the tools that it registers as reading, which assessments need.
    """

    version: int | None
    reading_tools: ReadingTools

    def assessed(self, assessment: Assessment, floor: RiskLevel) -> Assessment:
        """The assessment with the policy's changes of risk rules; `floor` is the proposal's minimum risk."""
        ...

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        """The terms of a request with these facts. There always are some: without a match, the strict default's."""
        ...

    def ruling(self, facts: Facts, opened_at: datetime) -> Ruling:
        """The same terms, and what the policy decides at once."""
        ...


class StrictDefault:
    """The policy that applies if none is loaded, or none of its rules matches."""

    version: int | None = None
    reading_tools = NO_TOOLS

    def assessed(self, assessment: Assessment, floor: RiskLevel) -> Assessment:
        """It changes no risk rules."""
        return assessment

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        """One reviewer who is not the requester, two for critical risk; rejected on expiry."""
        return default_terms(facts.assessment.level, facts.expires_in_seconds)

    def ruling(self, facts: Facts, opened_at: datetime) -> Ruling:
        """The strict default decides nothing by itself."""
        return Ruling(self.terms(facts, opened_at))
