"""Workflows and runs over REST."""

from __future__ import annotations

from typing import Any

from app.api import models
from app.api.moments import page_before
from app.api.registry import ApiCall, EndpointTable
from app.domain.errors import InvalidInputError
from app.domain.people import Action
from app.domain.tokens import Scope
from app.services.erasure import Holdings
from app.services.record import events

table = EndpointTable()
READ, WRITE = (Scope.RUNS_READ,), (Scope.RUNS_WRITE,)


@table.add("GET", "/workflows", models.WorkflowList, scopes=READ)
def list_workflows(call: ApiCall) -> Any:
    """List all workflows that can be started, by title."""
    call.actor.require(Action.SEE)
    return {"items": call.portal.services.runs.catalog()}


@table.add("GET", "/runs", models.RunList, query=models.RunQuery, scopes=READ)
def list_runs(call: ApiCall) -> Any:
    """List runs, newest first."""
    call.actor.require(Action.SEE)
    state = call.query.state.value if call.query.state else ""
    recent = call.portal.services.runs.recent
    rows, cursor = page_before(
        call.query.cursor, call.query.limit, lambda before, limit: recent(state, before, limit, call.actor)
    )
    return {"items": rows, "next_cursor": cursor}


@table.add("POST", "/runs", models.RunOut, body=models.RunIn, status=201, scopes=WRITE, location="/api/v1/runs/{id}")
def start_run(call: ApiCall) -> Any:
    """Start a run of a workflow."""
    sent: models.RunIn = call.body
    run = call.portal.services.runs.start(call.actor, sent.workflow, sent.input, sent.title, call.made_as)
    return run_document(call, run.id)


@table.add("GET", "/runs/<uuid:id>", models.RunOut, scopes=READ)
def get_run(call: ApiCall) -> Any:
    """Read a run with its steps."""
    return run_document(call, call.id)


@table.add("GET", "/runs/<uuid:id>/events", models.EventList, query=models.RunEventQuery, scopes=READ)
def list_run_events(call: ApiCall) -> Any:
    """List the events of a run, oldest first."""
    call.portal.services.views.run(call.id, call.actor)
    with call.portal.services.sessions() as session:
        page = events.of_run(session, call.id, call.query.cursor, call.query.limit)
    return {"items": page.events, "more": page.more, "cursor": page.cursor}


@table.add("POST", "/runs/<uuid:id>/pause", models.RunOut, body=models.Empty, scopes=WRITE)
def pause_run(call: ApiCall) -> Any:
    """Pause a run before its next step."""
    call.portal.services.runs.pause(call.actor, call.id)
    return run_document(call, call.id)


@table.add("POST", "/runs/<uuid:id>/ask", models.RunOut, body=models.Empty, scopes=WRITE)
def ask_before_next_step(call: ApiCall) -> Any:
    """Have a run ask for approval before its next step."""
    call.portal.services.runs.ask_before_next_step(call.actor, call.id)
    return run_document(call, call.id)


@table.add("POST", "/runs/<uuid:id>/resume", models.RunOut, body=models.Empty, scopes=WRITE)
def resume_run(call: ApiCall) -> Any:
    """Resume a paused run."""
    call.portal.services.runs.resume(call.actor, call.id)
    return run_document(call, call.id)


@table.add("POST", "/runs/<uuid:id>/cancel", models.RunOut, body=models.CancelRunIn, scopes=WRITE)
def cancel_run(call: ApiCall) -> Any:
    """Cancel a run before its next step."""
    call.portal.services.runs.cancel(call.actor, call.id, call.body.reason)
    return run_document(call, call.id)


@table.add("POST", "/runs/<uuid:id>/retry", models.RunOut, body=models.Empty, scopes=WRITE)
def retry_run(call: ApiCall) -> Any:
    """Retry a failed run."""
    call.portal.services.runs.retry(call.actor, call.id)
    return run_document(call, call.id)


@table.add("GET", "/runs/<uuid:id>/holdings", models.HoldingsOut, scopes=READ)
def get_run_holdings(call: ApiCall) -> Any:
    """List what a run holds, and what deleting it would delete. Administrators only."""
    return holdings_document(call.portal.services.erasure.preview(call.actor, call.id))


@table.add("POST", "/runs/<uuid:id>/erase", models.HoldingsOut, body=models.EraseIn, scopes=WRITE)
def erase_run(call: ApiCall) -> Any:
    """Delete what an ended run holds. Administrators only. The run, its requests, and their digests stay."""
    require_confirmation(call)
    return holdings_document(call.portal.services.erasure.erase(call.actor, call.id))


def require_confirmation(call: ApiCall) -> None:
    """Raise InvalidInputError unless the body names once more what is to be deleted."""
    if call.body.confirm != call.id:
        raise InvalidInputError("Confirm the deletion.", {"confirm": "the id from the URL"})


def holdings_document(found: Holdings) -> dict[str, Any]:
    """The API document for what would be deleted, or was."""
    return {
        "runs": [run.id for run in found.runs],
        "files": [{"id": file.id, "name": file.name, "size": file.size} for file in found.deleted],
        "kept_files": [{"id": file.id, "name": file.name, "size": file.size} for file in found.kept],
        "counts": dict(found.counts), "refusal": found.refusal,
    }  # fmt: skip


def run_document(call: ApiCall, run_id: str) -> dict[str, Any]:
    """The API document for a run. Raises NotFoundError."""
    view = call.portal.services.views.run(run_id, call.actor)
    summary = models.RunSummary.model_validate(view.run).model_dump()
    return summary | {
        "version": view.run.version,
        "input": view.run.input,
        "result": view.run.result,
        "error": view.run.error,
        "steps": view.steps,
        "approvals": view.requests,
        "artifacts": view.artifacts,
        "files": call.portal.services.saved_files.listed(run_id),
        "controls": list(view.controls),
        "step_progress": view.progress,
    }
