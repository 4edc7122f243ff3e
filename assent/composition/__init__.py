"""Workflows in YAML: read strictly, checked against the schemas of their tools, and compiled to LangGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assent.composition.loading import load_workflow
    from assent.composition.mistakes import CompositionError, Mistake

__all__ = ["CompositionError", "Mistake", "load_workflow"]

_HOMES = {"load_workflow": "loading", "CompositionError": "mistakes", "Mistake": "mistakes"}


def __getattr__(name: str) -> Any:
    # Loaded when it is used, like the package `assent` itself: policies use the CEL evaluator of this package alone.
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"assent.composition.{_HOMES[name]}"), name)
    return found
