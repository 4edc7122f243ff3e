"""The router: from what a person writes to a workflow, in stages, each with a confidence and a reason.

An exact name, a wording that leaves no doubt, the classifier, a model if one is given, and at last a question to the
person with the best three. Below the threshold it asks; it never guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assent.routing import patterns, scope
from assent.routing.classifier import Scored, classifier
from assent.routing.names import COORDINATOR, WORKFLOWS, Stage, title_of
from assent.routing.text import corrected_key, readable

OFFERED = 3
"""How many workflows a question offers."""
NAMED, WORDED, WANTED_TOGETHER = 0.99, 0.97, 0.85


@dataclass(frozen=True)
class Alternative:
    """A workflow that the text may mean instead.

    Attributes:
        confidence: The probability that it is right, 0 to 1.
    """

    workflow: str
    confidence: float
    reason: str


@dataclass(frozen=True)
class Answer:
    """Where a text leads.

    Attributes:
        workflow: None if the person has to choose.
        confidence: The probability that the workflow is right, or if there is none, that the first alternative is.
        reason: For people, in a sentence.
        alternatives: Best first; with the workflow, at least three names.
        outside: True if it looks like nothing that a workflow does.
    """

    text: str
    workflow: str | None
    confidence: float
    stage: Stage
    reason: str
    alternatives: list[Alternative]
    outside: bool = False

    def document(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "text": self.text,
            "workflow": self.workflow,
            "confidence": round(self.confidence, 3),
            "stage": self.stage.value,
            "reason": self.reason,
            "alternatives": [
                {"workflow": other.workflow, "confidence": round(other.confidence, 3), "reason": other.reason}
                for other in self.alternatives
            ],
        }


@dataclass(frozen=True)
class Suggestion:
    """What a model answered: one of the workflows it was offered, and why."""

    workflow: str
    confidence: float
    reason: str


Model = Callable[[str, Sequence[str]], Suggestion | None]
"""Asks a model which of these workflows a text means; None if it does not know, or failed."""


@dataclass(frozen=True)
class Router:
    """Answers texts.

    Attributes:
        titles: The titles of further workflows that are installed, by name; the router knows them by name only.
        model: Asked where the classifier is not sure.
        corrections: What people chose for a text earlier, by the text as `corrected_key` writes it.
    """

    titles: Mapping[str, str] = field(default_factory=dict)
    model: Model | None = None
    corrections: Mapping[str, str] = field(default_factory=dict)

    def route(self, text: str) -> Answer:
        """Return where the text leads. Every text has an answer."""
        read = readable(text)
        scored = classifier().score(read)
        titles = {name: workflow.title for name, workflow in WORKFLOWS.items()} | dict(self.titles)
        if not read:
            return self._question(text, scored, "The text is empty. Write what you need, or choose a workflow.", True)
        chosen = self.corrections.get(corrected_key(text))
        if chosen:
            return _answer(text, chosen, WORDED, Stage.LESSON, "It was chosen for the same text before.", scored)
        if match := patterns.exact_name(read, titles):
            return _answer(text, match.workflow, NAMED, Stage.NAME, f"This is the name of {match.found}.", scored)
        if refused := scope.refusal(read):
            return self._question(text, scored, refused, True)
        if match := patterns.named(read, titles):
            return _answer(text, match.workflow, WORDED, Stage.PATTERN, f"It asks for {match.found} by name.", scored)
        if match := patterns.coded(read):
            return _answer(text, match.workflow, WORDED, Stage.PATTERN, f"{match.found}.", scored)
        needs = scope.separate_needs(read)
        if len(needs) >= scope.NEEDS:
            reason = f"No single workflow does all of this: {_listed([title_of(name) for name in needs])}."
            return _answer(text, COORDINATOR, WANTED_TOGETHER, Stage.CLASSIFIER, reason, scored)
        answer = self._classified(text, read, scored)
        if len(needs) > 1:
            reason = f"Plans several workflows together: {_listed([title_of(name) for name in needs])}."
            answer.alternatives.append(Alternative(COORDINATOR, 1 - answer.confidence, reason))
        return answer

    def _classified(self, text: str, read: str, scored: Scored) -> Answer:
        first = scored.ranking[0][0]
        if scored.confidence >= classifier().arrays.threshold:
            return _answer(text, first, scored.confidence, Stage.CLASSIFIER, _because(scored, first), scored)
        if scope.is_outside(scored):
            reason = "No workflow seems to do this. Describe it in other words, or choose one of these."
            return self._question(text, scored, reason, True)
        offered = [name for name, _ in scored.ranking[:OFFERED]]
        suggestion = self.model(read, offered) if self.model else None
        if suggestion and suggestion.workflow in offered:
            return _answer(text, suggestion.workflow, suggestion.confidence, Stage.MODEL, suggestion.reason, scored)
        return self._question(text, scored, "More than one workflow could do this.", False)

    def _question(self, text: str, scored: Scored, reason: str, outside: bool) -> Answer:
        return Answer(text, None, scored.confidence, Stage.QUESTION, reason, _others(scored), outside)


def _answer(text: str, workflow: str, confidence: float, stage: Stage, reason: str, scored: Scored) -> Answer:
    return Answer(text, workflow, confidence, stage, reason, _others(scored, workflow))


def _others(scored: Scored, workflow: str = "") -> list[Alternative]:
    ranking = [(name, chance) for name, chance in scored.ranking if name != workflow][:OFFERED]
    return [Alternative(name, chance, _because(scored, name)) for name, chance in ranking]


def _because(scored: Scored, workflow: str) -> str:
    words = [f"“{word}”" for word in scored.decisive.get(workflow, [])]
    purpose = WORKFLOWS[workflow].purpose
    does = f"{purpose[:1].upper()}{purpose[1:]}."
    return f"{does} Matching words: {_listed(words)}." if words else does


def _listed(words: list[str]) -> str:
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"
