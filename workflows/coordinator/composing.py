"""Composing: from the needs of a request to the steps of a plan, by templates, out of what is registered.

A template says which kinds of steps serve a kind of need, in their order; which tools they are follows from what is
registered. The final report is no step: each run writes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from assent.composition.fields import RESERVED_IDS
from assent.digests import digest_of
from assent.naming import snake
from assent.plans import MAX_STEPS, PlanStep
from assent.toolbox.model import Tool
from assent.workflow import Workflow
from workflows.coordinator.chains import Attempt, Call, Chains, Missing, Output
from workflows.coordinator.coverage import is_about, left_over, texts_in
from workflows.coordinator.filling import Sources, own_key
from workflows.coordinator.linking import mistakes_of
from workflows.coordinator.matching import ENOUGH, Match, Matcher, prefers_workflow
from workflows.coordinator.needs import MOST_NEEDS, Need
from workflows.coordinator.registered import full_name, step_of
from workflows.coordinator.words import LEAVING, LONGEST_TEXT, TAKING, means_the_same, words

TEMPLATES: Mapping[str, tuple[str, ...]] = {"change": ("look", "act", "verify"), "workflow": ("run",)}
"""The parts of a plan for the kinds of changes. What only finds something out is one step.

Tools that provide inputs come before the part that needs them.
"""
_REFERENCE = re.compile(r"(?<!\$)\$\{\w+")
_MOST_TRIED = 8
"""Most tools that are tried for one need."""
_NEARLY_AS_GOOD = 0.15
"""How much lower the score of a tool may be that is used because the best one cannot be."""
_REFERRING = 0.15
"""How much lower the score of a change may be whose clause refers to another one: *refresh its statistics*."""
_SAID = 120
NOTHING = "nothing that is registered does this."
"""Why most clauses that are not covered are not."""


@dataclass
class Composition:
    """What was made of a request.

    Attributes:
        steps: of the plan; none if something is missing.
        missing: the values that people are asked for, by the name of the field.
        problems: what is needed and cannot be made to fit, in sentences.
        unserved: the clauses for which nothing is registered, each with what is known of it.
        used: why each tool and workflow is used, by its name with its version.
    """

    steps: list[PlanStep] = field(default_factory=list)
    missing: dict[str, Missing] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unserved: list[str] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """What a plan is made for.

    Attributes:
        needs: of the request, and of what reviewers have asked for besides.
        text: the whole request.
        given: values by name.
        targets: names of configured targets.
        avoided: names of tools and workflows that are not to be used.
        done: the changes that were made, or rejected, and are not proposed again, by `fingerprint`.
    """

    needs: Sequence[Need]
    text: str
    given: Mapping[str, Any]
    targets: tuple[str, ...] = ()
    avoided: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()


def fingerprint(name: str, inputs: Any) -> str:
    """Return what identifies a call of a tool, or a run of a workflow, whatever the ids of earlier steps are.

    Args:
        name: with or without the version, which does not count: what was done is not done again by a newer tool.
        inputs: of a step, with references.
    """
    return digest_of([name.partition("@")[0], _without_ids(inputs)])


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(inside) for name, inside in value.items()}
    if isinstance(value, list):
        return [_without_ids(inside) for inside in value]
    return _REFERENCE.sub("${", value) if isinstance(value, str) else value


def draft(wish: Wish, matcher: Matcher) -> Composition:
    """Return a plan that nobody has checked yet. The same request gives the same plan."""
    return _Composer(wish, matcher).compose()


def compose(wish: Wish, matcher: Matcher) -> Composition:
    """Return the plan for a request, or what is missing for one."""
    made = draft(wish, matcher)
    if made.missing or not made.steps:
        made.steps = []
        return made
    if len(made.steps) > MAX_STEPS:
        made.problems.append(f"The plan would have {len(made.steps)} steps; at most {MAX_STEPS} are possible.")
        made.steps = []
    for step, said in mistakes_of(made.steps, matcher.found).items():
        made.problems += [f"{step or 'The plan'}: {mistake}" for mistake in said]
        made.steps = []
    return made


class _Composer:
    def __init__(self, wish: Wish, matcher: Matcher) -> None:
        self._wish = wish
        self._found = matcher.found
        self._matcher = matcher
        self._made = Composition()
        self._ids: dict[Call, str] = {}
        self._reads: dict[str, str] = {}
        self._served: dict[str, str] = {}

    def compose(self) -> Composition:
        for need in self._wish.needs[:MOST_NEEDS]:
            self._serve(need)
        if left := self._wish.needs[MOST_NEEDS:]:
            self._made.problems.append(f"One plan serves at most {MOST_NEEDS} needs; {len(left)} are left out.")
            self._made.unserved += [f"{as_said(need)}: the plan has no room for it." for need in left]
        if len(self._wish.text) > LONGEST_TEXT:
            self._made.problems.append(f"Only the first {LONGEST_TEXT:,} characters of the request choose steps.")
        return self._made

    @cached_property
    def _readers(self) -> list[Tool]:
        return [tool for tool in self._found.tools if tool.reads_only and tool.name not in self._wish.avoided]

    def _serve(self, need: Need) -> None:
        if need.unwanted:
            self._made.unserved.append(f"{as_said(need)}: it says what is not to be done.")
            return
        tools = self._matcher.matching_tools(need)
        fitting = self._fitting(tools, need)
        workflows = [match for match in self._matcher.matching_workflows(need) if is_about(match, need, self._values)]
        workflow = next((match for match in workflows if self._may_run(match, need)), None)
        runs = prefers_workflow(workflow, fitting[0] if fitting else None, need)
        best = workflow if runs else fitting[0] if fitting else None
        if best is not None and best.name in self._wish.avoided:
            # Reviewers do not want it, nor something else in its place.
            self._made.unserved.append(f"{as_said(need)}: reviewers do not want {best.name}.")
            return
        taken: Call | None = None
        if workflow is not None and runs:
            taken = self._take([self._run(workflow, need)], need)
        elif fitting:
            relevance = {match.name: match.score for match in tools}
            chains = Chains(self._readers, lambda tool: relevance.get(tool.name, 0.0))
            tried = [match for match in fitting if match.name not in self._wish.avoided][:_MOST_TRIED]
            attempts = [
                self._call(match, need, chains) for match in tried if match.score >= tried[0].score - _NEARLY_AS_GOOD
            ]
            taken = self._take(attempts, need, chains if need.changes else None, tools)
        else:
            taken = self._by_router(need)
        if taken is not None:
            self._served[need.text] = taken.name
            offered = self._matcher.words_of(taken.name)
            for part in left_over(need, offered, [*_used_names(taken), *texts_in(taken.inputs)], self._values):
                self._made.unserved.append(f"“{part[:_SAID]}” in {as_said(need)}: no step does anything about it.")

    def _fitting(self, tools: Sequence[Match], need: Need) -> list[Match]:
        """Return the tools that serve a need, the best first."""
        about = [match for match in tools if match.score >= ENOUGH and is_about(match, need, self._values)]
        fitting = [match for match in about if self._may_serve(match, need)]
        if not fitting and need.makes:
            made = replace(need, verbs=need.makes)
            named = [match for match in about if set(words(" ".join(match.shared))) - need.makes]
            fitting = [match for match in named if self._may_serve(match, made)]
        if not fitting and need.about and need.verbs:
            near = [match for match in tools if match.score >= ENOUGH - _REFERRING and self._may_serve(match, need)]
            fitting = [match for match in near if is_about(match, need, self._values)]
        if not fitting and need.verbs:
            only = self._matcher.only_one_that(need, self._values, self._wish.avoided)
            fitting = [only] if only is not None else []
        return fitting

    @cached_property
    def _values(self) -> frozenset[str]:
        """Words that name values, and not what is to be done with them."""
        return frozenset(words(" ".join([*self._wish.targets, *texts_in(dict(self._wish.given))])))

    def _by_router(self, need: Need) -> Call | None:
        """Add the workflow that the router knows for a need whose words say too little."""
        text = f"{need.about}: {need.text}" if need.about else need.text
        match, said = self._matcher.route(text) if self._matcher.route is not None else (None, "")
        if match is None or match.name in self._wish.avoided or not self._may_run(match, need):
            match = self._matcher.workflow_that_mends(need, self._served.get(need.about, ""), self._values)
        if match is not None and match.name not in self._wish.avoided and self._may_run(match, need):
            return self._take([self._run(match, need)], need)
        self._made.unserved.append(f"{as_said(need)}: {said or NOTHING}")
        return None

    def _may_serve(self, match: Match, need: Need) -> bool:
        """Return whether a tool does what a need asks for: to read, or a change of the kind that is named."""
        if self._found.tools.get(match.name).reads_only:
            return not need.changes
        by_name = match.score == 1.0 and need.verbs == {"run"}
        return by_name or means_the_same(need.verbs, self._matcher.words_of(match.name))

    def _may_run(self, match: Match, need: Need) -> bool:
        """Return whether a workflow may serve a need: what takes something away has to be named by it."""
        return not need.verbs & TAKING or means_the_same(need.verbs, self._matcher.words_of(match.name))

    def _sources(self, need: Need) -> Sources:
        texts = tuple(text for text in (need.text, need.about, self._wish.text) if text)
        return Sources(self._wish.given, texts, self._matcher.vocabulary, self._wish.targets)

    def _call(self, match: Match, need: Need, chains: Chains) -> Attempt:
        tool = self._found.tools.get(match.name)
        made = chains.attempt(tool.name, tool.takes.schema, self._sources(need), match.reason, tool)
        needed = tool.check_dependencies()
        gone = [one for one in needed if not one.available]
        if gone and len(gone) == len(needed):
            words = f": {gone[0].detail}" if gone[0].detail else "."
            made.problems.append(f"{tool.name} needs {gone[0].name}, which is not available{words}")
        return made

    def _run(self, match: Match, need: Need) -> Attempt:
        workflow = self._found.workflows[match.name]
        chains = Chains(self._readers, lambda tool: 0.0)
        schema = workflow.input_model.model_json_schema()
        reason = f"{match.reason} Its own steps ask for approval as they always do."
        return chains.attempt(match.name, schema, self._sources(need), reason, None)

    def _take(
        self, attempts: list[Attempt], need: Need, chains: Chains | None = None, related: Iterable[Match] = ()
    ) -> Call | None:
        """Add the steps of the first attempt that is whole, or else note what is missing for the best one.

        Returns the call that serves the need; None: nothing does.
        """
        possible = [attempt for attempt in attempts if not attempt.problems]
        if not possible:
            self._made.problems += [f"{as_said(need)}: {problem}" for problem in attempts[0].problems]
            return None
        best = next((attempt for attempt in possible if attempt.is_whole), possible[0])
        # A change is never replaced by something that merely needs fewer inputs, and a reader never replaces a change.
        if possible[0] is not best and (need.changes or _changes(best.call)):
            best = possible[0]
        for name, wanted in best.missing.items():
            known = self._made.missing.setdefault(self._key(name, wanted), wanted)
            known.wanted_by = list(dict.fromkeys([*known.wanted_by, *wanted.wanted_by]))
        if best.missing:
            return best.call
        if not _changes(best.call):
            self._add(best.call)
        elif fingerprint(best.call.name, _rendered(best.call.inputs, lambda _: "earlier")) not in self._wish.done:
            self._change(best.call, need, chains, related)
        return best.call

    def _key(self, name: str, wanted: Missing) -> str:
        """Return under which name a value is asked for: the field's, unless that is another field's of another type."""
        known = self._made.missing.get(name)
        if name in self._wish.given or (known is not None and known.view.schema != wanted.view.schema):
            return own_key(wanted.wanted_by[0], name)
        return name

    def _change(self, act: Call, need: Need, chains: Chains | None, related: Iterable[Match]) -> None:
        """Add a change, with a look before it and one after it where a tool that reads can do so."""
        look = None
        if chains is not None and not need.verbs <= LEAVING:
            look = self._look(act, need, chains, related)
        for part in TEMPLATES["change" if act.tool is not None else "workflow"]:
            if part == "look" and look is not None:
                self._add(look)  # nothing needs it, so that reviewers can leave it out
            elif part == "verify" and look is not None:
                assert look.tool is not None
                reason = f"Looks again after {act.name}, to see what it has changed."
                again = Call(look.name, look.inputs, reason, look.tool, [act], f"Verify: {look.tool.label}")
                self._add(again)
            elif part in ("act", "run"):
                self._add(act)

    def _look(self, act: Call, need: Need, chains: Chains, related: Iterable[Match]) -> Call | None:
        """Return a call that reads what a change is about: the most relevant one that needs nothing else."""
        matches = {match.name: match for match in related}
        readers = [tool for tool in self._readers if self._reads_about(tool, act, matches.get(tool.name))]
        for tool in sorted(readers, key=lambda tool: -matches[tool.name].score if tool.name in matches else 0.0):
            match = matches.get(tool.name)
            reason = f"Looks before {act.name}. {match.reason if match is not None else ''}".strip()
            made = chains.attempt(tool.name, tool.takes.schema, self._sources(need), reason, tool, (act.name,))
            if made.is_whole:
                return made.call
        return None

    def _reads_about(self, tool: Tool, act: Call, match: Match | None) -> bool:
        """Return whether a tool reads about the subject of a change: by its words, or because it takes the same."""
        if match is not None and match.score >= ENOUGH:
            return True
        required = set(tool.takes.schema.get("required") or ())
        shares = act.tool is not None and bool(set(tool.capabilities) & set(act.tool.capabilities))
        return shares and bool(required) and required <= act.inputs.keys()

    # Steps

    def _add(self, call: Call) -> str:
        """Add the step of a call, after those that it needs, and return its id. A read is made once."""
        if call in self._ids:
            return self._ids[call]
        for earlier in [*call.after, *_used(call.inputs)]:
            self._add(earlier)
        inputs = _rendered(call.inputs, lambda earlier: self._ids[earlier])
        name = full_name(self._target(call))
        key = digest_of([name, inputs])
        is_read = call.tool is not None and call.tool.reads_only
        if is_read and not call.after and key in self._reads:
            self._ids[call] = self._reads[key]
            return self._ids[call]
        step = self._step(call, inputs)
        self._made.steps.append(step)
        self._ids[call] = step.id
        if is_read:
            self._reads.setdefault(key, step.id)
        else:
            self._reads.clear()  # what was read before a change is read again after it
        self._made.used.setdefault(name, call.reason)
        return step.id

    def _step(self, call: Call, inputs: dict[str, Any]) -> PlanStep:
        needs = list(dict.fromkeys(self._ids[earlier] for earlier in call.after))
        step = step_of(self._target(call), id=self._id(call.name), inputs=inputs, needs=needs, reason=call.reason)
        return step.model_copy(update={"title": call.title[:200]}) if call.title else step

    def _target(self, call: Call) -> Tool | Workflow:
        return call.tool if call.tool is not None else self._found.workflows[call.name]

    def _id(self, name: str) -> str:
        base = snake(name) or "step"
        base = f"{base[:80]}_step" if base in RESERVED_IDS else base[:80].rstrip("_")
        taken = {step.id for step in self._made.steps}
        number = 1
        while (made := base if number == 1 else f"{base}_{number}") in taken:
            number += 1
        return made


def as_said(need: Need) -> str:
    """Return the text of a clause in quotes, cut if it is long."""
    text = need.text if len(need.text) <= _SAID else f"{need.text[:_SAID]}…"
    return f"“{text}”"


def _changes(call: Call) -> bool:
    return call.tool is None or not call.tool.reads_only


def _used(value: Any) -> Iterator[Call]:
    if isinstance(value, Output):
        yield value.call
    elif isinstance(value, dict):
        for inside in value.values():
            yield from _used(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _used(inside)


def _used_names(call: Call) -> list[str]:
    return [name for earlier in _used(call.inputs) for name in (earlier.name, *_used_names(earlier))]


def _rendered(value: Any, id_of: Any) -> Any:
    """Return inputs with references in place of outputs."""
    if isinstance(value, Output):
        return f"${{{'.'.join((id_of(value.call), *value.path))}}}"
    if isinstance(value, dict):
        return {name: _rendered(inside, id_of) for name, inside in value.items()}
    return [_rendered(inside, id_of) for inside in value] if isinstance(value, list) else value
