"""Questions about budgets: when a run has used up what its models may cost, people say how it goes on.

The question is an approval request of the step that wants a model. When the answer arrives, LangGraph runs that step
again from its start, and the same questions have to come in the same order, although the run has used more by then, and
answers may come from the cache. So a question names its place: which call of `ask` in the step it belongs to. At that
place it is asked again, and before that place nothing else is asked.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from assent.contracts import Question
from assent.digests import digest_of
from assent.gate import request_approval
from assent.models.budgets import Budget
from assent.models.errors import StoppedByPeopleError
from assent.models.metering import Account, BudgetAnswer, Meter

TITLE = "The budget for models is used up"
LARGER, WITHOUT, STOP = "go on with a larger budget", "go on without models", "stop the run"
STOPPED = "People stopped the run when its budget for models was used up."
NO_MODELS = "People decided to go on without models, because the budget was used up."
_STEP_LABEL, _PLACE_LABEL = "model_step", "model_call"
_TOKENS_LABEL, _DOLLARS_LABEL = "model_budget_tokens", "model_budget_dollars"


@dataclass
class Execution:
    """One execution of a node: how often it has called `ask`, and which of its questions it has asked again.

    Attributes:
        step: identifies it, also when the node runs again after an answer; empty outside of a graph.
    """

    step: str
    calls: int = 0
    repeated: Counter[int] = field(default_factory=Counter)
    new: list[BudgetAnswer] = field(default_factory=list)

    def next_place(self) -> int:
        """Return the number of the next call of `ask`."""
        self.calls += 1
        return self.calls


_execution: ContextVar[Execution | None] = ContextVar("assent_model_execution", default=None)


def current_execution() -> Execution:
    """Return the execution of the node that is running, which lasts as long as the node's context."""
    step = _step()
    found = _execution.get()
    if found is None or found.step != step:
        found = Execution(step)
        _execution.set(found)
    return found


def _step() -> str:
    """Return what identifies the execution of the node that is running; empty outside of a graph."""
    if "langgraph" not in sys.modules:
        return ""
    from langgraph.config import get_config

    try:
        settings = get_config().get("configurable") or {}
    except RuntimeError:
        return ""
    namespace = settings.get("checkpoint_ns")
    return digest_of(namespace)[:16] if namespace else ""


class Allowance:
    """Whether a call of a model fits the budget of the run, after asking people if it does not.

    Args:
        account: what the run has used, and what people have answered.
        place: the number of this call of `ask` in the step.
    """

    def __init__(self, meter: Meter, account: Account, execution: Execution, place: int) -> None:
        self._base = meter.budget
        self._account = account
        self._execution = execution
        self._place = place
        self._own = [answer for answer in account.answers if self._is_own(answer)]

    def _is_own(self, answer: BudgetAnswer) -> bool:
        return bool(self._execution.step) and answer.step == self._execution.step

    @property
    def budget(self) -> Budget:
        """The budget as people have enlarged it."""
        found = self._base
        for answer in self._answers():
            larger = answer.spent.doubled()
            if answer.answer == LARGER and not found.covers(larger):
                found = larger
        return found

    def _answers(self) -> list[BudgetAnswer]:
        return [*self._account.answers, *self._execution.new]

    def ask_again(self) -> None:
        """Ask what was asked at this place before the step ran again; LangGraph has the answers."""
        earlier = [answer for answer in self._own if answer.place == self._place]
        for answer in earlier[self._execution.repeated[self._place] :]:
            self._execution.repeated[self._place] += 1
            self._ask(answer.spent)

    def refusal(self, tokens: int, dollars: Decimal | None) -> str:
        """Return why no model may be called; empty: one may be.

        Args:
            tokens: what the call is expected to use.
            dollars: what it is expected to cost; None: not known.

        Raises:
            StoppedByPeopleError: people stopped the run.
            langgraph.errors.GraphInterrupt: the run waits for people's answer.
        """
        while True:
            answers = {answer.answer for answer in self._answers()}
            if STOP in answers:
                raise StoppedByPeopleError(STOPPED)
            if answers - {LARGER}:
                return NO_MODELS
            budget = self.budget
            if not _exceeded(budget, self._account, tokens, dollars):
                return ""
            if not self._execution.step or any(answer.place > self._place for answer in self._own):
                return f"The budget for models is used up: {budget}."
            answer = self._ask(budget)
            self._execution.new.append(answer)

    def _ask(self, spent: Budget) -> BudgetAnswer:
        outcome = request_approval(question_about(spent, self._execution.step, self._place))
        answer = outcome.answer if isinstance(outcome.answer, str) else ""
        return BudgetAnswer(self._execution.step, self._place, spent, answer)


def _exceeded(budget: Budget, account: Account, tokens: int, dollars: Decimal | None) -> bool:
    if budget.tokens is not None and account.tokens + tokens > budget.tokens:
        return True
    return budget.dollars is not None and account.dollars + (dollars or 0) > budget.dollars


def question_about(spent: Budget, step: str, place: int) -> Question:
    """Return the question what to do after a budget was used up.

    Args:
        step: identifies the execution of the node.
        place: the number of the call of `ask` in the step.
    """
    labels = {_STEP_LABEL: step, _PLACE_LABEL: str(place)}
    labels |= {} if spent.tokens is None else {_TOKENS_LABEL: str(spent.tokens)}
    labels |= {} if spent.dollars is None else {_DOLLARS_LABEL: f"{spent.dollars:f}"}
    return Question(
        title=TITLE,
        question=f"The steps of this run may use language models for {spent}. The next call would exceed that.\n\n"
        f"- **{LARGER.capitalize()}:** models may be used for {spent.doubled()} in all.\n"
        f"- **{WITHOUT.capitalize()}:** the steps do without them. This also happens if nobody answers.\n"
        f"- **{STOP.capitalize()}:** the run fails, and does nothing more.",
        answer_schema={"type": "string", "enum": [LARGER, WITHOUT, STOP], "title": "How to go on"},
        labels=labels,
    )


def answer_to(proposal: Mapping[str, Any], answer: Any) -> BudgetAnswer | None:
    """Return what people have answered to a question about a budget; None if the proposal is another question.

    Args:
        answer: of the outcome; None if there is none, because the question was rejected or has expired.
    """
    labels = proposal.get("labels") or {}
    if proposal.get("title") != TITLE or not labels.keys() >= {_STEP_LABEL, _PLACE_LABEL}:
        return None
    tokens, dollars = labels.get(_TOKENS_LABEL), labels.get(_DOLLARS_LABEL)
    spent = Budget(int(tokens) if tokens else None, Decimal(dollars) if dollars else None)
    said = answer if isinstance(answer, str) else ""
    return BudgetAnswer(labels[_STEP_LABEL], int(labels[_PLACE_LABEL]), spent, said)
