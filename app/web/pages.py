"""What all pages share: the blueprint, rendering, and the frame with the navigation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, url_for
from flask_login import current_user

from app.domain.errors import InvalidInputError
from app.domain.people import Action, Actor
from app.http.csrf import BY_SIGNATURE
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.reading.queue import OwnWork
from app.services.record.events import position
from app.services.record.exports import ExportFormat

web = Blueprint("web", __name__)
OPEN = BY_SIGNATURE | {
    "web.sign_in_help", "web.sign_in_mail", "web.sign_in_ask", "web.sign_in_redeem", "web.by_link",
    "web.by_link_decide", "web.manifest", "web.service_worker",
}  # fmt: skip
"""Endpoints that work without a session."""
_TYPES = {ExportFormat.CSV: "text/csv", ExportFormat.JSON_LINES: "application/jsonl"}


def is_fragment() -> bool:
    """True if an open page refreshes its content, without the frame."""
    return request.headers.get("X-Fragment") == "1"


def render(template: str, status: int = 200, **values: Any) -> Response:
    """A page, or only its content for an open page that refreshes it."""
    values.setdefault("layout", "fragment.html" if is_fragment() else "base.html")
    body = render_template(template, **values)
    # Payloads may contain lone surrogates, which UTF-8 cannot encode.
    return Response(body.encode("utf-8", "replace"), status, mimetype="text/html")


def see_other(endpoint: str, **values: Any) -> Response:
    """Redirect the browser after an action."""
    return cast(Response, redirect(url_for(endpoint, **values), 303))


def export_format() -> ExportFormat:
    """The format that an export asks for. Raises InvalidInputError."""
    form = request.args.get("format", ExportFormat.CSV.value)
    if form not in set(ExportFormat):
        raise InvalidInputError("Choose csv or jsonl as the format.", {"format": "unknown"})
    return ExportFormat(form)


def download(pieces: Iterator[str], name: str) -> Response:
    """A list as a file, streamed in the format that was asked for; `name` has no ending."""
    form = export_format()
    answer = Response((piece.encode("utf-8", "replace") for piece in pieces), mimetype=_TYPES[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="assent-{name}.{form}"'
    return answer


def address(endpoint: str, query: Mapping[str, str], **values: str) -> str:
    """The URL of a page with query parameters."""
    return url_for(endpoint, **values, **query)  # type: ignore[arg-type]


def day_in(query: Mapping[str, str], name: str) -> datetime | None:
    """The start of a day that a filter names, in UTC; None without one. Raises InvalidInputError."""
    given = query.get(name, "")
    if not given:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError as error:
        raise InvalidInputError("Enter a date such as 2026-11-30.", {name: "This is not a date."}) from error
    if not 1970 <= day.year <= 9000:
        raise InvalidInputError("This date is out of range.", {name: "This is out of range."})
    return datetime.combine(day, time.min, UTC)


@dataclass(frozen=True)
class Frame:
    """What the navigation shows; `own` counts the requests that need the person, None if they cannot decide."""

    actor: Actor
    pending: int
    pending_capped: bool
    live_runs: int
    may_audit: bool
    may_start: bool
    may_manage: bool
    may_be_absent: bool
    tour: bool
    own: OwnWork | None


def frame() -> Frame | None:
    """The navigation's content, read once per HTTP request; None if nobody is signed in."""
    if "frame" not in g:
        g.frame = _frame()
    return cast(Frame | None, g.frame)


def _frame() -> Frame | None:
    if not current_user.is_authenticated:
        return None
    actor = current_actor()
    pending, capped = services().queue.pending_count(actor.id)
    live = services().runs.live_count()
    return Frame(
        actor, pending, capped, live,
        actor.may(Action.READ_AUDIT), actor.may(Action.START_RUN), actor.may(Action.MANAGE_PEOPLE),
        actor.may(Action.BE_ABSENT), is_demo() and current_user.person.tour_closed_at is None,
        services().queue.own(actor) if actor.may(Action.DECIDE) else None,
    )  # fmt: skip


def is_demo() -> bool:
    """True if the database is marked as a demo, which every page says."""
    return services().demo_marks.known


def events_position() -> int:
    """The position up to which events are complete. Read it before the page's content, so that the page misses none."""
    with services().sessions() as session:
        return position(session)


@web.before_request
def _only_signed_in() -> Any:
    if request.endpoint in OPEN or current_user.is_authenticated:
        services().demo_marks.is_marked()  # asked here, so that all pages know it, and those of errors ask nothing
        return None
    return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
