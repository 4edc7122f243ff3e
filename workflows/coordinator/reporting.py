"""The final report, in Markdown, the progress on the way to it, and the receipts of plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assent import Outcome, ReceiptStatus, Verdict, publish_artifact, report_receipt
from assent.plans import PlanStep
from workflows.coordinator.state import Json, State, settings_of

PROGRESS = "progress.md"
REPORT = "coordinator-report.md"
_WORDS = {"done": "done", "skipped": "not carried out", "rejected": "rejected", "failed": "failed"}
_SHOWN_REQUEST = 4_000


def report(state: State) -> State:
    """Write the report: what was asked for, planned, changed by reviewers, done, returned, and not done, and why."""
    outcome = Outcome.model_validate(state["outcome"]) if state.get("outcome") else None
    steps = [PlanStep.model_validate(step) for step in state.get("steps", [])]
    results = state.get("results", {})
    status = _status(state, outcome, steps, results)
    text = _text(state, outcome, steps, results, status)
    publish_artifact(REPORT, text, "text/markdown")
    if outcome is not None and steps:
        receipt_of(outcome, state, state.get("stopped", ""))
    return {"status": status, "report": text}


def progress_text(steps: Sequence[PlanStep], results: Mapping[str, Any]) -> str:
    """Return how far a plan has come, in Markdown."""
    ended = sum(step.id in results for step in steps)
    return "\n".join([f"{ended} of {len(steps)} steps have ended.", "", *_table(steps, results)])


def receipt_of(outcome: Outcome, state: State, words: str) -> None:
    """Report what was done of a plan."""
    steps, results = state.get("steps", []), state.get("results", {})
    made = sum(results.get(step["id"], {}).get("status") == "done" for step in steps)
    status = ReceiptStatus.APPLIED if made == len(steps) else ReceiptStatus.PARTLY_APPLIED
    if not made:
        status = ReceiptStatus.NOT_APPLIED
    detail = {step["id"]: results.get(step["id"], {}).get("status", "not reached") for step in steps}
    report_receipt(outcome, status, f"{made} of {len(steps)} steps were carried out. {words}".strip(), detail)


def _status(state: State, outcome: Outcome | None, steps: Sequence[PlanStep], results: Mapping[str, Any]) -> str:
    if outcome is not None and outcome.verdict not in (Verdict.APPROVE, Verdict.MODIFY):
        return "partly done" if _made_before(state) else "rejected"
    if state.get("stopped"):
        return "stopped" if steps or state.get("past") else "no plan"
    made = sum(results.get(step.id, {}).get("status") == "done" for step in steps)
    return "done" if made == len(steps) else "partly done" if made or _made_before(state) else "not done"


def _made_before(state: State) -> bool:
    """Return whether a step of an earlier plan was carried out."""
    return any(step["result"]["status"] == "done" for step in state.get("past", []))


def _text(
    state: State, outcome: Outcome | None, steps: Sequence[PlanStep], results: Mapping[str, Any], status: str
) -> str:
    request = settings_of(state).request
    shown = request if len(request) <= _SHOWN_REQUEST else f"{request[:_SHOWN_REQUEST]}…"
    lines = ["# Report", "", f"**Result: {status}.**", ""]
    if state.get("stopped"):
        lines += [state["stopped"], ""]
    lines += ["## Asked for", "", *(f"> {line}" for line in shown.splitlines()), ""]
    lines += _planned(state, outcome, steps)
    if state.get("edits"):
        lines += ["## Changed by reviewers", "", *(f"- {edit}" for edit in state["edits"]), ""]
    lines += _outcomes(state, steps, results)
    not_done = [*_not_done(steps, results), *_not_planned(state)]
    if not_done:
        lines += ["## Not done, and why", "", *not_done, ""]
    return "\n".join(lines)


def _planned(state: State, outcome: Outcome | None, steps: Sequence[PlanStep]) -> list[str]:
    assessment = state.get("assessment", {})
    lines = ["## Planned", ""]
    if assessment.get("complexity"):
        lines += [f"Complexity: {assessment['complexity']}. {' '.join(assessment.get('reasons', []))}", ""]
    planned = steps or [PlanStep.model_validate(step) for step in (state.get("plan") or {}).get("steps", [])]
    if not planned:
        return [*lines, "There is no plan.", ""]
    lines += [f"{number}. {step.title} (`{step.tool or step.workflow}`)" for number, step in enumerate(planned, 1)]
    if outcome is not None:
        lines += ["", *(_remark(remark.who, str(remark.verdict), remark.comment) for remark in outcome.remarks)]
    return [*lines, ""]


def _remark(who: str, verdict: str, comment: str) -> str:
    said = {"approve": "approved it", "modify": "approved it with changes", "reject": "rejected it"}
    words = f"- {who} {said.get(verdict, 'requested changes')}"
    return f"{words}: {' '.join(comment.split())}" if comment else f"{words}."


def _outcomes(state: State, steps: Sequence[PlanStep], results: Mapping[str, Any]) -> list[str]:
    past = state.get("past", [])
    if not steps and not past:
        return []
    lines = ["## Done", ""]
    if past:
        lines += ["Of an earlier plan:", "", "| step | result |", "|---|---|"]
        lines += [f"| {_cell(step['title'])} | {_words(step['result'])} |" for step in past]
        lines += [""]
    if steps:
        lines += [*_table(steps, results), ""]
    for title, result in [
        *((step["title"], step["result"]) for step in past), *((step.title, results.get(step.id, {})) for step in steps)
    ]:  # fmt: skip
        if result.get("status") == "done" and result.get("shown"):
            lines += [f"### {title}", "", *_fenced(result["shown"]), ""]
    return lines


def _table(steps: Sequence[PlanStep], results: Mapping[str, Any]) -> list[str]:
    rows = [f"| {_cell(step.title)} | {_words(results.get(step.id))} |" for step in steps]
    return ["| step | result |", "|---|---|", *rows]


def _words(result: Json | None) -> str:
    if result is None:
        return "not reached"
    inside = [f"{_cell(name)} {status}" for name, status in (result.get("inside") or {}).items()]
    return _WORDS[result["status"]] + (f"; inside of it: {', '.join(inside)}" if inside else "")


def _not_done(steps: Sequence[PlanStep], results: Mapping[str, Any]) -> Iterable[str]:
    for step in steps:
        result = results.get(step.id)
        if result is None or result["status"] != "done":
            reason = result.get("reason") if result else "The run ended before it."
            yield f"- {step.title}: {' '.join(str(reason or 'no reason is known.').split())}"


def _not_planned(state: State) -> list[str]:
    return [f"- Not planned: {words}" for words in [*state.get("problems", []), *state.get("unserved", [])]]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _fenced(text: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}json", text, fence]
