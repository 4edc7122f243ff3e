"""The second phase: which column means which field; people decide what is doubtful."""

from __future__ import annotations

from collections.abc import Sequence

from assent import Outcome, ReceiptStatus, Situation, Verdict, report_receipt
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.gates.mapping import decided, mapping_gate, words_of
from workflows.asset_discovery.mapped import Mapping
from workflows.asset_discovery.mapping import map_table, situation_of
from workflows.asset_discovery.personal.classification import Classification, classify
from workflows.asset_discovery.personal.columns import recognize
from workflows.asset_discovery.personal.kinds import PersonalColumn, Sensitivity
from workflows.asset_discovery.personal.masking import masked_mapping
from workflows.asset_discovery.state import Json, State, figures_with, settings_of
from workflows.asset_discovery.steps.validation import inventory_tables
from workflows.asset_discovery.stored import load_json, load_table, mapping_json, mapping_of, save_json
from workflows.asset_discovery.tables import Table
from workflows.asset_discovery.working import Work

_MAPPINGS = "mapping"
_CHANGES = "Changes were requested; the table is proposed again."


def map_columns(state: State) -> State:
    """Map the columns of each table, and prepare what people decide."""
    tables = inventory_tables(state)
    work = Work(sum(table["columns"] for table in tables), {"columns": 0, "doubtful": 0})
    settings = settings_of(state)
    kept: list[Json] = []
    for table in tables:
        with work.piece(f"Mapping {table['name']}", table["columns"]):
            opened = load_table(table)
            mapping = map_table(opened)
            personal = recognize(opened, mapping)
            masked = masked_mapping(mapping, personal)
            kept.append({
                "mapping": mapping_json(masked), "situations": situations_of(opened, masked, personal),
                "sensitive": _sensitive(classify(opened, personal, mapping), personal),
            })  # fmt: skip
        work.count(columns=len(mapping.columns), doubtful=len(mapping.doubtful(settings.threshold)))
    work.finish()
    mappings = [mapping_of(item["mapping"]) for item in kept]
    situations = [[Situation.model_validate(one) for one in item["situations"]] for item in kept]
    return {
        "mapping": save_json(f"{_MAPPINGS}-0", kept),
        "proposal": _proposal(state, mappings, situations),
        "figures": figures_with(state, "mapping", **work.figures),
    }


def situations_of(table: Table, mapping: Mapping, personal: Sequence[PersonalColumn]) -> list[Json]:
    """Return the situation of each column, for lessons, in which values of people are masked."""
    by_key = {column.key: column for column in table.columns}
    of_people = {column.column: column for column in personal}
    return [
        situation_of(table, by_key[column.column], of_people.get(column.column)).model_dump(mode="json")
        for column in mapping.columns
    ]


def _proposal(
    state: State, mappings: Sequence[Mapping], situations: Sequence[Sequence[Situation]], comment: str = ""
) -> Json | None:
    """What people are asked; None if nothing is doubtful, no lesson has changed anything, or nobody is to be asked."""
    settings = settings_of(state)
    if settings.ask_mapping == "never":
        return None
    names = [table["name"] for table in inventory_tables(state)]
    proposal = mapping_gate(names, mappings, situations, settings, comment)
    doubtful = any(mapping.doubtful(settings.threshold) for mapping in mappings)
    if not (doubtful or proposal.lessons or comment or settings.ask_mapping == "always"):
        return None
    return proposal.model_dump(mode="json")


def take_mapping(state: State) -> State:
    """Take over what people have decided; more doubtful columns, or a wish for changes, lead to another request."""
    outcome, settings = Outcome.model_validate(state["outcome"]), settings_of(state)
    kept = load_json(state["mapping"])
    mappings = [mapping_of(item["mapping"]) for item in kept]
    situations = [[Situation.model_validate(one) for one in item["situations"]] for item in kept]
    if outcome.verdict is Verdict.REQUEST_CHANGES:
        report_receipt(outcome, ReceiptStatus.NOT_APPLIED, _CHANGES)
        return {"proposal": _proposal(state, mappings, situations, outcome.comment or "(no comment)"), "outcome": None}
    if not outcome.approved:
        report_receipt(outcome, ReceiptStatus.NOT_APPLIED, "The mapping was rejected, so there is no inventory.")
        return {"proposal": None, "problem": "The mapping of the columns was rejected."}
    proposal = state["proposal"]
    assert proposal is not None
    mappings, changed = decided(proposal, outcome.proposal.model_dump(mode="json")["data"], mappings, settings)
    report_receipt(outcome, ReceiptStatus.APPLIED, words_of(changed, proposal), {"changed": changed})
    for item, mapping in zip(kept, mappings, strict=True):
        item["mapping"] = mapping_json(mapping)
    more = any(mapping.doubtful(settings.threshold) for mapping in mappings)
    figures = state["figures"]["mapping"]
    counted = {**figures, "corrected": figures.get("corrected", 0) + changed}
    return {
        # Never under the name of the file that this step has read: it may have to be read again.
        "mapping": save_json(f"{_MAPPINGS}-{figures.get('rounds', 0) + 1}", kept),
        "proposal": _proposal(state, mappings, situations) if more else None,
        "outcome": None,
        "figures": figures_with(state, "mapping", **counted | {"rounds": figures.get("rounds", 0) + 1}),
    }


def _sensitive(classified: Classification, personal: Sequence[PersonalColumn]) -> Json:
    """Return how a table is classified, as the report shows it."""
    columns = [[item.column, item.sensitivity.value, item.reason] for item in personal]
    return {"level": classified.level.value, "columns": columns}


def sensitive_of(state: State) -> list[Json]:
    """Return how each inventory is classified: its level, and its columns of people with class and reason."""
    usual = {"level": Sensitivity.INTERNAL.value, "columns": []}
    return [item.get("sensitive", usual) for item in load_json(state["mapping"])]


def mappings_of(state: State) -> list[Mapping]:
    """Return the mappings of the inventories, in their order."""
    return [mapping_of(item["mapping"]) for item in load_json(state["mapping"])]


def mapped_fields(mappings: Sequence[Mapping]) -> int:
    """Return how many columns are fields of assets."""
    return sum(column.field is not Field.IGNORE for mapping in mappings for column in mapping.columns)
