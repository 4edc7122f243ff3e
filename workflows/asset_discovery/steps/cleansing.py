"""The third phase: cells become typed values; people approve what was changed beyond form."""

from __future__ import annotations

from typing import Any

from assent import Outcome, ReceiptStatus, Verdict, report_receipt
from workflows.asset_discovery.cleansing.cleanse import cleanse
from workflows.asset_discovery.cleansing.rules import Rule
from workflows.asset_discovery.cleansing.summary import summarize
from workflows.asset_discovery.gates.cleansing import Group, cleansing_gate, group_of, left_out
from workflows.asset_discovery.mapped import Mapping
from workflows.asset_discovery.state import Json, State, figures_with, settings_of
from workflows.asset_discovery.steps.mapping import mappings_of
from workflows.asset_discovery.steps.validation import inventory_tables
from workflows.asset_discovery.stored import load_json, load_table, problems_json, save_frame, save_json
from workflows.asset_discovery.tables import ProblemKind
from workflows.asset_discovery.working import Work

_CHANGES = "Changes were requested; the rules are proposed again."
_REJECTED = "The changes of the cleansing were rejected."


def cleanse_tables(state: State) -> State:
    """Cleanse all tables, and prepare what people approve."""
    cleansed, figures, groups, doubts = _cleansed(state, "cleansed")
    proposal = cleansing_gate(groups, doubts, settings_of(state)) if settings_of(state).ask_cleansing else None
    return {
        "cleansed": cleansed,
        "proposal": proposal.model_dump(mode="json") if proposal else None,
        "figures": figures,
    }


def take_cleansing(state: State) -> State:
    """Take over which rules people have left out."""
    outcome = Outcome.model_validate(state["outcome"])
    groups, doubts = _summaries(state)
    if outcome.verdict is Verdict.REQUEST_CHANGES:
        report_receipt(outcome, ReceiptStatus.NOT_APPLIED, _CHANGES)
        again = cleansing_gate(groups, doubts, settings_of(state), outcome.comment or "(no comment)")
        assert again is not None
        return {"proposal": again.model_dump(mode="json"), "outcome": None}
    if not outcome.approved:
        report_receipt(outcome, ReceiptStatus.NOT_APPLIED, f"{_REJECTED} There is no inventory.")
        return {"proposal": None, "problem": _REJECTED}
    out = left_out(outcome.proposal.model_dump(mode="json")["data"], groups)
    report_receipt(outcome, ReceiptStatus.APPLIED, _words(groups, out), {"left_out": len(out)})
    return {
        "proposal": None,
        "outcome": None,
        "left_out": [{key: group[key] for key in ("table", "column", "rule")} for group in out],
    }


def _words(groups: list[Group], out: list[Group]) -> str:
    applied = sum(group["cells"] for group in groups) - sum(group["cells"] for group in out)
    return f"{applied:,} values changed; {len(out):,} {'rule' if len(out) == 1 else 'rules'} left out."


def recleanse(state: State) -> State:
    """Cleanse the tables again, without the rules that people have left out."""
    cleansed, figures, _, _ = _cleansed(state, "recleansed")
    return {"cleansed": cleansed, "figures": figures}


def _cleansed(state: State, name: str) -> tuple[list[Json], Json, list[Group], dict[str, str]]:
    tables, mappings = inventory_tables(state), mappings_of(state)
    work = Work(sum(table["rows"] for table in tables), {"rows": 0, "changed": 0, "beyond form": 0, "invalid": 0})
    made: list[Json] = []
    groups: list[Group] = []
    doubts: dict[str, str] = {}
    for table, mapping in zip(tables, mappings, strict=True):
        with work.piece(f"Cleansing {table['name']}", table["rows"]):
            kept, own_groups, own_doubts = _one(state, table, mapping, name)
        made.append(kept)
        groups += own_groups
        doubts |= own_doubts
        work.count(
            rows=table["rows"], changed=kept["changed"], beyond_form=sum(group["cells"] for group in own_groups),
            invalid=kept["invalid"],
        )  # fmt: skip
    work.finish()
    figures = figures_with(state, "cleansing", **work.figures)
    return made, figures, sorted(groups, key=lambda group: -int(group["cells"])), doubts


def _one(state: State, table: Json, mapping: Mapping, name: str) -> tuple[Json, list[Group], dict[str, str]]:
    """Cleanse a table and save the result: references, groups of changes beyond form, and doubtful columns."""
    number = table["number"]
    opened = load_table(table)
    without = {(item["column"], Rule(item["rule"])) for item in state["left_out"] if item["table"] == number}
    found = cleanse(opened, mapping, without)
    groups = [group_of(table, group) for group in summarize(found.changes) if group.beyond_form]
    problems = [*opened.problems, *found.problems]
    invalid = {problem.row for problem in found.problems if problem.kind is not ProblemKind.HAZARD}
    doubts = {f"{table['name']}: {column}": why for column, why in found.doubts.items()}
    kept = {
        "number": number, "name": table["name"],
        "frame": save_frame(f"{name}-{number}", found.frame),
        "changes": save_frame(f"{name}-changes-{number}", found.changes),
        "problems": save_json(f"{name}-problems-{number}", problems_json(problems)),
        "groups": save_json(f"{name}-groups-{number}", {"groups": groups, "doubts": doubts}),
        "changed": found.changes.height, "invalid": len(invalid),
    }  # fmt: skip
    return kept, groups, doubts


def _summaries(state: State) -> tuple[list[Group], dict[str, str]]:
    groups: list[Any] = []
    doubts: dict[str, str] = {}
    for kept in state["cleansed"]:
        saved = load_json(kept["groups"])
        groups += saved["groups"]
        doubts |= saved["doubts"]
    return sorted(groups, key=lambda group: -int(group["cells"])), doubts
