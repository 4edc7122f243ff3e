"""Chains: a call with everything that its inputs need, from values, and from the outputs of tools that only read.

The output of one tool fits the input of another if a field has the same name, and a type that cannot clash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assent.composition.schema_views import ALL_TYPES, View, clash
from assent.toolbox.model import Tool
from workflows.coordinator.filling import Sources, can_be_asked, fill, fits, literal, only_quoted, whole_text

DEEPEST = 4
"""Most tools in a row that provide inputs for each other."""
_MOST_PROVIDERS = 200
"""Most tools that are tried for one field."""


@dataclass(frozen=True)
class Output:
    """A reference to what an earlier call returns."""

    call: Call
    path: tuple[str, ...]


@dataclass(eq=False)
class Call:
    """A call of a tool or a run of a workflow that is to become a step.

    Attributes:
        inputs: literal values, and `Output`s of other calls.
        reason: why, in sentences.
        after: calls that come before it, besides those whose outputs it uses.
    """

    name: str
    inputs: dict[str, Any]
    reason: str
    tool: Tool | None = None
    after: list[Call] = field(default_factory=list)
    title: str = ""


@dataclass
class Missing:
    """A value that nothing provides, and that people can be asked for.

    Attributes:
        view: the schema of the field.
        wanted_by: the tools or workflows that need it.
    """

    view: View
    wanted_by: list[str]


@dataclass
class Attempt:
    """A call with what is still missing.

    Attributes:
        missing: by the name of the field.
        problems: why it cannot be made, in sentences; empty if it can, once nothing is missing.
    """

    call: Call
    missing: dict[str, Missing] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing and not self.problems


class Chains:
    """Finds inputs.

    Args:
        readers: the tools that only read, the most relevant first.
        related: returns how much a tool has to do with what is needed.
    """

    def __init__(self, readers: list[Tool], related: Callable[[Tool], float]) -> None:
        self._readers = readers
        self._related = related

    def attempt(
        self, name: str, schema: Mapping[str, Any], sources: Sources, reason: str, tool: Tool | None,
        trail: tuple[str, ...] = (),
    ) -> Attempt:  # fmt: skip
        """Return a call with its inputs filled in.

        Args:
            schema: of the inputs.
            trail: the tools for whose inputs this one is called, from the outside in.
        """
        made = Attempt(Call(name, {}, reason, tool))
        root = View(schema, schema)
        required = _required(root)
        for field_name, view in root.fields():
            found = fill(field_name, view, sources, name, field_name in required)
            if found is None and field_name in required:
                found = whole_text(field_name, view, sources)
            if found is not None:
                made.call.inputs[field_name] = literal(found.value)
                continue
            if field_name not in required:
                if tool is not None and not tool.reads_only:
                    made.call.inputs |= _default(field_name, view)
                continue
            provided = self._provided(field_name, view, sources, (*trail, name))
            if provided is not None:
                made.call.inputs[field_name] = provided
            elif can_be_asked(view):
                made.missing[field_name] = Missing(view, [name])
            else:
                made.problems.append(
                    f"{name} needs {field_name}, and no registered tool returns it in a form that fits."
                )
        self._use_only_quoted(made, sources)
        return made

    def _use_only_quoted(self, made: Attempt, sources: Sources) -> None:
        """Use the only text in quotes for the only text that is missing."""
        texts = [name for name, wanted in made.missing.items() if wanted.view.types() - {"null"} == {"string"}]
        if len(texts) == 1 and (found := only_quoted(made.missing[texts[0]].view, sources)):
            made.call.inputs[texts[0]] = literal(found.value)
            del made.missing[texts[0]]

    def _provided(self, name: str, view: View, sources: Sources, trail: tuple[str, ...]) -> Output | None:
        """Return the output of a call that reads, with all its inputs; None: there is none."""
        if len(trail) > DEEPEST:
            return None
        providers = [
            (tool, path) for tool in self._readers[:_MOST_PROVIDERS] if tool.name not in trail
            for path in _paths_to(name, view, tool)
        ]  # fmt: skip
        providers.sort(key=lambda provider: (-self._related(provider[0]), len(provider[1]), provider[0].name))
        for tool, path in providers:
            reason = f"It returns {'.'.join(path)}, which {trail[-1]} needs."
            attempt = self.attempt(tool.name, tool.takes.schema, sources, reason, tool, trail)
            if attempt.is_whole:
                return Output(attempt.call, path)
        return None


def _default(name: str, view: View) -> dict[str, Any]:
    """Return the default of an input, by its name, if it has one that fits: reviewers of a change see what it is."""
    schema = view.schema if isinstance(view.schema, dict) else {}
    value = schema.get("default")
    return {name: literal(value)} if value is not None and fits(value, view) else {}


def _paths_to(name: str, view: View, tool: Tool) -> Iterator[tuple[str, ...]]:
    """Yield where a tool returns a field of this name whose type fits, itself or in a group of fields."""
    returned = View(tool.returns.schema, tool.returns.schema)
    if name in _required(View(tool.takes.schema, tool.takes.schema)):
        return  # it only returns what it was given
    for own, inside in returned.fields():
        if own == name and _fits(inside, view):
            yield (own,)
        elif inside.types() == {"object"}:
            for inner, innermost in inside.fields():
                if inner == name and _fits(innermost, view):
                    yield own, inner


def _fits(source: View, target: View) -> bool:
    given = source.types()
    return given != ALL_TYPES and not clash(source, target) and given - {"null"} <= _wider(target.types())


def _wider(types: frozenset[str]) -> frozenset[str]:
    return types | {"integer"} if "number" in types else types


def _required(view: View) -> frozenset[str]:
    found: set[str] = set()
    for plain in view.alternatives():
        schema = plain.schema if isinstance(plain.schema, dict) else {}
        found.update(name for name in schema.get("required") or () if isinstance(name, str))
    return frozenset(found)
