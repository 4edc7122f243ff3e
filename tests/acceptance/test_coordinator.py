"""A request in plain words, in a browser: it becomes a plan, people approve it and its step, and there is a report."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import Visitor, press_approve

REQUEST = "Find tables with stale statistics in the database shop. Then refresh the statistics of shop."
MEASURING = 60_000
"""Milliseconds for the steps of a run."""


def test_a_request_becomes_a_plan_and_the_plan_a_report(portal: Portal, visit: Visit) -> None:
    starter, reviewer = visit("release"), visit("dba")
    run_page = start_run(starter)
    run_id = run_page.url.rsplit("/", 1)[-1]
    expect(run_page.locator("#run-head")).to_contain_text("Waits for a decision", timeout=MEASURING)

    page = reviewer.go(f"/requests/{portal.pending(run_id)}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plan: Find tables with stale statistics")
    expect(page.locator("#proposal .item")).to_have_count(3)
    reviewer.look("coordinator-plan", everywhere=True)
    plan_id = approve(page)

    gate_id = str(portal.until(lambda: other_pending(portal, run_id, plan_id)))
    page = reviewer.go(f"/requests/{gate_id}")
    expect(page.locator("main")).to_contain_text("optimize_table_statistics")
    reviewer.look("coordinator-gate")
    approve(page)

    expect(run_page.locator("#run-head")).to_contain_text("Completed", timeout=MEASURING)
    expect(run_page.locator("main")).to_contain_text("Result: done.")
    starter.look("coordinator-run", everywhere=True)
    page = reviewer.go(f"/requests/{plan_id}")
    expect(page.locator("main")).to_contain_text("3 of 3 steps were carried out.")


def start_run(visitor: Visitor) -> Page:
    """Write down what is needed, and start."""
    page = visitor.go("/runs")
    page.get_by_role("link", name="Start a run").click()
    page.get_by_role("link", name="Coordinator", exact=True).click()
    visitor.look("coordinator-start", everywhere=True)
    page.get_by_label("What do you need?").fill(REQUEST)
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator("#run-head")).to_be_visible()
    return page


def approve(page: Page) -> str:
    """Approve what the page shows, and return the id of the request."""
    press_approve(page)
    expect(page.locator("#request-said")).to_contain_text(re.compile("approved", re.IGNORECASE))
    return page.url.rsplit("/", 1)[-1]


def other_pending(portal: Portal, run_id: str, earlier: str) -> str:
    """The id of the request that the run waits for after an earlier one; empty: there is none yet."""
    found = portal.services.views.run(run_id, portal.actor("lead")).requests
    return next((request.id for request in found if request.state == "pending" and request.id != earlier), "")
