"""Searches the audit log.

Searches by column or time use an index. Parts of details and names have no order: the newest entries are scanned, and
if too few of them match, blocks of older ones are found by their keys (`app.services.record.search_index`). Entries
that are not in a block yet are scanned, too, so that all are found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, func, or_, select, true, tuple_, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from app.store.record import AuditBlock, AuditEntry
from app.store.search import ACTOR_KEY, has_keys, may_contain

_BLOCK_KEYS: ColumnElement[Any] = AuditBlock.__table__.c["keys"]
LOOKED_THROUGH = 4_000
"""How many of the newest entries are scanned before blocks are searched."""
_SOME, _FARTHEST = 8, 16
"""If at least `_SOME` of those match, more are scanned first: at most `_FARTHEST` times as many."""


@dataclass(frozen=True)
class AuditFilter:
    """A search by an auditor; empty fields do not restrict it.

    Attributes:
        action: an action, or its beginning, such as ``request.``.
        actor: a person's id, or part of a name.
        text: part of the details, as written in JSON.
        since, until: entries at or after the first time, and before the second.
    """

    action: str = ""
    actor: str = ""
    request_id: str = ""
    run_id: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


def newest(session: Session, wanted: AuditFilter, before: int | None, limit: int) -> list[AuditEntry]:
    """The newest `limit` matching entries.

    Args:
        before: number of the last entry on the previous page.
    """
    if not (has_keys(wanted.text) or has_keys(wanted.actor)):
        query = select(AuditEntry).where(*conditions(wanted), *_after(wanted, before))
        return list(session.scalars(query.order_by(*_order(AuditEntry, wanted)).limit(limit)))
    seqs, enough = _among_the_newest(session, wanted, before, limit, LOOKED_THROUGH)
    if not enough and len(seqs) >= _SOME:
        # Where many blocks have one, to go on costs less than to look at what all those blocks hold.
        farther = min(2 * limit * LOOKED_THROUGH // len(seqs), _FARTHEST * LOOKED_THROUGH)
        seqs, enough = _among_the_newest(session, wanted, before, limit, farther)
    if not enough:
        seqs = _by_blocks(session, wanted, before, limit)
    query = select(AuditEntry).where(AuditEntry.seq.in_(seqs)).order_by(*_order(AuditEntry, wanted))
    return list(session.scalars(query))


def _among_the_newest(
    session: Session, wanted: AuditFilter, before: int | None, limit: int, looked_through: int
) -> tuple[list[int], bool]:
    """Numbers of the entries among the newest, and whether they fill the page or there are no others."""
    columns = replace(wanted, text="", actor="")
    fits = and_(*conditions(wanted)).label("fits")
    query = select(AuditEntry.seq, AuditEntry.at, fits).where(*conditions(columns), *_after(wanted, before))
    top = query.order_by(*_order(AuditEntry, wanted)).limit(looked_through + 1).subquery()
    in_order = func.array_agg(aggregate_order_by(top.c.seq, *_order(top.c, wanted)))
    looked, seqs = session.execute(select(func.count(), in_order.filter(top.c.fits)).select_from(top)).one()
    found = list(seqs or ())[:limit]
    return found, looked <= looked_through or len(found) == limit


def _by_blocks(session: Session, wanted: AuditFilter, before: int | None, limit: int) -> list[int]:
    """Numbers of the entries, found by the keys of blocks and among the entries after the last block.

    Nothing is ever added before the last block, so no entry is missed between the two.
    """
    covered = session.scalar(select(func.coalesce(func.max(AuditBlock.last_seq), 0))) or 0
    keyed: list[ColumnElement[bool]] = may_contain(_BLOCK_KEYS, [wanted.text])
    if has_keys(wanted.actor):
        keyed.append(_BLOCK_KEYS.bool_op("@>")(_actor_keys(wanted.actor)))
    fitting = (*conditions(wanted), *_after(wanted, before))
    columns = (AuditEntry.seq, AuditEntry.at)
    # The blocks first, and then the entries of each. Both are planned by themselves: PostgreSQL cannot know how few
    # they are, and might compare all entries with all blocks.
    blocks = select(AuditBlock.first_seq, AuditBlock.last_seq).where(*keyed).cte("blocks").prefix_with("MATERIALIZED")
    of_block = AuditEntry.seq.between(blocks.c.first_seq, blocks.c.last_seq)
    held = select(*columns).where(of_block, *fitting).offset(0).lateral("held")
    in_blocks = select(held.c.seq, held.c.at).select_from(blocks.join(held, true()))
    behind = select(*columns).where(AuditEntry.seq > covered, *fitting)
    few = union_all(in_blocks, behind).cte("few").prefix_with("MATERIALIZED")
    return list(session.scalars(select(few.c.seq).order_by(*_order(few.c, wanted)).limit(limit)))


def _actor_keys(actor: str) -> ColumnElement[Any]:
    key = func.unnest(func.assent_search_word(actor)).column_valued("key")
    return func.array(select(key.bool_op("|")(ACTOR_KEY)).scalar_subquery())


def _order(columns: Any, wanted: AuditFilter) -> tuple[ColumnElement[Any], ...]:
    """The order of writing; for a period, the order of times, by which it is found.

    The two differ only for entries written at the same moment.
    """
    return (columns.seq.desc(),) if wanted.until is None else (columns.at.desc(), columns.seq.desc())


def _after(wanted: AuditFilter, before: int | None) -> list[ColumnElement[bool]]:
    if before is None:
        return []
    if wanted.until is None:
        return [AuditEntry.seq < before]
    last = aliased(AuditEntry)
    at = select(last.at).where(last.seq <= before).order_by(last.seq.desc()).limit(1).scalar_subquery()
    return [tuple_(AuditEntry.at, AuditEntry.seq) < tuple_(at, before)]


def conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    """The conditions that entries must match."""
    found: list[ColumnElement[bool]] = []
    if wanted.action:
        found.append(AuditEntry.action.startswith(wanted.action, autoescape=True))
    if wanted.request_id:
        found.append(AuditEntry.request_id == wanted.request_id)
    if wanted.run_id:
        found.append(AuditEntry.run_id == wanted.run_id)
    if wanted.since is not None:
        found.append(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        found.append(AuditEntry.at < wanted.until)
    if wanted.actor:
        in_name = AuditEntry.actor_name.icontains(wanted.actor, autoescape=True)
        found.append(or_(AuditEntry.actor_id == wanted.actor, in_name))
    if wanted.text:
        # The column is canonical JSON as text, which is searched directly.
        found.append(func.strpos(func.lower(AuditEntry.detail.cast(Text)), func.lower(wanted.text)) > 0)
    return found
