"""The tables of cmdlets and functions, and how they are filled.

A cmdlet either only reads, does one thing that a row describes, or has a function of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from app.risk.powershell.values import NOTHING, Value
from app.risk.rules import RiskRule
from app.risk.words import UNKNOWN
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.powershell.call import Call

Handler = Callable[["Call"], Value]
_TARGETS = (
    "identity", "name", "id", "literalpath", "path", "displayname", "inputobject", "username", "computername",
    "resourcegroupname", "vmname", "member", "members", "key", "driveletter", "number", "bucketname", "instanceid",
    "processdefinition", "mountpoint", "taskname", "servicename", "filepath", "value", "guid",
    "userid", "groupid", "objectid", "deviceid", "manageddeviceid", "url", "vm", "userprincipalname", "applicationid",
    "siteid", "teamid",
)  # fmt: skip
_MODULES = (
    "app.risk.powershell.drives",
    "app.risk.powershell.files",
    "app.risk.powershell.archives",
    "app.risk.powershell.running",
    "app.risk.powershell.network",
    "app.risk.powershell.objects",
    "app.risk.powershell.windows",
    "app.risk.powershell.protection",
    "app.risk.powershell.accounts",
    "app.risk.powershell.servers",
    "app.risk.powershell.cloud",
    "app.risk.powershell.toolkit",
    "app.risk.powershell.toolkit_acts",
)


@dataclass(frozen=True)
class Row:
    """What a cmdlet does.

    Attributes:
        words: The message; ``{what}`` stands for what it is given.
        many: The level if it is given many objects.
        every: The level if it is given all objects.
    """

    rule: RiskRule
    words: str
    level: RiskLevel
    many: RiskLevel
    every: RiskLevel


READS: set[str] = set()
"""Cmdlets that only read, print, or compute."""
ROWS: dict[str, Row] = {}
HANDLERS: dict[str, Handler] = {}


def reads(names: str) -> None:
    """Add cmdlets that only read, print, or compute."""
    READS.update(names.lower().split())


def does(
    rule: RiskRule,
    words: str,
    names: str,
    level: RiskLevel | None = None,
    many: RiskLevel | None = None,
    every: RiskLevel | None = None,
) -> None:
    """Add cmdlets that do this. Many objects are as bad as one unless `many` says otherwise."""
    usual = level or rule.severity
    several = max(usual, many or usual, key=lambda one: one.rank)
    for name in names.lower().split():
        if name in ROWS:
            raise ValueError(f"The cmdlet {name} is in the table twice.")
        ROWS[name] = Row(rule, words, usual, several, max(several, every or several, key=lambda one: one.rank))


def cmdlet(*names: str) -> Callable[[Handler], Handler]:
    """Add a function that knows what cmdlets of these names do."""

    def register(handler: Handler) -> Handler:
        for name in names:
            if name in HANDLERS:
                raise ValueError(f"The cmdlet {name} is in the table twice.")
            HANDLERS[name] = handler
        return handler

    return register


@cache
def filled() -> None:
    """Fill the tables, on first use."""
    for module in _MODULES:
        import_module(module)


def is_known(name: str) -> bool:
    """Return True if a cmdlet is in the tables."""
    filled()
    return name in HANDLERS or name in ROWS or name in READS


def sentence(words: str, shown: str) -> str:
    """Return a row's message about what a cmdlet is given."""
    return re.sub(
        r"(:? )?\{what(?:\|([^}]*))?\}", lambda m: f"{m[1] or ''}{shown or m[2]}" if shown or m[2] else "", words
    )


def do(row: Row, call: Call) -> Value:
    """Note what a cmdlet of a row does."""
    shown, known, many, every = target_of(call)
    level = row.every if every else row.many if many else row.level
    if _gives_power(row, call, shown) or (every and level is HIGH and _loses_all(row, call)):
        level = CRITICAL
    call.reading.add(row.rule, sentence(row.words, shown), call.line, level)
    if not known:
        call.reading.doubt()
    return Value(origin=frozenset({"secret"})) if row.rule.id == "powershell.secrets" else NOTHING


def _gives_power(row: Row, call: Call, shown: str) -> bool:
    """Return True if somebody gets rights to do everything, or the password of somebody who has them."""
    if call.name in _PASSWORDS:
        return bool(re.fullmatch(r"(?i)(?:.*\\)?(?:administrator|krbtgt)", shown.strip("'\"")))
    return row.rule.id in _RIGHTS and bool(re.match(r"add|new|register|write|set", call.name)) and gives_all(call)


def _loses_all(row: Row, call: Call) -> bool:
    """Return True if a cmdlet that is given all there is loses what somebody keeps."""
    return row.rule.id in _KEPT and bool(re.match(r"(?:remove|clear|delete)-", call.name))


HIGH, CRITICAL = RiskLevel.HIGH, RiskLevel.CRITICAL
_KEPT = frozenset(
    f"powershell.{name}" for name in ("accounts", "cloud", "directory", "mail", "machines", "secrets", "disks")
)
"""Rules about what somebody keeps: if all of it is removed, it is lost."""
_PASSWORDS = frozenset(("set-adaccountpassword", "set-aduserpassword"))
_RIGHTS = frozenset(("powershell.accounts", "powershell.mail"))
_ALL_RIGHTS = re.compile(
    r"62e90394-69f5-4237-9190-012177145e10|e8611ab8-c189-46e8-94e1-60213ab1f814|194ae4cb-b126-40b2-bd5b-6091b380977d"
    r"|8e3af657-a8ff-443c-a75c-2fe8c4bcb635|18d7d88d-d35e-4fb5-a5c3-7773c20a72d9|administratoraccess|iamfullaccess"
    r"|(?:global|company|privileged role) administrator|organization management|user access administrator"
    r"|^['\"]?(?:owner|sysadmin)['\"]?$|rolemanagement\.readwrite|directory\.readwrite\.all",
    re.IGNORECASE,
)
"""Roles that may do everything, or may give every role: of Azure, Entra ID, Microsoft 365, and Amazon."""


def gives_all(call: Call) -> bool:
    """Return True if an argument names a role that may do everything."""
    given = [*(value for value, _, _ in call.positional), *(value for value, _, _ in call.named.values() if value)]
    shown = [text for _, text, _ in [*call.positional, *call.named.values()]]
    texts = [text for value in given for item in value.each() for text in item.texts]
    return any(_ALL_RIGHTS.search(text) for text in [*texts, *shown])


def target_of(call: Call) -> tuple[str, bool, bool, bool]:
    """Return what a cmdlet is given: in words, whether it is known, several, or all there are."""
    found = call.find(*_TARGETS)
    value = found[0] if found is not None else None
    shown = found[1] if found is not None else ""
    if value is None and call.positional:
        value, shown, _ = call.positional[0]
    if value is None and call.input is not None:
        value = call.input
    if value is None or value is NOTHING:
        return "", not call.uncertain, False, False
    words = [word for word in value.words(call.line, shown) if word.text]
    known = all(word.known for word in words) or value.every or bool(value.kind and value is call.input)
    text = ", ".join(word.display.strip("\"'") for word in words[:3]) + (", …" if len(words) > 3 else "")
    if text in ("…", UNKNOWN) or len(text) > 120:
        text = ""
    pattern = any(word.text in ("*", "%") for word in words)
    many = value.many or len(words) > 3 or any(word.glob for word in words)
    return text, known, many, value.every or pattern or _is_each(call)


def _is_each(call: Call) -> bool:
    """Return True if an argument that the cmdlet is given is one of all there are, whatever the parameter's name."""
    return any(value is not None and value.every for value, _, _ in call.named.values())
