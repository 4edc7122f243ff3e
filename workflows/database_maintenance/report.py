"""The report, in Markdown, and the receipt."""

from __future__ import annotations

from pydantic import JsonValue

from assent import Outcome, ReceiptStatus, Verdict, publish_artifact, report_receipt
from workflows.database_maintenance.analysis import queries_of
from workflows.database_maintenance.apply import typed
from workflows.database_maintenance.measure import effect_on, factor, milliseconds, moment, overall, size, times
from workflows.database_maintenance.model import Applied, Effect, ItemStatus
from workflows.database_maintenance.state import Json, State, settings_of

ARTIFACT = "report.md"
_KEPT = (ItemStatus.CREATED, ItemStatus.REBUILT, ItemStatus.ALREADY_THERE)


def report(state: State) -> State:
    """Write the report, and report a receipt of what was really applied."""
    effects = _effects(state)
    gain = _gain(effects) if _kept(state) else None
    gain_of_users = _gain(_effects_of_users(state)) if _kept(state) else None
    status, headline = _status(state, gain, gain_of_users)
    text = _text(state, headline, effects)
    publish_artifact(ARTIFACT, text, "text/markdown")
    if state.get("outcome"):
        _receipt(state, Outcome.model_validate(state["outcome"]), headline, gain, gain_of_users)
    return {"report": text, "status": status, "factor": gain, "factor_of_users": gain_of_users}


def _gain(effects: list[Effect]) -> float | None:
    """Return the weighted time before ÷ the time after; None if nothing was measured."""
    return round(factor(*overall(effects)), 2) if effects else None


def _applied(state: State) -> list[Applied]:
    return [Applied.model_validate(record) for record in state.get("applied", [])]


def _kept(state: State) -> list[Applied]:
    return [record for record in _applied(state) if record.status in _KEPT]


def _effects(state: State) -> list[Effect]:
    before, after = typed(state.get("before", {})), typed(state.get("after", {}))
    both = [query for query in queries_of(state) if query.id in before and query.id in after]
    return [effect_on(query, before[query.id], after[query.id]) for query in both]


def _effects_of_users(state: State) -> list[Effect]:
    """Return the effects on the queries that use an index of this run."""
    kept = {record.index for record in _kept(state)}
    before, after = typed(state.get("before", {})), typed(state.get("after", {}))
    return [
        effect_on(query, before[query.id], after[query.id])
        for query in queries_of(state)
        if query.id in before and query.id in after and kept & set(after[query.id].indexes)
    ]


def _status(state: State, gain: float | None, gain_of_users: float | None) -> tuple[str, str]:
    """Return one word for programs and one sentence for people."""
    if not state["health"]["healthy"]:
        return "unhealthy", "Stopped: a critical health check failed. Nothing was changed."
    applied, kept = _applied(state), _kept(state)
    if applied:
        if not kept:
            return (
                "not_applied",
                f"None of {len(applied)} approved indexes is in place. {state.get('refusal') or ''}".strip(),
            )
        measured = ""
        if gain and gain_of_users:
            measured = (
                f" Measured: {times(gain_of_users)} faster where they are used, {times(gain)} over all slow queries."
            )
        word = "applied" if len(kept) == len(applied) else "partly_applied"
        return word, f"{len(kept)} of {len(applied)} approved indexes are in place.{measured}"
    if state.get("refusal"):
        return "refused", f"No index was created. {state['refusal']}"
    if state.get("outcome"):
        outcome = Outcome.model_validate(state["outcome"])
        if outcome.verdict is Verdict.REQUEST_CHANGES:
            return "not_approved", "Changes to the proposal were requested too often. No index was created."
        return "not_approved", "The proposal was not approved. No index was created."
    if not state.get("queries") and state.get("hidden"):
        return "nothing_to_do", f"No slow queries could be seen: {state['hidden']}. No index was created."
    if not state.get("queries"):
        return "nothing_to_do", "No slow queries were found. No index was created."
    return "nothing_to_do", "No index was found that would help enough. No index was created."


def _receipt(state: State, outcome: Outcome, headline: str, gain: float | None, gain_of_users: float | None) -> None:
    applied, kept = _applied(state), _kept(state)
    if kept:
        status = ReceiptStatus.APPLIED if len(kept) == len(applied) else ReceiptStatus.PARTLY_APPLIED
    elif any(record.status is ItemStatus.FAILED for record in applied):
        status = ReceiptStatus.FAILED
    else:
        status = ReceiptStatus.NOT_APPLIED
    detail: JsonValue = {
        "factor": gain,
        "factor_of_users": gain_of_users,
        "items": [record.model_dump(mode="json", exclude={"table"}) for record in applied],
    }
    report_receipt(outcome, status, headline[:2000], detail)


def _text(state: State, headline: str, effects: list[Effect]) -> str:
    settings = settings_of(state)
    sections = [
        f"# Database maintenance: {settings.target}\n\n**{headline}**",
        _result(state, effects),
        _notes(state),
        _health(state),
        _queries(state),
        _candidates(state),
        _safety(state),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _cell(text: str) -> str:
    """Return text that fits in a table cell."""
    return " ".join(text.replace("|", "\\|").split())


def _result(state: State, effects: list[Effect]) -> str:
    applied = _applied(state)
    if not applied:
        return ""
    reasons = {verdict["id"]: verdict["reason"] for verdict in state.get("verdicts", [])}
    lines = ["## Indexes", "", "| index | what happened | size | time | |", "|---|---|---:|---:|---|"]
    for record in applied:
        why = record.message or reasons.get(record.id, "")
        took = f"{record.seconds:.2f} s" if record.seconds else ""
        cells = [f"`{record.index or record.id}`", record.status, size(record.bytes) if record.bytes else "", took, why]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    approved = [f"{record.statement.strip().rstrip(';')};" for record in applied]
    lines += ["", "Statements that were approved:", "", "```sql", *approved, "```"]
    undo = [f"{record.rollback};" for record in applied if record.ours]
    if undo:
        lines += ["", "To undo:", "", "```sql", *undo, "```"]
    if effects:
        users = _effects_of_users(state)
        others = [effect for effect in effects if effect not in users]
        lines += ["", "## Measured before and after", "", *_effect_table(users)]
        if others:
            lines += [
                "",
                "These slow queries use no new index; what changed for them is noise:",
                "",
                *_effect_table(others),
            ]
        lines += ["", _sum_of(effects)]
    return "\n".join(lines)


def _effect_table(effects: list[Effect]) -> list[str]:
    lines = ["| query | weight | before | after | factor | pages before | pages after |", "|---|" + "---:|" * 6]
    for effect in effects:
        pages = ["" if count is None else f"{count:,}" for count in (effect.before_buffers, effect.after_buffers)]
        gain = times(factor(effect.before_ms, effect.after_ms))
        spent = [milliseconds(effect.before_ms), milliseconds(effect.after_ms)]
        lines.append("| " + " | ".join([_cell(effect.query), f"{effect.weight:g}", *spent, gain, *pages]) + " |")
    return lines if effects else ["No query uses a new index."]


def _sum_of(effects: list[Effect]) -> str:
    before, after = overall(effects)
    # The factor is rounded as the headline's, so that the two never differ in their last digit.
    return (
        f"All together, weighted by how often the queries run: {milliseconds(before)} → {milliseconds(after)}, "
        f"**measured factor {times(_gain(effects) or 0)}** (median of warm runs)."
    )


def _notes(state: State) -> str:
    return "\n".join(["## Notes", "", *(f"- {_cell(note)}" for note in state["notes"])]) if state.get("notes") else ""


def _health(state: State) -> str:
    health = state["health"]
    lines = [f"## Health ({health['seconds']:.2f} s)", "", "| check | | found |", "|---|---|---|"]
    for check in health["checks"]:
        verdict = "ok" if check["ok"] else "**failed**" if check["critical"] else "failed, not critical"
        lines.append(f"| {check['title']} | {verdict} | {_cell(check['message'])} |")
    return "\n".join(lines)


def _queries(state: State) -> str:
    if "queries" not in state:
        return ""
    lines = [f"## Slow queries ({state['source']})", ""]
    if state["queries"]:
        lines += ["| query | weight | time |", "|---|---:|---:|"]
    for query in queries_of(state):
        spent = milliseconds(query.measured.ms) if query.measured else ""
        late = " (stopped)" if query.measured and query.measured.timed_out else ""
        lines.append(f"| {_cell(query.name)} | {query.weight:g} | {spent}{late} |")
    if not state["queries"]:
        lines.append(f"None took {settings_of(state).min_duration_ms:g} ms or more.")
    lines += [f"\nLeft out: {_cell(query['name'])}: {_cell(query['reason'])}" for query in state["skipped"]]
    return "\n".join(lines)


def _candidates(state: State) -> str:
    sections = [
        _reasons("No index is proposed for", "query", state.get("unserved", [])),
        _reasons("Tried and not proposed", "candidate", state.get("rejected", [])),
    ]
    return "\n\n".join(section for section in sections if section)


def _reasons(title: str, what: str, left_out: list[Json]) -> str:
    rows = [f"| {_cell(found['name'])} | {_cell(found['reason'])} |" for found in left_out]
    return "\n".join([f"## {title}", "", f"| {what} | why not |", "|---|---|", *rows]) if rows else ""


def _safety(state: State) -> str:
    lines = []
    backup = state.get("backup")
    if backup:
        lines.append(
            f"- Backup `{backup['path']}` ({size(backup['bytes'])}, {backup['tables']} tables, "
            f"{backup['rows']:,} rows) made at {moment(backup['made_at'])}, "
            "verified by restoring it into a scratch database and comparing every table."
        )
    analyzed = state.get("analyzed", [])
    if analyzed:
        lines.append(f"- Statistics refreshed: {', '.join(analyzed)}.")
    return "\n".join(["## Backup and statistics", "", *lines]) if lines else ""
