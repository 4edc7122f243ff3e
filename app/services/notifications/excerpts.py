"""The part of a proposal that a message shows, and whether that is all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.agent_findings import reported_words
from app.domain.hidden_characters import plain_text
from app.domain.notices import Heart
from app.domain.policy.words import listing
from app.domain.proposal_text import lines_of
from app.domain.risk import Finding
from app.domain.text import beginning, plural
from app.services.reading.brief import Brief
from app.store.requests import ApprovalRequest
from assent.masking import mask_text

_LEARNED = "{} changed as people have corrected it before. The request’s page shows each change, and can undo it."
EXCERPT_LINES = 14
LINE_LENGTH = 160
MOST_FINDINGS = 3
SUMMARY_LENGTH = 600
_WHOLE_TITLE = 120
_WHOLE_EXCERPT = 2400
"""How many characters, with hidden ones written out, every channel shows without truncating them."""


def excerpt_of(view: Brief) -> Heart:
    """The heart of the proposal, without secrets. Stored data has none, but everything sent is checked again."""
    row, findings = view.request, view.assessment.findings
    payload = payload_of(row)
    lines = lines_of(row.kind, payload)
    return Heart(
        request_id=row.id,
        title=mask_text(row.title),
        summary=beginning(mask_text(summary_of(payload)), SUMMARY_LENGTH),
        risk=row.risk,
        score=view.assessment.score,
        kind=row.kind,
        environment=row.environment,
        target=str(payload.get("target") or ""),
        source=row.agent or row.workflow,
        requester=row.requester_name,
        excerpt=_excerpt(lines),
        more=max(0, len(lines) - EXCERPT_LINES),
        findings=findings[:MOST_FINDINGS],
        findings_more=max(0, len(findings) - MOST_FINDINGS),
        understood=view.assessment.is_clear(row.kind),
        expires_at=row.expires_at,
        consequence=view.ahead[-1].words if view.ahead else "",
        asked=listing(view.asked, "or"),
        whole=_is_complete(row, lines, findings),
    )


def is_complete(row: ApprovalRequest, findings: Sequence[Finding]) -> bool:
    """True if a message shows every finding, and everything that an approval of the request would cause."""
    return _is_complete(row, lines_of(row.kind, payload_of(row)), findings)


def _is_complete(row: ApprovalRequest, lines: Sequence[str], findings: Sequence[Finding]) -> bool:
    return (
        len(lines) <= EXCERPT_LINES
        and all(len(line) <= LINE_LENGTH for line in lines)
        and _units("\n".join(lines)) <= _WHOLE_EXCERPT
        and _units(row.title) <= _WHOLE_TITLE
        and len(summary_of(payload_of(row))) <= SUMMARY_LENGTH
        and not reported_words(payload_of(row))
        and len(findings) <= MOST_FINDINGS
    )


def payload_of(row: ApprovalRequest) -> dict[str, Any]:
    """The proposal as an object, even if the run interrupted with a plain value."""
    return row.payload if isinstance(row.payload, dict) else {"value": row.payload}


def summary_of(payload: dict[str, Any]) -> str:
    """The reason for the proposal, in Markdown; may be empty.

    Before it: how much lessons have changed, and how many findings and attachments the agent has added.
    """
    changed = payload.get("lessons")
    notes = [_LEARNED.format(plural(len(changed), "value"))] if isinstance(changed, list) and changed else []
    notes += [reported] if (reported := reported_words(payload)) else []
    return "\n\n".join([*notes, *([str(payload["summary"])] if payload.get("summary") else [])])


def _excerpt(lines: list[str]) -> tuple[str, ...]:
    shown = [beginning(line, LINE_LENGTH) + ("…" if len(line) > LINE_LENGTH else "") for line in lines[:EXCERPT_LINES]]
    return tuple(mask_text("\n".join(shown)).split("\n")) if shown else ()


def _units(text: str) -> int:
    """The length of a text in UTF-16, which some channels count, with hidden characters written out."""
    return len(plain_text(text).encode("utf-16-le", "replace")) // 2
