"""A history of requests made by chance, and what is counted in it by hand."""

from __future__ import annotations

import random
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from app.domain.lifecycle import RequestState
from app.services.reading.insights import InsightsFilter
from app.store.people import Person
from app.store.requests import ApprovalRequest, Decision, OutcomeRow
from assent.contracts import RiskLevel
from assent.digests import canonical, digest_of
from tests.factories import make_grant, make_person, make_request, make_run, optimizations, script
from tests.services.desk import Desk

ROWS = 400
BY_PEOPLE = ("approved", "modified", "changes_requested", "rejected", "answered")
CODE = 'select "a" -- ünïcode \\ \x00 \ud800 \t日本語\n'
"""What JSON escapes in every way that it has."""


class History:
    """A history of requests made by chance, and the same rows to count by hand."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.now = datetime.now(UTC)
        self.dice = random.Random(4)
        self.people = [make_person(desk.sessions, f"Reviewer {number}") for number in range(4)]
        self.run = make_run(desk.sessions)
        self.grants = [make_grant(desk.sessions) for _ in range(2)]
        with desk.sessions.begin() as session:
            session.execute(text("delete from approval_requests"))  # what the grants were made from
        for number in range(ROWS):
            self._request(number)
        with desk.sessions() as session:
            self.requests = session.scalars(select(ApprovalRequest)).all()
            self.decisions = session.scalars(select(Decision)).all()
            self.outcomes = {row.request_id: row.verdict for row in session.scalars(select(OutcomeRow))}

    def _request(self, number: int) -> None:
        dice = self.dice
        payload: dict[str, Any] = dice.choice([self._script, self._tool, self._items, self._data])()
        state = RequestState(dice.choice([*RequestState, "approved", "approved", "approved", "rejected"]))
        opened = self.now - timedelta(days=dice.uniform(0, 110))
        took = timedelta(seconds=dice.lognormvariate(3, 2.5))
        resolved = min(self.now, opened + took)
        answered_by = ""
        if state.value in ("approved", "rejected", "expired") and dice.random() < 0.3:
            grant = f"grant:{dice.choice(self.grants).id}"
            earlier = [moment for moment in getattr(self, "rejected", []) if moment]
            answered_by = f"rejection:{dice.choice(earlier)}" if state == "rejected" and earlier else grant
        made = make_request(
            self.desk.sessions, self.run, payload, risk=dice.choice(list(RiskLevel)), state=state,
            workflow=dice.choice(["mails", "mails", "indexes", "reports"]), title=f"Request {number}",
            addressed_to=dice.choice([[], ["team:dba"], ["team:dba", "team:security"], ["person:a@b.c", "person:d@e.f"],
                                      ["team:sre", "person:a@b.c"]]),
            opened_at=opened, resolved_at=None if state is RequestState.PENDING else resolved,
            expires_at=self.now + timedelta(hours=dice.uniform(1, 48)), answered_by=answered_by,
        )  # fmt: skip
        if state is RequestState.REJECTED:
            self.rejected = [*getattr(self, "rejected", []), made.id]
        if state.value in BY_PEOPLE and (not answered_by or dice.random() < 0.2):
            self._decide(made, state)
        if state is RequestState.EXPIRED:
            self._expire(made)

    def _script(self) -> dict[str, Any]:
        return script(CODE * self.dice.randrange(1, 60))

    def _tool(self) -> dict[str, Any]:
        arguments = {"to": "ops", "text": CODE * self.dice.randrange(1, 40)}
        return {"kind": "tool_call", "title": "Send", "environment": "", "tool": "mail", "args": arguments}

    def _items(self) -> dict[str, Any]:
        return optimizations(self.dice.randrange(1, 20))

    def _data(self) -> dict[str, Any]:
        return {"kind": "custom", "title": "Set", "environment": "", "data": CODE * self.dice.randrange(1, 40)}

    def _decide(self, request: ApprovalRequest, state: RequestState) -> None:
        verdict = {
            "approved": "approve", "modified": "approve", "rejected": "reject",
            "changes_requested": "request_changes", "answered": "answer",
        }[state.value]  # fmt: skip
        first, second, third, fourth = self.people
        end = request.resolved_at
        assert end is not None
        digest = request.digest
        if state is RequestState.MODIFIED:
            # Somebody changes it half-way, and somebody else approves what it then is.
            changed = {**request.payload, "title": "Changed", "labels": {}} | (
                {"content": CODE * self.dice.randrange(1, 60)} if request.kind == "script" else {}
            )
            digest = digest_of(changed)
            half = request.opened_at + (end - request.opened_at) / 2
            self._word(request, first, "modify", half, request.digest, digest)
            with self.desk.sessions.begin() as session:
                row = session.get_one(ApprovalRequest, request.id)
                row.proposed, row.payload, row.digest = row.payload, changed, digest
        quick = request.opened_at + (end - request.opened_at) / 3
        if self.dice.random() < 0.5:
            self._word(request, second, verdict, quick, request.digest, request.digest, withdrawn=True)
        if self.dice.random() < 0.4 and state is RequestState.APPROVED:
            self._word(request, third, verdict, quick, digest, digest)
            self._word(request, fourth, verdict, end, digest, digest, stage=1)
        else:
            self._word(request, second, verdict, end, digest, digest)

    def _word(
        self, request: ApprovalRequest, person: Person, verdict: str, at: datetime, seen: str, digest: str,
        stage: int = 0, withdrawn: bool = False,
    ) -> None:  # fmt: skip
        with self.desk.sessions.begin() as session:
            session.add(
                Decision(
                    id=str(uuid.uuid4()), request_id=request.id, person_id=person.id, person_name=person.name,
                    verdict=verdict, seen_digest=seen, digest=digest, comment="", via="page", at=at, stage=stage,
                    withdrawn_at=at if withdrawn else None,
                )
            )  # fmt: skip

    def _expire(self, request: ApprovalRequest) -> None:
        verdict = self.dice.choice(["approve", "reject"])
        with self.desk.sessions.begin() as session:
            session.add(
                OutcomeRow(
                    request_id=request.id, verdict=verdict, next_action="abort", body={}, at=request.resolved_at
                )
            )  # fmt: skip

    # Counting by hand

    def fitting(self, wanted: InsightsFilter) -> list[ApprovalRequest]:
        return [
            request
            for request in self.requests
            if wanted.workflow in ("", request.workflow)
            and (not wanted.team or f"team:{wanted.team}" in request.addressed_to)
        ]

    def settled(self, wanted: InsightsFilter) -> list[ApprovalRequest]:
        since = self.now - timedelta(days=wanted.days)
        return [
            row
            for row in self.fitting(wanted)
            if row.state != "pending" and row.resolved_at is not None and since <= row.resolved_at < self.now
        ]

    def words_on(self, request: ApprovalRequest) -> list[Decision]:
        return [
            decision
            for decision in self.decisions
            if decision.request_id == request.id and decision.withdrawn_at is None
        ]

    def by_itself(self, request: ApprovalRequest) -> bool:
        plain = request.state in ("approved", "rejected")
        return plain and bool(request.answered_by) and not self.words_on(request)

    def decided(self, wanted: InsightsFilter) -> list[ApprovalRequest]:
        return [row for row in self.settled(wanted) if row.state in BY_PEOPLE and not self.by_itself(row)]

    def faster(self, request: ApprovalRequest) -> bool:
        words = self.words_on(request)
        for word in words:
            if word.verdict not in ("approve", "modify"):
                continue
            begins = [request.opened_at]
            begins += [max(earlier.at for earlier in words if earlier.stage < word.stage)] if word.stage else []
            payload = request.payload
            if request.proposed is not None:
                if word.seen_digest == request.proposed_digest:
                    payload = request.proposed
                else:
                    begins.append(min(e.at for e in words if e.verdict == "modify" and e.digest == word.seen_digest))
            if (word.at - max(begins)).total_seconds() * 25 < length(payload):
                return True
        return False


def length(payload: dict[str, Any]) -> int:
    """Characters of what would be done, as JSON's 16-bit units."""

    def units(words: str) -> int:
        return len(words.encode("utf-16-le", "surrogatepass")) // 2

    if payload["kind"] == "script":
        return units(payload["content"])
    if payload["kind"] == "optimizations":
        return sum(units(item["statement"]) for item in payload["items"])
    if payload["kind"] == "tool_call":
        return len(re.sub(r"\\\\|\\u[0-9a-f]{4}", "x", canonical(payload["args"])))
    return units(payload["data"])
