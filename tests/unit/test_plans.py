"""Plans: which steps fit together, and what the errors say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from assent import Complexity, Effect, Plan, PlanAssessment, PlanRequirement, PlanStep
from assent.contracts import document_of, proposal_adapter


def step(name: str, **fields: Any) -> dict[str, Any]:
    """A step that reads."""
    return {"id": name, "title": name.capitalize(), "tool": f"{name}@1.0", "effect": "read", "gated": False} | fields


def plan(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A plan of these steps."""
    return {"kind": "plan", "title": "Tidy up", "steps": list(steps)} | fields


TIDY = plan(
    step("find", inputs={"schema": "public"}),
    step("measure", inputs={"table": "${find.rows[0].name}"}),
    step("drop", needs=["measure"], inputs={"table": "${find.rows[0].name}"}, effect="destroy", gated=True),
    goal="Remove tables that nobody uses.",
    assessment={
        "complexity": "medium",
        "reasons": ["Three steps, one of which destroys something."],
        "tools": [{"name": "find@1.0", "reason": "To list the tables."}],
        "workflows": [],
    },
)


def test_a_plan_keeps_everything_that_it_says() -> None:
    made = Plan(
        title="Tidy up",
        goal="Remove tables that nobody uses.",
        assessment=PlanAssessment(
            complexity=Complexity.MEDIUM,
            reasons=["Three steps, one of which destroys something."],
            tools=[PlanRequirement(name="find@1.0", reason="To list the tables.")],
        ),
        steps=[PlanStep.model_validate(one) for one in TIDY["steps"]],
    )
    document = document_of(made)
    assert document == document_of(TIDY)
    assert proposal_adapter.validate_python(document) == made
    assert made.steps[2].effect is Effect.DESTROY
    assert made.steps[2].requires == ["measure", "find"]


def test_a_step_asks_by_itself_unless_the_plan_says_otherwise() -> None:
    assert PlanStep(id="act", title="Act", tool="act", effect=Effect.WRITE).gated


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "at least 1 item"),
        ([step("a", needs=["b"]), step("b")], "Step 1 ('a'): It needs 'b', which comes later."),
        (
            [step("a", inputs={"x": "about ${b.rows}"}), step("b")],
            "Step 1 ('a'): It has inputs that refer to 'b', which comes later.",
        ),
        ([step("a"), step("b", needs=["c"])], "Step 2 ('b'): It needs 'c', and there is no such step."),
        (
            [step("a", inputs={"x": [{"y": "${c.rows}"}]})],
            "Step 1 ('a'): It has inputs that refer to 'c', and there is no such step.",
        ),
        ([step("a", needs=["a"])], "Step 1 ('a'): It needs itself."),
        ([step("a"), step("a")], "The steps 1 and 2 have the same id 'a'."),
        ([step("Drop It")], "Suggested: drop_it."),
        ([step("input")], "Step 1 ('input'): 'input' is a reserved word."),
        ([step("a", workflow="b")], "Step 1 ('a'): A step has either a tool or a workflow."),
        ([step("a", tool="")], "Step 1 ('a'): A step has either a tool or a workflow."),
        ([step("a", inputs={"x": "${b.rows[}"})], "Step 1 ('a'): A reference in the inputs cannot be read:"),
        ([step("a", inputs={"x": "y" * 200_001})], "Step 1 ('a'): The inputs have more than 200,000 characters."),
        ([step(f"s{number}") for number in range(101)], "at most 100 items"),
        ([step("a", effect="maybe")], "'read', 'write' or 'destroy'"),
    ],
)
def test_a_plan_whose_steps_do_not_fit_is_refused_with_the_step(steps: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        proposal_adapter.validate_python(plan(*steps))
    assert words in str(refused.value)


def test_what_looks_like_a_reference_can_be_written_as_text() -> None:
    made = proposal_adapter.validate_python(plan(step("a", inputs={"x": "echo $${HOME}"})))
    assert isinstance(made, Plan)
    assert made.steps[0].requires == []
