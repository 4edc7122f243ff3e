"""Breakpoints: if a graph was compiled to stop before or after a node, people decide whether it continues."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from assent.contracts import CallDecision, Outcome, calls_of
from assent.dialects.base import Asked, EndRun, Pending, Seen, UnfitAnswerError, jsonable, masked, refused
from assent.dialects.tool_calls import RequestedCall, document_of
from assent.digests import digest_of

BREAKPOINT = "breakpoint"
ON_REQUEST = "asked-for:"
_LONGEST_TEXT = 20_000
_MOST_ENTRIES = 100
_DEEPEST = 6
_LARGEST = 200_000
_WHY = "The graph stops here by itself: it was compiled with `{0}`. "
_ASKED_FOR = "{0} wanted the run to ask before its next step. "
_ONE = "Approved, it goes on with this step; rejected, it ends."
_ALL = "Approved, it goes on with all of these steps; if one of them is rejected, none is run, and it ends."


class BreakpointDialect:
    """Not an interrupt, but created when a graph stopped at a breakpoint. The graph continues or ends."""

    name = BREAKPOINT
    alone = False
    acts = False
    may_be_passed_over = False

    def recognize(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        return None

    def answer(self, outcome: Outcome, pending: Pending) -> bool | EndRun:
        if end := refused(outcome):
            return end
        calls = calls_of(outcome.payload)
        if not outcome.approved or not calls:
            raise UnfitAnswerError("a breakpoint can only be approved or rejected")
        left = [call["tool"] for call in calls if call.get("decision", CallDecision.APPROVE) != CallDecision.APPROVE]
        return EndRun(f"{', '.join(left)} was left out; the graph can only continue with all steps.") if left else True


@dataclass(frozen=True)
class NextStep:
    """A step that the graph would continue with.

    Attributes:
        title, tool, agent: from the node's metadata.
        value: the step's input.
    """

    node: str
    title: str
    tool: str
    agent: str
    value: Any


@dataclass(frozen=True)
class Stop:
    """A thread's stop at a breakpoint.

    Attributes:
        id: identifies the stop; a loop that reaches the breakpoint again gets another id.
        setting: `interrupt_before` or `interrupt_after`.
        within: id of the step of the outermost graph that contains it; empty: it is in that graph itself.
        asked_by: who asked to stop here; empty: the graph stops here by itself.
    """

    id: str
    digest: str
    setting: str
    steps: tuple[NextStep, ...]
    within: str = ""
    asked_by: str = ""

    def asked(self) -> Asked:
        """The question."""
        names = [f"“{step.title}”" for step in self.steps]
        title = f"Go on with {names[0]}?" if len(names) == 1 else f"Go on with {len(names)} steps: {', '.join(names)}?"
        why = _ASKED_FOR.format(self.asked_by) if self.asked_by else _WHY.format(self.setting)
        why += _ONE if len(names) == 1 else _ALL
        document = document_of([_requested(step, why) for step in self.steps])
        if document is None:
            bare = [replace(step, tool="", node=step.node[:200] or "step", value=None) for step in self.steps[:100]]
            document = document_of([_requested(step, why) for step in bare]) or {}
        document |= {"title": title if len(title) <= 200 else title[:199] + "…"}
        node, agent = self.steps[0].node, self.steps[0].agent
        return Asked(self.id, BREAKPOINT, document, self.digest, None, node, agent)


def stop_at(place: Sequence[str], setting: str, steps: Sequence[NextStep], within: str) -> Stop:
    """Return the stop of a graph at the checkpoint that `place` identifies."""
    digest = digest_of([*place, [step.node for step in steps]])
    return Stop(f"{BREAKPOINT}:{digest_of(list(place))[:40]}", digest, setting, tuple(steps), within)


def stop_on_request(place: Sequence[str], steps: Sequence[NextStep], asked_by: str) -> Stop:
    """Return the stop before the next step, for which a person asked, at the checkpoint that `place` identifies."""
    digest = digest_of([*place, [step.node for step in steps]])
    return Stop(f"{ON_REQUEST}{digest_of(list(place))[:40]}", digest, "", tuple(steps), asked_by=asked_by)


def is_on_request(name: str) -> bool:
    """Return True if this is the id of a stop for which a person asked."""
    return name.startswith(ON_REQUEST)


def _requested(step: NextStep, why: str) -> RequestedCall:
    return RequestedCall(step.tool or step.node, _shown(step.value), [CallDecision.APPROVE, CallDecision.REJECT], why)


def _shown(value: Any) -> dict[str, Any]:
    """Return a step's input, masked, and cut where it is too large for people to read."""
    plain = masked(jsonable(value))
    named = plain if isinstance(plain, dict) else {} if plain is None else {"input": plain}
    shown: dict[str, Any] = {str(name): _cut(part, _DEEPEST) for name, part in list(named.items())[:_MOST_ENTRIES]}
    if len(named) > _MOST_ENTRIES:
        shown["…"] = f"{len(named) - _MOST_ENTRIES} more"
    sizes = {name: len(json.dumps(part)) for name, part in shown.items()}
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if sum(sizes.values()) <= _LARGEST:
            break
        shown[name] = f"… ({sizes[name]:,} characters of JSON)"
        sizes[name] = len(shown[name])
    return shown


def _cut(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        more = len(value) - _LONGEST_TEXT
        return value if more <= 0 else f"{value[:_LONGEST_TEXT]}… ({more:,} more characters)"
    if isinstance(value, dict | list) and value and depth == 0:
        return f"… ({len(value)} entries)"
    if isinstance(value, dict):
        cut = {name: _cut(part, depth - 1) for name, part in list(value.items())[:_MOST_ENTRIES]}
        return cut if len(value) <= _MOST_ENTRIES else cut | {"…": f"{len(value) - _MOST_ENTRIES} more"}
    if isinstance(value, list):
        rest = [f"… ({len(value) - _MOST_ENTRIES} more)"] if len(value) > _MOST_ENTRIES else []
        return [_cut(part, depth - 1) for part in value[:_MOST_ENTRIES]] + rest
    return value
