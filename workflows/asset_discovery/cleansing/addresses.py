"""IP and MAC addresses."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

from workflows.asset_discovery.cleansing.outcomes import Outcome, invalid
from workflows.asset_discovery.cleansing.rules import Rule

_IPV4 = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})")
_IPV4_LIKE = re.compile(r"\d+(?:[.,]\d*){2,}")
_BRACKETED_V6 = re.compile(r"\[([0-9A-Fa-f:.]+)(?:%[\w.-]+)?\](?::\d{1,5})?(?:/\d{1,3})?")
_TAIL = re.compile(r"(?::\d{1,5}|/\d{1,3}|/\d+\.\d+\.\d+\.\d+|%[\w.-]+)+$")
_LABEL = re.compile(r"^(?:[A-Za-z][\w./-]*[=:]\s*|https?://|tcp://|udp://)(?=[\d\[])")
_LABELS = re.compile(r"\b[A-Za-z][\w.-]*[:=]\s*(?=\d{1,3}\.\d)")
_PATH = re.compile(r"/(?!\d).*$")
_REMARK = re.compile(r"\((?![^()]*\d\.\d+\.\d)[^()]*\)")
_MEANINGFUL = re.compile(r"[^\W_]|::")
_SPLIT = re.compile(
    r"[\s;|、，；()]+|(?<=\.\d)[-–](?=\d+\.\d+\.)|(?<=\.\d\d)[-–](?=\d+\.\d+\.)|(?<=\.\d\d\d)[-–](?=\d+\.\d+\.)|,(?!\d{1,3}(?:,|$))|,(?=\d{1,3}\.)|/(?=\d{1,3}\.\d)"
)
_NOT_OF_A_DEVICE = re.compile(r"0\.0\.0\.0|127\.\d+\.\d+\.\d+|255\.\d+\.\d+\.\d+|::1?")
_LONGEST_TOKEN = 100
_DYNAMIC = frozenset({
    "dhcp", "dynamic", "dynamisch", "dynamique", "dinámico", "dinamica", "dinamico", "auto", "automatic", "bootp",
    "dynamiczny", "dynamisk",
})  # fmt: skip


def read_ips(text: str) -> Outcome:
    """The IP addresses of a cell, as a list; ports, prefixes, brackets, and remarks are left out."""
    fast = _ipv4(text)
    if fast is not None:
        return _usable((fast,), None if fast == text else Rule.NOTATION)
    if text.casefold() in _DYNAMIC:
        return Outcome(None, Rule.EMPTY)
    plain = _REMARK.sub(" ", text.strip("'\"")) if "(" in text else text
    plain = _LABELS.sub(" ", plain)
    rule = Rule.REMARK if plain != text else None
    if plain.startswith("[") and not _BRACKETED_V6.match(plain):
        plain = plain.strip("[]").replace('"', "").replace("'", "")
    found: list[str] = []
    for token in _SPLIT.split(plain):
        if not _MEANINGFUL.search(token):
            continue  # a mark between two addresses
        if len(token) > _LONGEST_TOKEN:
            rule = Rule.REMARK
            continue
        address, how = _one(token.strip("'\"()"))
        if address is None:
            if _IPV4_LIKE.search(token) or (":" in token and any(char.isdigit() for char in token)):
                return invalid("no valid IP address")
            rule = Rule.REMARK  # a word beside the addresses
            continue
        rule = rule or how
        if address not in found:
            found.append(address)
    if not found:
        return invalid("no valid IP address") if re.fullmatch(r"[\d.,:/ -]+", text) else Outcome(None, Rule.UNREADABLE)
    if rule is None and found != [text]:
        rule = Rule.SEPARATED if len(found) > 1 else Rule.NOTATION
    return _usable(tuple(found), rule)


def _one(token: str) -> tuple[str | None, Rule | None]:
    address = _ipv4(token) or _ipv6(token)
    if address is not None:
        return address, None if address == token else Rule.NOTATION
    token = _PATH.sub("", _LABEL.sub("", token).rstrip("."))
    if match := _BRACKETED_V6.fullmatch(token):
        return _ipv6(match[1]), Rule.PORT
    bare = _TAIL.sub("", token) if token.count(":") <= 1 else token.split("%")[0].split("/")[0]
    return _ipv4(bare) or _ipv6(bare), Rule.PORT


def _ipv4(text: str) -> str | None:
    match = _IPV4.fullmatch(text)
    if match is None:
        return None
    octets = [int(octet) for octet in match.groups()]
    return ".".join(map(str, octets)) if max(octets) < 256 else None


def _ipv6(text: str) -> str | None:
    if text.count(":") < 2:
        return None
    try:
        address = IPv6Address(text.partition("%")[0])
    except ValueError:
        return None
    return str(address.ipv4_mapped or address)


def _usable(addresses: tuple[str, ...], rule: Rule | None) -> Outcome:
    kept = tuple(address for address in addresses if not _NOT_OF_A_DEVICE.fullmatch(address))
    if not kept:
        return Outcome(None, Rule.PLACEHOLDER)
    return Outcome(kept, rule if len(kept) == len(addresses) else Rule.PLACEHOLDER)


_HEX12 = re.compile(r"[0-9A-Fa-f]{12}")
_SEPARATED_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(?:([:.\- _])[0-9A-Fa-f]{1,2})(?:\1[0-9A-Fa-f]{1,2}){4}")
_GROUPED_MAC = re.compile(r"[0-9A-Fa-f]{4}([.:\- ])[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}|[0-9A-Fa-f]{6}[.:\-][0-9A-Fa-f]{6}")
_ALTERED_BY_SPREADSHEET = re.compile(r"\d(?:[.,]\d+)?[Ee]\+?\d{1,2}")
_MAC_SPLIT = re.compile(r"[;,|/\n]+\s*|\s+")
_MAC_REMARK = re.compile(
    r"^0x(?=[0-9A-Fa-f]{12}$)|\([^()]*\)|^(?:MAC|LAN|WLAN|eth\d+|en\w*\d+|Wi-?Fi|wlan\d+)\s*[:=]\s*", re.IGNORECASE
)


def read_macs(text: str) -> Outcome:
    """The MAC addresses of a cell, as a list, each as six octets in lower case with colons."""
    single = _mac(text)
    if single is not None:
        return _usable_macs((single,), None if single == text else Rule.NOTATION)
    if _ALTERED_BY_SPREADSHEET.fullmatch(text):
        return Outcome(None, Rule.PRECISION)
    plain = _MAC_REMARK.sub(" ", text).strip(" []{}:-.").replace('"', "").replace("'", "")
    rule = Rule.REMARK if plain != text and "[" not in text else None
    found: list[str] = []
    for token in filter(None, _MAC_SPLIT.split(plain)):
        address = _mac(token)
        if address is None:
            if any(char.isdigit() for char in token):
                return invalid(_why_no_mac(token))
            rule = Rule.REMARK
            continue
        if address not in found:
            found.append(address)
    if not found:
        return Outcome(None, Rule.UNREADABLE)
    return _usable_macs(tuple(found), rule or (Rule.SEPARATED if len(found) > 1 else Rule.NOTATION))


def _mac(text: str) -> str | None:
    if _HEX12.fullmatch(text) or _GROUPED_MAC.fullmatch(text):
        digits = re.sub(r"[^0-9A-Fa-f]", "", text).lower()
    elif _SEPARATED_MAC.fullmatch(text):
        digits = "".join(octet.zfill(2) for octet in re.split(r"[:.\- _]", text)).lower()
    else:
        return None
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def _why_no_mac(token: str) -> str:
    octets = re.split(r"[:\-]", token)
    if all(re.fullmatch(r"[0-9A-Fa-f]{2}", octet) for octet in octets) and len(octets) > 1:
        return f"a MAC address has six octets, and not {len(octets)}"
    return "not hexadecimal" if re.search(r"[G-Zg-z]", token) else "no valid MAC address"


def _usable_macs(addresses: tuple[str, ...], rule: Rule | None) -> Outcome:
    # All octets alike (00…, ff…) name no device.
    kept = tuple(address for address in addresses if len(set(address.split(":"))) > 1)
    if not kept:
        return Outcome(None, Rule.PLACEHOLDER)
    return Outcome(kept, rule if len(kept) == len(addresses) else Rule.PLACEHOLDER)
