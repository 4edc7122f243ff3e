"""What was done with each call of a batch, reported and shown call by call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.services.approvals.intake.call_receipts import calls_reported
from assent import CallReceipt, ReceiptStatus
from assent.reports import status_of_all
from tests.api.gates import CALLS, PROPOSALS, decide, opened, outcome
from tests.factories import Caller, Program

A, B = (call["id"] for call in CALLS["calls"])


def decided(agent: Program, call: Callable[[str], Caller]) -> str:
    """The id of a request with two calls; the second one was rejected."""
    request = opened(agent, CALLS)
    decide(call, request, "modify", change={"calls": [{"id": B, "decision": "reject", "message": "Not that one."}]})
    now = call("admin").get(f"/api/v1/approvals/{request['id']}").json
    if now["state"] == "pending":
        decide_again = {"verdict": "approve", "digest": now["digest"]}
        answer = call("admin").post(f"/api/v1/approvals/{request['id']}/decisions", decide_again)
        assert answer.status_code == 201, answer.json
    assert outcome(agent, request)["resolved"]
    return str(request["id"])


def report(agent: Program, request_id: str, calls: list[dict[str, Any]], **more: Any) -> Any:
    """Report them."""
    body = {"status": "partly_applied", "calls": calls} | more
    return agent.post(f"/api/v1/approvals/{request_id}/receipt", body)


def test_each_call_has_its_receipt(agent: Program, call: Callable[[str], Caller]) -> None:
    request_id = decided(agent, call)
    calls = [
        {"id": A, "status": "applied", "summary": "It went well.", "detail": {"rows": 3}},
        {"id": B, "status": "not_applied"},
    ]
    answer = report(agent, request_id, calls, detail={"seconds": 2})
    assert answer.status_code == 200, answer.json
    kept = agent.get(f"/api/v1/approvals/{request_id}").json["receipt"]["detail"]
    assert kept["calls"][0] == calls[0] and kept["calls"][1]["status"] == "not_applied"
    assert kept["detail"] == {"seconds": 2}
    page = call("admin").get(f"/requests/{request_id}").text
    assert "It went well." in page and f"<li>{CALLS['calls'][1]['tool']}: <b>" in page


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ([{"id": "nobody", "status": "applied"}], "there is no such call"),
        ([{"id": A, "status": "applied"}, {"id": A, "status": "failed"}], "reported twice"),
        ([{"id": A, "status": "delivered"}], "not what was done"),
        ([{"id": B, "status": "applied"}], "this call was not approved"),
    ],
)
def test_what_cannot_be_true_is_refused(
    agent: Program, call: Callable[[str], Caller], calls: list[dict[str, Any]], words: str
) -> None:
    answer = report(agent, decided(agent, call), calls)
    assert (answer.status_code, set(answer.json["fields"].values())) == (422, {words})


def test_other_proposals_have_no_calls(agent: Program, call: Callable[[str], Caller]) -> None:
    request = opened(agent, PROPOSALS[0])
    decide(call, request)
    outcome(agent, request)
    assert report(agent, request["id"], [{"id": A, "status": "applied"}]).status_code == 422


@pytest.mark.parametrize(
    ("detail", "payload"),
    [
        (None, CALLS), ({"calls": 3}, CALLS), ({"calls": [3, {"id": "x"}, {}]}, CALLS), ([], CALLS),
        ({"calls": []}, None), ({"calls": [{"id": A}]}, {"kind": "tool_calls", "calls": 3}),
    ],
)  # fmt: skip
def test_details_of_any_shape_are_shown(detail: Any, payload: Any) -> None:
    assert calls_reported(detail, payload) == []


@pytest.mark.parametrize(
    ("statuses", "all_together"),
    [
        ("applied applied", "applied"), ("applied failed", "partly_applied"), ("not_applied failed", "failed"),
        ("not_applied", "not_applied"), ("partly_applied not_applied", "partly_applied"),
    ],
)  # fmt: skip
def test_the_status_of_all(statuses: str, all_together: str) -> None:
    receipts = [CallReceipt(id=str(at), status=ReceiptStatus(one)) for at, one in enumerate(statuses.split())]
    assert status_of_all(receipt.status for receipt in receipts) == all_together
    for wrong in ([], [ReceiptStatus.DELIVERED]):
        with pytest.raises(ValueError, match="each call"):
            status_of_all(wrong)
