"""Finds encoded secrets: percent-encoded, in base64, and in manifests of Kubernetes Secrets.

Reviewers cannot read masked text, so the decoded text must be inert: a secret by itself, a JSON document, or a list of
settings. A script in base64 stays readable, whatever it contains.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from urllib.parse import quote

from assent.secret_values import inert_end, is_inert_line

Span = tuple[int, int, str]
Find = Callable[[str], list[Span]]

_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_WORD = re.compile(r"[^\s\"'`<>⟦⟧]+")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,16384}+={0,2}(?![A-Za-z0-9+/_=-])")
_USER_AND_PASSWORD = re.compile(r"[A-Za-z0-9_.@+-]{1,64}:(?!//)[!-~]{6,256}")
_SETTING = re.compile(r"(?:export )?[A-Za-z_][A-Za-z0-9_.]*=\S*")
_MOST_TIMES = 3
"""How often a text is percent-decoded, because it may be encoded more than once."""

_SHORTEST_CORE = 12
"""Fewest characters by which a secret is recognized inside a longer base64 text."""


def wrapped_spans(text: str, find: Find) -> Iterator[Span]:
    """Return the secrets that `find` does not see in the text because they are encoded."""
    if "%" in text:
        yield from _percent_encoded(text, find)
    yield from _in_base64(text, find)
    if "Secret" in text:
        yield from _kubernetes(text)
    for literal in _LITERAL.finditer(text):
        start, end = literal.span("value")
        if (inert := inert_end(text, start, end)) > start:
            yield start, inert, _KUBERNETES


def encoded_forms(secret: str) -> Iterator[str]:
    """Return the percent-encoded and base64 forms of a known secret, alone or inside a longer text."""
    quoted = quote(secret, safe="")
    if quoted != secret:
        yield quoted
    for before in range(3):
        # Only the characters that do not depend on the bytes before and after it are known.
        whole = base64.b64encode(b"\0" * before + secret.encode("utf-8", "surrogatepass")).decode()
        core = whole[(0, 2, 3)[before] :].rstrip("=")
        core = core if len(whole) == len(whole.rstrip("=")) else core[:-1]
        if len(core) >= _SHORTEST_CORE:
            yield core
            if "+" in core or "/" in core:
                yield core.replace("+", "-").replace("/", "_")


def _percent_encoded(text: str, find: Find) -> Iterator[Span]:
    for run in _WORD.finditer(text):
        if "%" not in run[0] or not _PERCENT.search(run[0]):
            continue
        decoded, places = _decoded(run[0])
        for _ in range(_MOST_TIMES - 1):  # for example an address inside an address
            if not _PERCENT.search(decoded):
                break
            decoded, inner = _decoded(decoded)
            places = [places[place] for place in inner]
        for start, end, kind in find(decoded):
            yield run.start() + places[start], run.start() + places[end], kind


def _decoded(text: str) -> tuple[str, list[int]]:
    """Decode percent-encoded ASCII; returns the text, and where each character began, with the end last."""
    characters: list[str] = []
    places: list[int] = []
    position = 0
    while position < len(text):
        places.append(position)
        code = text[position + 1 : position + 3]
        if text[position] == "%" and _PERCENT.match(text, position) and int(code, 16) < 0x80:
            characters.append(chr(int(code, 16)))
            position += 3
        else:
            characters.append(text[position])
            position += 1
    return "".join(characters), [*places, len(text)]


def _in_base64(text: str, find: Find) -> Iterator[Span]:
    for run in _BASE64.finditer(text):
        encoded = run[0]
        if encoded.islower() or encoded.isupper():
            continue
        decoded = _readable(encoded)
        if decoded is not None and (kind := _inert_secret(decoded, find)):
            yield run.start(), run.end(), kind


def _readable(encoded: str) -> str | None:
    body = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        return None
    try:
        decoded = base64.b64decode(body + "=" * (-len(body) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded if decoded.isascii() and decoded.replace("\n", "").replace("\r", "").isprintable() else None


def _inert_secret(decoded: str, find: Find) -> str:
    """Return the kind of secret that is all of a decoded text; empty: it contains something else."""
    stripped = decoded.strip()
    spans = find(decoded)
    if not spans:
        return "basic-auth" if _USER_AND_PASSWORD.fullmatch(stripped) else ""
    kind = spans[0][2]
    rest = "".join(_between(decoded, spans))
    if not rest.strip() or all(_SETTING.fullmatch(line.strip()) for line in stripped.splitlines() if line.strip()):
        return kind
    if _USER_AND_PASSWORD.fullmatch(stripped):
        return kind
    return kind if _is_json(stripped) else ""


def _is_json(text: str) -> bool:
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _between(text: str, spans: list[Span]) -> Iterator[str]:
    position = 0
    for start, end, _ in spans:
        yield text[position:start]
        position = end
    yield text[position:]


_KIND = re.compile(r"(?m)^[ \t-]*[\"']?kind[\"']?:[ \t]*[\"']?Secret[\"']?[ \t]*\r?$|\"kind\"\s{0,8}:\s{0,8}\"Secret\"")
_DOCUMENT = re.compile(r"(?m)^---")
_BLOCK = re.compile(r"([ \t]*(?:- )?)(?:data|stringData|[\"'](?:data|stringData)[\"']):[ \t]*(?:#.*)?$")
_NAME = re.compile(r"[ \t]*[\"']?[A-Za-z0-9_.-]+[\"']?:(?=[ \t]|$)[ \t]*+")
_FLOW = re.compile(r"(?<![A-Za-z])\"?(?:data|stringData)\"?\s{0,8}:\s{0,8}\{(?P<entries>[^{}]*)\}")
_FLOW_ENTRY = re.compile(
    r"(?<![A-Za-z0-9_.-])[\"']?[A-Za-z0-9_.-]++[\"']?\s{0,8}:\s{0,8}(?:\"(?P<d>(?:[^\"\\]|\\.)+)\"|'(?P<q>[^']+)'|(?P<u>[^\s,\"'{}⟦⟧]+))"
)
_OPERATOR = re.compile(r"[;|&<>`\n\\]|\$[({]")
_KUBERNETES = "kubernetes-secret"
_LITERAL = re.compile(r"--from-literal[= ][\"']?[A-Za-z0-9_.-]+=(?P<value>[^\s\"'`$()⟦⟧]+)")


def _kubernetes(text: str) -> Iterator[Span]:
    if _KIND.search(text) is None:
        return
    starts = [0, *(mark.start() for mark in _DOCUMENT.finditer(text)), len(text)]
    for start, end in pairwise(starts):
        document = text[start:end]
        if _KIND.search(document) is None:
            continue
        spans = [*_block_values(document), *_flow_values(document)]
        yield from ((start + first, start + last, _KUBERNETES) for first, last in spans if last > first)


def _block_values(document: str) -> Iterator[tuple[int, int]]:
    """Return the values in YAML's block style, one span for each line."""
    inside = deeper = -1
    position = 0
    for line in document.splitlines(keepends=True):
        content = line.rstrip("\r\n")
        indent = len(content) - len(content.lstrip(" \t"))
        if content.strip():
            if inside >= 0 and indent <= inside:
                inside = deeper = -1
            if deeper >= 0 and indent <= deeper:
                deeper = -1
            if deeper >= 0:
                if is_inert_line(content):
                    yield position + indent, position + len(content.rstrip())
            elif inside >= 0 and (name := _NAME.match(content)):
                value = content[name.end() :].rstrip()
                if not value or value[0] in "|>":
                    deeper = indent
                elif value[0] not in "#{":
                    first, last = _unquoted(content, name.end(), name.end() + len(value))
                    yield position + first, position + _inert(content, first, last)
            elif block := _BLOCK.match(content):
                inside = len(block[1])
        position += len(line)


def _unquoted(content: str, start: int, end: int) -> tuple[int, int]:
    if end - start >= 2 and content[start] == content[end - 1] and content[start] in "\"'":
        return start + 1, end - 1
    return start, end


def _inert(content: str, start: int, end: int) -> int:
    """Return the end of the part that may be masked; words after a name on the same line are inert."""
    active = _OPERATOR.search(content, start, end)
    return inert_end(content, start, end) if active else end


def _flow_values(document: str) -> Iterator[tuple[int, int]]:
    """Return the values in JSON, or in YAML's flow style."""
    for flow in _FLOW.finditer(document):
        for entry in _FLOW_ENTRY.finditer(document, *flow.span("entries")):
            start, end = entry.span(entry.lastgroup or 0)
            yield start, _inert(document, start, end)
