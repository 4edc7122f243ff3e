"""Languages of Windows (LCID) as tags such as en-US."""

from __future__ import annotations

import locale

_PRIMARY = 0x3FF
_NAMES = {
    0x0004: "zh-Hans", 0x7C04: "zh-Hant", 0x0404: "zh-TW", 0x0804: "zh-CN", 0x0C04: "zh-HK", 0x1004: "zh-SG",
    0x1404: "zh-MO",
    0x0C1A: "sr-Cyrl-CS", 0x081A: "sr-Latn-CS", 0x241A: "sr-Latn-RS", 0x281A: "sr-Cyrl-RS", 0x201A: "bs-Cyrl-BA",
    0x141A: "bs-Latn-BA", 0x0414: "nb-NO", 0x0814: "nn-NO", 0x040A: "es-ES", 0x0C0A: "es-ES", 0x580A: "es-419",
    0x001A: "hr", 0x0014: "no",
}  # fmt: skip


def language_tag(number: int) -> str:
    """Return the tag of a language; empty if it is neutral or unknown."""
    if number in _NAMES:
        return _NAMES[number]
    if number in locale.windows_locale:
        return locale.windows_locale[number].replace("_", "-")
    if 0 < number <= _PRIMARY:  # A language without a country.
        names = (name for known, name in sorted(locale.windows_locale.items()) if known & _PRIMARY == number)
        return next(names, "").partition("_")[0]
    return ""
