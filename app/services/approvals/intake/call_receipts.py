"""Receipts of the single calls of a batch, which are kept in the details of the request's receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.errors import InvalidInputError
from assent.contracts import CallDecision, ReceiptStatus

_MADE = frozenset({ReceiptStatus.APPLIED.value, ReceiptStatus.PARTLY_APPLIED.value})


def detail_with_calls(calls: Sequence[Mapping[str, Any]], detail: Any, payload: Any) -> dict[str, Any]:
    """The details of a receipt, with those of each call in ``calls``, and the agent's own ones in ``detail``.

    Args:
        calls: ``id``, ``status``, ``summary``, and ``detail`` of each.
        payload: the effective proposal.

    Raises:
        InvalidInputError: the proposal has no such call, it was not approved, or its status says nothing.
    """
    listed = payload.get("calls") if isinstance(payload, dict) and payload.get("kind") == "tool_calls" else None
    proposed = {str(call["id"]): call for call in listed or () if isinstance(call, dict) and "id" in call}
    named = Counter(call["id"] for call in calls)
    for index, call in enumerate(calls):
        problem = _problem(call, proposed.get(call["id"]), named[call["id"]])
        if problem:
            raise InvalidInputError("This receipt of a call is not valid.", {f"calls.{index}": problem})
    return {"calls": [dict(call) for call in calls]} | ({} if detail is None else {"detail": detail})


def calls_reported(detail: Any, payload: Any) -> list[dict[str, str]]:
    """The receipts of the single calls for people: `title`, `status`, and `summary` of each; empty: there are none."""
    found = detail.get("calls") if isinstance(detail, dict) else None
    listed = payload.get("calls") if isinstance(payload, dict) and payload.get("kind") == "tool_calls" else None
    if not isinstance(found, list) or not isinstance(listed, list):
        return []
    tools = {str(call.get("id")): str(call.get("tool") or "") for call in listed if isinstance(call, dict)}
    return [
        {"title": tools[str(call["id"])], "status": str(call.get("status")), "summary": str(call.get("summary") or "")}
        for call in found
        if isinstance(call, dict) and str(call.get("id")) in tools
    ]


def _problem(call: Mapping[str, Any], proposed: Mapping[str, Any] | None, times: int) -> str:
    if proposed is None:
        return "there is no such call"
    if times > 1:
        return "reported twice"
    if call["status"] == ReceiptStatus.DELIVERED.value:
        return "not what was done"
    approved = proposed.get("decision", CallDecision.APPROVE.value) == CallDecision.APPROVE.value
    return "this call was not approved" if call["status"] in _MADE and not approved else ""
