"""The assessment of a request: what it needs, how complex that is, and which tools and workflows it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assent.effects import Effect
from assent.plans import Complexity, PlanAssessment, PlanRequirement, PlanStep
from workflows.coordinator.needs import Need

_MANY_STEPS, _SEVERAL_STEPS = 8, 3
_MANY_NEEDS = 3
_MOST_REASONS, _MOST_NOT_PLANNED = 20, 14


def assessed(
    needs: Sequence[Need], steps: Sequence[PlanStep], used: Mapping[str, str], not_planned: Sequence[str] = ()
) -> PlanAssessment:
    """Return the assessment of a request with the plan that was made for it.

    Args:
        used: why each tool and workflow is used, by its name with its version.
        not_planned: the parts of the request that no step covers, each with why.
    """
    destroying = [step.title for step in steps if step.effect is Effect.DESTROY]
    changing = [step.title for step in steps if step.effect is not Effect.READ]
    workflows = {step.workflow for step in steps if step.workflow}
    high, medium = [], []
    if destroying:
        high.append(f"{_listed(destroying)} may not be undone.")
    if len(steps) >= _MANY_STEPS:
        high.append(f"It takes {len(steps)} steps.")
    elif len(steps) >= _SEVERAL_STEPS:
        medium.append(f"It takes {len(steps)} steps.")
    if len(needs) >= _MANY_NEEDS:
        high.append(f"{len(needs)} things are needed.")
    elif len(needs) > 1:
        medium.append(f"{len(needs)} things are needed.")
    if changing and not destroying:
        medium.append(f"{_listed(changing)} may change something.")
    if workflows:
        medium.append("It runs whole workflows as its parts.")
    reasons = [*high, *medium] or ["A single step that only reads is enough." if len(steps) == 1 else "It only reads."]
    tools = {step.tool: used.get(step.tool, "") for step in steps if step.tool}
    named = {name: reason for name, reason in used.items() if name.partition("@")[0] in workflows}
    return PlanAssessment(
        complexity=Complexity.HIGH if high else Complexity.MEDIUM if medium else Complexity.LOW,
        reasons=[*_said_not_planned(not_planned), *reasons][:_MOST_REASONS],
        tools=_requirements(tools), workflows=_requirements(named),
    )  # fmt: skip


def _said_not_planned(parts: Sequence[str]) -> list[str]:
    shown = [f"Not planned: {part[:500]}" for part in parts[:_MOST_NOT_PLANNED]]
    left = len(parts) - len(shown)
    return [*shown, f"Not planned: {left} more parts of the request."] if left else shown


def _requirements(found: Mapping[str, str]) -> list[PlanRequirement]:
    return [PlanRequirement(name=name[:250], reason=reason[:2_000]) for name, reason in found.items()]


def _listed(titles: Sequence[str]) -> str:
    shown = [f"“{title}”" for title in dict.fromkeys(titles)]
    return ", ".join(shown[:3]) + (f", and {len(shown) - 3} more" if len(shown) > 3 else "")


def first_look(needs: Sequence[Need], matches: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return what each need may be served by, the best first, as JSON for the run's state."""
    return [
        {
            "need": need.text,
            "changes": need.changes,
            "candidates": [
                {"name": match.name, "score": match.score, "reason": match.reason} for match in matches[need.text]
            ],
        }
        for need in needs
    ]
