"""Addresses and forms that cannot be used: a clear answer, never a 500."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.domain.lifecycle import RunState
from app.services.bundle import Services
from tests.factories import make_request, make_run, make_workflow, script
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/requests/{NOBODY}", 404),
        ("/requests/%00", 404),
        ("/requests/a%00b", 404),
        ("/requests/%ff%fe", 404),
        ("/requests/" + "x" * 3000, 404),
        ("/requests/..%2f..%2fetc%2fpasswd", 404),
        (f"/runs/{NOBODY}", 404),
        ("/runs/%00", 404),
        (f"/runs/{NOBODY}/artifacts/report.md", 404),
        (f"/runs/{NOBODY}/artifacts/%00", 404),
        ("/runs/new/nothing", 404),
        ("/runs/new/%00", 404),
        ("/runs/new/test_gate?example=99", 200),
        ("/runs/new/test_gate?example=%C2%B2", 200),
        ("/nowhere", 404),
        ("/queue?risk=enormous", 422),
        ("/queue?risk=%00", 422),
        ("/queue?text=%00", 422),
        ("/queue?text=" + "x" * 201, 422),
        ("/queue?text=%25_%5C%27", 200),
        ("/queue?workflow=" + "x" * 201, 422),
        ("/queue?kind=%F0%9F%92%A3", 200),
        ("/queue?cursor=nonsense", 422),
        ("/queue?cursor=%00", 422),
        ("/queue?cursor=WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwgIngiXQ", 422),
        ("/queue?cursor=WzEsIDJd", 422),
        ("/queue?cursor=e30", 422),
        ("/queue?selected=%00%22%3E", 200),
        ("/runs?state=nonsense", 422),
        ("/runs?state=%00", 422),
        ("/runs?before=nonsense", 422),
        ("/runs?before=2026-01-01T00:00:00~x", 422),
        ("/runs?before=2026-01-01T00:00:00%2B00:00~%00", 422),
        ("/runs?before=0001-01-01T00:00:00%2B14:00~x", 200),
        ("/audit?before=-1", 422),
        ("/audit?before=99999999999999999999", 422),
        ("/audit?before=9999999999999999999", 422),
        ("/audit?before=%C2%B2", 422),
        ("/audit?actor=%00", 422),
        ("/audit?action=%25", 200),
        ("/audit?run_id=" + "x" * 201, 422),
    ],
)
def test_addresses(browse: Browse, path: str, status: int) -> None:
    browse("admin").get(path, status)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/queue", 405), ("/audit", 405), ("/", 405), ("/runs", 405), (f"/runs/{NOBODY}/explode", 404),
     (f"/runs/{NOBODY}/pause", 404), (f"/requests/{NOBODY}/decisions", 404), (f"/requests/{NOBODY}/preview", 404),
     (f"/requests/{NOBODY}/comments", 404), (f"/requests/{NOBODY}/cancel", 404), ("/runs/new/nothing", 404)],
)  # fmt: skip
def test_sending_to_what_takes_nothing(reviewer: Browser, path: str, status: int) -> None:
    response = reviewer.caller.post(path, data={"verdict": "approve", "body": "x", "digest": "0"})
    assert response.status_code == status


@pytest.mark.parametrize("act", ["decisions", "preview", "cancel", "comments", "escalations"])
def test_opening_the_address_of_an_act_only_shows_the_request(services: Services, reviewer: Browser, act: str) -> None:
    request = make_request(services.sessions)
    reviewer.get(f"/requests/{request.id}/{act}?verdict=approve&digest={request.digest}", 303)
    assert "waiting for a decision" in reviewer.follow().text
    assert reviewer.page.all("form", id="decide")


def test_a_run_is_not_steered_by_a_link(services: Services, reviewer: Browser) -> None:
    run = make_run(services.sessions)
    reviewer.get(f"/runs/{run.id}/cancel", 405)


# Starting runs


def test_starting_a_run(services: Services, reviewer: Browser) -> None:
    reviewer.get("/runs/new/test_gate?example=0")
    reviewer.send(reviewer.form("start"), title="From a test")
    assert reviewer.follow().one("h1").text == "From a test"
    run = services.runs.recent(limit=1)[0]
    assert run.input == {"target": "shop", "limit": 3}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"input.target": ""}, "This field is required."),
        ({"input.target": "x", "input.limit": "many"}, "Enter a whole number."),
        ({"input.target": "x", "input.limit": "1.5"}, "Enter a whole number."),
        ({"input.target": "x", "input.limit": "0"}, "At least 1; this is 0."),
        ({"input.target": "x", "input.limit": "9" * 31}, "Enter a whole number."),
        ({"input.target": "x", "title": "a\x00b"}, "control characters"),
    ],
)
def test_an_input_that_does_not_fit_is_shown_again(
    services: Services, reviewer: Browser, sent: dict, words: str
) -> None:
    before = services.runs.recent(limit=1)
    reviewer.get("/runs/new/test_gate")
    reviewer.send(reviewer.form("start"), status=422, **sent)
    assert words in reviewer.page.text
    assert reviewer.page.one(name="input.target").text == sent["input.target"]
    assert [run.id for run in services.runs.recent(limit=1)] == [run.id for run in before]


def test_what_is_wrong_is_named_by_its_label_and_unfolded(services: Services, reviewer: Browser) -> None:
    folded = {"x-advanced": True}
    schema = {
        "type": "object", "required": ["target"],
        "properties": {
            "target": {"type": "string", "title": "Where", "maxLength": 40},
            "keep": {"type": "integer", "title": "Keep backups", "maximum": 9, "default": 3, "x-group": "Backup"}
            | folded,
            "hours": {"type": "array", "items": {"type": "integer", "maximum": 23}, "title": "Hours", "x-group": "Time"}
            | folded,
        },
    }  # fmt: skip
    make_workflow(services.sessions, "parted", input_schema=schema)
    page = reviewer.get("/runs/new/parted")
    assert [fold.attributes.get("open") for fold in page.all("details", class_="fold part")] == [None, None]
    assert [heading.text for heading in page.all("h2")] == ["Backup", "Time"]
    typed = {"title": "Mine", "input.target": "shop", "input.keep": "10", "input.hours": "1, 24"}
    page = reviewer.send(reviewer.form("start"), status=422, **typed)
    told = page.one(role="alert")
    assert {link.text: link.attributes["href"] for link in told.all("a")} == {
        "Keep backups": "#f-input.keep", "Hours": "#f-input.hours",
    }  # fmt: skip
    assert "input." not in told.text and "item 2" in told.text
    assert ["open" in fold.attributes for fold in page.all("details", class_="fold part")] == [True, True]
    assert page.one(name="input.keep").attributes["value"] == "10"
    assert "Default: 3" in page.one(id="f-input.keep-more").text
    assert page.one(name="input.hours").attributes["value"] == "1, 24"
    assert page.one(id="f-title").attributes["value"] == "Mine"
    reviewer.send(reviewer.form("start"), **{"input.keep": "9", "input.hours": "[1]"})
    assert services.runs.recent(limit=1)[0].input == {"target": "shop", "keep": 9, "hours": [1]}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "array", "items": {"type": "object"}},
        {"$ref": "#/$defs/Loop", "$defs": {"Loop": {"$ref": "#/$defs/Loop"}}},
        {
            "type": "object",
            "properties": {"tree": {"$ref": "#/$defs/T"}},
            "$defs": {"T": {"type": "object", "properties": {"tree": {"$ref": "#/$defs/T"}}}},
        },
        {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(400)}},
        {"type": "object", "properties": {"a b": {"enum": [1, None, "x", {"y": 1}]}, "q\"'<": {"type": ["string"]}}},
        {"type": "object", "properties": {"x": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}},
        {"type": "object", "properties": {"x": {"enum": []}, "y": True, "z": {"items": False, "type": "array"}}},
        {"type": "object", "properties": {"x": {"$ref": "https://example.org/schema"}}},
    ],
)  # fmt: skip
def test_any_schema_can_be_drawn(services: Services, reviewer: Browser, schema: dict) -> None:
    make_workflow(services.sessions, "odd", input_schema=schema)
    reviewer.get("/runs/new/odd")


@pytest.mark.parametrize("act", ["pause", "cancel"])
def test_runs_are_steered_once(services: Services, reviewer: Browser, act: str) -> None:
    run = make_run(services.sessions, state=RunState.SUSPENDED)
    reviewer.get(f"/runs/{run.id}")
    form = reviewer.page.one("form", action=f"/runs/{run.id}/{act}")
    reviewer.send(form)
    assert "role=" not in reviewer.follow().text
    reviewer.send(form, status=409)
    assert "cannot be asked to" in reviewer.page.one("div", role="alert").text


def test_a_viewer_cannot_steer(services: Services, browse: Browse) -> None:
    run = make_run(services.sessions, state=RunState.SUSPENDED)
    response = browse("viewer").caller.post(f"/runs/{run.id}/cancel", data={})
    assert response.status_code == 403
    assert services.runs.recent(limit=1)[0].state == "suspended"


# Contents


HOSTILE = [
    "x" * 1_000_000,
    "select 1;\n" * 60_000,
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "a\x00b\x01\x7f\x9f",
    "half \ud800 of a pair",
    "\u202eevil\u2066 \u200b\ufeff\U000e0041",
    "</textarea><h1>x</h1>",
    "\r\n\r\n\n",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_can_be_shown_and_approved(services: Services, reviewer: Browser, text: str) -> None:
    request = make_request(services.sessions, payload=script(text, "A hostile script"))
    page = reviewer.get(f"/requests/{request.id}")
    assert not page.one(id="proposal").all("script")
    assert "49" not in page.one("h1").text
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"))
    with services.sessions() as session:
        after = session.get_one(type(request), request.id)
    assert (after.state, after.digest) == ("approved", request.digest)


def test_what_is_hidden_is_shown(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=script("a\u202eb", "Title \u202e turned"))
    page = reviewer.get(f"/requests/{request.id}")
    assert page.one("h1").text == "Title ⟨U+202E⟩ turned"
    assert "⟨U+202E⟩" in page.one("title").text
    assert [element.attributes["title"] for element in page.one(id="proposal").all(class_="ctl")] == [
        "Right-to-left override"
    ]
    assert "U+202E (Right-to-left override), line 1" in page.text
    assert "⟨U+202E⟩" in reviewer.get("/queue?text=turned").text
