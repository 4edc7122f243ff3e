"""The form of one value: an IP address, a date, a code, a text, and so on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from workflows.asset_discovery.mapping.folding import folded
from workflows.asset_discovery.mapping.meanings import unit_in
from workflows.asset_discovery.mapping.vocabulary import is_instance_type

_OCTETS = r"(?:\d{1,3}\.){3}\d{1,3}"
_IP4 = re.compile(rf"(?:https?://)?{_OCTETS}(?:[:/]\d{{1,5}})?/?")
_IP6 = re.compile(r"\[?(?=[0-9a-f:]*::|(?:[0-9a-f]+:){7})[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:%\w+|/\d+)?\]?", re.I)
_MAC = re.compile(
    r"[0-9a-f]{2}(?:[:\-.]?[0-9a-f]{2}){5}|[0-9a-f]{2}(?: [0-9a-f]{2}){5}|"
    r"[0-9a-f]{4}[.:\-][0-9a-f]{4}[.:\-][0-9a-f]{4}|[0-9a-f]{6}[-:][0-9a-f]{6}",
    re.I,
)
_UUID = re.compile(r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?|[0-9a-f]{8}-[0-9a-f-]{20,}", re.I)
_HEX = re.compile(r"(?:0x)?[0-9a-f]{16,}|[a-z]{1,6}-[0-9a-f]{7,}|/subscriptions/.*", re.I)
_EMAIL = re.compile(r"(?:mailto:)?[^\s@;,<>]+@[^\s@;,<>]+\.[^\s@;,<>]{2,}")
_LOGIN = re.compile(r"[\w.-]+\\[\w.$-]+")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+|www\.\S+", re.I)
_PATH = re.compile(r"(?:[A-Za-z]:\\|\\\\|/)[^\s]*[/\\][^\s]*|/\w*")
_FQDN = re.compile(r"(?=.{4,})[a-z0-9_](?:[\w-]*[a-z0-9])?(?:\.[a-z0-9_](?:[\w-]*\w)?)*\.[a-z][a-z0-9-]+\.?", re.I)
_FILE = re.compile(
    r"\w\.(?:jpe?g|png|gif|bmp|pdf|docx?|xlsx?|csv|txt|log|zip|exe|msi|iso|xml|json|cfg|conf|bak|tmp|html?)$", re.I
)
_DURATION = re.compile(
    r"(?:\d+(?:[.,]\d+)? ?(?:h|hrs?|hours?|std\.?|stunden|heures?|horas|ore|d|days?|tage?|jours?|días|"
    r"dni|dnů|wks?|weeks?|wochen|"
    r"mon|months?|monate?|mois|meses|mesi|yrs?|years?|jahre?|ans?|años|anni|min|mins|minutes?|sec|ms)[ ,]*)+|"
    r"P(?=[\dT])(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?|\d+[.:]\d\d:\d\d:\d\d",
    re.I,
)
_NUMBER = re.compile(r"[+-]?\d{1,3}(?:[ .,'\u00a0\u202f’]\d{3})+|[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?\d[\d., '’\u00a0]*[.,]\d+|\d(?:\.\d+)?E\+?\d+", re.I)
_SIZE = re.compile(r"(?:\d+ ?[x×*] ?)?(\d[\d.,'  ]*) ?([kmgtp]i?b|[kmgt]o|[kmgt]byte|[кмгт]б|тiб|mib|gib|gb)\b.*", re.I)
_MONEY = re.compile(
    r"(?:[€$£¥₽₴₺]|eur|usd|chf|gbp|pln|czk|sek|nok|dkk|huf|ron|try|rub|円) ?[\d.,' ]+|"
    r"[\d.,'  \u00a0]+ ?(?:[€$£¥₽₴₺円元원]|eur|usd|chf|gbp|pln|zł|kč|kr|ft|lei|tl|руб|грн)\.?-?",
    re.I,
)
_PERCENT = re.compile(r"[\d.,]+ ?%")
_VERSION = re.compile(
    r"[vVrR]?\d+(?:\.\d+){1,4}(?:[-_. ]?[a-z]{0,6}\d*)*|\d{2}H[12]|\d{1,2} ?SP ?\d|V\d+R\d+\w*|"
    r"\d+(?:\.\d+)*\([\w.]+\)\w*|\d{4}-\d\d\.\w+|\d+\.x|TL\d+.*|R\d+.*SP\d+|"
    r"\d{1,2}\.\d+[\w.()-]*(?: .{0,20})?|(?:version|ver\.?|release|rel\.?|build) ?[\d.]+.*|B\.\d+\.\d+|"
    r"SP\d|LTSC ?\d+|\d+ LTS\w*|\d+\.\d+ LTS",
    re.I,
)
_PHONE = re.compile(
    r"(?:\+|00|\(0|0)[\d ()/.\-]{6,20}|\+\d[\d ]{5,}|-\d{2,5}|\d{2,4}[ /-]\d{2,4}[ /-]\d{2,4}(?:[ /-]\d{2,4})?"
)
_MONTH = (
    r"jan|f[eé]b|m[aä][er]|apr|av[r]|ma[iyj]|jun|juin|jul|juil|au[g]|ao[uû]|ago|sep|o[kc]t|out|nov|de[zc]|"
    r"d[ée]c|gen|mag|giu|lug|set|ott|dic|"
    r"ene|abr|sty|lut|kwi|cze|lip|sie|wrz|pa[zź]|lis|gru|led|[uú]no|b[rř]e|dub|kv[eě]|[cč]er|srp|"
    r"z[aá][rř]|[rř][ií]j|pro|янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек|"
    r"tam|hel|maa|huh|tou|kes|hei|elo|syy|lok|mar|jou|oca|[sş]ub|nis|haz|tem|a[gğ]u|eyl|eki|kas|ara"
)
_DATE = re.compile(
    r"(?P<y>(?:19|20)\d\d)[-/. 年년]\s?(?P<m>\d{1,2})(?:[-/. 月월]\s?(?P<d>\d{1,2})[日일.]?)?"
    r"(?P<t>[T ]?.*\d\d?:\d\d.*)?|"
    r"(?P<d2>\d{1,2})[-/. ](?P<m2>\d{1,2})[-/. ](?P<y2>(?:19|20)?\d\d)(?P<t2>[ T].*\d:\d\d.*)?|"
    r"(?P<d3>\d{1,2})?[-/. ]*(?:de )?(?P<m3>(?:"
    + _MONTH
    + r")[a-zа-яéûäçğşíů.]*)[-/. ,]*(?:de )?(?P<e3>\d{1,2},)?[-/. ]*(?P<y3>(?:19|20)?\d\d)(?P<t3>[ T].*\d:\d\d.*)?|"
    r"(?P<m4>\d{1,2})[-/.](?P<y4>(?:19|20)\d\d)|(?P<y5>(?:19|20)\d\d)(?P<m5>0[1-9]|1[0-2])(?P<d5>0[1-9]|"
    r"[12]\d|3[01])(?P<t5>\d{4,6})?|"
    r"Q[1-4][ /-]?(?P<y6>(?:19|20)\d\d)|(?P<y7>(?:19|20)\d\d)[ /-]?Q[1-4]|(?:[RHＲ]|令和|"
    r"平成)\.?\s?(?P<era>\d{1,2}|元)[./年-]\s?(?P<m8>\d{1,2})[./月-]?(?:\s?\d{1,2}日?)?|"
    r"(?P<w>[a-z]{3},? .*)(?P<y9>(?:19|20)\d\d)(?P<t9>.*\d:\d\d.*)",
    re.I,
)
_SEPARATORS = re.compile(
    r"\s*[,;|\n+&]\s*|\s+/\s+|(?<=\w\w)/(?=\w\w)|\s+(?:et|und|and|y|e|i|og|och|ja|és|en|и|та|και|ve|및|と)\s+|、|，|；"
)


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a value.

    Attributes:
        kind: Such as `ip`, `date`, or `text`.
        number: Of a number, its value; of a size, in GiB.
        day: Of a date.
        timed: The date has a time of day other than midnight.
        parts: How many values it lists.
        unit: Of a size.
    """

    kind: str
    number: float | None = None
    day: date | None = None
    timed: bool = False
    parts: int = 1
    unit: str = ""


def parts_of(value: str) -> list[str]:
    """The values that a cell lists."""
    return [part for part in _SEPARATORS.split(value.strip(" []")) if part]


def form_of(value: str) -> Form:
    """The form of a value that is not empty."""
    value = value.strip()
    if len(value) > 120:
        return Form("long")
    parts = parts_of(value)
    listed = len(parts) or 1
    if _is_ip(value) or (parts and all(_is_ip(part) for part in parts)):
        return Form("ip", parts=listed)
    if _LOGIN.fullmatch(value):
        return Form("login")
    if parts and all(_MAC.fullmatch(part) and not part.isdigit() for part in parts):
        return Form("mac", parts=listed)
    for kind, pattern in (("uuid", _UUID), ("hex", _HEX), ("email", _EMAIL), ("url", _URL)):
        if pattern.fullmatch(value):
            return Form(kind)
    if found := _dated(value):
        return found
    return _numeric(value) or _textual(value, listed)


def _is_ip(text: str) -> bool:
    return bool(_IP4.fullmatch(text) or _IP6.fullmatch(text))


def _dated(value: str) -> Form | None:
    found = _DATE.fullmatch(value)
    if not found:
        return None
    groups = found.groupdict()
    year = next((groups[name] for name in ("y", "y2", "y3", "y4", "y5", "y6", "y7", "y9") if groups[name]), None)
    if year is None:
        year = str(
            (2018 if re.match("[RＲ]|令和", value, re.I) else 1988)
            + (1 if groups["era"] == "元" else int(groups["era"]))
        )
    number = int(year) + (2000 if len(year) == 2 and int(year) < 70 else 1900 if len(year) == 2 else 0)
    if not 1950 <= number <= 2100:
        return None
    month = next((groups[name] for name in ("m", "m2", "m4", "m5", "m8") if groups[name]), "6")
    at = min(max(int(month), 1), 12)
    time = next((groups[name] for name in ("t", "t2", "t3", "t5", "t9") if groups[name]), "")
    return Form("date", day=date(number, at, 15), timed=bool(time) and not re.search(r"\b0?0:00(:00)?", time))


def _numeric(value: str) -> Form | None:
    if _NUMBER.fullmatch(value):
        digits = re.sub(r"\D", "", value)
        return Form("int", number=float(digits)) if len(digits) < 40 else Form("code")
    if found := _SIZE.fullmatch(value):
        return _sized(value, found)
    for kind, pattern in (("money", _MONEY), ("percent", _PERCENT), ("version", _VERSION), ("phone", _PHONE)):
        if pattern.fullmatch(value):
            return Form(kind, number=_decimal(value) if kind == "version" else None)
    return Form("decimal", number=_decimal(value)) if _DECIMAL.fullmatch(value) else None


def _decimal(value: str) -> float | None:
    text = re.sub(r"[ '’\u00a0]", "", value).replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


_GIB = {
    "bytes": 2**-30,
    "KB": 2**-20,
    "KiB": 2**-20,
    "MB": 2**-10,
    "MiB": 2**-10,
    "GB": 1.0,
    "GiB": 1.0,
    "TB": 1024.0,
    "TiB": 1024.0,
}


def _sized(value: str, found: re.Match[str]) -> Form:
    number, unit = _decimal(found[1].strip().rstrip(".,")), unit_in(found[2])
    return Form("size", number=None if number is None else number * _GIB.get(unit, 1.0), unit=unit)


def _textual(value: str, listed: int) -> Form:
    if len(value) > 60 and listed < 4:
        return Form("long")
    if _FILE.search(value):
        return Form("path")
    if _DURATION.fullmatch(value):
        return Form("duration", parts=listed)
    if _FQDN.fullmatch(value) and not is_instance_type(value) and "_" not in value[-4:]:
        return Form("fqdn")
    if _PATH.fullmatch(value):
        return Form("path")
    if " " not in value and len(value) < 40:
        return Form("code" if re.search(r"[\d_]|[A-Z]-|-[A-Z]", value) else "word", parts=listed)
    return Form("text", parts=listed)


def days_in(number: float) -> date | None:
    """The day that a bare number can be: an Excel serial, a Julian date, or seconds since 1970."""
    whole = int(number)
    if 32_000 <= whole <= 62_000:
        return date(1899, 12, 30) + timedelta(days=whole)
    year, day = divmod(whole, 1000)
    if 1980 <= year <= 2060 and 1 <= day <= 366:
        return date(year, 1, 1) + timedelta(days=day - 1)
    for factor in (1, 1000):
        if 1.1e9 <= whole / factor <= 2.4e9:
            return date(1970, 1, 1) + timedelta(seconds=whole / factor)
    return date(whole, 6, 15) if 1995 <= whole <= 2045 else None


def is_code_like(value: str) -> bool:
    """True for capital letters mixed with digits, as serial numbers are."""
    text = folded(value)
    return bool(re.search(r"\d", text) and re.search(r"[a-z]", text)) and " " not in value
