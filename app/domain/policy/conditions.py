"""Conditions of a policy: CEL expressions over the facts, checked when they are loaded, and bounded when they run.

CEL has no loops except those over lists. To keep each condition within milliseconds, lists are short, texts are cut,
and loops inside loops are refused. A condition that cannot be evaluated raises `ConditionError`; the policy then
applies stricter terms (`rules`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.policy import condition_words as words
from app.domain.policy.facts import CallFacts, Facts, Requester
from app.domain.policy.recipients import UnknownRecipientsError, recipients_of
from app.domain.risk import Assessment, Finding
from assent.composition import cel
from assent.composition.cel import evaluate, plain, text_of
from assent.contracts import RiskLevel
from assent.json_values import count

MOST_FINDINGS = 500
"""Maximum number of findings that conditions see."""
MOST_NAMES = 2_000
"""Maximum number of commands, paths, hosts, or recipients; with more, conditions that name them cannot be evaluated."""
MOST_VALUES = 2_000
"""The same for the arguments of a tool call, counted with all values inside them."""
UNKNOWN = object()
"""Arguments that conditions do not know, so that those that name them cannot be evaluated."""

FACTS: dict[str, str] = {
    "workflow": "string",
    "node": "string",
    "agent": "string",
    "kind": "string",
    "environment": "string",
    "tool": "string",
    "target": "string",
    "language": "string",
    "args": "map(string, dyn)",
    "recipients": "list(string)",
    "understood": "bool",
    "commands": "list(string)",
    "paths": "list(string)",
    "hosts": "list(string)",
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
        arguments: the arguments of a tool call that it names, as keys from the outside in.
    """

    text: str
    program: Any
    constant: bool | None
    arguments: tuple[tuple[str, ...], ...] = ()

    def holds(self, known: Known) -> bool:
        """Whether it holds for these facts. Raises ConditionError if that is unknown.

        It does not hold if it names an argument that the call does not have, and depends on its value.
        """
        value = evaluate(self.program, known.activation)
        if isinstance(value, bool):
            return value
        if self._lacks_arguments(known):
            return False
        raise ConditionError([(0, str(value))])

    def _lacks_arguments(self, known: Known) -> bool:
        """True if it can be evaluated as soon as the arguments that are missing have some value."""
        missing = [keys for keys in self.arguments if not _has(known.args, keys)]
        if not missing or known.args is None:
            return False
        return any(isinstance(evaluate(self.program, known.with_args(missing, value)), bool) for value in _STAND_INS)


@dataclass(frozen=True)
class Known:
    """The facts in the form that conditions read.

    Attributes:
        args: the arguments of the tool call; None: nothing is known of them.
    """

    activation: Any
    args: dict[str, Any] | None
    remake: Callable[[dict[str, Any]], Any]

    def with_args(self, missing: Iterable[tuple[str, ...]], value: Any) -> Any:
        """An activation in which these arguments have that value as well."""
        args: dict[str, Any] = json.loads(json.dumps(self.args))
        for keys in missing:
            _put(args, keys, value)
        return self.remake(args)


class Conditions:
    """Compiles the conditions of one policy, which share declarations of facts and labels."""

    def __init__(self, texts: Iterable[str]) -> None:
        # A label that is named as labels.x reads as "" where it is not set. So it is a variable of its own; but then
        # CEL's has() does not see the map behind it, so a condition with has(labels.x) gets the map alone.
        self._labels = sorted({key for text in texts for key in words.label_names(text)})
        self._named = cel.environment(FACTS | {f"labels.{key}": "string" for key in self._labels})
        self._bare = cel.environment(FACTS)

    def compile(self, text: str) -> Condition:
        """Compile and check a condition. Raises ConditionError with all problems."""
        environment = self._bare if words.asks_has_label(text) else self._named
        try:
            program = environment.compile(text)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ConditionError(words.explain(str(error), text, list(FACTS))) from None
        if program.return_type() != cel.library().Type.BOOL:
            kind = str(program.return_type()).lower()
            raise ConditionError([(0, f"a condition must be true or false, and this is of type {kind}")])
        condition = Condition(text, program, self._constant(program), words.arguments(text))
        complaints = [*words.misused(text), *self._bad_patterns(text)]
        complaints = complaints or self._failing(condition)
        if complaints:
            raise ConditionError(complaints)
        return condition

    def activation(self, facts: Facts) -> Known:
        """The facts in the form that conditions read; made once for all conditions of a policy."""
        values = self._values(facts)
        return Known(
            self._named.Activation(values), values.get("args"),
            lambda args: self._named.Activation(values | {"args": args}),
        )  # fmt: skip

    def needs(self, condition: Condition, **known: Any) -> bool:
        """True if the condition never holds where these facts are known, whatever the others are.

        Args:
            known: facts by name, with ``_`` for the point.
        """
        facts = {name.replace("_", "."): value for name, value in known.items()}
        return evaluate(condition.program, self.partly(facts)) is False

    def partly(self, known: dict[str, Any]) -> Any:
        """An activation in which only these facts are known."""
        return self._named.Activation(known)

    def _values(self, facts: Facts) -> dict[str, Any]:
        requester, risk = facts.requester, facts.assessment
        labels = {text_of(key): text_of(value) for key, value in facts.labels.items()}
        values: dict[str, Any] = {f"labels.{key}": labels.get(key, "") for key in self._labels}
        touches = risk.touches
        for name, found in (("commands", touches.commands), ("paths", touches.paths), ("hosts", touches.hosts)):
            if len(found) <= MOST_NAMES:
                values[name] = [text_of(text) for text in found]
        if (args := _arguments(facts.args)) is not None:
            values["args"] = args
            if (recipients := _recipients(facts.args)) is not None:
                values["recipients"] = recipients
        return values | {
            "language": text_of(facts.language),
            "understood": risk.understood,
            "workflow": text_of(facts.workflow),
            "node": text_of(facts.node),
            "agent": text_of(facts.agent),
            "kind": text_of(facts.kind),
            "environment": text_of(facts.environment),
            "tool": text_of(facts.tool),
            "target": text_of(facts.target),
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
        value = evaluate(program, self._named.Activation({}))
        return value if isinstance(value, bool) else None

    def _bad_patterns(self, text: str) -> list[tuple[int, str]]:
        """Regular expressions that are not valid; CEL itself checks them only when they are used."""
        return list(cel.bad_patterns(text, self._bare))

    def _failing(self, condition: Condition) -> list[tuple[int, str]]:
        """Errors of the condition with no facts known, and with all facts known."""
        for situation, facts in _SAMPLES.items():
            try:
                condition.holds(self.activation(facts))
            except ConditionError as error:
                return [(0, f"it cannot be evaluated for {situation}: {cel.reason(str(error))}")]
        return []


def _arguments(args: Any) -> dict[str, Any] | None:
    """The arguments of a call as conditions read them; None if there are too many, or they are unknown."""
    if args is None:
        return {}
    if not isinstance(args, dict) or count(args) > MOST_VALUES:
        return None
    known: dict[str, Any] = plain(args)
    return known


def _recipients(args: Any) -> list[str] | None:
    """The recipients that a call names; None if there are too many, or they are unknown."""
    try:
        found = recipients_of(args)
    except UnknownRecipientsError:
        return None
    return [text_of(address) for address in found] if len(found) <= MOST_NAMES else None


def _has(args: dict[str, Any] | None, keys: tuple[str, ...]) -> bool:
    part: Any = args
    for key in keys:
        if not isinstance(part, dict) or key not in part:
            return False
        part = part[key]
    return True


def _put(args: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    """Give an argument a value, unless something other than an object is in its way."""
    part = args
    for key in keys[:-1]:
        inner = part.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        part = inner
    part.setdefault(keys[-1], value)


_STAND_INS: tuple[Any, ...] = (0, 0.0, "", False, [], {})
"""Values of each type, to see whether only missing arguments keep a condition from being evaluated."""


def _telling(findings: Sequence[Finding]) -> Sequence[Finding]:
    """As many findings as conditions may see, starting with one of each rule and severity, so that none is missed."""
    if len(findings) <= MOST_FINDINGS:
        return findings
    first = {(finding.rule, finding.severity): finding for finding in reversed(findings)}
    kinds = {id(finding) for finding in first.values()}
    ordered = sorted(findings, key=lambda finding: id(finding) not in kinds)
    return ordered[:MOST_FINDINGS]


_SAMPLES = {
    "a proposal without findings and labels": Facts("", "", "", "", Assessment(RiskLevel.SAFE, 0.0)),
    "a proposal with a finding": Facts(
        workflow="workflow",
        node="node",
        agent="agent",
        kind="script",
        assessment=Assessment(RiskLevel.HIGH, 7.5, (Finding("rule", RiskLevel.HIGH, "", 1),)),
        environment="environment",
        language="language",
        tool="tool",
        args={"argument": "value"},
        calls=(CallFacts("tool", {"argument": "value"}),),
        target="target",
        size=1,
        requester=Requester("id", "name", "mail@example.com", ("reviewer",), ("team",)),
    ),
}
