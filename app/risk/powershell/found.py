"""What cmdlets that read give: objects of their noun, one, several, or all there are."""

from __future__ import annotations

import re

from app.risk.powershell.call import Call
from app.risk.powershell.values import Value
from app.risk.words import UNKNOWN as UNKNOWN_PART

_GETS_ALL = frozenset({"*", "unlimited"})
_NARROWS = ("identity", "name", "id", "literalpath", "displayname", "filterhashtable", "ldapfilter", "vmname",
            "resourcegroupname", "username", "member")  # fmt: skip


def found_by(call: Call) -> Value:
    """Return what a cmdlet gives that only reads: objects of its noun."""
    verb, _, noun = call.name.partition("-")
    origins = call.origins() - {"secret"} if verb == "test" else call.origins()
    if verb != "get":
        return Value(origin=origins, kind=noun if verb == "find" else "")
    filtered = call.find(*_NARROWS) is not None or bool(call.positional)
    narrow = call.value("filter", "where", "query", "property")
    everything = not filtered
    if narrow is not None and not (narrow.known and narrow.text.strip("'\" ") in _GETS_ALL):
        everything = False
    named = next((value for value, _, _ in call.positional), None) or call.value(*_NARROWS)
    texts = named.texts if named is not None and named.table is None and named.block is None else (UNKNOWN_PART,)
    pattern = any(re.search(r"[*?]", text) for text in texts)
    several = everything or narrow is not None or pattern or (named is not None and named.items is not None)
    if pattern and any(text == "*" for text in texts):
        everything = True
    return Value(texts if not pattern else (UNKNOWN_PART,), kind=noun, origin=origins, many=several, every=everything)
