"""Standing grants over REST."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, JsonValue

from app.api.models import Empty, Output, Time
from app.api.paging import PageQuery, page_of
from app.api.registry import ApiCall, EndpointTable
from app.domain.grants import GrantState, Limits
from app.domain.lifecycle import RequestState
from app.domain.people import Action
from app.domain.tokens import Scope as TokenScope
from app.http.body import Input, PlainText
from app.services.grants.lifecycle import GrantDetail, GrantDraft, GrantView, read_pattern
from app.services.grants.precedents import GrantScope, Rehearsal, Suggestion
from assent.contracts import RiskLevel

table = EndpointTable()
READ, WRITE = (TokenScope.RULES_READ,), (TokenScope.RULES_WRITE,)
Name = Annotated[PlainText, Field(max_length=200)]
RiskIn = Annotated[RiskLevel, Field(strict=False, description="At most medium")]


class GrantQuery(PageQuery):
    """A page of the grants."""


class ScopeIn(Input):
    """The scope of a grant."""

    workflow: Name
    node: Name
    kind: Name
    environment: Name = ""

    @property
    def scope(self) -> GrantScope:
        """The scope as the use cases take it."""
        return GrantScope(self.workflow, self.node, self.kind, self.environment)


class RehearsalIn(ScopeIn):
    """A grant to test on past requests."""

    pattern: dict[str, JsonValue]
    max_risk: RiskIn = RiskLevel.MEDIUM


class GrantIn(RehearsalIn):
    """A grant to propose. The number of uses and the period are both required."""

    title: Name
    max_uses: int = Field(description="Between 1 and 1,000")
    days: int = Field(description="Between 1 and 90")
    evidence: list[Name] = Field(max_length=200, description="Ids of at least three approvals of similar requests")
    reason: PlainText = Field(max_length=100_000)


class EndIn(Input):
    """Why a grant is declined or revoked."""

    reason: PlainText = Field(max_length=100_000)


class PastOut(Output):
    """A past request. `refused`: people rejected or changed it, or requested changes."""

    id: str
    title: str
    at: Time
    state: RequestState
    who: str
    refused: bool


class RehearsalOut(Output):
    """What a grant would have approved. `complete` is false if only the newest requests were tested."""

    days: int
    considered: int
    complete: bool
    through: list[PastOut]
    refused: list[PastOut]


class SuggestionOut(Output):
    """A suggested grant, based on approvals of similar requests."""

    key: str
    title: str
    workflow: str
    node: str
    kind: str
    environment: str
    pattern: dict[str, JsonValue]
    words: list[str]
    max_risk: RiskLevel
    evidence: list[PastOut]


class GrantOut(Output):
    """A standing grant. `words` are its pattern in words."""

    id: str
    state: GrantState
    title: str
    workflow: str
    node: str
    kind: str
    environment: str
    max_risk: RiskLevel
    pattern: dict[str, JsonValue]
    words: list[str]
    max_uses: int
    uses: int
    uses_left: int
    expires_at: Time
    reason: str
    proposed_at: Time
    proposed_by_name: str
    approved_at: Time | None
    approved_by_name: str
    ended_at: Time | None
    ended_by_name: str
    end_reason: str


class GrantDetailOut(GrantOut):
    """A grant with its evidence and uses; while it can still be used, also what it would have approved."""

    evidence: list[PastOut]
    let_through: list[PastOut]
    rehearsal: RehearsalOut | None


class GrantList(Output):
    """Grants: proposed, active, then ended ones; for people who may propose grants, also suggestions."""

    items: list[GrantOut]
    suggestions: list[SuggestionOut] = Field(description="On the first page only")
    next_cursor: str | None


@table.add("GET", "/grants", GrantList, query=GrantQuery, scopes=READ)
def list_grants(call: ApiCall) -> Any:
    """List standing grants and suggestions."""
    grants = call.portal.services.grants
    page, cursor = page_of(grants.list(call.actor, most_ended=None), lambda view: view.grant.id, call.query)
    suggested = []
    if not call.query.cursor and call.actor.may(Action.PROPOSE_GRANT):
        suggested = list(grants.suggestions(call.actor))
    return {
        "items": [_document(view) for view in page], "next_cursor": cursor,
        "suggestions": [_suggestion(suggestion) for suggestion in suggested],
    }  # fmt: skip


@table.add("POST", "/grants", GrantDetailOut, body=GrantIn, status=201, scopes=WRITE)
def propose_grant(call: ApiCall) -> Any:
    """Propose a grant; a second person has to approve it."""
    given: GrantIn = call.body
    draft = GrantDraft(
        given.scope, read_pattern(given.pattern), Limits(given.max_risk, given.max_uses, given.days), given.title,
        given.evidence,
    )  # fmt: skip
    return _shown(call, call.portal.services.grants.propose(call.actor, draft, given.reason).id)


@table.add("POST", "/grants/rehearsal", RehearsalOut, body=RehearsalIn, scopes=READ)
def rehearse_grant(call: ApiCall) -> Any:
    """Test what a grant would have approved. Changes nothing."""
    given: RehearsalIn = call.body
    pattern = read_pattern(given.pattern)
    return _rehearsal(call.portal.services.grants.rehearse(call.actor, given.scope, pattern, given.max_risk))


@table.add("GET", "/grants/<uuid:id>", GrantDetailOut, scopes=READ)
def get_grant(call: ApiCall) -> Any:
    """Read a grant with its evidence and uses."""
    return _shown(call, call.id)


@table.add("POST", "/grants/<uuid:id>/approve", GrantDetailOut, body=Empty, scopes=WRITE)
def approve_grant(call: ApiCall) -> Any:
    """Approve a proposed grant, as the second person."""
    call.portal.services.grants.approve(call.actor, call.id)
    return _shown(call, call.id)


@table.add("POST", "/grants/<uuid:id>/decline", GrantDetailOut, body=EndIn, scopes=WRITE)
def decline_grant(call: ApiCall) -> Any:
    """Decline a proposed grant."""
    call.portal.services.grants.decline(call.actor, call.id, call.body.reason)
    return _shown(call, call.id)


@table.add("POST", "/grants/<uuid:id>/revoke", GrantDetailOut, body=EndIn, scopes=WRITE)
def revoke_grant(call: ApiCall) -> Any:
    """Revoke a grant immediately."""
    call.portal.services.grants.revoke(call.actor, call.id, call.body.reason)
    return _shown(call, call.id)


def _shown(call: ApiCall, grant_id: str) -> dict[str, Any]:
    detail: GrantDetail = call.portal.services.grants.view(grant_id, call.actor)
    return _document(detail.view) | {
        "evidence": detail.evidence,
        "let_through": detail.uses,
        "rehearsal": _rehearsal(detail.rehearsal) if detail.rehearsal else None,
    }


def _document(view: GrantView) -> dict[str, Any]:
    computed = {"state": view.state, "words": view.words, "uses_left": view.uses_left}
    names = GrantOut.model_fields.keys() - computed.keys()
    return {name: getattr(view.grant, name) for name in names} | computed


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return vars(suggestion.scope) | {
        "key": suggestion.key, "title": suggestion.title, "pattern": suggestion.pattern.to_json(),
        "words": suggestion.words, "max_risk": suggestion.max_risk, "evidence": suggestion.evidence,
    }  # fmt: skip


def _rehearsal(rehearsal: Rehearsal) -> dict[str, Any]:
    return vars(rehearsal) | {"refused": rehearsal.refused}
