"""The resume guard: before anything is sent to a thread, what is pending is compared with what was reviewed.

LangGraph accepts unknown, answered and wrongly shaped answers silently, and then runs nodes again or answers the wrong
question (see docs/decisions/0005-resume-guard.md). So a run resumes only for the interrupt that is really pending, by
its id, when the digest of its value is the one that was reviewed, with an answer that was checked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph.types import Command, StateSnapshot
from pydantic import ValidationError

from app.domain.running import Delivery
from app.runtime.dialects.base import EndRun, UnfitAnswerError
from app.runtime.dialects.failure import ErrorAction
from app.runtime.dialects.registry import BY_NAME, value_digest
from assent.contracts import Outcome

CHANGED = (
    "The run asks for something else now than what was reviewed; nothing was resumed. "
    "What it asks now is a new request."
)


@dataclass(frozen=True)
class Plan:
    """What to do with a thread.

    Attributes:
        send: the input of the next invocation: initial state, a Command, or None to go on from the last step.
        wait: True when nothing can be sent: the thread rests.
        finished: True when the graph has come to its end.
        end: why the run must end, where an outcome cannot be told to the thread.
        skip: nodes to be passed over before going on.
        delivered: ids of requests whose outcome this plan delivers, or that prove to be delivered already.
        refused: ids of requests whose outcome fits nothing pending, with the reason.
    """

    send: Any = None
    wait: bool = False
    finished: bool = False
    end: str = ""
    skip: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)


def failure_id(task_id: str, error: str) -> str:
    """Names one failure of one execution; the same failure of the same execution asks once."""
    return f"failed:{task_id}:{value_digest(error, None)[:12]}"


def plan(state: StateSnapshot, deliveries: Sequence[Delivery], initial: Any) -> Plan:
    """Decide what to send, from what is pending and which outcomes wait.

    Args:
        state: the thread as it is stored now.
        deliveries: outcomes nothing proves to have arrived, oldest first.
        initial: the graph's input, for a thread that has not begun.
    """
    if not state.values and not state.next and state.created_at is None:
        return Plan(send=initial)
    pending = {interrupt.id: interrupt for task in state.tasks for interrupt in task.interrupts}
    failed = {failure_id(task.id, str(task.error)): task for task in state.tasks if task.error}
    answers: dict[str, Any] = {}
    delivered: list[str] = []
    refused: dict[str, str] = {}
    skip: list[str] = []
    retry = False
    for delivery in deliveries:
        if delivery.dialect == "error":
            task = failed.get(delivery.interrupt_id)
            delivered.append(delivery.request_id)
            if task is None:
                continue
            choice = _answer(delivery)
            if isinstance(choice, EndRun):
                return Plan(end=choice.reason, delivered=tuple(delivered), refused=refused)
            retry = True
            if choice is ErrorAction.SKIP:
                skip.append(task.name)
            continue
        interrupt = pending.get(delivery.interrupt_id)
        if interrupt is None:
            # It is pending no more: the thread took it before the worker could write the receipt.
            delivered.append(delivery.request_id)
            continue
        if value_digest(interrupt.value, interrupt.response_schema) != delivery.value_digest:
            refused[delivery.request_id] = CHANGED
            continue
        try:
            answer = _answer(delivery)
        except (UnfitAnswerError, ValidationError) as error:
            refused[delivery.request_id] = f"The answer does not fit what the run waits for: {error}"
            continue
        delivered.append(delivery.request_id)
        if isinstance(answer, EndRun):
            return Plan(end=answer.reason, delivered=tuple(delivered), refused=refused)
        answers[delivery.interrupt_id] = answer
    if answers:
        return Plan(send=Command(resume=answers), delivered=tuple(delivered), refused=refused, skip=tuple(skip))
    if not state.next:
        return Plan(finished=True, delivered=tuple(delivered), refused=refused)
    resting = (pending or failed) and not retry
    return Plan(wait=bool(resting), delivered=tuple(delivered), refused=refused, skip=tuple(skip))


def _answer(delivery: Delivery) -> Any:
    outcome = Outcome.model_validate(delivery.outcome)
    return BY_NAME[delivery.dialect].answer(outcome, delivery.response_schema)
