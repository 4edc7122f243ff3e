"""Several requests decided in one act: each is checked by itself, and each has its own entry in the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from app.domain.ballot import Ballot
from app.domain.errors import AssentError, InvalidInputError, StaleDigestError
from app.domain.people import Action, Actor
from app.domain.similarity import telling
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Verdict

if TYPE_CHECKING:
    from app.services.approvals.manager import CheckpointManager

MOST = 50
SHOWN = 1_500
"""Characters of what each would do, where many are shown."""
log = structlog.get_logger(__name__)
VERDICTS = (Verdict.APPROVE, Verdict.REJECT)


@dataclass(frozen=True)
class Marked:
    """A request, and the digest of what was seen of it."""

    request_id: str
    digest: str


@dataclass(frozen=True)
class Done:
    """What became of one of them.

    Attributes:
        words: the result, or why it was refused.
        error: why it was refused; None if it was decided.
    """

    request_id: str
    title: str
    words: str
    error: AssentError | None = None


class Together:
    """Decides on a marked subset."""

    def __init__(self, sessions: Sessions, checkpoints: CheckpointManager) -> None:
        self._sessions = sessions
        self._checkpoints = checkpoints

    def decide(self, actor: Actor, marked: Sequence[Marked], verdict: Verdict, comment: str = "") -> list[Done]:
        """Decide on each, one after the other; what is refused for one leaves the others alone.

        Raises:
            ForbiddenError: the actor may not decide at all.
            InvalidInputError: none, too many, or a verdict that needs a look at each.
        """
        actor.require(Action.DECIDE)
        if verdict not in VERDICTS:
            raise InvalidInputError("Requests can only be approved or rejected together.", {"verdict": "not possible"})
        unique = list({each.request_id: each for each in marked}.values())
        if not unique:
            raise InvalidInputError("Select at least one request.", {"request": "none marked"})
        if len(unique) > MOST:
            raise InvalidInputError(f"At most {MOST} requests can be decided together.", {"request": "too many"})
        known = self._known([each.request_id for each in unique])
        return [self._one(actor, each, verdict, comment, *known.get(each.request_id, ("", ""))) for each in unique]

    def texts(self, ids: Sequence[str]) -> dict[str, str]:
        """What each would do, for a page on which all of them are looked at; long texts are cut."""
        query = select(ApprovalRequest.id, ApprovalRequest.payload).where(ApprovalRequest.id.in_(ids))
        with self._sessions.reads() as session:
            told = {each.id: telling(each.payload) for each in session.execute(query)}
        return {name: text if len(text) <= SHOWN else f"{text[:SHOWN]}…" for name, text in told.items()}

    def _known(self, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        query = select(ApprovalRequest.id, ApprovalRequest.title, ApprovalRequest.risk).where(
            ApprovalRequest.id.in_(ids)
        )
        with self._sessions.reads() as session:
            return {each.id: (each.title, each.risk) for each in session.execute(query)}

    def _one(self, actor: Actor, each: Marked, verdict: Verdict, comment: str, title: str, risk: str) -> Done:
        try:
            if verdict is Verdict.APPROVE and risk == RiskLevel.CRITICAL.value:
                why = "Critical risk can only be approved on the request page."
                raise InvalidInputError(why, {"verdict": "not possible"})
            result = self._checkpoints.decide(each.request_id, actor, Ballot(verdict, each.digest, comment=comment))
        except StaleDigestError as error:
            return Done(each.request_id, title, "The proposal has changed, so nothing was decided.", error)
        except AssentError as error:
            return Done(each.request_id, title, error.message, error)
        except Exception:
            # The others are still decided, and told about: what was done already must not be lost with an error page.
            log.exception("together.failed", request=each.request_id)
            words = "Something went wrong. Open the request to see whether your decision was counted."
            return Done(each.request_id, title, words, AssentError(words))
        return Done(each.request_id, title, result.words)
