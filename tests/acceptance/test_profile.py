"""What is one's own, in a browser: the profile holds at once and everywhere, an ended session is told to its pages, and
a mail is decided on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from app.domain.ballot import Ballot
from app.domain.links import sign
from app.services.notifications.deliveries import DeliveryFilter
from app.services.notifications.messages import bound_of
from assent.contracts import Verdict
from tests.acceptance.conftest import STAYING, Portal, Visit
from tests.acceptance.visitors import NARROW, SOON
from tests.factories import make_sign_in
from tests.hookserver import HookServer
from tests.processes.harness import SECRET_KEY
from tests.pushservice import PushedBrowser

KATHMANDU = ZoneInfo("Asia/Kathmandu")
_COLOURS = """() => [
    getComputedStyle(document.body).backgroundColor, getComputedStyle(document.documentElement).colorScheme
]"""


@pytest.fixture(autouse=True)
def as_before(portal: Portal) -> Iterator[None]:
    """Nobody's choice outlives its test."""
    yield
    for key in portal.people:
        portal.services.people.prefer(portal.actor(key), STAYING)


def choose(page: Page, **values: str) -> None:
    """Fill in and save."""
    for label, value in values.items():
        if label == "zone":
            page.get_by_label("Time zone").select_option(value)
        else:
            page.get_by_label(value).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Your preferences are saved")


def test_the_chosen_zone_is_that_of_every_time(portal: Portal, visit: Visit) -> None:
    dba = visit("dba", timezone_id="America/New_York", locale="en-GB")
    page = dba.go("/profile")
    choose(page, zone="Asia/Kathmandu")
    page = dba.go("/absences")
    begins = page.get_by_label("From (Asia/Kathmandu)")
    shown = datetime.fromisoformat(begins.input_value()).replace(tzinfo=KATHMANDU)
    assert abs((shown - datetime.now(UTC)).total_seconds()) < 180
    begins.fill(f"{shown.year + 2}-03-01T09:00")
    page.get_by_label("Until (Asia/Kathmandu)").fill(f"{shown.year + 2}-03-02T09:00")
    page.get_by_role("button", name="Add absence").click()
    cell = page.get_by_role("region", name="Your absences, table").get_by_text(f"1 Mar {shown.year + 2}, 09:00")
    expect(cell).to_be_visible()
    assert cell.get_attribute("datetime") == f"{shown.year + 2}-03-01T03:15:00.000+00:00"


@pytest.mark.parametrize(("system", "chosen"), [("light", "Dark"), ("dark", "Light")])
def test_the_chosen_colours_are_there_from_the_first_byte(visit: Visit, system: str, chosen: str) -> None:
    wanted = chosen.lower()
    visitor = visit("dba", color_scheme=system)
    page = visitor.go("/profile")
    before = page.evaluate(_COLOURS)
    choose(page, theme=chosen)
    assert page.evaluate(_COLOURS)[0] != before[0]
    assert page.evaluate(_COLOURS)[1] == wanted
    page = visitor.tab()
    page.route("**/*.js*", lambda route: route.abort())
    visitor.expect_trouble("ERR_FAILED")
    page.goto("/queue")
    assert page.evaluate(_COLOURS)[1] == wanted, "a script was needed for it"
    visitor.expect_status(404)
    page.goto("/nowhere")
    assert page.evaluate(_COLOURS)[1] == wanted


def test_compact_shows_more_and_breaks_nothing(portal: Portal, visit: Visit) -> None:
    visitor = visit("lead")
    page = visitor.go("/profile")
    tall = page.locator(".page").bounding_box()
    choose(page, density="Compact")
    page = visitor.go("/profile")
    short = page.locator(".page").bounding_box()
    assert tall and short and short["height"] < 0.95 * tall["height"]
    run_id = portal.start("test_gate", title="Seen compactly")
    request_id = portal.pending(run_id)
    for name, path in (("profile", "/profile"), ("queue", "/queue"), ("request", f"/requests/{request_id}")):
        visitor.go(path)
        visitor.look(f"compact-{name}")


def test_the_page_in_every_light_and_on_a_phone(portal: Portal, visit: Visit) -> None:
    agents = ("Firefox on Windows", "Safari on an iPhone", "An unknown browser on Linux")
    for agent in agents:
        make_sign_in(portal.services.sessions, portal.people["release"], browser=agent)
    visitor = visit("release")
    visitor.go("/profile")
    visitor.look("profile", everywhere=True)
    visitor.expect_status(422)
    page = visitor.page
    page.evaluate("() => document.querySelector('#f-time_zone option').setAttribute('value', 'Mars/Olympus')")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_focused()
    visitor.look("profile-refused", everywhere=True)


def test_an_ended_session_is_told_to_its_open_pages(portal: Portal, visit: Visit) -> None:
    request_id = portal.pending(portal.start("test_gate", title="Read on a phone"))
    phone, laptop = visit("dba"), visit("dba")
    open_page = phone.go(f"/requests/{request_id}")
    open_page.wait_for_load_state("networkidle")
    open_page.locator("#f-comment").fill("Half a thought")
    page = laptop.go("/profile")
    others = page.locator("tbody tr").filter(has_not_text="this browser")
    phone.expect_trouble("WebSocket|status of 400")
    while left := others.count():
        others.first.get_by_role("button", name="Sign out").click()
        expect(others).to_have_count(left - 1)
        expect(page.get_by_role("status")).to_contain_text("That session has ended.")
    expect(open_page.locator("#request-meanwhile")).to_contain_text("You are signed out.", timeout=2 * SOON)
    expect(open_page.locator("#connection")).to_have_text("You are signed out. Sign in again")
    expect(open_page.locator("#f-comment")).to_have_value("Half a thought")
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page).to_have_url(re.compile("/sign-in$"))


def test_it_works_without_a_script(portal: Portal, visit: Visit) -> None:
    page = visit("viewer", java_script_enabled=False, timezone_id="Asia/Tokyo").go("/profile")
    choose(page, zone="Asia/Kathmandu", density="Compact")
    expect(page.locator("#f-time_zone-more time")).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d \+0545$"))
    page.get_by_role("link", name="Viewer, your profile").click()
    page.locator("tbody tr").filter(has_text="this browser").get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_mail_is_looked_at_in_the_outbox_and_decided_on_a_phone_without_scripts(portal: Portal, visit: Visit) -> None:
    run = portal.start("test_script", text="update orders set paid = true where id = 7", title="Clean up")
    request_id = portal.pending(run)
    lead, kept = portal.actor("lead"), DeliveryFilter(kept=True, request_id=request_id, text="DBA on call")
    [row] = portal.until(lambda: portal.services.deliveries.page(lead, kept).rows)
    admin = visit("lead")
    page = admin.go("/outbox")
    admin.look("outbox")
    page.get_by_role("row").filter(has_text="DBA on call").get_by_role("link").first.click()
    frame = page.frame_locator("iframe[title='The email']")
    link = frame.get_by_role("link", name="Review and decide")
    expect(link).to_be_visible()
    address = link.get_attribute("href") or ""
    page.locator("iframe").scroll_into_view_if_needed()
    admin.look("delivery")
    admin.go("/deliveries")
    admin.look("deliveries")
    admin.go("/profile/notifications")
    admin.look("notifications")
    admin.go("/profile/slack")
    admin.look("slack")
    # An administrator cannot decide with the link of somebody else while they are signed in.
    admin.expect_status(403)
    admin.go(urlsplit(address).path, 403)
    phone = visit("", java_script_enabled=False, viewport=NARROW, color_scheme="dark")
    page = phone.go(urlsplit(address).path)
    page.get_by_label("Comment for the agent").fill("From the train.")
    page.get_by_role("button", name=re.compile("^Approve")).click()
    expect(page.get_by_role("heading", name="You have decided")).to_be_visible()
    portal.finish(run)
    [decision] = portal.decisions(request_id)
    assert (decision.via, decision.comment) == ("mail", "From the train.")
    said = [line.what for line in portal.view(request_id).timeline if line.who == "Assent"]
    assert any("kept a notification by email for DBA on call" in text for text in said), said
    assert row.delivery.subject.endswith("risk: Run a script")
    # The page itself is judged with its own link, still unused.
    other = portal.pending(portal.start("test_script", text="update orders set paid = true where id = 8", title="More"))
    kept = DeliveryFilter(kept=True, request_id=other, text="DBA on call")
    [row] = portal.until(lambda: portal.services.deliveries.page(lead, kept).rows)
    visitor = visit()
    visitor.go(f"/decide/{sign(SECRET_KEY, bound_of(row.delivery))}")
    visitor.look("by-link")
    visitor.expect_status(404)
    visitor.go(f"/decide/{row.delivery.id}", 404)
    visitor.look("by-link-unknown")


_PUSH_SERVICE = """(subscription) => {
    // In place of the service of the browser's maker, which this machine does not reach.
    PushManager.prototype.getSubscription = async () => window.name === "allowed" ? made : null;
    PushManager.prototype.subscribe = async (options) => {
        window.name = "allowed";
        window.usedKey = btoa(String.fromCharCode(...options.applicationServerKey));
        return made;
    };
    const made = { toJSON: () => subscription, unsubscribe: async () => { window.name = ""; return true; } };
}"""
_SHOWN = """async () => {
    const { active } = await navigator.serviceWorker.ready;
    const shown = await (await navigator.serviceWorker.getRegistration("/")).getNotifications();
    return active && shown.map((each) => [each.title, each.body, each.data.url]);
}"""


def test_a_browser_shows_notifications_once_its_person_allows_it(portal: Portal, visit: Visit) -> None:
    dba, browser = visit("dba", permissions=["notifications"]), PushedBrowser()
    server = HookServer()
    server.always = (201, {})
    server.start()
    subscription = {"endpoint": f"http://127.0.0.1:{server.port}/push", "keys": browser.keys}
    dba.context.add_init_script(f"({_PUSH_SERVICE})({json.dumps(subscription)})")
    page = dba.go("/profile/notifications")
    section = page.locator("#browsers")
    expect(section.get_by_role("listitem")).to_have_count(0)
    section.get_by_role("button", name="Show notifications in this browser").click()
    expect(section.get_by_role("listitem")).to_contain_text("this session")
    dba.look("notifications-browser", page)
    section.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status").first).to_contain_text("on its way")
    portal.until(lambda: server.calls)
    told = browser.read(server.calls[0].body)
    assert told["title"] == "This is a test notification"

    # What arrived is handed to the browser as its push service would.
    session = dba.context.new_cdp_session(page)
    found: list[str] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(
        one["registrationId"] for one in event["registrations"]
    ))  # fmt: skip
    session.send("ServiceWorker.enable")
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    session.send("ServiceWorker.deliverPushMessage", {
        "origin": portal.desk.url, "registrationId": found[0], "data": json.dumps(told | {"url": "https://evil.example/"}),
    })  # fmt: skip
    # Not `wait_for_function`, which takes the promise itself for true.
    portal.until(lambda: page.evaluate(_SHOWN))
    assert page.evaluate(_SHOWN) == [[told["title"], "", f"{portal.desk.url}/queue"]], "no address of somebody else"

    section.get_by_role("button", name="Turn off in this browser").click()
    expect(page.get_by_role("status").first).to_contain_text("Notifications are off in that browser")
    expect(section.get_by_role("listitem")).to_have_count(0)
    server.stop()


def test_the_portal_can_be_installed_as_an_app(portal: Portal, visit: Visit) -> None:
    page = visit("dba").go("/queue")
    session = page.context.new_cdp_session(page)
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in errors] == ["in-incognito"], "only because this is a test's profile"
    manifest = session.send("Page.getAppManifest")
    assert not manifest["errors"] and json.loads(manifest["data"])["start_url"] == "/queue"


def test_a_decided_request_is_found_again_and_who_approved_it(portal: Portal, visit: Visit) -> None:
    """By its content, by who decided, and in the audit log by its title; the address holds the search."""
    request_id = portal.pending(portal.start("test_script", text="select almonds from orders", title="Find me again"))
    request = portal.request(request_id)
    ballot = Ballot(Verdict.APPROVE, request.digest)
    assert portal.services.checkpoints.decide(request_id, portal.actor("dba"), ballot).resolved
    visitor = visit("auditor")
    page = visitor.go("/queue")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Decided").click()
    page.get_by_label("Search").fill("ALMON")
    page.get_by_label("Decided by").select_option(label="DBA on call")
    page.get_by_role("button", name="Search").click()
    row = page.locator(f"#decided-{request_id}")
    expect(row).to_contain_text("Approved")
    expect(page).to_have_url(re.compile("text=ALMON&decided_by="))
    visitor.look("decided", everywhere=True)
    page.reload()
    expect(row.get_by_role("link")).to_have_text(request.title)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    assert waiting.value.suggested_filename == "assent-decided-requests.csv"
    page = visitor.go("/audit")
    page.get_by_label("Request or run").fill(request.title)
    page.get_by_label("Action").select_option(label="approved a request")
    page.get_by_role("button", name="Search").click()
    entry = page.get_by_role("row").filter(has_text="DBA on call approved a request").first
    expect(entry.get_by_role("link", name=request.title).first).to_be_visible()
    expect(entry.locator("time")).to_have_text(re.compile(r"\d:\d\d:\d\d"))
    visitor.look("audit-found", everywhere=True)
