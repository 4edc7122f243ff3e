"""Policies by version, absences, and standing grants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Identity, Index, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.grants import GrantState
from app.store.base import Base, Made

_EMPTY_LIST, _EMPTY_ARRAY = text("'[]'"), text("'{}'")


class PolicyVersion(Made, Base):
    """A policy file as it was loaded. The newest one with `in_force_at` is in force; older ones apply to requests
    opened under them.

    Attributes:
        text: The file, byte for byte.
        digest: SHA-256 of the text, so that loading the same file again creates no new version.
        source: The file's name, for people.
        widens: What it decides without people that the version in force did not, a sentence each. Unless it is empty, a
            second person has to confirm the version.
        in_force_at: When it came into force; None while it waits for a second person, and if it was declined.
        makers: Makers of the sign-in link or token with which it was loaded; `decided_makers` are those of the one with
            which it was confirmed or declined.
        declined: True if `decided_by` declined it.
    """

    __tablename__ = "policy_versions"

    version: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    text: Mapped[str]
    digest: Mapped[str]
    source: Mapped[str]
    loaded_at: Mapped[datetime]
    loaded_by_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    loaded_by_name: Mapped[str]
    widens: Mapped[list[Any]] = mapped_column(server_default=_EMPTY_LIST)
    in_force_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    decided_by_name: Mapped[str] = mapped_column(default="", server_default="")
    decided_makers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=_EMPTY_ARRAY)
    declined: Mapped[bool] = mapped_column(default=False, server_default=false())
    decline_reason: Mapped[str] = mapped_column(default="", server_default="")

    @property
    def waits(self) -> bool:
        """True while a second person has neither confirmed nor declined it."""
        return self.in_force_at is None and not self.declined

    @property
    def loaders(self) -> frozenset[str]:
        """IDs of everybody who may have loaded it."""
        return self.made.ids | ({self.loaded_by_id} if self.loaded_by_id else frozenset())

    __table_args__ = (
        CheckConstraint(
            "in_force_at is null or decided_by_id is null or not (array_append(decided_makers, decided_by_id) "
            "&& array_append(makers, loaded_by_id))",
            name="second_person",
        ),
        CheckConstraint("widens = '[]' or in_force_at is null or decided_by_id is not null", name="confirmed"),
        CheckConstraint("not (declined and in_force_at is not null)", name="declined"),
    )


class DecisionSample(Made, Base):
    """A decision of a policy that was drawn for people to review afterwards. Agents never see it.

    Attributes:
        verdict: What the policy decided, ``approve`` or ``reject``.
        agrees: What the reviewer thinks of it; None while nobody has reviewed it.
        makers: Makers of the sign-in link or token with which it was reviewed.
    """

    __tablename__ = "decision_samples"

    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"), primary_key=True)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policy_versions.version"))
    rule: Mapped[str]
    verdict: Mapped[str]
    drawn_at: Mapped[datetime]
    reviewed_at: Mapped[datetime | None]
    reviewer_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    reviewer_name: Mapped[str] = mapped_column(default="", server_default="")
    agrees: Mapped[bool | None]
    comment: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        CheckConstraint("(reviewed_at is null) = (agrees is null)", name="reviewed"),
        Index("ix_decision_samples_waiting", "drawn_at", "request_id", postgresql_where=text("reviewed_at is null")),
        Index(
            "ix_decision_samples_reviewed", "reviewed_at", "request_id",
            postgresql_where=text("reviewed_at is not null"),
        ),
    )  # fmt: skip


class Absence(Made, Base):
    """A period in which a delegate may decide on behalf of a person.

    Attributes:
        ended_at: When it was ended early, or declined.
        confirmed_at: When it took effect. None if somebody else entered it, and the person has not confirmed it.
    """

    __tablename__ = "absences"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    delegate_id: Mapped[str | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    created_by_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    ended_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="period"),
        Index("ix_absences_person", "person_id", "ends_at"),
        Index("ix_absences_delegate", "delegate_id", "ends_at"),
    )


class Grant(Made, Base):
    """A bounded rule that approves similar proposals without a person, until it is used up, expires, or is revoked.

    Attributes:
        pattern: The proposals that it approves (`app.domain.patterns.Pattern`).
        evidence: IDs of the approvals on which the grant is based.
        uses: Number of proposals that it has approved; at most `max_uses`.
        makers: Makers of the sign-in link or token with which it was proposed; `approved_makers` are those of the one
            with which it was approved.
    """

    __tablename__ = "grants"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str]
    title: Mapped[str]
    workflow: Mapped[str]
    node: Mapped[str]
    kind: Mapped[str]
    environment: Mapped[str]
    max_risk: Mapped[str]
    pattern: Mapped[dict[str, Any]]
    max_uses: Mapped[int]
    uses: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime]
    reason: Mapped[str]
    evidence: Mapped[list[Any]]
    proposed_at: Mapped[datetime]
    proposed_by_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    proposed_by_name: Mapped[str]
    approved_at: Mapped[datetime | None]
    approved_by_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    approved_by_name: Mapped[str] = mapped_column(default="")
    approved_makers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    ended_by_name: Mapped[str] = mapped_column(default="")
    end_reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)

    @property
    def proposers(self) -> frozenset[str]:
        """IDs of everybody who may have proposed it (`app.domain.people.Actor.persons`)."""
        return self.made.ids | ({self.proposed_by_id} if self.proposed_by_id else frozenset())

    @property
    def approvers(self) -> frozenset[str]:
        """IDs of everybody who may have approved it."""
        approver = {self.approved_by_id} if self.approved_by_id else frozenset[str]()
        return frozenset(self.approved_makers or ()) | approver

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(state.value) for state in GrantState)})", name="state"),
        CheckConstraint("uses >= 0 and uses <= max_uses", name="uses"),
        CheckConstraint("max_uses between 1 and 1000 and max_risk in ('safe', 'low', 'medium')", name="bounds"),
        CheckConstraint(
            "approved_by_id is null or not (array_append(approved_makers, approved_by_id) "
            "&& array_append(makers, proposed_by_id))",
            name="second_person",
        ),
        CheckConstraint(
            "state not in ('active', 'used_up') or (proposed_by_id is not null and approved_by_id is not null)",
            name="two_people",
        ),
        Index("ix_grants_active", "workflow", "node", postgresql_where=text("state = 'active'")),
    )


class GrantUse(Base):
    """A proposal that a grant approved."""

    __tablename__ = "grant_uses"

    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), index=True)
    at: Mapped[datetime]
