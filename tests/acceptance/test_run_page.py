"""A run's page as it happens: the drawing follows, what a person has in hand stays in their hand."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from app.domain.ballot import Ballot
from assent.contracts import Verdict
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import NARROW, is_marked, mark
from tests.flows import GATE


def node(page: Page, title: str) -> str:
    """The classes of a node of the drawing."""
    found = page.locator("svg.graph g.node", has=page.locator("title", has_text=re.compile(f"^{title}:")))
    return found.get_attribute("class") or ""


def test_the_drawing_follows_and_focus_stays(portal: Portal, visit: Visit) -> None:
    run_id = portal.start(GATE.name)
    request_id = portal.pending(run_id)
    visitor = visit("dba")
    page = visitor.go(f"/runs/{run_id}")
    expect(page.locator("#run-head")).to_contain_text("1 of 3 steps done")
    assert node(page, "Ask") == "node waiting now" and node(page, "Apply") == "node pending"
    visitor.look("run-drawn")
    mark(page)
    page.locator("#run-input summary").click()
    request = portal.request(request_id)
    portal.services.checkpoints.decide(request_id, portal.actor("dba"), Ballot(Verdict.APPROVE, request.digest))
    expect(page.locator("#run-head")).to_contain_text("All 3 steps done")
    assert node(page, "Ask") == "node done" and node(page, "Apply") == "node done"
    expect(page.locator("svg.graph path.walked[d]")).to_have_count(3)  # two ways and the head of an arrow
    assert is_marked(page)
    assert page.evaluate("() => document.activeElement.parentElement.id") == "run-input"
    expect(page.locator("#run-input pre")).to_be_visible()


def test_what_is_typed_into_the_confirmation_stays(portal: Portal, visit: Visit) -> None:
    run_id = portal.start(GATE.name)
    request_id = portal.pending(run_id)
    page = visit("lead").go(f"/runs/{run_id}")
    page.locator("#cancel-run summary").click()
    reason = page.get_by_label("Reason (optional)")
    reason.fill("The wrong database")
    portal.services.runs.pause(portal.actor("dba"), run_id)
    expect(page.locator("#run-head")).to_contain_text("Paused")
    expect(reason).to_have_value("The wrong database")
    expect(reason).to_be_focused()
    page.get_by_role("button", name="Cancel the run and its requests").click()
    expect(page.locator("#run-head")).to_contain_text("Canceled")
    assert portal.request(request_id).state == "cancelled"
    assert "stopped" in node(page, "Ask")


def test_on_a_phone_the_drawing_is_a_list(portal: Portal, visit: Visit) -> None:
    run_id = portal.start(GATE.name)
    portal.pending(run_id)
    page = visit("dba", viewport=NARROW).go(f"/runs/{run_id}")
    expect(page.locator("svg.graph")).to_be_hidden()
    listed = page.get_by_role("list", name="Steps of the workflow")
    expect(listed.locator("[aria-current=step]")).to_contain_text("waits for a decision")
    assert listed.bounding_box()["width"] > 300  # type: ignore[index]


def test_a_long_form_unfolds_with_the_keyboard_and_without_a_script(portal: Portal, visit: Visit) -> None:
    visitor = visit("release", java_script_enabled=False)
    visitor.expect_status(422)
    page = visitor.go("/runs/new/database_maintenance")
    keep = page.get_by_label("Keep backups (days)")
    expect(keep).to_be_hidden()
    page.locator("summary", has_text="Backup").focus()
    page.keyboard.press("Enter")
    expect(keep).to_have_value("30")
    keep.fill("0")
    page.get_by_label("Target", exact=True).fill("shop")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert")).to_contain_text("Keep backups (days): At least 1; this is 0.")
    expect(page.get_by_label("Keep backups (days)")).to_have_value("0")
    expect(page.get_by_label("Most indexes")).to_be_hidden()
    page.get_by_role("alert").get_by_role("link").click()
    expect(page).to_have_url(re.compile("#f-input.backup_retention_days$"))


def test_starting_again(portal: Portal, visit: Visit) -> None:
    run_id = portal.start(GATE.name, text="select 'once more'")
    portal.pending(run_id)
    portal.services.runs.cancel(portal.actor("dba"), run_id)
    portal.finish(run_id, "cancelled")
    visitor = visit("release")
    page = visitor.go(f"/runs/{run_id}")
    page.get_by_role("link", name="Start again with this input").click()
    expect(page.get_by_label("Text")).to_have_value("select 'once more'")
    visitor.look("start-again")
