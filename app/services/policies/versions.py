"""Policies: loaded as versions, retrieved by version, and tested on past requests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from app.domain.errors import InvalidInputError, NotFoundError, TooLargeError
from app.domain.people import Action, Actor
from app.domain.policy.at_once import ending
from app.domain.policy.document import PolicyDocument, RiskRulePart
from app.domain.policy.doubts import doubts
from app.domain.policy.facts import Policy, StrictDefault
from app.domain.policy.parser import PolicyFileError, read_policy
from app.domain.policy.rules import CompiledPolicy
from app.domain.policy.summary import STRICT_SUMMARY, RuleSummary, summary
from app.domain.policy.widening import lowers_critical, widened
from app.domain.policy.yaml_tree import MAX_BYTES, read_tree
from app.domain.text import is_storable
from app.domain.weight import weigh
from app.risk.catalog import rule_levels
from app.services.approvals.ground import Ground
from app.services.clock import Clock
from app.services.files.uploads import Files
from app.services.policies.confirmation import confirm, decline, notify_others, one_at_a_time, why_not
from app.services.policies.names import unknown_names
from app.services.policies.replay import MAX_REQUESTS, MAX_SECONDS, Replay, replay
from app.services.policies.version_list import version_list
from app.services.record.audit import record
from app.services.record.exports import ExportFormat, exported
from app.services.requests.assessment import Assessor
from app.services.requests.requester import VERSION_IN_FORCE
from app.store.engine import Sessions
from app.store.policies import PolicyVersion
from assent.contracts import RiskLevel

COUNTED = 10_000
"""How many of the newest requests are counted to see which rules matched."""
_MATCHED = sql("""
    select case when answered_by like 'policy:%' then regexp_replace(answered_by, '^policy:[0-9]+:', '')
        else terms::json->>'name' end as rule, count(*) as requests, max(opened_at) as latest from (
        (select terms, answered_by, opened_at from approval_requests
         where state = 'pending' and opened_at >= :since limit :most)
        union all
        (select terms, answered_by, opened_at from approval_requests
         where state <> 'pending' and resolved_at >= :since and opened_at >= :since
         order by resolved_at desc limit :most)
    ) as lately group by 1""")

log = structlog.get_logger("policies")
_READ_A_CHARACTER = 3.0
"""Microseconds to read and compile one character of a policy."""


@dataclass(frozen=True)
class CheckedPolicy:
    """A valid policy, with warnings about names in it that are unknown."""

    document: PolicyDocument
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class LoadedPolicy:
    """The newest version.

    Attributes:
        new: False if the newest version was already the same.
        in_force: the version in force; the newest one, unless that waits for a second person or was declined.
    """

    stored: PolicyVersion
    new: bool
    warnings: tuple[str, ...]
    in_force: int | None


@dataclass(frozen=True)
class PolicyView:
    """A version as people read it.

    Attributes:
        rules: in words; if the version can no longer be read, what applies instead.
        problem: why it cannot be read; empty if it can.
        why_not: why the viewer may not confirm it, if it waits for a second person; empty if they may.
        may_decline: the viewer may decline it.
        risk_rules: risk rules that it switches off or gives another level, by id.
        reading_tools: why tools only read, by the patterns that register them.
    """

    stored: PolicyVersion
    rules: tuple[RuleSummary, ...]
    warnings: tuple[str, ...]
    problem: str = ""
    why_not: str = ""
    may_decline: bool = False
    risk_rules: Mapping[str, RiskRulePart] = field(default_factory=dict)
    reading_tools: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleMatches:
    """How many recent requests matched a rule, and when the latest was opened."""

    requests: int
    latest: datetime


class Policies:
    """Loads policies and returns the one in force or earlier ones. Compiled policies are cached by version."""

    def __init__(self, sessions: Sessions, clock: Clock, assess: Assessor) -> None:
        self._sessions = sessions
        self._clock = clock
        self._compiled: dict[int, Policy] = {}
        self._ground = Ground(sessions, clock, assess, Files(sessions, clock), self.version)

    # In force

    def current(self) -> Policy:
        """The policy in force, whose number is read every time, so that a new one applies everywhere at once."""
        return self.version(self.newest())

    def newest(self) -> int | None:
        """The number of the version in force; None if no policy is loaded."""
        with self._sessions.reads() as session:
            return session.scalar(select(VERSION_IN_FORCE))

    def version(self, number: int | None) -> Policy:
        """The policy of a version, such as the one under which a request was opened; the strict default for None.

        If this program cannot read the version (any longer), the strict default applies, and an error is logged.
        """
        if number is None:
            return StrictDefault()
        if number not in self._compiled:
            self._compiled[number] = self._compile(number)
        return self._compiled[number]

    def _compile(self, number: int) -> Policy:
        try:
            stored = self._get(number)
            return CompiledPolicy(read_policy(stored.text, stored.source), number)
        except (NotFoundError, ValueError, TypeError, InvalidInputError) as error:
            log.error("policy cannot be read, the strict default applies instead", version=number, error=str(error))
            return StrictDefault()

    # Loading

    def check(self, text: str, source: str) -> CheckedPolicy:
        """Validate a policy without loading it. Raises PolicyFileError, TooLargeError."""
        weigh(len(text) * _READ_A_CHARACTER)
        document = _read(text, source, self._today())
        levels = _levels(document)
        with self._sessions.reads() as session:
            return CheckedPolicy(document, self._warnings(session, document, levels, text))

    def load(self, actor: Actor, text: str, source: str) -> LoadedPolicy:
        """Load a policy for every request opened from now on, unless the newest version is identical.

        If it decides more without reviewers than the one in force, it waits for a second person, who is notified.

        Args:
            text: the file's content.
            source: the file's name, for people.

        Raises:
            ForbiddenError: the actor may not manage policies.
            PolicyFileError, TooLargeError: the policy is not valid; nothing was loaded.
        """
        actor.require(Action.MANAGE_POLICIES)
        document = _read(text, source, self._today())
        digest, now = hashlib.sha256(text.encode()).hexdigest(), self._clock()
        with self._sessions.reads() as session:
            replaced = self._document(session, session.scalar(select(VERSION_IN_FORCE)))
        # The first time, this starts a process, for which no other administrator should have to wait.
        _levels(document, replaced)
        with self._sessions.begin() as session:
            # One at a time: if two identical files are loaded at once, only one creates a version.
            one_at_a_time(session)
            in_force = session.scalar(select(VERSION_IN_FORCE))
            former = self._document(session, in_force)
            levels = _levels(document, former)
            warnings = self._warnings(session, document, levels, text)
            newest = session.scalar(select(PolicyVersion).order_by(PolicyVersion.version.desc()).limit(1))
            if newest is not None and newest.digest == digest:
                return LoadedPolicy(newest, False, warnings, in_force)
            widens = widened(former, document, levels)
            stored = session.scalars(
                insert(PolicyVersion)
                .values(
                    text=text, digest=digest, source=source, loaded_at=now, loaded_by_id=actor.id or None,
                    loaded_by_name=actor.name, widens=list(widens), in_force_at=None if widens else now,
                    **actor.makers.columns,
                )
                .returning(PolicyVersion)
            ).one()  # fmt: skip
            waits: dict[str, Any] = {"widens": stored.widens} if widens else {}
            record(session, actor, "policy.loaded", now, version=stored.version, digest=digest, source=source, **waits)
            if widens and not notify_others(session, stored, now):
                warnings += ("Nobody can confirm this version: it needs an administrator who did not load it.",)
        return LoadedPolicy(stored, True, warnings, in_force if widens else stored.version)

    def confirm(self, actor: Actor, number: int) -> PolicyVersion:
        """Put a version into force, as its second person (`app.services.policies.confirmation`)."""
        with self._sessions.begin() as session:
            return confirm(session, actor, number, self._clock())

    def decline(self, actor: Actor, number: int, reason: str) -> PolicyVersion:
        """Keep a version from coming into force (`app.services.policies.confirmation`)."""
        with self._sessions.begin() as session:
            return decline(session, actor, number, reason, self._clock())

    def _document(self, session: Session, number: int | None) -> PolicyDocument | None:
        """The policy of a version; None if there is none, or it can no longer be read."""
        stored = session.get(PolicyVersion, number) if number is not None else None
        try:
            return read_policy(stored.text, stored.source) if stored is not None else None
        except PolicyFileError:
            return None

    def _today(self) -> date:
        return self._clock().astimezone(UTC).date()

    def _warnings(
        self, session: Session, document: PolicyDocument, levels: Mapping[str, RiskLevel], text: str
    ) -> tuple[str, ...]:
        return (
            *unknown_names(session, document), *_doubts(text),
            *lowers_critical(document, levels), *ending(document, self._today()),
        )  # fmt: skip

    # Reading

    def history(self, viewer: Actor, limit: int = 100, before: int | None = None) -> list[PolicyVersion]:
        """Versions, newest first, or those before one. Raises ForbiddenError."""
        viewer.require(Action.SEE)
        query = select(PolicyVersion).order_by(PolicyVersion.version.desc()).limit(limit)
        if before is not None:
            query = query.where(PolicyVersion.version < before)
        with self._sessions.reads() as session:
            return list(session.scalars(query))

    def export(self, viewer: Actor, form: ExportFormat) -> Iterator[str]:
        """All versions as pieces of a file, newest first. Raises ForbiddenError."""
        viewer.require(Action.SEE)
        return exported(self._sessions, self._clock, viewer, version_list(), form, {})

    def view(self, viewer: Actor, number: int | None = None) -> PolicyView | None:
        """A version in words, by default the one in force; None if no policy is loaded.

        Raises:
            ForbiddenError, NotFoundError.
        """
        viewer.require(Action.SEE)
        number = self.newest() if number is None else number
        if number is None:
            return None
        stored = self._get(number)
        weigh(len(stored.text) * _READ_A_CHARACTER)
        try:
            document = read_policy(stored.text, stored.source)
        except PolicyFileError as error:
            return PolicyView(stored, (STRICT_SUMMARY,), (), str(error))
        levels = _levels(document)
        with self._sessions.reads() as session:
            waits = stored.waits and stored.version == session.scalar(select(func.max(PolicyVersion.version)))
            may_decline = waits and viewer.kind == "person" and viewer.may(Action.MANAGE_POLICIES)
            return PolicyView(
                stored, summary(document), self._warnings(session, document, levels, stored.text),
                why_not="" if not waits else why_not(stored, viewer), may_decline=may_decline,
                risk_rules=document.risk_rules, reading_tools=document.reading_tools,
            )  # fmt: skip

    def waiting(self, viewer: Actor) -> PolicyVersion | None:
        """The newest version, if it waits for a second person. Raises ForbiddenError."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            newest = session.scalar(select(PolicyVersion).order_by(PolicyVersion.version.desc()).limit(1))
        return newest if newest is not None and newest.waits else None

    def stored(self, viewer: Actor, number: int) -> PolicyVersion:
        """A version. Raises ForbiddenError, NotFoundError."""
        viewer.require(Action.SEE)
        return self._get(number)

    def previous(self, viewer: Actor, number: int) -> PolicyVersion | None:
        """The version before that one, if any. Raises ForbiddenError."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            earlier = select(PolicyVersion).where(PolicyVersion.version < number)
            return session.scalar(earlier.order_by(PolicyVersion.version.desc()).limit(1))

    def matched(self, viewer: Actor, since: datetime) -> dict[str, RuleMatches]:
        """The rules that requests opened since then matched, by name, among the newest `COUNTED`."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            rows = session.execute(_MATCHED, {"since": since, "most": COUNTED})
            return {row.rule: RuleMatches(row.requests, row.latest) for row in rows}

    def replay(
        self, actor: Actor, text: str, since: datetime, limit: int = 1000, source: str = "policy",
        seconds: float = MAX_SECONDS,
    ) -> Replay:  # fmt: skip
        """What that policy would have done with requests opened since then (`app.services.policies.replay`).

        Raises:
            ForbiddenError: the actor may not test policies.
            PolicyFileError, TooLargeError, InvalidInputError: the policy or the period is not valid.
        """
        actor.require(Action.TEST_POLICIES)
        if not 1 <= limit <= MAX_REQUESTS:
            raise InvalidInputError(
                f"The limit must be between 1 and {MAX_REQUESTS:,} requests.", {"limit": "out of range"}
            )
        if since >= self._clock():
            raise InvalidInputError("The period must begin in the past.", {"since": "in the future"})
        checked = self.check(text, source)
        candidate = CompiledPolicy(checked.document, self.newest())
        found = replay(self._ground, candidate, since, limit, seconds, len(checked.document.rules))
        return replace(found, warnings=checked.warnings)

    def _get(self, number: int) -> PolicyVersion:
        with self._sessions.reads() as session:
            stored = session.get(PolicyVersion, number) if 0 < number < 2**31 else None
        if stored is None:
            raise NotFoundError("There is no such version.", version=number)
        return stored


def _read(text: str, source: str, today: date) -> PolicyDocument:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise TooLargeError(f"A policy has at most {MAX_BYTES:,} bytes.")
    if not is_storable(text):
        raise InvalidInputError("This policy has characters that are not allowed in text.", {"text": "not text"})
    return read_policy(text, source, today)


@lru_cache(maxsize=8)
def _doubts(text: str) -> tuple[str, ...]:
    """The doubts about a valid policy, which pages show again and again."""
    return doubts(read_policy(text, ""), read_tree(text).data)


def _levels(*documents: PolicyDocument | None) -> Mapping[str, RiskLevel]:
    """The usual levels of the risk rules, if one of the policies changes any."""
    return rule_levels() if any(document is not None and document.risk_rules for document in documents) else {}
