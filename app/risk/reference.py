"""The catalog of rules as a document, `docs/risk-rules.md`; `bin/risk-rules` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.hidden_characters import plain_text
from app.risk.catalog import all_rules, by_language
from app.risk.rules import RiskRule

_HEAD = """# Risk rules

The portal reads scripts, commands, SQL, and the arguments of tool calls, and explains their risk with findings. Each
finding names its rule. This document lists all {count} rules with their usual levels, an example that triggers the
rule, and a similar text that does not. The page *Policies* leads to the same list, with what the policy in force
changes: [a policy](policies.md#risk-rules) can switch a rule off or give it another level, and
[register tools](policies.md#reading-tools) that only read, whatever their names say.

A finding can have another level than its rule where more is known, such as the number of rows of a table. *Not
understood* means that something has not been read, or that its effects are unknown; a policy never approves such a
proposal at once. In examples, ⏎ stands for a line break, and ⟨U+…⟩ for a hidden character.

This document is made from the code by `bin/risk-rules`."""


def document() -> str:
    """Return the document, in Markdown."""
    rules = all_rules()
    lines = [_HEAD.format(count=len(rules))]
    for words, listed in by_language(rules.values()).items():
        lines += [f"\n## {words}\n", *_table(listed)]
    return "\n".join(lines) + "\n"


def _table(rules: list[RiskRule]) -> Iterator[str]:
    yield "| Rule | Level | What it says | Triggered by | Not triggered by |"
    yield "|---|---|---|---|---|"
    for rule in rules:
        words = f"{rule.summary}{' *Not understood.*' if rule.unread else ''}".replace("|", r"\|")
        level = rule.severity.value
        yield f"| `{rule.id}` | {level} | {words} | {_code(rule.example)} | {_code(rule.harmless)} |"


def _code(text: str) -> str:
    """Return a text as code in a cell of a table."""
    if not text:
        return ""
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    shown = " ⏎ ".join(plain_text(line) for line in lines).replace("|", r"\|")
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


if __name__ == "__main__":
    print(document(), end="")
