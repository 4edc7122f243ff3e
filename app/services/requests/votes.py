"""The decisions on a request: as input for counting, and as the run and people read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.policy.fold import Vote
from app.store.base import among
from app.store.requests import Decision
from assent.contracts import Remark, Verdict


def decisions_on(session: Session, request_id: str) -> list[Decision]:
    """The request's decisions, oldest first, without withdrawn ones."""
    query = select(Decision).where(Decision.request_id == request_id, Decision.withdrawn_at.is_(None))
    query = query.order_by(Decision.at)
    return list(session.scalars(query))


def standing_decisions(session: Session, request_ids: Collection[str]) -> dict[str, list[Decision]]:
    """The decisions on each of these requests, as `decisions_on`; requests without any are left out."""
    found: dict[str, list[Decision]] = defaultdict(list)
    if request_ids:
        query = select(Decision).where(among(Decision.request_id, request_ids), Decision.withdrawn_at.is_(None))
        for decision in session.scalars(query.order_by(Decision.at)):
            found[decision.request_id].append(decision)
    return found


def vote(decision: Decision) -> Vote:
    """The decision as input for counting."""
    return Vote(
        decision.person_id, Verdict(decision.verdict), decision.digest, decision.stage or 0,
        decision.on_behalf_of_id or "", decision.made.ids,
    )  # fmt: skip


def remark(decision: Decision) -> Remark:
    """The comment of a decision."""
    verdict = Verdict(decision.verdict)
    return Remark(who=decider(decision), verdict=verdict, comment=decision.comment, at=decision.at)


def decider(decision: Decision) -> str:
    """Who decided, such as ``Reviewer (for DBA on call)``."""
    principal = f" (for {decision.on_behalf_of_name})" if decision.on_behalf_of_id else ""
    return f"{decision.person_name}{principal}"
