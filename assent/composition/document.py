"""The format of a workflow file: its fields, and the document that is made of a valid one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from assent.composition import cel
from assent.composition.fields import (
    GROUP_FIELDS,
    LONGEST_BACKOFF,
    LONGEST_TIMEOUT,
    MAX_ATTEMPTS,
    MAX_STEPS,
    RECOVER_FIELDS,
    RESERVED_IDS,
    RETRY_FIELDS,
    STEP_FIELDS,
    WORKFLOW_FIELDS,
    Field,
)
from assent.composition.mistakes import CompositionError, Mistake, Path, did_you_mean, listed
from assent.composition.yaml_reader import Tree, read_tree
from assent.naming import agent_problem, name_problem

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|sec|m|min|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_TYPES = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "fields"}


@dataclass(frozen=True)
class Retry:
    """How often a failed call is repeated: at most so many attempts, and seconds of pause, doubled after each."""

    attempts: int
    backoff: float


@dataclass(frozen=True)
class Recovery:
    """What is done about failures of a known kind, before `on_error`.

    Attributes:
        timeout: ``retry`` or ``on_error``.
        sql_syntax: ``heal`` or ``on_error``.
        permission_denied: ``ask`` or ``on_error``; empty: ``ask`` if the step requires approval and does not skip.
    """

    timeout: str = "retry"
    sql_syntax: str = "heal"
    permission_denied: str = ""


@dataclass(frozen=True)
class Step:
    """One step as it is written, with defaults filled in.

    Attributes:
        path: where it is in the file.
        inputs: with references as texts.
        needs: the ids of the steps that come before it.
        timeout: seconds; None: the tool's own.
    """

    id: str
    path: Path
    title: str
    agent: str
    tool: str
    workflow: str
    inputs: dict[str, Any]
    when: str
    needs: tuple[str, ...]
    for_each: str
    rests_on: dict[str, dict[str, Any]]
    retry: Retry | None
    recover: Recovery
    timeout: float | None
    gate: str
    urgency: str
    on_error: str
    on_reject: str


@dataclass(frozen=True)
class Document:
    """A workflow file.

    Attributes:
        input: a JSON Schema, or the dotted name of a pydantic model; None: no input.
        steps: in an order in which each comes after those that it needs.
        text: the file itself.
    """

    name: str
    version: str
    title: str
    description: str
    input: dict[str, Any] | str | None
    examples: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...]
    tree: Tree
    text: str

    def mistake(self, path: Path, message: str, line_within: int = 0) -> Mistake:
        """Return a mistake at a part of the file."""
        return self.tree.mistake(path, message, line_within)


def parse_document(content: bytes | str, file: str = "") -> Document:
    """Read a workflow file. Raises CompositionError with all mistakes that can be seen without its tools."""
    tree = read_tree(content, file)
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    parser = _Parser(tree)
    document = parser.document(text)
    if document is None or tree.mistakes:
        raise CompositionError(tree.mistakes)
    return document


def document_from(data: Mapping[str, Any]) -> Document:
    """Return the workflow of values that no file holds, such as a plan's. Raises CompositionError, as `parse_document`.

    The mistakes name fields, and have no useful lines.
    """
    tree = Tree(data=dict(data))
    document = _Parser(tree).document("")
    if document is None or tree.mistakes:
        raise CompositionError(tree.mistakes)
    return document


def duration(text: str) -> float | None:
    """Return the seconds of a duration such as ``30s`` or ``1.5h``; None if it is none."""
    found = _DURATION.fullmatch(text.strip())
    return float(found[1]) * _SECONDS[found[2]] if found else None


@dataclass
class _Draft:
    """A step before the order of all steps is known; `before` is what it needs if it does not say."""

    path: Path
    raw: Mapping[str, Any]
    before: tuple[str, ...]
    needs: tuple[str, ...] = field(default=())


class _Parser:
    """Makes a document of a tree, and collects the mistakes in it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def document(self, text: str) -> Document | None:
        data = self._tree.data
        if not isinstance(data, dict):
            self._say((), f"A workflow file has fields ({listed(WORKFLOW_FIELDS, 'and')}); this is {_kind(data)}.")
            return None
        self._fields((), data, WORKFLOW_FIELDS, "a workflow")
        self._about_name(data)
        self._input(data)
        examples = data.get("examples")
        for number, example in enumerate(examples if isinstance(examples, list) else ()):
            if not isinstance(example, dict):
                self._say(("examples", number), f"An example has the fields of the input; this is {_kind(example)}.")
        steps = self._steps(data.get("steps"))
        if self._tree.mistakes:
            return None
        return Document(
            name=data["name"], version=data["version"], title=data["title"].strip(),
            description=str(data.get("description") or "").strip(), input=data.get("input"),
            examples=tuple(examples or ()), steps=tuple(steps), tree=self._tree, text=text,
        )  # fmt: skip

    def _say(self, path: Path, message: str, line_within: int = 0) -> None:
        self._tree.mistakes.append(self._tree.mistake(path, message, line_within))

    def _fields(self, path: Path, found: Mapping[str, Any], known: Mapping[str, Field], what: str) -> None:
        """Check the names and types of fields."""
        for name, value in found.items():
            if name not in known:
                hint = did_you_mean(name, known) or f" The fields of {what}: {listed(known, 'and', most=20)}."
                self._say((*path, name), f"There is no field {name!r} in {what}.{hint}")
                continue
            self._type((*path, name), name, value, known[name])
        for name, described in known.items():
            if described.required and name not in found:
                self._say(path, f"The field {name!r} of {what} is missing. {described.meaning}")

    def _type(self, path: Path, name: str, value: Any, described: Field) -> None:
        if name == "input" and isinstance(value, str):
            return
        if value is None:
            self._say(path, f"{name} has no value. Write one, or remove the field.")
        elif type(value) is not described.kind:
            unit = "s" if name in ("timeout", "backoff") and not isinstance(value, bool) else ""
            hint = f' Put it in quotes: "{_shown(value)}{unit}".' if described.kind is str and _is_plain(value) else ""
            self._say(path, f"{name} must be {_TYPES[described.kind]}; this is {_kind(value)}.{hint}")
        elif isinstance(value, str) and not value.strip():
            self._say(path, f"{name} is empty. Write a text, or remove the field.")
        elif described.choices and value not in described.choices:
            hint = did_you_mean(str(value), described.choices)
            self._say(path, f"{name} is {listed(described.choices)}, not {value!r}.{hint}")

    def _about_name(self, data: Mapping[str, Any]) -> None:
        name = data.get("name")
        if isinstance(name, str) and name.strip() and (problem := name_problem(name, "workflow")):
            self._say(("name",), problem)
        for what in ("title", "version"):
            if isinstance(data.get(what), str) and len(data[what]) > 200:
                self._say((what,), f"The {what} has more than 200 characters.")

    def _input(self, data: Mapping[str, Any]) -> None:
        schema = data.get("input")
        if isinstance(schema, str):
            if not re.fullmatch(r"\w+(?:\.\w+)*[.:]\w+", schema):
                self._say(("input",), f"{schema!r} is not the dotted name of a pydantic model, such as tools.Target.")
        elif isinstance(schema, dict) and schema.get("type", "object") != "object":
            self._say(("input", "type"), "An input has named fields: its type must be object.")
        elif isinstance(schema, dict) and schema and not schema.keys() & {
            "type", "properties", "$ref", "$defs", "allOf", "anyOf", "oneOf", "additionalProperties", "required",
        }:  # fmt: skip
            first = next(iter(schema))
            self._say(
                ("input", first),
                f"An input is a JSON Schema: put {listed(schema, 'and', most=4)} under properties.",
            )

    # Steps

    def _steps(self, raw: Any) -> list[Step]:
        if not isinstance(raw, list):
            return []
        if not raw:
            self._say(("steps",), "A workflow needs at least one step.")
            return []
        drafts = list(self._drafts(raw))
        if len(drafts) > MAX_STEPS:
            self._say(("steps",), f"There are {len(drafts)} steps; a file has at most {MAX_STEPS}.")
            return []
        known = self._ids(drafts)
        for draft in drafts:
            draft.needs = self._needs(draft, known)
        steps = {draft.raw["id"]: self._step(draft) for draft in drafts if isinstance(draft.raw.get("id"), str)}
        if self._tree.mistakes:
            return []
        return [steps[name] for name in self._in_order(drafts)]

    def _drafts(self, raw: list[Any]) -> Iterator[_Draft]:
        """Yield the steps with what each needs if it does not say so: the step or the group before it."""
        before: tuple[str, ...] = ()
        for number, item in enumerate(raw):
            path: Path = ("steps", number)
            if isinstance(item, dict) and "parallel" in item:
                self._fields(path, item, GROUP_FIELDS, "a parallel group")
                inside = item["parallel"]
                if not isinstance(inside, list):
                    continue
                if len(inside) < 2:
                    self._say((*path, "parallel"), "A parallel group needs at least two steps.")
                ids = []
                for place, step in enumerate(inside):
                    inner = (*path, "parallel", place)
                    if isinstance(step, dict) and "parallel" in step:
                        self._say(inner, "A parallel group cannot be inside another one. Use needs for that.")
                    elif self._is_step(inner, step):
                        yield _Draft(inner, step, before)
                        ids += [step["id"]] if isinstance(step.get("id"), str) else []
                before = tuple(ids)
            elif self._is_step(path, item):
                yield _Draft(path, item, before)
                before = (item["id"],) if isinstance(item.get("id"), str) else before

    def _is_step(self, path: Path, item: Any) -> bool:
        if isinstance(item, dict):
            return True
        self._say(path, f"A step has fields, such as id and tool; this is {_kind(item)}.")
        return False

    def _ids(self, drafts: list[_Draft]) -> dict[str, _Draft]:
        known: dict[str, _Draft] = {}
        for draft in drafts:
            name = draft.raw.get("id")
            if not isinstance(name, str) or not name.strip():
                continue
            path = (*draft.path, "id")
            if name in known:
                line = self._tree.places[known[name].path][0]
                self._say(path, f"The id {name!r} is already used by the step on line {line}.")
            elif problem := name_problem(name, "step"):
                self._say(path, problem)
            elif name in RESERVED_IDS:
                self._say(path, f"{name!r} cannot be an id, because it is a reserved word. Use another one.")
            known.setdefault(name, draft)
        return known

    def _needs(self, draft: _Draft, known: Mapping[str, _Draft]) -> tuple[str, ...]:
        raw = draft.raw.get("needs")
        if not isinstance(raw, list):
            return draft.before
        found: list[str] = []
        for number, name in enumerate(raw):
            path = (*draft.path, "needs", number)
            if not isinstance(name, str):
                self._say(path, f"needs lists ids of steps; this is {_kind(name)}.")
            elif name == draft.raw.get("id"):
                self._say(path, f"The step {name!r} needs itself.")
            elif name not in known:
                self._say(path, f"There is no step {name!r}.{did_you_mean(name, known)}")
            elif name not in found:
                found.append(name)
        return tuple(found)

    def _step(self, draft: _Draft) -> Step:
        raw, path = draft.raw, draft.path
        self._fields(path, raw, STEP_FIELDS, "a step")
        self._target(raw, path)
        agent = raw.get("agent")
        if isinstance(agent, str) and agent.strip() and (problem := agent_problem(agent)):
            self._say((*path, "agent"), problem)
        if isinstance(raw.get("title"), str) and len(raw["title"]) > 150:
            self._say((*path, "title"), "The title has more than 150 characters.")
        when = raw.get("when")
        if isinstance(when, str) and len(when) > cel.LONGEST_EXPRESSION:
            self._say((*path, "when"), f"A condition has at most {cel.LONGEST_EXPRESSION:,} characters.")
        return Step(
            id=raw["id"], path=path, title=_text(raw, "title") or raw["id"].replace("_", " ").capitalize(),
            agent=_text(raw, "agent"), tool=_text(raw, "tool"), workflow=_text(raw, "workflow"),
            inputs=raw["inputs"] if isinstance(raw.get("inputs"), dict) else {}, when=_text(raw, "when"),
            needs=draft.needs, for_each=_text(raw, "for_each"),
            rests_on=self._rests_on(raw.get("rests_on"), (*path, "rests_on")),
            retry=self._retry(raw.get("retry"), (*path, "retry")),
            recover=self._recovery(raw.get("recover"), (*path, "recover")),
            timeout=self._duration(raw, path, "timeout", LONGEST_TIMEOUT), gate=_text(raw, "gate") or "auto",
            urgency=_text(raw, "urgency") or "normal",
            on_error=_text(raw, "on_error") or "fail", on_reject=_text(raw, "on_reject") or "stop",
        )  # fmt: skip

    def _target(self, raw: Mapping[str, Any], path: Path) -> None:
        if "tool" in raw and "workflow" in raw:
            self._say((*path, "workflow"), "A step has a tool or a workflow, not both. Make two steps.")
        elif "tool" not in raw and "workflow" not in raw:
            only = [name for name in ("gate", "urgency", "for_each", "retry", "recover", "timeout") if name in raw]
            about = f" There is nothing to which {only[0]} could apply." if only else ""
            self._say(path, f"The step has neither a tool nor a workflow.{about}")
        elif "workflow" in raw:
            for name in (
                "gate", "urgency", "for_each", "rests_on", "retry", "recover", "timeout", "on_error", "on_reject",
            ):  # fmt: skip
                if name in raw:
                    words = f"{name} belongs to the steps inside; a step that is a workflow has none."
                    self._say((*path, name), words)

    def _retry(self, raw: Any, path: Path) -> Retry | None:
        if not isinstance(raw, dict):
            return None
        self._fields(path, raw, RETRY_FIELDS, "retry")
        attempts = raw.get("attempts")
        if type(attempts) is int and not 1 <= attempts <= MAX_ATTEMPTS:
            self._say((*path, "attempts"), f"attempts is a number from 1 to {MAX_ATTEMPTS}; this is {attempts}.")
        backoff = self._duration(raw, path, "backoff", LONGEST_BACKOFF)
        return Retry(attempts if type(attempts) is int else 1, 0.5 if backoff is None else backoff)

    def _recovery(self, raw: Any, path: Path) -> Recovery:
        if not isinstance(raw, dict):
            return Recovery()
        self._fields(path, raw, RECOVER_FIELDS, "recover")
        return Recovery(**{name: _text(raw, name) for name in RECOVER_FIELDS if _text(raw, name)})

    def _rests_on(self, raw: Any, path: Path) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for step, counts in raw.items() if isinstance(raw, dict) else ():
            if not isinstance(counts, dict) or not counts:
                self._say((*path, step), f"Name what counts of {step}: a path, and exact, magnitude, or a share.")
                continue
            for name, tolerance in counts.items():
                share = type(tolerance) in (int, float) and 0 < tolerance <= 1
                if not share and tolerance not in ("exact", "magnitude"):
                    words = f"How much it may change is exact, magnitude, or a share such as 0.1; not {tolerance!r}."
                    self._say((*path, step, name), words)
            found[step] = counts
        return found

    def _duration(self, raw: Mapping[str, Any], path: Path, name: str, most: float) -> float | None:
        value = raw.get(name)
        if not isinstance(value, str) or not value.strip():
            return None
        seconds = duration(value)
        if seconds is None:
            hint = f" Write {value.strip()}s for seconds." if re.fullmatch(r"\s*[0-9.]+\s*", value) else ""
            self._say((*path, name), f"{value!r} is not a duration such as 30s, 5m, or 2h.{hint}")
        elif not 0 < seconds <= most:
            self._say((*path, name), f"{name} must be more than 0 and at most {most / 3600:g}h; this is {value}.")
        return seconds

    def _in_order(self, drafts: list[_Draft]) -> list[str]:
        """Return the ids, each after those that it needs. Names a circle if there is one."""
        needs = {draft.raw["id"]: draft.needs for draft in drafts}
        done: dict[str, None] = {}
        for start in needs:
            trail: list[str] = [start]
            while trail:
                name = trail[-1]
                missing = next((other for other in needs[name] if other not in done), None)
                if name in done:
                    trail.pop()
                elif missing is None:
                    done[name] = None
                    trail.pop()
                elif missing in trail:
                    circle = [*trail[trail.index(missing) :], missing]
                    words = ", ".join(f"{one} needs {other}" for one, other in pairwise(circle))
                    draft = next(draft for draft in drafts if draft.raw["id"] == name)
                    self._say((*draft.path, "needs"), f"The steps wait for each other in a circle: {words}.")
                    return []
                else:
                    trail.append(missing)
        return list(done)


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return value.strip() if isinstance(value, str) else ""


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    return {str: "a text", int: "a number", float: "a number", list: "a list", dict: "a group of fields"}[type(value)]


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | float)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
