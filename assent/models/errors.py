"""Errors around models. No failure of a model is one: then the step's other way is taken."""

from __future__ import annotations

from assent.errors import AssentError


class StoppedByPeopleError(AssentError):
    """People stopped the run when its budget for models was used up. The run fails; its step is not repeated."""


class ModelBudgetError(AssentError):
    """The budget is not valid; the message says why."""
