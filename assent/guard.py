"""The resume guard: before anything is sent to a thread, what is pending is compared with what was reviewed.

LangGraph silently accepts answers that are unknown, repeated, or malformed, and then runs nodes again or answers the
wrong interrupt (see docs/decisions/0005-resume-guard.md). So a run resumes only for an interrupt that is actually
pending, by its id, if the digest of its value is the reviewed one, with an answer that was checked here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from langgraph.types import Command, Interrupt, PregelTask, StateSnapshot
from pydantic import ValidationError

from assent.breakpoints import is_hidden
from assent.contracts import Outcome, Verdict
from assent.dialects.base import EndRun, OutcomeDelivery, Pending, UnfitAnswerError, jsonable
from assent.dialects.breakpoint import BREAKPOINT, Stop
from assent.dialects.failure import ErrorAction
from assent.dialects.registry import BATCHED, BY_NAME, value_digest
from assent.thread import Reading, answers_of, asks_directly

CHANGED = (
    "The run now proposes something else than what was reviewed; nothing was resumed. "
    "The new proposal is a new request."
)
PASSED_OVER = (
    "The agent continued without accepting the decision: it did not ask again, as if no approval were needed any more. "
    "An action that was rejected or changed may have been done as proposed. The run was stopped. The condition that "
    "requires approval (the `when` of a middleware, a condition around a gate) must give the same result when the run "
    "resumes."
)
SKIPPED = "Another step was skipped in the meantime, so the run asks again; nothing was resumed."


@dataclass(frozen=True)
class Plan:
    """What to do with a thread.

    Attributes:
        send: the input of the next invocation: initial state, a Command, or None to continue from the last step.
        wait: True if nothing can be sent: the thread waits for people.
        finished: True if the graph has completed.
        end: why the run must end, if an outcome cannot be delivered to the thread.
        start_over: True if the due steps must start over before the run ends: continuing would pass a breakpoint.
        skip: nodes to skip before continuing.
        delivered: ids of requests whose outcome this plan delivers, or that have already been delivered.
        unseen: those of `delivered` that an earlier attempt delivered, and crashed before it recorded that.
        refused: ids of requests whose outcome does not fit anything pending, with the reason.
        held: ids of requests whose change window is closed now, with the time when it opens.
        later: outcomes to send once the thread waits again, because they must not be sent with another one.
    """

    send: Any = None
    wait: bool = False
    finished: bool = False
    end: str = ""
    start_over: bool = False
    skip: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    held: dict[str, datetime] = field(default_factory=dict)
    later: tuple[OutcomeDelivery, ...] = ()


def poisoned(state: StateSnapshot) -> Reading[bool]:
    """Return True if a step has an answer stored that it can never accept, so that valid ones after it fail too.

    The guard never sends such an answer; another program must have resumed the thread.
    """
    for task in state.tasks:
        if not task.error or not task.interrupts:
            continue
        answers = yield from answers_of(state.config, task.id)
        values = [interrupt.value for interrupt in task.interrupts]
        if answers and any(BATCHED.always_refuses(jsonable(value), jsonable(answers[-1])) for value in values):
            return True
    return False


def failure_id(task_id: str, error: str) -> str:
    """Return the id of one failure of one execution; the same failure of the same execution opens one request."""
    return f"failed:{task_id}:{value_digest(error, None)[:12]}"


def plan(
    state: StateSnapshot, deliveries: Sequence[OutcomeDelivery], undecided: Collection[str], initial: Any,
    stops: Collection[Stop] = (),
) -> Plan:  # fmt: skip
    """Decide what to send, given what is pending and which outcomes are waiting.

    Whatever is sent, LangGraph also runs failed steps again and passes breakpoints. So while a person has yet to decide
    on one of these, nothing is sent, and the other outcomes wait.

    Args:
        state: the thread as it is stored now.
        deliveries: the outcomes not known to have arrived, oldest first.
        undecided: ids of failed steps, breakpoints, and interrupts on which people have yet to decide.
        initial: the graph's input, for a thread that has not started.
        stops: the breakpoints where the thread is stopped.
    """
    if not state.values and not state.next and state.created_at is None:
        return Plan(send=initial)
    pending, failed = waiting_interrupts(state), failed_tasks(state)
    arrived: list[str] = []
    unseen: list[str] = []
    again = {task.name for task in state.tasks if task.error}
    sending: dict[str, str] = {}
    answers: dict[str, Any] = {}
    refused: dict[str, str] = {}
    held: dict[str, datetime] = {}
    later: list[OutcomeDelivery] = []
    alone = False
    places = {stop.id: stop.digest for stop in stops}
    passing: dict[str, str] = {}
    for delivery in deliveries:
        asked = delivery.interrupt_id
        if delivery.dialect == BREAKPOINT and delivery.not_before is None:
            end = _end_at_breakpoint(delivery)
            if end is not None:
                return Plan(
                    end=end.reason, start_over=is_hidden(asked), delivered=(*arrived, delivery.request_id),
                    unseen=tuple(unseen), refused=refused,
                )  # fmt: skip
            if places.get(asked) == delivery.value_digest:
                passing[asked] = delivery.request_id
                continue
        if asked not in failed and asked not in pending and asked not in places:
            # No longer pending: the thread accepted it before the worker could record that.
            arrived.append(delivery.request_id)
            if delivery.node not in again:
                # A step that raised or was interrupted runs again with its stored answer, and is watched then.
                unseen.append(delivery.request_id)
            continue
        seen = _digest(pending[asked]) if asked in pending else places.get(asked, delivery.value_digest)
        if seen != delivery.value_digest:
            refused[delivery.request_id] = CHANGED
            continue
        if delivery.not_before is not None:
            held[delivery.request_id] = delivery.not_before
            continue
        try:
            answer = _answer(delivery, pending.get(asked))
        except (UnfitAnswerError, ValidationError) as error:
            refused[delivery.request_id] = f"The answer does not fit what the run waits for: {error}"
            continue
        if isinstance(answer, EndRun):
            return Plan(
                end=answer.reason, delivered=(*arrived, delivery.request_id), unseen=tuple(unseen), refused=refused
            )
        if answers and (alone or BY_NAME[delivery.dialect].alone):
            later.append(delivery)
            continue
        alone = BY_NAME[delivery.dialect].alone
        answers[asked], sending[asked] = answer, delivery.request_id
    if not state.tasks:
        # Not `state.next`: it omits completed steps, and a worker may have died before the next one started.
        return Plan(finished=True, delivered=tuple(arrived), unseen=tuple(unseen), refused=refused)
    held_back = (
        any(task_id not in answers and task_id in undecided for task_id in failed)
        or not places.keys() <= passing.keys()
    )
    if held_back or (pending and not answers and not failed and not passing):
        return Plan(wait=True, delivered=tuple(arrived), unseen=tuple(unseen), refused=refused, held=held)
    skip = tuple(failed[task_id].name for task_id, answer in answers.items() if answer is ErrorAction.SKIP)
    resume = {task_id: answer for task_id, answer in answers.items() if task_id in pending}
    if skip:
        # Skipping a step gives the interrupts of parallel steps new ids, under which they ask again.
        refused |= {sending.pop(task_id): SKIPPED for task_id in resume}
        refused |= dict.fromkeys(passing.values(), SKIPPED)
        resume, passing = {}, {}
    send: Any = Command(resume=resume) if resume else None
    return Plan(
        send=send, delivered=(*arrived, *sending.values(), *passing.values()), unseen=tuple(unseen), refused=refused,
        held=held, skip=skip, later=tuple(later),
    )  # fmt: skip


def _end_at_breakpoint(delivery: OutcomeDelivery) -> EndRun | None:
    """Return why the run ends at a breakpoint; None if it may continue. An unclear answer ends it, too."""
    try:
        answer = _answer(delivery, None)
    except (UnfitAnswerError, ValidationError) as error:
        return EndRun(f"The answer does not say whether to continue: {error}")
    return answer if isinstance(answer, EndRun) else None


def watched_requests(
    state: StateSnapshot, todo: Plan, deliveries: Iterable[OutcomeDelivery], stored: bool = True
) -> dict[str, str]:
    """Return the requests, by step, whose outcome is not a plain approval, so that the step must be seen accepting it.

    A step may not ask again when it runs with the answer (a predicate of the middleware, or a condition around the
    gate, has changed): then it does what people rejected or changed.

    Args:
        stored: True if the checkpointer shows which answers a step has accepted. Otherwise only LangChain's middleware
            can be checked, by its results.
    """
    resume = todo.send.resume if isinstance(todo.send, Command) else None
    if not isinstance(resume, dict):
        return {}
    requests = {
        delivery.interrupt_id: delivery.request_id
        for delivery in deliveries
        if delivery.request_id in todo.delivered and (stored or BY_NAME[delivery.dialect].may_be_passed_over)
    }
    return {
        task.id: requests[interrupt.id]
        for task in state.tasks
        for interrupt in task.interrupts
        if interrupt.id in requests
        and not _only_approves(resume.get(interrupt.id))
        and asks_directly(task, interrupt.id)
    }


def _only_approves(answer: Any) -> bool:
    if isinstance(answer, list):
        return bool(answer) and all(isinstance(part, dict) and part.get("type") == "accept" for part in answer)
    if not isinstance(answer, dict):
        return False
    if "verdict" in answer:
        return bool(answer["verdict"] == Verdict.APPROVE.value)
    decisions = answer.get("decisions", [answer])
    return all(isinstance(decision, dict) and decision.get("type") == "approve" for decision in decisions)


def waiting_interrupts(state: StateSnapshot) -> dict[str, Interrupt]:
    """Return the pending interrupts, by id, of a state from `read_thread`."""
    return {interrupt.id: interrupt for task in state.tasks if not task.error for interrupt in task.interrupts}


def failed_tasks(state: StateSnapshot) -> dict[str, PregelTask]:
    """Return the steps that raised, by `failure_id`.

    Steps that were canceled because another one raised are not included: they run again with that one.
    """
    raised = [task for task in state.tasks if task.error and not str(task.error).startswith("CancelledError(")]
    return {failure_id(task.id, str(task.error)): task for task in raised}


def _digest(interrupt: Interrupt) -> str:
    return value_digest(interrupt.value, interrupt.response_schema)


def _answer(delivery: OutcomeDelivery, interrupt: Interrupt | None) -> Any:
    outcome = Outcome.model_validate(delivery.outcome)
    asked = Pending(jsonable(interrupt.value), jsonable(interrupt.response_schema)) if interrupt else Pending()
    return BY_NAME[delivery.dialect].answer(outcome, asked)
