"""What people were told, or are to be told, and what they have chosen about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, Text, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.notices import DeliveryState
from app.store.base import Base, CanonicalJSON, Made
from app.store.people import Person


class Destination(Base):
    """A place that is told and is no person: a webhook, the channel of a team, or any other that Apprise reaches.

    Attributes:
        id: 32 hexadecimal digits.
        address: sealed, as it may hold secrets; `shown` is what people see of it.
        topics: of a webhook the kinds of events, of the others the kinds of notices that go there; empty: all.
        least_risk: of the requests that are told; a webhook is told of all.
        team_slug: only what concerns this team is told; None: everything.
        secret: sealed; signs what goes to a webhook, until `former_until` together with `former_secret`.
        failures: how often it failed since it last worked; until `hold_until` it is left alone.
        disabled_at: it is told nothing since, for `disabled_reason`.
        removed_at: it is gone, but for the deliveries that name it.
    """

    __tablename__ = "destinations"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    channel: Mapped[str]
    name: Mapped[str]
    address: Mapped[str]
    shown: Mapped[str]
    topics: Mapped[list[str]] = mapped_column(ARRAY(Text))
    least_risk: Mapped[str]
    team_slug: Mapped[str | None] = mapped_column(ForeignKey("teams.slug"))
    secret: Mapped[str] = mapped_column(default="")
    former_secret: Mapped[str] = mapped_column(default="")
    former_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    hold_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str] = mapped_column(default="")
    removed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    made_by_name: Mapped[str]

    __table_args__ = (CheckConstraint("channel in ('webhook', 'slack', 'apprise')", name="channel"),)


class Callback(Base):
    """Where the agent that asked wants to be called when its request is settled; address and secret are sealed.

    Attributes:
        ag_ui: ``thread_id`` and ``interrupt_id`` of an agent that speaks AG-UI; None: it takes a webhook.
    """

    __tablename__ = "callbacks"

    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"), primary_key=True)
    address: Mapped[str]
    shown: Mapped[str]
    secret: Mapped[str]
    ag_ui: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)


class Delivery(Base):
    """One notice over one channel for one person, for one destination, or for the agent that asked.

    Attributes:
        id: 32 hexadecimal digits.
        key: what it is about; the same is never told twice to the same person over the same channel.
        event_id: the event that caused it; None for a digest.
        in_digest: it is told in the person's next digest, which is a delivery of its own.
        digest: of the payload that the link is bound to.
        reason: why it failed, is tried again, or is not sent.
        due_at: when it is tried next; `first_due_at` when it was tried first.
        reference: the Message-ID, or what the other side calls it.
        text, html: the message, where it is kept because no server is set.
        digest_id: the digest in which it was told.
    """

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str]
    channel: Mapped[str]
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    destination_id: Mapped[str | None] = mapped_column(ForeignKey("destinations.id"))
    request_id: Mapped[str | None] = mapped_column(ForeignKey("approval_requests.id"))
    event_id: Mapped[int | None] = mapped_column(BigInteger)
    on_behalf_of: Mapped[str] = mapped_column(default="")
    digest: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    in_digest: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    first_due_at: Mapped[datetime]
    due_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    link_expires_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    reference: Mapped[str] = mapped_column(default="")
    text: Mapped[str | None]
    html: Mapped[str | None]
    digest_id: Mapped[str | None]

    @property
    def kept(self) -> bool:
        """True if the message is in the outbox instead of with its recipient."""
        return self.text is not None or self.html is not None

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(state.value) for state in DeliveryState)})", name="state"),
        CheckConstraint(
            "num_nonnulls(person_id, destination_id) = case kind when 'callback' then 0 else 1 end", name="one_receiver"
        ),
        Index("ix_deliveries_created", "created_at", "id"),
        Index("ix_deliveries_state", "state", "created_at", "id"),
        Index("ix_deliveries_request", "request_id", "created_at"),
        Index("ix_deliveries_person", "person_id", "created_at"),
        Index(
            "ix_deliveries_destination", "destination_id", "created_at",
            postgresql_where=sql("destination_id is not null"),
        ),
        Index(
            "ix_deliveries_kept", "created_at", "id", postgresql_where=sql("html is not null or text is not null")
        ),
    )  # fmt: skip


class UnplannedEvent(Base):
    """An event that may concern people, until it is known whom it does; a trigger on `events` writes it.

    Attributes:
        due_at: when it is planned, a little after the event.
        tries: how often that has failed.
    """

    __tablename__ = "unplanned_events"

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0, server_default="0")


class NotifyChoices(Base):
    """What a person has chosen, as `app.domain.choices.Choices` writes it; without a row all is as by default."""

    __tablename__ = "notify_choices"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    body: Mapped[Any] = mapped_column(CanonicalJSON)
    updated_at: Mapped[datetime]


class SlackPerson(Made, Base):
    """The Slack user that somebody has linked with their account; the others are found by their email address."""

    __tablename__ = "slack_people"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    slack_user: Mapped[str] = mapped_column(Text, unique=True)
    slack_name: Mapped[str]
    linked_at: Mapped[datetime]


class SlackCode(Base):
    """A single-use code with which a Slack user is linked; only its hash is kept."""

    __tablename__ = "slack_codes"

    code_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    slack_user: Mapped[str]
    slack_name: Mapped[str]
    expires_at: Mapped[datetime]


class SlackCall(Base):
    """A signed call of Slack that was taken; it is not taken twice."""

    __tablename__ = "slack_calls"

    signature: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime]


RECIPIENT_NAME = func.coalesce(Person.name, Destination.name, "the agent that asked")
"""What the recipient of a delivery is called, in a query that joins `Person` and `Destination`."""
