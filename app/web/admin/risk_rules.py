"""The catalog of risk rules, with what the policy in force changes about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import request

from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.policy.document import RiskRulePart
from app.http.identity import current_actor
from app.http.runtime import services
from app.risk.catalog import LANGUAGES, by_language, language_of, rules
from app.risk.rules import RiskRule
from app.web.code import Code, code
from app.web.pages import render, web
from assent.contracts import RiskLevel

DIALECTS = {
    "postgres": "PostgreSQL", "mysql": "MySQL", "tsql": "SQL Server", "oracle": "Oracle", "sqlite": "SQLite",
}  # fmt: skip


@web.get("/rules")
def risk_rules() -> Any:
    """All rules, or those that match."""
    number, changes = _changes()
    text = request.args.get("text", "").strip()[:200]
    level, language = request.args.get("level", ""), request.args.get("language", "")
    if level and level not in set(RiskLevel):
        raise InvalidInputError("This is not a risk level.", {"level": "unknown"})
    if language and language not in LANGUAGES:
        raise InvalidInputError("There are no risk rules for this language.", {"language": "unknown"})
    changed = request.args.get("changed", "") == "1"
    found = [
        rule
        for rule in rules().values()
        if (not text or text.lower() in f"{rule.id} {rule.summary}".lower())
        and (not level or rule.severity == level)
        and (not language or language_of(rule) == language)
        and (not changed or rule.id in changes)
    ]
    return render(
        "rules.html", groups=by_language(found), found=len(found), total=len(rules()), changes=changes, number=number,
        text=text, level=level, language=language, changed=changed, levels=list(RiskLevel),
        languages={name: words for name, words in LANGUAGES.items() if name},
    )  # fmt: skip


@web.get("/rules/<rule_id>")
def risk_rule(rule_id: str) -> Any:
    """One rule with its examples."""
    number, changes = _changes()
    rule = rules().get(rule_id)
    if rule is None:
        raise NotFoundError("There is no such risk rule in this version of the portal.")
    return render(
        "rules_one.html", rule=rule, change=changes.get(rule_id), number=number,
        language=DIALECTS.get(rule.language) or LANGUAGES[language_of(rule)],
        examples=[
            (words, _shown(rule, example, key))
            for words, key, example in (
                ("An example that triggers it", "example", rule.example),
                ("A similar text that does not", "harmless", rule.harmless),
            )
            if example
        ],
    )  # fmt: skip


def _changes() -> tuple[int | None, Mapping[str, RiskRulePart]]:
    """The version of the policy in force, and the rules that it changes."""
    view = services().policies.view(current_actor())
    return (view.stored.version, view.risk_rules) if view is not None else (None, {})


def _shown(rule: RiskRule, example: str, key: str) -> Code:
    if rule.language == "tool_call":
        return code(json.dumps(json.loads(example), indent=2, ensure_ascii=False), [], key, "json")
    return code(example, [], key, rule.language, rule.language)
