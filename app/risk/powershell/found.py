"""What cmdlets that read give: objects of their noun, one, several, or all there are."""

from __future__ import annotations

import re

from app.risk.powershell.call import Call
from app.risk.powershell.values import Value
from app.risk.words import UNKNOWN as UNKNOWN_PART

_GETS_ALL = frozenset({"*", "unlimited"})
_NARROWS = ("identity", "name", "id", "literalpath", "displayname", "filterhashtable", "ldapfilter", "vmname",
            "resourcegroupname", "username", "member")  # fmt: skip


_ALL_OF_THEM = re.compile(
    r"[\s({'\"]*(?:[\w.]+\s+-i?(?:like|match)\s+['\"]?(?:\*+|\.\*|)['\"]?|[\w.]+\s+-ne\s+(?:\$?null|['\"]{2})"
    r"|enabled\s+-eq\s+['\"]?\$?true['\"]?|objectclass\s+-eq\s+['\"]?\w+['\"]?|true|1\s+-eq\s+1)[\s)}'\"]*",
    re.IGNORECASE,
)


def _gets_all(text: str) -> bool:
    """Return True if a filter lets everything through, as ``Name -like '*'`` does, also as one of alternatives."""
    if text.strip("'\" ") in _GETS_ALL:
        return True
    return any(_ALL_OF_THEM.fullmatch(part) for part in re.split(r"\s-or\s", text[:2_000], flags=re.IGNORECASE))


def found_by(call: Call) -> Value:
    """Return what a cmdlet gives that only reads: objects of its noun."""
    verb, _, noun = call.name.partition("-")
    origins = call.origins() - {"secret"} if verb == "test" else call.origins()
    if verb != "get":
        return Value(origin=origins, kind=noun if verb == "find" else "")
    chosen = call.find(*_NARROWS)
    if chosen is not None and chosen is call.named.get("filter"):
        chosen = None  # It is no short form of -FilterHashtable.
    filtered = chosen is not None or (bool(call.positional) and "all" not in call.named)
    narrow = call.value("filter", "where", "query", "property")
    everything = not filtered
    if narrow is not None and not (narrow.known and _gets_all(narrow.text)):
        everything = False
    named = next((value for value, _, _ in call.positional), None) or call.value(*_NARROWS)
    texts = named.texts if named is not None and named.table is None and named.block is None else (UNKNOWN_PART,)
    pattern = any(re.search(r"[*?]", text) for text in texts)
    several = everything or narrow is not None or pattern or (named is not None and named.items is not None)
    if pattern and any(text == "*" for text in texts):
        everything = True
    if narrow is not None and "role" in noun and (role := re.search(r"'([^']+)'", narrow.text)):
        texts = (role[1],)
    return Value(texts if not pattern else (UNKNOWN_PART,), kind=noun, origin=origins, many=several, every=everything)
