"""Why two records are one asset or not, in words."""

from __future__ import annotations

from typing import Any

_FOR = {
    "serial_equal": "serial number", "mac_equal": "MAC address", "ip_equal": "IP address", "fqdn_equal": "FQDN",
    "name_equal": "name",
}  # fmt: skip
_ALIKE = {
    "serial_alike": "serial numbers differ only in leading zeros or in characters that look alike",
    "name_alike": "names differ only in punctuation or leading zeros",
    "name_replaced": "one name is marked as old",
    "name_similar": "names are similar",
}
_AGAINST = {
    "serial_differ": "serial numbers", "mac_differ": "MAC addresses", "ip_differ": "IP addresses",
    "fqdn_differ": "FQDNs", "name_differ": "names", "vendor_differ": "manufacturers", "type_differ": "types",
}  # fmt: skip


def reason_for(pair: dict[str, Any]) -> str:
    """Why, from what was compared (see `judgment.judged`): what agrees, then what differs."""
    return "; ".join(filter(None, ["; ".join(_agreement(pair)), differences_of(pair)]))


def differences_of(pair: dict[str, Any]) -> str:
    """What differs between two records; empty if nothing does."""
    different = [title for key, title in _AGAINST.items() if pair[key]]
    return f"{_listed(different)} differ" if different else ""


def _agreement(pair: dict[str, Any]) -> list[str]:
    same = [title for key, title in _FOR.items() if pair[key]]
    alike = [text for key, text in _ALIKE.items() if pair[key]]
    return ([f"same {_listed(same)}"] if same else []) + alike


def _listed(words: list[str]) -> str:
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"
