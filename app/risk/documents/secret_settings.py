"""Tells whether a setting, such as an environment variable in a document, holds a secret in plain text."""

from __future__ import annotations

import re

_NAMES = re.compile(
    r"(?i)(?:^|_|-)(?:password|passwd|passphrase|pwd|secret|token|api_?key|private_?key|secret_?(?:access_)?key|access_?key"
    r"|auth_?key|signing_?key|encryption_?key|credentials?)(?:_[0-9])?$|^(?:.*_)?(?:pass|pat)$"
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@$]*:[^\s/@${<]{3,}@")
_KNOWN_FORM = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{15,}|npm_[A-Za-z0-9]{20,}|xox[abprs]-[\w-]{10,}"
    r"|sk_live_\w{10,}|AIza[\w-]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_PLACEHOLDERS = re.compile(
    r"(?i)|[$<{%].*|.*(?:\$\{|\{\{).*|true|false|yes|no|0|1|none|null|dummy|changeme|change-me|placeholder|example|unset|x+"
    r"|/.*|file:.*|.*_file"
)


def is_secret_setting(name: str, value: str) -> bool:
    """Return True if a setting of this name has a secret as its value, and not only a reference to one."""
    if _KNOWN_FORM.search(value) or _URL.match(value):
        return True
    return bool(_NAMES.search(name)) and not _PLACEHOLDERS.fullmatch(value)
