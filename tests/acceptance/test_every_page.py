"""Every page that can be opened, judged by axe in both colour schemes, wide and on a phone, with something on it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import cycle, product
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.domain.ballot import Ballot
from app.domain.prepared_reasons import ReasonUse
from app.domain.tokens import TokenKind, token_terms
from app.factory import create_app
from app.settings import Settings
from assent.contracts import RiskLevel, Verdict
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import BETWEEN, EVERYWHERE
from tests.factories import (
    close_app,
    make_absence,
    make_destination,
    make_grant,
    make_lesson,
    make_request,
    make_tool_call,
    make_tools,
    make_workflow,
)
from tests.thorough import sample

ROOT = Path(__file__).parents[2]
SEEN_ELSEWHERE = {
    "/decide/<token>": "test_profile, with a link out of a mail",
    "/deliveries": "test_profile",
    "/deliveries/<delivery_id>": "test_profile",
    "/outbox": "test_profile",
    "/profile/notifications": "test_profile",
    "/profile/slack": "test_profile",
    "/sign-in/<token>": "test_whole_path",
    "/queue/marked": "test_queue",
    "/samples": "test_policy_verdicts",
    "/grants/suggestions/<key>": "test_grants of the pages; needs a history of like approvals",
}
"""Pages with a test of their own that looks at them."""
NO_PAGES = {
    "/", "/dashboard", "/healthz", "/readyz", "/metrics", "/frame", "/static/<path:filename>", "/audit/export",
    "/absences/export", "/decided/export", "/deliveries/export", "/destinations/export", "/grants/export",
    "/lessons/export", "/people/export", "/profile/files/export", "/profile/tokens/export", "/queue/export",
    "/policies/export", "/reasons/export", "/runs/export", "/samples/export", "/tokens/export",
    "/deliveries/<delivery_id>/message", "/queue/at-work", "/files/<file_id>/content",
    "/manifest.webmanifest", "/service-worker.js",
    "/runs/<run_id>/artifacts", "/runs/<run_id>/artifacts/<path:name>", "/runs/<run_id>/progress",
}  # fmt: skip
"""Answers that are sent on, are files, or parts of pages."""
FIRST_VIEW = 120_000
"""Bytes on the line of the first view of the queue, with an empty cache."""


@pytest.fixture(scope="module")
def rules(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """The addresses of all pages: those that send back to a page are none."""
    settings = Settings(
        database_url=module_database_url, data_dir=tmp_path_factory.mktemp("map"), async_mode="threading",
        secret_key=secrets.token_urlsafe(48),
    )  # fmt: skip
    app = create_app(settings)
    yield {
        str(rule)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and (not str(rule).startswith("/api") or str(rule).startswith("/api/docs"))
        and not rule.endpoint.endswith("_shown")
    }
    close_app(app)


@pytest.fixture(scope="module")
def pages(portal: Portal) -> dict[str, tuple[str, str]]:
    """By rule: who opens it, and where; there is something on each."""
    sessions = portal.services.sessions
    waiting = portal.pending(portal.start("test_script", text="drop table orders", title="A run to look at"))
    decided = portal.pending(portal.start("test_gate", title="A run that goes on"))
    seen = portal.request(decided)
    ballot = Ballot(Verdict.APPROVE, seen.digest, comment="Fine.")
    portal.services.checkpoints.decide(decided, portal.actor("dba"), ballot)
    portal.finish(str(seen.run_id))
    make_request(sessions, risk=RiskLevel.CRITICAL)
    for use in ReasonUse:
        text = f"The statement is broader than what was asked for ({use})."
        portal.services.prepared_reasons.add(portal.actor("lead"), "dba", use, text)
    steps = [
        {"id": name, "title": name.capitalize(), "agent": "", "tool": f"{name}_rows", "skippable": False}
        for name in ("find", "mend")
    ]
    source = (ROOT / "examples" / "workflows" / "archive_old_files" / "workflow.yaml").read_text()
    make_workflow(sessions, "test_written", nodes=steps, edges=[["find", "mend"]], source=source)
    make_tools(sessions)
    make_tool_call(sessions, str(seen.run_id), status="failed", error="OSError: the disk is full", attempts=3)
    make_absence(sessions, portal.people["dba"], portal.people["lead"])
    grant = make_grant(sessions, portal.people["dba"])
    policy = "version: 1\nrules:\n  - name: Anything\n    when: 'true'\n    ask: {teams: [dba]}\n"
    for kind, owner in ((TokenKind.PERSON, "dba"), (TokenKind.AGENT, "release")):
        maker = "lead" if kind is TokenKind.AGENT else owner
        terms = token_terms(kind, "Nightly job", ["approvals:read", "runs:write"], 30)
        portal.services.tokens.make(portal.actor(maker), terms, portal.people[owner].id)
    number = portal.services.policies.load(portal.actor("lead"), policy, "policies.yaml").stored.version
    file_id = portal.services.files.begin(portal.actor("release"), "hosts.csv", 0).id
    return {
        "/absences": ("lead", "/absences"),
        "/api/docs": ("dba", "/api/docs"),
        "/api/docs/<name>": ("dba", "/api/docs/open_approval"),
        "/audit": ("auditor", "/audit"),
        "/coding-agents": ("dba", "/coding-agents"),
        "/decided": ("dba", "/decided?text=go&outcome=approved"),
        "/destinations": ("lead", "/destinations"),
        "/destinations/new": ("lead", "/destinations/new?channel=webhook"),
        "/destinations/<destination_id>": ("lead", f"/destinations/{make_destination(portal.services).id}"),
        "/grants": ("lead", "/grants"),
        "/grants/<grant_id>": ("lead", f"/grants/{grant.id}"),
        "/insights": ("lead", "/insights"),
        "/insights/models": ("lead", "/insights/models"),
        "/operations": ("lead", "/operations"),
        "/lessons": ("dba", "/lessons"),
        "/lessons/<lesson_id>": ("dba", f"/lessons/{make_lesson(sessions).id}"),
        "/people": ("lead", "/people"),
        "/reasons": ("lead", "/reasons"),
        "/people/<person_id>": ("lead", f"/people/{portal.people['dba'].id}"),
        "/policies": ("lead", "/policies"),
        "/policies/<int:number>": ("lead", f"/policies/{number}"),
        "/policies/test": ("lead", "/policies/test"),
        "/profile": ("dba", "/profile"),
        "/profile/files": ("dba", "/profile/files"),
        "/profile/tokens": ("dba", "/profile/tokens"),
        "/queue": ("dba", "/queue"),
        "/requests/<request_id>": ("dba", f"/requests/{waiting}"),
        "/rules": ("dba", "/rules"),
        "/rules/<rule_id>": ("dba", "/rules/sql.delete.no_where"),
        "/runs": ("dba", "/runs"),
        "/runs/<run_id>/erase": ("lead", f"/runs/{seen.run_id}/erase"),
        "/files/<file_id>/erase": ("lead", f"/files/{file_id}/erase"),
        "/runs/<run_id>": ("dba", f"/runs/{seen.run_id}"),
        "/runs/new": ("release", "/runs/new"),
        "/runs/new/<workflow>": ("release", "/runs/new/database_maintenance"),
        "/sign-in": ("", "/sign-in"),
        "/tools": ("dba", "/tools"),
        "/tools/<tool_name>": ("dba", "/tools/drop_table"),
        "/tokens": ("lead", "/tokens"),
        "/workflows/<workflow>": ("release", "/workflows/test_written"),
    }


def test_no_page_is_forgotten(rules: set[str], pages: dict[str, tuple[str, str]]) -> None:
    acted = {rule for rule in rules if "<any(" in rule}
    assert rules - acted - NO_PAGES == set(pages) | set(SEEN_ELSEWHERE)


@pytest.mark.timeout(900)  # it looks at each page at every size, while other tests run
def test_every_page(pages: dict[str, tuple[str, str]], visit: Visit) -> None:
    visitors = {who: visit(who) for who in {who for who, _ in pages.values()}}
    everywhere = list(pages) if EVERYWHERE else sample(list(pages))
    between = cycle(product(BETWEEN, ("light", "dark")))
    for number, (rule, (who, path)) in enumerate(pages.items()):
        name, visitor = "every" + path.replace("/", "-")[:40], visitors[who]
        visitor.go(path)
        visitor.page.wait_for_load_state("networkidle")
        visitor.look(name, everywhere=rule in everywhere)
        # Of every third page and in turn, because each look takes a while, and all have the same frame and parts.
        if number % 3 == 0:
            judged, scheme = next(between)
            visitor.look_between(name, judged if rule in everywhere else "", scheme)


def test_looking_finds_what_only_one_size_or_one_scheme_shows(visit: Visit) -> None:
    visitor = visit()
    visitor.page.set_content(
        """<!doctype html><html lang="en"><title>Made</title><style>
          @media (prefers-color-scheme: dark) { p { color: #eee; background: white } }
          input, div { display: none }
          @media (max-width: 500px) { input { display: block } div { display: block; width: 900px } }
        </style><main><h1>Made</h1><p>Pale</p><input><div>Broad</div></main>"""
    )
    visitor.look("made", everywhere=True)
    found = [trouble.split(" (")[0] for trouble in visitor.troubles]
    visitor.troubles.clear()
    assert found[:2] == ["made, wide, dark: color-contrast", "made, phone, light: label"]
    assert [trouble for trouble in found[2:] if not trouble.endswith("px wider than the screen")] == [] != found[2:]


@pytest.mark.parametrize(
    ("who", "path", "status", "words"),
    [
        ("dba", "/nothing/here", 404, "The URL may be misspelled"),
        ("viewer", "/people", 403, "An administrator can change your roles"),
        ("dba", "/queue?risk=purple", 422, "Go back in your browser"),
    ],
)
def test_pages_that_say_what_to_do_next(visit: Visit, who: str, path: str, status: int, words: str) -> None:
    visitor = visit(who)
    visitor.expect_status(status)
    page = visitor.go(path, status)
    expect(page.locator("main")).to_contain_text(words)
    visitor.look(f"error-{status}")


def test_the_first_view_of_the_queue_is_small(pages: dict[str, tuple[str, str]], visit: Visit) -> None:
    visitor = visit("dba")
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    visitor.go("/queue")
    visitor.page.wait_for_load_state("networkidle")
    print(f"The first view of the queue took {sum(sizes):,.0f} bytes in {len(sizes)} answers.")
    assert 0 < sum(sizes) < FIRST_VIEW


@pytest.mark.parametrize("rule", ["/requests/<request_id>", "/runs/<run_id>"])
def test_what_is_printed_is_the_whole_page_without_its_frame(
    pages: dict[str, tuple[str, str]], visit: Visit, rule: str, tmp_path: Path
) -> None:
    who, path = pages[rule]
    page = visit(who).go(path)
    page.emulate_media(media="print")
    for frame in (".rail", ".list.beside", "#decision"):
        for element in page.locator(frame).all():
            expect(element).to_be_hidden()
    assert page.evaluate(
        "() => [...document.querySelectorAll('.desk, .lines')].every((each) => "
        "getComputedStyle(each).overflowY === 'visible')"
    ), "nothing is cut off at a pane's end"
    folded = page.locator("main details:not(:has(form, button))")
    closed = page.evaluate(
        "(list) => list.filter((each) => !each.checkVisibility({ contentVisibilityAuto: true })).length",
        [element.evaluate_handle("(details) => details.lastElementChild") for element in folded.all()],
    )
    assert closed == 0, "what is folded away on the screen is printed"
    pdf = page.pdf(path=tmp_path / "page.pdf")
    assert len(pdf) > 5_000
