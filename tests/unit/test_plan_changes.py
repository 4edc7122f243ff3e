"""What reviewers may change about a plan, and what a plan is to policies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.changes import apply_change
from app.domain.errors import InvalidInputError
from app.domain.plans import requires
from app.domain.policy.facts import Facts, Requester
from app.domain.policy.parser import read_policy
from app.domain.policy.rules import CompiledPolicy
from app.domain.policy.verdicts import Decide, Ruling
from app.domain.proposal_text import lines_of
from app.risk.assess import assess_proposal
from assent.contracts import Plan, RiskLevel, proposal_adapter
from tests.factories import plan
from tests.thorough import examples
from tests.unit.test_plans import step


def ids(*names: str, **inputs: dict[str, Any]) -> dict[str, Any]:
    """A change that keeps these steps, some of them with other inputs."""
    return {"steps": [{"id": name} | ({"inputs": inputs[name]} if name in inputs else {}) for name in names]}


def kept(change: dict[str, Any]) -> list[str]:
    return [step["id"] for step in apply_change(plan(), change)["steps"]]


def test_steps_are_left_out_and_moved() -> None:
    assert kept(ids("find", "measure", "report")) == ["find", "measure", "report"]
    assert kept(ids("report", "find", "measure", "drop")) == ["report", "find", "measure", "drop"]


def test_inputs_are_edited_and_checked_against_their_schema() -> None:
    changed = apply_change(plan(), ids("find", "measure", "drop", "report", find={"days": 30}))
    assert changed["steps"][0]["inputs"] == {"days": 30}
    literal = apply_change(plan(), ids("measure", "report", measure={"table": "orders"}))
    assert [step["id"] for step in literal["steps"]] == ["measure", "report"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (ids("find", "drop", "report"), "steps.drop", "“Delete its rows” needs “Count rows”, which is left out."),
        (
            ids("measure"), "steps.measure",
            "“Count rows” needs “Find unused tables”, which is left out.",
        ),
        (
            ids("measure", "find", "drop", "report"), "steps.measure",
            "“Count rows” needs “Find unused tables”, which comes later.",
        ),
        (
            ids("drop"), "steps.drop",
            "“Delete its rows” needs “Count rows”, which is left out and “Find unused tables”, which is left out.",
        ),
        (ids(), "steps", "Choose at least one step"),
        (ids("find", "find"), "steps", "A step appears twice."),
        (ids("find", "erase"), "steps.erase", "There is no step 'erase'. To have a step added, request changes."),
        ({"steps": [{"id": "find", "tool": "drop_table"}]}, "steps.find.tool", "Only a step's inputs can be edited."),
        ({"steps": [{"id": "find", "gated": False}]}, "steps.find.gated", "Only a step's inputs can be edited."),
        ({"steps": [{"id": "find", "needs": []}]}, "steps.find.needs", "Only a step's inputs can be edited."),
        ({"steps": ["find"]}, "steps", "The steps are a list of objects with an id."),
        ({"steps": {"find": {}}}, "steps", "The steps are a list of objects with an id."),
        ({"steps": [{"id": "find"}], "title": "x"}, "title", "has the one field 'steps'"),
        ({}, "steps", "has the one field 'steps'"),
        (ids("find", find={"days": 0}), "steps.find.inputs.days", "does not fit the schema"),
        (ids("find", find={"days": "many"}), "steps.find.inputs.days", "does not fit the schema"),
        (ids("find", "measure", measure={}), "steps.measure.inputs.table", "does not fit the schema"),
        ({"steps": [{"id": "find", "inputs": []}]}, "steps.find.inputs", "The inputs must be an object."),
        (ids("find", find={"days": "${x[}"}), "steps.find.inputs.days", "A reference cannot be read"),
        (
            ids("find", find={"days": "${later.days}"}), "steps.find",
            "“Find unused tables” needs 'later', and there is no such step.",
        ),
        (ids("find", "measure", find={"days": "${measure.n}"}), "steps.find", "which comes later"),
        (ids("find", find={"days": "${find.n}"}), "steps.find", "“Find unused tables” needs “Find unused tables”"),
    ],
)  # fmt: skip
def test_what_would_not_be_a_plan_is_refused_with_the_step(change: Any, field: str, words: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        apply_change(plan(), change)
    assert words in str(refused.value)
    assert field in refused.value.extra["fields"]


def test_what_refers_to_an_output_is_not_checked_and_the_rest_is() -> None:
    changed = apply_change(plan(), ids("measure", "find", find={"days": "${measure.n}"}, measure={"table": "a"}))
    assert changed["steps"][1]["inputs"] == {"days": "${measure.n}"}
    with pytest.raises(InvalidInputError) as refused:
        apply_change(plan(), ids("find", "measure", measure={"table": "${find.x}", "other": 1}))
    assert refused.value.extra["fields"].keys() == {"steps.measure.inputs.other"}


def test_inputs_that_are_too_long_are_refused() -> None:
    with pytest.raises(InvalidInputError) as refused:
        apply_change(plan(), ids("find", "measure", measure={"table": "x" * 200_001}))
    words = "Step 2 ('measure'): The inputs have more than 200,000 characters."
    assert str(refused.value) == f"The changed proposal is not valid: {words}"
    assert refused.value.extra["fields"] == {"steps": words}


@st.composite
def plans_and_orders(draw: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    """A valid plan of up to seven steps, and some of these steps in any order."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 7)))]
    steps = []
    for number, name in enumerate(names):
        earlier = st.lists(st.sampled_from(names[:number]), max_size=2) if number else st.just([])
        inputs = {f"f{at}": [f"about ${{{other}.x}}"] for at, other in enumerate(draw(earlier))}
        steps.append(step(name, needs=draw(earlier), inputs=inputs))
    left = set(draw(st.lists(st.sampled_from(names), max_size=2)))
    moved = st.permutations(names).map(lambda order: [name for name in order if name not in left])
    kept = st.just([name for name in names if name not in left])
    any_order = draw(st.one_of(moved, kept, st.lists(st.sampled_from(names), max_size=8)))
    return {"kind": "plan", "title": "x", "steps": steps}, any_order


@settings(max_examples=examples(1_000), deadline=None)
@given(plans_and_orders())
def test_a_choice_and_order_is_taken_exactly_if_it_is_a_plan_again(given_: tuple[dict[str, Any], list[str]]) -> None:
    document, order = given_
    steps = {step["id"]: step for step in document["steps"]}
    fits = bool(order) and len(set(order)) == len(order)
    fits = fits and all(set(requires(steps[name])) <= set(order[:at]) for at, name in enumerate(order))
    try:
        changed = apply_change(document, ids(*order))
    except InvalidInputError as error:
        assert not fits
        assert error.extra["fields"]
        with pytest.raises(ValidationError):
            proposal_adapter.validate_python(document | {"steps": [steps[name] for name in order]})
    else:
        assert fits
        assert changed == document | {"steps": [steps[name] for name in order]}
        assert isinstance(proposal_adapter.validate_python(changed), Plan)


def test_messages_say_everything_that_would_be_done() -> None:
    assert lines_of("plan", plan()) == [
        "1. Find unused tables:",
        "  find_unused@1.0; only reads",
        "  {",
        '    "days": 90',
        "  }",
        "2. Count rows:",
        "  count_rows@1.0; only reads",
        "  {",
        '    "table": "${find.tables[0]}"',
        "  }",
        "3. Delete its rows:",
        "  delete_rows@2.1; destroys something; requires its own approval; needs measure",
        "  {",
        '    "table": "${find.tables[0]}"',
        "  }",
        "4. Write the report:",
        "  workflow table_report; changes something; requires its own approval",
    ]


POLICY = """
version: 1
reading_tools:
  count_rows: It counts rows.
  find_unused: It lists tables.
rules:
  - name: Counting
    when: 'understood && risk.rank <= 1 && tool == "count_rows"'
    decide: approve
    until: 2026-12-31
    reason: It only counts.
  - name: Short searches
    when: 'understood && risk.rank <= 1 && tool == "find_unused" && args.days < 100'
    decide: approve
    until: 2026-12-31
    reason: It only looks.
  - name: Dropping
    when: 'tool == "delete_rows"'
    ask: {teams: [dba], quorum: 2}
    deadline: 1 hour
  - name: Plans
    when: 'kind == "plan"'
    ask: {teams: [planners]}
    deadline: 2 hours
"""


def ruling(steps: list[dict[str, Any]]) -> Ruling:
    """What the policy says about a plan of these steps."""
    document = plan() | {"steps": steps}
    policy = CompiledPolicy(read_policy(POLICY, "policies.yaml"), 1)
    found = assess_proposal(document, policy.reading_tools)
    facts = Facts.of(document, found, workflow="tidy", node="propose", agent="", requester=Requester())
    return policy.ruling(facts, datetime(2026, 11, 30, tzinfo=UTC))


def some(*names: str) -> list[dict[str, Any]]:
    """Steps of the plan."""
    return [step for step in plan()["steps"] if step["id"] in names]


def test_no_step_slips_past_its_rule_inside_a_plan() -> None:
    together = ruling(plan()["steps"]).terms
    assert together.name == "Plans and Dropping"
    assert {team for stage in together.stages for team in stage.teams} == {"dba", "planners"}
    assert together.deadline_seconds == 3_600
    assert ruling(some("find", "report")).terms.name == "Plans"


def test_a_plan_is_decided_at_once_only_if_each_of_its_steps_is() -> None:
    decision = ruling(some("find", "measure")).decision
    assert decision is not None
    assert decision.verdict is Decide.APPROVE
    assert ruling(some("find", "measure", "report")).decision is None


def test_nothing_is_known_of_inputs_that_refer_to_outputs() -> None:
    find, measure = some("find", "measure")
    measure["inputs"] = {"table": "orders"}
    assert ruling([measure, find]).decision is not None
    assert ruling([measure, find | {"inputs": {"days": "${measure.n}"}}]).decision is None


def test_findings_name_the_step() -> None:
    found = assess_proposal(plan())
    assert found.level is RiskLevel.HIGH
    assert not found.understood
    assert {finding.item for finding in found.findings if finding.rule == "plan.destroys"} == {"drop"}
    assert {finding.item for finding in found.findings if finding.rule == "plan.workflow"} == {"report"}
    left = assess_proposal(apply_change(plan(), ids("find", "measure")))
    assert left.level is RiskLevel.LOW
