"""Uploading a file on a start page: with its progress, by keyboard, over a cut network and a killed web process."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from assent.files import reference_to
from tests.acceptance.conftest import Portal, Visit

CONTENT = hashlib.sha256(b"orders").digest() * 1_000_000
"""About 30 MB."""
START = "/runs/new/test_reader"


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_bytes(CONTENT)
    return path


def parts(page: Page) -> list[int]:
    """The offsets of the parts that the page sends from now on."""
    sent: list[int] = []

    def note(request: Request) -> None:
        if "/content?offset=" in request.url:
            sent.append(int(request.url.partition("offset=")[2]))

    page.on("request", note)
    return sent


def reference(page: Page) -> str:
    return page.locator('[name="input.report"]').input_value()


def received(portal: Portal) -> int:
    """How much of the newest upload has arrived."""
    newest = portal.services.files.own(portal.actor("release"), limit=1)
    return newest[0].received if newest else 0


def test_a_large_file_over_a_cut_network_and_a_killed_web_process(portal: Portal, visit: Visit, orders: Path) -> None:
    visitor = visit("release")
    visitor.expect_trouble("ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|ERR_EMPTY|ERR_NETWORK|ERR_SOCKET|WebSocket")
    page = visitor.go(START)
    sent = parts(page)
    bar, said = page.locator(".upload progress").first, page.locator(".upload [role=status]").first
    asked = page.locator(".upload [role=alert]").first
    page.get_by_label("Upload a file for Report").set_input_files(orders)
    expect(bar).to_be_visible()
    portal.until(lambda: received(portal) > 1_000_000)

    visitor.context.set_offline(True)
    expect(said).to_contain_text("interrupted")
    visitor.look("upload-interrupted", everywhere=False)
    # Nothing is sent to start a run without the file.
    page.get_by_role("button", name="Start the run").last.click()
    expect(asked).to_have_text("Wait until the file is uploaded, or stop the upload.")
    assert page.url.endswith(START)
    # Further attempts do not take the answer away.
    with page.expect_event("requestfailed", lambda request: "/api/v1/files" in request.url):
        pass
    expect(said).to_contain_text("interrupted")
    expect(asked).to_be_visible()
    visitor.context.set_offline(False)
    before = received(portal)
    portal.until(lambda: received(portal) > before + 2_000_000)

    portal.web.kill()
    portal.web.start()
    expect(said).to_contain_text(re.compile("is uploaded"), timeout=120_000)
    expect(bar).to_be_hidden()
    expect(asked).to_be_hidden()
    visitor.look("upload-done", everywhere=False)
    # What had arrived was not sent again, apart from the parts that were on their way.
    assert len(sent) <= len(set(sent)) + 8, sent
    page.locator('[name="input.effects"]').fill("none")
    page.get_by_role("button", name="Start the run").last.click()
    page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}$"))
    run_id = page.url.rsplit("/", 1)[-1]
    portal.finish(run_id)
    result = portal.services.views.run(run_id, portal.actor("lead")).run.result
    assert result["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_a_closed_page_goes_on_when_the_same_file_is_chosen_again(portal: Portal, visit: Visit, orders: Path) -> None:
    visitor = visit("dba")
    page = visitor.go(START)
    page.get_by_label("Upload a file for Report").set_input_files(orders)
    files, actor = portal.services.files, portal.actor("dba")
    portal.until(lambda: files.own(actor) and files.own(actor)[0].received > 3_000_000)
    page.on("dialog", lambda dialog: dialog.accept())
    visitor.expect_trouble("ERR_ABORTED|aborted")
    page.close(run_before_unload=False)
    page = visitor.tab()
    page.goto(START)
    sent = parts(page)
    page.get_by_label("Upload a file for Report").set_input_files(orders)
    expect(page.locator(".upload [role=status]").first).to_contain_text("is uploaded", timeout=120_000)
    assert min(sent) >= 3_000_000
    assert len(files.own(actor)) == 1


def test_an_upload_that_is_deleted_meanwhile_begins_again(portal: Portal, visit: Visit, orders: Path) -> None:
    visitor = visit("lead")
    visitor.expect_status(404)
    page = visitor.go(START)
    files, actor = portal.services.files, portal.actor("lead")
    before = {file.id for file in files.own(actor)}
    page.get_by_label("Upload a file for Report").set_input_files(orders)

    def begun() -> list[str]:
        return [file.id for file in files.own(actor) if file.id not in before and file.received > 1_000_000]

    portal.until(begun)
    [deleted] = begun()
    files.delete(actor, deleted)
    expect(page.locator(".upload [role=status]").first).to_contain_text("is uploaded", timeout=120_000)
    assert reference(page) not in ("", reference_to(deleted))


def test_what_a_browser_knows_of_an_upload_goes_at_signing_out(portal: Portal, visit: Visit, orders: Path) -> None:
    page = visit("lead").go(START)
    page.route("**/content?offset=*", lambda route: None)  # never answered
    page.get_by_label("Upload a file for Report").set_input_files(orders)
    kept = "Object.keys(localStorage).filter((key) => key.startsWith('assent-upload:'))"
    portal.until(lambda: page.evaluate(kept))
    page.get_by_role("button", name="Stop the upload").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/sign-in"))
    assert page.evaluate(kept) == []


def test_by_keyboard_and_what_is_refused(portal: Portal, visit: Visit, tmp_path: Path) -> None:
    visitor = visit("lead")
    visitor.expect_status(413)
    page = visitor.go(START)
    small, large = tmp_path / "small.csv", tmp_path / "large.bin"
    small.write_bytes(b"a,b\n")
    with large.open("wb") as stream:
        stream.truncate(100_000_001)
    chooser, said = page.get_by_label("Upload a file for Report"), page.locator(".upload [role=status]").first
    with page.expect_file_chooser() as opened:
        chooser.press("Enter")
    opened.value.set_files(large)
    expect(said).to_contain_text("was not uploaded. A file has at most 100,000,000 bytes")
    assert reference(page) == ""
    visitor.look("upload-refused")
    with page.expect_file_chooser() as opened:
        chooser.press("Enter")
    opened.value.set_files(small)
    expect(said).to_contain_text("small.csv, 4 bytes, is uploaded.")
    assert reference(page).startswith("assent-file:")


def test_an_upload_is_stopped(portal: Portal, visit: Visit, orders: Path) -> None:
    page = visit("release").go(START)
    page.route("**/content?offset=*", lambda route: None)  # never answered
    page.get_by_label("Upload a file for Report").set_input_files(orders)
    stop = page.get_by_role("button", name="Stop the upload")
    stop.press("Enter")
    expect(page.locator(".upload [role=status]").first).to_have_text("The upload was stopped.")
    expect(stop).to_be_hidden()
    assert reference(page) == ""
