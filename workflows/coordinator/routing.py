"""The router's word on a clause that nothing serves by its own words: which workflow its symptoms point to."""

from __future__ import annotations

from collections.abc import Mapping

from assent.workflow import Workflow
from workflows.coordinator.matching import Match, Route
from workflows.coordinator.registered import NAME

SURE = 0.8
"""The confidence from which on the router decides."""


def router_of(workflows: Mapping[str, Workflow]) -> Route | None:
    """Return what asks the router, with the titles of these workflows; None: it cannot be used here."""
    try:
        from assent.routing.router import Router
    except ImportError:
        return None
    router = Router({name: workflow.title for name, workflow in workflows.items()})

    def route(text: str) -> tuple[Match | None, str]:
        try:
            answer = router.route(text)
        except ImportError:
            return None, ""
        name = answer.workflow
        if name is None or name == NAME or answer.confidence < SURE:
            return None, ""
        if name not in workflows:
            return None, f"the workflow {name} would fit, and is not installed."
        return Match(name, round(answer.confidence, 4), (), answer.reason), ""

    return route
