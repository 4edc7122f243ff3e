"""Every page for every role: there or refused, well-formed, and honest about what is not there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from app.domain.ballot import Ballot
from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.domain.people import Actor, Via
from app.risk.assess import assess_proposal
from app.services.bundle import Services
from app.services.record.events import event_row, publish
from app.store.people import Person
from app.store.requests import ReceiptRow
from app.store.runs import Artifact
from app.web.admin.audit import PHRASES
from app.web.runs.page import MAX_SHOWN
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_person, make_request, make_run, optimizations, plan, question, script
from tests.web.browsing import Browser, Element

ROLES = ("viewer", "reviewer", "auditor", "admin")
Browse = Callable[[str], Browser]


COMMON = {
    "summary": "Why.",
    "agent": "",
    "environment": "",
    "labels": {},
    "risk_floor": "safe",
    "expires_in_seconds": None,
}
REPLICA = {"type": "object", "properties": {"replica": {"enum": ["one", "two"]}}, "required": ["replica"]}
MAIL = {"tool": "send_mail", "args": {"to": ["a@b.example"], "n": 1}, "args_schema": None}
MAP = {"data": {"map": [{"from": "a"}]}, "data_schema": None}
FAILURE = {
    "node": "ask",
    "error": "OSError",
    "message": "No space left",
    "trace": "Traceback",
    "choices": ["retry", "abort"],
}
PROPOSALS: dict[str, dict] = {
    "script": script("select 1;\nselect 2;\n"),
    "optimizations": optimizations(),
    "tool_call": COMMON | {"kind": "tool_call", "title": "Send"} | MAIL,
    "plan": plan(),
    "question": question(REPLICA),
    "custom": COMMON | {"kind": "custom", "title": "Map"} | MAP,
    "value": {"kind": "value", "title": "Say a word", "value": "Say a word", "environment": ""},
    "error": {"kind": "error", "title": "“Back up” failed", "environment": ""} | FAILURE,
}
"""One payload of each kind, in the shape in which it is stored."""


def ask(services: Services, kind: str, **values: object):
    """A pending request of that kind."""
    payload = PROPOSALS[kind]
    schema = payload.get("answer_schema")
    if kind == "error":
        schema = {"type": "object", "properties": {"action": {"enum": ["retry", "abort"]}}, "required": ["action"]}
    dialect = {"value": "value", "error": "error"}.get(kind, "assent")
    return make_request(services.sessions, payload=payload, response_schema=schema, dialect=dialect, **values)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", list(PROPOSALS))
def test_each_kind_of_request_is_shown_to_each_role(services: Services, browse: Browse, role: str, kind: str) -> None:
    request = ask(services, kind)
    page = browse(role).get(f"/requests/{request.id}")
    assert page.one("h1").text == request.title
    decides = role in ("reviewer", "admin")
    assert bool(page.all("form", id="decide")) == decides
    if not decides:
        assert "Your roles allow viewing, but not deciding." in page.text


READ = {
    "tool": "list_tables", "version": "1.0", "inputs": {"target": "shop"}, "read_at": "2026-11-30T05:00:00Z",
    "values": [
        {"path": "tables.*.rows", "tolerance": "magnitude", "value": {f"table_{number}": 1_000 for number in range(9)}},
        {"path": "share", "tolerance": "share", "share": 0.1, "value": 0.5},
        {"path": "indexes", "tolerance": "exact", "value": {}},
    ],
}  # fmt: skip
CHANGED = {
    "times": 2, "noticed_at": "2026-11-30T06:00:00Z",
    "changes": [
        {"tool": "list_tables", "path": "tables.<orders>.rows", "before": 1_000, "now": 1_000_000},
        {"tool": "list_tables", "path": "tables.old.rows", "before": 5, "problem": "gone"},
        {"tool": "list_tables", "path": "tables.new.rows", "now": 6, "problem": "new"},
        {"tool": "count", "problem": "The server does not answer."},
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", ["script", "optimizations", "tool_call", "plan", "question", "custom"])
@pytest.mark.parametrize("hosted", [True, False])
def test_a_page_shows_what_a_proposal_rests_on_and_what_has_changed(
    services: Services, reviewer: Browser, kind: str, hosted: bool
) -> None:
    of: dict[str, Any] = {} if hosted else {"run_id": None, "requester": make_person(services.sessions)}
    first = make_request(services.sessions, payload=PROPOSALS[kind], **of)
    stated = {"rests_on": [READ], "changed": CHANGED | {"request_id": first.id}}
    request = make_request(
        services.sessions, payload=PROPOSALS[kind] | stated, previous_id=first.id, revision=2,
        response_schema=PROPOSALS[kind].get("answer_schema"), **of,
    )  # fmt: skip
    page = reviewer.get(f"/requests/{request.id}")
    basis, changed = page.one("section", id="basis"), page.one("section", id="changed")
    assert "list_tables" in basis.text and "target: shop" in basis.text
    for words in ("tables.table_0.rows", "1,000", "about as large", "within 10 %", "unchanged", "3 more values"):
        assert words in basis.text
    assert ("Reported by the agent" in basis.text) == (not hosted)
    assert "2 times in a row" in changed.text and "tables.<orders>.rows" in changed.text
    assert "1,000,000" in changed.text and "gone" in changed.text and "The server does not answer." in changed.text
    assert changed.one("a").attributes["href"] == f"/requests/{first.id}"


def test_fields_of_these_names_in_other_values_are_no_basis(services: Services, reviewer: Browser) -> None:
    payload = PROPOSALS["value"] | {"rests_on": ["x"], "changed": "yes"}
    page = reviewer.get(f"/requests/{make_request(services.sessions, payload=payload, dialect='value').id}")
    assert not page.all("section", id="basis") and not page.all("section", id="changed")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", ["/queue", "/decided", "/runs", "/runs?state=failed"])
def test_everybody_may_look(browse: Browse, role: str, path: str) -> None:
    browse(role).get(path)


@pytest.mark.parametrize("role", ROLES)
def test_who_may_start_runs_and_read_the_record(browse: Browse, role: str) -> None:
    starts, audits = role in ("reviewer", "admin"), role in ("auditor", "admin")
    for path in ("/runs/new", "/runs/new/test_gate", "/runs/new/test_gate?example=0"):
        browse(role).get(path, 200 if starts else 403)
    page = browse(role).get("/audit", 200 if audits else 403)
    assert audits or "may not do this" in page.text
    assert bool(browse(role).get("/queue").all("a", href="/audit")) == audits


@pytest.mark.parametrize("path", ["/", "/queue", "/runs", "/audit", "/runs/new", "/requests/x", "/frame"])
def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(browse: Browse, path: str) -> None:
    visitor = browse("anonymous")
    visitor.get(path, 303)
    assert visitor.response is not None
    assert visitor.response.headers["Location"].startswith("/sign-in?")
    visitor.follow()


@pytest.mark.parametrize("state", list(RunState))
def test_a_run_in_each_state(services: Services, reviewer: Browser, state: RunState) -> None:
    run = make_run(services.sessions, state=state, title=f"Run {state.value}")
    page = reviewer.get(f"/runs/{run.id}")
    assert page.one("h1").text == run.title
    reviewer.get(f"/runs?state={state.value}")
    assert run.title in reviewer.page.text


def test_a_run_shows_steps_and_what_it_left_behind(services: Services, reviewer: Browser) -> None:
    run = make_run(services.sessions, title="A run with a story")
    now = datetime.now(UTC)
    facts = {"task": "t1", "node": "ask", "title": "Ask <b>people</b>", "agent": "optimizer", "tool": "create_index"}
    report = "# Report\n\n<script>alert(1)</script> [x](javascript:alert(1)) ![i](http://x.example/i.png)\n\n|a|\n|:-:|\n|1|\n"
    with services.sessions.begin() as session:
        publish(
            session,
            event_row(EventKind.STEP_STARTED, now, run_id=run.id, **facts),
            event_row(
                EventKind.STEP_FAILED, now + timedelta(seconds=1), run_id=run.id, ms=1000, error="no disk", **facts
            ),
        )
        session.add(Artifact(run_id=run.id, name="report.md", media_type="text/markdown", content=report))
        session.add(Artifact(run_id=run.id, name="evil.html", media_type="text/html", content="<script>1</script>"))
    page = reviewer.get(f"/runs/{run.id}")
    steps = page.one(id="run-steps")
    assert "Ask <b>people</b>" in steps.text and "no disk" in steps.text and "create_index" in steps.text
    left = page.one(id="run-artifacts")
    assert not left.all("img") and not left.all("script")
    assert not [link for link in left.all("a") if "javascript" in link.attributes["href"]]
    assert left.one("h4").text == "Report"
    for name, kind in (("report.md", "text/markdown; charset=utf-8"), ("evil.html", "application/octet-stream")):
        response = reviewer.caller.get(f"/runs/{run.id}/artifacts/{name}")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == kind
        assert response.headers["Content-Disposition"].startswith("attachment")
    assert reviewer.caller.get(f"/runs/{run.id}/artifacts/nothing").status_code == 404


def test_a_long_text_is_read_only_for_its_download(services: Services, reviewer: Browser) -> None:
    run = make_run(services.sessions, title="A run with much to say")
    request = make_request(services.sessions, run_id=run.id)
    at_limit, too_long = "é" * (MAX_SHOWN // 2), "é" * (MAX_SHOWN // 2) + "!"
    with services.sessions.begin() as session:
        for name, media_type, content in (
            ("fits.txt", "text/plain", at_limit), ("long.md", "text/markdown", too_long),
            ("long.txt", "text/plain", too_long), ("short.txt", "text/plain", "A short text"),
        ):  # fmt: skip
            session.add(Artifact(run_id=run.id, name=name, media_type=media_type, content=content))
    asked: list[str] = []

    def notice(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(services.engine, "before_cursor_execute", notice)
    try:
        reviewer.get(f"/requests/{request.id}")
        assert reviewer.caller.get(f"/api/v1/runs/{run.id}").status_code == 200
    finally:
        event.remove(services.engine, "before_cursor_execute", notice)
    lists = [statement for statement in asked if "FROM artifacts" in statement]
    assert lists
    assert not [
        statement
        for statement in lists
        if "artifacts.content" in statement.replace("octet_length(artifacts.content)", "")
    ]

    left = reviewer.get(f"/runs/{run.id}").one(id="run-artifacts")
    assert left.text.count("Too long to show here") == 2
    assert [len(text.text) for text in left.all("pre")] == [len(at_limit), len("A short text")]
    assert reviewer.caller.get(f"/runs/{run.id}/artifacts/long.txt").text == too_long


def test_the_queue_says_what_stands_where_and_why(services: Services, reviewer: Browser) -> None:
    request = make_request(
        services.sessions,
        payload=script(title="Rank me"),
        risk=RiskLevel.CRITICAL,
        expires_in=timedelta(hours=2, minutes=1),
    )
    page = reviewer.get("/queue?text=rank+me&risk=critical")
    row = page.one("div", id=f"row-{request.id}")
    assert "Critical" in row.text and "expires in 2 h" in row.text and "0 of 2" in row.text
    assert page.one("h1").text == "1 waiting for a decision"
    reviewer.get("/queue?text=no-such-thing")
    assert "No matching requests" in reviewer.page.text


def test_the_queue_goes_on_where_the_page_ended(services: Services, reviewer: Browser) -> None:
    made = [make_request(services.sessions, payload=script(title=f"Paged {n}"), kind="script").id for n in range(55)]
    first = reviewer.get("/queue?text=paged")
    shown = {row.attributes["id"] for row in first.all("div") if row.attributes.get("class", "") == "row"}
    second = reviewer.get(first.one("a", class_="next").attributes["href"])
    shown |= {row.attributes["id"] for row in second.all("div") if row.attributes.get("class", "") == "row"}
    assert shown == {f"row-{request}" for request in made}


def test_approved_is_not_done(services: Services, browse: Browse, people: dict[str, Person]) -> None:
    request = ask(services, "optimizations")
    actor = people["reviewer"].as_actor(Via.PAGE)
    services.checkpoints.decide(request.id, actor, Ballot(Verdict.APPROVE, request.digest))
    page = browse("viewer").get(f"/requests/{request.id}")
    assert "The reviewer decided: approved." in page.text
    assert "The run has not received the outcome yet." in page.text
    now = datetime.now(UTC)
    with services.sessions.begin() as session:
        session.add(
            ReceiptRow(request_id=request.id, status="failed", summary="Disk full.", delivered_at=now, updated_at=now)
        )
    page = browse("viewer").get(f"/requests/{request.id}")
    assert "Failed." in page.one(id="request-said").text and "Disk full." in page.one(id="request-said").text


def test_revisions_link_to_each_other_and_show_what_differs(services: Services, reviewer: Browser) -> None:
    first = make_request(services.sessions, payload=script("select 1", "First"))
    second = make_request(services.sessions, payload=script("select 2", "Second"), previous_id=first.id, revision=2)
    page = reviewer.get(f"/requests/{second.id}")
    assert page.all("a", href=f"/requests/{first.id}")
    assert "removed: − select 1" in page.text and "added: + select 2" in page.text
    assert reviewer.get(f"/requests/{first.id}").all("a", href=f"/requests/{second.id}")


def test_the_record_reads_as_sentences_and_pages(services: Services, browse: Browse, people: dict[str, Person]) -> None:
    request = ask(services, "script")
    actor = people["other"].as_actor(Via.PAGE)
    for number in range(120):
        services.checkpoints.comment(request.id, actor, f"Remark {number}")
    services.checkpoints.decide(request.id, actor, Ballot(Verdict.REJECT, request.digest, comment="No."))
    auditor = browse("auditor")
    page = auditor.get(f"/audit?request_id={request.id}")
    assert "The other reviewer rejected a request" in page.text
    assert [link.text for link in page.all("a", href=f"/requests/{request.id}")] == [request.title] * 100
    assert re.search(r"\d\d:\d\d:\d\d UTC", page.all("time")[0].text)
    found = auditor.get(f"/audit?title={request.title[:10].upper()}&action=request.decided:reject")
    assert "The other reviewer rejected a request" in found.text and "commented on" not in found.one("tbody").text
    older = next(link for link in page.all("a") if link.text == "Older entries")
    assert "commented on a request" in auditor.get(older.attributes["href"]).text
    assert "No matching entries" in auditor.get("/audit?actor=nobody-of-that-name").text


def test_an_open_page_fetches_its_content_without_the_frame(services: Services, reviewer: Browser) -> None:
    request = ask(services, "script")
    for path, region in (
        (f"/requests/{request.id}", "decision"), ("/queue", "queue-list"), ("/runs", "runs"), ("/frame", "nav"),
    ):  # fmt: skip
        response = reviewer.caller.get(path, headers={"X-Fragment": "1"})
        assert response.status_code == 200
        assert f'id="{region}"' in response.text
        assert "<body" not in response.text


def test_pages_carry_where_events_go_on(reviewer: Browser) -> None:
    for path in ("/queue", "/runs"):
        assert int(reviewer.get(path).one("meta", name="assent-seq").attributes["content"]) > 0


def test_every_entry_of_the_record_is_a_phrase() -> None:
    source = "".join(path.read_text() for path in (Path(__file__).parents[2] / "app" / "services").rglob("*.py"))
    named = set(re.findall(r'"((?:request|run|person)\.[a-z_]+)"', source)) - {kind.value for kind in EventKind}
    acts = ("pause", "ask", "resume", "cancel", "retry", "completed", "failed", "cancelled")
    named |= {f"run.{act}" for act in acts}
    assert len(named) > 12
    assert named <= set(PHRASES)


HIDDEN = "a\u202eb\u200bc\ufe00d"


@pytest.mark.parametrize("kind", list(PROPOSALS))
def test_no_page_of_a_request_shows_a_hidden_character_as_it_is(services: Services, browse: Browse, kind: str) -> None:
    """Whatever an agent or a person wrote, and wherever it stands, but for fields, which come with a note."""
    payload = _with_hidden(PROPOSALS[kind], "kind")
    request = make_request(
        services.sessions, payload=payload, title=f"T{HIDDEN}", agent=HIDDEN, environment=HIDDEN, proposed=payload,
        proposed_digest="0" * 64, dialect={"value": "value", "error": "error"}.get(kind, "assent"),
        response_schema=payload.get("answer_schema"),
    )  # fmt: skip
    reviewer = browse("reviewer")
    services.checkpoints.comment(request.id, _actor(reviewer), f"Mind {HIDDEN}.")
    for browser in (reviewer, browse("viewer")):
        page = browser.get(f"/requests/{request.id}")
        shown = "".join(element.text for element in page.all() if element.tag in ("h1", "main"))
        for field in page.all("textarea"):
            shown = shown.replace(field.text, "")
        assert not set(shown) & {"\u202e", "\u200b", "\ufe00"}
        assert "Ta⟨U+202E⟩b⟨U+200B⟩c⟨U+FE00⟩d" in page.one("h1").text
        assert "Mind a⟨U+202E⟩b" in page.one(id="timeline").text
        notes = [note.text for note in page.all("p", class_="note high")]
        told = [words for words in notes if words.startswith("Hidden characters")]
        assert len(told) == len([field for field in page.all("textarea") if "\u202e" in field.text])
        assert "\u202e" not in page.one("title").text


MIXED = "\u05e9\u05dc\u05d5\u05dd (1)"


@pytest.mark.parametrize("kind", list(PROPOSALS))
def test_text_from_right_to_left_is_kept_apart_from_our_own(services: Services, browse: Browse, kind: str) -> None:
    """Everywhere but in code, whose direction is its own; a list offers only names."""
    payload = _with_hidden(PROPOSALS[kind], "kind", MIXED)
    request = make_request(
        services.sessions, payload=payload, title=f"T{MIXED}", agent=MIXED, environment=MIXED, proposed=payload,
        proposed_digest="0" * 64, dialect={"value": "value", "error": "error"}.get(kind, "assent"),
        response_schema=payload.get("answer_schema"),
    )  # fmt: skip
    reviewer = browse("reviewer")
    services.checkpoints.comment(request.id, _actor(reviewer), f"Mind {MIXED}.")
    for path in (f"/requests/{request.id}", "/queue", f"/runs/{request.run_id}"):
        page = reviewer.get(path)
        loose = [element for element in page.all() if _own(element) and not _is_apart(element)]
        assert not loose, [(element.tag, element.attributes, element.text) for element in loose]


def _own(element: Element) -> bool:
    """True if text from right to left stands in the element itself."""
    return element.text.count("\u05e9") > sum(child.text.count("\u05e9") for child in element.children)


def _is_apart(element: Element | None) -> bool:
    if element is None:
        return False
    apart = element.tag in ("bdi", "title", "option", "textarea", "pre", "code")
    apart = apart or element.attributes.get("dir") == "auto" or element.attributes.get("class") in ("lines", "aloud")
    return apart or _is_apart(element.parent)


def _actor(browser: Browser) -> Actor:
    assert browser.person is not None
    return browser.person.as_actor(Via.PAGE)


def _with_hidden(value: Any, keep: str, added: str = HIDDEN) -> Any:
    """The proposal with what is `added` in every text but its kind, and what is not free text."""
    schemas = {"answer_schema", "args_schema", "data_schema"}
    fixed = {keep, "language", "dialect", "risk_floor", "environment", "choices", "id"} | schemas
    if isinstance(value, dict):
        return {key: inner if key in fixed else _with_hidden(inner, keep, added) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_hidden(inner, keep, added) for inner in value]
    return value + added if isinstance(value, str) else value


def test_code_in_arguments_has_its_findings_at_the_lines(services: Services, browse: Browse) -> None:
    args = {"jobs": [{"sql": "select 1;\ndelete from orders"}], "command": "rm -r x", "note": "one\ntwo"}
    payload = COMMON | {"kind": "tool_call", "title": "Call", "tool": "query", "args": args, "args_schema": None}
    request = make_request(services.sessions, payload=payload, assessment=assess_proposal(payload).to_json())
    for role in ("reviewer", "viewer"):
        page = browse(role).get(f"/requests/{request.id}")
        command, jobs = page.all("div", class_="code")  # the note has no findings, so it is text
        lines = jobs.one("div", class_="lines").children
        [second] = [line for line in lines if "delete from orders" in line.text]
        assert "In jobs.0.sql: Deletes" in second.text and "noted" in second.attributes["class"]
        assert "The argument command contains a command or code" in command.text
        assert page.one("div", class_="long-text").text == "one two"
        outside = "".join(child.text for child in page.one(id="proposal").children if child.tag == "div")
        assert "jobs.0.sql" not in outside
