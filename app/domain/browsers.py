"""Names of browsers that their users recognize, from the User-Agent header."""

from __future__ import annotations

import re

_BROWSERS = (
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Vivaldi/", "Vivaldi"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"(?:Chrome|Chromium|CriOS|HeadlessChrome)/", "Chrome"),
    (r"Version/.*Safari/", "Safari"),
)
"""Most specific first: nearly every browser also claims to be another one."""
_SYSTEMS = (
    (r"iPhone", "an iPhone"),
    (r"iPad", "an iPad"),
    (r"Android", "Android"),
    (r"CrOS", "ChromeOS"),
    (r"Windows", "Windows"),
    (r"Macintosh|Mac OS X", "a Mac"),
    (r"Linux|X11", "Linux"),
)


def browser_words(user_agent: str) -> str:
    """A readable name for a `User-Agent` header, such as ``Firefox on Windows``."""
    said = user_agent[:500]
    browser = next((name for pattern, name in _BROWSERS if re.search(pattern, said)), "")
    system = next((name for pattern, name in _SYSTEMS if re.search(pattern, said)), "")
    if not browser:
        return f"An unknown browser on {system}" if system else "An unknown browser"
    return f"{browser} on {system}" if system else browser
