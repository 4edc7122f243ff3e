"""Forms with lists, objects inside objects, and several ways: drawn, changed entry by entry, read and judged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from app.domain.errors import InvalidInputError
from app.domain.misfits import check_schema
from app.services.bundle import Services
from app.store.requests import ApprovalRequest, Decision
from app.web.forms.drawing import draw
from app.web.forms.field_errors import field_errors
from app.web.forms.fields import Field
from app.web.forms.values import read, rearranged, refill
from assent.contracts import RiskLevel, ToolCall, proposal_adapter
from assent.digests import canonical
from tests.factories import make_request, make_workflow, question
from tests.web.browsing import Browser

MAIL: dict[str, Any] = {
    "type": "object",
    "required": ["to", "when"],
    "properties": {
        "to": {
            "type": "array", "title": "Recipients", "minItems": 1, "maxItems": 3, "description": "Who gets it",
            "items": {
                "type": "object", "title": "Recipient", "required": ["address"],
                "properties": {
                    "address": {"type": "string", "format": "email", "title": "Address"},
                    "role": {"enum": ["to", "cc"], "default": "to"},
                    "tags": {"type": "array", "items": {"enum": ["urgent", "private"]}},
                },
            },
        },
        "when": {
            "title": "When",
            "oneOf": [
                {"type": "object", "title": "At once", "properties": {"how": {"const": "now"}}, "required": ["how"]},
                {
                    "type": "object", "title": "Later", "required": ["how", "at"],
                    "properties": {
                        "how": {"const": "later"}, "at": {"type": "string", "format": "date-time", "title": "At"},
                    },
                },
            ],
        },
        "size": {"anyOf": [{"type": "integer", "minimum": 1}, {"enum": ["small", "large"]}]},
        "day": {"type": "string", "format": "date"},
    },
}  # fmt: skip
ARGS = {
    "to": [{"address": "a@b.example", "role": "cc"}, {"address": "c@d.example", "tags": ["urgent"]}],
    "when": {"how": "later", "at": "2026-11-27T09:00:00Z"},
    "size": "small",
}


def sent_as_drawn(drawn: Field) -> dict[str, str]:
    """What a browser sends when nobody touches anything."""
    return {leaf.name: leaf.value for leaf in drawn.leaves() if leaf.kind != "check" or leaf.value}


def test_what_nobody_touched_comes_back(args: dict[str, Any] = ARGS) -> None:
    drawn = draw(MAIL, "args", args)
    assert read(drawn, sent_as_drawn(drawn)) == args
    names = {leaf.name: leaf.kind for leaf in drawn.leaves()}
    assert names["args.to.1.tags.0"] == "select" and names["args.when.~1.at"] == "text"
    assert "args.when.~1.how" not in names  # it goes with the way


def test_entries_are_added_and_taken_out() -> None:
    form = MultiDict(sent_as_drawn(draw(MAIL, "args", ARGS)))
    form = rearranged(MultiDict([*form.items(), ("rearrange", "remove:args.to:0")]))
    form.poplist("rearrange")
    form = rearranged(MultiDict([*form.items(), ("rearrange", "add:args.to")]))
    assert form["args.to"] == "1,n1"
    form["args.to.n1.address"] = "e@f.example"
    value = read(draw(MAIL, "args", ARGS), form)
    assert value == ARGS | {"to": [ARGS["to"][1], {"address": "e@f.example"}]}  # type: ignore[index]


def test_a_list_can_be_emptied_and_an_optional_one_stays_away() -> None:
    schema = {"type": "object", "properties": {"on": {"type": "array", "items": {"type": "boolean"}}}}
    assert read(draw(schema, "in", {"on": [True]}), {"in.on": ""}) == {"on": []}
    assert read(draw(schema, "in"), {"in.on": ""}) == {}
    assert read(draw(schema, "in"), {"in.on": "n1", "in.on.n1": ""}) == {"on": [False]}


def test_another_way_has_its_own_fields() -> None:
    form = sent_as_drawn(draw(MAIL, "args", ARGS)) | {"args.when": "0", "args.size": "0", "args.size.~0": "3"}
    assert read(draw(MAIL, "args", ARGS), form) == ARGS | {"when": {"how": "now"}, "size": 3}
    assert read(draw(MAIL, "args", ARGS), form | {"args.size": ""}) == {
        key: value for key, value in ARGS.items() if key != "size"
    } | {"when": {"how": "now"}}


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"args.to": "1,n1", "args.to.n1.address": ""}, ("f-args.to.n1.address", "Recipients, Recipient 2, Address")),
        ({"args.to": "1,n1", "args.to.n1.address": "x"}, ("f-args.to.n1.address", "Recipients, Recipient 2, Address")),
        ({"args.to": ""}, ("f-args.to", "Recipients")),
        (
            {"args.to": "0,1,n1,n2", "args.to.n1.address": "g@h", "args.to.n2.address": "i@j"},
            ("f-args.to", "Recipients"),
        ),
        ({"args.when.~1.at": "tomorrow"}, ("f-args.when.~1.at", "When, At")),
        ({"args.when.~1.at": "2026-11-27T09:00:00"}, ("f-args.when.~1.at", "When, At")),
        ({"args.size": "0", "args.size.~0": "0"}, ("f-args.size.~0", "Size")),
        ({"args.size": "0", "args.size.~0": "x"}, ("f-args.size.~0", "Size")),
        ({"args.day": "2026-02-30"}, ("f-args.day", "Day")),
        ({"args.to.1.tags.0": '"loud"'}, ("f-args.to.1.tags.0", "Recipients, Recipient 2, Tags, Entry 1")),
    ],
)  # fmt: skip
def test_each_error_is_told_at_its_field(sent: dict[str, str], told: tuple[str, str]) -> None:
    drawn = draw(MAIL, "args", ARGS)
    form = sent_as_drawn(drawn) | sent
    with pytest.raises(InvalidInputError) as caught:
        check_schema(read(draw(MAIL, "args", ARGS), form), MAIL, "args")
    problems = caught.value.extra["fields"]
    refill(drawn, form, problems)
    found = field_errors(drawn, problems)
    assert [(fault.element_id, fault.label) for fault in found] == [told]
    assert [field.error for field in walk(drawn) if field.error] == [found[0].words]


def walk(drawn: Field) -> list[Field]:
    """The field and all inside."""
    return [drawn, *(inner for field in drawn.fields for inner in walk(field))]


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"N": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "string"}]}}, "$ref": "#/$defs/N"},
        {"$defs": {"N": {"type": "array", "items": {"$ref": "#/$defs/N"}}}, "$ref": "#/$defs/N"},
        {"$defs": {"N": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}}}, "$ref": "#/$defs/N"},
        {"type": "array", "items": True},
        {"type": "array", "items": {"type": "object", "required": 5, "properties": {"a": {"title": 3}}}},
        {"oneOf": [{"type": "object"}, 5]},
        {"oneOf": []},
        {"anyOf": [{"type": "string"}, {"type": "integer"}], "default": []},
    ],
    ids=str,
)
def test_odd_schemas_are_drawn_all_the_same(schema: dict[str, Any]) -> None:
    for value in ({"n": {"n": {"n": {"n": {"n": {"n": {}}}}}}}, [[[[[[1]]]]]], "x", None, [{"a": 1}]):
        drawn = draw(schema, "in", value)
        assert read(drawn, sent_as_drawn(drawn)) == value
        refill(drawn, {"in": "n1,n2,zz,,n99999,0", "rearrange": "remove:x"}, {"in.0": "wrong"})


def mail(services: Services) -> ApprovalRequest:
    """A request to send a mail."""
    call = ToolCall(title="Send", tool="send_mail", args=ARGS, args_schema=MAIL)
    payload = json.loads(canonical(proposal_adapter.dump_python(call, mode="json")))
    return make_request(services.sessions, payload=payload, risk=RiskLevel.MEDIUM)


def test_arguments_are_edited_entry_by_entry_without_a_script(services: Services, reviewer: Browser) -> None:
    request = mail(services)
    page = reviewer.get(f"/requests/{request.id}")
    first = next(button for button in page.all("button") if button.attributes.get("form") == "decide")
    assert "disabled" in first.attributes  # what Enter would press
    add = next(button for button in page.all("button", value="add:args.to"))
    assert add.attributes["formaction"].endswith("#f-args.to")
    page = reviewer.send(reviewer.form("decide"), add, 200, comment="Mine.")
    assert page.one("textarea", name="comment").text == "Mine."
    assert page.one("div", id="decision").attributes.keys() >= {"data-kept", "data-changed"}
    assert page.one(id="approve").text == "Approve with changes and call send_mail"
    page = reviewer.send(reviewer.form("decide"), reviewer.button("Approve"), 422, **{"args.to.n1.address": "nobody"})
    field = page.one(name="args.to.n1.address")
    assert (field.attributes["value"], field.attributes["aria-invalid"]) == ("nobody", "true")
    assert "mail address" in page.one(id=field.attributes["aria-describedby"]).text
    link = page.one("div", role="alert").one("a")
    assert link.attributes["href"] == f"#{field.attributes['id']}"
    assert link.text == "Recipients, Recipient 3, Address"
    gone = next(button for button in page.all("button", value="remove:args.to:0"))
    page = reviewer.send(reviewer.form("decide"), gone, 200, **{"args.to.n1.address": "e@f.example"})
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve with changes"))
    with services.sessions() as session:
        decision = session.query(Decision).filter_by(request_id=request.id).one()
    assert decision.change == {"args": ARGS | {"to": [ARGS["to"][1], {"address": "e@f.example"}]}}  # type: ignore[index]


def test_another_way_is_chosen_without_a_script(services: Services, reviewer: Browser) -> None:
    request = mail(services)
    page = reviewer.get(f"/requests/{request.id}")
    show = page.one("fieldset", id="f-args.when-ways").one("button", value="show")
    page = reviewer.send(reviewer.form("decide"), show, 200, **{"args.when": "0"})
    assert not page.all(name="args.when.~1.at")
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve with changes"))
    with services.sessions() as session:
        assert session.query(Decision).filter_by(request_id=request.id).one().change["args"]["when"] == {"how": "now"}


def test_a_question_is_answered_by_a_form(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=question(MAIL), response_schema=MAIL)
    page = reviewer.get(f"/requests/{request.id}")
    page = reviewer.send(reviewer.form("decide"), page.one("button", value="add:answer.to"), 200)
    address = {"answer.to.n1.address": "a@b.example"}
    reviewer.send(reviewer.form("decide"), reviewer.button("Send the answer"), **address)
    with services.sessions() as session:
        answer = session.query(Decision).filter_by(request_id=request.id).one().answer
    assert answer == {"to": [{"address": "a@b.example"}], "when": {"how": "now"}}


def test_a_run_is_started_with_the_same_forms(services: Services, reviewer: Browser) -> None:
    make_workflow(services.sessions, "mailing", input_schema=MAIL, examples=[ARGS])
    page = reviewer.get("/runs/new/mailing")
    assert page.one("form", id="start").all("button")[0].text == "Start the run"  # what Enter presses
    page = reviewer.send(reviewer.form("start"), page.one("button", value="add:input.to"), 200, title="Mine")
    assert page.one(name="title").attributes["value"] == "Mine"
    page = reviewer.send(reviewer.form("start"), page.one("form", id="start").all("button")[-1], 422)
    assert page.one("div", role="alert").one("a").text == "Recipients, Recipient 1, Address"
    address = {"input.to.n1.address": "a@b.example"}
    reviewer.send(reviewer.form("start"), page.one("form", id="start").all("button")[-1], **address)
    (run,) = services.runs.recent(limit=1)
    assert run.input == {"to": [{"address": "a@b.example"}], "when": {"how": "now"}}
    reviewer.get("/runs/new/mailing?example=0")
    reviewer.send(reviewer.form("start"), reviewer.page.one("form", id="start").all("button")[-1])
    assert services.runs.recent(limit=1)[0].input == ARGS
