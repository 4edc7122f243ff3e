"""Language models for steps that can use one: by task and accuracy, within a budget, and never without another way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    # Loaded when it is used, like the package `assent` itself.
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"assent.models.{_HOMES[name]}"), name)
    return found
