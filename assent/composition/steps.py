"""What the nodes of one step do: decide whether it runs, call its tool, or propose the call and apply what is approved.

Every node depends on the run's state only, so that one that runs again after a crash, or when an answer arrives, does
the same. What has become of a step is stored once, at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assent.composition.conditions import UndecidedError
from assent.composition.linking import LinkedStep
from assent.composition.questions import Failure, failure_question, receipt_of_answer
from assent.composition.references import MissingValueError
from assent.composition.scopes import (
    DONE,
    FAILED,
    REJECTED,
    SKIPPED,
    Scope,
    State,
    done,
    has_output,
    without_output,
)
from assent.composition.step_inputs import Skip, StepFailedError, prepared_inputs
from assent.contracts import Basis, Call, Outcome, ReceiptStatus, ToolCall, ToolCalls, Urgency, resting_on
from assent.errors import Rejected
from assent.gate import report_receipt, request_approval
from assent.toolbox.basis import asks_people, basis_from
from assent.toolbox.calls import call, run
from assent.toolbox.errors import BasisChangedError, OutcomeUnknownError, ToolChangedError, ToolError
from assent.toolbox.gates import apply, check_basis, difference_from, propose
from assent.toolbox.ledger import begins
from assent.toolbox.model import Tool
from assent.toolbox.recovery import call_healing, is_denied, propose_correction

FIXED = (
    "This step is part of a workflow in YAML, which cannot propose anything else. Approve it with changes instead of "
    "requesting changes; a request for changes ends it like a rejection."
)
"""The note for reviewers of the proposals of a workflow file."""
_TROUBLE = (ToolError, MissingValueError, UndecidedError)

Update = dict[str, Any]


class StepNodes:
    """The nodes of one step that calls a tool.

    Attributes:
        path: the id, with those of the workflows around it, joined by dots.
        may_ask_on_failure: people may be asked what to do when the call fails, or whether it was made.
        may_correct: a call with corrected SQL may be proposed after an approved one has failed.
    """

    def __init__(self, linked: LinkedStep, scope: Scope) -> None:
        assert linked.tool is not None
        self._linked = linked
        self._scope = scope
        self.tool: Tool = linked.tool
        self.step = linked.step
        self.path = f"{scope.prefix}{linked.step.id}"
        self.result = f"{self.path}.result"
        self.proposal = f"{self.path}.proposal"
        self.outcome = f"{self.path}.outcome"
        self.rows = f"{self.path}.rows"
        self.failure = f"{self.path}.failure"
        self.changed = f"{self.path}.changed"
        self.corrected = f"{self.path}.corrected"
        self.may_correct = linked.asks and linked.rows is None and linked.heals
        asks_more = linked.asks and (not self.tool.may_repeat or bool(self.step.rests_on))
        self.may_ask_on_failure = self.step.on_error == "ask" or linked.asks_for_permission or asks_more
        scope.calls[linked.step.id] = self

    @property
    def channels(self) -> tuple[str, ...]:
        """The parts of the run's state that the step writes."""
        found = [self.result]
        found += [self.proposal, self.outcome] if self._linked.asks else []
        found += [self.corrected] if self.may_correct else []
        found += [self.changed] if self.step.rests_on else []
        found += [self.rows] if self._linked.rows is not None and self._linked.asks else []
        return (*found, *([self.failure] if self.may_ask_on_failure else []))

    # A step without a gate

    def read(self, state: State) -> Update:
        """Call the tool, or each row's call one after the other."""
        if (given_up := self._given_up(state)) is not None:
            return given_up
        try:
            prepared = prepared_inputs(self._linked, self._scope, state)
            if isinstance(prepared, Skip):
                return {self.result: without_output(SKIPPED, prepared.reason)}
            if self._linked.rows is None:
                output: Any = self._read_one(prepared[0])
            else:
                output = [self._read_row(inputs) for inputs in prepared]
        except _TROUBLE as error:
            return self._trouble(error)
        return {self.result: done(output)}

    def _read_one(self, inputs: Any) -> Any:
        made = call_healing if self._linked.heals else call
        return made(self.tool, inputs, limits=self._linked.limits).document

    def _read_row(self, inputs: Any) -> Any:
        try:
            return self._read_one(inputs)
        except ToolError:
            if self.step.on_error == "skip":
                return None
            raise

    # A step with a gate

    def propose(self, state: State) -> Update:
        """Store the proposal of the call, or of the calls of all rows that are not settled."""
        if (given_up := self._given_up(state)) is not None:
            return given_up
        try:
            if self.may_correct and state.get(self.corrected) is not None:
                return self._proposed(ToolCall.model_validate(state[self.corrected]))
            prepared = prepared_inputs(self._linked, self._scope, state)
            if isinstance(prepared, Skip):
                return {self.result: without_output(SKIPPED, prepared.reason)}
            if self._linked.rows is None:
                return self._proposed(self._one(prepared[0], state))
            if not prepared:
                return {self.result: done([])}
            settled = state.get(self.rows) or [None] * len(prepared)
            return {self.rows: settled} | self._proposed(self._several(prepared, settled, state))
        except _TROUBLE as error:
            return self._trouble(error)

    def _proposed(self, proposal: ToolCall | ToolCalls) -> Update:
        made: Update = {self.proposal: proposal.model_dump(mode="json")}
        return made | {self.failure: None} if self.may_ask_on_failure else made

    def _one(self, inputs: Mapping[str, Any], state: State) -> ToolCall:
        made = propose(
            self.tool, inputs, title=self.step.title, urgency=Urgency(self.step.urgency),
            rests_on=self._basis(state), changed=self._changed(state),
        )  # fmt: skip
        labels = made.labels | self._linked.labels
        return made.model_copy(
            update={"agent": self.step.agent, "summary": self._noted(made.summary), "labels": labels}
        )

    def _noted(self, summary: str) -> str:
        """Return the summary of a proposal, with the note for its reviewers."""
        note = self._linked.note or FIXED
        return f"{summary.strip()[: 19_000 - len(note)]}\n\n{note}"

    def _basis(self, state: State) -> list[Basis]:
        """Return what the call rests on, of the steps that have an output."""
        found = []
        for name, counts in self.step.rests_on.items():
            result = self._scope.result(name, state)
            if has_output(result):
                source = self._scope.calls[name]
                try:
                    found.append(basis_from(source.tool, source.given(state), result["output"], counts))
                except ValueError as error:
                    raise StepFailedError(str(error)) from error
        return found

    def _changed(self, state: State) -> Any:
        return state.get(self.changed) if self.step.rests_on else None

    def given(self, state: State) -> Any:
        """Return the inputs of the step's call as JSON. Raises as `prepared_inputs`; StepFailedError: it is skipped."""
        prepared = prepared_inputs(self._linked, self._scope, state)
        if isinstance(prepared, Skip):
            raise StepFailedError(prepared.reason)
        return self.tool.takes.document(self.tool.takes.read(prepared[0]))

    def look(self, state: State) -> Update:
        """Make the reads again on which the call rests, because something has changed."""
        update: Update = {self.outcome: None, self.failure: None}
        update |= {self.corrected: None} if self.may_correct else {}
        update |= {self.rows: None} if self._linked.rows is not None else {}
        try:
            for name in self.step.rests_on:
                source = self._scope.calls[name]
                if has_output(self._scope.result(name, state)):
                    update[source.result] = done(call(source.tool, source.given(state)).document)
        except _TROUBLE as error:
            return self._trouble(error)
        return update

    def _several(self, prepared: list[Any], settled: list[Any], state: State) -> ToolCalls:
        calls, single = [], None
        for number, inputs in enumerate(prepared):
            if settled[number] is None:
                single = propose(self.tool, inputs)
                name = str(number + 1)
                calls.append(Call(id=name, tool=single.tool, args=single.args, args_schema=single.args_schema))
        assert single is not None
        made = ToolCalls(
            title=self.step.title, summary=self._noted(single.summary), agent=self.step.agent, calls=calls,
            labels=single.labels | self._linked.labels, risk_floor=single.risk_floor,
            urgency=Urgency(self.step.urgency),
        )  # fmt: skip
        if len(calls) < len(prepared):
            return made  # calls of other rows have changed what it rests on
        basis, changed = self._basis(state), self._changed(state)
        rests: ToolCalls = resting_on(made, basis, changed) if basis or changed else made
        return rests

    def gate(self, state: State) -> Update:
        """Ask people, and store the outcome."""
        outcome = request_approval(state[self.proposal])
        if outcome.approved:
            return {self.outcome: outcome.model_dump(mode="json")}
        return {self.result: without_output(REJECTED, _reason(outcome))}

    def apply(self, state: State) -> Update:
        """Call the tool with what was approved; of several rows, the next one."""
        if state.get(self.result) is not None:
            return {}  # skipped, or rejected
        if (given_up := self._given_up(state)) is not None:
            return given_up
        try:
            if self._linked.rows is not None:
                return self._next_row(state)
            result = apply(self.tool, state[self.outcome], limits=self._linked.limits, reads=self._reads())
            return self._ended(done(result.document))
        except BasisChangedError as error:
            changed: Update = {self.changed: error.changed.model_dump(mode="json")}
            asked = Failure("changed", str(error), "look").document if asks_people(error.changed) else None
            return changed | {self.failure: asked}
        except Rejected as rejected:
            return self._ended(without_output(REJECTED, str(rejected)))
        except OutcomeUnknownError as error:
            return {self.failure: Failure("unknown", str(error), "apply").document}
        except _TROUBLE as error:
            return self._correction(state, error) or self._trouble(error, "apply")

    def _reads(self) -> list[Tool]:
        """Return the tools of the steps on which the call rests."""
        return [self._scope.calls[name].tool for name in self.step.rests_on]

    def must_look(self, state: State) -> bool:
        """Return whether nothing was made of what people approved last, because something has changed."""
        changed, outcome = self._changed(state), state.get(self.outcome)
        return bool(changed and outcome and changed["request_id"] == outcome["request_id"])

    def _correction(self, state: State, error: Exception) -> Update | None:
        """Return the proposal of the corrected call, once; None: there is none."""
        if not self.may_correct or state.get(self.corrected) is not None:
            return None
        made = propose_correction(self.tool, state[self.outcome], error)
        if made is None:
            return None
        found = made.model_copy(update={"summary": self._noted(made.summary)}).model_dump(mode="json")
        return {self.corrected: found, self.outcome: None} | ({self.failure: None} if self.may_ask_on_failure else {})

    def is_corrected(self, state: State) -> bool:
        """Return whether the corrected call is to be proposed next."""
        return self.may_correct and state.get(self.corrected) is not None and state.get(self.outcome) is None

    # Rows

    def _next_row(self, state: State) -> Update:
        outcome = Outcome.model_validate(state[self.outcome])
        rows = list(state[self.rows])
        proposed = {call["id"] for call in state[self.proposal]["calls"]}
        payload = outcome.proposal
        assert isinstance(payload, ToolCalls)
        approved = {made.id: made for made in payload.calls if made.decision == "approve"}
        if payload.rests_on and not any(rows):
            check_basis(outcome, self._reads())
        for number, row in enumerate(rows):
            key = str(number + 1)
            if row is None and key in proposed and key not in approved:
                rows[number] = without_output(REJECTED, "People left this row out.")
        waiting = [number for number, row in enumerate(rows) if row is None]
        if waiting:
            row = self._applied_row(outcome, approved[str(waiting[0] + 1)], waiting[0])
            if isinstance(row, Failure):
                return {self.rows: rows, self.failure: row.document}
            rows[waiting[0]] = row
        update: Update = {self.rows: rows} | ({self.failure: None} if self.may_ask_on_failure else {})
        return update | self._finished(state, rows)

    def _applied_row(self, outcome: Outcome, made: Call, number: int) -> Any:
        """Return the result of the call of one row, or the failure that people are asked about."""
        try:
            if not self.tool.may_repeat and not begins(f"{outcome.request_id}/{made.id}"):
                words = f"{self.tool.name} had been called for row {made.id} when its worker died."
                return Failure("unknown", words, "apply", number)
            # Only now: an earlier attempt may have made the call before the tool changed.
            self._check(outcome, made)
            return done(run(self.tool, made.args, limits=self._linked.limits, request_id=outcome.request_id).document)
        except ToolError as error:
            words = f"Row {made.id}: {error}"
            if self._linked.asks_for_permission and is_denied(error):
                return Failure("denied", words, "apply", number)
            if self.step.on_error == "skip":
                return without_output(FAILED, words)
            if self.step.on_error == "ask":
                return Failure("failed", words, "apply", number)
            report_receipt(outcome, ReceiptStatus.FAILED, words)
            raise

    def _check(self, outcome: Outcome, made: Call) -> None:
        """Raise StepFailedError, ToolChangedError: the approved call is not one of the tool as it is now."""
        if made.tool != self.tool.name:
            raise StepFailedError(f"The approved call is of {made.tool}, not of {self.tool.name}.")
        if difference := difference_from(self.tool, outcome.proposal.labels):
            raise ToolChangedError(difference)

    # Failures

    def _trouble(self, error: Exception, phase: str = "propose") -> Update:
        """Return what a failure leads to. Raises the error with `on_error: fail`, so that the step fails."""
        if isinstance(error, ToolChangedError) and not self._linked.asks_about_changed_tools:
            return {self.result: without_output(FAILED, str(error))}
        if self._linked.asks_for_permission and is_denied(error):
            return {self.failure: Failure("denied", str(error), phase).document}
        if self.step.on_error == "skip":
            return {self.result: without_output(FAILED, str(error))}
        if self.step.on_error == "ask":
            return {self.failure: Failure("failed", str(error), phase).document}
        raise error

    def ask(self, state: State) -> Update:
        """Ask people what to do about a failure."""
        failure = Failure.of(state[self.failure])
        approved = state.get(self.outcome) if failure.phase == "apply" else None
        outcome = request_approval(failure_question(failure, self.step, self.tool, approved))
        answer = outcome.answer if isinstance(outcome.answer, dict) else {}
        action = str(answer.get("action") or "stop")
        update: Update = {self.failure: failure.answered(action).document}
        self._report_answer(state, failure, action)
        if action == "stop":
            reason = f"Stopped after a failure: {failure.message} {outcome.comment}".strip()
            return update | {self.result: without_output(FAILED, reason)}
        if failure.row is not None and action in ("skip", "done"):
            rows = list(state[self.rows])
            rows[failure.row] = without_output(DONE if action == "done" else FAILED, failure.message)
            return {self.failure: None, self.rows: rows} | self._finished(state, rows)
        if action == "done":
            return update | {self.result: without_output(DONE, f"People confirmed that it was done. {failure.message}")}
        if action == "skip":
            return update | {self.result: without_output(FAILED, failure.message)}
        return update

    def _report_answer(self, state: State, failure: Failure, action: str) -> None:
        """Report what the answer means for the request whose call failed, unless more of its rows follow."""
        outcome = state.get(self.outcome) if failure.phase == "apply" else None
        if outcome is None:
            return
        if failure.row is None:
            receipt_of_answer(outcome, failure, action)
        elif action not in ("skip", "done") and not (action == "retry" and self.tool.may_repeat):
            self._report_rows(state, state[self.rows])

    def _finished(self, state: State, rows: list[Any]) -> Update:
        """Return the result of the step if no row is left."""
        if any(row is None for row in rows):
            return {}
        self._report_rows(state, rows)
        return self._ended(done([row["output"] for row in rows]))

    def _ended(self, result: Update) -> Update:
        """Return the last update of a step with a gate: its result, without what led to it."""
        return dict.fromkeys(self.channels) | {self.result: result}

    def _report_rows(self, state: State, rows: list[Any]) -> None:
        """Report the receipt of the request with the rows that it proposed."""
        own = {call["id"]: rows[int(call["id"]) - 1] for call in state[self.proposal]["calls"]}
        made = sum(row is not None and row["status"] == "done" for row in own.values())
        wanted = sum(row is None or row["status"] != REJECTED for row in own.values())
        status = ReceiptStatus.APPLIED if made == wanted else ReceiptStatus.PARTLY_APPLIED
        if not made:
            status = ReceiptStatus.FAILED if wanted else ReceiptStatus.NOT_APPLIED
        words = f"{made} of {len(own)} calls of {self.tool.full_name} were made."
        report_receipt(state[self.outcome], status, words, {"rows": own})

    def after_question(self, state: State) -> str:
        """Return where the answer leads: ``stop``, ``apply``, ``propose``, or ``look``."""
        failure = state.get(self.failure)
        result = state.get(self.result)
        if failure is None or result is not None:
            return "stop" if failure is not None and failure["answer"] == "stop" else "apply"
        if failure["kind"] == "changed":
            return "look"
        # A call that must not be repeated needs another approval, whatever people answered here.
        repeat = failure["phase"] == "apply" and failure["kind"] in ("failed", "denied") and self.tool.may_repeat
        return "apply" if repeat else "propose"

    def _given_up(self, state: State) -> Update | None:
        """Return what to store if people have answered that a failed step is not repeated."""
        return {} if self.may_ask_on_failure and state.get(self.result) is not None else None


def _reason(outcome: Outcome) -> str:
    asked = "Changes were requested" if outcome.verdict == "request_changes" else "Rejected"
    return f"{asked}: {outcome.comment}" if outcome.comment else f"{asked}."
