"""People, their teams, sign-in links, and sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.people import Actor, Role, Via
from app.domain.preferences import Density, Theme
from app.store.base import Base, CanonicalJSON, Made


class Team(Base):
    """People who share a queue."""

    __tablename__ = "teams"

    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str]


class TeamMember(Base):
    """Membership of a person in a team."""

    __tablename__ = "team_members"

    team_slug: Mapped[str] = mapped_column(ForeignKey("teams.slug", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True)


class PreparedReason(Base):
    """A reason that a team has written beforehand; `use` is a value of `app.domain.prepared_reasons.ReasonUse`."""

    __tablename__ = "prepared_reasons"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    team_slug: Mapped[str] = mapped_column(ForeignKey("teams.slug", ondelete="CASCADE"), index=True)
    use: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime]


class Person(Made, Base):
    """Somebody who signs in.

    Attributes:
        time_zone: IANA name of the zone in which they see times; empty for their browser's.
        theme: A value of `app.domain.preferences.Theme`.
        density: A value of `app.domain.preferences.Density`.
        keys: ``on`` or ``off`` for single-key shortcuts.
        tour_closed_at: When they closed the tour, which a demo shows until then.
        open_next: whether the next request opens after a decision (`app.domain.preferences.OpenNext`).
        makers: Makers of the account, until somebody else vouches for it
            (`app.services.people.accounts.People.make_link`).
    """

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(CanonicalJSON)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    time_zone: Mapped[str] = mapped_column(default="", server_default="")
    theme: Mapped[str] = mapped_column(default=Theme.SYSTEM.value, server_default=Theme.SYSTEM.value)
    density: Mapped[str] = mapped_column(default=Density.COMFORTABLE.value, server_default=Density.COMFORTABLE.value)
    keys: Mapped[str] = mapped_column(default="on", server_default="on")
    tour_closed_at: Mapped[datetime | None]
    open_next: Mapped[str] = mapped_column(default="beside", server_default="beside")
    teams: Mapped[list[Team]] = relationship(secondary="team_members", lazy="selectin", order_by="Team.slug")

    __table_args__ = (Index("uq_people_email", text("lower(email)"), unique=True),)

    def as_actor(self, via: Via, source: str = "") -> Actor:
        """Return the person as an actor."""
        return Actor(
            kind="person",
            id=self.id,
            name=self.name,
            roles=frozenset(Role(role) for role in self.roles),
            teams=frozenset(team.slug for team in self.teams),
            via=via,
            source=source,
            email=self.email,
            account=self.made.counted,
        )


class SavedView(Base):
    """A set of filters of the queue that a person has saved under a name.

    Attributes:
        filters: Arguments of the queue's address.
    """

    __tablename__ = "saved_views"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    name: Mapped[str]
    filters: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("person_id", "name"),)


class SignInLink(Made, Base):
    """A single-use sign-in link; only the hash of its token is stored."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignIn(Made, Base):
    """A session in a browser. Ending the session deletes the row, which PostgreSQL announces to listeners.

    Attributes:
        token_hash: SHA-256 of the session's token in the browser's cookie.
        source: Network address from which the session began.
        browser: Description of the browser, as it identified itself.
        seen_at: Time of last use, updated at most once a minute.
    """

    __tablename__ = "sign_ins"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    source: Mapped[str]
    browser: Mapped[str]
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    person: Mapped[Person] = relationship(lazy="raise")
