"""Notifications: destinations, deliveries, and what people have chosen."""

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
    """A recipient that is not a person: a webhook, a team's channel, or another service that Apprise supports.

    Attributes:
        id: 32 hexadecimal digits.
        address: Encrypted, because it may contain secrets; `shown` is the part that people see.
        topics: For a webhook, the kinds of events that it gets; for others, the kinds of notifications. Empty for all.
        least_risk: Minimum risk of requests for which it gets notifications; a webhook gets all.
        team_slug: It is notified only about this team's requests; None for all.
        secret: Encrypted. Signs webhook calls, together with `former_secret` until `former_until`.
        failures: Number of failures since its last success. Nothing is sent to it until `hold_until`.
        disabled_at: When notifications stopped, because of `disabled_reason`.
        removed_at: When it was removed; the row is kept for the deliveries that refer to it.
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


class CallbackRow(Base):
    """The callback of a requesting agent when its request is resolved. Its address and secret are encrypted.

    Attributes:
        ag_ui: ``thread_id`` and ``interrupt_id`` of an agent that speaks AG-UI; None for a webhook.
        conversation: Digest of the agent and the thread; the agent is called with all its answers at once.
    """

    __tablename__ = "callbacks"

    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"), primary_key=True)
    address: Mapped[str]
    shown: Mapped[str]
    secret: Mapped[str]
    ag_ui: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    conversation: Mapped[str | None]

    __table_args__ = (
        Index("ix_callbacks_conversation", "conversation", postgresql_where=sql("conversation is not null")),
    )


class Delivery(Base):
    """One notification over one channel to one person, destination, or requesting agent.

    Attributes:
        id: 32 hexadecimal digits.
        key: Its subject. A person gets at most one notification with the same key over the same channel.
        event_id: The event that caused it; None for a roundup.
        in_digest: It is part of the person's next roundup, which is a delivery of its own.
        digest: Digest of the payload to which the link is bound.
        reason: Why it failed, is retried, or is not sent.
        due_at: Time of the next attempt; `first_due_at` is that of the first one.
        reference: The Message-ID, or the other side's ID of the message.
        text, html: The message, if it is kept because no server is configured.
        digest_id: The roundup that contained it.
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
    """An event whose recipients are not determined yet. A trigger on `events` inserts it.

    Attributes:
        due_at: When its deliveries are planned, a little after the event.
        tries: How often planning has failed.
    """

    __tablename__ = "unplanned_events"

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0, server_default="0")


class NotifyChoices(Base):
    """A person's choices, in the form of `app.domain.choices.Choices`; without a row, the defaults apply."""

    __tablename__ = "notify_choices"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    body: Mapped[Any] = mapped_column(CanonicalJSON)
    updated_at: Mapped[datetime]


class NotifyDefault(Base):
    """The way that comes first for everybody who has not chosen, of `app.domain.choices.Way`; at most one row."""

    __tablename__ = "notify_defaults"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    way: Mapped[str]
    changed_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("id = 1", name="one"),)


class PushSubscription(Base):
    """A browser that shows a person's notifications, until they sign out there.

    Attributes:
        endpoint: Encrypted, because anybody who knows it can have the push service call the browser.
        endpoint_hash: SHA-256 of it, so that a browser is stored once.
        p256dh, auth: Encrypted. The keys for which notifications are encrypted.
        name: Description of the browser, as it identified itself.
    """

    __tablename__ = "push_subscriptions"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    sign_in_id: Mapped[str] = mapped_column(ForeignKey("sign_ins.id", ondelete="CASCADE"), index=True)
    endpoint: Mapped[str]
    endpoint_hash: Mapped[str] = mapped_column(Text, unique=True)
    p256dh: Mapped[str]
    auth: Mapped[str]
    name: Mapped[str]
    created_at: Mapped[datetime]


class SlackPerson(Made, Base):
    """The Slack user that a person has linked to their account. Others are found by their email address."""

    __tablename__ = "slack_people"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    slack_user: Mapped[str] = mapped_column(Text, unique=True)
    slack_name: Mapped[str]
    linked_at: Mapped[datetime]


class SlackCode(Base):
    """A single-use code that links a Slack user; only its hash is stored."""

    __tablename__ = "slack_codes"

    code_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    slack_user: Mapped[str]
    slack_name: Mapped[str]
    expires_at: Mapped[datetime]


class SlackTurn(Base):
    """When the next message may be posted in a channel of Slack, or to a person there.

    Attributes:
        target: The channel or person, or what is limited for all of them.
        held_until: Slack asked us to post nothing before.
    """

    __tablename__ = "slack_turns"

    target: Mapped[str] = mapped_column(Text, primary_key=True)
    next_at: Mapped[datetime]
    held_until: Mapped[datetime | None]


class SlackCall(Base):
    """A signed call from Slack that was accepted, so that it is not accepted twice."""

    __tablename__ = "slack_calls"

    signature: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime]


RECIPIENT_NAME = func.coalesce(Person.name, Destination.name, "the requesting agent")
"""The name of a delivery's recipient, in a query that joins `Person` and `Destination`."""
