"""Masks secrets before anything is stored, shown, sent, or logged.

`mask` replaces each secret in a JSON value with a placeholder such as ``⟦secret:github-token:1⟧``, and returns the
secrets, so that the process that has them can restore them with `reveal`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from assent.secret_patterns import find_spans
from assent.secret_wrappings import encoded_forms

if TYPE_CHECKING:
    from pydantic import JsonValue

TOKEN = re.compile(r"⟦secret:([a-z0-9-]{1,40}):([0-9]{1,9})⟧")
"""The placeholder of a secret: its kind, and its number among secrets of that kind."""

_PASSES = 8
"""Masking one secret can expose another next to it, so it is repeated until nothing changes, at most this often."""

_SHORTEST_REPEAT = 8
"""Shorter secrets are not searched for in the rest of the document, because they might be ordinary words."""

_LONGEST_ERROR = 2_000
_SHORT = 64
_MOST_KNOWN = 4096
_KNOWN_CLEAN: set[str] = set()
_REFERENCE = re.compile(r"\$\{[a-z][a-z0-9_]{0,99}(?:\.[A-Za-z_][A-Za-z0-9_-]{0,99}|\[[0-9]{1,9}\]){1,20}\}")
"""The output of another step, as in ``${sign_in.token}``: it names where a secret comes from, and is none itself."""
"""Short texts without secrets that occur often: names of fields, kinds, and states."""

_MOST_REPEATS = 200
"""How many of a document's secrets, the longest first, are searched for elsewhere in it."""


def mask(value: JsonValue) -> tuple[JsonValue, dict[str, str]]:
    """Return a copy of a JSON value with its secrets masked, and the secrets by placeholder.

    Secrets are recognized by their key, and by their form inside longer texts. Equal secrets have the same
    placeholder, and equal values give equal results. Masking a masked value changes nothing.
    """
    vault = _Vault(_taken(value))
    masked = _rebuild(value, vault.mask_string)
    repeats = vault.worth_repeating()
    if repeats:
        masked = _rebuild(masked, lambda text, _key: vault.mask_repeats(text, repeats))
    return masked, vault.originals


def mask_text(text: str) -> str:
    """Return a text for logs and messages with its secrets masked; they cannot be restored."""
    masked, _ = mask(text)
    return str(masked)


def mask_error(error: BaseException) -> str:
    """Return the type and the masked message of an exception on one line, at most `_LONGEST_ERROR` characters."""
    try:
        words = " ".join(str(error).split())
    except Exception:
        words = ""
    return mask_text(f"{type(error).__name__}: {words}" if words else type(error).__name__)[:_LONGEST_ERROR]


def reveal(value: JsonValue, secrets: dict[str, str]) -> JsonValue:
    """Return a copy of a JSON value with the secrets restored for the placeholders in `secrets`; others stay."""
    if not secrets:
        return value
    return _rebuild(value, lambda text, _key: TOKEN.sub(lambda token: secrets.get(token[0], token[0]), text))


def _remember_clean(text: str) -> None:
    if len(_KNOWN_CLEAN) >= _MOST_KNOWN:
        _KNOWN_CLEAN.clear()
    _KNOWN_CLEAN.add(text)


class _Vault:
    """Assigns a placeholder to each secret, numbered by kind."""

    def __init__(self, taken: set[str]) -> None:
        self.originals: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._taken = taken
        self._forms: dict[str, list[str]] = {}

    def placeholder_for(self, secret: str, kind: str) -> str:
        """Return the placeholder of a secret; never one that the value already contains."""
        if secret in self._tokens:
            return self._tokens[secret]
        while True:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            token = f"⟦secret:{kind}:{number}⟧"
            if token not in self._taken:
                break
        self._tokens[secret] = token
        self.originals[token] = secret
        return token

    def mask_string(self, text: str, key: str) -> str:
        """Mask the whole text if its key says that it is secret, or else the secrets inside it."""
        if not text or TOKEN.fullmatch(text):
            return text
        kind = "" if _REFERENCE.fullmatch(text) else secret_kind(key)
        if kind:
            spans = find_spans(text) if len(text) <= 10_000 else []
            if len(spans) == 1 and spans[0][:2] == (0, len(text)):
                kind = spans[0][2]
            return self.placeholder_for(text, kind)
        if text in _KNOWN_CLEAN:
            return text
        for passes in range(_PASSES):
            masked = self._mask_once(text)
            if masked == text:
                if passes == 0 and len(text) <= _SHORT:
                    _remember_clean(text)
                break
            text = masked
        return text

    def _mask_once(self, text: str) -> str:
        # Placeholders become brackets of the same length, which no pattern considers a part of a secret.
        blank = TOKEN.sub(lambda token: "⟦" * len(token[0]), text) if "⟦secret:" in text else text
        parts = []
        position = 0
        for start, end, kind in find_spans(blank):
            if blank is text or text[start:end] == blank[start:end]:
                parts += [text[position:start], self.placeholder_for(text[start:end], kind)]
                position = end
        return "".join([*parts, text[position:]])

    def worth_repeating(self) -> list[str]:
        """Return the secrets that cannot be confused with other text, longest first."""
        known = [text for text in self._tokens if len(text) >= _SHORTEST_REPEAT and _is_random_looking(text)]
        return sorted(known, key=lambda text: (-len(text), text))[:_MOST_REPEATS]

    def mask_repeats(self, text: str, secrets: list[str]) -> str:
        """Mask the given secrets wherever else they occur, encoded or not."""
        if len(text) < _SHORTEST_REPEAT:
            return text
        for secret in secrets:
            if secret in text:
                text = _outside_tokens(text, partial(_replaced, old=secret, new=self._tokens[secret]))
            for form in self._forms_of(secret):
                if form in text:
                    kind = TOKEN.fullmatch(self._tokens[secret])
                    token = self.placeholder_for(form, kind[1] if kind else "secret")
                    text = _outside_tokens(text, partial(_replaced, old=form, new=token))
        return text

    def _forms_of(self, secret: str) -> list[str]:
        if secret not in self._forms:
            self._forms[secret] = list(encoded_forms(secret))
        return self._forms[secret]


def _is_random_looking(secret: str) -> bool:
    # One word with letters and digits: never a command or a sentence that reviewers must be able to read elsewhere.
    return (
        any(char.isdigit() for char in secret)
        and any(char.isalpha() for char in secret)
        and not any(char.isspace() or char in ";|&`$(){}<>" for char in secret)
    )


def _replaced(text: str, old: str, new: str) -> str:
    return text.replace(old, new)


def _outside_tokens(text: str, change: Callable[[str], str]) -> str:
    if "⟦secret:" not in text:
        return change(text)
    parts = []
    position = 0
    for token in TOKEN.finditer(text):
        parts += [change(text[position : token.start()]), token[0]]
        position = token.end()
    return "".join([*parts, change(text[position:])])


def _rebuild(value: Any, change: Callable[[str, str], str]) -> Any:
    """Return a copy of a JSON value with `change(text, key)` applied to each string, in document order.

    Names of fields are strings, too. It does not recurse, so any depth is possible.
    """
    top: list[Any] = [None]
    pending: list[tuple[Any, Any, Any, str]] = [(top, 0, value, "")]
    while pending:
        holder, place, part, key = pending.pop()
        if isinstance(part, str):
            holder[place] = change(part, key)
        elif isinstance(part, dict):
            names = {name: change(name, "") if isinstance(name, str) else name for name in part}
            # Filled in beforehand: the copy keeps the order of the fields.
            copy: Any = dict.fromkeys(names.values())
            holder[place] = copy
            keys = _keys_of(part, key)
            pending.extend((copy, names[name], part[name], keys.get(name, str(name))) for name in reversed(list(part)))
        elif isinstance(part, list):
            copy = [None] * len(part)
            holder[place] = copy
            kept = key if key == _KUBERNETES_DATA else ""
            pending.extend((copy, index, part[index], kept) for index in range(len(part) - 1, -1, -1))
        else:
            holder[place] = part
    return top[0]


_KUBERNETES_DATA = "kubernetes secret"
"""Used as the key of each value of a Kubernetes Secret, whose own keys do not say what is secret."""


def _keys_of(part: dict[Any, Any], key: str) -> dict[Any, str]:
    """Return the keys by which fields are masked, for fields where that is not their name."""
    if key == _KUBERNETES_DATA:
        return dict.fromkeys(part, key)
    if part.get("kind") == "Secret":
        data = ("data", "stringData")
        return {name: _KUBERNETES_DATA for name in data if isinstance(part.get(name), dict)}
    return {}


def _taken(value: Any) -> set[str]:
    """Return the placeholders that a value already contains, from an earlier masking."""
    found: set[str] = set()

    def collect(text: str, _key: str) -> str:
        if "⟦secret:" in text:
            found.update(token[0] for token in TOKEN.finditer(text))
        return text

    _rebuild(value, collect)
    return found


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = {
    "password": "password",
    "passwd": "password",
    "pwd": "password",
    "passphrase": "passphrase",
    "passcode": "password",
    "secret": "secret",
    "token": "token",
    "apikey": "api-key",
    "authorization": "authorization",
    "privatekey": "private-key",
    "clientsecret": "client-secret",
    "accesskey": "access-key",
    "secretkey": "secret-key",
    "accesstoken": "access-token",
    "refreshtoken": "refresh-token",
    "authtoken": "auth-token",
    "connectionstring": "connection-string",
    "credential": "credential",
    "credentials": "credential",
    "cookie": "cookie",
    "jwt": "jwt",
    "otp": "otp",
}
"""The last word of keys whose values are secrets, and the kind of secret."""

_SECRET_ENDINGS = {
    ("api", "key"): "api-key",
    ("access", "key"): "access-key",
    ("secret", "key"): "secret-key",
    ("private", "key"): "private-key",
    ("account", "key"): "account-key",
    ("signing", "key"): "signing-key",
    ("encryption", "key"): "encryption-key",
    ("master", "key"): "master-key",
    ("shared", "key"): "shared-key",
    ("storage", "key"): "storage-key",
    ("service", "key"): "service-key",
    ("auth", "key"): "auth-key",
    ("ssh", "key"): "ssh-key",
    ("connection", "string"): "connection-string",
    ("password", "hash"): "password-hash",
    ("webhook", "url"): "webhook-address",
    **{
        (owner, "pass"): "password"
        for owner in ("db", "smtp", "user", "mail", "ftp", "admin", "root", "pg", "mysql", "redis")
    },
}
_HARMLESS_ENDINGS = {
    (first, "token")
    for first in ("next", "page", "continuation", "sync", "pad", "eos", "bos", "unk", "stop", "per", "sep", "mask")
}


@lru_cache(maxsize=2048)
def secret_kind(key: str) -> str:
    """Return the kind of secret that a field of this name holds, in snake, camel, or kebab case; empty: none."""
    if key == _KUBERNETES_DATA:
        return "kubernetes-secret"
    words = [word.lower() for word in _WORDS.findall(key[-100:])]
    if not words:
        return ""
    ending = (words[-2] if len(words) > 1 else "", words[-1])
    if ending in _HARMLESS_ENDINGS:
        return ""
    if words[-1].endswith(("password", "passwd")):
        return "password"
    return _SECRET_ENDINGS.get(ending) or _SECRET_WORDS.get(words[-1], "")
