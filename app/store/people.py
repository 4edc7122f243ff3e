"""People, their teams, and the links with which they sign in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.people import Actor, Role, Via
from app.store.base import Base, CanonicalJSON


class Team(Base):
    """People who share a queue."""

    __tablename__ = "teams"

    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str]


class TeamMember(Base):
    """Who is in which team."""

    __tablename__ = "team_members"

    team_slug: Mapped[str] = mapped_column(ForeignKey("teams.slug", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True)


class Person(Base):
    """Somebody who signs in. `session_epoch` is raised to sign out everywhere."""

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(CanonicalJSON)
    active: Mapped[bool] = mapped_column(default=True)
    session_epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    teams: Mapped[list[Team]] = relationship(secondary="team_members", lazy="selectin", order_by="Team.slug")

    __table_args__ = (Index("uq_people_email", text("lower(email)"), unique=True),)

    def as_actor(self, via: Via, source: str = "") -> Actor:
        """This person as the one who acts."""
        return Actor(
            kind="person",
            id=self.id,
            name=self.name,
            roles=frozenset(Role(each) for each in self.roles),
            teams=frozenset(team.slug for team in self.teams),
            via=via,
            source=source,
            email=self.email,
        )


class SignInLink(Base):
    """A single-use link; only the hash of its token is kept."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
