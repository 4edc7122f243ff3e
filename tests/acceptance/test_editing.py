"""Editing a proposal: the editor comes when it is wanted, shows what differs, and what is written outlives the tab."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, Route, expect

from app.domain.ballot import Ballot
from app.domain.people import Via
from app.risk.assess import assess_proposal
from assent.contracts import Verdict
from tests import factories
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import NARROW, SOON, is_marked, mark
from tests.factories import make_request, make_sign_in, session_cookie
from tests.processes.harness import SECRET_KEY

SCRIPT = "select 1;\ndrop table orders;\nselect '\u202e3';"


BASE = {"summary": "", "agent": "", "labels": {}, "risk_floor": "safe", "expires_in_seconds": None}


def script(portal: Portal) -> str:
    """The id of a request to run a script with a finding in its second line and a hidden character in its third."""
    return portal.pending(portal.start("test_script", text=SCRIPT))


def unasked(portal: Portal) -> str:
    """The same without a run behind it, for what needs none."""
    return str(make_request(portal.services.sessions, payload=factories.script(SCRIPT)).id)


def opened(page: Page) -> Locator:
    """Edit the script; what one writes into."""
    page.locator("#edit-script summary").click()
    written = page.get_by_role("textbox", name="The script that would run")
    expect(page.locator(".editor .cm-content").last).to_be_visible()
    return written


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
    assert page.locator(".editor-sides span").all_inner_texts() == ["Proposed", "Your edit"]
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


def test_who_types_while_the_editor_comes_goes_on_in_it(portal: Portal, visit: Visit) -> None:
    request_id = script(portal)
    page = visit("dba").go(f"/requests/{request_id}")
    held: list[Route] = []
    page.route("**/chunks/editor-*", lambda route: held.append(route))
    page.locator("#edit-script summary").click()
    plain = page.locator("#f-content")
    plain.fill("select 1")
    plain.select_text()
    with page.expect_response("**/chunks/editor-*"):
        held[0].continue_()
    expect(page.locator(".editor .cm-content").last).to_be_focused()
    page.keyboard.type("select 2")
    expect(plain).to_have_value("select 2")


def test_what_was_written_survives_a_reload_until_it_is_discarded(portal: Portal, visit: Visit) -> None:
    request_id = script(portal)
    page = visit("dba").go(f"/requests/{request_id}")
    opened(page)
    page.locator(".editor .cm-content").last.press("Control+Home")
    page.keyboard.type("-- mine ")
    page.locator("#f-comment").fill("Half a sentence")
    page.reload()
    drafts = page.locator("#request-drafts")
    expect(drafts).to_contain_text("has been restored")
    expect(page.locator("#f-comment")).to_have_value("Half a sentence")
    expect(page.locator("#f-content")).to_have_value("-- mine " + SCRIPT)
    expect(page.locator(".editor .cm-content").last).to_contain_text("-- mine")
    drafts.get_by_role("button", name="Discard").click()
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
        request_id, portal.actor("lead", Via.API), Ballot(Verdict.MODIFY, seen.digest, change=change)
    )
    expect(page.locator("#request-meanwhile")).to_contain_text("changed while you were writing", timeout=SOON)
    expect(written).to_contain_text("-- mine")
    expect(written).to_be_focused()
    for button in page.locator("#decision button:not([hidden])").all():
        expect(button).to_be_disabled()
    page.get_by_role("link", name="Show the new proposal").click()
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
    second.locator("#edit-script summary").click()
    second.locator(".editor .cm-content").last.press("End")
    second.keyboard.type(" ")
    expect(first.locator("#present")).to_have_text("Platform lead (editing)", timeout=SOON)
    second.keyboard.press("Backspace")
    second.locator("#f-comment").fill("A comment is no edit")
    expect(first.locator("#present")).to_have_text("Platform lead", timeout=SOON)
    # The facts are fetched again when something happens; who looks stays said.
    portal.services.checkpoints.comment(request_id, portal.actor("release", Via.API), "Mind the report.")
    expect(first.locator("#timeline")).to_contain_text("Mind the report.", timeout=SOON)
    expect(first.locator("#present")).to_have_text("Platform lead")
    second.goto("/runs")
    expect(first.locator("#present")).to_be_hidden(timeout=SOON)


def test_on_a_wide_screen_both_texts_stand_side_by_side(portal: Portal, visit: Visit) -> None:
    request_id = unasked(portal)
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{request_id}")
    expect(page.locator(".list")).to_be_visible()
    written = opened(page)
    expect(page.locator(".editor .cm-merge-a")).to_contain_text("drop table orders")
    # The list makes room, and comes back.
    expect(page.locator(".list")).to_be_hidden()
    written.press("Control+Home")
    page.keyboard.type("-- mine ")
    expect(page.locator(".editor .cm-merge-b .cm-changedLine")).to_have_text("-- mine select 1;")
    expect(page.locator(".editor .cm-merge-a .cm-changedLine")).to_have_text("select 1;")
    reviewer.look("editor-side-by-side")
    page.locator("#edit-script summary").click()
    expect(page.locator(".list")).to_be_visible()


def test_whatever_way_text_comes_in_the_policy_holds(portal: Portal, visit: Visit) -> None:
    """What the policy refuses is an error on the console, which fails this test."""
    reviewer = visit("dba", permissions=["clipboard-read", "clipboard-write"])
    page = reviewer.go(f"/requests/{unasked(portal)}")
    written, field = opened(page), page.locator("#f-content")
    other = reviewer.tab()
    other.set_content("<p>a <b style='color: red'>rich</b> text</p>")
    other.locator("p").click()
    other.keyboard.press("Control+a")
    other.keyboard.press("Control+c")
    page.bring_to_front()
    written.press("Control+Home")
    page.keyboard.press("Shift+End")
    page.keyboard.press("Control+v")
    expect(field).to_have_value("a rich text\ndrop table orders;\nselect '\u202e3';")
    # Dragged to the line below.
    page.keyboard.press("Control+Home")
    page.keyboard.press("Shift+End")
    from_line = page.locator(".editor .cm-merge-b .cm-line").first.bounding_box()
    assert from_line is not None
    page.mouse.move(from_line["x"] + 15, from_line["y"] + 10)
    page.mouse.down()
    page.mouse.move(from_line["x"] + 20, from_line["y"] + 30, steps=5)
    page.mouse.move(from_line["x"] + 60, from_line["y"] + 45, steps=5)
    page.mouse.up()
    expect(field).not_to_have_value("a rich text\ndrop table orders;\nselect '\u202e3';")
    # Composed, as by an input method, over a selection.
    page.keyboard.press("Control+a")
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": "に", "selectionStart": 1, "selectionEnd": 1})
    keyboard.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    keyboard.send("Input.insertText", {"text": "日本"})
    expect(field).to_have_value("日本")


def test_a_json_field_is_edited_likewise(portal: Portal, visit: Visit) -> None:
    args = {"matrix": [[1], "x"]}
    call = {"kind": "tool_call", "title": "Send", "tool": "send", "args": args, "args_schema": None, "environment": ""}
    request = make_request(portal.services.sessions, payload={**BASE, **call})
    page = visit("dba").go(f"/requests/{request.id}")
    page.locator("#edit-data > summary").click()
    page.get_by_label("Matrix", exact=True).focus()
    written = page.get_by_role("textbox", name="Matrix")
    expect(page.locator(".editor")).to_be_visible()
    expect(written).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("[[2]]")
    expect(page.locator("[name='args.matrix']")).to_have_value("[[2]]")
    written.press("Control+Enter")
    expect(page.locator("#request-said")).to_contain_text("Approved with changes")
    assert portal.request(str(request.id)).payload["args"] == {"matrix": [[2]]}


def test_on_a_phone_what_is_deleted_shows_its_hidden_characters(portal: Portal, visit: Visit) -> None:
    page = visit("dba", viewport=NARROW).go(f"/requests/{unasked(portal)}")
    opened(page).press("Control+End")
    page.keyboard.press("Shift+Home")
    page.keyboard.press("Backspace")
    expect(page.locator(".editor .cm-deletedChunk")).to_contain_text("select '⟨U+202E⟩3';")


def test_code_in_arguments_is_read_line_by_line_and_edited_as_code(portal: Portal, visit: Visit) -> None:
    args = {"sql": "update orders set a = 1 where id = 2;\ndelete from orders", "command": "rm -r /tmp/x\u202e"}
    call = {**BASE, "kind": "tool_call", "title": "Call", "tool": "query", "args": args, "args_schema": None}
    found = assess_proposal(call)
    request = make_request(
        portal.services.sessions, payload={**call, "environment": ""}, risk=found.level, assessment=found.to_json()
    )
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{request.id}")
    page.locator("#edit-data > summary").click()
    page.locator("#f-args\\.sql").focus()
    expect(page.locator(".editor .cm-lint-marker-error").first).to_be_visible()
    reviewer.look("arguments")


def test_entries_come_and_go_without_a_reload_and_survive_one(portal: Portal, visit: Visit) -> None:
    args = {"to": [{"name": "a"}, {"name": "b"}]}
    name = {"name": {"type": "string"}}
    recipient = {"type": "object", "title": "Recipient", "required": ["name"], "properties": name}
    ways = [{"type": "integer", "title": "Minutes"}, {"enum": ["never"], "title": "A word"}]
    way = {"anyOf": ways, "title": "Repeat"}
    several = {"type": "array", "items": recipient, "title": "Recipients"}
    schema = {"type": "object", "properties": {"to": several, "r": way}}
    call = {"kind": "tool_call", "title": "Remind", "tool": "set_reminder", "args": args, "args_schema": schema}
    call["environment"] = ""
    request = make_request(portal.services.sessions, payload={**BASE, **call})
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{request.id}")
    mark(page)
    page.locator("#edit-data > summary").click()
    page.get_by_role("button", name="Remove Recipient 1").click()
    expect(page.locator(".entry")).to_have_count(1)
    page.get_by_role("button", name="Add entry to Recipients").click()
    expect(page.locator(".entry")).to_have_count(2)
    page.keyboard.type("c")  # in the new one
    expect(page.locator("#approve")).to_have_text("Approve with changes and call set_reminder")
    page.get_by_label("Kind of Repeat").select_option("Minutes")
    page.get_by_label("Minutes").fill("5")
    page.wait_for_function("() => Object.values(localStorage).some((draft) => draft.includes('\"5\"'))")
    assert is_marked(page)
    reviewer.look("list-edited")
    page.reload()
    expect(page.locator("#request-drafts")).to_contain_text("has been restored")
    expect(page.locator(".entry")).to_have_count(2)
    expect(page.locator("#approve")).to_have_text("Approve with changes and call set_reminder")
    page.locator("#approve").click()
    expect(page.locator("#request-said")).to_contain_text("Approved")
    assert portal.request(str(request.id)).payload["args"] == {"to": [{"name": "b"}, {"name": "c"}], "r": 5}
    assert page.evaluate("() => Object.keys(localStorage)") == []


def test_a_draft_goes_with_its_decision(portal: Portal, visit: Visit) -> None:
    request_id = unasked(portal)
    page = visit("dba").go(f"/requests/{request_id}")
    page.locator("#f-comment").fill("Fine by me")
    page.wait_for_function("() => Object.keys(localStorage).length === 1")
    page.get_by_role("button", name="Approve and run the script").click()
    expect(page.locator("#request-said")).to_contain_text("Approved")
    assert page.evaluate("() => Object.keys(localStorage)") == []
    expect(page.locator("#request-drafts")).to_be_empty()


def test_a_draft_is_for_its_person_only(portal: Portal, visit: Visit) -> None:
    """Somebody else signs in on the same browser after a session that was not left by its button."""
    request_id = unasked(portal)
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{request_id}")
    page.locator("#f-comment").fill("For my eyes")
    page.wait_for_function("() => Object.keys(localStorage).length === 1")
    token = make_sign_in(portal.services.sessions, portal.people["release"])
    cookie = {"name": "assent_session", "value": session_cookie(SECRET_KEY, token), "url": reviewer.origin}
    reviewer.context.add_cookies([cookie])  # type: ignore[list-item]
    reviewer.go(f"/requests/{request_id}")
    expect(page.locator(".me")).to_contain_text("Release engineer")
    expect(page.locator("#f-comment")).to_have_value("")
    expect(page.locator("#request-drafts")).to_be_empty()
    assert page.evaluate("() => Object.keys(localStorage)") == []


def test_without_the_editor_the_field_is_what_one_edits(portal: Portal, visit: Visit) -> None:
    """Its file is gone: the portal was brought up to date while the page was open."""
    request_id = unasked(portal)
    reviewer = visit("dba")
    reviewer.expect_status(404)
    reviewer.context.route("**/chunks/editor-*", lambda route: route.fulfill(status=404))
    page = reviewer.go(f"/requests/{request_id}")
    page.locator("#edit-script summary").click()
    field = page.get_by_label("The script that would run")
    expect(page.locator("#edit-script")).to_contain_text("The editor could not be loaded")
    field.fill("select 2")
    expect(page.locator("#approve")).to_contain_text("Approve with changes")
    reviewer.context.unroute_all()
    page.reload()
    expect(page.locator(".editor .cm-content").last).to_have_text("select 2")
    page.get_by_role("button", name="Approve with changes").click()
    expect(page.locator("#request-said")).to_contain_text("Approved")
    assert portal.request(request_id).payload["content"] == "select 2"
