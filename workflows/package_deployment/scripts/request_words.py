"""Words of requests, English and German: numbers, units, dates, applications, versions, and paths."""

from __future__ import annotations

import re
from datetime import date

from workflows.package_deployment.scripts.blocks import Place
from workflows.package_deployment.scripts.calls import Folder

_SMALL = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60, "once": 1, "twice": 2, "a": 1, "an": 1,
    "ein": 1, "eine": 1, "einen": 1, "einer": 1, "eines": 1, "einmal": 1, "zwei": 2, "zweimal": 2, "drei": 3,
    "dreimal": 3, "vier": 4, "viermal": 4, "fünf": 5, "fünfmal": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9,
    "zehn": 10, "zehnmal": 10, "zwölf": 12, "fünfzehn": 15, "zwanzig": 20, "dreißig": 30, "sechzig": 60,
}  # fmt: skip
NUMBER = r"(?:\d{1,6}|" + "|".join(sorted((word for word in _SMALL if len(word) > 2), key=len, reverse=True)) + ")"
UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|min|hours?|h|Sekunden?|Minuten?|Stunden?)"
DURATION = rf"(?P<amount>{NUMBER})[ -]?(?P<unit>{UNIT})\b"
QUOTED = r"""(?:"[^"\n]{1,400}"|'[^'\n]{1,400}'|“[^”\n]{1,400}”|„[^“”\n]{1,400}[“”]|»[^«\n]{1,400}«|‘[^’\n]{1,400}’)"""
_PART = r"""[^\\\s"',;:*?<>|]+"""
_SPACED = r"""[^\\\s"',;:*?<>|]+(?: [^\\\s"',;:*?<>|]+){0,6}"""
PATH = rf"""(?:(?:[A-Za-z]:|%\w[\w()]*%|\\\\{_PART})(?:\\(?:{_SPACED}\\)*{_PART})?\\?)"""
"""A path without quotes: its folders may have spaces, its last part may not."""

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jän", "february feb februar", "march mar märz", "april apr", "may mai", "june jun juni",
            "july jul juli", "august aug", "september sep sept", "october oct oktober okt", "november nov",
            "december dec dezember dez",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
DATE = (
    r"(?:\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}|"
    rf"(?:{_MONTH})\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}}(?:st|nd|rd|th|\.)? (?:{_MONTH})\.? \d{{4}})"
)

APPLICATIONS = {
    "word": ("winword", "Microsoft Word"), "excel": ("excel", "Microsoft Excel"),
    "powerpoint": ("powerpnt", "Microsoft PowerPoint"), "outlook": ("outlook", "Microsoft Outlook"),
    "onenote": ("onenote", "Microsoft OneNote"), "access": ("msaccess", "Microsoft Access"),
    "publisher": ("mspub", "Microsoft Publisher"), "visio": ("visio", "Microsoft Visio"),
    "project": ("winproj", "Microsoft Project"), "teams": ("ms-teams", "Microsoft Teams"),
    "edge": ("msedge", "Microsoft Edge"), "chrome": ("chrome", "Google Chrome"),
    "firefox": ("firefox", "Mozilla Firefox"),
    "thunderbird": ("thunderbird", "Mozilla Thunderbird"), "internet explorer": ("iexplore", "Internet Explorer"),
    "acrobat": ("acrobat", "Adobe Acrobat"), "acrobat reader": ("acrord32", "Adobe Acrobat Reader"),
    "adobe reader": ("acrord32", "Adobe Acrobat Reader"), "zoom": ("zoom", "Zoom"), "slack": ("slack", "Slack"),
    "skype": ("skype", "Skype"), "vlc": ("vlc", "VLC media player"), "notepad++": ("notepad++", "Notepad++"),
    "notepad": ("notepad", "Notepad"), "7-zip": ("7zfm", "7-Zip"), "putty": ("putty", "PuTTY"),
    "winscp": ("winscp", "WinSCP"),
    "visual studio code": ("code", "Visual Studio Code"), "vs code": ("code", "Visual Studio Code"),
}  # fmt: skip
"""What people call applications, and the names of their processes."""

WINDOWS_BUILDS = {
    "10 1809": 17763, "10 1903": 18362, "10 1909": 18363, "10 2004": 19041, "10 20h2": 19042, "10 21h1": 19043,
    "10 21h2": 19044, "10 22h2": 19045, "10": 10240, "11": 22000, "11 21h2": 22000, "11 22h2": 22621, "11 23h2": 22631,
    "11 24h2": 26100, "11 25h2": 26200,
}  # fmt: skip
"""Versions of Windows, and their builds, from Microsoft's release information."""

DOTNET_RELEASES = {
    "4.5": 378389, "4.5.1": 378675, "4.5.2": 379893, "4.6": 393295, "4.6.1": 394254, "4.6.2": 394802, "4.7": 460798,
    "4.7.1": 461308, "4.7.2": 461808, "4.8": 528040, "4.8.1": 533320,
}  # fmt: skip
"""Versions of .NET Framework, and the lowest value of ``Release`` in the registry, from Microsoft's documents."""

_PLACES = (
    (r"%ProgramFiles\(x86\)%|C:\\Program Files \(x86\)", Folder.PROGRAM_FILES_32_BIT),
    (r"%ProgramFiles%|%ProgramW6432%|C:\\Program Files|C:\\Programme", Folder.PROGRAM_FILES),
    (r"%ProgramData%|%AllUsersProfile%|C:\\ProgramData", Folder.PROGRAM_DATA),
    (r"%WinDir%|%SystemRoot%|C:\\Windows", Folder.WINDOWS),
    (r"%Public%|C:\\Users\\Public", Folder.PUBLIC),
    (r"%SystemDrive%", Folder.SYSTEM_DRIVE),
)
_USER_PLACES = (("%AppData%", "AppData"), ("%LocalAppData%", "LocalAppData"), ("%UserProfile%", "Profile"))


def number(word: str) -> int:
    """Return the number that a word stands for."""
    return int(word) if word.isdigit() else _SMALL[word.lower()]


def seconds(amount: str, unit: str) -> int:
    """Return a duration in seconds."""
    factor = {"s": 1, "m": 60, "h": 3600}["h" if unit.lower().startswith("stund") else unit[0].lower()]
    return number(amount) * factor


def iso_date(text: str) -> str:
    """Return a date as YYYY-MM-DD.

    Raises:
        ValueError: there is no such day.
    """
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return date.fromisoformat(text).isoformat()
    if found := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text):
        return date(int(found[3]), int(found[2]), int(found[1])).isoformat()
    words = re.findall(r"[^\W\d_]+|\d+", text.lower())
    month = next(MONTHS[word] for word in words if word in MONTHS)
    day, year = [int(word) for word in words if word.isdigit()]
    return date(year, month, day).isoformat()


def unquoted(text: str) -> str:
    """Return a text without the quotes around it."""
    return text[1:-1] if re.fullmatch(QUOTED, text) else text


def place(path: str) -> tuple[Place, str]:
    """Return the place of a path, and the folder of each user that it is in, if it is in one.

    Raises:
        ValueError: it is not the path of one file or folder.
    """
    path = path.rstrip("\\") if len(path) > 3 else path
    for name, folder in _USER_PLACES:
        if path.lower().startswith(name.lower()):
            return Place(folder=Folder.PUBLIC, path=path[len(name) :].strip("\\")), folder
    for pattern, known in _PLACES:
        if found := re.match(rf"(?:{pattern})(?:\\|$)", path, re.IGNORECASE):
            return Place(folder=known, path=path[found.end() :]), ""
    return Place(path=path), ""
