"""What a run uses of models: written before and after each call, and read before the next one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.domain.run_protocol import LostRunError
from app.domain.text import storable
from app.services.clock import Clock
from app.store.engine import Sessions
from assent.json_values import read_back
from assent.models.budget_questions import TITLE, answer_to
from assent.models.metering import Account, Kept, ModelUse

# A question that the run has refused to accept was asked again since.
_ACCOUNT = """
    select coalesce(sum(input_tokens + output_tokens), 0)::bigint as tokens, coalesce(sum(cost), 0)::text as dollars,
        (select content from model_answers where key = %(key)s and expires_at > %(now)s) as cached,
        (select json_agg(json_build_object('payload', request.payload, 'outcome', outcomes.body)
                order by outcomes.at, request.id)
            from approval_requests as request join outcomes on outcomes.request_id = request.id
            where request.run_id = %(run)s and request.kind = 'question' and request.title = %(title)s
                and not exists (
                    select from receipts where request_id = request.id and explicit and status = 'not_applied')
        ) as answers
    from model_uses where run_id = %(run)s"""
_BEGIN = """
    insert into model_uses (
        id, run_id, node, agent, task, tier, model, status, began_at, ms, input_tokens, output_tokens, cached_tokens,
        estimated, cost, prices, error)
    select %(id)s, id, %(node)s, %(agent)s, %(task)s, %(tier)s, %(model)s, %(status)s, %(began)s, %(ms)s, %(input)s,
        %(output)s, %(cached)s, %(estimated)s, %(cost)s::numeric, %(prices)s, %(error)s
    from runs where id = %(run)s and attempt = %(attempt)s and state = 'running' returning id"""
_END = """
    update model_uses set status = %(status)s, ms = %(ms)s, input_tokens = %(input)s, output_tokens = %(output)s,
        cached_tokens = %(cached)s, estimated = %(estimated)s, cost = %(cost)s::numeric, prices = %(prices)s,
        error = %(error)s
    where id = %(id)s returning id"""
_END_AND_KEEP = f"""
    with ended as ({_END}), kept as (
        insert into model_answers (key, task, model, content, expires_at)
        select %(key)s, %(task)s, %(model)s, %(content)s, %(expires)s from ended
        on conflict (key) do update set content = excluded.content, expires_at = excluded.expires_at returning key)
    select id from ended"""
_SWEEP = "delete from model_answers where expires_at <= %(now)s returning key"


class ModelCalls:
    """The calls of models that runs make, and the cache."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def account(self, run_id: str, key: str) -> Account:
        """Return what a run has used, what people have answered about its budget, and a cached answer.

        Args:
            key: of the cached answer; empty: there is none.
        """
        values = {"run": run_id, "key": key, "now": self._clock(), "title": TITLE}
        [row] = self._sessions.execute(_ACCOUNT, values)
        found = (
            answer_to(read_back(one["payload"]), _body(one["outcome"]).get("answer")) for one in row["answers"] or ()
        )
        answers = [answer for answer in found if answer is not None]
        return Account(row["tokens"], Decimal(row["dollars"]), answers, row["cached"])

    def begin(self, run_id: str, attempt: int, agent: str, use: ModelUse) -> None:
        """Store that a call begins. Raises LostRunError if another worker has taken over the run."""
        values = _values(use) | {"run": run_id, "attempt": attempt, "agent": storable(agent)}
        if not self._sessions.execute(_BEGIN, values):
            raise LostRunError("Another worker is running this run.", run_id=run_id)

    def end(self, use: ModelUse, kept: Kept | None = None) -> None:
        """Store what a call has cost, and its answer. That counts even if another worker has the run now."""
        if kept is None:
            self._sessions.execute(_END, _values(use))
            return
        answer = {"key": kept.key, "content": storable(kept.text), "expires": self._clock() + kept.lifetime}
        self._sessions.execute(_END_AND_KEEP, _values(use) | answer)

    def sweep(self) -> int:
        """Delete answers that have expired. Returns their number."""
        return len(self._sessions.execute(_SWEEP, {"now": self._clock()}))


def _body(stored: Any) -> dict[str, Any]:
    found = read_back(stored) if isinstance(stored, str) else stored
    return found if isinstance(found, dict) else {}


def _values(use: ModelUse) -> dict[str, Any]:
    return {
        "id": use.use_id, "node": storable(use.node), "task": use.task, "tier": use.tier, "model": storable(use.model),
        "status": use.status.value, "began": use.began, "ms": round(use.seconds * 1000), "input": use.input_tokens,
        "output": use.output_tokens, "cached": use.cached_tokens, "estimated": use.estimated,
        "cost": None if use.cost is None else str(use.cost), "prices": use.prices, "error": storable(use.error),
    }  # fmt: skip
