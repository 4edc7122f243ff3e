"""Code with numbered lines and their risk findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from app.domain.agent_findings import AgentRemark
from app.domain.risk import Finding
from app.risk.languages import language_named
from app.web.differences import MarkedLine

SHOWN_LINES = 2_000


class _AtLine(Protocol):
    @property
    def line(self) -> int | None: ...


Placed = TypeVar("Placed", bound=_AtLine)


@dataclass
class Code:
    """A text with line numbers; everything after `SHOWN_LINES` is one block, to keep the page short.

    Attributes:
        key: Part of the IDs of its elements; unique on the page.
        language: The language in whose colors it is shown; empty for none.
        comments: How people comment on its lines; None if they cannot.
        beyond: Comments at lines after those that are shown.
    """

    lines: list[MarkedLine]
    rest: str
    rest_count: int
    key: str = "code"
    language: str = ""
    dialect: str = ""
    comments: Any = None
    beyond: list[Any] = field(default_factory=list)

    @property
    def marks(self) -> list[dict[str, Any]]:
        """The findings at their lines, for the editor: the portal's, and then those that the agent reports."""
        found = [
            {
                "line": line.number, "severity": finding.severity, "message": finding.message, "rule": finding.rule,
                "unread": finding.unread,
            }
            for line in self.lines
            for finding in line.findings
        ]  # fmt: skip
        return found + [
            {
                "line": line.number, "severity": remark.level, "message": remark.words, "rule": remark.code,
                "suggestion": remark.suggestion,
            }
            for line in self.lines
            for remark in line.remarks
        ]  # fmt: skip

    def anchor(self, line: int) -> str:
        """ID of the element that shows this line."""
        return f"line-{self.key}-{min(max(line, 1), len(self.lines))}"


def code(
    text: str, findings: list[Finding], key: str = "code", language: str = "", dialect: str = "",
    remarks: Sequence[AgentRemark] = (),
) -> Code:  # fmt: skip
    """The text as numbered lines, with each finding at its line.

    Args:
        remarks: Findings that the agent reports.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    last = min(len(lines), SHOWN_LINES)
    at, said = _by_line(findings, last), _by_line(remarks, last)
    numbered = [
        MarkedLine(number, line, at.get(number, []), said.get(number, []))
        for number, line in enumerate(lines[:SHOWN_LINES], 1)
    ]
    rest = lines[SHOWN_LINES:]
    known = language_named(language) or language.strip().lower()
    return Code(numbered, "\n".join(rest), len(rest), key, known, dialect.strip().lower())


def _by_line(found: Iterable[Placed], last: int) -> dict[int, list[Placed]]:
    """What has a line, by that line; beyond the last one, at the last one."""
    at: dict[int, list[Placed]] = {}
    for finding in found:
        if finding.line is not None:
            at.setdefault(min(max(finding.line, 1), last), []).append(finding)
    return at
