"""What a browser sends about itself becomes its name and its system."""

from __future__ import annotations

import pytest

from app.domain.browsers import browser_words

_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"{_WINDOWS} {_CHROME}", "Chrome on Windows"),
        (f"{_WINDOWS} {_CHROME} Edg/140.0.0.0", "Edge on Windows"),
        (f"{_WINDOWS} {_CHROME} OPR/120.0.0.0", "Opera on Windows"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 16181.61.0) {_CHROME}", "Chrome on ChromeOS"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {_CHROME.replace('Chrome', 'HeadlessChrome')}", "Chrome on Linux"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox on Android"),
        (f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", "Safari on a Mac"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "CriOS/140.0 Mobile/15E148 Safari/604.1",
            "Chrome on an iPhone",
        ),
        ("curl/8.14.1", "An unknown browser"),
        ("Some/1.0 (Windows)", "An unknown browser on Windows"),
        ("", "An unknown browser"),
        ("<script>" * 10_000, "An unknown browser"),
    ],
)
def test_browsers(said: str, words: str) -> None:
    assert browser_words(said) == words
