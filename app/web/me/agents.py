"""How coding agents are set up so that their tool calls are decided here."""

from __future__ import annotations

from typing import Any

from app.domain.people import Action, Via
from app.http.identity import current_actor
from app.http.runtime import portal, services
from app.web.pages import render, web
from assent.hooks.setup import SETUPS


@web.get("/coding-agents")
def coding_agents() -> Any:
    """The page for all agents, and who decides about calls of an agent that you are responsible for."""
    actor = current_actor()
    others = [
        person
        for person in services().people.everybody()
        if person.active and person.id != actor.id and person.as_actor(Via.PAGE).may(Action.DECIDE)
    ]
    return render(
        "coding_agents.html", setups=list(SETUPS.values()), address=portal().settings.public_url.rstrip("/"),
        others=len(others), may_make=actor.may(Action.MANAGE_TOKENS),
    )  # fmt: skip
