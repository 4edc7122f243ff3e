"""The main job, end to end: a run on a real database suspends, a reviewer approves a part of it with a change in a
browser, the run resumes with exactly that, and it is measured, reported and on record."""

from __future__ import annotations

import json
import re
from typing import Any

import psycopg
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import SOON, Visitor, is_marked, mark, noticed, says, watch_for
from tests.database_server import SHOP_ORDERS
from workflows.database_maintenance.sample import workload_queries

OF_CUSTOMER, BY_CODE, BY_COUPON = "orders of a customer", "shipment by tracking code", "uses of a coupon"
CUSTOMER_INDEX = "idx_orders_customer_id_created_at"
CODE_INDEX = "idx_shipments_tracking_code"
COUPON_INDEX = "idx_orders_coupon"
TITLE = "Maintenance of the shop"
STEPS = ("Check health", "Find slow queries", "Find missing indexes", "Check constraints", "Back up and verify")
STEPS_AFTER = ("Measure before", "Create index", "Validate", "Write the report")
MEASURING = 60_000
"""Milliseconds for the steps of a run, which measure, back up and restore."""


def test_the_whole_path(portal: Portal, visit: Visit, shop: str) -> None:
    starter, decider = visit(), visit()
    sign_in(portal, starter, "release")
    sign_in(portal, decider, "dba")
    queue = decider.go("/queue")
    expect(queue.get_by_role("heading", name="Nothing waiting for a decision")).to_be_visible()
    decider.look("queue-empty")
    mark(queue)
    watch_for(queue, says("on shop", "#queue-rows"))

    run_page = start_run(starter)
    run_id = run_page.url.rsplit("/", 1)[-1]
    mark(run_page)
    for step in STEPS:
        expect(steps(run_page)).to_contain_text(step, timeout=MEASURING)
    expect(run_page.locator("#run-head")).to_contain_text("Waits for a decision", timeout=MEASURING)
    assert is_marked(run_page)
    request_id = portal.pending(run_id)
    starter.look("run-waiting")

    shown_at = noticed(queue)
    late = shown_at - portal.request(request_id).opened_at.timestamp()
    print(f"The queue showed the new request {late * 1000:.0f} ms after the run asked.")
    assert late < SOON / 1000
    assert is_marked(queue)
    assert own_request_is_refused(portal, starter, request_id, run_page)

    queue.get_by_role("link", name=re.compile("Create 3 indexes on shop")).click()
    statement = leave_one_out_and_edit_one(decider)
    decider.look("request-edited")
    approve = queue.locator("#approve")
    expect(approve).to_have_text("Approve with changes and create 2 indexes")
    watch_for(run_page, says("Measure before", "#run-steps"))
    approve.click()
    expect(queue.locator("#request-said")).to_contain_text(
        "Approved with changes. The run continues with your changes."
    )
    took = noticed(run_page) - portal.decisions(request_id)[-1].at.timestamp()
    print(f"The open run page showed the next step {took * 1000:.0f} ms after the decision.")
    assert took < SOON / 1000

    for step in STEPS_AFTER:
        expect(steps(run_page)).to_contain_text(step, timeout=MEASURING)
    expect(run_page.locator("#run-head")).to_contain_text("Completed", timeout=MEASURING)
    assert is_marked(run_page)
    assert indexes(shop) == {CUSTOMER_INDEX: without_options(statement), CODE_INDEX: CODE_DEFINITION}
    receipt_tells(queue, portal, request_id)
    report_tells(run_page, statement)
    starter.look("run-completed")
    decider.look("request-applied")
    record_tells(portal, visit, run_id, request_id)


CODE_DEFINITION = f"CREATE INDEX {CODE_INDEX} ON public.shipments USING btree (tracking_code)"


def sign_in(portal: Portal, visitor: Visitor, who: str) -> None:
    """Open a link, which shows whom it signs in; press the button; find the link used up."""
    person = portal.people[who]
    made = portal.desk.assent("user", "link", person.email, "--json")
    assert made.returncode == 0, made.stderr
    link = json.loads(made.stdout)["link"]
    path = link.removeprefix(portal.desk.url)
    page = visitor.go(path)
    expect(page.get_by_role("heading", name=f"Sign in as {person.name}")).to_be_visible()
    if who == "dba":
        visitor.look("sign-in")
    page = visitor.go(path)  # opening it, however often, has not used it up
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/queue$"))
    expect(page.locator(".me")).to_contain_text(person.name)
    visitor.expect_status(410)
    expect(visitor.go(path, 410).get_by_role("heading")).to_have_text("This link has already been used")


def start_run(visitor: Visitor) -> Page:
    """Fill in the form that is drawn from the workflow's input model."""
    wanted = [query for query in workload_queries(SHOP_ORDERS) if query["name"] in (OF_CUSTOMER, BY_CODE, BY_COUPON)]
    page = visitor.go("/runs")
    page.get_by_role("link", name="Start a run").click()
    page.get_by_role("link", name="Database maintenance").click()
    visitor.look("start")
    page.get_by_label("Title").fill(TITLE)
    page.get_by_label("Target", exact=True).fill("shop")
    page.get_by_label("Environment").fill("sample")
    page.get_by_label("Workload", exact=False).and_(page.locator("textarea, input")).fill(json.dumps(wanted))
    page.locator("summary", has_text="Which queries are examined").click()
    page.get_by_label("Slow from (ms)").fill("0.1")
    page.get_by_label("Runs per measurement").fill("3")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    return page


def steps(page: Page) -> Locator:
    """The list of steps on a run's page."""
    return page.locator("#run-steps")


def own_request_is_refused(portal: Portal, starter: Visitor, request_id: str, run_page: Page) -> bool:
    """Who started the run is told so, finds no button, and a hand-made POST is refused."""
    page = starter.tab()
    page.goto(f"/requests/{request_id}")
    expect(page.locator("#decision")).to_contain_text("You started this run, so somebody else must decide.")
    expect(page.locator("#decision").get_by_role("button")).to_have_count(0)
    starter.look("request-own", page)
    token = page.locator("input[name=csrf_token]").first.input_value()
    digest = portal.request(request_id).digest
    form = {"csrf_token": token, "digest": digest, "verdict": "approve", "items_shown": "1", "item": CODE_INDEX}
    answer = starter.context.request.post(f"/requests/{request_id}/decisions", form=form)
    assert answer.status == 403
    assert "Requesters cannot approve their own requests" in answer.text()
    page.close()
    return not portal.decisions(request_id) and is_marked(run_page)


def leave_one_out_and_edit_one(visitor: Visitor) -> str:
    """Choose two of the three indexes and have one of them cover a further column."""
    page = visitor.page
    items = page.locator("#proposal .item")
    expect(items).to_have_count(3)
    expect(page.locator("#approve")).to_have_text("Approve and create 3 indexes")
    visitor.look("request")
    items.filter(has=page.locator(f"input[value={COUPON_INDEX}]")).get_by_role("checkbox").uncheck()
    expect(page.locator("#approve")).to_have_text("Approve with changes and create 2 indexes")
    edited = items.filter(has=page.locator(f"input[value={CUSTOMER_INDEX}]"))
    edited.get_by_text("Edit the statement").click()
    editor, field = edited.locator(".cm-content[contenteditable=true]"), edited.locator("textarea.code-edit")
    expect(editor).to_be_visible()
    statement = f"{field.input_value().rstrip().rstrip(';')} INCLUDE (status)"
    editor.fill(statement)
    expect(field).to_have_value(statement)
    page.locator("#f-comment").fill("The coupon index is not worth its writes.")
    return statement


def without_options(statement: str) -> str:
    """The statement as PostgreSQL tells the index it made."""
    text = statement.replace(" CONCURRENTLY IF NOT EXISTS", "")
    return re.sub(r' ON ("?public"?\.)?"?orders"? (USING btree )?', " ON public.orders USING btree ", text)


def indexes(shop: str) -> dict[str, str]:
    """The valid indexes that the sample did not bring, with their definitions."""
    with psycopg.connect(shop) as connection:
        found = connection.execute(
            "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND NOT i.indisprimary AND c.relname <> 'orders_created_at' AND i.indisvalid"
        )
        return dict(found.fetchall())


def receipt_tells(page: Page, portal: Portal, request_id: str) -> None:
    """The request's page, still open, says what really happened, with the factor that was measured."""
    said = page.locator("#request-said")
    expect(said).to_contain_text("2 of 2 approved indexes are in place.")
    expect(said).to_contain_text(re.compile(r"Measured: [\d.,]+\s?× faster"))
    expect(page.locator("#decision")).to_be_hidden()
    diff = page.locator("#proposal .code", has_text="Current proposal")
    expect(diff.locator(".ln.add")).to_contain_text(["INCLUDE (status)"])
    expect(diff.locator(".ln.del").filter(has_text=COUPON_INDEX)).not_to_have_count(0)
    receipt = portal.view(request_id).receipt
    assert receipt is not None and receipt.status == "applied"
    detail: Any = receipt.detail
    assert detail["factor"] > 1.2
    assert {item["id"]: item["status"] for item in detail["items"]} == {
        CUSTOMER_INDEX: "created",
        CODE_INDEX: "created",
    }
    print(f"Measured after approval: {detail['factor']:.1f} times faster, {detail['factor_of_users']:.1f} where used.")


def report_tells(page: Page, statement: str) -> None:
    """The report stands on the run's page, and comes as a file."""
    report = page.locator("#run-artifacts")
    expect(report).to_contain_text(re.compile(r"measured factor [\d.,]+\s?×"))
    expect(report).to_contain_text(statement)
    expect(report).not_to_contain_text(COUPON_INDEX)
    with page.expect_download() as download:
        report.get_by_role("link", name="Download").first.click()
    assert "# Database maintenance: shop" in download.value.path().read_text()


def record_tells(portal: Portal, visit: Visit, run_id: str, request_id: str) -> None:
    """The auditor finds all of it, in order."""
    auditor = visit("auditor")
    page = auditor.go(f"/audit?run_id={run_id}")
    auditor.look("audit")
    lines = page.locator("tbody tr .main").all_inner_texts()
    assert "run: Maintenance of the shop" in lines[-1]
    # The titles of the request and the run stand below what was done.
    told = [line.split("\n")[0].strip() for line in reversed(lines)]
    # A worker learns from the edit within a few seconds, at any place among the others.
    assert [line for line in told if line != "Assent learned a lesson from a correction"] == [
        "Release engineer started a run",
        "optimizer agent (agent) requested approval",
        "DBA on call approved a request with changes",
        "Assent settled a request: approved with changes",
        "Assent recorded that the run received the outcome",
        "Assent recorded that the run did what was approved",
        "Assent completed a run",
        "Release engineer downloaded an artifact",
    ]
    numbers = [int(text) for text in page.locator("tbody tr td:first-child").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True)
    everything = auditor.go("/audit")
    for who in ("Release engineer", "DBA on call"):
        expect(everything.locator("tbody tr .main", has_text=who).filter(has_text="signed in")).to_have_count(1)
