"""What the arguments of a call switch off, or open to everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.risk.rules import RiskRule, declare, word_set
from app.risk.tools import names
from app.risk.tools.call import Setting, words_in
from app.risk.tools.manner import Manner
from app.risk.tools.powers import OPEN
from assent.contracts import RiskLevel

OFF = declare(
    "tool.args.protection_off",
    RiskLevel.HIGH,
    "An argument switches a protection off.",
    names.example("update_user", '{"mfa": {"required": false}}'),
    names.example("update_user", '{"mfa": {"required": true}}'),
    language=names.TOOL,
)
_SWITCHES_OFF = word_set("disable disabled skip bypass ignore insecure unsafe unprotected noverify suppress without")
_ON = word_set("enabled enable required require active on enforce enforced status state mode")
NONE = re.compile(r"false|off|disabled?|none|no|never|suspended|inactive|0|bypass|optional", re.IGNORECASE)
_RULES = word_set("rule rules policy policies statements value settings")
"""What holds a protection that the tool's name names; without it, nothing protects."""
_PUBLIC_KEYS = word_set(
    "public publicly anonymous world everyone guest guests anyone external internet unauthenticated"
)
_ANSWERS = word_set("comment comments reply replies answer message note ticket")
_ACCESS_KEYS = word_set("acl visibility access sharing share exposure audience scope privacy principal principals")
_PUBLIC = re.compile(
    r"public(?:-read(?:-write)?)?|anyone(?:[_ ]?with[_ ]?(?:the[_ ]?)?link)?|everyone|world|all[_ ]?users|allusers"
    r"|anonymous|unlisted|\*",
    re.IGNORECASE,
)
_ANYONE = re.compile(
    r"anonymous(?:link)?|anyone(?:[_ ]?with[_ ]?(?:the[_ ]?)?link)?|all[_ ]?users|allauthenticatedusers", re.IGNORECASE
)


def switches(manner: Manner, setting: Setting) -> Iterator[tuple[RiskRule, str]]:
    """What is switched off, or opened to everybody."""
    path = setting.path
    words, protects = setting.all_words, names.protects(setting.all_words)
    own = names.protects(list(setting.words)) or (protects and setting.words & _ON)
    if manner.words & names.PROTECTIONS and setting.words & (_ON | {"value", "level"}):
        own = True
    falsy = setting.value in (False, 0) or bool(setting.text and NONE.fullmatch(setting.text))
    if (own and falsy and not set(words) & _SWITCHES_OFF and not _is_confirmation(setting)) or (
        setting.value is True and set(words) & _SWITCHES_OFF and protects
    ):
        yield OFF, f"The argument {path} switches a protection off."
    elif setting.value == [] and protects and set(words) & {"required", "reviewers", "methods", "checks", "approvals"}:
        yield OFF, f"The argument {path} is empty, which switches a protection off."
    elif manner.replaces_protection and setting.value in (None, [], {}) and _is_protection(setting):
        yield OFF, f"The argument {path} is empty: the protection that this sets is none."
    if setting.plain in ("private", "isprivate") and setting.value is False and manner.changes:
        yield OPEN, f"The argument {path} is false: everybody can see it."
    opens = setting.value is True and setting.words & _PUBLIC_KEYS and not setting.words & {"block", "key", "ignore"}
    if opens and not _is_answer(manner, setting):
        yield OPEN, f"The argument {path} is true: it makes something accessible to others."
    if setting.plain in (
        "type",
        "who",
        "grantee",
        "member",
        "with",
        "sharewith",
        "people",
        "viewers",
        "editors",
    ) and _ANYONE.fullmatch(setting.text):
        yield OPEN, f"The argument {path} is {setting.text!r}: everybody gets access."
    if setting.text and setting.words & _ACCESS_KEYS and _PUBLIC.fullmatch(setting.text):
        yield OPEN, f"The argument {path} is {setting.text!r}: everybody gets access."


def _is_protection(setting: Setting) -> bool:
    """Return True if a value is what protects, rather than something about it, such as whom it alerts."""
    words = words_in(setting.key)
    named = bool(words) and (words[-1] in names.PROTECTIONS | _RULES or words[0] in ("enforce", "require", "required"))
    return named or any(set(pair) <= set(words) for pair in names.PROTECTS_TOGETHER)


def _is_answer(manner: Manner, setting: Setting) -> bool:
    """Return True if a value only says that the other side of a ticket may read one answer to it."""
    return bool({*words_in(setting.path), *manner.words} & _ANSWERS)


def _is_confirmation(setting: Setting) -> bool:
    """Return True if a value only says that nobody has to confirm what the call itself does, as many tools have it."""
    return bool(setting.words & {"confirm", "confirmation", "safe"}) and len(setting.words) == 1
