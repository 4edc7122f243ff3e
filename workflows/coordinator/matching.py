"""Matching: which registered tools and workflows serve a need, by the words of their names and descriptions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from assent.composition.schema_views import View
from assent.toolbox.model import Tool
from assent.workflow import Workflow
from workflows.coordinator.needs import Need
from workflows.coordinator.registered import Registered
from workflows.coordinator.words import BASIC_VERBS, GOALS, TAKING, VAGUE, quoted, raw_words, words

ENOUGH = 0.42
"""The score from which on something serves a need."""
RELATED = 0.2
"""The score from which on a tool that reads is about the same subject."""
_WORKFLOW_LEAD = 0.05
"""By how much a tool must be better than a workflow that does the same."""
_BY_WORDS = 0.97
"""The highest score of something that a need does not call by its whole name or title."""
_MUST_BE_NAMED = 0.5
"""How much of a name a need has to say if it has only one word in common with the whole entry."""
_UNKNOWN = 0.3
"""The weight of words that no entry has, many of which are values."""
_ENOUGH_WORDS = 2
"""Words by which a workflow is known that is to reach something."""
_MOST_DESCRIPTION = 2_000
_IN_NAME, _IN_CAPABILITIES, _IN_DESCRIPTION, _IN_FIELDS = 1.0, 0.8, 0.5, 0.3


@dataclass(frozen=True)
class Match:
    """Something that serves a need.

    Attributes:
        name: of the tool or the workflow.
        score: from 0 to 1.
        shared: the words of the need that it has as well, as people wrote them.
        said: why, if it is not because of these words.
    """

    name: str
    score: float
    shared: tuple[str, ...]
    said: str = ""

    @property
    def reason(self) -> str:
        """Why it was chosen, in a sentence."""
        if self.said:
            return self.said
        return f"{quoted(self.shared[:5])} in the request {'match' if len(self.shared) > 1 else 'matches'} it."


Route = Callable[[str], tuple[Match | None, str]]
"""Asks for the workflow that a clause means. Returns it, or else what people should know of the clause, if anything."""


@dataclass(frozen=True)
class _Entry:
    """The words of a tool or workflow: what it says about itself, those of its name, and its names as written."""

    weights: Mapping[str, float]
    name: frozenset[str]
    phrases: tuple[str, ...]


@dataclass
class Matcher:
    """Compares needs with everything that is registered.

    Attributes:
        route: asked about a need that nothing serves by its words.
    """

    found: Registered
    route: Route | None = None
    _entries: dict[str, _Entry] = field(default_factory=dict)

    @cached_property
    def tools(self) -> dict[str, _Entry]:
        """The words of the newest version of each tool, by name."""
        return {tool.name: _tool_entry(tool) for tool in self.found.tools}

    @cached_property
    def workflows(self) -> dict[str, _Entry]:
        """The words of each workflow, by name."""
        return {name: _workflow_entry(workflow) for name, workflow in self.found.workflows.items()}

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The words of all names."""
        entries = [*self.tools.values(), *self.workflows.values()]
        return frozenset().union(*(entry.name for entry in entries)) if entries else frozenset()

    @cached_property
    def verbs(self) -> frozenset[str]:
        """The verbs of changes that the names of tools begin with: ``empty`` of ``empty_box``."""
        names = [tool.name.rpartition(".")[2] for tool in self.found.tools if not tool.reads_only]
        return frozenset(first for name in names for first in words(name)[:1])

    @cached_property
    def _rarity(self) -> dict[str, float]:
        """How much a word tells entries apart, from about 0.3 for one that all have."""
        entries = [*self.tools.values(), *self.workflows.values()]
        known = Counter(word for entry in entries for word in entry.weights)
        return {word: 0.3 + math.log((1 + len(entries)) / count) for word, count in known.items()}

    def words_of(self, name: str) -> Container[str]:
        """Return the words of a tool or workflow."""
        return (self.tools.get(name) or self.workflows[name]).weights

    def matching_tools(self, need: Need) -> list[Match]:
        """Return the tools that may serve a need, the best first. Tools that change something serve changes only."""
        return self._matches(need, self.tools)

    def matching_workflows(self, need: Need) -> list[Match]:
        """Return the workflows that may serve a need, the best first."""
        return self._matches(need, self.workflows)

    def only_one_that(self, need: Need, values: Container[str], avoided: Container[str]) -> Match | None:
        """Return the tool that does what a clause asks for with hardly more than a verb: *take a backup first*.

        Its name has to have that verb, or else its description. Of several, it is the one that has the most to do with
        what the clause is about.
        """
        if need.verbs & (VAGUE | TAKING) or any(word not in values for word in need.own_words):
            return None
        tools = {name: entry for name, entry in self.tools.items() if name not in avoided}
        scores = {match.name: match.score for match in self.matching_tools(need)}
        named = [name for name, entry in tools.items() if need.verbs & entry.name]
        named = named or [name for name, entry in tools.items() if name in scores and need.verbs & entry.weights.keys()]
        found = sorted((scores.get(name, 0.0), name) for name in named if not self.found.tools.get(name).reads_only)
        if not found or (len(found) > 1 and found[-1][0] == found[-2][0]):
            return None
        said = f"It is the tool for “{', '.join(sorted(need.verbs))}”."
        return Match(found[-1][1], max(ENOUGH, found[-1][0]), (), said)

    def workflow_that_mends(self, need: Need, served_by: str, values: Container[str]) -> Match | None:
        """Return the workflow that knows all the words of a clause that says what is to be reached: *fix it*.

        Args:
            served_by: the tool that finds out what the clause is about; empty: there is none.
        """
        if not need.verbs & GOALS:
            return None
        said = {word for word in [*need.own_words, *words(need.about), *words(served_by)] if word not in values}
        said -= BASIC_VERBS
        knowing = [name for name, entry in self.workflows.items() if said <= entry.weights.keys()]
        if len(said) < _ENOUGH_WORDS or len(knowing) != 1:
            return None
        return Match(knowing[0], ENOUGH, (), f"It mends what {quoted(sorted(said))} are about.")

    def _matches(self, need: Need, entries: Mapping[str, _Entry]) -> list[Match]:
        said: dict[str, str] = {}
        for word in need.text.replace("_", " ").split():
            for form in words(word):
                said.setdefault(form, word.strip(".,;:!?\"'()“”"))
        text = f" {' '.join(raw_words(need.text))} "
        for word in need.about.split():  # what “it” refers to, except for its verbs
            for form in words(word):
                if form not in BASIC_VERBS:
                    said.setdefault(form, word.strip(".,;:!?\"'()“”"))
        made = [self._match(name, entry, said, text) for name, entry in entries.items()]
        return sorted((match for match in made if match.score >= RELATED), key=lambda match: (-match.score, match.name))

    def _match(self, name: str, entry: _Entry, said: Mapping[str, str], text: str) -> Match:
        shared = [word for word in said if word in entry.weights]
        explained = sum(self._weight(word) * entry.weights[word] for word in shared)
        wanted = sum(self._rarity.get(word, _UNKNOWN) for word in said)
        named = sum(self._weight(word) for word in shared if word in entry.name)
        of_name = sum(self._weight(word) for word in entry.name) or 1.0
        score = 0.55 * named / of_name + 0.45 * min(1.0, explained / wanted) if shared else 0.0
        if len(shared) == 1 and named / of_name < _MUST_BE_NAMED:
            score /= 2  # a single word in common says little
        score = 1.0 if any(f" {phrase} " in text for phrase in entry.phrases) else min(score, _BY_WORDS)
        best = sorted(shared, key=lambda word: -entry.weights[word])
        return Match(name, round(score, 4), tuple(said[word] for word in best))

    def _weight(self, word: str) -> float:
        return self._rarity.get(word, 0.0)


def prefers_workflow(workflow: Match | None, tool: Match | None, need: Need) -> bool:
    """Return whether a workflow serves a need rather than a tool. To find something out, a single tool is enough."""
    if workflow is None or workflow.score < ENOUGH:
        return False
    lead = _WORKFLOW_LEAD if need.changes else -2 * _WORKFLOW_LEAD
    return tool is None or workflow.score + lead >= tool.score


def _tool_entry(tool: Tool) -> _Entry:
    first = tool.description[:_MOST_DESCRIPTION].split("\n\n")[0]
    fields = [name for schema in (tool.takes.schema, tool.returns.schema) for name, _ in View(schema, schema).fields()]
    return _entry((tool.name, tool.title), " ".join(tool.capabilities), first, " ".join(fields))


def _workflow_entry(workflow: Workflow) -> _Entry:
    schema = workflow.input_model.model_json_schema()
    fields = [name for name, _ in View(schema, schema).fields()]
    return _entry((workflow.name, workflow.title), "", workflow.description[:_MOST_DESCRIPTION], " ".join(fields))


def _entry(names: tuple[str, str], capabilities: str, description: str, fields: str) -> _Entry:
    weights: dict[str, float] = {}
    name = " ".join(names)
    parts = ((name, _IN_NAME), (capabilities, _IN_CAPABILITIES), (description, _IN_DESCRIPTION), (fields, _IN_FIELDS))
    for text, weight in parts:
        for word in words(text):
            weights[word] = max(weights.get(word, 0.0), weight)
    phrases = tuple(phrase for phrase in (" ".join(raw_words(one)) for one in names) if " " in phrase)
    return _Entry(weights, frozenset(words(name)), phrases)
