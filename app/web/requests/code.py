"""Code in a proposal: numbered lines with their risk findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.domain.risk import Finding
from app.risk.languages import language_named
from app.risk.text import strings_in
from app.risk.tools.kinds import language_of
from app.web.differences import MarkedLine

SHOWN_LINES = 2_000
_MOST_ARGUMENTS = 20


@dataclass(frozen=True)
class Code:
    """A text with line numbers; everything after `SHOWN_LINES` is one block, to keep the page short.

    Attributes:
        key: Part of the IDs of its elements; unique on the page.
        language: The language in whose colors it is shown; empty for none.
    """

    lines: list[MarkedLine]
    rest: str
    rest_count: int
    key: str = "code"
    language: str = ""
    dialect: str = ""

    @property
    def marks(self) -> list[dict[str, Any]]:
        """The findings at their lines, for the editor."""
        return [
            {
                "line": line.number, "severity": finding.severity, "message": finding.message, "rule": finding.rule,
                "unread": finding.unread,
            }
            for line in self.lines
            for finding in line.findings
        ]  # fmt: skip

    def anchor(self, line: int) -> str:
        """ID of the element that shows this line."""
        return f"line-{self.key}-{min(max(line, 1), len(self.lines))}"


@dataclass(frozen=True)
class Argument:
    """An argument of a tool call that is shown line by line. `general` are findings without a line."""

    path: str
    language: str
    code: Code
    general: list[Finding]


def arguments(tool: str, args: Any, findings: list[Finding], key: str = "argument") -> list[Argument]:
    """The arguments that are code or have several lines. `key` begins the keys of their code."""
    found: list[Argument] = []
    for path, text in strings_in(args):
        language = language_of(tool, path, text)
        own = [finding for finding in findings if finding.item == path]
        if path and (language or "\n" in text) and all(argument.path != path for argument in found):
            general = [finding for finding in own if finding.line is None]
            shown = code(text, own, f"{key}-{len(found) + 1}", language)
            found.append(Argument(path, language, shown, general))
            if len(found) == _MOST_ARGUMENTS:
                break
    return found


def code(text: str, findings: list[Finding], key: str = "code", language: str = "", dialect: str = "") -> Code:
    """The text as numbered lines, with each finding at its line."""
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    at: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.line is not None:
            at.setdefault(min(max(finding.line, 1), len(lines), SHOWN_LINES), []).append(finding)
    numbered = [MarkedLine(number, line, at.get(number, [])) for number, line in enumerate(lines[:SHOWN_LINES], 1)]
    rest = lines[SHOWN_LINES:]
    known = language_named(language) or language.strip().lower()
    return Code(numbered, "\n".join(rest), len(rest), key, known, dialect.strip().lower())
