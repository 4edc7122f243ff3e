"""Personal data inside texts: where it stands, and how it is masked there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workflows.asset_discovery.personal import checks
from workflows.asset_discovery.personal.given_names import GIVEN_NAMES
from workflows.asset_discovery.personal.kinds import PersonalKind
from workflows.asset_discovery.personal.words import plain

EMAIL = re.compile(r"(?<![\w.+-])[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PHONE_WORDS = (
    r"tel|tél|phone|téléphone|telephone|telefon|telefono|teléfono|telefone|mobile|mobil|mobiel|móvil|handy|cell|celular"
    r"|cellulare|telemóvel|gsm|fax|privat|private|privé|thuis|casa|home|perso|extension|ext|extn|durchwahl|dw|interno"
    r"|ramal|nebenstelle|rufnummer|poste|kom|komórka|puhelin|dect|soukromý|otthoni|тел|моб|телефон|дом"
)
_PHONE_ABROAD = re.compile(r"(?<![\w.+])(?:\+|00)[1-9]\d{0,2}[ ()/.-]{0,3}\d[\d ()/.-]{5,18}\d(?!\w)")
_PHONE_BY_WORD = re.compile(rf"(?i)\b(?:{_PHONE_WORDS})\b[^\d\n+(]{{0,30}}?([+(]?\(?\d[\d ()/.-]{{1,22}}\d)")
_PHONE_BY_SIGN = re.compile(r"(?:電話|携帯|内線|手机|电话|分机|휴대폰|전화)[^\d\n+(]{0,8}([+(]?\d[\d ()/.-]{2,20}\d)")
_PHONE_AT_HOME = re.compile(r"(?<![\w.+/-])0\d{1,4}[ /-]\d{3,4}[ -]?\d{3,5}(?![\w/-])")
_NO_PHONE = re.compile(r"\d{4}-\d{2}-\d{2}.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*|\d{1,3}(?:\.\d{1,3}){3}")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
_CARD_GROUPS = re.compile(r"\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{5}")
_CARD_WORDS = re.compile(r"(?i)card|karte|carte|tarjeta|carta|visa|amex|maestro|credit|kredit")
_IBAN = re.compile(r"\b([A-Z]{2})\d{2}(?=[ A-Z0-9])")
_NATIONAL = re.compile(r"(?<![\w.-])[A-Z]{0,6}\d[A-Z0-9]{0,15}(?:[ ./+-][A-Z0-9]{1,11}){0,6}(?![\w-])")
_NATIONAL_WORDS = re.compile(
    r"(?i)\b(?:ssn|social security|sozialvers\w*|steuer-?id|ahv|nir|sécurité sociale|codice fiscale|dni|nie|bsn|pesel"
    r"|cpr|personnummer|fødselsnummer|hetu|cpf|national id|nino|tckn)\b[^\d\n]{0,20}$"
)
_TITLED = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Herrn|Frau|Kollege|Kollegen|Kollegin|Mme|Mlle|Monsieur|Madame|Sra|Señor|Señora"
    r"|Signor|Signora|Sig\.ra|Dott|Pani|Dhr|Mevr|Fru|[Cc]olleague|[Cc]ollega|[Cc]ollègue|[Cc]olega|[Kk]olega)\.?\s+((?:[^\W\d_]\.\s?)?[^\W\d_][\w'’-]+(?:\s+[^\W\d_][\w'’-]+)?)"
)
_TITLED_AFTER = re.compile(r"[\u4e00-\u9fff]{1,4}(?=さん|様|先生|女士)")
_WORD = re.compile(r"[^\W\d_][\w’-]+")
_LONGEST = 20_000
"""Characters of a cell that are searched. What lies beyond is masked as a whole."""


@dataclass(frozen=True)
class Finding:
    """Personal data in a text, from the character `start` to before `end`."""

    kind: PersonalKind
    start: int
    end: int


def findings_in(text: str) -> list[Finding]:
    """Return what a text says of people, without overlaps, in its order. Each is sure enough to stand alone."""
    text = text[:_LONGEST]
    found: list[Finding] = []
    for finding in _all(text):
        if all(finding.end <= other.start or finding.start >= other.end for other in found):
            found.append(finding)
    return sorted(found, key=lambda finding: finding.start)


def _all(text: str) -> Iterator[Finding]:
    if "@" in text:
        yield from (Finding(PersonalKind.EMAIL, *match.span()) for match in EMAIL.finditer(text))
    if any(character.isdigit() for character in text):
        yield from _accounts(text)
        yield from _cards(text)
        yield from _national(text)
        yield from _phones(text)
    yield from _names(text)


def _accounts(text: str) -> Iterator[Finding]:
    for match in _IBAN.finditer(text):
        length = checks.IBAN_LENGTHS.get(match[1])
        account = (
            re.compile(rf"(?: ?[A-Z0-9]){{{length - 4}}}(?![A-Z0-9])").match(text, match.end()) if length else None
        )
        if account is not None and checks.is_iban(text[match.start() : account.end()]):
            yield Finding(PersonalKind.PAYMENT, match.start(), account.end())


def _cards(text: str) -> Iterator[Finding]:
    for match in _CARD.finditer(text):
        near = text[max(match.start() - 40, 0) : match.start()]
        grouped = _CARD_GROUPS.fullmatch(match[0]) is not None
        if (grouped or _CARD_WORDS.search(near)) and checks.is_card_number(match[0]):
            yield Finding(PersonalKind.PAYMENT, *match.span())


def _national(text: str) -> Iterator[Finding]:
    for match in _NATIONAL.finditer(text):
        near = text[max(match.start() - 50, 0) : match.start()]
        announced = _NATIONAL_WORDS.search(near) is not None
        candidate = match[0]
        while len(candidate) >= 9:
            name = checks.national_id(candidate)
            if name and (announced or name in _UNMISTAKABLE):
                yield Finding(PersonalKind.NATIONAL_ID, match.start(), match.start() + len(candidate))
                break
            candidate = re.sub(r"[ ./+-]?[A-Z0-9]+$", "", candidate)


_UNMISTAKABLE = {"Italian codice fiscale", "Swiss AHV number"}


def _phones(text: str) -> Iterator[Finding]:
    for match in (*_PHONE_BY_WORD.finditer(text), *_PHONE_BY_SIGN.finditer(text)):
        if not _NO_PHONE.fullmatch(match[1]) and 3 <= sum(map(str.isdigit, match[1])) <= 15:
            yield Finding(PersonalKind.PHONE, *match.span(1))
    for match in _PHONE_ABROAD.finditer(text):
        if 8 <= sum(map(str.isdigit, match[0])) <= 15:
            yield Finding(PersonalKind.PHONE, *match.span())
    for match in _PHONE_AT_HOME.finditer(text):
        if 9 <= sum(map(str.isdigit, match[0])) <= 12:
            yield Finding(PersonalKind.PHONE, *match.span())


def _names(text: str) -> Iterator[Finding]:
    for match in _TITLED.finditer(text):
        if match[1][0].isupper():
            end = match.end(1) if " " not in match[1] or match[1].split()[-1][0].isupper() else _first_end(match)
            yield Finding(PersonalKind.NAME, match.start(1), end)
    yield from (Finding(PersonalKind.NAME, *match.span()) for match in _TITLED_AFTER.finditer(text))
    before: re.Match[str] | None = None
    for word in _WORD.finditer(text):
        follows = before is not None and text[before.end() : word.start()] in (" ", "  ")
        if before is not None and follows and word[0][0].isupper() and _is_given(before[0]):
            yield Finding(PersonalKind.NAME, before.start(), word.end())
        before = word


def _is_given(word: str) -> bool:
    return word[0].isupper() and plain(word).split("-")[0] in GIVEN_NAMES


def _first_end(match: re.Match[str]) -> int:
    return match.start(1) + len(match[1].split()[0])
