"""What single values of a column look like: a person's name, a user name, a phone number."""

from __future__ import annotations

import re

from workflows.asset_discovery.personal.given_names import GIVEN_NAMES
from workflows.asset_discovery.personal.words import plain, word_set

_ORGANIZATIONS = word_set(
    """
    team teams group grp gruppe groupe grupo gruppo grupa groep dept department abteilung abt referat amt
    fachbereich service services servicedesk desk helpdesk support ops operations operation network networks
    netzwerk reseau red infra infrastructure infrastruktur platform plattform cloud data database datenbank dba
    unix linux windows wintel server servers storage security soc noc office equipe pole direction departement
    equipo departamento ufficio reparto zespol dzial afdeling osasto avdeling avdelning afdelning otdel it ict edv
    corporate personal shared unassigned unknown none pool stock lager spare reserve company gmbh ltd inc llc sa ag
    bv oy vendor external extern partner admins administrators administration engineering development marketing
    sales finance hr accounting logistics production facility facilities maintenance web backend frontend devops
    sre qa lab claims hub billing payments payment banking retail customer customers digital business clinic
    clinique hospital hopital klinik krankenhaus school schule ecole library ward plant werk factory warehouse
    fleet station branch store shop treasury legal procurement purchasing building gebaude batiment haus house hall
    halle room raum salle sala edificio street str strasse rue avenue via plaza place platz square road site campus
    san santa santo sao saint st sankt los las port fort new north south east west
    """
)
"""Words that names of teams, companies, services, and places contain, and names of people do not."""
_NAME_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’.\-])*")
_AFTER_NAME = re.compile(r"\s*[/(\[<;|].*$|\s+-\s.*$", re.S)
_ASIAN = r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]"
_HAN = re.compile(rf"{_ASIAN}{{2,6}}([ \u3000・]{_ASIAN}{{1,6}})?")
_PARTICLES = word_set("von van der den de la le di da du dos del af av zu ter ten bin al el y e")
_USER = re.compile(r"(?:[\w-]{1,20}\\)?[A-Za-z][\w.-]{1,29}")
_PERSONNEL = re.compile(r"[A-Za-z]{0,3}-?\d{3,10}")
_PHONE = re.compile(r"(?:\+|00|\(0|\(\+|0)[\d ()/.\-]{5,22}\d(?:\s*(?:ext|x|dw)\.?\s*\d{1,5})?", re.I)
_EXTENSION = re.compile(r"(?:[^\W\d_]{1,10}\.?)?[\s.:\-]*\d{2,6}")
_DIALED = re.compile(r"[\d\s()+/.\-–]{5,25}")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:[ T].*)?")
_EXCEL_TEXT = re.compile(r'="(.*)"')


def bare(value: str) -> str:
    """The value without blanks around it, and without Excel's `="…"`."""
    value = value.strip()
    quoted = _EXCEL_TEXT.fullmatch(value)
    return quoted[1] if quoted else value


def name_words(value: str) -> tuple[str, ...]:
    """The words of a person's name, without accents and capitals; empty if the value does not look like one."""
    value = _AFTER_NAME.sub("", bare(value)).replace(",", " ")
    words = value.split()
    if not 2 <= len(words) <= 5 or len(value) > 60:
        return ()
    if not all(_NAME_WORD.fullmatch(word) for word in words):
        return ()
    if any(word[0].islower() and word not in _PARTICLES for word in words):
        return ()
    simple = tuple(plain(word).strip(".") for word in words)
    return () if not _ORGANIZATIONS.isdisjoint(simple) else simple


def is_name(value: str) -> bool:
    """True if the value looks like the name of a person: two to five capitalized words, or a few characters of Han."""
    return bool(name_words(value)) or _HAN.fullmatch(bare(value)) is not None


def is_single_name(value: str) -> bool:
    """True for a single capitalized word that is no organization, such as a surname."""
    value = _AFTER_NAME.sub("", bare(value))
    return (
        bool(_NAME_WORD.fullmatch(value))
        and len(value) > 2
        and value[0].isupper()
        and value[1:].islower()
        and plain(value) not in _ORGANIZATIONS
    )


def is_known_name(value: str) -> bool:
    """True if the value looks like a name, and its first or last word is a common given name."""
    words = name_words(value)
    return bool(words) and any(word.split("-")[0] in GIVEN_NAMES for word in (words[0], words[-1]))


def is_user_name(value: str) -> bool:
    """True for what is typed at sign-in and names a person: `jsmith2`, `CORP\\jane.smith`, `XKESTR3`."""
    value = bare(value)
    if not _USER.fullmatch(value) or plain(value) in _ORGANIZATIONS:
        return False
    parts = re.split(r"[._\\-]", plain(value))
    return any(character.isdigit() or character in "\\." for character in value) or any(
        part in GIVEN_NAMES for part in parts
    )


def is_identifier(value: str) -> bool:
    """True for a user name in the wide sense, or a personnel number."""
    value = bare(value)
    return bool(_USER.fullmatch(value) or _PERSONNEL.fullmatch(value)) and plain(value) not in _ORGANIZATIONS


def is_phone(value: str) -> bool:
    """True for a phone number with its trunk or country prefix."""
    value = bare(value)
    digits = sum(map(str.isdigit, value))
    if not 8 <= digits <= 15 or not _PHONE.fullmatch(value) or _DATE.fullmatch(value):
        return False
    return value[0] in "+(" or bool(re.search(r"\d[ /-]+\d", value))


def is_extension(value: str) -> bool:
    """True for the extension of a phone: two to six digits, perhaps after a word or a hyphen."""
    return _EXTENSION.fullmatch(bare(value)) is not None


def is_dialed(value: str) -> bool:
    """True for digits, and what separates those of phone numbers; alone, it says little."""
    value = bare(value)
    if _DATE.fullmatch(value) or _ADDRESS.fullmatch(value):
        return False
    return _DIALED.fullmatch(value) is not None and sum(map(str.isdigit, value)) >= 5
