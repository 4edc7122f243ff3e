"""Calls that take everybody's access away: a selection of all people, and a state in which nobody can sign in."""

from __future__ import annotations

import re

from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.tools.arguments import ALL_GONE, is_everything
from app.risk.tools.call import ToolCall, words_in

_PEOPLE = word_set(
    "user users account accounts member members employee employees identity idp okta entra keycloak directory tenant "
    "people staff workforce login logins principal principals azuread ad ldap customer customers"
)
_SHUT = re.compile(
    r"suspend(?:ed)?|disabled?|deactivated?|blocked?|locked?|deleted?|terminated?|deprovision(?:ed)?|revoked?|banned|off",
    re.IGNORECASE,
)
_STATES = word_set("status state action operation change lifecycle set")
_SHUTS = word_set("suspend deactivate disable lock block deprovision offboard revoke ban expire")
_SHUT_OUT = frozenset(("suspend", "deactivate", "disable", "revokesessions", "resetmfa", "resetfactors",
                       "resetpassword",
                       "forcelogout", "expirepassword", "lock", "block", "signout", "disableaccount"))  # fmt: skip


def read_everybody(call: ToolCall, reading: Reading) -> None:
    """Note that everybody loses access: a selection of all people, and a state in which nobody can sign in."""
    if not _PEOPLE & {*call.all_words, *(word for setting in call.settings[:200] for word in words_in(setting.path))}:
        return
    everybody = any(
        is_everything(setting)
        or setting.text.lower() in ("everyone", "everybody", "all users", "all-users")
        or (setting.value is True and setting.plain in ("all", "everyone", "allusers", "everybody"))
        for setting in call.settings
    )
    shut = next(
        (
            setting
            for setting in call.settings
            if (setting.words & _STATES and _SHUT.fullmatch(setting.text))
            or (setting.plain in _SHUT_OUT and setting.value is True)
            or (setting.plain in ("enabled", "active", "accountenabled", "canlogin") and setting.value is False)
        ),
        None,
    )
    if everybody and shut is not None:
        with reading.at_item(shut.path):
            reading.add(ALL_GONE, f"The argument {shut.path} shuts everybody out, administrators included.")
    elif everybody and {*call.words, *call.action} & _SHUTS and _PEOPLE & {*call.all_words}:
        reading.add(ALL_GONE, "This shuts everybody out, administrators included.")
