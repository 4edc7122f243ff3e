"""Arguments of a tool call that are shown line by line, with their risk findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.agent_findings import AgentRemark
from app.domain.risk import Finding
from app.domain.weight import weigh
from app.risk.text import strings_in
from app.risk.tools import call as calls
from app.risk.tools.kinds import kind_of, language_in
from app.web.code import Code, code

_MOST_ARGUMENTS = 20
_A_TEXT = 15.0
"""Microseconds to find out the language of a text."""


@dataclass(frozen=True)
class Argument:
    """An argument of a tool call that is shown line by line. `general` are findings without a line."""

    path: str
    language: str
    code: Code
    general: list[Finding]
    text: str = ""

    @property
    def has_lines(self) -> bool:
        """True if it is shown with line numbers: code, and a text with findings at its lines."""
        return bool(self.language) or self.is_noted

    @property
    def is_noted(self) -> bool:
        """True if there are findings or comments at its lines."""
        return bool(self.code.beyond) or any(line.findings or line.remarks or line.talk for line in self.code.lines)


def arguments(
    tool: str, args: Any, findings: list[Finding], key: str = "argument", remarks: Sequence[AgentRemark] = ()
) -> list[Argument]:
    """The arguments that are code or have several lines.

    Args:
        key: Begins the keys of their code.
        remarks: Findings that the agent reports.
    """
    found: list[Argument] = []
    call = calls.ToolCall(tool, args)
    kind = kind_of(call)
    for path, text in strings_in(args):
        weigh(_A_TEXT)
        language = language_in(call, calls.Argument(path, text), kind)
        own = [finding for finding in findings if finding.item == path]
        if path and (language or "\n" in text) and all(argument.path != path for argument in found):
            general = [finding for finding in own if finding.line is None]
            said = [remark for remark in remarks if remark.item == path]
            shown = code(text, own, f"{key}-{len(found) + 1}", language, remarks=said)
            found.append(Argument(path, language, shown, general, text))
            if len(found) == _MOST_ARGUMENTS:
                break
    return found
