"""What secrets look like inside a text.

Every rule is anchored on a literal that `str.find` looks for, and its pattern is tried only there. Patterns begin with
that literal, are bounded, or run over one class of characters that may not precede the anchor; so the work grows with
the length of the text, whatever the text is.

Text that is masked is text that no reviewer reads. Patterns therefore take only what is inert: never a shell
substitution, a call, or whatever follows the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

Span = tuple[int, int, str]
"""Start, end and kind of a secret in a text."""


@dataclass(frozen=True)
class Pattern:
    """One way a secret shows itself.

    Attributes:
        kind: vendor or kind, as shown in the token.
        anchor: lower-case literal at which `regex` is tried.
        regex: must match at the anchor; what its one matching named group holds (``tag`` aside), or else the
            whole match, is the secret.
        weak: the key says little (``token=``), so the value itself must look like a secret.
        near: lower-case literal that must stand within the 400 characters before the anchor.
    """

    kind: str
    anchor: str
    regex: re.Pattern[str]
    weak: bool = False
    near: str = ""


def _token(kind: str, prefix: str, rest: str, left: str = "A-Za-z0-9_") -> Pattern:
    """A vendor's token: a literal prefix with `rest` after it, and no character of `left` before it.

    A token of fixed length must end there: else what is left of a longer run could look like the next one.
    """
    literal = re.escape(prefix)
    tail = "" if ",}" in rest else f"(?![{left}])"
    return Pattern(kind, prefix.lower(), re.compile(f"{literal}(?<![{left}]{literal}){rest}{tail}"))


_WORD = r"[A-Za-z0-9_-]"
_HEX = "[0-9a-f]"

_VENDOR_TOKENS = [
    *(_token("assent-token", f"assent_{kind}_", "[A-Za-z0-9]{43,}") for kind in ("person", "agent")),
    *(_token("aws-access-key-id", prefix, "[A-Z0-9]{16}") for prefix in ("AKIA", "ASIA", "ABIA", "ACCA")),
    *(_token("github-token", f"gh{letter}_", "[A-Za-z0-9_]{36,}") for letter in "pousr"),
    _token("github-token", "github_pat_", "[A-Za-z0-9_]{22,}"),
    *(
        _token("gitlab-token", f"gl{name}-", r"[A-Za-z0-9_.-]{19,}[A-Za-z0-9_-]")
        for name in ("pat", "dt", "rt", "cbt", "ptt", "soat", "ft", "imt", "agent", "oas")
    ),
    *(_token("slack-token", f"xox{letter}-", "[A-Za-z0-9-]{10,}") for letter in "abeoprs"),
    _token("slack-token", "xapp-", "[0-9]-[A-Za-z0-9-]{10,}"),
    *(
        _token("stripe-key", f"{kind}_{mode}_", "[A-Za-z0-9]{10,}")
        for kind in ("sk", "rk")
        for mode in ("live", "test", "prod")
    ),
    _token("webhook-secret", "whsec_", "[A-Za-z0-9+/=]{20,}"),
    _token("google-api-key", "AIza", f"{_WORD}{{35}}"),
    _token("google-oauth-token", "ya29.", "[A-Za-z0-9_.-]{20,}"),
    _token("google-oauth-secret", "GOCSPX-", f"{_WORD}{{20,}}"),
    _token("google-refresh-token", "1//0", f"{_WORD}{{20,}}", left="A-Za-z0-9_/"),
    _token("anthropic-key", "sk-ant-", f"{_WORD}{{20,}}", left="A-Za-z0-9_-"),
    _token("openai-key", "sk-", rf"(?!ant-)(?=[A-Za-z_-]{{0,}}[0-9]){_WORD}{{20,}}", left="A-Za-z0-9_-"),
    _token("sendgrid-key", "SG.", rf"{_WORD}{{16,32}}\.{_WORD}{{16,}}"),
    _token("twilio-key", "SK", f"{_HEX}{{32}}"),
    _token("mailgun-key", "key-", f"{_HEX}{{32}}", left="A-Za-z0-9_-"),
    _token("npm-token", "npm_", "[A-Za-z0-9]{36,}"),
    _token("pypi-token", "pypi-", f"{_WORD}{{50,}}", left="A-Za-z0-9_-"),
    _token("docker-token", "dckr_pat_", f"{_WORD}{{20,}}"),
    *(_token("digitalocean-token", f"do{letter}_v1_", f"{_HEX}{{64}}") for letter in "opr"),
    *(_token("vault-token", f"hv{letter}.", f"{_WORD}{{24,}}") for letter in "sbr"),
    _token("databricks-token", "dapi", f"{_HEX}{{32}}"),
    *(_token("shopify-token", f"shp{name}_", "[0-9a-fA-F]{32}") for name in ("at", "ca", "pa", "ss")),
    _token("square-token", "sq0atp-", f"{_WORD}{{22,}}"),
    _token("square-token", "sq0csp-", f"{_WORD}{{43,}}"),
    _token("huggingface-token", "hf_", "[A-Za-z0-9]{30,}"),
    _token("groq-key", "gsk_", "[A-Za-z0-9]{40,}"),
    _token("perplexity-key", "pplx-", "[A-Za-z0-9]{40,}"),
    _token("replicate-token", "r8_", "[A-Za-z0-9]{30,}"),
    _token("linear-key", "lin_api_", "[A-Za-z0-9]{32,}"),
    _token("notion-token", "ntn_", "[A-Za-z0-9]{40,}"),
    _token("newrelic-key", "NRAK-", "[A-Z0-9]{20,}"),
    _token("grafana-token", "glsa_", "[A-Za-z0-9_]{32,}"),
    _token("grafana-token", "glc_", "[A-Za-z0-9+/=]{32,}"),
    _token("sentry-token", "sntrys_", "[A-Za-z0-9_+/=.-]{40,}"),
    _token("postman-key", "PMAK-", f"{_WORD}{{50,}}"),
    _token("atlassian-token", "ATATT3", "[A-Za-z0-9_=-]{50,}"),
    _token("supabase-token", "sbp_", f"{_HEX}{{40}}"),
    _token("planetscale-password", "pscale_pw_", r"[A-Za-z0-9_.-]{30,}"),
    _token("planetscale-token", "pscale_tkn_", r"[A-Za-z0-9_.-]{30,}"),
    _token("age-secret-key", "AGE-SECRET-KEY-1", "[A-Z0-9]{58}"),
    _token("jwt", "eyJ", rf"{_WORD}{{8,}}+(?:\.{_WORD}*){{2,4}}", left="A-Za-z0-9_-"),
    Pattern("telegram-token", ":aa", re.compile(rf":AA(?<=[0-9]:AA){_WORD}{{32,33}}(?!{_WORD})")),
    Pattern("azure-client-secret", "8q~", re.compile(r"8Q~[A-Za-z0-9_~.-]{31,34}")),
]

_ADDRESSES = [
    Pattern(
        "slack-webhook", "hooks.slack.com/", re.compile(r"(?i:hooks\.slack\.com/)(?P<s>[a-z]+/[A-Za-z0-9/+_-]{10,200})")
    ),
    Pattern(
        "discord-webhook", "/api/webhooks/", re.compile(r"(?i:/api/webhooks/)[0-9]{5,25}/(?P<s>[A-Za-z0-9_-]{20,200})")
    ),
    Pattern(
        "teams-webhook",
        "webhook.office.com/",
        re.compile(r"(?i:webhook\.office\.com/)(?P<s>webhookb2/[A-Za-z0-9@/_-]{20,300})"),
    ),
    # The user's part may be empty; the password reaches to the last @ before the path.
    Pattern("password", "://", re.compile(r"://[^\s/:@?#\"'`<>⟦⟧]{0,256}:(?P<s>[^\s/\"'`<>⟦⟧]+)@")),
    Pattern("url-signature", "sig=", re.compile(r"(?i:sig=)(?<=[?&;](?i:sig)=)(?P<s>[A-Za-z0-9%/+=_-]{20,256})")),
    Pattern("url-signature", "x-amz-signature=", re.compile(r"(?i:x-amz-signature=)(?P<s>[0-9a-fA-F]{32,128})")),
    Pattern("url-signature", "x-goog-signature=", re.compile(r"(?i:x-goog-signature=)(?P<s>[0-9a-fA-F]{32,1024})")),
]

_SCHEMES = "bearer|basic|token|digest|apikey|bot|negotiate"
_HEADERS = [
    Pattern(
        "authorization",
        "authorization",
        re.compile(
            rf"(?i:authorization)\\?[\"']?[ \t]{{0,4}}[:=][ \t]{{0,4}}\\?[\"']?"
            rf"(?:(?i:{_SCHEMES})[ \t]{{1,4}}(?P<s>[^\s\"',;`$()\\⟦⟧]+)|(?P<t>[A-Za-z0-9_.~+/=-]{{12,}}))"
        ),
    ),
    Pattern(
        "bearer-token",
        "bearer ",
        re.compile(r"(?i:bearer)[ ]{1,4}(?=[A-Za-z_.~+/=-]{0,64}[0-9])(?P<s>[A-Za-z0-9_.~+/=-]{16,})"),
    ),
    Pattern("cookie", "cookie: ", re.compile(r"(?i:cookie: )[A-Za-z0-9_.-]{1,64}=(?P<s>[^\r\n\"'`$()⟦⟧]+)")),
    *(
        Pattern(
            "password",
            flag,
            re.compile(rf"(?i:{flag})(?<=\s{flag})[ =]?[\"']?[^\s:\"'$`]{{1,100}}:(?P<s>[^\s\"'$`()⟦⟧]+)"),
            near="curl",
        )
        for flag in ("-u", "--user")
    ),
    Pattern("password", "sshpass ", re.compile(r"(?i:sshpass )[ ]{0,4}-p[ ]?[\"']?(?P<s>[^\s\"'$`()⟦⟧]+)")),
]

_LITERAL = r"(?:(?:[EeNn]|[Uu]&)?'(?P<s>(?:[^'⟦⟧]|'')+)'|\$(?P<tag>[A-Za-z_]*)\$(?P<t>[^$⟦⟧]+)\$(?P=tag)\$)"
_SQL = [
    Pattern("password", "password", re.compile(rf"(?i:password)\s{{1,20}}{_LITERAL}")),
    Pattern("password", "password", re.compile(r"(?i:password)\s{1,20}[Ee]'(?P<s>(?:[^'\\⟦⟧]|\\.|'')+)'")),
    Pattern(
        "password",
        "identified ",
        re.compile(
            rf"(?i:identified)\s{{1,20}}(?i:with\s{{1,20}}[^\s']{{1,64}}\s{{1,20}})?(?i:by|as)\s{{1,20}}"
            rf"(?i:password\s{{1,20}})?{_LITERAL}"
        ),
    ),
    # Oracle and others write the new password without quotes, or in double quotes.
    Pattern(
        "password", "identified by ", re.compile(r"(?i:identified by) {1,20}\"?(?P<s>[A-Za-z0-9_#!%^*+~.-]{1,128})")
    ),
]

_KEY_PAIR = [
    Pattern(
        "aws-secret-key",
        prefix.lower(),
        re.compile(
            rf"{prefix}[A-Z0-9]{{16}}[\s\"',:;|=]{{1,16}}(?:[A-Za-z_]{{1,30}}[\s\"',:;|=]{{1,16}})?"
            r"(?P<s>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
    )
    for prefix in ("AKIA", "ASIA")
]

# Keys that announce a secret in an assignment: `key = value`, `"key": "value"`, `--key value`.
_STRONG = (
    "secret_access_key", "password", "passwd", "passphrase", "pwd", "_pass", "client_secret", "api_key", "access_key",
    "secret_key", "private_key", "account_key", "shared_access_key", "access_token", "refresh_token", "auth_token",
    "connection_string", "signing_key", "encryption_key", "master_key", "storage_key",
)  # fmt: skip
_WEAK = ("secret", "token", "credential")
_KINDS = {"secret_access_key": "aws-secret-key", "_pass": "password", "passwd": "password", "pwd": "password"}
_SEPARATOR = r"\\?[\"']?[ \t]{0,8}(?:=>|:=|[:=])[ \t]{0,8}"
# Quotes inside JSON inside a string, double quotes, single quotes, or none. A name that is called or indexed is code.
_VALUE = (
    r"(?:\\\"(?P<e>[^\"\\\n⟦⟧]+)\\\"|\"(?P<d>(?:[^\"\\\n⟦⟧]|\\[^\n])+)\"|'(?P<q>(?:[^'\n⟦⟧]|'')+)'"
    r"|(?P<u>[^\s\"'`;,&|<>()\[\]{}$\\⟦⟧]++)(?![(\[{\\$`]))"
)


def _assignments(keys: tuple[str, ...], weak: bool) -> Iterator[Pattern]:
    for key in keys:
        kind = _KINDS.get(key, key.replace("_", "-"))
        for spelling in sorted({key, key.replace("_", "-"), key.replace("_", " "), key.replace("_", "") or key}):
            literal = re.escape(spelling)
            yield Pattern(kind, spelling, re.compile(rf"(?i:{literal}){_SEPARATOR}{_VALUE}"), weak)
            yield Pattern(kind, f"--{spelling}", re.compile(rf"--(?i:{literal})[ ]{{1,4}}(?!-){_VALUE}"), weak)


PATTERNS: tuple[Pattern, ...] = (
    *_VENDOR_TOKENS,
    *_KEY_PAIR,
    *_ADDRESSES,
    *_HEADERS,
    *_SQL,
    *_assignments(_STRONG, weak=False),
    *_assignments(_WEAK, weak=True),
)
"""Where two patterns take the same text, the earlier one names the kind."""

_BY_ANCHOR: dict[str, list[tuple[int, Pattern]]] = {}
for _rank, _pattern in enumerate(PATTERNS):
    _BY_ANCHOR.setdefault(_pattern.anchor, []).append((_rank, _pattern))

_NOT_SECRET = frozenset(
    {"null", "none", "nil", "true", "false", "undefined", "str", "string", "required", "redacted", *_STRONG, *_WEAK}
)
_PLACEHOLDER = re.compile(r"[*.•xX]+|\$[A-Z_][A-Z0-9_]*|%[A-Z_]+%|%s|%\(\w+\)s|:[a-z_]\w*|\{[^{}]*\}|<[^<>]*>")
_PAGINATION = re.compile(r"(?:next|page|continuation|sync)[_-]?$", re.IGNORECASE)


def find_spans(text: str) -> list[Span]:
    """The secrets in a text, in order, without overlaps; overlapping finds are joined into one."""
    # str.lower() makes two characters of this one alone, which would move every position after it.
    lower = text.replace("\u0130", "I").lower()
    found = [(start, end, -1, "private-key") for start, end in _private_keys(text)]
    for anchor, patterns in _BY_ANCHOR.items():
        position = lower.find(anchor)
        while position >= 0:
            step = position + 1
            for rank, pattern in patterns:
                span = _secret_at(pattern, text, lower, position)
                if span is not None:
                    found.append((*span, rank, pattern.kind))
                    step = max(step, span[1])
            position = lower.find(anchor, step)
    return _joined(found)


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


def _secret_at(pattern: Pattern, text: str, lower: str, position: int) -> tuple[int, int] | None:
    if pattern.near and lower.rfind(pattern.near, max(0, position - 400), position) < 0:
        return None
    match = pattern.regex.match(text, position)
    if match is None:
        return None
    group = next((name for name in pattern.regex.groupindex if name != "tag" and match[name] is not None), None)
    if group is None:
        return match.span()
    if pattern.weak and _PAGINATION.search(text, max(0, position - 16), position):
        return None
    if not _is_secret(match[group], weak=pattern.weak, quoted=group in "edq"):
        return None
    return match.span(group)


def _is_secret(value: str, weak: bool, quoted: bool) -> bool:
    if value.lower() in _NOT_SECRET or _PLACEHOLDER.fullmatch(value) or not any(char.isalnum() for char in value):
        return False
    # What a shell would put in is not the secret itself, and must stay readable.
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
# Only what belongs into such a block: nothing else may vanish from a reviewer's eyes.
_PEM_BODY = re.compile(
    r"(?:[ \t]{0,16}(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash): [^\r\n\\]{0,100}|[A-Za-z0-9+/=]{0,4096}+)"
    rf"[ \t]{{0,4}}{_BREAK})*+"
    r"(?:[ \t]{0,16}[A-Za-z0-9+/=]{1,4096}+(?=[ \t]{0,16}(?:-----END |[\"']|\Z)))?"
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
