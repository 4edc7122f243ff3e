"""Patterns of secrets inside texts.

Every pattern has a literal anchor that `str.find` searches for, and is tried only there. Patterns begin with the
anchor, are bounded, or match one class of characters that cannot precede the anchor; so the work grows with the
length of the text, whatever it contains.

Reviewers cannot read masked text. Patterns therefore match only inert text: never a shell substitution, a call, or
anything after the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assent.secret_formats import FORMATS, VENDOR_VALUES
from assent.secret_values import inert_end
from assent.secret_wrappings import wrapped_spans

Span = tuple[int, int, str]
"""Start, end, and kind of a secret in a text."""


@dataclass(frozen=True)
class SecretPattern:
    """A pattern by which secrets are recognized.

    Attributes:
        kind: vendor or kind, as shown in the placeholder.
        anchor: literal at which `regex` is tried; in lower case, unless `exact`.
        regex: must match at the anchor. The secret is its one matching named group (except ``tag`` and ``name``), or
            else the whole match. ``name`` holds the rest of the name that the value is assigned to.
        weak: the key alone does not prove a secret (``token=``), so the value itself must look like one.
        near: lower-case literal that must occur within the 400 characters before the anchor.
        back: how many characters before the anchor the match begins.
        exact: the anchor is case-sensitive.
        whole: everything that the pattern matches is inert; for other patterns, `inert_end` limits the match.
    """

    kind: str
    anchor: str
    regex: re.Pattern[str]
    weak: bool = False
    near: str = ""
    back: int = 0
    exact: bool = False
    whole: bool = False


def _token(kind: str, prefix: str, rest: str, left: str = "A-Za-z0-9_") -> SecretPattern:
    """Return the pattern of a vendor's token: a literal prefix, followed by `rest`, and not preceded by `left`.

    A token of fixed length must end there; otherwise the rest of a longer run could look like another token.
    """
    literal = re.escape(prefix)
    tail = "" if ",}" in rest else f"(?![{left}])"
    return SecretPattern(kind, prefix, re.compile(f"{literal}(?<![{left}]{literal}){rest}{tail}"), exact=True)


_WORD = r"[A-Za-z0-9_-]"

_TOKENS = [
    *(
        _token(known.kind, known.prefix, known.rest, left="A-Za-z0-9_-" if known.prefix.endswith("-") else "A-Za-z0-9_")
        for known in FORMATS
    ),
    _token("google-refresh-token", "1//0", f"{_WORD}{{20,}}", left="A-Za-z0-9_/"),
    _token("jwt", "eyJ", rf"{_WORD}{{8,}}+(?:\.{_WORD}*){{2,4}}", left="A-Za-z0-9_-"),
    SecretPattern("telegram-token", ":aa", re.compile(rf":AA(?<=[0-9]:AA){_WORD}{{32,33}}(?!{_WORD})")),
    SecretPattern("azure-client-secret", "8q~", re.compile(r"8Q~[A-Za-z0-9_~.-]{31,34}")),
    SecretPattern("azure-client-secret", "q~", re.compile(r"[0-9]Q~[A-Za-z0-9_~.-]{31,34}"), back=1),
    SecretPattern(
        "terraform-token", ".atlasv1.", re.compile(r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"), back=14
    ),
    SecretPattern("maxmind-key", "_mmk", re.compile(r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk(?![A-Za-z0-9_])"), back=36),
    SecretPattern("newrelic-key", "nral", re.compile(r"[0-9a-f]{36}NRAL(?![A-Za-z0-9_])"), back=36),
    SecretPattern("mailchimp-key", "-us", re.compile(r"[0-9a-f]{32}-us[0-9]{1,2}(?![A-Za-z0-9_])"), back=32),
    SecretPattern(
        "facebook-token", "|", re.compile(rf"\|(?<=[0-9]{{15}}\|)(?P<s>{_WORD}{{27,40}})(?!{_WORD})"), near="facebook"
    ),
]  # fmt: skip

_HARMLESS_NAMES = frozenset({
    "id", "ids", "version", "release", "commit", "sha", "sha1", "sha256", "digest", "hash", "md5", "etag", "checksum",
    "url", "uri", "host", "hostname", "domain", "region", "zone", "channel", "org", "organization", "project", "app",
    "team", "name", "user", "username", "email", "ref", "branch", "tag", "image", "revision", "build", "uuid", "guid",
    "fingerprint", "thread", "message", "guild", "issue", "ticket",
})  # fmt: skip
"""Names with one of these endings hold identifiers, not secrets."""

_ASSIGNED = r"(?P<name>[ \t\w.-]{0,20})[\s'\"\\]{0,3}(?:=>|:{1,3}=|\?=|\|\||[=>:,])[`'\"\s=\\]{0,5}"
"""Text between a vendor's name and the value: the rest of the name, and an assignment."""

_VENDORS = [
    SecretPattern(
        vendor.kind,
        name,
        re.compile(rf"(?i:{re.escape(name)}){_ASSIGNED}(?P<s>(?i:{vendor.value}))(?![A-Za-z0-9_=-])"),
    )
    for vendor in VENDOR_VALUES
    for name in vendor.names
]

_ADDRESSES = [
    SecretPattern(
        "slack-webhook", "hooks.slack.com/", re.compile(r"(?i:hooks\.slack\.com/)(?P<s>[a-z]+/[A-Za-z0-9/+_-]{10,200})")
    ),
    SecretPattern(
        "discord-webhook", "/api/webhooks/", re.compile(r"(?i:/api/webhooks/)[0-9]{5,25}/(?P<s>[A-Za-z0-9_-]{20,200})")
    ),
    SecretPattern(
        "teams-webhook",
        "webhook.office.com/",
        re.compile(r"(?i:webhook\.office\.com/)(?P<s>webhookb2/[A-Za-z0-9@/_-]{20,300})"),
    ),
    # The user may be empty; the password extends to the last @ before the path.
    SecretPattern("password", "://", re.compile(r"://[^\s/:@?#\"'`<>⟦⟧]{0,256}:(?P<s>[^\s/\"'`<>⟦⟧]+)@")),
    *(
        SecretPattern(
            "url-key",
            name,
            re.compile(
                rf"(?i:{name})(?<=[?&;](?i:{name}))(?=[A-Za-z_.%~-]{{0,256}}[0-9])(?P<s>[A-Za-z0-9_.%~-]{{16,512}})"
            ),
        )
        for name in ("key=", "auth=", "code=", "apitoken=", "signature=", "authkey=", "subscription-key=")
    ),
    SecretPattern("url-signature", "sig=", re.compile(r"(?i:sig=)(?<=[?&;](?i:sig)=)(?P<s>[A-Za-z0-9%/+=_-]{20,256})")),
    SecretPattern("url-signature", "x-amz-signature=", re.compile(r"(?i:x-amz-signature=)(?P<s>[0-9a-fA-F]{32,128})")),
    SecretPattern(
        "url-signature", "x-goog-signature=", re.compile(r"(?i:x-goog-signature=)(?P<s>[0-9a-fA-F]{32,1024})")
    ),
]

_FILES = [
    # .netrc, .npmrc, NuGet.Config
    SecretPattern(
        "password",
        "password ",
        re.compile(r"(?i:password )(?P<s>[A-Za-z0-9_!#%^*+~.@/=-]{6,256})(?=\s|$)"),
        near="machine ",
    ),
    SecretPattern(
        "npm-token",
        ":_auth",
        re.compile(r"(?i::_auth)(?:[Tt]oken)?[ \t]{0,4}=[ \t]{0,4}\"?(?P<s>[A-Za-z0-9_.+/=-]{8,})"),
    ),
    SecretPattern("password", 'password" value="', re.compile(r"(?i:password\" value=\")(?P<s>[^\"\n⟦⟧]+)")),
]

_CRUMB = r"[^\s\"'`$(){};|&<>⟦⟧]"
_SCHEMES = "bearer|basic|token|digest|apikey|bot|negotiate"
_HEADERS = [
    SecretPattern(
        "authorization",
        "authorization",
        re.compile(
            rf"(?i:authorization)\\?[\"']?[ \t]{{0,4}}[:=][ \t]{{0,4}}\\?[\"']?"
            rf"(?:(?i:{_SCHEMES})[ \t]{{1,4}}(?P<s>[^\s\"',;`$()\\⟦⟧]+)"
            r"|(?P<t>(?=[A-Za-z_.~+/=-]{0,64}[0-9])[A-Za-z0-9_.~+/=-]{12,}+(?![(\[])))"
        ),
    ),
    SecretPattern(
        "bearer-token",
        "bearer ",
        re.compile(r"(?i:bearer)[ ]{1,4}(?=[A-Za-z_.~+/=-]{0,64}[0-9])(?P<s>[A-Za-z0-9_.~+/=-]{16,})"),
    ),
    SecretPattern(
        "cookie",
        "cookie: ",
        re.compile(
            rf"(?i:cookie: )[A-Za-z0-9_.-]{{1,64}}="
            rf"(?P<s>{_CRUMB}+(?:; ?[A-Za-z0-9_.-]{{1,64}}=(?=[^\s;]){_CRUMB}*){{0,50}})"
        ),
        whole=True,
    ),
    *(
        SecretPattern(
            "password",
            flag,
            re.compile(rf"(?i:{flag})(?<=\s{flag})[ =]?[\"']?[^\s:\"'$`]{{1,100}}:(?P<s>[^\s\"'$`()⟦⟧]+)"),
            near="curl",
        )
        for flag in ("-u", "--user")
    ),
    SecretPattern("password", "sshpass ", re.compile(r"(?i:sshpass )[ ]{0,4}-p[ ]?[\"']?(?P<s>[^\s\"'$`()⟦⟧]+)")),
]

_LITERAL = r"(?:(?:[EeNn]|[Uu]&)?'(?P<s>(?:[^'⟦⟧]|'')+)'|\$(?P<tag>[A-Za-z_]*)\$(?P<t>[^$⟦⟧]+)\$(?P=tag)\$)"
_SQL = [
    SecretPattern("password", "password", re.compile(rf"(?i:password)\s{{1,20}}{_LITERAL}")),
    SecretPattern("password", "password", re.compile(r"(?i:password)\s{1,20}[Ee]'(?P<s>(?:[^'\\⟦⟧]|\\.|'')+)'")),
    SecretPattern(
        "password",
        "identified ",
        re.compile(
            rf"(?i:identified)\s{{1,20}}(?i:with\s{{1,20}}[^\s']{{1,64}}\s{{1,20}})?(?i:by|as)\s{{1,20}}"
            rf"(?i:password\s{{1,20}})?{_LITERAL}"
        ),
    ),
    # Oracle and others accept the new password without quotes, or in double quotes.
    SecretPattern(
        "password", "identified by ", re.compile(r"(?i:identified by) {1,20}\"?(?P<s>[A-Za-z0-9_#!%^*+~.-]{1,128})")
    ),
]

_KEY_PAIR = [
    SecretPattern(
        "aws-secret-key",
        prefix.lower(),
        re.compile(
            rf"{prefix}[A-Z0-9]{{16}}[\s\"',:;|=]{{1,16}}(?:[A-Za-z_]{{1,30}}[\s\"',:;|=]{{1,16}})?"
            r"(?P<s>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
    )
    for prefix in ("AKIA", "ASIA")
]

# Keys of assignments whose values are secrets: `key = value`, `"key": "value"`, `--key value`.
_STRONG = (
    "secret_access_key", "password", "passwd", "passphrase", "pwd", "_pass", "client_secret", "api_key", "access_key",
    "secret_key", "private_key", "account_key", "shared_access_key", "access_token", "refresh_token", "auth_token",
    "connection_string", "signing_key", "encryption_key", "master_key", "storage_key",
)  # fmt: skip
_WEAK = ("secret", "token", "credential")
_KINDS = {"secret_access_key": "aws-secret-key", "_pass": "password", "passwd": "password", "pwd": "password"}
_SEPARATOR = r"\\?[\"']?[ \t]{0,8}(?:=>|:=|[:=])[ \t]{0,8}"
# Quotes of JSON inside a string, double quotes, single quotes, or none. A name that is called or indexed is code.
_VALUE = (
    r"(?:\\\"(?P<e>[^\"\\\n⟦⟧]+)\\\"|\"(?P<d>(?:[^\"\\\n⟦⟧]|\\[^\n])+)\"|'(?P<q>(?:[^'\n⟦⟧]|'')+)'"
    r"|(?P<u>[^\s\"'`;,&|<>()\[\]{}$\\⟦⟧]++)(?![(\[{\\$`]))"
)


def _assignments(keys: tuple[str, ...], weak: bool) -> Iterator[SecretPattern]:
    for key in keys:
        kind = _KINDS.get(key, key.replace("_", "-"))
        for spelling in sorted({key, key.replace("_", "-"), key.replace("_", " "), key.replace("_", "") or key}):
            literal = re.escape(spelling)
            yield SecretPattern(kind, spelling, re.compile(rf"(?i:{literal}){_SEPARATOR}{_VALUE}"), weak)
            yield SecretPattern(kind, f"--{spelling}", re.compile(rf"--(?i:{literal})[ ]{{1,4}}(?!-){_VALUE}"), weak)


_LONG: tuple[SecretPattern, ...] = (*_TOKENS, *_VENDORS)
"""Patterns that require a long run of token characters, which most texts do not have."""

_OTHERS: tuple[SecretPattern, ...] = (
    *_KEY_PAIR,
    *_ADDRESSES,
    *_FILES,
    *_HEADERS,
    *_SQL,
    *_assignments(_STRONG, weak=False),
    *_assignments(_WEAK, weak=True),
)

_LONG_RUN = re.compile(r"[A-Za-z0-9_+/=.~:|$-]{15}")
_LONG_RUNS = re.compile(r"[A-Za-z0-9_+/=.~:|$-]{15,}")


_Tried = list[tuple[str, bool, list[tuple[int, SecretPattern]]]]


def _by_anchor(patterns: Iterable[SecretPattern], first_rank: int) -> _Tried:
    """Anchors, whether they are exact, and the patterns tried there, with their ranks.

    If two patterns match the same text, the one with the lower rank determines the kind.
    """
    tried: dict[tuple[str, bool], list[tuple[int, SecretPattern]]] = {}
    for rank, pattern in enumerate(patterns, first_rank):
        tried.setdefault((pattern.anchor, pattern.exact), []).append((rank, pattern))
    return [(anchor, exact, ranked) for (anchor, exact), ranked in tried.items()]


_LONG_BY_ANCHOR = _by_anchor(_LONG, 0)
_OTHERS_BY_ANCHOR = _by_anchor(_OTHERS, len(_LONG))
_LARGE = 4096
_BEFORE_RUN = 60
"""Largest distance between a vendor's name and the value assigned to it, in characters."""


def _tried_in(text: str) -> _Tried:
    """Return the anchors that can lead to a match in a text."""
    if not _LONG_RUN.search(text):
        return _OTHERS_BY_ANCHOR
    if len(text) < _LARGE:
        return _LONG_BY_ANCHOR + _OTHERS_BY_ANCHOR
    # Searching a large text for some hundred anchors takes longer than extracting the runs first.
    runs = "\n".join(text[max(0, run.start() - _BEFORE_RUN) : run.end()] for run in _LONG_RUNS.finditer(text))
    lower = runs.lower()
    there = [tried for tried in _LONG_BY_ANCHOR if tried[0] in (runs if tried[1] else lower)]
    return there + _OTHERS_BY_ANCHOR


_NOT_SECRET = frozenset(
    {"null", "none", "nil", "true", "false", "undefined", "str", "string", "required", "redacted", *_STRONG, *_WEAK}
)
_PLACEHOLDER = re.compile(
    r"[*.•xX]+|\$[A-Z_][A-Z0-9_]*|%[A-Z_]+%|%s|%\(\w+\)s|:[a-z_]\w*|\{[^{}]*\}|<[^<>]*>|(?i:your)[_-][A-Za-z_-]+"
)
_NAME_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+[0-9]*")
_PAGINATION = re.compile(r"(?:next|page|continuation|sync)[_-]?$", re.IGNORECASE)


def find_spans(text: str) -> list[Span]:
    """Return the secrets in a text, including encoded ones, in order; overlapping matches are joined."""
    wrapped = [(start, end, len(_LONG), kind) for start, end, kind in wrapped_spans(text, _plain_spans)]
    return _joined([*_found(text), *wrapped])


def _plain_spans(text: str) -> list[Span]:
    return _joined(_found(text))


def _found(text: str) -> list[tuple[int, int, int, str]]:
    # str.lower() turns only this character into two, which would shift every position after it.
    lower = text.replace("\u0130", "I").lower()
    found = [(start, end, -1, "private-key") for start, end in _private_keys(text)]
    for anchor, exact, patterns in _tried_in(text):
        searched = text if exact else lower
        position = searched.find(anchor)
        while position >= 0:
            step = position + 1
            for rank, pattern in patterns:
                span = _secret_at(pattern, text, lower, position)
                if span is not None:
                    found.append((*span, rank, pattern.kind))
                    step = max(step, span[1])
            position = searched.find(anchor, step)
    return found


def _joined(found: list[tuple[int, int, int, str]]) -> list[Span]:
    spans: list[tuple[int, int, int, str]] = []
    for start, end, rank, kind in sorted(found):
        if spans and start < spans[-1][1]:
            before = spans[-1]
            best = min((before[2], before[3]), (rank, kind))
            spans[-1] = (before[0], max(before[1], end), *best)
        else:
            spans.append((start, end, rank, kind))
    return [(start, end, kind) for start, end, _, kind in spans]


def _secret_at(pattern: SecretPattern, text: str, lower: str, position: int) -> tuple[int, int] | None:
    if pattern.near and lower.rfind(pattern.near, max(0, position - 400), position) < 0:
        return None
    if position < pattern.back:
        return None
    match = pattern.regex.match(text, position - pattern.back)
    if match is None:
        return None
    groups = pattern.regex.groupindex
    group = next((name for name in groups if name not in ("tag", "name") and match[name] is not None), None)
    if group is None:
        return match.span()
    if "name" in groups and not _is_vendor_value(match["name"], match[group]):
        return None
    if pattern.weak and _PAGINATION.search(text, max(0, position - 16), position):
        return None
    if not _is_secret(match[group], weak=pattern.weak, quoted=group in "edq"):
        return None
    start, end = match.span(group)
    if not pattern.whole:
        end = inert_end(text, start, end)
    return (start, end) if end > start else None


_FEWEST_CHARACTERS = 7
"""A value with fewer different characters is a placeholder in an example, not a random value."""


def _is_vendor_value(name: str, value: str) -> bool:
    words = _NAME_WORDS.findall(name)
    if words and words[-1].lower() in _HARMLESS_NAMES:
        return False
    has_both = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
    return has_both and len(set(value)) > _FEWEST_CHARACTERS


def _is_secret(value: str, weak: bool, quoted: bool) -> bool:
    if value.lower() in _NOT_SECRET or _PLACEHOLDER.fullmatch(value) or not any(char.isalnum() for char in value):
        return False
    # A shell expansion is not the secret itself, and must stay readable.
    if "`" in value or "$(" in value or "${" in value or "{{" in value:
        return False
    if not weak:
        return True
    if quoted:
        return not any(char.isspace() for char in value)
    return len(value) >= 8 and any(char.isdigit() for char in value)


_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BREAK = r"(?:\r?\n|\\r\\n|\\n)"
# Only text that belongs to such a block: reviewers must see everything else, such as a path or a command on a short
# line of its own.
_PEM_BODY = re.compile(
    r"(?:[ \t]{0,16}(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash): [A-Za-z0-9 ,.:_/@+-]{0,100}"
    r"|[A-Za-z0-9+/=]{32,4096}+|)"
    rf"[ \t]{{0,4}}{_BREAK})*+"
    r"(?:[ \t]{0,16}(?:[A-Za-z0-9+/=]{32,4096}+|(?![a-z]+\b)(?:[A-Za-z0-9+]{1,31}|[A-Za-z0-9+/]{1,30}={1,2}))"
    rf"(?:[ \t]{{0,4}}{_BREAK})?+(?=[ \t]{{0,16}}(?:-----END |[\"']|\Z)))?"
)


def _private_keys(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while (begin := _PEM_BEGIN.search(text, position)) is not None:
        body = _PEM_BODY.match(text, begin.end())
        position = body.end() if body else begin.end()
        end = _PEM_END.match(text, position)
        if end is not None:
            position = end.end()
        yield begin.start(), position
