"""From a proposal to the row that reviewers see."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.domain.calls import is_made
from app.domain.lifecycle import RequestState
from app.domain.outlines import likeness_key
from app.domain.policy.access import addressed
from app.domain.policy.due import DueInputs, next_due
from app.domain.policy.facts import Facts, Policy
from app.domain.policy.terms import Terms
from app.domain.policy.verdicts import Decide, PolicyDecision, Ruling, for_people, permitted
from app.domain.ranking import attention_at
from app.domain.reading_tools import ReadingTools
from app.domain.review_time import content_seconds
from app.domain.risk import Assessment, floor_of
from app.domain.schema_order import order_of
from app.domain.text import storable
from app.domain.urgency import asked_urgency, counting_urgency
from app.services.requests.requester import RequestSource
from app.store.requests import ApprovalRequest
from assent.contracts import calls_of
from assent.dialects.base import Asked
from assent.digests import digest_of

Assessor = Callable[[dict[str, Any], ReadingTools], Assessment]
"""Assesses a proposal, with the tools that the policy registers as reading."""


@dataclass(frozen=True)
class IncomingProposal:
    """A new proposal: its requester, content, risk, and requirements.

    Prepared before the transaction because parsing takes time.

    Attributes:
        decision: what the policy decides at once; None: nothing.
    """

    asker: RequestSource
    asked: Asked
    assessment: Assessment
    terms: Terms
    digest: str
    decision: PolicyDecision | None = None


_CLAIMS = ("tables", "server_version")
"""Parts of a proposal in which its agent states facts that may lower the risk."""


def without_claims(document: dict[str, Any]) -> dict[str, Any]:
    """The proposal without what only its agent states and what may lower the risk, and as if every call were made.

    Whether a call is made is for reviewers to say; one that is not made is not read at all.
    """
    bare = {name: value for name, value in document.items() if name not in _CLAIMS}
    if all(is_made(call) for call in calls_of(document)):
        return bare
    if isinstance(calls := bare.pop("calls", None), list):
        bare["calls"] = [_made(call) for call in calls]
    return _made(bare)


def _made(call: Any) -> Any:
    return {name: value for name, value in call.items() if name != "decision"} if isinstance(call, dict) else call


def assess_under(policy: Policy, assess: Assessor, document: dict[str, Any]) -> Assessment:
    """The assessment of a proposal under a policy, which may change risk rules and register tools as reading."""
    return policy.assessed(assess(document, policy.reading_tools), floor_of(document))


def prepare(asker: RequestSource, asked: Asked, assess: Assessor, policy: Policy, now: datetime) -> IncomingProposal:
    """Assess a proposal and determine its terms."""
    assessment = assess_under(policy, assess, asked.document)
    facts = Facts.of(
        asked.document, assessment, workflow=asker.workflow, node=asked.node, agent=asked.agent,
        requester=asker.requester,
    )  # fmt: skip
    ruling = policy.ruling(facts, now)
    decision = decided_at_once(policy, assess, ruling, asked.document, facts, now, asked.response_schema is not None)
    terms = for_people(ruling.terms, asked.document)
    return IncomingProposal(asker, asked, assessment, terms, digest_of(asked.document), decision)


def decided_at_once(
    policy: Policy,
    assess: Assessor,
    ruling: Ruling,
    document: dict[str, Any],
    facts: Facts,
    at: datetime,
    answers: bool,
) -> PolicyDecision | None:
    """What the policy decides at once about a proposal; None: people decide.

    Args:
        ruling: the policy's, for these facts.
        answers: the proposal requires an answer.
    """
    decision = permitted(ruling.decision, document, facts.assessment, answers)
    approves = decision is not None and decision.verdict is Decide.APPROVE
    if approves and (bare := without_claims(document)) != document:
        # What only the agent states must not be what makes it harmless.
        without = replace(facts, assessment=assess_under(policy, assess, bare))
        again = policy.ruling(without, at).decision
        return decision if permitted(again, bare, without.assessment, answers) == decision else None
    return decision


def request_values(incoming: IncomingProposal, now: datetime, previous: ApprovalRequest | None) -> dict[str, Any]:
    """The columns of a new request."""
    asker, asked, terms = incoming.asker, incoming.asked, incoming.terms
    expires_at = now + timedelta(seconds=terms.deadline_seconds)
    due = next_due(DueInputs(True, now, expires_at, terms))
    by_person = asker.run_id is None and not asker.agent
    urgency = counting_urgency(asked_urgency(asked.document), by_person, terms.agent_urgency)
    return {
        "id": str(uuid.uuid4()),
        "run_id": asker.run_id,
        "workflow": asker.workflow,
        "node": storable(asked.node),
        "agent": storable(asked.document.get("agent") or asked.agent),
        "interrupt_id": asked.interrupt_id,
        "dialect": asked.dialect,
        "value_digest": asked.value_digest,
        "kind": asked.document["kind"],
        "title": storable(asked.document["title"]),
        "environment": storable(asked.document.get("environment", "")),
        "payload": asked.document,
        "digest": incoming.digest,
        "proposed": None,
        "proposed_digest": incoming.digest,
        "response_schema": asked.response_schema,
        "schema_order": json.dumps(order) if (order := order_of(asked.document)) else None,
        "assessment": incoming.assessment.to_json(),
        "risk": incoming.assessment.level.value,
        "terms": terms.to_json(),
        "requester_id": asker.requester.id or None,
        "requester_name": asker.requester.name,
        **asker.makers.columns,
        "opened_by_agent": asker.agent,
        "previous_id": previous.id if previous else None,
        "revision": previous.revision + 1 if previous else 1,
        "note": "",
        "policy_version": terms.policy_version,
        "quorum": terms.quorum,
        "addressed_to": list(addressed(terms.stages[0])),
        "opened_at": now,
        "expires_at": expires_at,
        "attention_at": attention_at(expires_at, incoming.assessment.level, 0, urgency),
        "urgency": urgency.value,
        "likeness": likeness_key(asked.document, asker.workflow, storable(asked.node)),
        "review_seconds": content_seconds(asked.document, len(incoming.assessment.findings)),
        "due_at": due.at if due else None,
    }


def due_values(request: ApprovalRequest, **changed: Any) -> dict[str, Any]:
    """The column `due_at` of a request in which `changed` columns get new values.

    Must be written whenever a request's state, terms, times, claim, escalation, warning, hold, or grace changes.
    """
    due = next_due(due_inputs(request, **changed))
    return {"due_at": due.at if due else None}


def due_inputs(request: ApprovalRequest, **changed: Any) -> DueInputs:
    """What the due steps of a request depend on, with `changed` columns in place of its own.

    Args:
        changed: column values as in a row; `terms` can also be `Terms`, or canonical text.
    """

    def column(name: str) -> Any:
        return changed[name] if name in changed else getattr(request, name)

    terms = column("terms")
    if isinstance(terms, str):
        terms = Terms.model_validate_json(terms)
    return DueInputs(
        pending=column("state") == RequestState.PENDING.value,
        opened_at=column("opened_at"),
        expires_at=column("expires_at"),
        terms=terms if isinstance(terms, Terms) else Terms.from_json(terms),
        escalation=column("escalation"),
        warned=column("warned"),
        claimed_until=column("claimed_until"),
        answered_at_once=bool(column("answered_by")),
        held_until=column("held_until"),
        snoozed_until=column("snoozed_until"),
        resolves_at=column("resolves_at"),
    )
