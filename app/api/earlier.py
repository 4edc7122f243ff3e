"""The routes of earlier versions, with the same authentication and services.

Their `user_id` parameter has no effect: the session identifies the person.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue, RootModel

from app.api import approval_models, models
from app.api.approvals import decision_document
from app.api.registry import ApiCall, EndpointTable
from app.api.runs import run_document
from app.domain.errors import InvalidInputError
from app.domain.people import Action
from app.domain.tokens import WIDER_SIGHT, Scope
from app.http.body import Input, PlainText, QueryArguments
from app.http.decisions import DecisionIn, decide
from app.services.reading.queue import MAX_PAGE
from app.services.reading.queue_filter import QueueFilter
from app.services.reading.queue_rows import QueueRow
from assent.contracts import RiskLevel, Verdict

table = EndpointTable()
READ, DECIDE, READ_RUNS = (Scope.APPROVALS_READ, *WIDER_SIGHT), (Scope.APPROVALS_DECIDE,), (Scope.RUNS_READ,)
_USER_ID = frozenset({"user_id"})


class NoQuery(QueryArguments):
    """No parameters."""


class EarlierApproval(models.Output):
    """A pending request, as earlier versions showed it."""

    request_id: str
    workflow_id: str | None
    approval_type: str
    priority: str
    created_at: models.Time
    expires_at: models.Time
    status: str
    data_summary: str
    risk_level: RiskLevel
    digest: str = Field(description="Named in the decision")


class EarlierList(RootModel[list[EarlierApproval]]):
    """Pending requests, most urgent first."""


class EarlierDecision(Input):
    """A decision, as earlier versions took it.

    Unlike there, it names the `digest` of the proposal that the reviewer saw.
    """

    approved: bool
    comments: PlainText = ""
    digest: PlainText = Field(max_length=200)
    modifications: JsonValue = None
    acknowledged_risk: RiskLevel | None = Field(default=None, strict=False, description="As in the API's decisions")
    request_id: PlainText = Field(default="", max_length=200)
    reviewer_id: JsonValue = Field(default=None, description="Ignored")
    user_id: JsonValue = Field(default=None, description="Ignored")


class EarlierResult(approval_models.DecisionResultOut):
    """The result of a decision."""

    status: Literal["success"] = "success"


class EarlierDetails(models.RunOut):
    """A run, as earlier versions and the API show it."""

    workflow_id: str
    status: str
    current_step: str
    progress: int = Field(description="Percentage of the graph's steps that are done")
    timestamp: models.Time


@table.add("GET", "/approvals/pending", EarlierList, query=NoQuery, ignored=_USER_ID, scopes=READ)
def list_pending(call: ApiCall) -> Any:
    """List pending requests, most urgent first (at most 200)."""
    call.actor.require(Action.SEE)
    page = call.portal.services.queue.page(QueueFilter(viewer=call.actor), limit=MAX_PAGE)
    return [_earlier(row) for row in page.rows]


@table.add("POST", "/approvals/<uuid:id>", EarlierResult, body=EarlierDecision, scopes=DECIDE, conditional=True)
def submit_approval(call: ApiCall) -> Any:
    """Decide on a request."""
    sent: EarlierDecision = call.body
    if sent.request_id and sent.request_id != call.id:
        raise InvalidInputError("The body and the path name different requests.", {"request_id": "another one"})
    if not sent.approved and sent.modifications is not None:
        raise InvalidInputError("A rejection has no modifications.", {"modifications": "not allowed with a rejection"})
    verdict = Verdict.REJECT if not sent.approved else Verdict.APPROVE
    if sent.approved and sent.modifications is not None:
        verdict = Verdict.MODIFY
    decision = DecisionIn(
        verdict=verdict, digest=sent.digest, change=sent.modifications, comment=sent.comments,
        acknowledged_risk=sent.acknowledged_risk,
    )  # fmt: skip
    return decision_document(decide(call.portal.services, call.actor, call.id, decision, call.seen_version))


@table.add("GET", "/workflows/<uuid:id>/details", EarlierDetails, query=NoQuery, ignored=_USER_ID, scopes=READ_RUNS)
def workflow_details(call: ApiCall) -> Any:
    """Read a run, whose id is called `workflow_id` here."""
    view = call.portal.services.views.run(call.id, call.actor)
    done = sum(1 for node in view.nodes if node.state == "done")
    current = next((step.title for step in reversed(view.steps) if step.state in ("running", "waiting")), "")
    return run_document(call, call.id) | {
        "workflow_id": call.id,
        "status": view.state.value,
        "current_step": current,
        "progress": round(100 * done / len(view.nodes)) if view.nodes else 0,
        "timestamp": call.portal.services.clock(),
    }


def _earlier(row: QueueRow) -> dict[str, Any]:
    return {
        "request_id": row.id,
        "workflow_id": row.run_id,
        "approval_type": row.kind,
        "priority": row.risk.value,
        "created_at": row.opened_at,
        "expires_at": row.expires_at,
        "status": row.state.value,
        "data_summary": row.title,
        "risk_level": row.risk,
        "digest": row.digest,
    }
