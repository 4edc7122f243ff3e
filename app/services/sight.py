"""Which requests and runs an actor may see, and which are the actor's own. People see all; agents' tokens are limited.

What an agent may not see does not exist for it: it gets 404, and it is in no list and no count.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, literal
from sqlalchemy.orm import InstrumentedAttribute

from app.domain.people import Actor, Sight
from app.store.requests import ApprovalRequest
from app.store.runs import Run


def is_requester(request: ApprovalRequest, actor: Actor) -> bool:
    """True if the request is the actor's own: made by a person's account, or by the same agent of the same account."""
    return _is_own(actor, request.requester_id, request.opened_by_agent)


def is_starter(run: Run, actor: Actor) -> bool:
    """True if the run is the actor's own, by the rules of `is_requester`."""
    return _is_own(actor, run.started_by_id, run.started_by_agent)


def sees_request(request: ApprovalRequest, actor: Actor) -> bool:
    """True if the actor may see the request."""
    return _sees(actor, request.requester_id, request.opened_by_agent)


def sees_run(run: Run, actor: Actor) -> bool:
    """True if the actor may see the run."""
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
