"""Notifies people of what has no effect until they confirm it: tokens and absences that others created for their
account, and policy versions that need a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.choices import channels_of
from app.domain.notices import NoticeKind
from app.domain.preferences import zone_of
from app.domain.tokens import Scope
from app.services.notifications.delivery_rows import DeliveryPlan, new_row, write_in
from app.services.notifications.person_choices import choices_of
from app.store.notify import Delivery
from app.store.people import Person
from app.store.policies import Absence, PolicyVersion
from app.store.tokens import ApiToken

TOKEN, ABSENCE, POLICY = "token", "absence", "policy"
"""What must be confirmed; the second part of a delivery's key, whose third part is its id. That of a policy is its
version, a point, and the person's id, because several people are notified of it."""

_UNTIL = "It has no effect until you confirm it. If you did not expect it, decline it."


@dataclass(frozen=True)
class ConfirmationNotice:
    """The text of a notice.

    Attributes:
        page: the path of the page on which to confirm or decline.
    """

    headline: str
    said: str
    page: str


def announce(session: Session, thing: str, thing_id: str, person_id: str, now: datetime) -> None:
    """Notify the person immediately, as part of the transaction that created the thing.

    This uses the channels on which they receive requests for decisions; email if those come later, or not at all.
    """
    person = session.get_one(Person, person_id)
    choices = choices_of(session, [person_id])[person_id]
    rows = [
        new_row(
            f"account:{thing}:{thing_id}:{channel.value}", NoticeKind.ACCOUNT, channel, now, person_id=person_id,
            address=person.email,
        )
        for channel in channels_of(choices.kinds[NoticeKind.ASKED].way, choices.browsers)
    ]  # fmt: skip
    write_in(session, [DeliveryPlan(row) for row in rows])


def to_confirm(session: Session, delivery: Delivery, now: datetime) -> ConfirmationNotice | None:
    """What the person has to confirm; None: nothing any longer."""
    _account, thing, thing_id, _channel = delivery.key.split(":")
    if thing == TOKEN:
        token = session.get(ApiToken, thing_id)
        if token is None or token.confirmed_at or token.revoked_at or token.expires_at <= now:
            return None
        return _about_token(token)
    if thing == POLICY:
        stored = session.get(PolicyVersion, int(thing_id.partition(".")[0]))
        newest = session.scalar(select(func.max(PolicyVersion.version)))
        return _about_policy(stored) if stored is not None and stored.waits and stored.version == newest else None
    absence = session.get(Absence, thing_id)
    if absence is None or absence.confirmed_at or absence.ended_at or absence.ends_at <= now:
        return None
    return _about_absence(session, absence)


def _about_token(token: ApiToken) -> ConfirmationNotice:
    kind = "an agent token you are responsible for" if token.kind == "agent" else "a token in your name"
    may = "; ".join(Scope(scope).words for scope in token.scopes)
    said = f"The token “{token.name}” may: {may}. {_UNTIL}"
    return ConfirmationNotice(f"{token.made_by} created {kind}", said, "/profile/tokens")


def _about_policy(stored: PolicyVersion) -> ConfirmationNotice:
    widens, until = " ".join(stored.widens), "Until somebody confirms it, the former version stays in force."
    said = f"It would decide more without reviewers: {widens} {until}"
    headline = f"Version {stored.version} of the policy, which {stored.loaded_by_name} loaded, needs a second person"
    return ConfirmationNotice(headline, said, f"/policies/{stored.version}")


def _about_absence(session: Session, absence: Absence) -> ConfirmationNotice:
    person = session.get_one(Person, absence.person_id)
    delegate = session.get(Person, absence.delegate_id) if absence.delegate_id else None
    zone = zone_of(person.time_zone) or ZoneInfo("UTC")
    times = [f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}" for at in (absence.starts_at, absence.ends_at)]
    decides = f"{delegate.name} would decide on your behalf" if delegate else "You would have no delegate"
    said = f"From {times[0]} to {times[1]}. {decides}. {_UNTIL}"
    return ConfirmationNotice(f"{absence.made_by} added an absence for you", said, "/absences")
