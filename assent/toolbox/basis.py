"""What a proposal rests on: the reads it was made from, which are made again right before the action.

Hours may pass between a proposal and its approval. ::

    def look(state):
        basis = read(analyze_schema, {"target": "shop"}, {"tables.*.rows": "magnitude", "tables.*.indexes": "exact"})
        return {"basis": [basis.model_dump(mode="json")]}

    def ask(state):
        proposal = propose(create_index, state["plan"], rests_on=state["basis"], changed=state.get("changed"))
        return {"outcome": request_approval(proposal).model_dump(mode="json")}

    def act(state):
        try:
            return {"result": apply(create_index, state["outcome"], reads=[analyze_schema]).document}
        except BasisChangedError as error:  # nothing was applied, and the receipt says so: look again, and ask again
            return {"changed": error.changed.model_dump(mode="json")}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from assent.contracts import Basis, BasisChange, BasisValue, Changed, Outcome, Question, Tolerance
from assent.digests import digest_of
from assent.masking import mask_text
from assent.toolbox.calls import USUAL, Limits, ToolResult, acall, call
from assent.toolbox.differences import Difference, differences, shown_path, value_at
from assent.toolbox.discovery import process_registry
from assent.toolbox.errors import ToolError, UnknownToolError
from assent.toolbox.model import Tool

LONGEST_VALUE = 10_000
"""Characters of JSON of a value that a proposal contains; of a longer one, it contains the start and the digest."""
_SHOWN = 300
MOST_CHANGES = 100
MOST_TIMES = 1_000
_NAMED = 5
PATIENCE = 3
"""How often a proposal is made again, because what it rests on has changed, before a person is asked what to do."""
AGAIN, STOP = "propose again", "stop"

Counts = Mapping[str, "Tolerance | str | float"]
"""What counts, by path: a `Tolerance` or its value, or the share by which a number may change."""


def read(tool: Tool, inputs: Mapping[str, Any], counts: Counts, *, limits: Limits = USUAL) -> Basis:
    """Call a tool that only reads, and return what counts of its output, for a proposal to rest on.

    Call it in an earlier node than `request_approval`: the proposal must be the same when that node runs again.

    Args:
        counts: paths in the output, and how much the values there may change. ``tables.orders.rows`` is the field of a
            field; ``tables.*.rows`` are those of all tables, and then a new table and a missing one count, too.

    Raises:
        ValueError: there is nothing at a path, or a tolerance is unknown.
        ApprovalRequiredError: the tool does not only read. Nothing was called.
        ToolInputError, ToolOutputError, ToolFailedError, ToolTimeoutError: as for `call`.
    """
    return basis_of(call(tool, inputs, limits=limits), inputs, counts)


async def aread(tool: Tool, inputs: Mapping[str, Any], counts: Counts, *, limits: Limits = USUAL) -> Basis:
    """As `read`, without blocking the event loop."""
    return basis_of(await acall(tool, inputs, limits=limits), inputs, counts)


def basis_of(result: ToolResult, inputs: Mapping[str, Any], counts: Counts) -> Basis:
    """Return what counts of what `call` has returned. Raises ValueError as `read`."""
    return basis_from(result.tool, inputs, result.document, counts)


def basis_from(tool: Tool, inputs: Mapping[str, Any], output: Mapping[str, Any], counts: Counts) -> Basis:
    """Return what counts of something that the tool would have returned just now. Raises ValueError as `read`."""
    if not tool.reads_only:
        raise ValueError(f"{tool.name} does not only read, so that no proposal can rest on it.")
    values = []
    for path, tolerance in counts.items():
        try:
            value = value_at(output, path)
        except LookupError:
            raise ValueError(f"There is nothing at {path!r} in the output of {tool.name}.") from None
        values.append(_kept(path, value, tolerance))
    return Basis(
        tool=tool.name, version=tool.version, inputs=dict(inputs), read_at=datetime.now(UTC), values=values
    )  # fmt: skip


def _kept(path: str, value: JsonValue, tolerance: Tolerance | str | float) -> BasisValue:
    share = None
    if isinstance(tolerance, int | float):
        tolerance, share = Tolerance.SHARE, float(tolerance)
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > LONGEST_VALUE:
        if tolerance != Tolerance.EXACT:
            raise ValueError(f"What is at {path!r} is too long to be compared with a tolerance: name parts of it.")
        # Masked before it is cut, so that no secret is cut in half and missed.
        shown = f"{mask_text(text)[:_SHOWN]}…"
        return BasisValue(path=path, value=shown, digest=digest_of(value))
    return BasisValue(path=path, value=value, tolerance=Tolerance(tolerance), share=share)


def changes_since(
    outcome: Outcome | Mapping[str, Any], reads: Iterable[Tool] = (), *, limits: Limits = USUAL
) -> Changed | None:
    """Make the reads again on which an approved proposal rests. Call it in the node that acts, right before it acts.

    Args:
        outcome: of the proposal, or its JSON.
        reads: the tools to read with. Tools that are not named here are looked up in the registry of
            the process, or among those of installed packages.

    Returns:
        What has changed, or could not be read; None if the proposal still holds, or rests on nothing.
    """
    check = _Check(outcome, reads)
    for basis, tool in check.due():
        try:
            check.compare(basis, call(tool, basis.inputs, limits=limits).document)
        except ToolError as error:
            check.unreadable(basis, str(error))
    return check.found()


async def achanges_since(
    outcome: Outcome | Mapping[str, Any], reads: Iterable[Tool] = (), *, limits: Limits = USUAL
) -> Changed | None:
    """As `changes_since`, without blocking the event loop."""
    check = _Check(outcome, reads)
    for basis, tool in check.due():
        try:
            check.compare(basis, (await acall(tool, basis.inputs, limits=limits)).document)
        except ToolError as error:
            check.unreadable(basis, str(error))
    return check.found()


class _Check:
    """The reads of one proposal, made again."""

    def __init__(self, outcome: Outcome | Mapping[str, Any], reads: Iterable[Tool]) -> None:
        self._outcome = outcome if isinstance(outcome, Outcome) else Outcome.model_validate(outcome)
        payload = self._outcome.payload
        stated = payload if isinstance(payload, dict) else {}
        self._rests_on = [Basis.model_validate(basis) for basis in stated.get("rests_on") or ()]  # type: ignore[union-attr]
        earlier = stated.get("changed")
        self._times = Changed.model_validate(earlier).times if earlier else 0
        self._reads = {tool.name: tool for tool in reads}
        self._changes: list[BasisChange] = []

    def due(self) -> Iterator[tuple[Basis, Tool]]:
        """Yield what can be read again; the rest is noted as unreadable, and nothing of it is called."""
        for basis in self._rests_on:
            try:
                yield basis, self._tool(basis)
            except UnknownToolError as error:
                self.unreadable(basis, str(error))

    def _tool(self, basis: Basis) -> Tool:
        tool = self._reads.get(basis.tool) or (process_registry()).get(
            f"{basis.tool}@{basis.version}" if basis.version else basis.tool
        )
        if not tool.reads_only:
            raise UnknownToolError(f"{tool.name} does not only read, so that it was not called.")
        if basis.version and tool.version != basis.version:
            raise UnknownToolError(f"It was read with version {basis.version}; version {tool.version} is in use now.")
        return tool

    def compare(self, basis: Basis, output: Mapping[str, JsonValue]) -> None:
        """Note what has changed."""
        for kept in basis.values:
            try:
                now = value_at(output, kept.path)
            except LookupError:
                self._note(basis, Difference((), kept.value, None, "gone"), kept.path)
                continue
            if kept.digest:
                if digest_of(now) != kept.digest:
                    self._note(basis, Difference((), kept.value, now, ""), kept.path)
                continue
            for difference in differences(kept.value, now, kept.tolerance, kept.share):
                self._note(basis, difference, kept.path)

    def _note(self, basis: Basis, found: Difference, path: str) -> None:
        self._changes.append(BasisChange(
            tool=basis.tool, path=shown_path(path, found.names)[:1_000], before=_short(found.before),
            now=_short(found.now), problem=found.problem,
        ))  # fmt: skip

    def unreadable(self, basis: Basis, why: str) -> None:
        """Note that it could not be read."""
        self._changes.append(BasisChange(tool=basis.tool, problem=mask_text(why)[:2_000]))

    def found(self) -> Changed | None:
        """Return what has changed; None: nothing."""
        if not self._changes:
            return None
        return Changed(
            request_id=self._outcome.request_id, times=min(self._times + 1, MOST_TIMES), noticed_at=datetime.now(UTC),
            changes=self._changes[:MOST_CHANGES],
        )  # fmt: skip


def _short(value: JsonValue) -> JsonValue:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _SHOWN else f"{mask_text(text)[:_SHOWN]}…"


def summary_of(changed: Changed) -> str:
    """Return what has changed in a sentence or two, for a receipt."""
    return f"Nothing was applied, because what it rested on has changed: {changes_in_words(changed)}."


def changes_in_words(changed: Changed) -> str:
    """Return the first changes in words, without a full stop, and without secrets."""
    parts = [_in_words(change) for change in changed.changes[:_NAMED]]
    more = len(changed.changes) - len(parts)
    return mask_text("; ".join([*parts, *([f"and {more} more"] if more else [])]))


def _in_words(change: BasisChange) -> str:
    if not change.path:
        return f"{change.tool} could not be read again ({change.problem.rstrip('.')})"
    if change.problem:
        return f"{change.path} is {change.problem}"
    before, now = (json.dumps(value, ensure_ascii=False) for value in (change.before, change.now))
    return f"{change.path} was {before}, and is {now}"


def asks_people(changed: Changed | Mapping[str, Any]) -> bool:
    """Return whether it is time to ask people what to do, instead of making the proposal once more."""
    return Changed.model_validate(changed).times % PATIENCE == 0


def question_about(changed: Changed | Mapping[str, Any], title: str) -> Question:
    """Return the question what to do, after proposals could not be applied several times in a row.

    The answer is `AGAIN` or `STOP`. A proposal that is made after it names the question's request in its `changed`, so
    that it is linked to it.

    Args:
        changed: what has changed, or its JSON.
        title: of what was proposed.
    """
    changed = Changed.model_validate(changed)
    return Question(
        title=f"What now? {title}"[:200],
        question=f"This was approved {changed.times} times, and each time something had changed before it was applied. "
        f"{summary_of(changed)}\n\nPropose it again, as things are now, or stop?",
        answer_schema={"type": "string", "enum": [AGAIN, STOP], "title": "What to do"},
        changed=changed,
    )
