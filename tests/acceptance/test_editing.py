"""Editing a proposal: the editor comes when it is wanted, shows what differs, and what is written outlives the tab."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from app.domain.people import Via
from assent.contracts import Verdict
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import SOON

SCRIPT = "select 1;\ndrop table orders;\nselect '\u202e3';"


def script(portal: Portal) -> str:
    """The id of a request to run a script with a finding in its second line and a hidden character in its third."""
    return portal.pending(portal.start("test_script", text=SCRIPT))


def opened(page: Page) -> None:
    """Edit the script."""
    page.locator("#edit-script summary").click()
    expect(page.locator(".editor .cm-content").last).to_be_visible()


def test_the_editor_is_loaded_for_editing_and_shows_what_differs(portal: Portal, visit: Visit) -> None:
    request_id = script(portal)
    reviewer = visit("dba")
    loaded: list[str] = []
    reviewer.context.on("request", lambda request: loaded.append(request.url))
    page = reviewer.go(f"/requests/{request_id}")
    page.wait_for_load_state("networkidle")
    assert not any("/chunks/editor-" in url for url in loaded)
    opened(page)
    assert any("/chunks/editor-" in url for url in loaded)
    written = page.get_by_role("textbox", name="The script that would run")
    expect(written).to_contain_text("⟨U+202E⟩")
    expect(page.locator(".editor .cm-lint-marker").first).to_be_visible()
    reviewer.look("editor-open")
    written.press("Control+Home")
    page.keyboard.type("-- checked")
    page.keyboard.press("Enter")
    expect(page.locator(".editor .cm-changedLine, .editor .cm-insertedLine").first).to_contain_text("-- checked")
    expect(page.locator("#f-content")).to_have_value("-- checked\n" + SCRIPT)
    expect(page.locator("#approve")).to_contain_text("Approve with changes")
    page.keyboard.press("Tab")
    expect(written).not_to_be_focused()
    reviewer.look("editor-changed")


def test_what_was_written_survives_a_reload_until_it_is_discarded(portal: Portal, visit: Visit) -> None:
    request_id = script(portal)
    page = visit("dba").go(f"/requests/{request_id}")
    opened(page)
    page.locator(".editor .cm-content").last.press("Control+Home")
    page.keyboard.type("-- mine ")
    page.locator("#f-comment").fill("Half a sentence")
    page.reload()
    drafts = page.locator("#request-drafts")
    expect(drafts).to_contain_text("is back in its fields")
    expect(page.locator("#f-comment")).to_have_value("Half a sentence")
    expect(page.locator("#f-content")).to_have_value("-- mine " + SCRIPT)
    expect(page.locator(".editor .cm-content").last).to_contain_text("-- mine")
    drafts.get_by_role("button", name="Discard it").click()
    expect(page.locator("#f-comment")).to_have_value("")
    expect(page.locator(".editor .cm-content").last).not_to_contain_text("-- mine")
    page.reload()
    expect(page.locator("#f-comment")).to_have_value("")
    expect(drafts).to_be_empty()


def test_a_draft_goes_when_its_person_signs_out(portal: Portal, visit: Visit) -> None:
    request_id = script(portal)
    page = visit("dba").go(f"/requests/{request_id}")
    page.locator("#f-comment").fill("For my eyes")
    page.wait_for_function("() => Object.keys(localStorage).some((key) => key.startsWith('assent-draft:'))")
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    page.wait_for_url("**/sign-in**")
    assert page.evaluate("() => Object.keys(localStorage)") == []


def test_a_change_elsewhere_leaves_the_editor_and_its_text_is_offered_to_copy(portal: Portal, visit: Visit) -> None:
    request_id = script(portal)
    seen = portal.request(request_id)
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{request_id}")
    opened(page)
    page.wait_for_load_state("networkidle")
    written = page.locator(".editor .cm-content").last
    written.press("Control+Home")
    page.keyboard.type("-- mine ")
    change = {"content": "select 2"}
    portal.services.checkpoints.decide(
        request_id, portal.actor("lead", Via.API), Verdict.MODIFY, seen.digest, change=change
    )
    expect(page.locator("#request-meanwhile")).to_contain_text("changed while you were writing", timeout=SOON)
    expect(written).to_contain_text("-- mine")
    expect(written).to_be_focused()
    for button in page.locator("#decision button:not([hidden])").all():
        expect(button).to_be_disabled()
    page.get_by_role("link", name="Show what is asked now").click()
    expect(page.locator("#request-drafts")).to_contain_text("-- mine select 1;")
    expect(page.locator("#f-comment")).to_have_value("")
    assert reviewer.posts == []


def test_two_who_look_at_a_request_see_each_other(portal: Portal, visit: Visit) -> None:
    request_id = script(portal)
    first = visit("dba").go(f"/requests/{request_id}")
    first.wait_for_load_state("networkidle")
    expect(first.locator("#present")).to_be_hidden()
    second = visit("lead").go(f"/requests/{request_id}")
    expect(first.locator("#present")).to_have_text("Platform lead", timeout=SOON)
    expect(second.locator("#present")).to_have_text("DBA on call", timeout=SOON)
    # The facts are fetched anew when something happens; who looks stays said.
    portal.services.checkpoints.comment(request_id, portal.actor("release", Via.API), "Mind the report.")
    expect(first.locator("#timeline")).to_contain_text("Mind the report.", timeout=SOON)
    expect(first.locator("#present")).to_have_text("Platform lead")
    second.goto("/runs")
    expect(first.locator("#present")).to_be_hidden(timeout=SOON)
