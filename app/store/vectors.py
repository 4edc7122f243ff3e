"""Embeddings of lessons, where the database has the extension pgvector.

They are in a table of their own that is made after the migrations, because the extension may be missing, may not be
ours to create, or may come later. Without it, lessons are found by their words alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import psycopg
from psycopg.errors import Error

from app.store.engine import Sessions
from assent.meaning import DIMENSIONS

TABLE = "lesson_vectors"
# A minimum of 0.7: earlier versions have no half precision.
_CREATE = f"""
    create table if not exists {TABLE} (
        lesson_id text primary key references lessons (id) on delete cascade,
        embedding halfvec({DIMENSIONS}) not null);
    create index if not exists ix_{TABLE}_embedding on {TABLE} using hnsw (embedding halfvec_cosine_ops)"""
EXISTS = f"select to_regclass('{TABLE}') is not null as found"
# From the lessons, because one of them may have been deleted meanwhile.
PUT = f"""
    insert into {TABLE} (lesson_id, embedding)
    select lessons.id, put.embedding::halfvec({DIMENSIONS})
    from json_to_recordset(%(vectors)s::json) as put (lesson text, embedding text)
        join lessons on lessons.id = put.lesson
    on conflict (lesson_id) do update set embedding = excluded.embedding"""
MISSING_AT_ONCE = 200
MISSING = f"""
    select id, situation from lessons where state = 'active'
        and not exists (select from {TABLE} where lesson_id = lessons.id) order by learned_at limit {MISSING_AT_ONCE}"""
# Other workflows' lessons may be nearer: the index continues until it has found enough of the right ones. Versions
# before 0.8 cannot do that, and refuse the setting.
ITERATE = r"""
    select set_config('hnsw.iterative_scan', 'relaxed_order', true)
    from pg_extension where extname = 'vector' and extversion !~ '^0\.[0-7](\.|$)'"""


def prepare_vectors(connection: psycopg.Connection) -> bool:
    """Create the extension and the table if that is possible. Returns whether they are there."""
    try:
        with connection.transaction():
            connection.execute("create extension if not exists vector")
            connection.execute(_CREATE)
    except Error:
        return False
    return True


def has_vectors(sessions: Sessions) -> bool:
    """Return whether the database stores embeddings of lessons."""
    return bool(sessions.execute(EXISTS, {})[0]["found"])


def vector_text(numbers: Iterable[float]) -> str:
    """The text of a vector, as pgvector reads it."""
    return f"[{','.join(f'{number:.5f}' for number in numbers)}]"


def put_vectors(sessions: Sessions, vectors: Sequence[tuple[str, str]]) -> None:
    """Store embeddings, each with its lesson's ID; those of lessons that no longer exist are left out."""
    rows = [{"lesson": lesson_id, "embedding": embedding} for lesson_id, embedding in vectors]
    sessions.execute(PUT, {"vectors": json.dumps(rows)})
