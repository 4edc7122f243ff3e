"""What reviewers leave out of a proposal: items, tool calls, and steps of a plan. Pure.

Leaving something out is not like other changes: nothing is proposed that the agent has not proposed, and everybody who
may approve the whole may approve less. It only needs more if what was left out protects what remains.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.domain.calls import is_made
from assent.contracts import CallDecision

_PARTS = {"optimizations": "items", "tool_calls": "calls", "plan": "steps"}
"""The field with the parts of each kind of proposal that has parts."""
_OF_A_CALL = ("decision", "message")
"""What reviewers say about a call, beside the call itself."""
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PROTECTS = frozenset((
    "backup", "backups", "bak", "snapshot", "snapshots", "dump", "dumps", "mysqldump", "mongodump", "savepoint",
    "rollback", "verify", "verification", "validate", "validation", "precheck", "preflight", "dryrun", "drain",
    "cordon", "quiesce", "failover", "standby",
))  # fmt: skip
_STATEMENT_PROTECTS = frozenset(("backup", "backups", "bak", "snapshot", "savepoint"))
_IN_TWO_WORDS = re.compile(
    r"\b(?:back(?:s|ed|ing)? +up|(dry) +runs?|(roll(?:s|ed|ing)?) +back|(?:restore|recovery) +points?)\b"
)
"""Protecting words that are written as two."""
_TIMEOUT = re.compile(r"\b(?:lock|statement)_timeout\b", re.IGNORECASE)
_DELETES = frozenset((
    "delete", "deletes", "remove", "removes", "drop", "drops", "prune", "prunes", "purge", "purges", "expire",
    "expires", "destroy", "destroys", "disable", "disables", "skip", "skips",
))  # fmt: skip


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
    statement = str(part.get("statement") or "")
    if _TIMEOUT.search(statement):
        return True
    if any(_names_a_safeguard(str(part.get(name) or "")) for name in ("title", "tool", "workflow", "id")):
        return True
    words = _words_in(statement[:2_000])
    return bool(_STATEMENT_PROTECTS & set(words)) and words[0] not in _DELETES


def _names_a_safeguard(name: str) -> bool:
    """True of “back up before delete”, not of “delete old backups”: what comes first is done to what follows."""
    words = _words_in(name)
    first = next((at for at, word in enumerate(words) if word in _PROTECTS), None)
    return first is not None and not _DELETES & set(words[:first])


def _words_in(text: str) -> list[str]:
    words = " ".join(word.lower() for word in _WORDS.findall(text))
    return _IN_TWO_WORDS.sub(_joined, words).split()


def _joined(found: re.Match[str]) -> str:
    return "dryrun" if found[1] else "rollback" if found[2] else "backup"
