"""What happened in the demo before it was started: what agents requested and when, and what people did with it.

A story is written down as threads, one for each request, whose acts follow each other. It is then told in the order of
time: each act is a call of the use case that a page or the API calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from app.services.approvals.decisions.remarks import CommentPlace
from assent.contracts import ReceiptStatus, Verdict

if TYPE_CHECKING:
    from app.demo.telling import Telling

_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Act(NamedTuple):
    """Something that is done at a time; `number` keeps the order of acts of the same time."""

    at: datetime
    number: int
    do: Callable[[Telling], None]


def span(words: str) -> timedelta:
    """A span of time such as ``3h 20m``."""
    return timedelta(**{_UNITS[unit]: int(number) for number, unit in _SPAN.findall(words)})


class Story:
    """Everything that happened until `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._acts: list[Act] = []

    @property
    def acts(self) -> list[Act]:
        """All acts in the order of time. Raises ValueError for one that has not happened yet."""
        late = [act.at for act in self._acts if act.at > self.now]
        if late:
            raise ValueError(f"Something happens after the story's end at {self.now}: {late}")
        return sorted(self._acts, key=lambda act: (act.at, act.number))

    def ago(self, words: str) -> datetime:
        """The time so long ago."""
        return self.now - span(words)

    def workday(self, back: int, at: str) -> datetime:
        """A time of day (UTC) on one of the last working days before today; 1 is the newest of them."""
        day = self.now.astimezone(UTC).date()
        while back:
            day -= timedelta(days=1)
            back -= day.weekday() < 5
        return datetime.combine(day, time.fromisoformat(at), UTC)

    def add(self, at: datetime, do: Callable[[Telling], None]) -> None:
        """Something happens."""
        self._acts.append(Act(at, len(self._acts), do))

    def ask(self, agent: str, at: datetime, proposal: Any, key: str = "", revises: str = "") -> Thread:
        """An agent requests approval.

        Args:
            key: names the request for others; empty: nobody refers to it.
            revises: the request that this one revises.
        """
        thread = Thread(self, key or f"#{len(self._acts)}", at)
        self.add(at, lambda telling: telling.open(thread.key, agent, proposal, revises))
        return thread

    def together(self, who: str, at: datetime, keys: Sequence[str], comment: str = "") -> None:
        """Somebody approves several requests in one act."""
        self.add(at, lambda telling: telling.approve_together(who, keys, comment))


class Thread:
    """A request, and what happens with it, one act after the other."""

    def __init__(self, story: Story, key: str, at: datetime) -> None:
        self.key = key
        self._story = story
        self._at = at

    def _then(self, after: str, do: Callable[[Telling], None]) -> Self:
        self._at += span(after)
        self._story.add(self._at, do)
        return self

    def approve(self, who: str, after: str, comment: str = "") -> Self:
        """Somebody approves it as it is."""
        return self._then(after, lambda telling: telling.decide(self.key, who, Verdict.APPROVE, comment))

    def modify(self, who: str, after: str, change: Any, comment: str = "") -> Self:
        """Somebody approves it with changes."""
        return self._then(after, lambda telling: telling.decide(self.key, who, Verdict.MODIFY, comment, change=change))

    def reject(self, who: str, after: str, comment: str) -> Self:
        """Somebody rejects it."""
        return self._then(after, lambda telling: telling.decide(self.key, who, Verdict.REJECT, comment))

    def request_changes(self, who: str, after: str, comment: str) -> Self:
        """Somebody requests changes."""
        return self._then(after, lambda telling: telling.decide(self.key, who, Verdict.REQUEST_CHANGES, comment))

    def answer(self, who: str, after: str, answer: Any, comment: str = "") -> Self:
        """Somebody answers it."""
        return self._then(after, lambda telling: telling.decide(self.key, who, Verdict.ANSWER, comment, answer=answer))

    def comment(self, who: str, after: str, words: str, line: int | None = None, part: str = "") -> Self:
        """A person, or the agent that asked (``agent``), comments, perhaps at a line of a part of the proposal."""
        return self._then(after, lambda telling: telling.comment(self.key, who, words, CommentPlace(part, line)))

    def reply(self, who: str, after: str, words: str) -> Self:
        """A person, or the agent that asked (``agent``), replies to the last comment at a line."""
        return self._then(after, lambda telling: telling.reply(self.key, who, words))

    def resolve(self, who: str, after: str) -> Self:
        """Somebody resolves the last comment at a line."""
        return self._then(after, lambda telling: telling.resolve(self.key, who))

    def claim(self, who: str, after: str, minutes: int = 240) -> Self:
        """Somebody claims it."""
        return self._then(after, lambda telling: telling.claim(self.key, who, minutes))

    def assign(self, who: str, after: str, to: str) -> Self:
        """Somebody names the person who should decide it."""
        return self._then(after, lambda telling: telling.assign(self.key, who, to))

    def cancel(self, after: str, reason: str) -> Self:
        """The agent cancels it."""
        return self._then(after, lambda telling: telling.cancel(self.key, reason))

    def done(self, after: str, summary: str, status: ReceiptStatus = ReceiptStatus.APPLIED) -> Self:
        """The agent fetches the outcome half way through the span, and reports at its end what it did."""
        self._story.add(self._at + span(after) / 2, lambda telling: telling.collect(self.key))
        return self._then(after, lambda telling: telling.report(self.key, status, summary))
