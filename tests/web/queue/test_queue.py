"""The queue without JavaScript: filters, counts, kept views, what is alike, and deciding on several together."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from sqlalchemy import select

from app.domain.policy.terms import default_terms
from app.domain.risk import Finding, assess
from app.risk.assess import assess_proposal
from app.services.bundle import Services
from app.store.people import Person
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_request, make_run, question, script, tool_call
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]


@pytest.fixture
def flow(services: Services) -> str:
    """A workflow of this test's own, so that its requests are alone under that filter."""
    return f"flow_{secrets.token_hex(4)}"


def asked(services: Services, flow: str, content: str = "select 1", **values: object) -> ApprovalRequest:
    """A pending request of that workflow."""
    payload = script() | {"content": content, "title": content[:60]}
    run = make_run(services.sessions)
    return make_request(services.sessions, run, payload, workflow=flow, **values)  # type: ignore[arg-type]


def titles(browser: Browser) -> list[str]:
    """What the list shows, from the top."""
    return [row.one("bdi").text for row in browser.page.all("div") if "row" in row.attributes.get("class", "").split()]


def chip(browser: Browser, words: str) -> str:
    """What a chip says."""
    [found] = [link.text for link in browser.page.all("a", class_="chip") if link.text.startswith(words)]
    return found


def test_a_page_goes_on_where_the_last_one_ended(services: Services, browse: Browse, flow: str) -> None:
    made = [asked(services, flow, f"select {number}") for number in range(60)]
    reviewer = browse("reviewer")
    reviewer.get(f"/queue?workflow={flow}")
    first = titles(reviewer)
    reviewer.get(reviewer.page.one(id="queue-next").attributes["href"])
    assert len(first) == 50 and len(titles(reviewer)) == 10
    assert sorted([*first, *titles(reviewer)]) == sorted(request.title for request in made)


@pytest.mark.parametrize(("content", "clear"), [("./deploy.sh", False), ("ls docs", True)])
def test_a_row_says_what_was_not_understood(
    services: Services, browse: Browse, flow: str, content: str, clear: bool
) -> None:
    payload = script(content, "Deploy") | {"language": "shell"}
    request = make_request(
        services.sessions, payload=payload, workflow=flow, assessment=assess_proposal(payload).to_json()
    )
    reviewer = browse("reviewer")
    row = reviewer.get(f"/queue?workflow={flow}").one("div", id=f"row-{request.id}")
    assert ("Not understood" in row.text) == (not clear)
    marked = reviewer.get(f"/queue/marked?request={request.id}")
    assert ("not understood" in marked.one("tbody").text) == (not clear)


def test_a_question_is_never_marked_as_not_understood(services: Services, browse: Browse, flow: str) -> None:
    payload = question()
    make_request(services.sessions, payload=payload, workflow=flow, assessment=assess_proposal(payload).to_json())
    assert "not understood" not in browse("reviewer").get(f"/queue?workflow={flow}").one(id="queue-rows").text.lower()


def test_single_rows_are_fetched_as_they_are_now(services: Services, browse: Browse, flow: str) -> None:
    one, other = asked(services, flow), asked(services, flow, "select 2", risk=RiskLevel.HIGH)
    reviewer = browse("reviewer")
    reviewer.get(f"/queue?workflow={flow}&risk=high&row={one.id}&row={other.id}&row=nobody")
    assert titles(reviewer) == ["select 2"], "what has left the list under this filter is not in the answer"
    reviewer.get("/queue?" + "&".join(f"row={number}" for number in range(101)), status=422)


def test_chips_count_as_far_as_it_is_cheap(services: Services, browse: Browse, flow: str) -> None:
    reviewer = browse("reviewer")
    reviewer.get("/queue")
    before = chip(reviewer, "Critical")
    for _ in range(3):
        asked(services, flow, risk=RiskLevel.CRITICAL)
    reviewer.get("/queue")
    number = before.removeprefix("Critical").strip() or "0"
    assert chip(reviewer, "Critical") == f"Critical {int(number) + 3}"


def test_decided_requests_are_on_a_page_of_their_own(browse: Browse, flow: str) -> None:
    """The chip and older bookmarks lead there, with the filters that both pages have."""
    reviewer = browse("reviewer")
    query = f"risk=high&urgency=low&workflow={flow}&text=x&mine=1&group=1"
    there = f"/decided?risk=high&workflow={flow}&text=x"
    assert reviewer.get(f"/queue?{query}").one("a", class_="chip", href=there).text == "Decided"
    reviewer.get(f"/queue?{query}&resolved=1", 303)
    assert reviewer.response is not None and reviewer.response.headers["Location"] == there
    reviewer.follow()


def test_a_view_is_kept_renamed_and_deleted(services: Services, browse: Browse, flow: str) -> None:
    asked(services, flow)
    reviewer = browse("reviewer")
    reviewer.get(f"/queue?workflow={flow}&group=1")
    reviewer.send(reviewer.form("queue-keep"), name="My flow")
    reviewer.follow()
    assert chip(reviewer, "My flow") == "My flow 1"
    assert reviewer.page.one("a", aria_current="true").text == "My flow 1"
    view = reviewer.page.one(id="queue-view")
    reviewer.send(view.all("form")[0], name="  Ours  ")
    reviewer.follow()
    assert chip(reviewer, "Ours") == "Ours 1"
    other = browse("other")
    other.get("/queue")
    assert not [link for link in other.page.all("a", class_="chip") if "Ours" in link.text], "views are one's own"
    reviewer.send(reviewer.page.one(id="queue-view").all("form")[1])
    reviewer.follow()
    assert not [link for link in reviewer.page.all("a", class_="chip") if "Ours" in link.text]


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\x00b"])
def test_a_view_needs_a_usable_name(services: Services, browse: Browse, flow: str, name: str) -> None:
    reviewer = browse("reviewer")
    reviewer.get("/queue?risk=high")
    reviewer.send(reviewer.page.one("form", id="queue-keep"), status=422, name=name)
    reviewer.get("/queue?risk=high")
    assert not [link for link in reviewer.page.all("a", class_="chip") if "x" * 9 in link.text]


def test_what_is_alike_stands_together_with_the_odd_one_flagged(services: Services, browse: Browse, flow: str) -> None:
    for number in range(4):
        asked(services, flow, f"delete from sessions where user_id = {number} and age > 90", risk=RiskLevel.LOW)
    asked(services, flow, "delete from logins where user_id = 1 and age > 90", risk=RiskLevel.HIGH, node="elsewhere")
    asked(services, flow, "delete from sessions")
    asked(services, flow, "select 1")
    reviewer = browse("reviewer")
    reviewer.get(f"/queue?workflow={flow}&group=1")
    [group] = [element for element in reviewer.page.all("div") if element.attributes.get("class") == "group"]
    assert "5 similar requests, different risks: 1 high, 4 low" in group.text
    assert "delete from … where user_id = … and age > 90" in group.text
    differs = sorted(element.text for element in group.all("div", class_="differs"))
    assert differs == ["logins, 1", *(f"sessions, {number}" for number in range(4))]
    [odd] = group.all("div", class_="odd")
    assert odd.text == "Differs: high risk, most others low"
    assert len(titles(reviewer)) == 7


def test_a_group_is_decided_in_a_table_that_shows_all_differences(
    services: Services, browse: Browse, flow: str
) -> None:
    made = [refund(services, flow, number, 40 + number) for number in range(2)]
    made.append(refund(services, "elsewhere", 2, 900, risk=RiskLevel.HIGH))
    reviewer = browse("reviewer")
    reviewer.get(f"/requests/{made[0].id}")
    facts = reviewer.page.one("aside", id="facts").text
    assert "Similar pending requests" in facts and "high risk, this one medium" in facts.lower()
    reviewer.get(link(reviewer, "Approve these 3"))
    assert reviewer.page.one("h1").text == "Decide on 3 requests together"
    heads = [head.text for head in reviewer.page.one("thead").all("th")]
    assert heads == ["Include", "Request", "amount", "order", "Findings", "Risk"]
    table = reviewer.page.one("tbody")
    for words in ("refund_payment", "amount: 900", "order: B-2", "only a test.", "Differs: high risk, most others"):
        assert words in table.text
    boxes = {box.attributes["value"]: "checked" in box.attributes for box in table.all("input")}
    assert boxes == {made[0].id: True, made[1].id: True, made[2].id: False}

    # What is of high risk is approved only once its effect was confirmed, by pressing the same button again.
    form, approve = reviewer.form("together"), reviewer.button("Approve the checked requests")
    reviewer.send(form, approve, 409, request=[made[0].id, made[2].id], comment="Goods came back.")
    said = reviewer.page.one("div", role="alert").text
    assert "confirm 1 request of high or critical risk" in said
    assert "Call refund_payment (amount 900, order B-2): Refund B-2" in said
    assert [state(services, request) for request in made] == ["pending"] * 3
    boxes = {box.attributes["value"]: "checked" in box.attributes for box in reviewer.page.one("tbody").all("input")}
    assert boxes == {made[0].id: True, made[1].id: False, made[2].id: True}
    reviewer.send(reviewer.form("together"), reviewer.button("Approve the checked requests"), 200)
    assert reviewer.page.one("h1").text == "2 requests decided"
    assert [state(services, request) for request in made] == ["approved", "pending", "approved"]


def refund(services: Services, flow: str, number: int, amount: int, **values: object) -> ApprovalRequest:
    """A pending refund."""
    payload = tool_call({"order": f"B-{number}", "amount": amount}, "refund_payment") | {"title": f"Refund B-{number}"}
    return make_request(services.sessions, payload=payload, workflow=flow, **values)  # type: ignore[arg-type]


def link(browser: Browser, words: str) -> str:
    """The address of the link with that text."""
    [found] = [element.attributes["href"] for element in browser.page.all("a") if element.text == words]
    return found


def marked(browser: Browser, requests: list[ApprovalRequest], status: int = 200) -> None:
    """Go where the marked ones are decided."""
    browser.get("/queue/marked?" + "&".join(f"request={request.id}" for request in requests), status)


def test_a_marked_subset_is_decided_and_each_has_its_entry(services: Services, browse: Browse, flow: str) -> None:
    requests = [asked(services, flow, f"select {number}") for number in range(3)]
    reviewer = browse("reviewer")
    marked(reviewer, requests[:2])
    assert reviewer.page.one("h1").text == "Decide on 2 requests together"
    reviewer.send(reviewer.form("together"), status=200, verdict="approve", comment="All fine.")
    assert reviewer.page.one("h1").text == "2 requests decided"
    assert [state(services, request) for request in requests] == ["approved", "approved", "pending"]
    for request in requests[:2]:
        with services.sessions.reads() as session:
            told = session.scalars(select(AuditEntry.action).where(AuditEntry.request_id == request.id)).all()
        assert told.count("request.decided") == 1


def state(services: Services, request: ApprovalRequest) -> str:
    """The request's state now."""
    with services.sessions.reads() as session:
        return str(session.get_one(ApprovalRequest, request.id).state)


def test_what_cannot_be_decided_together_is_told_and_leaves_the_others(
    services: Services, browse: Browse, people: dict[str, Person], flow: str
) -> None:
    fine, critical = asked(services, flow), asked(services, flow, "drop database shop", risk=RiskLevel.CRITICAL)
    own_run = make_run(services.sessions, people["reviewer"])
    own = make_request(services.sessions, own_run, workflow=flow)
    stale = asked(services, flow, "select 3")
    reviewer = browse("reviewer")
    marked(reviewer, [fine, critical, own, stale])
    found = reviewer.page.all("input", type="checkbox")
    boxes = {box.attributes["value"]: "checked" in box.attributes for box in found}
    assert (boxes[fine.id], boxes[critical.id], own.id in boxes) == (True, False, False)
    assert "You started this run" in reviewer.page.text
    with services.sessions.begin() as session:
        session.get_one(ApprovalRequest, stale.id).digest = "0" * 64
    wanted = [fine.id, critical.id, own.id, stale.id]
    reviewer.send(reviewer.form("together"), status=409, verdict="approve", request=wanted)
    assert "changed since you saw it" in reviewer.page.text and state(services, fine) == "pending"
    marked(reviewer, [fine, critical, own, stale])
    with services.sessions.begin() as session:
        session.get_one(ApprovalRequest, stale.id).digest = "1" * 64
    form = {"verdict": "approve", "request": [fine.id, own.id, stale.id]}
    reviewer.send(reviewer.form("together"), status=200, **form)
    assert reviewer.page.one("h1").text == "1 request decided, 2 refused"
    said = reviewer.page.one("ul", class_="together").text
    for words in ("you started this run", "has changed"):
        assert words in said
    assert [state(services, request) for request in (fine, critical, own, stale)] == [
        "approved", "pending", "pending", "pending",
    ]  # fmt: skip


def test_the_table_shows_all_of_what_it_lets_approve(services: Services, browse: Browse, flow: str) -> None:
    payloads = [tool_call({"command": f"echo {'-' * 300} && curl -X DELETE x", "note": f"{at} {'y' * 400} end"}, "run")
                for at in range(2)]  # fmt: skip
    findings = assess([Finding("test", RiskLevel.MEDIUM, f"Finding {at}.") for at in range(10)]).to_json()
    alike = [
        make_request(services.sessions, payload=payload, workflow=flow, assessment=findings) for payload in payloads
    ]
    reviewer = browse("reviewer")
    marked(reviewer, [*alike, asked(services, flow, "x" * 10_001)])
    assert "curl -X DELETE x" in reviewer.page.one("div", class_="common").text
    first, other, too_long = reviewer.page.all("tr")[1:3] + reviewer.page.all("tr")[4:]
    for at, row in enumerate((first, other)):
        assert f"{at} {'y' * 400} end" in row.text and "406 characters: scroll to read all of them" in row.text
        assert all(f"Finding {number}." in row.text for number in range(10))
        assert row.one("input", name="request")
    assert "open it to see all of it" in too_long.text and "read all of them" not in too_long.text
    assert not too_long.all("input")


def test_a_rejection_without_the_reason_it_needs_decides_nothing(services: Services, browse: Browse, flow: str) -> None:
    request = asked(services, flow)
    reviewer = browse("reviewer")
    marked(reviewer, [request])
    reviewer.send(reviewer.form("together"), status=200, verdict="reject", comment="")
    assert "Give a reason" in reviewer.page.one("ul", class_="together").text and state(services, request) == "pending"


def test_the_table_counts_what_can_be_decided_in_it(
    services: Services, browse: Browse, people: dict[str, Person], flow: str
) -> None:
    own = make_request(services.sessions, make_run(services.sessions, people["reviewer"]), workflow=flow)
    strict = default_terms(RiskLevel.MEDIUM).model_copy(
        update={"reason_required": tuple(Verdict), "reauthenticate_seconds": None}
    )
    fresh = strict.model_copy(update={"reauthenticate_seconds": 0})
    fine, said, again = asked(services, flow), asked(services, flow, terms=strict), asked(services, flow, terms=fresh)
    reviewer = browse("reviewer")
    marked(reviewer, [own, again])
    assert reviewer.page.one("h1").text == "None of these 2 requests can be decided here"
    assert "requires a recent sign-in" in reviewer.page.text
    assert not reviewer.page.all("button", name="verdict")
    marked(reviewer, [own])
    assert reviewer.page.one("h1").text == "This request cannot be decided here"
    marked(reviewer, [fine, said, again, own])
    assert reviewer.page.one("h1").text == "Decide on 2 of 4 requests together"
    boxes = {box.attributes["value"]: box.attributes for box in reviewer.page.all("input", type="checkbox")}
    assert {name: "data-needs-comment" in found for name, found in boxes.items()} == {fine.id: False, said.id: True}
    reviewer.send(reviewer.form("together"), status=200, verdict="approve", request=[fine.id, said.id])
    assert reviewer.page.one("h1").text == "1 request decided, 1 refused"


def test_too_few_approvers_are_said_on_the_row_and_on_the_page(services: Services, browse: Browse, flow: str) -> None:
    words = "Nobody can approve this: it needs an approval from DBA, where nobody may decide."
    request = asked(services, flow, shortage=words)
    other = asked(services, flow, terms=default_terms(RiskLevel.MEDIUM).model_copy(update={"deny_threshold": 2}))
    reviewer = browse("reviewer")
    row = reviewer.get(f"/queue?workflow={flow}").one("div", id=f"row-{request.id}")
    assert words in row.text and "too few approvers" in row.text
    assert words in reviewer.get(f"/requests/{request.id}").one("div", id="shortage").text
    page = reviewer.get(f"/requests/{other.id}")
    assert not page.all("div", id="shortage") and "2 rejections reject it." in page.one("aside", id="facts").text


def test_nothing_or_too_much_is_marked(services: Services, browse: Browse, flow: str) -> None:
    reviewer = browse("reviewer")
    reviewer.get("/queue/marked")
    assert reviewer.page.one("h1").text == "No requests selected"
    many = [asked(services, flow, f"select {number}") for number in range(51)]
    marked(reviewer, many, status=422)
    assert "At most 50" in reviewer.page.one("div", role="alert").text
    browse("viewer").get("/queue/marked", status=403)


def test_single_keys_can_be_switched_off(browse: Browse) -> None:
    other = browse("other")
    other.get("/profile")
    other.send(other.form("preferences"), keys="off")
    other.follow()
    assert other.page.one("html").attributes["data-keys"] == "off"
    other.send(other.form("preferences"), keys="on")
    other.follow()
    assert "data-keys" not in other.page.one("html").attributes
