"""Searches the audit log.

Searches by column or time use an index. Parts of details, names, and titles have no order: the newest entries are
scanned, and if too few of them match, blocks of older ones are found by their keys
(`app.services.record.search_index`). Entries that are not in a block yet are scanned, too, so that all are found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, func, or_, select, true, tuple_, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.store.record import AuditBlock, AuditEntry
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from app.store.search import ACTOR_KEY, TITLE_KEY, has_keys, may_contain
from assent.digests import canonical

_BLOCK_KEYS: ColumnElement[Any] = AuditBlock.__table__.c["keys"]
LOOKED_THROUGH = 4_000
"""How many of the newest entries are scanned before blocks are searched."""
_SOME, _FARTHEST = 8, 16
"""If at least `_SOME` of those match, more are scanned first: at most `_FARTHEST` times as many."""


@dataclass(frozen=True)
class AuditFilter:
    """A search by an auditor; empty fields do not restrict it.

    Attributes:
        action: an action, or its beginning, such as ``request.``; for decisions also with the verdict, such as
            ``request.decided:reject``. ``request.decided:approve`` includes approvals with changes.
        actor: a person's id, or part of a name.
        title: part of the title of the entry's request or run.
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
    title: str = ""

    @property
    def action_name(self) -> str:
        """The action or its beginning, without a verdict."""
        return self.action.partition(":")[0]

    @property
    def verdicts(self) -> list[str]:
        """The verdicts of decisions, as written in the details; empty: all."""
        verdict = self.action.partition(":")[2]
        found = ["approve", "modify"] if verdict == "approve" else [verdict] if verdict else []
        return [f'"verdict":{canonical(name)}' for name in found]

    @property
    def is_searched(self) -> bool:
        """True if it has a part of a text that blocks can find."""
        return len(self.verdicts) == 1 or any(map(has_keys, (self.text, self.actor, self.title)))


def newest(session: Session, wanted: AuditFilter, before: int | None, limit: int) -> list[AuditEntry]:
    """The newest `limit` matching entries.

    Args:
        before: number of the last entry on the previous page.
    """
    if not wanted.is_searched:
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
    columns = replace(wanted, text="", actor="", title="", action=wanted.action_name)
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
    keyed: list[ColumnElement[bool]] = may_contain(
        _BLOCK_KEYS, [wanted.text, *(wanted.verdicts if len(wanted.verdicts) == 1 else ())]
    )
    for words, mark in ((wanted.actor, ACTOR_KEY), (wanted.title, TITLE_KEY)):
        if has_keys(words):
            keyed.append(_BLOCK_KEYS.bool_op("@>")(_marked_keys(words, mark)))
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


def _marked_keys(words: str, mark: int) -> ColumnElement[Any]:
    key = func.unnest(func.assent_search_word(words)).column_valued("key")
    return func.array(select(key.bool_op("|")(mark)).scalar_subquery())


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
        found.append(AuditEntry.action.startswith(wanted.action_name, autoescape=True))
    if wanted.verdicts:
        detail = AuditEntry.detail.cast(Text)
        found.append(or_(*(detail.contains(verdict, autoescape=True) for verdict in wanted.verdicts)))
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
    if wanted.title:
        of_request = _titled(ApprovalRequest, AuditEntry.request_id, wanted)
        found.append(or_(of_request, _titled(Run, AuditEntry.run_id, wanted)))
    return found


def _titled(
    table: type[ApprovalRequest] | type[Run], entry_id: InstrumentedAttribute[str | None], wanted: AuditFilter
) -> Any:
    fits = func.strpos(func.lower(table.title), func.lower(wanted.title)) > 0
    # With an OFFSET, PostgreSQL looks at the title of each entry, instead of at all titles before the first entry.
    return select(table.id).where(table.id == entry_id, fits).offset(0).exists()
