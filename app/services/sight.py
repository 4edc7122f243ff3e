"""Which requests and runs somebody sees, and which are their own. People see all; an agent's token only so far.

What an agent may not see does not exist for it: 404, in no list, and counted nowhere.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, literal
from sqlalchemy.orm import InstrumentedAttribute

from app.domain.people import Actor, Sight
from app.store.requests import ApprovalRequest
from app.store.runs import Run


def is_requester(request: ApprovalRequest, actor: Actor) -> bool:
    """True if the request is the actor's own: of a person's account, or of the same agent of the same account."""
    return _is_own(actor, request.requester_id, request.opened_by_agent)


def is_starter(run: Run, actor: Actor) -> bool:
    """True if the run is the actor's own, as `is_requester` says of requests."""
    return _is_own(actor, run.started_by_id, run.started_by_agent)


def sees_request(request: ApprovalRequest, actor: Actor) -> bool:
    """True if the request exists for the actor."""
    return _sees(actor, request.requester_id, request.opened_by_agent)


def sees_run(run: Run, actor: Actor) -> bool:
    """True if the run exists for the actor."""
    return _sees(actor, run.started_by_id, run.started_by_agent)


def seen_requests(actor: Actor) -> ColumnElement[bool] | None:
    """`sees_request` as a condition for queries; None: everything."""
    return _seen(actor, ApprovalRequest.requester_id, ApprovalRequest.opened_by_agent)


def seen_runs(actor: Actor) -> ColumnElement[bool] | None:
    """`sees_run` as a condition for queries; None: everything."""
    return _seen(actor, Run.started_by_id, Run.started_by_agent)


def _is_own(actor: Actor, account: str | None, agent: str) -> bool:
    if not actor.id or actor.id != account:
        return False
    return actor.kind != "agent" or actor.name == agent


def _sees(actor: Actor, account: str | None, agent: str) -> bool:
    if actor.sees_everything:
        return True
    return _is_own(actor, account, agent) or (actor.sight is Sight.ACCOUNT and bool(actor.id) and actor.id == account)


def _seen(
    actor: Actor, account: InstrumentedAttribute[str | None], agent: InstrumentedAttribute[str]
) -> ColumnElement[bool] | None:
    if actor.sees_everything:
        return None
    if not actor.id:
        return false()
    of_account = account == literal(actor.id)
    # The second condition is that of the index on what agents opened.
    return of_account if actor.sight is Sight.ACCOUNT else and_(of_account, agent == literal(actor.name), agent != "")
