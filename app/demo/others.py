"""Proposals of other kinds: questions, plans, settings as JSON."""

from __future__ import annotations

from assent.contracts import Custom, Plan, Question, Urgency
from assent.effects import Effect
from assent.plans import Complexity, PlanAssessment, PlanStep

LAYOUT = {
    "type": "object",
    "properties": {
        "group": {
            "type": "string",
            "title": "Who sees it first",
            "enum": ["Staff only", "1 % of all visitors", "New customers"],
        },
        "days": {"type": "integer", "title": "For how many days", "minimum": 1, "maximum": 30, "default": 7},
        "stop_below": {
            "type": "number",
            "title": "Stop if orders fall by more than (in %)",
            "minimum": 0,
            "maximum": 100,
        },
        "notes": {"type": "string", "title": "Notes"},
    },
    "required": ["group", "days"],
}
DISCOUNT = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "title": "Code"},
        "percent": {"type": "number", "minimum": 0, "maximum": 50, "title": "Percent"},
        "categories": {"type": "array", "items": {"type": "string"}, "title": "Categories"},
        "ends": {"type": "string", "format": "date", "title": "Ends"},
        "combines": {"type": "boolean", "title": "Can be combined with others"},
    },
    "required": ["code", "percent", "ends"],
}


def who_first() -> Question:
    """A question with a form."""
    return Question(
        title="Who gets the new checkout?",
        environment="production",
        question="The new checkout is ready, and all tests pass. Orders can be compared with the old one from the "
        "first day. Who should see it first, and when should I stop by myself?",
        answer_schema=LAYOUT,
    )


def question(title: str, words: str) -> Question:
    """A short question."""
    return Question(title=title, question=words)


def discount(code: str, percent: float, ends: str, categories: list[str]) -> Custom:
    """A setting as JSON, with a schema."""
    return Custom(
        title=f"{percent:g} % off: {code}",
        environment="production",
        summary="From the plan of the marketing team.",
        data_schema=DISCOUNT,
        data={"code": code, "percent": percent, "categories": list(categories), "ends": ends, "combines": False},
    )


def thresholds() -> Custom:
    """A setting as JSON, without a schema."""
    return Custom(
        title="Raise scanner thresholds",
        environment="staging",
        urgency=Urgency.LOW,
        data={
            "scanners": {"battery_percent": {"warn": 20, "alarm": 10}, "silent_minutes": 15},
            "notify": ["warehouse"],
        },
    )


def retention() -> Custom:
    """Another setting as JSON."""
    return Custom(
        title="Keep build results for 30 days instead of 90",
        environment="staging",
        data={"retention": {"builds": {"days": 30}, "releases": {"days": 365}, "nightly": {"days": 7}}},
    )


def move_export() -> Plan:
    """A plan whose steps can be left out or moved."""
    return Plan(
        title="Move the nightly export",
        environment="staging",
        goal="The exports should go to the new storage, without a night without an export.",
        summary="Each step that changes something asks again before it is carried out.",
        assessment=PlanAssessment(
            complexity=Complexity.MEDIUM,
            reasons=["Two systems", "Must not miss a night"],
        ),
        steps=[
            PlanStep(
                id="measure",
                title="Measure the last seven exports",
                tool="list_files@1",
                effect=Effect.READ,
                inputs={"folder": "/exports/nightly", "newest": 7},
                gated=False,
                estimated_seconds=5,
                reason="To know how much space a week takes.",
            ),
            PlanStep(
                id="bucket",
                title="Create the folder on the new storage",
                tool="create_folder@2",
                effect=Effect.WRITE,
                inputs={"storage": "archive-2", "name": "nightly"},
                estimated_seconds=3,
            ),
            PlanStep(
                id="copy",
                title="Copy the last seven exports",
                tool="copy_files@1",
                effect=Effect.WRITE,
                inputs={"from": "/exports/nightly", "to": "archive-2/nightly", "files": "${measure.names}"},
                needs=["bucket"],
                estimated_seconds=900,
            ),
            PlanStep(
                id="switch",
                title="Let the export write to the new storage",
                tool="update_setting@1",
                effect=Effect.WRITE,
                inputs={"setting": "export.target", "value": "archive-2/nightly"},
                needs=["copy"],
                estimated_seconds=2,
                reason="From the next night on.",
            ),
            PlanStep(
                id="label",
                title="Label the old exports for removal in 30 days",
                tool="update_labels@1",
                effect=Effect.WRITE,
                inputs={"folder": "/exports/nightly", "labels": {"remove_in_days": 30}},
                needs=["switch"],
                estimated_seconds=20,
            ),
        ],
    )
