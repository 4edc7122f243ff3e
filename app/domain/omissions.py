"""What reviewers leave out of a proposal: items, tool calls, and steps of a plan. Pure.

Leaving something out is not like other changes: nothing is proposed that the agent has not proposed, and everybody who
may approve the whole may approve less. It only needs more if what was left out protects what remains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.domain.calls import is_made
from assent.contracts import CallDecision

_PARTS = {"optimizations": "items", "tool_calls": "calls", "plan": "steps"}
"""The field with the parts of each kind of proposal that has parts."""
_OF_A_CALL = ("decision", "message")
"""What reviewers say about a call, beside the call itself."""
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PROTECTS = frozenset((
    "backup", "backups", "snapshot", "snapshots", "dump", "savepoint", "rollback", "verify", "verification", "validate",
    "validation", "precheck", "preflight", "dryrun", "drain", "cordon", "quiesce", "failover", "standby",
))  # fmt: skip
_STATEMENT_PROTECTS = frozenset(("backup", "backups", "snapshot", "savepoint"))
_TIMEOUT = re.compile(r"\b(?:lock|statement)_timeout\b", re.IGNORECASE)
_DELETES = frozenset(("delete", "deletes", "remove", "drop", "prune", "purge", "expire", "destroy", "disable"))


def parts_of(payload: Any) -> list[dict[str, Any]]:
    """The parts that reviewers can leave out one by one; empty for proposals without parts."""
    name = _PARTS.get(str(payload.get("kind"))) if isinstance(payload, Mapping) else None
    parts = payload.get(name) if isinstance(payload, Mapping) and name is not None else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def left_out(before: Any, after: Any) -> tuple[str, ...]:
    """The names of the parts that a change leaves out; empty if there are none, or if it changes anything else.

    Args:
        before: a proposal.
        after: the same proposal with a reviewer's change.
    """
    old, new = parts_of(before), parts_of(after)
    if not old or _without_parts(before) != _without_parts(after):
        return ()
    if before["kind"] == "tool_calls":
        # Calls stay in the list, and say that they are not made.
        same = len(old) == len(new) and all(was == now or _rejects(was, now) for was, now in zip(old, new, strict=True))
        return tuple(_name(was) for was, now in zip(old, new, strict=True) if was != now) if same else ()
    kept = {part.get("id") for part in new}
    if [part for part in old if part.get("id") in kept] != new:
        return ()
    return tuple(_name(part) for part in old if part.get("id") not in kept)


def lost_safeguards(before: Any, after: Any) -> tuple[str, ...]:
    """The names of the parts that a change leaves out and that would have protected what remains, such as a backup.

    Names are all there is to go by, so a part without such a name is not noticed.
    """
    done = {part.get("id") for part in parts_of(after) if part.get("decision") != CallDecision.REJECT}
    gone = [part for part in parts_of(before) if is_made(part) and part.get("id") not in done]
    return tuple(_name(part) for part in gone if _protects(part))


def _rejects(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """True if the change of a call is that it is left out, perhaps with a message that says why."""
    rejected = now.get("decision") == CallDecision.REJECT and is_made(dict(was))
    return rejected and _bare(was) == _bare(now)


def _without_parts(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != _PARTS.get(str(payload.get("kind")))}


def _bare(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if name not in _OF_A_CALL}


def _name(part: Mapping[str, Any]) -> str:
    words = part.get("title") or part.get("tool") or part.get("workflow") or part.get("id") or ""
    return str(words)[:100]


def _protects(part: Mapping[str, Any]) -> bool:
    names = [str(part.get(name) or "") for name in ("title", "tool", "workflow", "id")]
    words = set(_words_in(names))
    if words & _DELETES:
        return False  # leaving out what deletes backups loses none
    statement = str(part.get("statement") or "")
    if _TIMEOUT.search(statement) or "dry run" in " ".join(names).lower().replace("_", " ").replace("-", " "):
        return True
    first = statement.split(maxsplit=1)[0].lower() if statement.strip() else ""
    named = _STATEMENT_PROTECTS & set(_words_in([statement[:2_000]])) if first not in _DELETES else frozenset()
    return bool(words & _PROTECTS or named)


def _words_in(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield from (word.lower() for word in _WORDS.findall(text))
