"""A worker's side of routing: takes texts, routes them, and stores the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.services.clock import Clock
from app.services.runs.catalog import is_offered
from app.store.engine import Sessions
from app.store.routing import ROUTED_CHANNEL
from app.store.runs import CatalogueEntry
from assent.routing.inputs import inputs_of
from assent.routing.router import Answer, Model, Router
from assent.routing.text import corrected_key

WAITS_SECONDS = 10.0
"""Texts that are older than this are no longer routed: nobody waits for them."""
ABANDONED_SECONDS = 5.0
"""A worker that has not answered after this time has probably died; another one takes the text while people wait."""
KEPT, CORRECTIONS_KEPT = timedelta(days=30), timedelta(days=365)
_TAKE = """
    update routings set taken_at = %(now)s where id = (
        select id from routings where answered_at is null and asked_at > %(oldest)s
            and (taken_at is null or taken_at < %(abandoned)s)
        order by asked_at limit 1 for update skip locked)
    returning id, asker_id, text, key"""
# The last choice of each person for the same text: the asker's own, and those of people who share a team.
_CORRECTIONS = """
    select distinct on (asker_id) asker_id, chosen from routings
    where key = %(key)s and chosen <> '' and (asker_id = %(asker)s or exists (
        select from team_members as own join team_members as other on other.team_slug = own.team_slug
        where own.person_id = %(asker)s and other.person_id = asker_id))
    order by asker_id, chosen_at desc limit 100"""
_ANSWER = f"""
    with answered as (
        update routings set answer = %(answer)s, answered_at = %(now)s
        where id = %(id)s and answered_at is null returning id)
    select pg_notify('{ROUTED_CHANNEL}', id) as told from answered"""
_SWEEP = """
    delete from routings where asked_at < %(old)s and (chosen = '' or asked_at < %(very_old)s) returning id"""


class RouterDesk:
    """Routes the texts that wait.

    Args:
        model: Asked when the classifier is not sure.
    """

    def __init__(self, sessions: Sessions, clock: Clock, model: Model | None = None) -> None:
        self._sessions = sessions
        self._clock = clock
        self._model = model

    def answer_all(self) -> int:
        """Route all texts that wait for it, and return their number."""
        count = 0
        while self._answer_one():
            count += 1
        return count

    def _answer_one(self) -> bool:
        now = self._clock()
        values = {
            "now": now, "oldest": now - timedelta(seconds=WAITS_SECONDS),
            "abandoned": now - timedelta(seconds=ABANDONED_SECONDS),
        }  # fmt: skip
        taken = self._sessions.execute(_TAKE, values)
        if not taken:
            return False
        [row] = taken
        installed = self._installed()
        titles = {entry.name: entry.title for entry in installed.values()}
        answer = Router(titles, self._model, self._corrections(row)).route(row["text"])
        document = answer.document() | {"outside": answer.outside, "inputs": _inputs(answer, installed)}
        stored = {"id": row["id"], "answer": json.dumps(document), "now": self._clock()}
        self._sessions.execute(_ANSWER, stored)
        return True

    def _installed(self) -> Mapping[str, CatalogueEntry]:
        with self._sessions.reads() as session:
            return {entry.name: entry for entry in session.scalars(select(CatalogueEntry).where(is_offered()))}

    def _corrections(self, row: Mapping[str, Any]) -> dict[str, str]:
        """What the asker chose for this text before; or else what all colleagues chose, if they agree."""
        rows = self._sessions.execute(_CORRECTIONS, {"key": row["key"], "asker": row["asker_id"]})
        own = {found["chosen"] for found in rows if found["asker_id"] == row["asker_id"]}
        chosen = own or {found["chosen"] for found in rows}
        return {corrected_key(row["text"]): chosen.pop()} if len(chosen) == 1 else {}

    def sweep(self) -> int:
        """Delete texts that are old; those with a choice are kept longer. Returns their number."""
        now = self._clock()
        return len(self._sessions.execute(_SWEEP, {"old": now - KEPT, "very_old": now - CORRECTIONS_KEPT}))


def _inputs(answer: Answer, installed: Mapping[str, CatalogueEntry]) -> dict[str, dict[str, Any]]:
    """What the text says for the start form of each workflow that is offered."""
    names = [answer.workflow or "", *(other.workflow for other in answer.alternatives)]
    found = {name: inputs_of(answer.text, installed[name].input_schema) for name in names if name in installed}
    return {name: values for name, values in found.items() if values}
