"""Bulk decisions: each request is checked separately and has its own audit entry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from app.domain.ballot import Ballot
from app.domain.errors import AssentError, InvalidInputError, StaleDigestError
from app.domain.people import Action, Actor
from app.domain.risk import Assessment
from app.domain.similarity import not_shown
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Verdict

if TYPE_CHECKING:
    from app.services.approvals.manager import CheckpointManager

MOST = 50
log = structlog.get_logger(__name__)
VERDICTS = (Verdict.APPROVE, Verdict.REJECT)
CONFIRMED_RISKS = (RiskLevel.HIGH, RiskLevel.CRITICAL)
"""Requests of these risks are approved together with others only if their effect was confirmed."""

_UNSURE = "High and critical risk must be confirmed, or approved on the request page."


@dataclass(frozen=True)
class SelectedRequest:
    """A selected request, and the digest of the payload that the approver saw."""

    request_id: str
    digest: str


@dataclass(frozen=True)
class BulkResult:
    """The result of one decision.

    Attributes:
        words: what happened, or why the decision was refused.
        error: why the decision was refused; None if it was recorded.
    """

    request_id: str
    title: str
    words: str
    error: AssentError | None = None


class BulkDecisions:
    """Decides on several selected requests at once."""

    def __init__(self, sessions: Sessions, checkpoints: CheckpointManager) -> None:
        self._sessions = sessions
        self._checkpoints = checkpoints

    def decide(
        self,
        actor: Actor,
        marked: Sequence[SelectedRequest],
        verdict: Verdict,
        comment: str = "",
        confirmed: Collection[str] = (),
    ) -> list[BulkResult]:
        """Decide on the requests one after the other. A refusal of one does not affect the others.

        Args:
            confirmed: ids of requests of high or critical risk whose effect the person has confirmed.

        Raises:
            ForbiddenError: the actor may not decide at all.
            InvalidInputError: no requests, too many, or a verdict that requires opening each request.
        """
        actor.require(Action.DECIDE)
        if verdict not in VERDICTS:
            raise InvalidInputError("Requests can only be approved or rejected together.", {"verdict": "not possible"})
        unique = list({mark.request_id: mark for mark in marked}.values())
        if not unique:
            raise InvalidInputError("Select at least one request.", {"request": "none selected"})
        if len(unique) > MOST:
            raise InvalidInputError(f"You can decide at most {MOST} requests at once.", {"request": "too many"})
        ids = [mark.request_id for mark in unique]
        known = self._known(ids)
        hidden = self._not_shown(ids) if verdict is Verdict.APPROVE else {}
        results = []
        for mark in unique:
            title, risk = known.get(mark.request_id, ("", ""))
            sure = verdict is not Verdict.APPROVE or risk not in CONFIRMED_RISKS or mark.request_id in confirmed
            why_not = hidden.get(mark.request_id, "") or ("" if sure else _UNSURE)
            results.append(self._one(actor, mark, verdict, comment, title, why_not))
        return results

    def unconfirmed(self, actor: Actor, ids: Sequence[str], confirmed: Collection[str]) -> list[str]:
        """Those of these requests that approving them together still needs a confirmation for, in their order."""
        actor.require(Action.DECIDE)
        known = self._known(ids[:MOST])
        return [name for name in ids if name not in confirmed and known.get(name, ("", ""))[1] in CONFIRMED_RISKS]

    def _known(self, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        query = select(ApprovalRequest.id, ApprovalRequest.title, ApprovalRequest.risk).where(
            ApprovalRequest.id.in_(ids)
        )
        with self._sessions.reads() as session:
            return {row.id: (row.title, row.risk) for row in session.execute(query)}

    def _not_shown(self, ids: Sequence[str]) -> dict[str, str]:
        """Why the table did not show all of a request; empty if it did. Checked here, because a page can be forged."""
        row = ApprovalRequest
        query = select(row.id, row.payload, row.assessment).where(row.id.in_(ids))
        with self._sessions.reads() as session:
            return {
                found.id: not_shown(found.payload, len(Assessment.from_json(found.assessment).findings))
                for found in session.execute(query)
            }

    def _one(
        self, actor: Actor, mark: SelectedRequest, verdict: Verdict, comment: str, title: str, why_not: str
    ) -> BulkResult:
        try:
            if why_not:
                raise InvalidInputError(why_not, {"verdict": "not confirmed" if why_not == _UNSURE else "not shown"})
            result = self._checkpoints.decide(mark.request_id, actor, Ballot(verdict, mark.digest, comment=comment))
        except StaleDigestError as error:
            return BulkResult(mark.request_id, title, "The proposal has changed, so nothing was decided.", error)
        except AssentError as error:
            return BulkResult(mark.request_id, title, error.message, error)
        except Exception:
            # The others are still decided and reported: an error page must not hide what has already been done.
            log.exception("together.failed", request=mark.request_id)
            words = "Something went wrong. Open the request to see whether your decision was counted."
            return BulkResult(mark.request_id, title, words, AssentError(words))
        return BulkResult(mark.request_id, title, result.words)
