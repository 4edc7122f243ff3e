"""Checks of references and inputs against schemas, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assent.composition.document import Document, Step
from assent.composition.mistakes import Path, did_you_mean, listed
from assent.composition.references import Reference, ReferenceSyntaxError, Text, Whole, parse
from assent.composition.schema_views import (
    ANYTHING,
    NoSuchPartError,
    View,
    clash,
    json_type,
    type_words,
)
from assent.conformance import MisfitError, check_schema

Say = Callable[[Path, str], None]


class ReferenceChecks:
    """Checks of one step.

    Args:
        known: the names that references of the step can start from, with the schemas of their values.
        say: reports a mistake.
    """

    def __init__(self, document: Document, step: Step, known: Mapping[str, View], say: Say) -> None:
        self._document = document
        self._step = step
        self._known = known
        self._say = say

    @staticmethod
    def words(view: View) -> str:
        """Return the types of a schema in words."""
        return type_words(view.types())

    def view(self, path: Path, reference: Reference) -> View:
        """Return the schema of what a reference finds. Reports a mistake if it finds nothing."""
        if reference.root not in self._known:
            self._say(path, self._unknown(reference))
            return ANYTHING
        view = self._known[reference.root]
        try:
            for key in reference.keys:
                view = view.part(key)
        except NoSuchPartError as error:
            self._say(path, f"{reference} does not exist. {error}")
            return ANYTHING
        return view

    def syntax(self, value: Any, path: Path) -> None:
        """Report the texts that are no valid templates."""
        if isinstance(value, str):
            try:
                parse(value)
            except ReferenceSyntaxError as error:
                self._say(path, str(error))
        elif isinstance(value, dict):
            for name, inside in value.items():
                self.syntax(inside, (*path, name))
        elif isinstance(value, list):
            for number, inside in enumerate(value):
                self.syntax(inside, (*path, number))

    def fit(self, value: Any, target: View, path: Path) -> None:
        """Report what does not fit the schema, in a value with references in it."""
        if isinstance(value, str) and "${" in value:
            self._text(value, target, path)
        elif isinstance(value, dict) and not _is_plain(value):
            self._fields(value, target, path)
        elif isinstance(value, list) and not _is_plain(value):
            for number, inside in enumerate(value):
                self.fit(inside, self._part(target, number, inside, path), (*path, number))
        elif isinstance(value, dict):
            self._fields(value, target, path)
        else:
            self._literal(value, target, path)

    def _text(self, value: str, target: View, path: Path) -> None:
        template = parse(value)
        if isinstance(template, Whole):
            source = self.view(path, template.reference)
            if reason := clash(source, target):
                self._say(path, f"{template.reference} does not fit here. {reason}")
            return
        if isinstance(template, Text):
            for part in template.parts:
                if isinstance(part, Reference) and self.view(path, part).types() == {"null"}:
                    self._say(path, f"{part} is always null, which cannot stand in a text.")
        if not target.types() & {"string"}:
            self._say(path, f"A text does not fit here: {type_words(target.types())} is required.")

    def _fields(self, value: Mapping[str, Any], target: View, path: Path) -> None:
        if "object" not in target.types():
            self._say(path, f"Fields do not fit here: {type_words(target.types())} is required.")
            return
        objects = [plain for plain in target.alternatives() if isinstance(plain.schema, dict)]
        required = objects[0].schema.get("required") or () if len(objects) == 1 else ()
        for name in required:
            if name not in value:
                described = (objects[0].schema.get("properties") or {}).get(name)
                kind = type_words(View(described, target.root).types()) if described is not None else "a value"
                odd = [key for key in value if not self._has(target, key)]
                if not did_you_mean(name, odd):  # otherwise the odd one is reported
                    self._say(path, f"The field {name!r} is missing: {kind} is required.")
        for name, inside in value.items():
            self.fit(inside, self._part(target, name, inside, path), (*path, name))

    def _has(self, target: View, name: str) -> bool:
        try:
            target.part(name)
        except NoSuchPartError:
            return False
        return True

    def _part(self, target: View, key: str | int, value: Any, path: Path) -> View:
        try:
            return target.part(key)
        except NoSuchPartError as error:
            self._say((*path, key), f"This does not fit. {error}")
            return ANYTHING

    def _literal(self, value: Any, target: View, path: Path) -> None:
        kind = json_type(value)
        types = target.types()
        if kind not in types and not (kind == "integer" and "number" in types):
            self._say(path, f"This is {type_words({kind})}; {type_words(types)} is required.")
            return
        if not isinstance(target.schema, dict):
            return
        try:
            check_schema(value, target.standalone(), "")
        except MisfitError as error:
            for field, words in error.fields.items():
                inner = tuple(part for part in field.split(".") if part)
                self._say((*path, *inner), words)

    def _unknown(self, reference: Reference) -> str:
        name, steps = reference.root, {step.id for step in self._document.steps}
        if name in ("item", "index"):
            return f"{reference}: only a step with for_each has {name}."
        if name == self._step.id:
            return f"{reference}: a step cannot refer to itself."
        if name in steps:
            return f"{reference}: {self._why_not_yet(name)}"
        hint = did_you_mean(name, self._known)
        if not hint:
            hint = f" Known are {listed(self._known, 'and')}. Write $${{{name}}} if the text itself is meant."
        return f"{reference}: there is no input and no earlier step {name!r}.{hint}"

    def _why_not_yet(self, name: str) -> str:
        """Return why a step of the file has not ended when this one begins, and what to do."""
        steps = list(self._document.steps)
        other = next(step for step in steps if step.id == name)
        if steps.index(other) > steps.index(self._step) and other.path[:2] != self._step.path[:2]:
            return f"the step {name!r} comes after {self._step.id!r}. Write it before."
        return f"the step {name!r} may not have ended when {self._step.id!r} begins. Add it to needs."


def _is_plain(value: Any) -> bool:
    """Return whether a value has no references in it."""
    if isinstance(value, str):
        return "${" not in value
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if isinstance(value, list) else True
