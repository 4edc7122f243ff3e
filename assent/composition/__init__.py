"""Workflows in YAML: read strictly, checked against the schemas of their tools, and compiled to LangGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assent.late_exports import late_exports

if TYPE_CHECKING:
    from assent.composition.loading import load_workflow
    from assent.composition.mistakes import CompositionError, Mistake

__all__ = ["CompositionError", "Mistake", "load_workflow"]

# Policies use the CEL evaluator of this package alone.
_MODULES = {"loading": "load_workflow", "mistakes": "CompositionError Mistake"}
__getattr__ = late_exports(__name__, _MODULES)
