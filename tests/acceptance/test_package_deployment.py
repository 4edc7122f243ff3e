"""The whole path of a package: uploaded, analyzed, its script changed and approved, and its ZIP downloaded."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import Visitor, press_approve
from workflows.package_deployment.sample import PRODUCT_CODE, write_sample_package

SCRIPT = "Invoke-AppDeployToolkit.ps1"
START = "Start-ADTMsiProcess -Action 'Install'"
SLOW = 90_000
"""Milliseconds for the steps up to a request while other tests keep the machine busy."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample MSI."""
    return write_sample_package(tmp_path_factory.mktemp("package"))


def digest(script: bytes) -> str:
    """The SHA-256 of a script's file."""
    return hashlib.sha256(script).hexdigest()


def begin(visitor: Visitor, package: Path, request: str) -> str:
    """Upload the package on the start page, and return the run's id."""
    page = visitor.go("/runs/new/package_deployment")
    page.get_by_label("Upload a file for Package").set_input_files(package)
    expect(page.locator(".upload [role=status]").first).to_contain_text("is uploaded", timeout=SLOW)
    page.get_by_label("What is wanted").fill(request)
    visitor.look("package-start")
    page.get_by_role("button", name="Start the run").last.click()
    page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}$"))
    return page.url.rsplit("/", 1)[-1]


def script_of(page: Page) -> str:
    """The text of the script's field."""
    return page.locator("#f-content").input_value()


def edit(page: Page, old: str, new: str) -> None:
    """Replace a part of the script, and approve it with that change."""
    page.locator("#edit-script > summary").click()
    expect(page.locator(".editor .cm-content").last).to_be_visible()
    page.locator("#f-content").evaluate(
        "(field, [old, now]) => { field.value = field.value.replace(old, now);"
        " field.dispatchEvent(new Event('input', { bubbles: true })); }",
        [old, new],
    )


def approve(first: Page, second: Page) -> None:
    """Approve the change that one page shows, which needs a second person: in the other browser."""
    press_approve(first)
    again, decided = first.get_by_role("heading", name=re.compile("^Not sent yet")), first.get_by_text("1 of 2").first
    expect(again.or_(decided).first).to_be_visible()
    if again.is_visible():
        press_approve(first)
    expect(decided).to_be_visible()
    second.goto(first.url)
    press_approve(second)
    expect(second.get_by_text(" decided: ").first).to_be_visible()


def test_from_an_upload_to_the_zip(portal: Portal, visit: Visit, package: Path, tmp_path: Path) -> None:
    requester, reviewer, lead = visit("release"), visit("dba"), visit("lead")
    run_id = begin(requester, package, "Close ExampleAgent first. No desktop shortcut.")
    first = portal.pending(run_id)
    page = reviewer.go(f"/requests/{first}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Deploy Example Agent 2.4.1")
    expect(page.locator("#attachments")).to_contain_text("Analysis of the package")
    page.locator("#attachments summary", has_text="Analysis of the package").click()
    expect(page.locator("#attachments")).to_contain_text(PRODUCT_CODE)
    expect(page.locator("#found li").first).to_be_visible()
    reviewer.look("package-request", everywhere=True)

    page.get_by_label("Comment for the agent").fill("Let users defer 3 times.")
    page.get_by_role("button", name="Request changes").click()
    portal.until(lambda: portal.request(first).state == "changes_requested")
    second = portal.pending(run_id)
    reviewer.go(f"/requests/{second}")
    changes = page.locator("#since-previous")
    expect(changes.locator(".ln.add", has_text="-DeferTimes 3")).to_be_visible()
    expect(page.locator("#proposal .prose").first).to_contain_text("Let users defer 3 times.")
    reviewer.look("package-revision")

    edit(page, "AppScriptAuthor = ''", "AppScriptAuthor = 'Packaging team'")
    expect(page.locator("#approve")).to_contain_text("Approve with changes")
    approve(page, lead.page)
    portal.finish(run_id)
    approved = portal.request(second).payload["content"].encode("utf-8-sig")
    assert b"Packaging team" in approved
    reviewer.go(f"/requests/{second}")
    expect(page.locator("body")).to_contain_text(f"The SHA-256 of the script in it is {digest(approved)}")

    requester.go(f"/runs/{run_id}")
    expect(requester.page.locator("#run-calls")).to_contain_text("2 tool calls")
    listed = requester.page.locator("#run-files")
    expect(listed).to_contain_text("Example-Agent-2.4.1")
    requester.look("package-run", everywhere=True)
    with requester.page.expect_download() as download:
        listed.get_by_role("link").click()
    download.value.save_as(tmp_path / "package.zip")
    with zipfile.ZipFile(tmp_path / "package.zip") as archive:
        assert archive.read(SCRIPT) == approved
        assert archive.read(f"Files/{package.name}") == package.read_bytes()
    expect(listed).to_contain_text(digest((tmp_path / "package.zip").read_bytes()))


def test_an_edit_that_breaks_the_script_is_refused_before_the_delivery(
    portal: Portal, visit: Visit, package: Path
) -> None:
    run_id = begin(visit("release"), package, "")
    first, reviewer, lead = portal.pending(run_id), visit("dba"), visit("lead")
    page = reviewer.go(f"/requests/{first}")
    edit(page, START, START.replace("Process", "Proces"))
    approve(page, lead.page)
    second = portal.until(lambda: portal._pending(run_id))
    assert second != first
    reviewer.go(f"/requests/{first}")
    expect(page.locator("body")).to_contain_text("Nothing was delivered. The script as reviewers changed it has 1 e")
    reviewer.go(f"/requests/{second}")
    expect(page.locator("#request-head")).to_contain_text("revision 2")
    expect(page.locator("#proposal .prose").first).to_contain_text("approved, but not delivered")
    expect(page.locator("#reported")).to_contain_text("Reported by the agent: 1 error")
    expect(page.locator(".noted .note.agent").first).to_contain_text("Start-ADTMsiProcess")
    reviewer.look("package-refused", everywhere=True)
    assert not portal.services.saved_files.of(run_id)

    edit(page, START.replace("Process", "Proces"), START)
    approve(page, lead.page)
    portal.finish(run_id)
    [file] = portal.services.saved_files.of(run_id)
    assert file.name.startswith("Example-Agent-2.4.1")
