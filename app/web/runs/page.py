"""Runs: the list, starting one, its page, controlling it, and its artifacts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from flask import Response, flash, request, url_for

from app.domain.errors import AssentError, ConflictError, ForbiddenError, InvalidInputError, TooLargeError
from app.domain.hidden_characters import is_line
from app.domain.lifecycle import RunState
from app.domain.people import Action, Actor
from app.domain.text import size_words
from app.http.downloads import client
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.reading.pages import RunView
from app.services.runs.pace import WorkflowPace
from app.store.files import StoredFile
from app.store.runs import CatalogueEntry, Run
from app.web.forms.drawing import draw
from app.web.forms.field_errors import field_errors
from app.web.forms.fields import MISSING, Field
from app.web.forms.sections import sections
from app.web.forms.values import REARRANGE, read, rearranged, refill
from app.web.pages import download, events_position, export_format, render, see_other, web
from app.web.prose import markdown
from app.web.runs.phases import phases_of
from app.web.runs.story import statuses_of, story_of
from app.web.runs.tools import STATUSES
from assent.files import file_id_of, references_in

PAGE = 50
_GIST = 60  # characters of an example in its label
_TEXTS = frozenset({"text/plain", "text/markdown", "text/csv", "application/json", "application/sql"})
MAX_SHOWN = 200_000
"""How much of an artifact the run's page shows, in bytes; the download is complete."""


@web.get("/runs")
def runs() -> Any:
    """Runs, newest first."""
    seq = events_position()
    state = request.args.get("state", "")
    before = _before(request.args.get("before"))
    found = services().runs.recent(state, before, PAGE + 1)
    titles = {entry.name: entry.title for entry in services().runs.catalog()}
    following = _place(found[PAGE - 1]) if len(found) > PAGE else None
    return render(
        "runs.html",
        seq=seq, runs=found[:PAGE], titles=titles, state=state, states=list(RunState), following=following,
        held=services().runs.held(found[:PAGE]), may_start=current_actor().may(Action.START_RUN),
        live_src=request.full_path,
    )  # fmt: skip


@web.get("/runs/export")
def runs_export() -> Any:
    """The runs of one state, or all, as a file, streamed."""
    state = request.args.get("state", "")
    return download(services().run_exports.export(current_actor(), state, export_format()), "runs")


def _place(run: Run) -> str:
    return f"{run.created_at.isoformat()}~{run.id}"


def _before(given: str | None) -> tuple[datetime, str] | None:
    if not given:
        return None
    at, _, run_id = given.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not run_id or not run_id.isprintable() or len(given) > 200:
        raise InvalidInputError("This position in the list of runs is not valid.", {"before": "not usable"})
    return moment, run_id


@web.get("/runs/new/<workflow>")
def run_start_form(workflow: str) -> Any:
    """The form for a workflow's input, filled in from an example, an earlier run, or what somebody wrote they need."""
    current_actor().require(Action.START_RUN)
    entry = services().runs.workflow(workflow)
    chosen, earlier = request.args.get("example", ""), request.args.get("run", "")
    examples = examples_of(entry)
    given: Any = MISSING
    if chosen in {str(number) for number in range(len(examples))}:
        given = examples[int(chosen)][1]
    elif earlier:
        run = services().views.run(earlier, current_actor()).run
        given, chosen = (run.input, "run") if run.workflow == workflow else (MISSING, "")
    elif need := request.args.get("need", ""):
        answer = services().routed_texts.get(current_actor(), need).answer or {}
        given, chosen = answer.get("inputs", {}).get(workflow, MISSING), "need"
    return _start_page(entry, _input_form(entry, given), chosen)


@web.post("/runs/new/<workflow>")
def run_start(workflow: str) -> Any:
    """Start a run, or show the problems with its input."""
    actor = current_actor()
    actor.require(Action.START_RUN)
    entry = services().runs.workflow(workflow)
    drawn = _input_form(entry, MISSING)
    title = request.form.get("title", "")
    if REARRANGE in request.form:
        return _start_page(entry, refill(drawn, rearranged(request.form), {}), "", title)
    try:
        value = read(drawn, request.form)
        _refuse_unstorable(title)
        run = services().runs.start(actor, workflow, {} if value is MISSING else value, title)
    except (InvalidInputError, TooLargeError) as error:
        problems: Mapping[str, str] = error.extra.get("fields", {})
        refill(drawn, request.form, problems)
        return _start_page(entry, drawn, "", title, error)
    return see_other("web.run", run_id=run.id)


def _refuse_unstorable(title: str) -> None:
    if not is_line(title):
        raise InvalidInputError("The title contains control characters.", {"title": "control characters"})


def _input_form(entry: CatalogueEntry, given: Any) -> Field:
    return draw(entry.input_schema, "input", given, "Input")


def examples_of(entry: CatalogueEntry) -> list[tuple[str, dict[str, Any]]]:
    """The examples that fit the form, each with a distinguishing label."""
    usable = [example for example in entry.examples if isinstance(example, dict)]
    return [(f"Example {number}: {_gist(example, usable)}", example) for number, example in enumerate(usable, 1)]


def _short(value: str | float) -> str | float:
    """A value of an example; of a path, only the name of the file."""
    return PurePosixPath(value).name or value if isinstance(value, str) and value.startswith("/") else value


def _gist(example: dict[str, Any], all_examples: list[dict[str, Any]]) -> str:
    """The values that only this example has; if there are none, all of its values."""
    values = {key: _short(value) for key, value in example.items() if isinstance(value, str | int | float)}
    own = {key: value for key, value in values.items() if any(other.get(key) != example[key] for other in all_examples)}
    words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in (own or values).items())
    gist = words or json.dumps(example)
    return gist if len(gist) <= _GIST else f"{gist[:_GIST].rsplit(' ', 1)[0].rstrip(' ,')}…"


def _start_page(
    entry: CatalogueEntry, drawn: Field, chosen: str, title: str = "", error: AssentError | None = None
) -> Response:
    problems: Mapping[str, str] = error.extra.get("fields", {}) if error else {}
    return render(
        "run_start.html",
        status_of(error) if error else 200,
        entry=entry, sections=sections(drawn), examples=examples_of(entry), chosen=chosen, title=title, error=error,
        forecast=services().model_figures.forecast(current_actor(), entry.name),
        field_errors=field_errors(drawn, problems, {"title": "Title"}),
    )  # fmt: skip


@web.get("/runs/<run_id>")
def run(run_id: str) -> Any:
    """One run, updated live."""
    return _run_page(run_id)


@web.get("/runs/<run_id>/progress")
def run_progress(run_id: str) -> Any:
    """How far the phases of a run are, for its open page."""
    view = services().views.run(run_id, current_actor())
    return render("run_progress.html", run=view.run, phases=phases_of(view, statuses_of(view)))


def _run_page(run_id: str, status: int = 200, error: AssentError | None = None) -> Response:
    seq = events_position()
    viewer = current_actor()
    view = services().views.run(run_id, viewer)
    texts = services().views.short_texts(run_id, viewer, MAX_SHOWN) if view.artifacts else {}
    reports = {
        artifact.name: markdown(texts[artifact.name], top=4)
        for artifact in view.artifacts
        if artifact.media_type == "text/markdown" and artifact.name in texts
    }
    now = services().clock()
    pace = WorkflowPace() if view.state.finished else services().views.pace(view.run, viewer)
    story = story_of(view, pace, now)
    return render(
        "run.html",
        status,
        seq=seq, view=view, run=view.run, story=story, phases=phases_of(view, story.statuses), reports=reports,
        texts=texts, error=error,
        calls=services().tools.calls_of(run_id), models=services().model_figures.of_run(run_id),
        files=_files(view.run), saved=services().saved_files.listed(run_id), call_words=STATUSES, now=now,
        again=_again(view, viewer), size_words=size_words,
        may_erase=viewer.may(Action.ERASE) and view.state.finished and view.run.erased_at is None,
        artifact_address=artifact_address, live_src=url_for("web.run", run_id=run_id),
    )  # fmt: skip


def _files(run: Run) -> list[tuple[StoredFile, str]]:
    """The files that a run uses, each with the fields of the input that name it; none for a file of a decision."""
    fields: dict[str, list[str]] = {}
    for path, reference in references_in(run.input).items():
        fields.setdefault(file_id_of(reference), []).append(path.removeprefix("input."))
    used = [file for file in services().files.used_by(run.id) if file.run_id != run.id]
    return [(file, ", ".join(fields.get(file.id, []))) for file in used]


def _again(view: RunView, viewer: Actor) -> str:
    """The URL for starting an ended run again with its input; empty if that is not possible."""
    if not view.state.finished or not view.nodes or not viewer.may(Action.START_RUN):
        return ""
    return url_for("web.run_start_form", workflow=view.run.workflow, run=view.run.id)


_CONTROLS = {
    "pause": "The run stops before its next step.",
    "resume": "The run resumes.",
    "ask": "The run asks for approval before its next step.",
    "cancel": "The run ends before its next step.",
    "retry": "The run continues from the failed step.",
}


@web.post("/runs/<run_id>/<any(pause, resume, ask, cancel, retry):act>")
def run_control(run_id: str, act: str) -> Any:
    """Pause, resume, cancel, or retry a run, or have it ask before its next step."""
    actor, all_runs = current_actor(), services().runs
    try:
        if act == "cancel":
            all_runs.cancel(actor, run_id, _reason(request.form.get("reason", "")))
        else:
            {
                "pause": all_runs.pause, "resume": all_runs.resume, "retry": all_runs.retry,
                "ask": all_runs.ask_before_next_step,
            }[act](actor, run_id)  # fmt: skip
    except (ConflictError, ForbiddenError, InvalidInputError) as error:
        return _run_page(run_id, status_of(error), error)
    flash(_CONTROLS[act])
    return see_other("web.run", run_id=run_id)


def _reason(given: str) -> str:
    reason = given.strip()
    if len(reason) > 2000 or "\x00" in reason:
        raise InvalidInputError("A reason can have at most 2,000 characters and no control characters.")
    return reason


_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def artifact_address(run_id: str, name: str) -> str:
    """The download URL of an artifact. A name that would not survive in a path is a query parameter."""
    if _PLAIN_NAME.fullmatch(name):
        return url_for("web.artifact", run_id=run_id, name=name)
    return url_for("web.artifact_by_name", run_id=run_id, name=name)


@web.get("/runs/<run_id>/artifacts")
def artifact_by_name(run_id: str) -> Any:
    """Download an artifact with any name."""
    return artifact(run_id, request.args.get("name", ""))


@web.get("/runs/<run_id>/artifacts/<path:name>")
def artifact(run_id: str, name: str) -> Any:
    """Download an artifact as a file. It is never rendered as a page, because an agent wrote it."""
    found = services().views.artifact(run_id, name, current_actor())
    services().file_access.note_artifact(current_actor(), run_id, name, client())
    kind = found.media_type if found.media_type in _TEXTS else "application/octet-stream"
    charset = "; charset=utf-8" if kind in _TEXTS else ""
    response = Response(found.content.encode("utf-8", "replace"), content_type=kind + charset)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name.rsplit('/', 1)[-1], safe='')}"
    return response
