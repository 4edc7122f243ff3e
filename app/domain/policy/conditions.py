"""Conditions of a policy: CEL expressions over the facts, checked when they are loaded, and bounded when they run.

CEL has no loops except those over lists. To keep each condition within milliseconds, lists are short, texts are cut,
and loops inside loops are refused. A condition that cannot be evaluated raises `ConditionError`; the policy then
applies stricter terms (`rules`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.domain.policy import condition_words as words
from app.domain.policy.facts import Facts, Requester
from app.domain.risk import Assessment, Finding
from app.domain.text import storable
from assent.contracts import RiskLevel

MOST_FINDINGS = 500
"""Maximum number of findings that conditions see."""
LONGEST_TEXT = 10_000
"""Maximum length of a fact; a longer one is cut and ends with an ellipsis."""

FACTS: dict[str, str] = {
    "workflow": "string",
    "node": "string",
    "agent": "string",
    "kind": "string",
    "environment": "string",
    "tool": "string",
    "target": "string",
    "size": "int",
    "risk.level": "string",
    "risk.score": "double",
    "risk.rank": "int",
    "findings": "list(map(string, dyn))",
    "labels": "map(string, string)",
    "requester.id": "string",
    "requester.name": "string",
    "requester.email": "string",
    "requester.roles": "list(string)",
    "requester.teams": "list(string)",
}
"""The facts that conditions may refer to, with their types in CEL."""


class ConditionError(Exception):
    """A condition is not valid, or cannot be evaluated.

    Attributes:
        complaints: problems as sentences, each with its line within the condition, from 0.
    """

    def __init__(self, complaints: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(message for _, message in complaints))
        self.complaints = complaints


@dataclass(frozen=True)
class Condition:
    """A compiled condition.

    Attributes:
        constant: its value if it does not depend on the facts; None if it does.
    """

    text: str
    program: Any
    constant: bool | None

    def holds(self, activation: Any) -> bool:
        """Whether it holds for the facts of a `Conditions.activation`. Raises ConditionError if that is unknown."""
        value = _evaluate(self.program, activation)
        if isinstance(value, bool):
            return value
        raise ConditionError([(0, str(value))])


class Conditions:
    """Compiles the conditions of one policy, which share declarations of facts and labels."""

    def __init__(self, texts: Iterable[str]) -> None:
        # A label that is named as labels.x reads as "" where it is not set. So it is a variable of its own; but then
        # CEL's has() does not see the map behind it, so a condition with has(labels.x) gets the map alone.
        self._labels = sorted({key for text in texts for key in words.label_names(text)})
        self._named = _environment(FACTS | {f"labels.{key}": "string" for key in self._labels})
        self._bare = _environment(FACTS)

    def compile(self, text: str) -> Condition:
        """Compile and check a condition. Raises ConditionError with all problems."""
        environment = self._bare if words.asks_has_label(text) else self._named
        try:
            program = environment.compile(text)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ConditionError(words.explain(str(error), text, list(FACTS))) from None
        if program.return_type() != _cel().Type.BOOL:
            kind = str(program.return_type()).lower()
            raise ConditionError([(0, f"a condition must be true or false, and this is of type {kind}")])
        condition = Condition(text, program, self._constant(program))
        complaints = [*words.misused(text), *self._bad_patterns(text)]
        complaints = complaints or self._failing(condition)
        if complaints:
            raise ConditionError(complaints)
        return condition

    def activation(self, facts: Facts) -> Any:
        """The facts in the form that conditions read; made once for all conditions of a policy."""
        return self._named.Activation(self._values(facts))

    def _values(self, facts: Facts) -> dict[str, Any]:
        requester, risk = facts.requester, facts.assessment
        labels = {_text(key): _text(value) for key, value in facts.labels.items()}
        values: dict[str, Any] = {f"labels.{key}": labels.get(key, "") for key in self._labels}
        return values | {
            "workflow": _text(facts.workflow),
            "node": _text(facts.node),
            "agent": _text(facts.agent),
            "kind": _text(facts.kind),
            "environment": _text(facts.environment),
            "tool": _text(facts.tool),
            "target": _text(facts.target),
            "size": facts.size,
            "risk.level": risk.level.value,
            "risk.score": float(risk.score),
            "risk.rank": risk.level.rank,
            "findings": [
                {"rule": finding.rule, "severity": finding.severity.value, "line": finding.line or 0}
                for finding in _telling(risk.findings)
            ],
            "labels": labels,
            "requester.id": requester.id,
            "requester.name": requester.name,
            "requester.email": requester.email,
            "requester.roles": list(requester.roles),
            "requester.teams": list(requester.teams),
        }

    def _constant(self, program: Any) -> bool | None:
        value = _evaluate(program, self._named.Activation({}))
        return value if isinstance(value, bool) else None

    def _bad_patterns(self, text: str) -> list[tuple[int, str]]:
        """Regular expressions that are not valid; CEL itself checks them only when they are used."""
        found = []
        for line, literal in words.patterns(text):
            value = _evaluate(self._bare.compile(f'"".matches({literal})'), self._bare.Activation({}))
            if not isinstance(value, bool):
                found.append((line, f"{literal} is not a regular expression ({words.reason(value)})"))
        return found

    def _failing(self, condition: Condition) -> list[tuple[int, str]]:
        """Errors of the condition with no facts known, and with all facts known."""
        for situation, facts in _SAMPLES.items():
            try:
                condition.holds(self.activation(facts))
            except ConditionError as error:
                return [(0, f"it cannot be evaluated for {situation}: {words.reason(str(error))}")]
        return []


@cache
def _cel() -> Any:
    # Imported here because it takes 4 MiB, and a process that compiles no policy does not need it.
    from cel_expr_python import cel

    return cel


def _environment(variables: Mapping[str, str]) -> Any:
    kinds = _cel().Type
    types = {
        "string": kinds.STRING,
        "int": kinds.INT,
        "double": kinds.DOUBLE,
        "list(string)": kinds.List(kinds.STRING),
        "map(string, string)": kinds.Map(kinds.STRING, kinds.STRING),
        "list(map(string, dyn))": kinds.List(kinds.Map(kinds.STRING, kinds.DYN)),
    }
    return _cel().NewEnv(variables={name: types[kind] for name, kind in variables.items()})


def _text(value: str) -> str:
    # The library ends a text at U+0000, so without this, "production\0" would equal "production".
    return storable(value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…")


def _telling(findings: Sequence[Finding]) -> Sequence[Finding]:
    """As many findings as conditions may see, starting with one of each rule and severity, so that none is missed."""
    if len(findings) <= MOST_FINDINGS:
        return findings
    first = {(finding.rule, finding.severity): finding for finding in reversed(findings)}
    kinds = {id(finding) for finding in first.values()}
    ordered = sorted(findings, key=lambda finding: id(finding) not in kinds)
    return ordered[:MOST_FINDINGS]


def _evaluate(program: Any, activation: Any) -> Any:
    """The value, or the error as text."""
    try:
        value = program.eval(activation)
        return value.value() if value.type() == _cel().Type.BOOL else str(value.value())
    except Exception as error:
        # The library raises plain RuntimeErrors for statuses of its own, such as too many steps. Whatever it is:
        # a condition must not stop a request from being opened.
        return str(error) or type(error).__name__


_SAMPLES = {
    "a proposal without findings and labels": Facts("", "", "", "", Assessment(RiskLevel.SAFE, 0.0)),
    "a proposal with a finding": Facts(
        workflow="workflow",
        node="node",
        agent="agent",
        kind="script",
        assessment=Assessment(RiskLevel.HIGH, 7.5, (Finding("rule", RiskLevel.HIGH, "", 1),)),
        environment="environment",
        tool="tool",
        target="target",
        size=1,
        requester=Requester("id", "name", "mail@example.com", ("reviewer",), ("team",)),
    ),
}
