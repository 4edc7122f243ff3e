"""Deliveries and destinations over REST. Adding and changing destinations takes the page, which shows secrets."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.api.models import Empty, Output, Time, TimeIn
from app.api.paging import PageQuery, page_of
from app.api.registry import ApiCall, EndpointTable
from app.domain.notices import Channel, DeliveryState, NoticeKind
from app.domain.tokens import Scope
from app.http.body import Input, PlainText, QueryArguments
from app.services.notifications.deliveries import DeliveryFilter, DeliveryRow
from app.services.notifications.destinations import DestinationView
from assent.contracts import RiskLevel

table = EndpointTable()
READ, WRITE = (Scope.DELIVERIES_READ,), (Scope.DELIVERIES_WRITE,)


class DeliveryQuery(QueryArguments):
    """Filters for deliveries."""

    state: DeliveryState | None = None
    kind: NoticeKind | None = None
    text: PlainText = Field(default="", max_length=200, description="Part of a name, address, subject, or title")
    request_id: PlainText = Field(default="", max_length=200)
    destination_id: PlainText = Field(default="", max_length=200)
    cursor: PlainText = Field(default="", max_length=200)


class DeliveryOut(Output):
    """A delivery of a notification to a person or a destination."""

    id: str
    kind: NoticeKind
    channel: Channel
    state: DeliveryState
    reason: str
    name: str = Field(description="Name of the person or destination")
    person_id: str | None
    destination_id: str | None
    request_id: str | None
    title: str = Field(description="Title of the request; empty without one")
    address: str
    subject: str
    attempts: int
    created_at: Time
    due_at: Time
    sent_at: Time | None


class DeliveryList(Output):
    """List deliveries, newest first."""

    items: list[DeliveryOut]
    next_cursor: str | None


class DestinationOut(Output):
    """A destination, without its secrets."""

    id: str
    channel: Channel
    name: str
    address: str = Field(description="The address without possible secrets")
    topics: list[str] = Field(description="Empty: all")
    least_risk: RiskLevel
    team: str | None
    failures: int = Field(description="Consecutive failed attempts")
    disabled_at: Time | None
    disabled_reason: str
    created_at: Time


class DestinationList(Output):
    """Destinations, oldest first."""

    items: list[DestinationOut]
    next_cursor: str | None


class MissedSince(Input):
    """The time from which missed events are sent again."""

    since: TimeIn


class DeliveriesAgain(Input):
    """Which of the deliveries that failed or are being retried are sent again; empty: all of them."""

    kind: NoticeKind | None = None
    text: PlainText = Field(default="", max_length=200, description="Part of a name, address, subject, or title")
    request_id: PlainText = Field(default="", max_length=200)
    destination_id: PlainText = Field(default="", max_length=200)


class SentAgain(Output):
    """How many notifications are sent again."""

    number: int


class TestSent(Output):
    """The delivery of a test."""

    delivery_id: str


@table.add("GET", "/deliveries", DeliveryList, query=DeliveryQuery, scopes=READ)
def list_deliveries(call: ApiCall) -> Any:
    """List deliveries, newest first."""
    asked = call.query
    wanted = DeliveryFilter(asked.state, asked.kind, asked.text, asked.request_id, destination_id=asked.destination_id)
    page = call.portal.services.deliveries.page(call.actor, wanted, asked.cursor)
    return {"items": [_delivery(row) for row in page.rows], "next_cursor": page.next_before or None}


@table.add("GET", "/deliveries/<hex:id>", DeliveryOut, scopes=READ)
def get_delivery(call: ApiCall) -> Any:
    """Read a delivery."""
    return _delivery(call.portal.services.deliveries.get(call.actor, call.id))


@table.add("POST", "/deliveries/<hex:id>/again", DeliveryOut, body=Empty, scopes=WRITE)
def send_delivery_again(call: ApiCall) -> Any:
    """Send a delivery now that failed or is being retried, or any delivery to a webhook."""
    call.portal.services.deliveries.again(call.actor, call.id)
    return _delivery(call.portal.services.deliveries.get(call.actor, call.id))


@table.add("POST", "/deliveries/again", SentAgain, body=DeliveriesAgain, scopes=WRITE)
def send_deliveries_again(call: ApiCall) -> Any:
    """Send all deliveries now that failed or are being retried, or those of them that match the filters."""
    asked = call.body
    wanted = DeliveryFilter(None, asked.kind, asked.text, asked.request_id, destination_id=asked.destination_id)
    return {"number": call.portal.services.deliveries.all_again(call.actor, wanted)}


@table.add("GET", "/destinations", DestinationList, query=PageQuery, scopes=READ)
def list_destinations(call: ApiCall) -> Any:
    """List destinations: webhooks, team channels, and other services."""
    rows = call.portal.services.destinations.every(call.actor)
    page, cursor = page_of(rows, lambda view: view.row.id, call.query)
    return {"items": [_destination(view) for view in page], "next_cursor": cursor}


@table.add("GET", "/destinations/<hex:id>", DestinationOut, scopes=READ)
def get_destination(call: ApiCall) -> Any:
    """Read a destination."""
    return _destination(call.portal.services.destinations.get(call.actor, call.id))


@table.add("POST", "/destinations/<hex:id>/test", TestSent, body=Empty, scopes=WRITE)
def test_destination(call: ApiCall) -> Any:
    """Send a test to a destination."""
    return {"delivery_id": call.portal.services.destinations.test(call.actor, call.id)}


@table.add("POST", "/destinations/<hex:id>/replay", SentAgain, body=MissedSince, scopes=WRITE)
def replay_destination(call: ApiCall) -> Any:
    """Send missed events to a webhook again."""
    return {"number": call.portal.services.destinations.replay(call.actor, call.id, call.body.since)}


def _delivery(found: DeliveryRow) -> dict[str, Any]:
    row = found.delivery
    own = {name: getattr(row, name) for name in DeliveryOut.model_fields if name not in ("name", "title")}
    return own | {"name": found.name, "title": found.title}


def _destination(view: DestinationView) -> dict[str, Any]:
    row = view.row
    own = {name: getattr(row, name) for name in DestinationOut.model_fields if name not in ("address", "team")}
    return own | {"address": row.shown, "team": row.team_slug}
