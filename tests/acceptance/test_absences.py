"""The page of absences in a browser: in the person's own time zone, in every light, on a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from tests.acceptance.conftest import Portal
from tests.acceptance.visitors import Visitor

Visit = Callable[..., Visitor]
TOKYO = ZoneInfo("Asia/Tokyo")


def test_an_absence_is_entered_in_ones_own_time(portal: Portal, visit: Visit) -> None:
    dba = visit("dba", timezone_id="Asia/Tokyo", locale="en-GB")
    page = dba.go("/absences")
    begins = page.get_by_label("From (Asia/Tokyo)")
    shown = datetime.fromisoformat(begins.input_value()).replace(tzinfo=TOKYO)
    assert abs((shown - datetime.now(TOKYO)).total_seconds()) < 180

    year = shown.year + 1
    begins.fill(f"{year}-01-10T09:00")
    page.get_by_label("Until (Asia/Tokyo)").fill(f"{year}-01-17T09:00")
    page.get_by_label("Delegate").select_option(label=f"Platform lead, {portal.people['lead'].email}")
    page.get_by_label("Note").fill("At the sea")
    page.get_by_role("button", name="Add absence").click()
    expect(page.get_by_text("Platform lead may decide on behalf of DBA on call.")).to_be_visible()

    [kept] = portal.services.absences.of(portal.people["dba"].id)
    assert kept.starts_at == datetime(year, 1, 10, 9, tzinfo=TOKYO)
    # The table, too, is in the reader's time.
    own = page.get_by_role("region", name="Your absences, table")
    expect(own.get_by_text(f"10 Jan {year}, 09:00")).to_be_visible()


def test_the_page_in_every_light_and_on_a_phone(portal: Portal, visit: Visit) -> None:
    now = portal.services.clock()
    release, lead = portal.actor("release"), portal.actor("lead")
    portal.services.absences.add(
        lead,
        release.id,
        lead.id,
        now,
        now.replace(year=now.year + 1),
        "Back when the migration to the new site is done",
    )
    admin = visit("lead")
    admin.go("/absences")
    admin.look("absences-admin", everywhere=True)
    admin.page.set_viewport_size({"width": 360, "height": 780})
    expect(admin.go("/absences").locator("#nav [aria-current]")).to_be_in_viewport(ratio=0.9)

    own = visit("release")
    page = own.go("/absences")
    own.expect_status(422)
    page.get_by_label("Until").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Add absence").click()
    expect(page.get_by_role("alert")).to_be_focused()
    own.look("absences-refused", everywhere=True)

    page.get_by_role("button", name="End now").click()
    expect(page.get_by_text("The absence of Release engineer has ended.")).to_be_visible()


def test_a_page_without_a_script_is_in_utc(portal: Portal, visit: Visit) -> None:
    page = visit("dba", java_script_enabled=False, timezone_id="Asia/Tokyo").go("/absences")
    expect(page.get_by_label("From (UTC)")).to_be_visible()
