"""The catalog of rules: every reason that an assessment can give."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.risk import Finding
from assent.contracts import RiskLevel


@dataclass(frozen=True)
class RiskRule:
    """One reason for a risk level.

    Attributes:
        id: Stable identifier, such as ``sql.drop.table``.
        severity: The usual risk level. A finding may differ where facts, such as a table's number of rows, are known.
        summary: One line for the catalog.
        example: A text that triggers it; of a tool call, the JSON of its tool and arguments.
        harmless: A similar text that does not trigger it.
        language: The language of both texts, such as ``shell``.
        unread: True if it says that something has not been read, or that its effects are unknown.
    """

    id: str
    severity: RiskLevel
    summary: str
    example: str = ""
    harmless: str = ""
    language: str = ""
    unread: bool = False

    def finding(self, message: str, line: int | None = None, severity: RiskLevel | None = None) -> Finding:
        """Return a finding. The message says in plain words what would happen, and why it matters."""
        return Finding(self.id, severity or self.severity, message, line, unread=self.unread)


RULES: dict[str, RiskRule] = {}
"""All rules by id."""


def declare(
    rule_id: str,
    severity: RiskLevel,
    summary: str,
    example: str = "",
    harmless: str = "",
    *,
    language: str = "",
    unread: bool = False,
) -> RiskRule:
    """Add a rule to the catalog; see `RiskRule`. Raises ValueError if there is one with this ID."""
    if rule_id in RULES:
        raise ValueError(f"The rule {rule_id} is declared twice.")
    rule = RULES[rule_id] = RiskRule(rule_id, severity, summary, example, harmless, language, unread)
    return rule


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text; long lists are easier to read this way."""
    return frozenset(words.split())
