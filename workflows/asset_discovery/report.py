"""The report of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from assent.markdown import code, escaped, table
from workflows.asset_discovery.analysis.words import analysis_words, dependency_words
from workflows.asset_discovery.fields import FACTS
from workflows.asset_discovery.personal.classification import OBLIGATIONS
from workflows.asset_discovery.personal.kinds import Sensitivity
from workflows.asset_discovery.state import State, settings_of
from workflows.asset_discovery.steps.analysis import analysis_of
from workflows.asset_discovery.steps.dependencies import dependencies_of, names_of
from workflows.asset_discovery.steps.mapping import mappings_of, sensitive_of
from workflows.asset_discovery.steps.validation import inventory_tables
from workflows.asset_discovery.stored import load_frame

_MOST_ROWS = 300


def report_of(state: State) -> str:
    """Return the report of a run that has ended, with or without an inventory."""
    settings = settings_of(state)
    lines = [f"# Asset discovery{f': {escaped(settings.name)}' if settings.name else ''}", ""]
    if problem := state.get("problem"):
        lines += [f"**There is no inventory.** {escaped(problem, 4_000)}", ""]
    elif "inventory" in state:
        lines += [*_overview(state), "", *_analysis(state)]
    lines += [*_files(state), ""]
    if "mapping" in state:
        lines += [*_sensitive(state), "", *_mapping(state), ""]
    return "\n".join(lines).rstrip() + "\n"


def _overview(state: State) -> Iterator[str]:
    counted = state["figures"]
    read, clean, kept = counted["validation"], counted["cleansing"], counted["inventory"]
    yield f"**{kept['assets']:,} assets** were made of {read['rows']:,} rows in {read['tables']:,} tables."
    yield ""
    yield (
        f"- {read['no_assets']:,} rows are no assets, and {clean['invalid']:,} have no identity or a value that cannot "
        "be right."
    )
    yield f"- {clean['changed']:,} cells were changed, {clean['beyond_form']:,} of them beyond their form."
    yield (
        f"- {kept['duplicates']:,} rows were duplicates; {kept['doubtful']:,} pairs were doubtful, and people merged "
        f"{len(state['joined']):,} of them."
    )
    yield ""
    yield (
        f"{code('problems.csv')} lists every row and cell that was not taken as it is, and {code('changes.csv')} every "
        "changed cell, each with its place in its file."
    )


def _analysis(state: State) -> Iterator[str]:
    """The sections about dependencies and the analysis."""
    assets = load_frame(state["inventory"]["inventory"])
    yield from dependency_words(dependencies_of(state, assets))
    yield ""
    yield from analysis_words(analysis_of(state), names_of(assets))


def _files(state: State) -> list[str]:
    rows = [
        (
            escaped(item["name"]), f"{item['rows_total']:,}", f"{item['columns']:,}",
            f"{item['problems'].get('structure', 0):,}", f"{item['problems'].get('hazard', 0):,}",
            escaped(item["other"] or "; ".join(item["notes"]), 1_000),
        )
        for item in state["tables"]
    ]  # fmt: skip
    return ["## What was read", "", *table(("Table", "Rows", "Columns", "No assets", "Hazards", "Remarks"), rows)]


def _sensitive(state: State) -> Iterator[str]:
    """How the data is classified, and what follows from that."""
    yield "## Sensitive data"
    found = sensitive_of(state)
    level = max((Sensitivity(item["level"]) for item in found), key=lambda one: one.rank, default=Sensitivity.INTERNAL)
    yield ""
    yield f"The data is **{level.value}**."
    yield ""
    yield from (f"- {words}" for words in OBLIGATIONS[level].words)
    rows = [
        (escaped(table_read["name"]), code(column), Sensitivity(classified).value, escaped(reason))
        for table_read, item in zip(inventory_tables(state), found, strict=True)
        for column, classified, reason in item["columns"]
    ]
    if rows:
        yield ""
        yield from table(("Table", "Column", "Class", "Reason"), rows[:_MOST_ROWS])


def _mapping(state: State) -> list[str]:
    lines = ["## Mapping"]
    tables = inventory_tables(state)
    for item, mapping in zip(tables, mappings_of(state), strict=True):
        rows = [
            (code(column.column), FACTS[column.field].title, f"{column.confidence * 100:.0f} %", escaped(column.reason))
            for column in mapping.columns[:_MOST_ROWS]
        ]
        lines += ["", f"### {escaped(item['name'])}", "", *table(("Column", "Field", "Confidence", "Reason"), rows)]
        if (more := len(mapping.columns) - _MOST_ROWS) > 0:
            lines += ["", f"{more:,} further columns are not listed."]
    return lines
