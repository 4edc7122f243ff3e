"""The steps after an approved proposal could not be applied, because what it rested on had changed."""

from __future__ import annotations

from dataclasses import dataclass

from assent import Changed, Optimizations, Outcome, ReceiptStatus, report_receipt, request_approval
from assent.toolbox import asks_people, question_about
from assent.toolbox.basis import AGAIN, summary_of
from assent.toolbox.errors import ToolError
from workflows.database_maintenance import basis, operations, tools
from workflows.database_maintenance.analysis import queries_of
from workflows.database_maintenance.comments import left_out
from workflows.database_maintenance.counted import counted
from workflows.database_maintenance.model import Candidate, TargetError, dump
from workflows.database_maintenance.state import Json, State, settings_of

STOPPED = "What the proposal rested on kept changing, and people decided not to propose it again."


def not_applied(state: State, outcome: Outcome, changed: Changed) -> State:
    """Report that nothing is applied, and why."""
    summary = summary_of(changed)
    report_receipt(outcome, ReceiptStatus.NOT_APPLIED, summary, changed.model_dump(mode="json"))
    return {
        "changed": changed.model_dump(mode="json"),
        "pending": [],
        "applied": [],
        "notes": [*state["notes"], f"An approved proposal was not applied. {summary}"],
    }


def reexamine(state: State) -> State:
    """Measure again, so that the next proposal fits what is there now.

    What reviewers have left out stays out. If the target cannot be reached, the proposal stays as it was: it is read
    again before it is applied.
    """
    settings = settings_of(state)
    refused, comment = _LeftOut.of(state), state.get("comment") or ""
    revision = state["revision"] + 1
    try:
        with counted(tools.identify_missing_indexes, settings):
            found = operations.find_missing_indexes(
                settings, queries_of(state), lambda candidate: refused.has(candidate) or left_out(comment, candidate)
            )
        rests_on = read_basis(state, found)
    except (TargetError, ToolError) as error:
        kept = dump([candidate for candidate in candidates_of(state) if not refused.has(candidate)])
        note = f"It could not be measured again for revision {revision}: {error}"
        return {"revision": revision, "outcome": None, "candidates": kept, "notes": [*state["notes"], note]}
    return {
        "revision": revision,
        "outcome": None,
        "candidates": dump(found.candidates),
        "rejected": dump(found.rejected),
        "together": dump(found.together),
        "unserved": dump(found.unserved),
        "tables": found.table_facts,
        "basis": rests_on,
    }


@dataclass(frozen=True)
class _LeftOut:
    """What reviewers have left out: some of the proposed indexes, and with them all others of the same tables."""

    approved: frozenset[str]
    tables: frozenset[str]

    @classmethod
    def of(cls, state: State) -> _LeftOut:
        """Return what the approved proposal does not have of what was proposed."""
        if not state.get("outcome"):
            return cls(frozenset(), frozenset())
        proposal = Outcome.model_validate(state["outcome"]).proposal
        assert isinstance(proposal, Optimizations)
        approved = frozenset(item.id for item in proposal.items)
        missing = [candidate for candidate in candidates_of(state) if candidate.id not in approved]
        return cls(approved, frozenset(candidate.table for candidate in missing))

    def has(self, candidate: Candidate) -> bool:
        """Return whether the next proposal leaves it out as well."""
        return candidate.table in self.tables and candidate.id not in self.approved


def read_basis(state: State, found: operations.MissingIndexes) -> Json:
    """Return what a proposal of these candidates rests on; nothing if there are none."""
    if not found.candidates:
        return {}
    settings = settings_of(state)
    return {
        "indexes": basis.indexes(settings, found.existing, found.candidates),
        "sizes": basis.sizes(settings, found.candidates),
    }


def what_now(state: State) -> State:
    """Ask people what to do, after it has happened several times in a row. Do nothing else: the step runs again."""
    settings = settings_of(state)
    changed = state["changed"]
    assert changed is not None
    title = f"Indexes on {settings.target}"
    question = question_about(changed, title).model_copy(
        update={"agent": "optimizer agent", "environment": settings.environment}
    )
    outcome = request_approval(question)
    if outcome.answer != AGAIN:
        return {"refusal": STOPPED, "outcome": None}
    return {"changed": changed | {"request_id": outcome.request_id}}


def candidates_of(state: State) -> list[Candidate]:
    """Return the candidates as models."""
    return [Candidate.model_validate(candidate) for candidate in state["candidates"]]


def route(state: State) -> str:
    """Return the next step after something has changed."""
    changed = state["changed"]
    assert changed is not None
    return "what_now" if asks_people(changed) else "reexamine"


def route_after_question(state: State) -> str:
    """Propose again, or report."""
    return "report" if state["refusal"] else "reexamine"
