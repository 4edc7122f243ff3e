"""The first minute: `assent serve --demo`, which `bin/dev` starts, and what somebody sees who opens the printed link.

Each further start keeps the data and adds only new links.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import psycopg
from playwright.sync_api import Browser, Page, expect

from app.demo.cast import CAST
from app.embedded import find_running
from tests.processes.harness import ASSENT, Managed, assent, environment, free_port

LINK = re.compile(r"http://\S+/sign-in/\S+")
AT_WORK = re.compile("agent|analyst")
"""Parts of the names of all agents of the live run."""
ASKED = "SELECT count(*) FROM approval_requests WHERE run_id IS NULL"
SOON = 20_000
"""Milliseconds within which the queue is there after the first sign-in while other tests keep the machine busy;
`bench.first_minute` says how long it takes."""
SURPRISE = 180_000
"""Milliseconds within which the live run asks for approval while other tests keep the machine busy."""


def test_a_visitor_signs_in_by_the_printed_link_and_finds_a_queue_and_a_tour(tmp_path, browser):
    settings = {"ASSENT_DATA_DIR": str(tmp_path), "ASSENT_PORT": str(free_port())}
    serve = Managed("serve", [*ASSENT, "serve", "--demo"], environment(**settings), "Open  http")
    try:
        serve.start(wait=False).wait_for_log("Open  http", 240)
        first = LINK.findall(serve.logs)
        assert len(first) == len(CAST) == 6
        address = the_first_minute(browser, first[0])
        run = the_run_is_real(tmp_path, settings)

        # What each start of `assent serve --demo` runs.
        with psycopg.connect(find_running(tmp_path, "shop")) as shop:
            assert shop.execute("SELECT count(*) FROM orders").fetchone() == (300_000,)
            shop.execute("DELETE FROM shipments")
            shop.commit()
        with psycopg.connect(find_running(tmp_path)) as database:
            asked = database.execute(ASKED).fetchone()
        given = {"ASSENT_DATABASE_URL": find_running(tmp_path)}
        done = assent("demo", "--sample", find_running(tmp_path, "shop"), **settings, **given)
        assert done.returncode == 0, done.stderr
        second = LINK.findall(done.stdout)
        assert len(second) == 6 and not set(first) & set(second)
        with psycopg.connect(find_running(tmp_path)) as database:
            assert database.execute(ASKED).fetchone() == asked
        assert [entry["id"] for entry in runs(settings)] == [run], "nothing is added that is there"
        with psycopg.connect(find_running(tmp_path, "shop")) as shop:
            assert shop.execute("SELECT count(*) FROM shipments").fetchone() == (0,), "what was done to it stays"
        the_tour_is_over(browser, second[0], address)
        assert serve.stop() == 0
        plain = Managed("serve", [*ASSENT, "serve"], environment(**settings), "Open  http")
        plain.start()
        assert "stays marked as one" in plain.logs, "without the option, it says what this database is"
        plain.stop()
    finally:
        if serve.running:
            serve.stop()


def runs(settings: dict[str, str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(assent("run", "list", "--json", **settings).stdout)
    return found


def the_run_is_real(folder: Path, settings: dict[str, str]) -> object:
    """The run of the sample shop; and the examples of the start page name files that exist."""
    [run] = runs(settings)
    assert (run["workflow"], run["started_by"]) == ("database_maintenance", "Release engineer")
    given = run["input"]
    assert isinstance(given, dict) and given["target"] == "shop"
    assert (folder / "maintenance" / given["workload"]).is_file()
    with psycopg.connect(find_running(folder)) as database:
        [(text,)] = database.execute("SELECT examples FROM workflows WHERE name = 'package_deployment'")
    examples = json.loads(text)
    assert examples and all(Path(example["package"]).is_file() for example in examples)
    return run["id"]


def signed_in(browser: Browser, link: str) -> Page:
    """A page of a browser of its own, right after the sign-in."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    return page


def the_first_minute(browser: Browser, link: str) -> str:
    """The queue is there at once, with the tour, and every page says that it is a demo. Returns the queue's address."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(link)
    expect(page.get_by_text("Demo", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#queue-list .row").nth(20)).to_be_attached(timeout=SOON)
    expect(page.get_by_text("Demo", exact=True)).to_be_visible()
    tour = page.get_by_role("region", name="A minute in this demo")
    expect(tour.get_by_role("listitem")).to_have_count(3)
    # The surprise is on its way, and the queue says so.
    expect(page.get_by_role("navigation", name="Main")).to_contain_text("1 live")
    expect(page.get_by_role("complementary", name="At work")).to_contain_text(AT_WORK)
    tour.get_by_role("button", name="Close the tour").click()
    expect(page.get_by_role("heading", name="How this works")).to_be_visible()
    expect(tour).to_have_count(0)
    address = page.url
    the_surprise_arrives(page)
    page.context.close()
    return address


def the_surprise_arrives(page: Page) -> None:
    """The request of the live run is announced on the open queue, and the agent then no longer counts as working."""
    fresh = page.get_by_role("button", name="1 new request")
    expect(fresh).to_be_visible(timeout=SURPRISE)
    known = [f"#{row.get_attribute('id')}" for row in page.locator("#queue-rows .row").all()]
    fresh.click()
    new = page.locator(f"#queue-rows .row:not({', '.join(known)})")
    expect(new).to_have_count(1)
    expect(new).to_contain_text("database maintenance")
    expect(page.get_by_role("complementary", name="At work")).to_be_hidden()


def the_tour_is_over(browser: Browser, link: str, address: str) -> None:
    """Who has closed the tour never sees it again."""
    page = signed_in(browser, link)
    expect(page.get_by_role("heading", name="How this works")).to_be_visible()
    assert page.url == address
    expect(page.get_by_role("region", name="A minute in this demo")).to_have_count(0)
    page.context.close()
