"""The dialects, in the order in which they are tried."""

from __future__ import annotations

from typing import Any

from assent.dialects.agent_inbox import AgentInboxDialect
from assent.dialects.assent_proposal import AssentDialect
from assent.dialects.base import Asked, Dialect, jsonable, masked
from assent.dialects.breakpoint import BreakpointDialect
from assent.dialects.failure import FailureDialect
from assent.dialects.langchain import BatchedDialect, PerCallDialect
from assent.dialects.plain import SchemaDialect, ValueDialect
from assent.digests import digest_of

BATCHED = BatchedDialect()
DIALECTS: tuple[Dialect, ...] = (
    AssentDialect(),
    BATCHED,
    PerCallDialect(),
    AgentInboxDialect(),
    SchemaDialect(),
    ValueDialect(),
)
_NO_INTERRUPTS: tuple[Dialect, ...] = (FailureDialect(), BreakpointDialect())
BY_NAME: dict[str, Dialect] = {dialect.name: dialect for dialect in (*DIALECTS, *_NO_INTERRUPTS)}


def understand(interrupt_id: str, value: Any, response_schema: Any, node: str, agent: str) -> Asked:
    """Return an interrupt's question in the first dialect that recognizes it."""
    plain = jsonable(value)
    schema = jsonable(response_schema) if response_schema is not None else None
    for dialect in DIALECTS:
        seen = dialect.recognize(plain, schema)
        if seen is not None:
            return Asked(
                interrupt_id,
                dialect.name,
                seen.document,
                digest_of([plain, schema]),
                masked(seen.response_schema),
                node,
                agent,
            )
    raise AssertionError("the last dialect recognizes everything")


def value_digest(value: Any, response_schema: Any) -> str:
    """Return the digest for comparing a pending interrupt with the reviewed one."""
    return digest_of([jsonable(value), jsonable(response_schema)])
