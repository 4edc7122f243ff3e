"""Language models for steps that can use one: by task and accuracy, within a budget, and never without another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assent.late_exports import late_exports

if TYPE_CHECKING:
    from assent.models.answers import Answer, ProposedCall, Way, aask, ask
    from assent.models.budgets import Budget
    from assent.models.errors import ModelBudgetError, StoppedByPeopleError
    from assent.models.tasks import Accuracy, Task
    from assent.models.tiers import configured

__all__ = [
    "Accuracy",
    "Answer",
    "Budget",
    "ModelBudgetError",
    "ProposedCall",
    "StoppedByPeopleError",
    "Task",
    "Way",
    "aask",
    "ask",
    "configured",
]

_MODULES = {
    "answers": "Answer ProposedCall Way aask ask",
    "budgets": "Budget",
    "errors": "ModelBudgetError StoppedByPeopleError",
    "tasks": "Accuracy Task",
    "tiers": "configured",
}
__getattr__ = late_exports(__name__, _MODULES)
