"""How each person is notified: as they have chosen, or as the portal does by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.choices import Choices, Way, default_choices
from app.services.notifications.browsers import with_browsers
from app.store.base import among
from app.store.notify import NotifyChoices, NotifyDefault


def choices_of(session: Session, person_ids: Sequence[str]) -> dict[str, Choices]:
    """The preferences of each of these people."""
    query = select(NotifyChoices.person_id, NotifyChoices.body).where(among(NotifyChoices.person_id, person_ids))
    stored = {person_id: Choices.from_json(body) for person_id, body in session.execute(query)} if person_ids else {}
    showing, usual = with_browsers(session, person_ids), default_choices(first_way(session))
    return {person_id: replace(stored.get(person_id, usual), browsers=person_id in showing) for person_id in person_ids}


def first_way(session: Session) -> Way:
    """The way that comes first for everybody who has not chosen."""
    chosen = session.scalar(select(NotifyDefault.way))
    return Way(chosen) if chosen else Way.MAIL
