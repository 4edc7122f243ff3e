"""Desks whose requests need what a test says, and people in teams."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.domain.people import Actor, Role, Via
from app.domain.policy.facts import Facts, StrictDefault
from app.domain.policy.terms import Stage, Terms
from app.services.approvals.manager import CheckpointManager
from app.services.reading.pages import RequestView, Views
from app.store.policies import Absence
from app.store.record import Event
from app.store.requests import ApprovalRequest
from tests.factories import make_person
from tests.services.desk import Desk, assess_words

DBA = Stage(name="DBA", teams=("dba",))
SECURITY = Stage(name="Security", teams=("security",))
ANYONE = Stage()


def terms(*stages: Stage, **values: Any) -> Terms:
    """A day, and these stages."""
    return Terms(**{"name": "test rule", "stages": stages or (ANYONE,), "deadline_seconds": 86_400} | values)


class Ruled(StrictDefault):
    """A policy that is one function."""

    def __init__(self, rule: Callable[[Facts], Terms]) -> None:
        self._rule = rule

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        return self._rule(facts)


def ruled(desk: Desk, rule: Terms | Callable[[Facts], Terms]) -> Desk:
    """The desk with a policy under which requests need these terms, whatever version they ask for."""
    policy = Ruled(rule if callable(rule) else lambda facts: rule)
    manager = CheckpointManager(desk.sessions, desk.clock, assess_words, lambda: policy, lambda version: policy)
    return dataclasses.replace(desk, checkpoints=manager)


def member(desk: Desk, name: str, *teams: str, roles: Iterable[Role] = (Role.REVIEWER,), **values: Any) -> Actor:
    """Somebody in these teams."""
    actor = make_person(desk.sessions, name, roles, teams).as_actor(Via.PAGE, "192.0.2.7")
    return dataclasses.replace(actor, **values)


def away(desk: Desk, absent: Actor, delegate: Actor | None, begins: float = -1, ends: float = 8, **values: Any) -> None:
    """Somebody is absent from so many hours from now until so many hours from now."""
    now = desk.clock()
    with desk.sessions.begin() as session:
        session.add(
            Absence(
                id=str(uuid.uuid4()), person_id=absent.id, delegate_id=delegate.id if delegate else None,
                starts_at=now + timedelta(hours=begins), ends_at=now + timedelta(hours=ends), created_at=now,
                created_by_id=absent.id, **{"confirmed_at": now} | values,
            )
        )  # fmt: skip


def seen(desk: Desk, request: ApprovalRequest, viewer: Actor) -> RequestView:
    """The request's page as the viewer gets it."""
    return Views(desk.sessions, desk.clock).request(request.id, viewer)


def happened(desk: Desk, request: ApprovalRequest) -> list[dict[str, Any]]:
    """What open pages were told of the request, as the payloads of its events."""
    with desk.sessions() as session:
        query = select(Event.payload).where(Event.request_id == request.id, Event.kind == "request.changed")
        return list(session.scalars(query.order_by(Event.id)))
