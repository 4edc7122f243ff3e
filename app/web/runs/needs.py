"""Where runs are started: "What do you need?", and all workflows that can be started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, flash, request

from app.domain.errors import AssentError, InvalidInputError, NoWorkerError, TooLargeError
from app.domain.people import Action
from app.http.errors import RateLimitedError, status_of
from app.http.identity import current_actor
from app.http.routing import routed
from app.http.runtime import portal, services
from app.services.routing.texts import LONGEST
from app.store.routing import Routing
from app.web.pages import render, see_other, web
from assent.routing.names import Stage, title_of


@dataclass(frozen=True)
class Offer:
    """A workflow that a text may want.

    Attributes:
        sure: The confidence in percent; None where it says little, which is so for alternatives.
    """

    name: str
    title: str
    reason: str
    installed: bool
    sure: int | None = None


@dataclass(frozen=True)
class Need:
    """A text with its answer, for the page.

    Attributes:
        first: None if the person has to choose.
    """

    id: str
    text: str
    reason: str
    first: Offer | None
    others: list[Offer]


@web.get("/runs/new")
def run_new() -> Any:
    """The workflows that can be started, and the one that fits what somebody needs."""
    actor = current_actor()
    actor.require(Action.START_RUN)
    need_id = request.args.get("need", "")
    return _page(services().routed_texts.get(actor, need_id) if need_id else None)


@web.post("/runs/new")
def run_need() -> Any:
    """Find the workflow that fits what somebody needs."""
    actor = current_actor()
    actor.require(Action.START_RUN)
    # Browsers send line endings as two characters, which count as one in the limit of the field.
    text = request.form.get("need", "").replace("\r\n", "\n").strip()
    if not text:
        return _page(None, InvalidInputError("Write what you need.", {"need": "required"}))
    try:
        found = routed(portal(), actor, text)
    except (NoWorkerError, RateLimitedError, TooLargeError) as error:
        return _page(None, error, text)
    return see_other("web.run_new", need=found.id)


@web.post("/runs/new/need/<need_id>")
def run_choose(need_id: str) -> Any:
    """Choose a workflow for what somebody needs, and open its form."""
    actor = current_actor()
    chosen = request.form.get("workflow", "")
    services().routed_texts.choose(actor, need_id, chosen)
    if chosen in {entry.name for entry in services().runs.catalog()}:
        return see_other("web.run_start_form", workflow=chosen, need=need_id)
    flash(f"{title_of(chosen)} is not installed here. Your choice was noted: ask an administrator for this workflow.")
    return see_other("web.run_new", need=need_id)


def _page(found: Routing | None, error: AssentError | None = None, text: str = "") -> Response:
    runs = services().runs
    workflows = runs.catalog()
    titles = {entry.name: entry.title for entry in workflows}
    return render(
        "run_new.html",
        status_of(error) if error else 200,
        workflows=workflows, broken=runs.broken(), need=_need(found, titles) if found else None, longest=LONGEST,
        text=found.text if found else text, error=error,
    )  # fmt: skip


def _need(found: Routing, titles: dict[str, str]) -> Need:
    answer = found.answer or {}

    def offer(name: str, reason: str, sure: int | None = None) -> Offer:
        return Offer(name, titles.get(name) or title_of(name), reason, name in titles, sure)

    first, reason = answer.get("workflow"), str(answer.get("reason", ""))
    is_guess = answer.get("stage") in (Stage.CLASSIFIER, Stage.MODEL)
    sure = round(100 * float(answer.get("confidence", 0))) if is_guess else None
    return Need(
        found.id,
        found.text,
        reason,
        offer(first, reason, sure) if first else None,
        [offer(other["workflow"], other["reason"]) for other in answer.get("alternatives", [])],
    )
