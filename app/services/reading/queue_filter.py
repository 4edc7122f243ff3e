"""Filters of request lists as query conditions, and the order of the lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    and_,
    false,
    func,
    literal,
    literal_column,
    or_,
    tuple_,
)

from app.domain.errors import InvalidInputError
from app.domain.people import Actor
from app.domain.policy.access import TEAM, Member
from app.domain.text import is_storable
from app.services.reading.cursors import decoded_cursor
from app.services.reading.snoozed import not_snoozed_by, snoozed_by_or_for_all
from app.services.sight import seen_requests
from app.store.requests import ApprovalRequest
from app.store.search import REQUEST_KEYS, contains, has_keys, may_contain
from assent.contracts import RiskLevel, Urgency

NAMED = ("urgency", "workflow", "kind", "risk")
"""Filters by column. Each has an index in list order; the usually most selective one comes first."""
_MOST_WORDS = 8


@dataclass(frozen=True)
class QueueFilter:
    """A reviewer's filter; empty fields do not restrict it.

    Attributes:
        risk: one of the risk levels.
        urgency: the requester's, as far as it counts.
        workflow: a workflow's name.
        kind: a proposal's kind.
        text: words to search for in the title, the workflow, and the agent.
        mine: only requests that are assigned to this person, claimed by them, or require their approval (by name or
            team), or that of an absent person whose delegate they are.
        my_teams: only requests that require the approval of one of this person's teams.
        team: slug of a team whose approval is required.
        unassigned: only requests that are neither claimed nor assigned.
        resolved: True lists settled requests, newest first, instead of pending ones.
        snoozer: leaves out what this person, or somebody for everyone, has snoozed; empty: leaves out nothing.
        snoozed: with `snoozer`, lists only those instead.
        viewer: only requests that this actor may see; None: all.
    """

    risk: str = ""
    urgency: str = ""
    workflow: str = ""
    kind: str = ""
    text: str = ""
    mine: Member | None = None
    my_teams: Member | None = None
    team: str = ""
    unassigned: bool = False
    resolved: bool = False
    snoozer: str = ""
    snoozed: bool = False
    viewer: Actor | None = None

    @property
    def set_fields(self) -> dict[str, str]:
        """What narrows the list, by name, without whom it is for."""
        values = {name: value for name, value in vars(self).items() if value and name not in ("snoozer", "viewer")}
        return {name: value if isinstance(value, str) else "yes" for name, value in values.items()}

    @property
    def words(self) -> list[str]:
        """The words to search for."""
        return self.text.split()[:_MOST_WORDS]

    @property
    def narrowed_to_viewer(self) -> bool:
        """True if the viewer may not see all requests."""
        return self.viewer is not None and seen_requests(self.viewer) is not None

    def __post_init__(self) -> None:
        check_filter(self.risk, {name: getattr(self, name) for name in ("workflow", "kind", "text", "team")})
        if self.urgency and self.urgency not in set(Urgency):
            raise InvalidInputError(f"There is no urgency {self.urgency!r}.", {"urgency": "unknown"})


def check_filter(risk: str, texts: Mapping[str, str]) -> None:
    """Raise InvalidInputError for a risk that does not exist, and for texts that are too long or cannot be stored."""
    if risk and risk not in set(RiskLevel):
        raise InvalidInputError(f"There is no risk level {risk!r}.", {"risk": "unknown"})
    for name, text in texts.items():
        if len(text) > 200 or not is_storable(text):
            raise InvalidInputError("This filter is too long or has control characters.", {name: "not usable"})


# A literal rather than a parameter, so that any plan can use the indexes of pending requests.
PENDING = ApprovalRequest.state == literal_column("'pending'")
_NOT_NORMAL = ApprovalRequest.urgency != literal_column("'normal'")
"""Said besides the urgency itself: nearly all requests are normal, so only the others are in its indexes."""
RESOLVED = ApprovalRequest.state != literal_column("'pending'")
_DOCUMENT = ApprovalRequest.title + "\n" + ApprovalRequest.workflow + "\n" + ApprovalRequest.agent
_KEYS: ColumnElement[Any] = literal_column(REQUEST_KEYS)


def has_index(wanted: QueueFilter, name: str) -> bool:
    """True if a filter by this column is set, and has an index in list order."""
    value = getattr(wanted, name)
    return bool(value) and not (name == "urgency" and value == Urgency.NORMAL)


def is_in_order(wanted: QueueFilter) -> bool:
    """True if an index has exactly the matching requests, in list order."""
    return _columns(wanted) <= 1 and not (wanted.words or _asks(wanted))


def can_be_looked_up(wanted: QueueFilter) -> bool:
    """True if indexes can find the matching requests regardless of the list order."""
    return _columns(wanted) > 1 or _asks(wanted) or any(map(has_keys, wanted.words))


def _columns(wanted: QueueFilter) -> int:
    named = [bool(getattr(wanted, name)) for name in NAMED]
    return sum(named) + (wanted.unassigned and not wanted.resolved) + wanted.narrowed_to_viewer


def _asks(wanted: QueueFilter) -> bool:
    return bool(wanted.mine or wanted.my_teams or wanted.team or _only_snoozed(wanted))


def _only_snoozed(wanted: QueueFilter) -> bool:
    return wanted.snoozed and bool(wanted.snoozer) and not wanted.resolved


def conditions(wanted: QueueFilter, absent: Sequence[Member] = (), by_index: bool = False) -> list[ColumnElement[bool]]:
    """The conditions of matching requests.

    Args:
        absent: the people whose delegate the person of `wanted.mine` is.
        by_index: phrased so that PostgreSQL uses indexes of the conditions, rather than the list order.
    """
    found = [RESOLVED if wanted.resolved else PENDING]
    if wanted.viewer is not None and (seen := seen_requests(wanted.viewer)) is not None:
        found.append(seen)
    for name in NAMED:
        if value := getattr(wanted, name):
            found.append(getattr(ApprovalRequest, name) == value)
    if wanted.urgency and wanted.urgency != Urgency.NORMAL:
        found.append(_NOT_NORMAL)
    if wanted.unassigned:
        found += [ApprovalRequest.assigned_to_id.is_(None), ApprovalRequest.claimed_by_id.is_(None)]
    narrowing: list[ColumnElement[bool]] = []
    if _only_snoozed(wanted):
        narrowing.append(snoozed_by_or_for_all(wanted.snoozer))
    elif wanted.snoozer and not wanted.resolved:
        found += [ApprovalRequest.snoozed_until.is_(None), not_snoozed_by(wanted.snoozer)]
    if wanted.mine is not None:
        narrowing.append(_concerns(wanted.mine, absent))
    if wanted.my_teams is not None:
        narrowing.append(addressed_to_any({f"{TEAM}{team}" for team in wanted.my_teams.teams}))
    if wanted.team:
        narrowing.append(addressed_to_any({f"{TEAM}{wanted.team}"}))
    if words := wanted.words:
        narrowing.append(contains(_DOCUMENT, words))
    if by_index:
        return [*found, *narrowing, *may_contain(_KEYS, words)]
    # PostgreSQL assumes that a condition inside a function matches every other request, and has no index for it. So it
    # follows the list order, instead of reading and sorting everything for the few matches that it would expect.
    return [*found, *(func.coalesce(condition, false()) for condition in narrowing)]


def _concerns(person: Member, absent: Sequence[Member]) -> ColumnElement[bool]:
    instead = (
        and_(addressed_to_any(member.addresses), ApprovalRequest.requester_id.is_distinct_from(member.id))
        for member in absent
    )
    return or_(
        ApprovalRequest.assigned_to_id == person.id,
        ApprovalRequest.claimed_by_id == person.id,
        addressed_to_any(person.addresses),
        *instead,
    )


def addressed_to_any(addresses: Collection[str]) -> ColumnElement[bool]:
    """The condition that the approval of one of these is required now, in the form of `app.domain.policy.access`."""
    return ApprovalRequest.addressed_to.bool_op("&&")(literal(sorted(addresses), ARRAY(Text)))


def ordered(query: Select[Any], wanted: QueueFilter, cursor: str | None = None) -> Select[Any]:
    """In list order, after a cursor. Raises InvalidInputError."""
    if cursor:
        query = query.where(*after(wanted, cursor))
    if wanted.resolved:
        # A superseded request has no meaningful time of its own to sort by, but every settled row has one.
        query = query.where(ApprovalRequest.resolved_at.is_not(None))
        return query.order_by(ApprovalRequest.resolved_at.desc(), ApprovalRequest.id.desc())
    return query.order_by(ApprovalRequest.attention_at, ApprovalRequest.id)


def after(wanted: QueueFilter, cursor: str) -> list[ColumnElement[bool]]:
    """The condition of requests after a cursor. Raises InvalidInputError."""
    at, request_id = decoded_cursor(cursor)
    if wanted.resolved:
        return [tuple_(ApprovalRequest.resolved_at, ApprovalRequest.id) < tuple_(at, request_id)]
    return [
        ApprovalRequest.attention_at >= at,
        tuple_(ApprovalRequest.attention_at, ApprovalRequest.id) > tuple_(at, request_id),
    ]
