"""Linking: a workflow file with the tools and workflows that it names, and everything checked that can be.

References are checked against the output schemas of the steps that they name and the input schemas of those that use
them, so that a workflow that starts does not fail on a misspelled field after people have approved its first half.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as declared
from functools import cached_property
from typing import Any

from assent.composition.conditions import Condition, ConditionError, compile_condition
from assent.composition.document import Document, Step
from assent.composition.inputs import InputShape, input_shape
from assent.composition.mistakes import CompositionError, Mistake, Path, did_you_mean
from assent.composition.reference_checks import ReferenceChecks
from assent.composition.references import ReferenceSyntaxError, Template, Whole, parse, template_of
from assent.composition.schema_views import ANYTHING, NoSuchPartError, View, object_schema
from assent.toolbox.calls import Limits
from assent.toolbox.errors import UnknownToolError
from assent.toolbox.model import Tool
from assent.toolbox.recovery import sql_field
from assent.toolbox.registry import Registry

MAX_DEPTH = 5
"""How deeply workflows may be composed of workflows."""
MAX_ALL_STEPS = 1_000
"""Most steps of a workflow with those of all workflows in it."""
LONGEST_LIST = 100
"""Most rows of one gate."""


@dataclass(frozen=True)
class LinkedStep:
    """A step with what it calls.

    Attributes:
        tool, flow: one of them is None.
        rows: the list of `for_each`.
        output: the schema of what references to the step find.
        note: for the reviewers of its calls, at the end of the summary; empty: the note of workflow files.
        labels: for the proposals of its calls, in addition to the usual ones.
        asks_about_changed_tools: whether a call that is not made because its tool has changed is a failure like others.
            Otherwise the step ends without an output.
    """

    step: Step
    tool: Tool | None
    flow: Flow | None
    inputs: Template
    rows: Template | None
    condition: Condition | None
    output: View
    note: str = ""
    labels: dict[str, str] = declared(default_factory=dict)
    asks_about_changed_tools: bool = True

    @property
    def asks(self) -> bool:
        """Whether the step requires approval."""
        return self.tool is not None and (self.step.gate == "always" or not self.tool.reads_only)

    @cached_property
    def heals(self) -> bool:
        """Whether a statement that the database does not understand is corrected."""
        return self.tool is not None and self.step.recover.sql_syntax == "heal" and bool(sql_field(self.tool))

    @property
    def asks_for_permission(self) -> bool:
        """Whether people are asked when the call is denied."""
        usual = "ask" if self.asks and self.step.on_error != "skip" else "on_error"
        return (self.step.recover.permission_denied or usual) == "ask"

    @cached_property
    def limits(self) -> Limits:
        """How often the tool is called, and how long each call may take."""
        made = Limits(timeout=self.step.timeout, after_timeouts=self.step.recover.timeout == "retry")
        retry = self.step.retry
        return made if retry is None else replace(made, attempts=retry.attempts, backoff=retry.backoff)


@dataclass(frozen=True)
class Flow:
    """A linked workflow file."""

    document: Document
    shape: InputShape
    steps: tuple[LinkedStep, ...]

    @cached_property
    def output(self) -> View:
        """The schema of what a step that is this workflow gives: the outputs of its steps, by their ids."""
        return object_schema({linked.step.id: linked.output for linked in self.steps})

    @cached_property
    def count(self) -> int:
        """The number of steps, with those of the workflows in it."""
        return sum(1 + (linked.flow.count if linked.flow is not None else 0) for linked in self.steps)


FindFlow = Callable[[str, tuple[str, ...]], Flow]
"""Returns the workflow of a name. The names of the workflows around it, from the outermost, are the trail."""


class NoSuchFlowError(LookupError):
    """There is no workflow file of this name; the message says where it should be, and what there is."""


def link(
    document: Document, registry: Registry, find_flow: FindFlow, trail: tuple[str, ...] = (),
    load: Callable[[str], Any] = importlib.import_module,
) -> Flow:  # fmt: skip
    """Return the workflow with its tools.

    Args:
        find_flow: returns the workflow that a step names. Raises NoSuchFlowError, CompositionError.
        trail: the names of the workflows around this one.
        load: imports the module of the input's model by its name; `tools` is the one beside the file.

    Raises:
        CompositionError: with all mistakes.
    """
    return _Linker(document, registry, find_flow, (*trail, document.name), load).flow()


class _Linker:
    def __init__(
        self, document: Document, registry: Registry, find_flow: FindFlow, trail: tuple[str, ...],
        load: Callable[[str], Any],
    ) -> None:  # fmt: skip
        self._load = load
        self._document = document
        self._registry = registry
        self._find_flow = find_flow
        self._trail = trail
        self._mistakes: list[Mistake] = []
        self._outputs: dict[str, View] = {}
        self._linked: dict[str, LinkedStep] = {}

    def flow(self) -> Flow:
        document = self._document
        shape = input_shape(document, self._say, self._load)
        for number, example in enumerate(document.examples):
            for field, words in shape.problems(example).items():
                path: Path = ("examples", number, *(field.split(".") if field else ()))
                self._say(path, f"The example does not fit the input: {words}")
        self._ancestors = _ancestors(document.steps)
        steps = tuple(self._step(step, View(shape.schema, shape.schema)) for step in document.steps)
        found = Flow(document, shape, steps)
        if not self._mistakes and found.count > MAX_ALL_STEPS:
            self._say(("steps",), f"With the workflows in it, it has {found.count:,} steps; at most {MAX_ALL_STEPS:,}.")
        if self._mistakes:
            raise CompositionError(self._mistakes)
        return found

    def _say(self, path: Path, message: str, line_within: int = 0) -> None:
        self._mistakes.append(self._document.mistake(path, message, line_within))

    def _step(self, step: Step, given: View) -> LinkedStep:
        tool = self._tool(step) if step.tool else None
        flow = self._flow(step) if step.workflow else None
        known = {"input": given} | {name: self._outputs[name] for name in self._ancestors[step.id]}
        rows, entry = self._rows(step, known)
        inside = known if entry is None else known | {"item": entry, "index": View({"type": "integer"}, True)}
        inputs = self._inputs(step, tool, flow, inside)
        condition = self._condition(step, known)
        if tool is not None:
            self._about_tool(step, tool)
            self._rests_on(step, tool)
        output = ANYTHING
        if tool is not None:
            output = View(tool.returns.schema, tool.returns.schema)
        elif flow is not None:
            output = flow.output
        if step.for_each:
            output = View({"type": "array", "items": {"anyOf": [output.schema, {"type": "null"}]}}, output.root)
        self._outputs[step.id] = output
        self._linked[step.id] = LinkedStep(step, tool, flow, inputs, rows, condition, output)
        return self._linked[step.id]

    def _tool(self, step: Step) -> Tool | None:
        try:
            return self._registry.get(step.tool)
        except UnknownToolError as error:
            self._say((*step.path, "tool"), str(error))
            return None

    def _flow(self, step: Step) -> Flow | None:
        path = (*step.path, "workflow")
        if step.workflow in self._trail:
            circle = [*self._trail[self._trail.index(step.workflow) :], step.workflow]
            self._say(path, f"The workflows contain each other in a circle: {' contains '.join(circle)}.")
            return None
        if len(self._trail) >= MAX_DEPTH:
            self._say(path, f"Workflows are composed of workflows at most {MAX_DEPTH} levels deep.")
            return None
        try:
            return self._find_flow(step.workflow, self._trail)
        except NoSuchFlowError as error:
            self._say(path, str(error))
        except CompositionError as error:
            first = error.mistakes[0]
            self._say(path, f"The workflow {step.workflow!r} has mistakes itself: {first}")
        return None

    def _rows(self, step: Step, known: Mapping[str, View]) -> tuple[Template | None, View | None]:
        """Return the list of `for_each`, and the schema of its entries."""
        if not step.for_each:
            return None, None
        path = (*step.path, "for_each")
        try:
            template = parse(step.for_each)
        except ReferenceSyntaxError as error:
            self._say(path, str(error))
            return None, ANYTHING
        if not isinstance(template, Whole):
            self._say(path, "for_each is one reference to a list, such as ${find.tables}.")
            return None, ANYTHING
        view = ReferenceChecks(self._document, step, known, self._say).view(path, template.reference)
        entries = [inside for plain in view.alternatives() if (inside := plain.entry()) is not None]
        if "array" not in view.types() or not entries:
            words = ReferenceChecks.words(view)
            self._say(path, f"{template.reference} is {words}; for_each needs a list.")
            return template, ANYTHING
        return template, entries[0]

    def _inputs(self, step: Step, tool: Tool | None, flow: Flow | None, known: Mapping[str, View]) -> Template:
        path = (*step.path, "inputs")
        checks = ReferenceChecks(self._document, step, known, self._say)
        try:
            template = template_of(step.inputs)
        except ReferenceSyntaxError:
            checks.syntax(step.inputs, path)
            return parse("")
        target = tool.takes.schema if tool is not None else flow.shape.schema if flow is not None else None
        checks.fit(step.inputs, View(target, target) if target is not None else ANYTHING, path)
        return template

    def _condition(self, step: Step, known: Mapping[str, View]) -> Condition | None:
        if not step.when:
            return None
        try:
            return compile_condition(step.when, known)
        except ConditionError as error:
            for line, words in error.problems:
                self._say((*step.path, "when"), words, line)
        return None

    def _about_tool(self, step: Step, tool: Tool) -> None:
        """Check that what the step says about its call makes sense for the tool."""
        if step.retry is not None and step.retry.attempts > 1 and not tool.may_repeat:
            self._say(
                (*step.path, "retry"),
                f"{tool.name} changes something and is not idempotent, so a failed call is never repeated by itself. "
                "Use on_error: ask.",
            )
        written = (*step.path, "recover", "sql_syntax")
        if written in self._document.tree.places and step.recover.sql_syntax == "heal" and not sql_field(tool):
            self._say(
                written,
                f"No input of {tool.name} is known to hold a statement: it is named sql, query, or statement, or its "
                "schema has contentMediaType: application/sql.",
            )
        asks = step.gate == "always" or not tool.reads_only
        if step.urgency != "normal" and not asks:
            self._say((*step.path, "urgency"), f"{tool.name} only reads, so nobody is asked. Add gate: always.")
        if step.on_reject != "stop" and not asks:
            self._say((*step.path, "on_reject"), f"{tool.name} only reads, so nobody is asked. Add gate: always.")

    def _rests_on(self, step: Step, tool: Tool) -> None:
        """Check what the call rests on: earlier steps that only read, and fields of their outputs."""
        path = (*step.path, "rests_on")
        if step.rests_on and tool.reads_only and step.gate == "auto":
            self._say(path, "rests_on is not possible with a tool that only reads, which needs no approval.")
        for name, counts in step.rests_on.items():
            if name not in self._ancestors[step.id]:
                hint = did_you_mean(name, self._ancestors[step.id])
                self._say((*path, name), f"There is no step {name!r} before this one.{hint}")
                continue
            source = self._linked[name]
            if source.tool is None or not source.tool.reads_only or source.rows is not None:
                self._say((*path, name), f"A call can only rest on one call that reads; {name!r} is something else.")
                continue
            for counted in counts:
                view, parts = source.output, counted.split(".")
                try:
                    for part in parts[: parts.index("*")] if "*" in parts else parts:
                        view = view.part(int(part) if part.isdecimal() else part)
                except NoSuchPartError as error:
                    self._say((*path, name, counted), f"{counted} does not exist in what {name} returns. {error}")


def _ancestors(steps: tuple[Step, ...]) -> dict[str, list[str]]:
    """Return the steps that have ended when a step begins, by its id. The steps are in an order that fits."""
    found: dict[str, list[str]] = {}
    for step in steps:
        known: dict[str, None] = {}
        for name in step.needs:
            known |= dict.fromkeys([*found[name], name])
        found[step.id] = list(known)
    return found
