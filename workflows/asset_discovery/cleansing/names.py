"""Names of assets, domain names, and lists of names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflows.asset_discovery.cleansing.outcomes import Outcome
from workflows.asset_discovery.cleansing.rules import Rule
from workflows.asset_discovery.cleansing.words import stands_for_nothing

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_URL = re.compile(r"^(?:[a-z][a-z0-9+]*://|\\\\)(?P<host>[^/\\\s:]+)(?::\d+)?(?:[/\\].*)?$", re.IGNORECASE)
_WINDOWS_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,15}\\(?P<host>[A-Za-z0-9_-]+)")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_NOBODY = re.compile(
    r"localhost\d*(?:\.localdomain\d*|\.local)?|\(none\)|none|unknown(?:[-_ ]?host)?|no[-_ ]?name|"
    r"unnamed|hostname",
    re.IGNORECASE,
)
_PRIVATE_SUFFIXES = frozenset({
    "local", "lan", "internal", "intern", "corp", "home", "localdomain", "intra", "intranet", "domain", "arpa",
})  # fmt: skip
_REMARK = re.compile(r"\s*\([^()]*\)")
_LIST = re.compile(
    r"\s*(?:[,;|\n&+、，；・·•]|<br ?/?>|\s[–-]\s|\s/\s|(?<=\w\w)/(?=\w\w)|"
    r"\s(?:und|and|et|y|e|og|och|en|i|oraz|ja|sowie|и|и/или|та|και|ve|és|a|şi|și)\s|\s*[→>]+\s*)\s*",
    re.IGNORECASE,
)
_ROLE = re.compile(r"^[^\W\d_]+(?: [^\W\d_]+)?\s*[:=]\s*(?=\w)")
_PORT = re.compile(r":\d{1,5}(?:/(?:tcp|udp))?$", re.IGNORECASE)
_LIKE_A_HOST = re.compile(r"(?=.*[\d._-])[A-Za-z0-9_][\w.-]+", re.ASCII)


@dataclass(frozen=True)
class KnownDomains:
    """The domains below which the assets of a table stand, in lower case."""

    suffixes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: list[str]) -> KnownDomains:
        """The domains of the fully qualified names among some texts."""
        found = set()
        for text in texts:
            name = text.casefold().rstrip(".")
            if name.count(".") >= 2 and _DOMAIN_NAME.fullmatch(name) and not _ADDRESS.fullmatch(name):
                found.add(name.partition(".")[2])
        return cls(frozenset(found))

    def split(self, name: str) -> tuple[str, str] | None:
        """The host's name and its domain; None for a name that has none."""
        name = name.rstrip(".")
        if "." not in name or not _DOMAIN_NAME.fullmatch(name) or _ADDRESS.fullmatch(name):
            return None
        host, _, domain = name.partition(".")
        top = domain.rpartition(".")[2]
        if not top.isalpha() or len(top) < 2:
            return None
        # "Core.Switch" is a name; a domain has two labels, is a private one, or is that of other assets.
        if "." in domain or top.casefold() in _PRIVATE_SUFFIXES or domain.casefold() in self.suffixes:
            return host, domain
        return None


def read_name(text: str, domains: KnownDomains) -> Outcome:
    """The name of an asset; the domain behind it is separated, and stands in `moved` with the name."""
    bare = text
    if match := _URL.match(text):
        bare = match["host"]
    if match := _WINDOWS_DOMAIN.fullmatch(bare):
        return Outcome(match["host"], Rule.DOMAIN)
    if _NOBODY.fullmatch(bare):
        return Outcome(None, Rule.PLACEHOLDER)
    parts = domains.split(bare)
    if parts is not None:
        return Outcome(parts[0], Rule.DOMAIN, moved=f"{parts[0]}.{parts[1]}".casefold())
    bare = bare.rstrip(".") or bare
    return Outcome(bare, Rule.NOTATION if bare != text else None)


def read_fqdn(text: str) -> Outcome:
    """A fully qualified domain name, in lower case and without the point at its end."""
    bare = text
    if match := _URL.match(text):
        bare = match["host"]
    bare = bare.rstrip(".")
    if not bare or _NOBODY.fullmatch(bare):
        return Outcome(None, Rule.PLACEHOLDER)
    if _ADDRESS.fullmatch(bare):
        return Outcome(None, Rule.PLACEHOLDER, moved=bare)
    lower = bare.casefold()
    if lower == text:
        return Outcome(lower)
    return Outcome(lower, Rule.CASE if bare == text else Rule.NOTATION)


def split_names(text: str) -> list[str]:
    """The names in a cell that lists several."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1].replace('"', "").replace("'", "")
    plain = _REMARK.sub("", text)
    parts = [part.strip(" .;,'\"-–•*") for part in _LIST.split(plain)]
    names: list[str] = []
    for part in filter(None, parts):
        words = part.split()
        # Blanks separate names that look like those of hosts, and belong to names such as "Réseau régional".
        names += words if len(words) > 1 and all(_LIKE_A_HOST.fullmatch(word) for word in words) else [part]
    return [name for name in names if not stands_for_nothing(name)]


def plain_name(name: str) -> str:
    """A name without punctuation, as people abbreviate it."""
    return re.sub(r"[\W_]+", "", name.casefold())


def read_names(text: str, domains: KnownDomains, known: dict[str, str]) -> Outcome:
    """The names of other assets in a cell, as a list.

    Args:
        known: For each asset what others may call it (its name, domain name, address, serial number, and name without
            punctuation), in lower case, with its name.
    """
    found: list[str] = []
    rule: Rule | None = None
    for part in split_names(text):
        names, how = _names_in(part, domains, known)
        rule = how or rule
        found += [name for name in names if name not in found]
    if not found:
        return Outcome(None, Rule.EMPTY)
    if rule is None and found != [text]:
        rule = Rule.SEPARATED if len(found) > 1 else Rule.NOTATION
    return Outcome(tuple(found), rule)


def _bare(name: str) -> list[str]:
    """A name without the port behind it, or the role or the scheme before it; what is the name itself is left out."""
    without_role = _ROLE.sub("", name)
    url = _URL.match(name) or _URL.match(without_role)
    bare = [url["host"]] if url else [_PORT.sub("", name), _PORT.sub("", without_role)]
    return [other for other in bare if other != name]


def _names_in(part: str, domains: KnownDomains, known: dict[str, str]) -> tuple[list[str], Rule | None]:
    """The names of assets in a part of a list, mostly one, and the rule by which they differ from it."""
    name = part.rstrip(".")
    match = known.get(name.casefold())
    if match is not None:
        if match.casefold() == name.casefold():
            return [match], None
        return [match], Rule.DOMAIN if name.casefold().startswith(match.casefold() + ".") else Rule.RESOLVED
    for bare in _bare(name):
        if bare.casefold() in known or (_LIKE_A_HOST.fullmatch(bare) and not bare.isdecimal()):
            return _names_in(bare, domains, known)[0], Rule.REMARK
    parts = domains.split(name)
    if parts is not None:
        return [known.get(parts[0].casefold(), parts[0])], Rule.DOMAIN
    words = [known[word.casefold()] for word in name.split() if word.casefold() in known]
    if words:
        return words, Rule.REMARK
    close = known.get(plain_name(name))
    return ([close], Rule.RESOLVED) if close else ([name], None)
