"""Deciding without JavaScript: what is sent is the difference, refusals keep what the person wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.ballot import Ballot
from app.domain.lifecycle import RequestState
from app.domain.people import Via
from app.services.bundle import Services
from app.store.people import Person
from app.store.requests import ApprovalRequest, Comment, Decision
from assent.contracts import RiskLevel, ToolCall, Verdict, proposal_adapter
from assent.digests import canonical
from tests.factories import make_request, make_run, optimizations, script
from tests.web.browsing import Browser
from tests.web.test_pages import ask

Browse = Callable[[str], Browser]


def now_of(services: Services, request: ApprovalRequest) -> ApprovalRequest:
    """The request as it is stored now."""
    with services.sessions() as session:
        return session.get_one(ApprovalRequest, request.id)


def decision_on(services: Services, request: ApprovalRequest) -> Decision:
    """The only decision on it."""
    with services.sessions() as session:
        return session.scalars(select(Decision).where(Decision.request_id == request.id)).one()


def open_page(browser: Browser, request: ApprovalRequest) -> Browser:
    """The browser, on the request's page."""
    browser.get(f"/requests/{request.id}")
    return browser


@pytest.mark.parametrize("kind", ["script", "optimizations", "tool_call", "plan", "custom"])
def test_what_is_not_changed_is_approved_as_it_stands(services: Services, reviewer: Browser, kind: str) -> None:
    request = ask(services, kind)
    open_page(reviewer, request).send(reviewer.form("decide"), reviewer.button("Approve"))
    after = now_of(services, request)
    assert (after.state, after.digest) == (RequestState.APPROVED.value, request.digest)
    assert decision_on(services, request).change is None
    assert "Approved. The run continues." in reviewer.follow().text


STRICT = {
    "type": "object",
    "properties": {
        "amount": {"type": "number"},
        "to": {"type": "string"},
        "dry": {"type": "boolean"},
        "cc": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["to", "dry", "cc"],
}


@pytest.mark.parametrize(
    "args",
    [
        {"amount": 5, "cc": ["x@y.example"], "dry": True, "to": "bob"},
        {"also": {"deep": [1.0, None]}, "amount": 5, "cc": [], "dry": False, "to": "bob"},
        {"amount": 5, "to": "bob"},
        {"amount": 5},
    ],
    ids=["required later", "beyond the schema", "required missing", "required text missing"],
)
def test_a_tool_call_that_fits_its_schema_badly_is_approved_as_it_stands(
    services: Services, reviewer: Browser, args: dict[str, Any]
) -> None:
    call = ToolCall(title="Refund", tool="refund", args=args, args_schema=STRICT)
    payload = json.loads(canonical(proposal_adapter.dump_python(call, mode="json")))
    request = make_request(services.sessions, payload=payload)
    open_page(reviewer, request).send(reviewer.form("decide"), reviewer.button("Approve"))
    after = now_of(services, request)
    assert (after.state, after.digest) == (RequestState.APPROVED.value, request.digest)
    assert decision_on(services, request).change is None


def test_an_edit_is_completed_to_what_the_schema_demands(services: Services, reviewer: Browser) -> None:
    """An empty box cannot say "missing", and without a value the schema would refuse every edit."""
    call = ToolCall(title="Refund", tool="refund", args={"amount": 5, "to": "bob"}, args_schema=STRICT)
    payload = proposal_adapter.dump_python(call, mode="json")
    request = make_request(services.sessions, payload=payload, risk=RiskLevel.HIGH)
    open_page(reviewer, request).send(reviewer.form("decide"), reviewer.button("Approve"), **{"args.amount": "4"})
    assert decision_on(services, request).change == {"args": {"amount": 4, "to": "bob", "dry": False, "cc": []}}


def test_odd_texts_are_not_changed_by_being_shown(services: Services, reviewer: Browser) -> None:
    odd = "\n\n  select 1;\r\nselect '\u202e'\t;\r\n\x0b\r\r\n\n"
    request = make_request(services.sessions, payload=script(odd))
    open_page(reviewer, request).send(reviewer.form("decide"), reviewer.button("Approve"))
    assert decision_on(services, request).verdict == Verdict.APPROVE.value


def test_a_part_with_a_change_is_approved_with_changes(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=optimizations(3))
    statement = "create index concurrently i_b on t (b) include (c)"
    open_page(reviewer, request).send(
        reviewer.form("decide"), reviewer.button("Approve"), item=["b", "c"], **{"statement.b": statement}
    )
    after = now_of(services, request)
    assert after.state == RequestState.MODIFIED.value
    assert [(item["id"], item["statement"]) for item in after.payload["items"]] == [
        ("b", statement), ("c", "create index concurrently i_c on t (c)"),
    ]  # fmt: skip
    assert decision_on(services, request).change == {"items": [{"id": "b", "statement": statement}, {"id": "c"}]}
    assert "Changes by reviewers" in reviewer.follow().text


def test_an_edited_script_keeps_its_line_ends(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=script("one\r\ntwo\r\n"), risk=RiskLevel.HIGH)
    open_page(reviewer, request).send(reviewer.form("decide"), reviewer.button("Approve"), content="one\r\nthree\r\n")
    assert now_of(services, request).payload["content"] == "one\r\nthree\r\n"


def test_arguments_are_edited_as_a_form(services: Services, reviewer: Browser) -> None:
    request = ask(services, "tool_call")
    open_page(reviewer, request).send(
        reviewer.form("decide"), reviewer.button("Approve"), **{"args.to": '["x@y.example"]', "args.n": "2"}
    )
    assert now_of(services, request).payload["args"] == {"to": ["x@y.example"], "n": 2}


def test_an_answer_is_checked_and_sent(services: Services, reviewer: Browser) -> None:
    request = ask(services, "question")
    open_page(reviewer, request).send(reviewer.form("decide"), reviewer.button("Send the answer"), 422)
    assert "This field is required." in reviewer.page.text
    reviewer.send(reviewer.form("decide"), reviewer.button("Send the answer"), **{"answer.replica": '"two"'})
    assert decision_on(services, request).answer == {"replica": "two"}
    assert "two" in reviewer.follow().one(id="proposal").text


def test_a_question_without_a_schema_is_answered_in_words(services: Services, reviewer: Browser) -> None:
    request = ask(services, "value")
    open_page(reviewer, request).send(reviewer.form("decide"), reviewer.button("Send the answer"), answer="One\r\nword")
    assert decision_on(services, request).answer == "One\nword"


def test_a_failed_step_is_retried(services: Services, reviewer: Browser) -> None:
    request = ask(services, "error")
    open_page(reviewer, request).send(
        reviewer.form("decide"), reviewer.button("Submit"), **{"answer.action": '"retry"'}
    )
    assert decision_on(services, request).answer == {"action": "retry"}


def test_rejecting_needs_a_reason_and_keeps_the_edit(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=script("select 1"))
    open_page(reviewer, request).send(
        reviewer.form("decide"), reviewer.button("Reject"), 422, content="select 2", comment=""
    )
    field = reviewer.page.one("textarea", name="comment")
    assert field.attributes["aria-invalid"] == "true"
    assert reviewer.page.one("textarea", name="content").text == "select 2"
    reviewer.send(reviewer.form("decide"), reviewer.button("Reject"), comment="Too risky.")
    assert now_of(services, request).state == RequestState.REJECTED.value


def test_changes_are_asked_for(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=script("select 1"))
    open_page(reviewer, request).send(
        reviewer.form("decide"), reviewer.button("Request changes"), comment="Add a limit."
    )
    assert now_of(services, request).state == RequestState.CHANGES_REQUESTED.value


def test_an_edit_is_checked_before_it_is_sent(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=script("select 1"), risk=RiskLevel.LOW)
    open_page(reviewer, request).send(
        reviewer.form("decide"), reviewer.button("Check this edit"), 200, content="drop table orders", comment="Hm."
    )
    page = reviewer.page
    assert "Not sent yet: your changes raise the risk from low to" in page.text
    assert "+ drop table orders" in page.text
    assert page.one("textarea", name="comment").text == "Hm."
    assert now_of(services, request).state == "pending"


def test_two_have_to_agree(services: Services, browse: Browse) -> None:
    request = make_request(services.sessions, payload=script("select 1"), risk=RiskLevel.CRITICAL)
    first, second = browse("reviewer"), browse("other")
    open_page(first, request).send(first.form("decide"), first.button("Approve, as 1 of 2"))
    assert "1 of 2. Another person is needed." in first.follow().text
    assert "You have decided; another person must decide as well." in first.page.text
    open_page(second, request).send(second.form("decide"), second.button("Approve and run the script"))
    assert now_of(services, request).state == RequestState.APPROVED.value


@pytest.mark.parametrize(
    ("more", "button", "place"),
    [
        ({}, "Approve and run the script", "runs on every laptop"),
        ({"effect": "deliver"}, "Approve and deliver the script", "for every laptop"),
    ],
    ids=["run", "deliver"],
)
def test_the_button_says_what_the_agent_does_with_the_script(
    services: Services, reviewer: Browser, more: dict[str, Any], button: str, place: str
) -> None:
    request = make_request(services.sessions, payload=script("select 1") | {"target": "every laptop"} | more)
    open_page(reviewer, request)
    assert reviewer.button("Approve").text == button
    assert place in reviewer.page.text


def test_the_one_who_started_the_run_is_told_why_not(services: Services, reviewer: Browser) -> None:
    run = make_run(services.sessions, reviewer.person)
    request = make_request(services.sessions, run)
    open_page(reviewer, request)
    assert "You started this run, so somebody else must decide." in reviewer.page.text
    assert not reviewer.page.all("form", id="decide")


# Refusals


def late(services: Services, people: dict[str, Person], request: ApprovalRequest) -> None:
    """Somebody else is faster."""
    actor = people["other"].as_actor(Via.PAGE)
    services.checkpoints.decide(request.id, actor, Ballot(Verdict.REJECT, request.digest, comment="Not today."))


def test_somebody_who_is_late_is_told_and_keeps_what_they_wrote(services: Services, reviewer: Browser, people) -> None:
    request = make_request(services.sessions, payload=script("select 1"))
    open_page(reviewer, request)
    late(services, people, request)
    reviewer.send(
        reviewer.form("decide"), reviewer.button("Approve"), 409, content="select 2", comment="A long thought."
    )
    assert "Your decision was not counted." in reviewer.page.one("div", role="alert").text
    assert "The other reviewer decided: rejected." in reviewer.page.text
    assert "A long thought." in reviewer.page.text and "+ select 2" in reviewer.page.text
    assert decision_on(services, request).person_name == "The other reviewer"


def test_another_payload_than_the_one_seen_is_not_approved(services: Services, browse: Browse, people) -> None:
    request = make_request(services.sessions, payload=optimizations(3), risk=RiskLevel.CRITICAL)
    first = open_page(browse("reviewer"), request)
    actor = people["other"].as_actor(Via.PAGE)
    ballot = Ballot(Verdict.MODIFY, request.digest, change={"items": [{"id": "a"}]})
    services.checkpoints.decide(request.id, actor, ballot)
    first.send(first.form("decide"), first.button("Approve"), 409)
    assert "The proposal has changed since you opened it." in first.page.text
    assert decision_on(services, request).person_name == "The other reviewer"
    assert first.page.one("input", name="digest").attributes["value"] == now_of(services, request).digest


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"verdict": "approve", "item": None}, 422, "Choose at least one item"),
        ({"verdict": "approve", "item": ["zzz"]}, 422, "There is no item"),
        ({"verdict": "approve", "statement.a": " "}, 422, "Enter text here."),
        ({"verdict": "approve", "statement.a": "select \x01"}, 422, "control characters"),
        ({"verdict": "approve", "statement.a": "select \x00"}, 422, "control characters"),
        ({"verdict": "approve", "statement.a": "x" * 1_000_001}, 422, "are allowed"),
        ({"verdict": "reject", "comment": "x\x00"}, 422, "control characters"),
        ({"verdict": "reject", "comment": "x" * 20_001}, 413, "at most 20,000 characters"),
        ({"verdict": "nonsense"}, 422, "Choose a decision."),
        ({"verdict": ""}, 422, "Choose a decision."),
        ({"verdict": "answer"}, 422, "waits for"),
        ({"verdict": "approve", "digest": "0" * 64}, 409, "has changed since you opened it"),
        ({"verdict": "approve", "digest": None}, 409, "has changed since you opened it"),
        ({"verdict": "approve", "digest": "\x00"}, 409, "has changed since you opened it"),
        ({"verdict": "approve", "csrf_token": "forged"}, 400, "The form has expired"),
        ({"verdict": "approve", "statement.a": "x" * 2_500_000}, 413, "Too large"),
    ],
)
def test_what_cannot_be_used_is_refused_with_words(
    services: Services, reviewer: Browser, sent: dict, status: int, words: str
) -> None:
    request = make_request(services.sessions, payload=optimizations(2))
    open_page(reviewer, request).send(reviewer.form("decide"), status=status, **sent)
    assert words in reviewer.page.text
    assert now_of(services, request).state == "pending"
    if status != 400 and len(str(sent)) < 1_500_000:
        assert reviewer.page.one("h1").text == request.title
        assert reviewer.page.one("div", role="alert")


def test_a_complaint_stands_at_its_field(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=optimizations(2))
    open_page(reviewer, request).send(
        reviewer.form("decide"), reviewer.button("Approve"), 422, **{"statement.a": " ", "comment": "Mine."}
    )
    field = reviewer.page.one("textarea", name="statement.a")
    assert field.attributes["aria-invalid"] == "true"
    link = reviewer.page.one("div", role="alert").one("a")
    assert link.attributes["href"] == f"#{field.attributes['id']}"
    assert reviewer.page.one("textarea", name="comment").text == "Mine."


def test_after_the_deadline_nothing_counts(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, expires_in=timedelta(seconds=-1))
    open_page(reviewer, request)
    assert "The deadline has passed." in reviewer.page.text
    fields = {"verdict": "approve", "digest": request.digest}
    form = reviewer.get("/queue").one("form", action="/sign-out")
    token = form.one("input", name="csrf_token").attributes["value"]
    response = reviewer.caller.client.post(f"/requests/{request.id}/decisions", data=fields | {"csrf_token": token})
    assert response.status_code == 409
    assert "The deadline has passed." in response.text


@pytest.mark.parametrize("role", ["viewer", "auditor"])
@pytest.mark.parametrize("act", ["decisions", "comments", "escalations", "cancel", "preview"])
def test_who_may_not_act_is_told_on_the_page(services: Services, browse: Browse, role: str, act: str) -> None:
    request = make_request(services.sessions)
    browser = open_page(browse(role), request)
    token = browser.page.one("form", action="/sign-out").one("input", name="csrf_token").attributes["value"]
    data = {
        "csrf_token": token,
        "verdict": "approve",
        "digest": request.digest,
        "body": "b",
        "reason": "r",
        "content": "x",
    }
    response = browser.caller.client.post(f"/requests/{request.id}/{act}", data=data)
    assert response.status_code == 403
    assert "may not do this" in response.text
    assert now_of(services, request).state == "pending"


def test_comments_escalations_and_withdrawal(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions)
    path = f"/requests/{request.id}"
    open_page(reviewer, request).send(reviewer.page.one("form", id="comment-form"), body="One\r\ntwo <b>")
    assert "“One two <b>”" in reviewer.follow().text
    with services.sessions() as session:
        assert session.scalars(select(Comment.body).where(Comment.request_id == request.id)).one() == "One\ntwo <b>"
    reviewer.send(reviewer.page.one("form", action=f"{path}/escalations"), reason="Urgent")
    assert "raised 1 time by escalation" in reviewer.follow().text
    reviewer.send(reviewer.page.one("form", id="comment-form"), status=422, body=" ")
    reviewer.send(reviewer.page.one("form", action=f"{path}/cancel"), reason="Not needed")
    assert now_of(services, request).state == RequestState.CANCELLED.value
    assert "Not needed" in reviewer.follow().text


def test_enter_in_a_field_decides_nothing(services: Services, reviewer: Browser) -> None:
    """A browser presses the form's first submit button then; it has to be one that decides nothing."""
    for kind in ("question", "error", "value"):
        request = ask(services, kind)
        open_page(reviewer, request)
        first = next(
            button
            for button in reviewer.page.all("button")
            if button.attributes.get("form") == "decide" or button in reviewer.form("decide").all("button")
        )
        assert "disabled" in first.attributes


# What it is compared with


def test_each_revision_is_compared_with_the_one_before(services: Services, reviewer: Browser) -> None:
    ids = [""]
    for number, text in enumerate(("select 1", "select 1\nlimit 2", "select 1\nlimit 3", "select 1\nlimit 3"), 1):
        request = make_request(
            services.sessions, payload=script(text), revision=number, previous_id=ids[-1] or None,
            state=RequestState.CHANGES_REQUESTED if number < 4 else RequestState.PENDING,
        )  # fmt: skip
        ids.append(str(request.id))
    diffs = {}
    for number in (1, 2, 3):
        page = reviewer.get(f"/requests/{ids[number]}")
        diffs[number] = [fold.text for fold in page.all("details", id="since-previous")]
    assert diffs[1] == []
    assert "Changes since revision 1" in diffs[2][0] and "+ limit 2" in diffs[2][0]
    assert "− limit 2" in diffs[3][0] and "+ limit 3" in diffs[3][0]
    assert "Same effect as revision 3." in reviewer.get(f"/requests/{ids[4]}").text


def test_what_the_agent_proposed_stays_to_be_read(services: Services, browse: Browse, people) -> None:
    request = make_request(services.sessions, payload=optimizations(3), risk=RiskLevel.CRITICAL)
    actor = people["other"].as_actor(Via.PAGE)
    ballot = Ballot(Verdict.MODIFY, request.digest, change={"items": [{"id": "a"}]})
    services.checkpoints.decide(request.id, actor, ballot)
    page = browse("viewer").get(f"/requests/{request.id}")
    assert "create index concurrently i_c" in page.one("details", id="as-proposed").text
    assert "− create index concurrently i_c" in page.one("details", id="since-proposed").text
