"""Findings and attachments of an agent: their limits, their place in the digest, and what ignores them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.agent_findings import carried_over, level_counts, remarks_of, reported_words
from app.domain.patterns import matches, suggest
from app.domain.similarity import comparable_text
from app.risk.assess import assess_proposal
from assent.contracts import AgentFinding, Attachment, Custom, Script, document_of
from assent.digests import digest_of
from assent.masking import mask

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def proposed(**more: Any) -> dict[str, Any]:
    """A script as JSON."""
    return document_of(Script(title="Look", language="powershell", content="Get-Date\nGet-Host\nGet-Date", **more))


TEXT = Attachment(title="a", media="sql", content="drop table a")


def found(level: str, line: int | None = None, **more: Any) -> AgentFinding:
    """A finding of the agent."""
    return AgentFinding(level=level, words=f"{level} at {line}", line=line, **more)  # type: ignore[arg-type]


def test_proposals_without_them_keep_their_digests() -> None:
    document = proposed()
    assert "findings" not in document and "attachments" not in document
    assert digest_of(document) == "07f4b8e0f9061d0953184f76a3283f7b168c808b70d7218c07bb33f8a088a80f"
    assert digest_of(proposed(findings=[found("info")])) != digest_of(document)
    assert digest_of(proposed(attachments=[Attachment(title="a", content="b")])) != digest_of(document)


def test_scripts_that_are_run_keep_their_digests() -> None:
    script = Script(title="x", language="powershell", content="Get-Date")
    assert "effect" not in document_of(script)
    delivered = script.model_copy(update={"effect": "deliver"})
    assert document_of(delivered)["effect"] == "deliver"
    assert digest_of(document_of(delivered)) != digest_of(document_of(script))
    with pytest.raises(ValidationError):
        document_of(document_of(script) | {"effect": "ignore"})


@pytest.mark.parametrize(
    "more",
    [
        {"findings": [{"level": "info", "words": "x"}] * 201},
        {"findings": [{"level": "fatal", "words": "x"}]},
        {"findings": [{"level": "info", "words": ""}]},
        {"findings": [{"level": "info", "words": "x", "line": 0}]},
        {"attachments": [{"title": "a", "content": "b"}] * 11},
        {"attachments": [{"title": "a", "content": "b" * 200_001}]},
        {"attachments": [{"title": "a", "content": "b" * 180_000}] * 3},
        {"attachments": [{"title": "a", "content": ""}]},
    ],
    ids=["many", "level", "no words", "line", "many texts", "long text", "long together", "empty text"],
)
def test_they_are_bounded(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        document_of({"kind": "custom", "title": "x", "data": 1} | more)


def test_they_neither_raise_nor_lower_the_risk() -> None:
    plain = assess_proposal(proposed())
    more = {"findings": [found("error", 2)], "attachments": [TEXT]}
    assert assess_proposal(proposed(**more)) == plain


def test_secrets_in_them_are_masked() -> None:
    document = proposed(findings=[found("info", suggestion=f"Use {SECRET}")], attachments=[
        Attachment(title="Log", content=f"token {SECRET}")])  # fmt: skip
    masked = str(mask(document)[0])
    assert SECRET not in masked


def test_findings_move_with_their_lines() -> None:
    remarks = remarks_of(proposed(findings=[found("error", 2), found("warning", 3), found("info")]))
    moved = carried_over(remarks, "a\nb\nc", "new\na\nb2\nc")
    assert [(remark.level, remark.line, remark.outdated) for remark in moved] == [
        ("error", None, True), ("warning", 4, False), ("info", None, False),
    ]  # fmt: skip


def test_in_a_text_too_long_to_compare_they_have_no_line() -> None:
    remarks = remarks_of(proposed(findings=[found("error", 2)]))
    [moved] = carried_over(remarks, "a\n" * 3_000, "a\n" * 3_001)
    assert moved.outdated and moved.line is None


def test_what_is_said_of_them_in_messages() -> None:
    both = proposed(findings=[found("error"), found("info"), found("info")], attachments=[TEXT])
    assert level_counts(remarks_of(both)) == "1 error, 2 notes"
    assert reported_words(both) == (
        "The agent reports 1 error, 2 notes and attaches 1 text. The request’s page shows them."
    )
    assert reported_words(proposed(findings=[found("warning")])) == (
        "The agent reports 1 warning. The request’s page shows it."
    )
    assert reported_words(proposed()) == reported_words({"findings": 3, "attachments": "x"}) == ""


def test_a_grant_ignores_them_but_not_errors() -> None:
    noted = [proposed(findings=[found("warning", number)], attachments=[Attachment(title="a", content=str(number))])
             for number in range(1, 4)]  # fmt: skip
    pattern = suggest(noted)
    assert pattern is not None and matches(pattern, proposed())
    assert not matches(pattern, proposed(findings=[found("error", code="broken")]))
    wrong = suggest([proposed(findings=[found("error", number, code="broken")]) for number in range(1, 4)])
    assert wrong is not None and matches(wrong, proposed(findings=[found("error", 9, code="broken")]))
    assert not matches(wrong, proposed(findings=[found("error", 9, code="other")])) and not matches(wrong, proposed())


def test_similar_proposals_are_compared_without_them() -> None:
    plain = document_of(Custom(title="x", data=1))
    noted = document_of(Custom(title="x", data=1, findings=[found("info")], attachments=[TEXT]))
    assert comparable_text(plain) == comparable_text(noted)
