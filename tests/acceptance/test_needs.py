"""What somebody needs, in a browser, routed by a real worker: the form is filled in, and started by the person only."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import NARROW


@pytest.mark.parametrize(
    ("table", "options"),
    [("orders", {}), ("items", {"viewport": NARROW, "color_scheme": "dark", "java_script_enabled": False})],
)
def test_a_need_leads_to_a_form_and_starts_nothing(
    portal: Portal, visit: Visit, table: str, options: dict[str, object]
) -> None:
    dba = visit("dba", **options)
    before = len(portal.services.runs.recent("", None, 50))
    page = dba.go("/runs/new")
    need = f"The shop database needs fresh statistics and an index check of {table} in staging."
    page.get_by_label("What do you need?").fill(need)
    page.get_by_role("button", name="Find a workflow").click()
    answer = page.locator("#answer")
    expect(answer.get_by_role("heading", name="Database maintenance")).to_contain_text("% sure")
    expect(answer).to_contain_text("Database performance not installed")
    if not options:
        dba.look("need")
    answer.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Start Database maintenance")).to_be_visible()
    expect(page.get_by_label("Target")).to_have_value("shop")
    expect(page.get_by_label("Environment")).to_have_value("staging")
    assert len(portal.services.runs.recent("", None, 50)) == before
    assert page.url.startswith(f"{portal.desk.url}/runs/new/database_maintenance?need=")


def test_enter_sends_the_need_and_shift_enter_begins_a_line(visit: Visit) -> None:
    dba = visit("dba")
    for place in ("/queue", "/runs/new"):
        page = dba.go(place)
        field = page.get_by_label("What do you need?")
        field.press("Enter")
        assert page.url.endswith(place), "an empty field is not sent"
        field.press_sequentially("The shop database needs fresh statistics")
        field.press("Shift+Enter")
        field.press_sequentially("and an index check.")
        expect(field).to_have_value("The shop database needs fresh statistics\nand an index check.")
        field.press("Enter")
        expect(page.locator("#answer")).to_contain_text("Database maintenance")
