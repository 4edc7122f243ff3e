"""A version that decides more without reviewers is in force only once a second person has confirmed it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    OwnRequestError,
)
from app.domain.people import Actor, Makers, Role, Via
from app.domain.policy.parser import PolicyFileError
from app.services.policies import versions
from app.services.policies.versions import Policies
from app.store.notify import Delivery
from app.store.policies import PolicyVersion
from app.store.record import AuditEntry
from assent.contracts import RiskLevel
from tests.factories import approving
from tests.services.desk import Desk
from tests.services.governed import ask, reads, tool
from tests.services.loaded import OPERATOR

PLAIN = "version: 1\ndefault: {deadline: 8 hours}\n"


@dataclasses.dataclass
class Office:
    """A desk with policies, an author, and a second person."""

    desk: Desk
    policies: Policies
    author: Actor
    second: Actor

    def load(self, content: str, actor: Actor | None = None) -> PolicyVersion:
        return self.policies.load(actor or self.author, content, "policies.yaml").stored

    def state(self, document: dict[str, Any]) -> str:
        """What becomes of a proposal now."""
        return ask(self.desk, self.desk.run(), document).state

    def entries(self) -> list[tuple[str, str]]:
        with self.desk.sessions() as session:
            query = select(AuditEntry).where(AuditEntry.action.like("policy.%")).order_by(AuditEntry.seq)
            return [(entry.action, entry.actor_name) for entry in session.scalars(query)]


@pytest.fixture
def office(own_desk: Desk) -> Office:
    policies = Policies(own_desk.sessions, own_desk.clock, reads)
    manager = type(own_desk.checkpoints)(own_desk.sessions, own_desk.clock, reads, policy_of=policies.version)
    author, second = (own_desk.person(name, [Role.ADMIN]) for name in ("Author", "Second"))
    return Office(dataclasses.replace(own_desk, checkpoints=manager), policies, author, second)


def test_until_a_second_person_confirms_it_the_former_version_stays_in_force(office: Office) -> None:
    former = office.load(PLAIN)
    loaded = office.policies.load(office.author, approving(), "policies.yaml")
    version = loaded.stored
    assert loaded.new and loaded.in_force == former.version == office.policies.newest()
    assert version.waits and version.widens == ["“Harmless” is new, or has another condition."]
    assert office.state(tool("ls")) == "pending"
    view = office.policies.view(office.author, version.version)
    assert view is not None and view.why_not == "You loaded it, so a second person must confirm it."
    assert office.policies.waiting(office.author) is not None
    # The same file again is no confirmation, no matter who loads it.
    assert not office.policies.load(office.second, approving(), "policies.yaml").new
    assert office.policies.newest() == former.version

    confirmed = office.policies.confirm(office.second, version.version)
    assert (confirmed.decided_by_id, confirmed.decided_by_name) == (office.second.id, "Second")
    assert office.policies.newest() == version.version
    assert office.policies.waiting(office.author) is None
    assert office.state(tool("ls")) == "approved"
    assert office.entries() == [
        ("policy.loaded", "Author"), ("policy.loaded", "Author"), ("policy.confirmed", "Second"),
    ]  # fmt: skip
    with pytest.raises(IllegalTransitionError):
        office.policies.confirm(office.second, version.version)


def test_nobody_confirms_what_they_have_loaded_or_may_have(office: Office) -> None:
    version = office.load(approving()).version
    made = Makers(frozenset({office.author.id}), "Author")
    for actor in (
        office.author,
        dataclasses.replace(office.second, makers=made),
        dataclasses.replace(office.second, account=made),
    ):
        with pytest.raises(OwnRequestError):
            office.policies.confirm(actor, version)
    reviewer = office.desk.person("Reviewer", [Role.REVIEWER, Role.AUDITOR])
    agent = dataclasses.replace(office.second, kind="agent")
    for actor in (reviewer, agent, OPERATOR, dataclasses.replace(office.second, via=Via.COMMAND_LINE)):
        with pytest.raises(ForbiddenError):
            office.policies.confirm(actor, version)
    with pytest.raises(NotFoundError):
        office.policies.confirm(office.second, version + 100)
    assert office.policies.newest() is None


def test_the_database_refuses_one_person_and_an_unconfirmed_version(office: Office) -> None:
    version = office.load(approving()).version
    for values in (
        {"in_force_at": office.desk.clock(), "decided_by_id": office.author.id},
        {"in_force_at": office.desk.clock(), "decided_by_id": office.second.id, "decided_makers": [office.author.id]},
        {"in_force_at": office.desk.clock()},
    ):
        with pytest.raises(IntegrityError), office.desk.sessions.begin() as session:
            session.execute(update(PolicyVersion).where(PolicyVersion.version == version).values(**values))


def test_what_does_not_widen_is_in_force_at_once(office: Office) -> None:
    first = office.load(approving("understood && risk.rank <= 1", more="sample: 2%"))
    office.policies.confirm(office.second, first.version)
    narrower = office.load(approving("understood && risk.rank <= 1", more="sample: 5%", days=29))
    assert narrower.in_force_at is not None and office.policies.newest() == narrower.version
    assert office.load(PLAIN).in_force_at is not None
    # What is compared is the version in force, so going back to the first needs a second person again.
    assert office.load(approving("understood && risk.rank <= 1", more="sample: 2%")).waits


def test_what_is_left_to_the_keyboard_waits_too(office: Office) -> None:
    office.load(PLAIN)
    version = office.load(PLAIN.replace("hours", "hours, unanswered: ask"))
    assert version.waits
    assert version.widens == [
        "The policy's default leaves calls that nobody decides in time to the person at the keyboard."
    ]
    assert office.policies.confirm(office.second, version.version)
    assert not office.load(PLAIN).waits, "that is how one goes back"


def test_a_newer_version_takes_the_place_of_one_that_waits(office: Office) -> None:
    waiting = office.load(approving())
    office.load(PLAIN)
    with pytest.raises(ConflictError):
        office.policies.confirm(office.second, waiting.version)
    view = office.policies.view(office.second, waiting.version)
    assert view is not None and not view.may_decline


def test_it_can_be_declined_with_a_reason(office: Office) -> None:
    former, version = office.load(PLAIN), office.load(approving())
    with pytest.raises(InvalidInputError):
        office.policies.decline(office.second, version.version, " ")
    declined = office.policies.decline(office.second, version.version, "Too broad.")
    assert declined.declined and not declined.waits and declined.decline_reason == "Too broad."
    assert office.policies.newest() == former.version
    assert office.entries()[-1] == ("policy.declined", "Second")
    with pytest.raises(IllegalTransitionError):
        office.policies.confirm(office.second, version.version)
    assert not office.policies.load(office.author, approving(), "policies.yaml").new
    assert office.load(approving() + "# once more\n").waits


def test_only_one_of_two_at_once_settles_it(office: Office, at_once: Callable[..., list[Any]]) -> None:
    version = office.load(approving()).version
    results = at_once([
        lambda: office.policies.confirm(office.second, version),
        lambda: office.policies.decline(office.second, version, "No."),
    ])  # fmt: skip
    assert sum(isinstance(result, IllegalTransitionError) for result in results) == 1
    assert len([entry for entry in office.entries() if entry[0] != "policy.loaded"]) == 1


def test_those_who_can_confirm_it_are_notified(office: Office) -> None:
    office.desk.person("Reviewer")
    loaded = office.policies.load(office.author, approving(), "policies.yaml")
    with office.desk.sessions() as session:
        [delivery] = session.scalars(select(Delivery)).all()
    assert (delivery.person_id, delivery.kind) == (office.second.id, "account")
    assert loaded.warnings == ()


def test_without_anybody_who_could_confirm_it_the_person_who_loads_it_is_warned(own_desk: Desk) -> None:
    policies = Policies(own_desk.sessions, own_desk.clock, reads)
    loaded = policies.load(own_desk.person("Author", [Role.ADMIN]), approving(), "policies.yaml")
    assert loaded.warnings == ("Nobody can confirm this version: it needs an administrator who did not load it.",)


def test_what_the_operator_loads_needs_a_person(office: Office) -> None:
    version = office.load(approving(), OPERATOR)
    assert version.waits and version.loaded_by_id is None
    assert office.policies.confirm(office.second, version.version).in_force_at is not None


def test_an_end_is_at_most_a_year_away_when_it_is_loaded(office: Office) -> None:
    with pytest.raises(PolicyFileError, match="more than 366 days away"):
        office.load(approving(days=368))
    version = office.load(approving(days=366))
    # It stays readable, whenever that is.
    office.policies.confirm(office.second, version.version)
    office.desk.clock.ahead = -timedelta(days=40)
    assert office.policies.view(office.second).problem == ""  # type: ignore[union-attr]


def test_versions_from_before_are_in_force(office: Office) -> None:
    """As the migration leaves them."""
    with office.desk.sessions.begin() as session:
        session.execute(
            text("insert into policy_versions (text, digest, source, loaded_at, loaded_by_name, in_force_at) "
                 "values (:text, 'x', 'old.yaml', now(), 'Somebody', now())"),
            {"text": approving()},
        )  # fmt: skip
    assert office.state(tool("ls")) == "approved"


def test_nobody_waits_while_the_risk_rules_are_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time, that starts a process; no connection and no lock is held meanwhile."""
    held: list[int] = []

    def levels() -> dict[str, RiskLevel]:
        held.append(office.policies._sessions.engine.pool.checkedout())  # type: ignore[attr-defined]
        return {"sql.drop.database": RiskLevel.CRITICAL}

    monkeypatch.setattr(versions, "rule_levels", levels)
    plain = "version: 1\ndefault: {deadline: 1 day}\n"
    changed = f"{plain}risk_rules:\n  sql.drop.database: {{level: high, reason: Because.}}\n"

    def first(act: Callable[[], object]) -> int:
        held.clear()
        act()
        return held[0]

    policies, name = office.policies, "policies.yaml"
    assert first(lambda: policies.check(changed, name)) == 0
    assert first(lambda: policies.load(office.author, changed, name)) == 0
    waiting = policies.waiting(office.second)
    assert waiting is not None and policies.confirm(office.second, waiting.version)
    assert first(lambda: policies.view(office.author)) == 0
    assert first(lambda: policies.load(office.author, plain, name)) == 0, "it replaces one that changes a rule"
