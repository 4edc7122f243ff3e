"""Recalling: the lessons for values that a workflow is about to propose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.domain.lessons import Recalled, chosen
from app.domain.likeness import keys_of, similarity
from app.domain.people import Actor, Via
from app.domain.run_protocol import Statement
from app.services.lessons.book import known
from app.services.lessons.meanings import meaning, vectors_of
from app.store.engine import Sessions
from app.store.lessons import Lesson
from app.store.people import Person
from app.store.runs import Run
from app.store.vectors import ITERATE, has_vectors, vector_text
from assent.lessons import Proposed, RecalledLesson
from assent.situations import Situation

AT_MOST = 20
"""How many lessons are compared with each situation, found by words and by meaning."""
_VISIBLE = """
    lesson.state = 'active' and lesson.workflow = %(workflow)s and (%(step)s = '' or lesson.node = %(step)s)
    and (%(account)s = lesson.requester_id or not %(own_only)s
        and (cardinality(lesson.audience) = 0 or lesson.audience && %(addresses)s::text[]))"""
_ANY = f"select exists (select from lessons as lesson where {_VISIBLE}) as found"
_BY_WORDS = f"""
    select found.id, asked.number from jsonb_array_elements(%(asked)s::jsonb) with ordinality as asked (item, number)
    cross join lateral (
        select lesson.id from lessons as lesson
        where {_VISIBLE} and lesson.kind = asked.item ->> 'kind'
            and lesson.keys && array(select jsonb_array_elements_text(asked.item -> 'keys'))
        order by cardinality(array(select unnest(lesson.keys) intersect
            select jsonb_array_elements_text(asked.item -> 'keys'))) desc, lesson.learned_at desc, lesson.id
        limit {AT_MOST}) as found"""
_BY_MEANING = f"""
    select found.id, asked.number from jsonb_array_elements(%(asked)s::jsonb) with ordinality as asked (item, number)
    cross join lateral (
        select lesson.id from lesson_vectors as vector join lessons as lesson on lesson.id = vector.lesson_id
        where {_VISIBLE} and lesson.kind = asked.item ->> 'kind'
        order by vector.embedding <=> (asked.item ->> 'vector')::halfvec(256)
        limit {AT_MOST}) as found"""


@dataclass(frozen=True)
class LessonReader:
    """Whom a proposal is made for, which decides which lessons it may use.

    Attributes:
        account: the person's ID; empty: nobody's.
        addresses: the person and their teams, in the form of `app.domain.policy.access`.
        own_only: only lessons from requests of this account, because an agent acts that sees no others.
    """

    account: str
    addresses: frozenset[str]
    own_only: bool = False

    @classmethod
    def of(cls, actor: Actor) -> LessonReader:
        """The reader for calls of an actor."""
        return cls(actor.id, actor.member.addresses, not actor.sees_everything)


class Recalling:
    """Finds lessons. It loads the embeddings on first use, so it belongs in workers and helper processes."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def for_run(self, run_id: str, proposed: Sequence[Proposed], step: str = "") -> list[RecalledLesson]:
        """The lessons for proposed values of a run, as `recall`."""
        with self._sessions.reads() as session:
            run = session.get_one(Run, run_id)
            person = session.get(Person, run.started_by_id) if run.started_by_id else None
            addresses = person.as_actor(Via.WORKER).member.addresses if person is not None else frozenset()
            workflow = run.workflow
            reader = LessonReader(run.started_by_id or "", addresses, bool(run.started_by_agent))
        return self.recall(reader, workflow, proposed, step)

    def recall(
        self, reader: LessonReader, workflow: str, proposed: Sequence[Proposed], step: str = ""
    ) -> list[RecalledLesson]:
        """The lessons of a workflow for proposed values: the best three for each, the one that applies first.

        Args:
            step: only lessons from requests of this node; empty: of any.
        """
        given = {
            "workflow": workflow, "step": step, "account": reader.account, "own_only": reader.own_only,
            "addresses": sorted(reader.addresses),
        }  # fmt: skip
        if not proposed or not self._sessions.execute(_ANY, given)[0]["found"]:
            return []
        pairs = self._candidates(given, [item.situation for item in proposed])
        with self._sessions.reads() as session:
            rows = session.scalars(select(Lesson).where(Lesson.id.in_({lesson_id for _, lesson_id in pairs})))
            lessons = {row.id: known(row) for row in rows}
        compare = meaning()
        found: list[RecalledLesson] = []
        for number, item in enumerate(proposed):
            matches = [
                (lessons[lesson_id], similarity(item.situation, lessons[lesson_id].situation, compare))
                for at, lesson_id in pairs
                if at == number and lesson_id in lessons
            ]
            found += [_told(recalled, number) for recalled in chosen(item.value, matches, item.guess)]
        return found

    def _candidates(self, given: dict[str, Any], situations: Sequence[Situation]) -> list[tuple[int, str]]:
        asked = [{"kind": item.kind, "keys": keys_of(item)} for item in situations]
        statements = [Statement(_BY_WORDS, given | {"asked": json.dumps(asked)})]
        vectors = vectors_of(situations) if has_vectors(self._sessions) else None
        if vectors is not None:
            pointed = [
                {"kind": item.kind, "vector": vector_text(vector)}
                for item, vector in zip(situations, vectors, strict=True)
                if any(vector)
            ]
            places = [number for number, vector in enumerate(vectors) if any(vector)]
            by_meaning = Statement(_BY_MEANING, given | {"asked": json.dumps(pointed)})
            statements = [Statement(ITERATE, {}), *statements, by_meaning]
        results = self._sessions.together(statements)
        if vectors is None:
            return sorted({(row["number"] - 1, row["id"]) for row in results[0]})
        near = {(places[row["number"] - 1], row["id"]) for row in results[2]}
        return sorted(near | {(row["number"] - 1, row["id"]) for row in results[1]})


def _told(recalled: Recalled, number: int) -> RecalledLesson:
    lesson = recalled.lesson
    return RecalledLesson(
        lesson=lesson.id, number=number, before=lesson.before, after=lesson.after,
        similarity=round(recalled.similarity, 3), votes_for=lesson.votes_for, votes_against=lesson.votes_against,
        applies=recalled.applies, reason=recalled.reason, by=lesson.by, at=lesson.at, why=lesson.why,
    )  # fmt: skip
