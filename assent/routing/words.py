"""The words of a folded text, and its clauses that say what is not wanted."""

from __future__ import annotations

import re

_FORMS = re.compile(
    r"(?P<url>https?://\S+)"
    r"|(?P<mail>[\w.+-]+@[\w-]+\.[\w.-]+)"
    r"|(?P<moment>\d{4}-\d\d-\d\d[t ]\d\d:\d\d\S*)"
    r"|(?P<date>\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.(?:\d{2,4})?|\d{1,2}/\d{1,2}/\d{2,4})"
    r"|(?P<clock>\b\d{1,2}:\d\d(?::\d\d)?(?:\s?[ap]m)?\b)"
    r"|(?P<address>\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d+)?(?::\d+)?\b)"
    r"|(?P<code>\b(?:ora|tns|sqlstate|msg|event id|error|exit code|http)[- ]?\d{2,6}\b)"
    r"|(?P<ticket>\[?\b(?:inc|chg|req|ritm|prb|case|tkt|task|sr|cr|wo|hd|it|ops|mon|sec|fin|dev|pkg|db|dba|jira)"
    r"[-_# ]?\d{3,}\b\]?)"
    r"|(?P<hex>\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}\b|\b0x[0-9a-f]+\b)"
    r"|(?P<amount>\b\d[\d.,' ]*\s?(?:tb|gb|mb|kb|tib|gib|mib)\b)"
    r"|(?P<share>\b\d+(?:[.,]\d+)?\s?(?:%|percent\b|prozent\b|pour cent\b))"
    r"|(?P<host>\b[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*[-_]?\d+\b)"
)
_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"[^\W_]+(?:[-_'./$:&][^\W_]+)*|[$€£]|[!?]{2,}")


def general(text: str) -> str:
    """Return a folded text with only the kind of each number, date, address, and the like."""
    return _DIGITS.sub("0", _FORMS.sub(_kind, text))


def _kind(found: re.Match[str]) -> str:
    kind, words = str(found.lastgroup), found[0]
    if kind == "code":
        return words  # an error code says a lot by itself
    if kind == "host":
        # Words such as "db2" or "s3" are products, and the letters of a host's name often say what it is.
        return words if len(words) <= 3 else f"{_DIGITS.sub('', words).strip('-_')} 0host"
    return f" 0{kind} "


_CLAUSE = re.compile(r"[,;:!?()\n–—]+|\.(?=\s|$)|\s-\s|\b(?=(?:but|only|just|simply|sondern|mais|sino|ma|maar|ale) )")
_DENIAL = re.compile(
    r"^\W*(?:(?:and|please|this|that|it|it's|there|i|we|i'm|we're|we've|is|has|bitte|es|das|ce|c'est|ik) )*"
    r"(?:not|no|nor|none|nothing|nobody|never|don't|doesn't|isn't|aren't|wasn't|do not|does not|is not|are not|am not|"
    r"forget|skip|ignore|leave|without|rather than|instead of|apart from|nicht|kein\w*|ne|n'est|pas|sans|no es|sin|non|"
    r"senza|nie|niet|geen|zonder|geht nicht|geht es nicht)\b"
    r"|\b(?:don't|do not|doesn't|not) (?:want|need|mean|care|matter|looking|asking|interested|about|the issue|"
    r"the point)\b"
    r"|\bnothing to do with\b|\brather than\b|\binstead of\b|\bnot the\b|\bnot about\b"
    r"|\b(?:is|are|was|were|works?|runs?|performs?) (?:all |already |perfectly )?"
    r"(?:fine|well|ok|okay|known|done|healthy|smoothly|clear)\b"
)


def split_denied(text: str) -> tuple[str, str]:
    """Return the clauses of a folded text that say what is wanted, and those that say what is not ("not the logs")."""
    wanted: list[str] = []
    denied: list[str] = []
    for clause in _CLAUSE.split(text):
        if clause and clause.strip():
            (denied if _DENIAL.search(clause.strip()) else wanted).append(clause.strip())
    return "\n".join(wanted), "\n".join(denied)


def words_of(text: str) -> list[str]:
    """Return the words of a folded text, in order; compounds with hyphens, dots, and slashes are one word."""
    return _WORD.findall(text)
