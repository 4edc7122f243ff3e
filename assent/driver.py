"""Drives a graph as a generator of steps without I/O, so that sync and async callers follow the same rules.

The thread's interrupts become requests in the portal. The resume guard compares each outcome with what is pending then,
and only matching answers are sent. `assent.graphs` describes what that means for callers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.errors import is_invalid_resume
from langgraph.types import StateSnapshot
from pydantic import JsonValue

from assent import calls
from assent.breakpoints import Breakpoints, Stopped
from assent.calls import Send
from assent.checkpoint_order import in_order
from assent.contracts import Outcome, Receipt, ReceiptStatus, Verdict
from assent.dialects.base import Asked, OutcomeDelivery
from assent.dialects.breakpoint import Stop
from assent.dialects.registry import BY_NAME, understand
from assent.digests import digest_of
from assent.drafts import RequestDraft, proposal_draft, question_draft
from assent.errors import (
    ApiError,
    AssentError,
    MovedOnError,
    NotAllowedError,
    PassedOverError,
    Rejected,
    SignInError,
)
from assent.gate import RECEIPT_KEY, ProposalChangedError
from assent.guard import CHANGED, PASSED_OVER, Plan, plan, poisoned, waiting_interrupts, watched_requests
from assent.open_requests import OpenRequest
from assent.reports import receipt_of
from assent.thread import GetListed, GetSaved, GetState, current, missing_nodes, read_thread, unaccepted

log = logging.getLogger(__name__)
GONE = "The thread no longer waited for this when the outcome arrived; nothing was resumed."
STOPPED = "The thread was stopped, because a step continued without accepting the decision."
BEHIND_IT = (
    "Other steps ran in parallel, so the thread was not set back: the next drive continues after that step. Check what "
    "the step did before you drive the thread again."
)
MOVED_ON = (
    "Another program continued thread {0} during the wait. The obsolete requests were canceled, and nothing was "
    "resumed. Drive the thread again when the other program has ended."
)
WENT_ON = "The agent continued with what was approved."
NOT_APPROVED = ("rejected", "cancelled", "expired")
ENDED = "Another request of this thread was rejected, which ended it."
NOT_THAT = "The step made a different proposal when it ran again; nothing was carried out."
CHANGES_PROPOSED = 3
"""How often a step may make a different proposal when it runs again before that counts as a failure."""
REFUSED = frozenset({Verdict.REJECT, Verdict.REQUEST_CHANGES})


@dataclass
class Invocation:
    """The result of one invocation of the graph.

    Attributes:
        values: its values after its last step.
        receipts: the receipts that its nodes reported.
        error: the exception that a node raised, if any.
        drained: it stopped between two steps on request.
        stopped: the breakpoints where it stopped.
        unheard: steps that should have accepted an answer and, as far as can be seen, have not.
        failed: a step raised, whether or not the graph continued without it.
    """

    values: Any = None
    receipts: dict[str, Receipt] = field(default_factory=dict)
    error: Exception | None = None
    drained: bool = False
    stopped: list[Stopped] = field(default_factory=list)
    unaccepted: list[str] = field(default_factory=list)
    failed: bool = False

    def take(self, part: Mapping[str, Any], watched: Collection[str]) -> str:
        """Process a part of the stream; returns the id of a watched step that ended and must be checked, or nothing."""
        kind, data, inside = part["type"], part["data"], part["ns"]
        if kind == "values" and not inside:
            self.values = data
        elif kind == "custom" and isinstance(data, dict) and RECEIPT_KEY in data:
            report = data[RECEIPT_KEY] if isinstance(data[RECEIPT_KEY], dict) else {}
            receipt = receipt_of(report, report.get("status"), report.get("summary"), report.get("detail"))
            if receipt is not None:
                self.receipts[receipt.request_id] = receipt
        elif kind == "tasks" and "triggers" not in data:
            self.failed |= data["error"] is not None
            if not inside and data["error"] is None and data["id"] in watched:
                return str(data["id"])
        return ""


@dataclass(frozen=True)
class Clear:
    """Discard the answers and errors of the due steps, so that they run and ask again."""

    config: RunnableConfig


@dataclass(frozen=True)
class Invoke:
    """Send to the graph, and follow it until it stops; returns a `Invocation`.

    Attributes:
        watched: steps that must accept an answer. If one does not, the graph is stopped before its next step.
        before: the thread's current state.
        answers: ids of the requests whose outcomes are sent, by interrupt.
    """

    send: Any
    config: RunnableConfig
    watched: frozenset[str]
    before: StateSnapshot
    answers: Mapping[str, str]


@dataclass(frozen=True)
class Open:
    """Open a request; returns it."""

    draft: RequestDraft


@dataclass(frozen=True)
class Wait:
    """Wait until people decide on any of these requests; returns the request's id and the outcome, or another id if the
    thread has to be checked again."""

    requests: tuple[OpenRequest, ...]


@dataclass(frozen=True)
class CallPortal:
    """Make an API call to the portal; returns its response."""

    send: Send


Step: TypeAlias = GetState | GetSaved | GetListed | Clear | Invoke | Open | Wait | CallPortal


class GraphShape(Protocol):
    """What a drive needs to know about a graph: the names of its nodes, and which of its values are its output."""

    @property
    def nodes(self) -> Mapping[str, Any]: ...

    @property
    def output_channels(self) -> str | Sequence[str]: ...


class Drive:
    """One drive of one thread.

    Args:
        workflow: the workflow name of its requests.
        opened: called once with each request.
        stored: True if the checkpointer can be read.
        ask_again: open new requests for those that were rejected, canceled, or expired before this drive.
    """

    def __init__(
        self,
        graph: GraphShape,
        config: RunnableConfig,
        workflow: str,
        opened: Callable[[Any], object] | None,
        stored: bool = True,
        ask_again: bool = False,
    ) -> None:
        self._graph = graph
        self._stored = stored
        self._config = config
        self._workflow = workflow
        self._on_request = opened
        self._ask_again = ask_again
        self._accepted: dict[str, OpenRequest] = {}
        self._doubtful = False
        self._open: dict[str, tuple[OpenRequest, Asked]] = {}
        self._due: dict[str, tuple[OpenRequest, OutcomeDelivery, Outcome]] = {}
        self._refused: dict[tuple[str, str], str] = {}
        self._revised = ""
        self._not_applied: set[str] = set()
        self._changes = 0
        self._breakpoints = Breakpoints(graph)
        self._stopped: list[Stopped] = []

    def steps(self, initial: Any) -> Generator[Step, Any, Any]:
        """Drive the graph to its end; returns its values.

        Raises MovedOnError: another program continued the thread, and has not completed it.
        """
        ran: Invocation | None = None
        waited = False
        while True:
            state = yield from in_order(self._config)
            if (yield from poisoned(state)):
                yield Clear(self._config)
                ran, waited = None, False
                state = yield GetState(self._config)
            state = yield from current(state, self._config)
            stops = yield from self._stops(state)
            moved = (yield from self._ask(state, stops)) and waited
            todo = plan(state, [delivery for _, delivery, _ in self._due.values()], (), initial, stops)
            yield from self._note(todo)
            if todo.refused:
                continue
            if todo.finished and (missing := (yield from missing_nodes(self._graph.nodes, self._config))):
                raise AssentError(f"The thread's next steps are {', '.join(missing)}, which this graph does not have.")
            if todo.finished and ran is None and initial is not None:
                todo = Plan(send=initial)
            elif todo.finished:
                yield from self._conclude()
                return ran.values if ran is not None and not moved else self._values(state)
            if waited and todo.send is None and not todo.wait and (moved or todo.unseen):
                raise MovedOnError(MOVED_ON.format(self._config["configurable"]["thread_id"]))
            rested = ran is not None and ran.error is None and not ran.drained
            # LangGraph keeps the error of a step that has completed since: after a run without errors, ignore it.
            if todo.wait or (rested and not todo.delivered and waiting_interrupts(state)):
                yield from self._wait()
                initial, waited = None, True
                continue
            if ran is not None and rested and not todo.delivered and todo.send is None:
                raise AssentError("The graph stopped before its end for an unknown reason. Nothing more was run.")
            initial, waited = None, False
            ran = yield from self._invoke(state, todo)

    def _values(self, state: StateSnapshot) -> Any:
        shown = self._graph.output_channels
        if isinstance(shown, str):
            return state.values.get(shown)
        return {name: state.values[name] for name in shown if name in state.values}

    @property
    def asked(self) -> dict[str, str]:
        """The ids of the open requests, by what the thread asks (`asked_name`)."""
        return {asked_name(was): request_id for request_id, (_, was) in self._open.items()}

    @property
    def unsent(self) -> list[OpenRequest]:
        """The requests that people have decided on, and whose outcome was not sent."""
        return [request for request, _, _ in self._due.values()]

    # Opening requests

    def _stops(self, state: StateSnapshot) -> Generator[Step, Any, list[Stop]]:
        """Return the breakpoints where the thread is stopped."""
        found = yield from self._breakpoints.stops(state)
        return [*found, *self._breakpoints.hidden(state, self._stopped, found)]

    def _ask(self, state: StateSnapshot, stops: Sequence[Stop]) -> Generator[Step, Any, bool]:
        """Open requests for new interrupts, and cancel obsolete ones; returns True if any were canceled."""
        gone = False
        wanted = [
            understand(interrupt.id, interrupt.value, interrupt.response_schema, "", "")
            for interrupt in waiting_interrupts(state).values()
        ]
        questions = (*wanted, *(stop.asked() for stop in stops))
        asked = {(question.interrupt_id, question.value_digest): question for question in questions}
        for request_id, (request, was) in list(self._open.items()):
            if (was.interrupt_id, was.value_digest) not in asked:
                del self._open[request_id]
                gone = True
                yield from self._cancel(request, CHANGED if was.interrupt_id in waiting_interrupts(state) else GONE)
        known = {(was.interrupt_id, was.value_digest) for _, was in self._open.values()}
        known |= {(delivery.interrupt_id, delivery.value_digest) for _, delivery, _ in self._due.values()}
        for name, found in asked.items():
            if name not in known:
                request = yield Open(self._draft(found))
                while self._ask_again and (ended := (yield CallPortal(request.status_call()))["state"]) in NOT_APPROVED:
                    self._refused[name] = request.id
                    # A canceled request cannot be revised.
                    self._revised = request.id if ended != "cancelled" else ""
                    request = yield Open(self._draft(found))
                self._open[request.id] = request, found
                if self._on_request is not None:
                    self._on_request(request)
        return gone

    def _draft(self, asked: Asked) -> RequestDraft:
        """Prepare the request under a key that is the same in every process, so that a restarted one finds it again."""
        where = self._config["configurable"]
        refused = self._refused.get((asked.interrupt_id, asked.value_digest), "")
        thread = [str(where["thread_id"]), where.get("checkpoint_ns", "")]
        named = [*thread, asked.interrupt_id, asked.value_digest, refused]
        key, document, previous, self._revised = f"drive-{digest_of(named)}", asked.document, self._revised, ""
        changed = document.get("changed")
        if not previous and isinstance(changed, dict) and changed.get("request_id") in self._not_applied:
            previous = changed["request_id"]
        if document["kind"] == "value":
            title = document["title"].replace("\x00", " ")
            return question_draft(document["value"], title, self._workflow, previous, asked.response_schema, key)
        return proposal_draft(document, self._workflow, previous, None, key)

    def _wait(self) -> Generator[Step, Any, None]:
        request_id, outcome = yield Wait(tuple(request for request, _ in self._open.values()))
        if request_id not in self._open:
            return
        request, asked = self._open.pop(request_id)
        delivery = OutcomeDelivery(
            request_id, asked.interrupt_id, asked.dialect, asked.value_digest, asked.node, asked.response_schema,
            outcome.model_dump(mode="json"),
        )  # fmt: skip
        self._due[request_id] = request, delivery, outcome

    # Resuming the thread

    def _note(self, todo: Plan) -> Generator[Step, Any, None]:
        """Report why outcomes are not sent. Raises Rejected: the thread cannot receive a rejection."""
        for request_id, reason in todo.refused.items():
            yield from self._refuse(request_id, reason)
        for request_id in todo.unseen:
            request, _, _ = self._due.pop(request_id)
            yield from self._report(request, ReceiptStatus.NOT_APPLIED, GONE)
        if todo.end:
            request, _, outcome = self._due[todo.delivered[-1]]
            yield from self._report(request, ReceiptStatus.NOT_APPLIED, todo.end)
            for other, _ in self._open.values():
                yield from self._cancel(other, ENDED)
            if todo.start_over:
                yield Clear(self._config)
            raise Rejected(outcome)

    def _invoke(self, state: StateSnapshot, todo: Plan) -> Generator[Step, Any, Invocation]:
        """Send what is planned, and report the results."""
        sent = {request_id: self._due.pop(request_id) for request_id in todo.delivered if request_id in self._due}
        deliveries = [delivery for _, delivery, _ in sent.values()]
        watched = watched_requests(state, todo, deliveries, self._stored)
        answers = {delivery.interrupt_id: answer for answer, (_, delivery, _) in sent.items()}
        invocation: Invocation = yield Invoke(todo.send, self._config, frozenset(watched), state, answers)
        self._stopped = invocation.stopped
        if invocation.unaccepted and (lost := (yield from unaccepted(state, invocation.unaccepted))):
            for task in lost:
                yield from self._report(sent[watched[task]][0], ReceiptStatus.FAILED, PASSED_OVER)
            for other, _ in self._open.values():
                yield from self._cancel(other, STOPPED)
            if not self._stored:  # nor can it be set back
                raise PassedOverError(PASSED_OVER)
            if len(state.tasks) > 1:
                raise PassedOverError(f"{PASSED_OVER} {BEHIND_IT}")
            # The next drive then runs this step, which asks again, and not the step after it.
            yield Clear(state.config)
            raise PassedOverError(PASSED_OVER)
        again = False
        if invocation.error is not None:
            again = yield from self._not_accepted(state, sent, invocation.error)
        self._doubtful |= invocation.failed and invocation.error is None
        for receipt in invocation.receipts.values():
            yield from self._pass_on(receipt, sent)
            if receipt.status is ReceiptStatus.NOT_APPLIED:
                self._not_applied.add(receipt.request_id)
            self._accepted.pop(receipt.request_id, None)
        for request_id, (request, delivery, outcome) in sent.items():
            if outcome.verdict is Verdict.REQUEST_CHANGES:
                self._revised = request_id
            if request_id in invocation.receipts:
                continue
            if invocation.error is None and not BY_NAME[delivery.dialect].acts and outcome.verdict not in REFUSED:
                self._accepted[request_id] = request
            else:
                yield from self._report(request, *default_receipt(outcome, invocation.error))
        if invocation.error is not None and not again:
            raise invocation.error
        return invocation

    def _not_accepted(
        self, before: StateSnapshot, sent: dict[str, tuple[OpenRequest, OutcomeDelivery, Outcome]], error: Exception
    ) -> Generator[Step, Any, bool]:
        """A step raised: remove from `sent` what was not accepted. Returns True if people must be asked again."""
        if isinstance(error, ProposalChangedError) and len(before.tasks) == 1 and self._changes < CHANGES_PROPOSED:
            self._changes += 1
            # The answer is stored with the step, but no longer fits it.
            yield Clear(self._config)
            for request, _, _ in sent.values():
                yield from self._report(request, ReceiptStatus.NOT_APPLIED, NOT_THAT)
            sent.clear()
            return True
        again = False
        waiting = waiting_interrupts((yield from read_thread(self._config)))
        for request_id, due in list(sent.items()):
            if due[1].interrupt_id in waiting:
                self._due[request_id] = sent.pop(request_id)
                if is_invalid_resume(error):
                    again = True
                    yield from self._refuse(request_id, f"The answer does not fit what the run waits for: {error}")
        return again

    def _refuse(self, request_id: str, reason: str) -> Generator[Step, Any, None]:
        request, delivery, _ = self._due.pop(request_id)
        self._refused[delivery.interrupt_id, delivery.value_digest] = request_id
        yield from self._report(request, ReceiptStatus.NOT_APPLIED, reason)

    def _conclude(self) -> Generator[Step, Any, None]:
        """Report, once the graph has completed, the approved requests that it has not reported itself.

        Before that, a step that acts on them may still follow. If a step failed and the graph continued without it, the
        results are unknown.
        """
        if not self._doubtful:
            for request in self._accepted.values():
                yield from self._report(request, ReceiptStatus.APPLIED, WENT_ON)
        self._accepted = {}

    # Reporting to the portal

    def _report(
        self, request: OpenRequest, status: ReceiptStatus, summary: str, detail: JsonValue = None
    ) -> Generator[Step, Any, None]:
        if status is not ReceiptStatus.DELIVERED:  # an unknown result needs no report
            yield CallPortal(request.receipt_call(status, summary, detail))

    def _pass_on(
        self, receipt: Receipt, sent: Mapping[str, tuple[OpenRequest, OutcomeDelivery, Outcome]]
    ) -> Generator[Step, Any, None]:
        """Pass on a node's receipt, even for a request that an earlier process opened."""
        known = sent.get(receipt.request_id)
        request = known[0] if known else OpenRequest(receipt.request_id, "")
        try:
            calls.checked_id(request.id)
            yield from self._report(request, receipt.status, receipt.summary, receipt.detail)
        except (ApiError, ValueError) as error:
            # For example a rejected request reported as applied: the graph has continued all the same.
            if isinstance(error, SignInError | NotAllowedError) and known:
                raise
            log.warning("The portal did not accept the receipt of request %s: %s", receipt.request_id, error)

    @staticmethod
    def _cancel(request: OpenRequest, reason: str) -> Generator[Step, Any, None]:
        try:
            yield CallPortal(request.cancel_call(reason))
        except ApiError as error:
            if error.status != 409:  # already decided: the outcome is ignored
                raise


def asked_name(asked: Asked) -> str:
    """Return what identifies a question of a thread: its interrupt, and what that asks."""
    return f"{asked.interrupt_id} {asked.value_digest}"


def default_receipt(outcome: Outcome, error: Exception | None) -> tuple[ReceiptStatus, str]:
    """Return what to report if the graph does not report itself; `error`: what a node raised with the outcome."""
    if outcome.verdict in REFUSED:
        return ReceiptStatus.NOT_APPLIED, "The agent received the decision and did not act."
    if error is not None:
        return ReceiptStatus.FAILED, f"{type(error).__name__}: {error}"
    return ReceiptStatus.APPLIED, WENT_ON
