"""Filters of the list of decided requests, as query conditions and as words of their documents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, false, func, literal, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import TSQUERY, array
from sqlalchemy.orm import aliased

from app.domain.errors import InvalidInputError
from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.domain.policy.access import TEAM
from app.domain.search_words import quoted, value_word, words_query
from app.services.reading.queue_filter import addressed_to_any, check_filter
from app.services.requests.search_documents import ANSWERED, BY_PERSON, NAMED, OUTCOME, TEAM_ASKED
from app.services.sight import seen_requests
from app.store.requests import ApprovalRequest, Comment, Decision, SearchDocument
from app.store.search import contains, like_literal

BY_NOBODY = ("policy", "grant", "rejection")
"""What decides instead of people: values of `DecidedFilter.decided_by`."""
OUTCOMES = tuple(state for state in RequestState if state is not RequestState.PENDING)
_TEXTS = ("decided_by", "workflow", "team", "kind", "text")


@dataclass(frozen=True)
class DecidedFilter:
    """A search among decided requests; empty fields do not restrict it.

    Attributes:
        decided_by: a person's id; or ``policy``, ``grant``, or ``rejection`` for what was decided without people.
        outcome: a state of a request.
        since, until: decided at or after the first time, and before the second. With `decided_by`, when they decided.
        workflow: a workflow's name.
        team: slug of a team whose approval was required.
        kind: a proposal's kind.
        risk: one of the risk levels.
        text: beginnings of words in the title, the content, and the comments; without a letter or a digit, it is
            found nowhere.
        viewer: only requests that this actor may see; None: all.
    """

    decided_by: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    workflow: str = ""
    team: str = ""
    kind: str = ""
    risk: str = ""
    text: str = ""
    viewer: Actor | None = None

    def __post_init__(self) -> None:
        check_filter(self.risk, {name: getattr(self, name) for name in _TEXTS})
        if self.outcome and self.outcome not in set(OUTCOMES):
            raise InvalidInputError(f"There is no outcome {self.outcome!r}.", {"outcome": "unknown"})

    @property
    def person(self) -> str:
        """The id of the person who decided; empty if it is not filtered by one."""
        return "" if self.decided_by in BY_NOBODY else self.decided_by

    @property
    def words(self) -> list[str]:
        """The words to search for, as conditions of PostgreSQL's text search."""
        return words_query(self.text)

    @property
    def column(self) -> str:
        """The column by which the requests are in the order of an index; empty: none."""
        return "" if self.person else next((name for name in NAMED if getattr(self, name)), "")


def value_query(wanted: DecidedFilter) -> str:
    """The values that a document must have, as PostgreSQL's text search has it; empty: any."""
    values = [(name, getattr(wanted, name)) for name in NAMED]
    values += [(OUTCOME, wanted.outcome), (TEAM_ASKED, wanted.team)]
    values.append((BY_PERSON, wanted.person) if wanted.person else (ANSWERED, wanted.decided_by))
    return " & ".join(quoted(value_word(name, value)) for name, value in values if value)


def word_query(wanted: DecidedFilter) -> str:
    """The words that a document must have, likewise."""
    return " & ".join(wanted.words)


def has_words(query: str, words: Any = SearchDocument.words) -> ColumnElement[bool]:
    """The condition that a document has these words."""
    found: ColumnElement[bool] = words.bool_op("@@")(cast(literal(query), TSQUERY))
    return found


def seen_by(wanted: DecidedFilter) -> list[ColumnElement[bool]]:
    """The condition on a request that the viewer may see it."""
    seen = seen_requests(wanted.viewer) if wanted.viewer is not None else None
    return [] if seen is None else [seen]


def restrictions(wanted: DecidedFilter) -> list[ColumnElement[bool]]:
    """The conditions on a request that the order of the list does not contain already."""
    found = seen_by(wanted)
    found += [
        getattr(ApprovalRequest, name) == getattr(wanted, name)
        for name in NAMED
        if getattr(wanted, name) and name != wanted.column
    ]
    if wanted.outcome:
        found.append(ApprovalRequest.state == wanted.outcome)
    if wanted.team:
        found.append(addressed_to_any({f"{TEAM}{wanted.team}"}))
    if wanted.decided_by and not wanted.person:
        found.append(ApprovalRequest.answered_by.startswith(f"{wanted.decided_by}:", autoescape=True))
    if words := word_query(wanted):
        found.append(_has_text(wanted.text, words))
    elif wanted.text.strip():
        found.append(false())  # Without a letter or a digit, there is nothing to find.
    return found


def _has_text(text: str, query: str) -> ColumnElement[bool]:
    current = (SearchDocument.request_id == ApprovalRequest.id, ~SearchDocument.stale)
    by_document = found_for_row(select(SearchDocument.request_id).where(*current, has_words(query)))
    without = ~found_for_row(select(SearchDocument.request_id).where(*current))
    return or_(by_document, and_(without, *(_is_somewhere(word) for word in text.split()[:12])))


def found_for_row(query: Select[Any]) -> ColumnElement[bool]:
    """The condition that a query about the row at hand finds something.

    With an OFFSET, PostgreSQL runs it for each row, instead of for all rows at once before the first one.
    """
    return query.offset(0).exists()


def _is_somewhere(word: str) -> ColumnElement[bool]:
    """A word in the texts themselves, for a request that has no document yet."""
    request = ApprovalRequest
    facts = request.title + "\n" + request.workflow + "\n" + request.agent + "\n" + request.requester_name
    # The content is stored as JSON with other characters than ASCII escaped.
    written = {json.dumps(form)[1:-1] for form in (word, word.lower(), word.upper(), word.capitalize())}
    content = func.lower(type_coerce(request.payload, Text))
    patterns = array([f"%{like_literal(form.lower())}%" for form in sorted(written)])
    # Aliases, because the list of a person's decisions is already one of this table.
    remark, vote = aliased(Comment), aliased(Decision)
    commented = select(remark.id).where(remark.request_id == request.id, contains(_text(remark.body), [word]))
    decided = select(vote.id).where(vote.request_id == request.id, contains(_text(vote.comment), [word]))
    in_content = content.bool_op("LIKE")(func.any(patterns))
    return or_(contains(facts, [word]), in_content, found_for_row(commented), found_for_row(decided))


def _text(column: Any) -> ColumnElement[str]:
    return type_coerce(column, Text)
