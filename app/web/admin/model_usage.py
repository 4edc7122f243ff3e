"""What language models have cost: by workflow, agent, model, and day."""

from __future__ import annotations

from typing import Any

from flask import request

from app.domain.errors import InvalidInputError, TookTooLongError
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.usage.figures import MOST_GROUPS, PERIODS, GroupFigures, PeriodFigures
from app.web.pages import render, web


@web.get("/insights/models")
def model_usage() -> Any:
    """Tokens and costs of a period."""
    given, workflow = request.args.get("days") or "30", request.args.get("workflow", "")
    if given not in map(str, PERIODS):
        raise InvalidInputError("The period is 7, 30, or 90 days.", {"days": "must be 7, 30, or 90"})
    common: dict[str, Any] = {"days": int(given), "workflow": workflow, "periods": PERIODS}
    try:
        found = services().model_figures.of_period(current_actor(), int(given), workflow)
    except TookTooLongError as error:
        return render("model_usage.html", status_of(error), found=None, error=error, **common)
    return render("model_usage.html", found=found, error=None, tables=tables_of(found), most=MOST_GROUPS, **common)


def tables_of(found: PeriodFigures) -> list[tuple[str, str, str, list[GroupFigures]]]:
    """The tables of the page: id, heading, what a row is, and rows."""
    return [
        ("workflows", "By workflow", "Workflow", found.by_workflow),
        ("agents", "By agent", "Agent", found.by_agent),
        ("models", "By model", "Model", found.by_model),
        ("days", "By day", "Day (UTC)", found.by_day),
    ]
