"""Tells a story: each act calls the use case that a page or the API calls, as the person or agent who does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.demo.cast import AGENTS, CHOICES, DemoAgent, DemoPerson
from app.demo.past import Past
from app.demo.story import Story
from app.domain.ballot import Ballot
from app.domain.errors import AssentError
from app.domain.people import Actor, Via
from app.domain.policy.terms import Terms
from app.domain.tokens import Scope, TokenKind, token_terms
from app.services.approvals.bulk import SelectedRequest
from app.services.approvals.decisions.remarks import CommentPlace
from app.services.approvals.intake.gate import ExternalRequest
from app.store.people import Person
from app.store.requests import ApprovalRequest
from assent.contracts import ReceiptStatus, Verdict, document_of

log = structlog.get_logger(__name__)

SIGNED_IN_FOR = timedelta(hours=10)
"""People of the story sign in again after this time, or earlier if a rule asks for it."""
CALLS_WITHIN = timedelta(hours=4)
"""An agent's calls within this time look its token up once."""
_TOKEN_DAYS = 90
_BROWSERS = ("Firefox on Linux", "Chrome on Windows", "Safari on macOS", "Firefox on Windows")


@dataclass
class _Seat:
    """Where a person of the story sits, and since when they are signed in."""

    person: Person
    source: str
    browser: str
    signed_in_at: datetime | None = None


class Telling:
    """Tells a story.

    Attributes:
        left_out: What the portal refused, which is left out: a policy of the operator's own may rule otherwise than
            the one that the story was written for.
    """

    def __init__(self, past: Past, operator: Actor, people: dict[str, Person]) -> None:
        self.past = past
        self.operator = operator
        self.left_out: list[str] = []
        self._services = past.services
        self._seats = {
            key: _Seat(person, f"10.20.0.{11 + number}", _BROWSERS[number % len(_BROWSERS)])
            for number, (key, person) in enumerate(people.items())
        }
        self._agents: dict[str, DemoAgent] = {agent.key: agent for agent in AGENTS}
        self._tokens: dict[str, str] = {}
        self._callers: dict[str, tuple[datetime, Actor]] = {}
        self._requests: dict[str, str] = {}
        self._asked_by: dict[str, str] = {}
        self._at_lines: dict[str, str] = {}

    def tell(self, story: Story) -> None:
        """Tell the story from its first act up to its end."""
        for seat in self._seats.values():
            self._services.preferences.choose(seat.person.as_actor(Via.PAGE), CHOICES)
        for act in story.acts:
            self.past.pass_until(act.at)
            try:
                act.do(self)
            except AssentError as error:
                self.left_out.append(f"{act.at:%Y-%m-%d %H:%M}: {error.message}")
                log.info("demo.left_out", at=act.at.isoformat(), reason=error.message)
            self.past.notify()
        self.past.pass_until(story.now)

    # People and agents

    def person_id(self, key: str) -> str:
        """The id of a person of the cast."""
        return self._seats[key].person.id

    def person(self, key: str, fresh: timedelta | None = None) -> Actor:
        """A person who is signed in.

        Args:
            fresh: How old the sign-in may be; None: as old as usual.
        """
        seat, now = self._seats[key], self.past.clock()
        if seat.signed_in_at is None or now - seat.signed_in_at >= min(SIGNED_IN_FOR, fresh or SIGNED_IN_FOR):
            people = self._services.people
            link = people.make_link(self.operator, seat.person.id)
            seat.signed_in_at = people.redeem_link(link, seat.source, seat.browser).began_at
        return replace(seat.person.as_actor(Via.PAGE, seat.source), authenticated_at=seat.signed_in_at)

    def agent(self, key: str) -> Actor:
        """An agent with its token."""
        if key not in self._tokens:
            agent, scopes = self._agents[key], (Scope.APPROVALS_READ, Scope.APPROVALS_REQUEST)
            terms = token_terms(TokenKind.AGENT, agent.name, scopes, _TOKEN_DAYS)
            self._tokens[key], _ = self._services.tokens.make(self.operator, terms, self.person_id(agent.owner))
        found = self._callers.get(key)
        if found is None or self.past.clock() - found[0] >= CALLS_WITHIN:
            actor = self._services.tokens.find(self._tokens[key], "10.20.8.4").actor
            found = self._callers[key] = (self.past.clock(), actor)
        return found[1]

    # Requests

    def open(self, key: str, agent: str, proposal: Any, revises: str) -> None:
        """An agent requests approval."""
        wanted = ExternalRequest(
            document_of(proposal), self._agents[agent].workflow, previous_id=self._requests.get(revises, "")
        )
        opened = self._services.checkpoints.open(self.agent(agent), wanted, collects=True)
        self._requests[key], self._asked_by[key] = opened.id, agent

    def decide(
        self, key: str, who: str, verdict: Verdict, comment: str, change: Any = None, answer: Any = None
    ) -> None:
        """A person decides on what the request is at that time."""
        request = self._request(key)
        within = Terms.from_json(request.terms).reauthenticate_seconds
        actor = self.person(who, timedelta(seconds=within) if within else None)
        risk = None
        if change is not None:
            preview = self._services.checkpoints.preview(request.id, actor, change)
            risk = preview.assessment.level if preview.raised else None
        ballot = Ballot(verdict, request.digest, change, answer, comment, risk)
        self._services.checkpoints.decide(request.id, actor, ballot)

    def approve_together(self, who: str, keys: Sequence[str], comment: str) -> None:
        """A person approves several requests in one act, and confirms the effect where the risk is high."""
        requests = [self._request(key) for key in keys]
        marked = [SelectedRequest(request.id, request.digest) for request in requests]
        confirmed = {request.id for request in requests}
        for result in self._services.bulk.decide(self.person(who), marked, Verdict.APPROVE, comment, confirmed):
            if result.error is not None:
                raise result.error

    def comment(self, key: str, who: str, words: str, place: CommentPlace) -> None:
        """A person, or the agent that asked, comments."""
        actor = self.agent(self._asked_by[key]) if who == "agent" else self.person(who)
        made = self._services.checkpoints.comment(self._requests[key], actor, words, place=place)
        if place.line is not None:
            self._at_lines[key] = made.id

    def reply(self, key: str, who: str, words: str) -> None:
        """A person, or the agent that asked, replies to the last comment at a line."""
        self.comment(key, who, words, CommentPlace(reply_to=self._at_lines[key]))

    def resolve(self, key: str, who: str) -> None:
        """A person resolves the last comment at a line."""
        checkpoints = self._services.checkpoints
        checkpoints.settle_comment(self._requests[key], self._at_lines[key], self.person(who), resolve=True)

    def claim(self, key: str, who: str, minutes: int) -> None:
        """A person claims a request."""
        self._services.checkpoints.claim(self._requests[key], self.person(who), minutes)

    def assign(self, key: str, who: str, to: str) -> None:
        """A person names the one who should decide a request."""
        self._services.checkpoints.assign(self._requests[key], self.person(who), self.person_id(to))

    def snooze(self, key: str, who: str, time: timedelta, reason: str) -> None:
        """A person snoozes a request, for everyone if there is a reason."""
        until = self.past.clock() + time
        self._services.checkpoints.snooze(
            self._requests[key], self.person(who), until, for_all=bool(reason), reason=reason
        )

    def cancel(self, key: str, reason: str) -> None:
        """The agent cancels its request."""
        self._services.checkpoints.cancel(self._requests[key], self.agent(self._asked_by[key]), reason)

    def collect(self, key: str) -> None:
        """The agent fetches the outcome."""
        self._services.checkpoints.outcome(self._requests[key], self.agent(self._asked_by[key]), collects=True)

    def report(self, key: str, status: ReceiptStatus, summary: str) -> None:
        """The agent reports what it did."""
        self._services.checkpoints.report(self._requests[key], self.agent(self._asked_by[key]), status, summary)

    def _request(self, key: str) -> ApprovalRequest:
        with self._services.sessions() as session:
            return session.get_one(ApprovalRequest, self._requests[key])


def people_of(cast: Sequence[DemoPerson], people: Sequence[Person]) -> dict[str, Person]:
    """The accounts by the keys with which a story names them."""
    return {part.key: person for part, person in zip(cast, people, strict=True)}
