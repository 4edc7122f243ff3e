"""Arguments read as a labeled list: in the schema's order, with tables, texts, amounts, and a mail as a mail."""

from __future__ import annotations

from typing import Any

from app.domain.people import Role, Via
from app.risk.assess import assess_proposal
from app.services.approvals.intake.gate import ExternalRequest
from app.services.bundle import Services
from app.web.requests.argument_list import SHOWN_ENTRIES, argument_list
from assent.digests import digest_of
from tests.factories import make_person, make_request, tool_call
from tests.web.browsing import Browser, Element
from tests.web.requests.test_calls import calls

SCHEMA = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "title": "Amount to refund", "description": "In the currency of the order."},
        "currency": {"type": "string"},
        "lines": {"type": "array", "items": {"properties": {"sku": {"title": "Article"}, "price": {}}}},
        "notify": {"type": "boolean", "title": "Tell the customer"},
        "order": {"type": "string", "title": "Order"},
    },
    "required": ["order", "amount", "currency"],
}
ARGS = {
    "amount": 12500.5, "currency": "EUR", "notify": True, "order": "A-17", "urgent": None,
    "lines": [{"sku": "mug", "price": 8, "currency": "EUR"}, {"sku": "lamp‮", "price": 12_492.5}],
    "address": {"city": "Ulm", "since": "2026-11-30T16:00:00+01:00", "until": "2026-12-01"},
    "order_id": 4_000_017, "weight": 1_250_000,
}  # fmt: skip


def shown(services: Services, reviewer: Browser, payload: dict[str, Any]) -> Element:
    """Return the request's page."""
    found = assess_proposal(payload)
    request = make_request(services.sessions, payload=payload, risk=found.level, assessment=found.to_json())
    return reviewer.get(f"/requests/{request.id}")


def pairs(listing: Element) -> dict[str, str]:
    """Return the outer labels of a list with the texts of their values, in order."""
    return {
        pair.children[0].children[0].text: pair.children[1].text
        for pair in listing.all("dl")[0].children
        if pair.tag == "div"
    }


def test_arguments_are_listed_in_the_order_of_the_schema(services: Services, reviewer: Browser) -> None:
    page = shown(services, reviewer, tool_call(ARGS, "refund") | {"args_schema": SCHEMA})
    listing = page.one("div", class_="argument-list")
    named = pairs(listing)
    assert list(named)[:5] == ["Order", "Amount to refund", "Currency", "Lines", "Tell the customer"]
    assert named["Amount to refund"] == "12,500.5 EUR 12500.5"  # the exact value stands beside the words
    assert named["Tell the customer"] == "Yes true"
    assert named["Urgent"] == "None null"
    assert named["Order id"] == "4000017" and named["Weight"] == "1,250,000 1250000"
    assert "2026-11-30T16:00:00+01:00" in named["Address"] and "Tue 1 Dec 2026 2026-12-01" in named["Address"]
    amount = next(term for term in listing.all("dt") if term.text.startswith("Amount to refund"))
    assert "In the currency of the order." in amount.text and amount.one("code").text == "amount"
    unnamed = {term.children[0].text for term in listing.all("dt") if "not in the schema" in term.text}
    assert unnamed == {"Address", "Order id", "Urgent", "Weight"}


def test_the_order_of_the_schema_is_kept_beside_the_proposal(services: Services, reviewer: Browser) -> None:
    names = ["when", "amount", "currency", "note"]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    payload = tool_call(dict.fromkeys(sorted(names), "x"), "refund") | {"args_schema": schema}
    requester = make_person(services.sessions, "Requester", [Role.REVIEWER]).as_actor(Via.API)
    request = services.checkpoints.open(requester, ExternalRequest(payload, "flow"))
    assert request.digest == digest_of(request.payload)
    page = reviewer.get(f"/requests/{request.id}")
    assert list(pairs(page.one("div", class_="argument-list"))) == ["When", "Amount", "Currency", "Note"]
    fields = [field.attributes["name"] for field in page.one("details", id="edit-data").all("textarea")]
    assert fields == [f"args.{name}" for name in names]


def test_objects_alike_are_a_table_with_hidden_characters_visible(services: Services, reviewer: Browser) -> None:
    page = shown(services, reviewer, tool_call(ARGS, "refund") | {"args_schema": SCHEMA})
    table = page.one("div", class_="argument-table")
    assert {cell.text for cell in table.all("th")} == {"Article", "Price", "Currency"}
    assert "lamp⟨U+202E⟩" in table.text and "12,492.5 12492.5" in table.text
    exact = page.one("details", id="call-exact").one("pre").text
    assert '"weight": 1250000' in exact and "⟨U+202E⟩" in exact


def test_a_mail_reads_like_a_mail(services: Services, reviewer: Browser) -> None:
    args = {
        "body": "Dear team,\n\nthe window is tonight.\n\nRegards", "cc": [], "to": ["a@example.com", "b@example.org"],
        "subject": "Maintenance", "priority": "high", "api_key": "⟦secret:api-key:1⟧",
    }  # fmt: skip
    page = shown(services, reviewer, tool_call(args, "send_email"))
    mail = page.one("div", class_="mail")
    assert [term.text for term in mail.all("dt")] == ["To", "Cc", "Subject"]
    body = mail.one("div", class_="mail-body")
    assert "Dear team," in body.text and not body.all("div", class_="ln")
    rest = {term.text for term in page.one("div", class_="argument-list").all("dt")} - {"To", "Cc", "Subject"}
    assert rest == {"Priority", "Api key"}
    assert "⟦secret:api-key:1⟧ masked secret" in page.one("div", class_="argument-list").text


def test_many_recipients_of_a_mail_are_folded(services: Services, reviewer: Browser) -> None:
    to = [f"user{at}@example.com" for at in range(14)]
    args = {"body": "Hello.", "subject": "News", "to": to, "tags": list("abcdefghijkl")}
    page = shown(services, reviewer, tool_call(args, "send_email"))
    first, rest = page.one("div", class_="mail").all("ul", class_="values")
    folded = page.one("div", class_="mail").one("details")
    assert folded.one("summary").text == "and 4 more" and folded.one("ul").text == rest.text
    assert "user9@" in first.text and "user10@" not in first.text and "user13@" in rest.text
    assert len(page.one("div", class_="argument-list").all("details")) == 1, "other lists are shown whole"


def test_a_form_takes_the_place_of_the_list_on_demand(services: Services, reviewer: Browser) -> None:
    payload = tool_call(ARGS, "refund") | {"args_schema": SCHEMA}
    page = shown(services, reviewer, payload)
    form = page.one("details", id="edit-data")
    assert "open" not in form.attributes and form.one("summary").text.startswith("Edit arguments")
    refused = reviewer.send(
        reviewer.form("decide"), reviewer.button("Approve and"), status=422, **{"args.amount": "much"}
    )
    assert "open" in refused.one("details", id="edit-data").attributes  # the error stands in it
    viewed = calls()
    page = shown(services, reviewer, viewed)
    assert len(page.all("div", class_="argument-list")) == 3 and page.one("details", id="edit-call-1")


def test_other_proposals_are_listed_alike(services: Services, reviewer: Browser) -> None:
    custom = {
        "kind": "custom", "title": "Move", "environment": "", "data": {"hosts": ["a", "b"], "downtime": False},
        "data_schema": {"type": "object", "properties": {"hosts": {"title": "Machines"}}},
    }  # fmt: skip
    page = shown(services, reviewer, custom)
    assert pairs(page.one("div", class_="argument-list")) == {"Machines": "a b", "Downtime": "No false"}


def test_what_is_too_much_is_counted_and_what_is_too_deep_is_json() -> None:
    deep: Any = {"x": {"y": {"z": {"a": {"b": {"c": 1}}}}}}
    listed = argument_list({"many": list(range(SHOWN_ENTRIES + 7)), "deep": deep}, None)
    many, inner = listed.entries[0].shown, listed.entries[1].shown
    assert (many.more, len(many.inside)) == (7, SHOWN_ENTRIES)
    while inner.kind == "group":
        inner = inner.inside[0].shown
    assert inner.kind == "json" and '"c": 1' in inner.text
    rows = [{"n": number, "of": {"nested": 1} if number == 3 else 2} for number in range(5)]
    assert argument_list({"rows": rows}, None).entries[0].shown.kind == "entries"  # no table
    huge = argument_list({"rows": [{f"c{at}": 1 for at in range(40)} for _ in range(400)]}, None)
    assert sum(len(entry.shown.inside) for entry in huge.entries[0].shown.inside) < 1_100
