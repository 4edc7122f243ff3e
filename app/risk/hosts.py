"""Hosts that are known by their names."""

from __future__ import annotations

import re

_DROP = re.compile(
    r"(?:[\w-]+\.)*(?:webhook\.site|requestbin\.(?:com|net)|requestcatcher\.com|pipedream\.net|hookbin\.com|beeceptor\.com"
    r"|oast\.\w+|interact\.sh|oastify\.com|burpcollaborator\.net|ngrok(?:-free)?\.(?:io|app|dev)|trycloudflare\.com|loca\.lt"
    r"|transfer\.sh|file\.io|0x0\.st|temp\.sh|bashupload\.com|pastebin\.com|paste\.ee|hastebin\.com|dpaste\.\w+|termbin\.com"
    r"|anonfiles\.com|gofile\.io|catbox\.moe|ptsv\d?\.com|mockbin\.\w+|canarytokens\.com|dnslog\.cn|ceye\.io|x0\.at)",
    re.IGNORECASE,
)


def is_drop(host: str) -> bool:
    """Return True if a host takes anything from anybody and shows it to others, as bins for requests and texts do."""
    return bool(_DROP.fullmatch(host))
