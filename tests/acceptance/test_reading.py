"""Code that is read: in colors, with findings beside their lines, where one reads and where one edits."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from app.risk.assess import assess_proposal
from tests.acceptance.conftest import Portal, Visit
from tests.factories import make_request, script

WIDEST = {"width": 2000, "height": 1000}
SCRIPT = "\n".join(
    [
        "#!/bin/bash",
        "# Free some space on the server.",
        *(f"echo 'step {number}' && ls -l /srv/data/{number}" for number in range(60)),
        "if [ -d /srv/old ]; then",
        "  rm -rf /srv/old /",
        "fi",
        "curl -o report.html https://reports.example/",
        './deploy.sh --environment "$TARGET"',
        "echo 'hidden \u202e'",
    ]
)
WORST = SCRIPT.split("\n").index("  rm -rf /srv/old /") + 1


def ask(portal: Portal, content: str, language: str, **more: Any) -> str:
    """Return the ID of a request to run this."""
    payload = script(content, "Free some space") | {"language": language, "dialect": ""} | more
    found = assess_proposal(payload)
    request = make_request(portal.services.sessions, payload=payload, risk=found.level, assessment=found.to_json())
    return str(request.id)


def painted(page: Page, kind: str) -> list[str]:
    """Return the texts that have a color, once there are any."""
    page.wait_for_function("(kind) => CSS.highlights.get(kind)?.size > 0", arg=kind)
    texts = """(kind) => [...CSS.highlights.get(kind)].map(
        (range) => range.startContainer.data.slice(range.startOffset, range.endOffset))"""
    return [str(text) for text in page.evaluate(texts, kind)]


def test_findings_stand_at_their_lines_in_colored_code(portal: Portal, visit: Visit) -> None:
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{ask(portal, SCRIPT, 'bash')}")
    found = page.locator("#found")
    expect(found).to_contain_text("Not understood:")
    expect(found.locator("li").first).to_contain_text("Critical risk:")
    assert "# Free some space on the server." in painted(page, "code-comment")
    assert "if" in painted(page, "code-word")
    assert "'step 0'" in painted(page, "code-text")
    expect(page.locator(".lines .ctl")).to_have_text("⟨U+202E⟩")
    reviewer.look("reading")

    line = page.locator(f"#line-script-{WORST}")
    expect(line).not_to_be_in_viewport()
    link = found.locator("li").first.get_by_role("link", name=f"Line {WORST}", exact=True)
    link.focus()
    page.keyboard.press("Enter")
    expect(line).to_be_in_viewport()
    facts = page.locator("#facts")
    expect(facts).to_contain_text("What it touches")
    expect(facts.get_by_role("list", name="Hosts")).to_have_text("reports.example")


def test_on_a_wide_screen_findings_stand_beside_their_line(portal: Portal, visit: Visit) -> None:
    page = visit("dba", viewport=WIDEST).go(f"/requests/{ask(portal, SCRIPT, 'bash')}")
    row = page.locator(".noted", has=page.locator(f"#line-script-{WORST}"))
    line, words = row.locator(".ln").bounding_box(), row.locator(".at-line").bounding_box()
    assert line is not None and words is not None
    assert words["x"] >= line["x"] + line["width"] - 1 and abs(words["y"] - line["y"]) < 8


def test_the_editor_shows_findings_until_their_line_is_changed(portal: Portal, visit: Visit) -> None:
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{ask(portal, 'ls docs' + chr(10) + 'rm -rf /', 'bash')}")
    page.locator("#edit-script summary").click()
    note = page.locator(".editor .note.critical").first
    expect(note).to_contain_text("Critical risk:")
    expect(page.locator(".editor .cm-lint-marker-error").first).to_be_visible()
    reviewer.look("reading-editor")
    written = page.get_by_role("textbox", name="The script that would run")
    written.press("Control+Home")
    page.keyboard.type("# first ")
    expect(note).to_be_visible()
    written.press("Control+End")
    page.keyboard.type("tmp/build")
    expect(page.locator(".editor .note.critical")).to_have_count(0)
    expect(page.locator(".editor .cm-lint-marker-error")).to_have_count(0)
    expect(page.locator("#f-content")).to_have_value("# first ls docs\nrm -rf /tmp/build")


def test_rules_are_looked_up_from_a_finding(portal: Portal, visit: Visit) -> None:
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{ask(portal, 'delete from orders', 'sql', dialect='postgres')}")
    page.locator("#found").get_by_role("link", name="sql.delete.no_where").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sql.delete.no_where")
    assert any("DELETE" in text.upper() for text in painted(page, "code-word"))
    reviewer.look("rule")
    page.get_by_role("link", name="All risk rules").click()
    page.get_by_label("Rule or words").fill("fork")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="shell.fork_bomb")).to_be_visible()


def test_what_a_proposal_rests_on_can_be_read(portal: Portal, visit: Visit) -> None:
    rows, indexes = {"orders": 400_000, "order_lines": 810_000}, {"orders_created_at": "(created_at)", "by_hand": "(x)"}
    read = {"tool": "analyze_schema", "inputs": {"target": "shop", "tables": list(rows)}}
    values = [{"path": "tables.*.rows", "tolerance": "magnitude", "value": rows}]
    existing = [{"path": "tables.*.indexes", "value": {"orders": indexes, "order_lines": {}}}]
    changes = [
        {"tool": "analyze_schema", "path": "tables.orders.indexes.by_hand", "now": "(x)", "problem": "new"},
        {"tool": "analyze_schema", "path": "tables.orders.rows", "before": 40_000, "now": 400_000},
        {"tool": "count_sessions", "problem": "count_sessions failed: the server does not answer."},
    ]
    first = ask(portal, "create index concurrently by_coupon on orders (coupon)", "sql")
    second = ask(
        portal, "create index concurrently by_coupon on orders (coupon)", "sql",
        rests_on=[
            read | {"read_at": "2026-11-30T05:00:00Z", "values": existing},
            read | {"read_at": "2026-11-30T05:12:00Z", "values": values},
        ],
        changed={"request_id": first, "times": 2, "noticed_at": "2026-11-30T05:11:00Z", "changes": changes},
    )  # fmt: skip
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{second}")
    expect(page.locator("#changed")).to_contain_text("2 times in a row")
    expect(page.locator("#basis")).to_contain_text("tables.orders.indexes.orders_created_at")
    reviewer.look("basis")


REPORTED = {
    "findings": [
        {"level": "error", "words": "Start-ADTMsiProces is no function of the toolkit.", "line": 3, "path": "",
         "code": "unknown-command", "suggestion": "Did you mean Start-ADTMsiProcess?"},
        {"level": "warning", "words": "The code runs arguments that are not fixed.", "line": 6, "path": "",
         "code": "dynamic-call", "suggestion": ""},
        {"level": "info", "words": "No application is closed before the installation.", "line": None, "path": "",
         "code": "", "suggestion": ""},
    ],
    "attachments": [
        {"title": "Analysis", "media": "text/markdown",
         "content": "| property | value |\n|---|---|\n| Product | Example 4.2 |\n| Scope | per machine |\n"},
        {"title": "Detection", "media": "powershell",
         "content": "\n".join(f"if (Test-Path 'C:\\Example {number}') {{ exit 0 }}" for number in range(50))},
    ],
}  # fmt: skip
DEPLOYMENT = """# Installs Example 4.2.
$path = 'C:\\Program Files\\Example'
Start-ADTMsiProces -Action Install -FilePath 'example.msi'
Write-Output 'installed'
$code = Get-Content "$path\\extra.ps1"
Invoke-Expression $code"""


def test_what_the_agent_reports_stands_beside_the_portal_s_findings(portal: Portal, visit: Visit) -> None:
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{ask(portal, DEPLOYMENT, 'powershell', **REPORTED)}")
    expect(page.locator("#reported")).to_contain_text("Reported by the agent: 1 error, 1 warning, 1 note")
    noted = page.locator(".noted", has=page.locator("#line-script-6"))
    expect(noted.locator(".note.agent")).to_contain_text("Warning, reported by the agent")
    expect(noted.locator(".note.high, .note.critical, .note.medium").first).to_be_visible()
    expect(page.locator("#attached-1 table")).to_contain_text("Example 4.2")
    expect(page.locator("#attached-2 .lines")).not_to_be_visible()
    page.locator("#attached-2 summary").click()
    assert "if" in painted(page, "code-word")
    page.locator("#edit-script > summary").click()
    expect(page.locator(".cm-content .note.agent.error")).to_contain_text("Did you mean Start-ADTMsiProcess?")
    reviewer.look("reported", everywhere=True)
    editor = page.get_by_role("textbox", name="The script that would run")
    editor.locator(".cm-line", has_text="Start-ADTMsiProces").click()
    page.keyboard.press("End")
    page.keyboard.type(" # edited")
    expect(editor.locator(".note.agent.error")).to_have_count(0)
    expect(editor.locator(".note.agent.warning")).to_have_count(1)
