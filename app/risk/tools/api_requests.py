"""Tools that ask a service by a method of HTTP and a path, without an address: ``{"method": "DELETE", "path": …}``."""

from __future__ import annotations

import json
import re

from app.risk.addresses import note_request
from app.risk.commands.web import DELETES
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.tools import names
from app.risk.tools.call import HTTP_METHODS, ToolCall, words_in
from app.risk.tools.combinations import READS_SECRET
from app.risk.tools.deeds import CLEARS_CACHE
from app.risk.tools.wholes import WHOLES
from app.risk.words import Word
from assent.contracts import RiskLevel

DELETES_ALL = declare(
    "http.deletes_all", RiskLevel.CRITICAL, "Deletes an index or a collection with everything in it.",
    '{"tool": "http_request", "args": {"method": "DELETE", "url": "http://elastic.example.com:9200/orders"}}',
    '{"tool": "http_request", "args": {"method": "GET", "url": "http://elastic.example.com:9200/orders"}}',
    language="tool_call",
)  # fmt: skip
ASKS_TO_CHANGE = declare(
    "http.changes", RiskLevel.MEDIUM, "Asks a service to make or change something.",
    '{"tool": "tickets_api", "args": {"method": "POST", "path": "/tickets"}}',
    '{"tool": "tickets_api", "args": {"method": "GET", "path": "/tickets"}}', language="tool_call", unread=True,
)  # fmt: skip
_ASKS = word_set("request api call rest http query proxy raw")
_ENGINES = word_set("elastic elasticsearch opensearch es solr couchdb")
_PREFIX = re.compile(r"(?:api|apis|rest|client|v\d+(?:\.\d+)?(?:alpha\d|beta\d)?|\d+\.\d+)", re.IGNORECASE)
_READING_ENDS = word_set("_search _msearch _count _mget _field_caps _validate _explain search count lookup")
_PARTS = word_set("_doc _alias _aliases _template _mapping _settings _create _source")
_LEFT_ALONE = word_set(
    "sessions settings access status permissions address addresses labels tags favorites cookies news"
)
"""Words that end like plurals of what one would miss, and are not."""
_SECRET_PATHS = word_set("secret secrets credential credentials")
_CACHES = word_set("cache caches purge_cache invalidations")


def read_api_request(call: ToolCall, reading: Reading) -> bool:
    """Read a request that has a path but no address. Returns False if the call is none."""
    method = call.text("method", "httpmethod", "verb", "requestmethod").upper()
    path = call.text("path", "endpoint", "resource", "route", "uri", "url", "apipath").strip()
    if method not in HTTP_METHODS or not path or "://" in path or re.search(r"\s", path):
        return False
    if not path.startswith("/") and not set(call.words) & _ASKS:
        return False
    path = "/" + path.lstrip("/")
    segments = [segment for segment in path.split("?")[0].split("/") if segment]
    last = segments[-1].lower() if segments else ""
    if method in ("GET", "HEAD", "OPTIONS") or (method == "POST" and last in _READING_ENDS):
        call.judged = "asks"
        if {*words_in(path)} & _SECRET_PATHS and last not in _SECRET_PATHS:
            reading.add(READS_SECRET, f"The path {path[:80]} says that this reads a secret.")
        else:
            reading.add(names.READS, "This only asks a service for something. The agent receives what it reads.")
        return True
    if last in _CACHES:
        call.judged = "asks"
        reading.add(CLEARS_CACHE, "This empties a cache, which fills again.")
        return True
    note_request(reading, method, Word(f"http://service{path}"))
    if method == "DELETE" or last == "_delete_by_query":
        engine = bool(set(call.all_words) & _ENGINES)
        everything = last == "_delete_by_query" and "match_all" in json.dumps(call.args, default=str)
        if everything or (method == "DELETE" and deletes_whole(path, engine=engine)):
            reading.add(DELETES_ALL, f"This deletes {path[:80]} with all that is in it.")
        else:
            reading.add(DELETES, "This asks another machine to delete something.")
    else:
        reading.add(ASKS_TO_CHANGE, "This asks a service to make or change something.")
    return True


def deletes_whole(path: str, *, engine: bool = False) -> bool:
    """Return True if deleting what a path names loses all that is in it, such as a database, or everything of a kind.

    Args:
        path: The path without the host.
        engine: The service is a search engine, whose paths begin with an index.
    """
    segments = [segment.lower() for segment in path.split("?")[0].split("/") if segment]
    while segments and _PREFIX.fullmatch(segments[0]):
        segments = segments[1:]
    if not segments:
        return False
    if engine:
        return not set(segments) & _PARTS and (len(segments) == 1 or segments[0] in ("_snapshot", "_data_stream"))
    last = segments[-1]
    before = segments[-2] if len(segments) > 1 else ""
    if _is_whole(before) and not _is_plural(last):
        return True
    alone = len(segments) % 2 == 1
    return alone and (_is_whole(last) or (_is_plural(last) and last not in _LEFT_ALONE))


def _is_whole(segment: str) -> bool:
    words = words_in(segment)
    return bool(words) and words[-1] in WHOLES | {"index", "indices", "indexes", "topics", "streams"}


def _is_plural(segment: str) -> bool:
    return bool(re.fullmatch(r"[a-z_-]{3,}[a-rt-z]s", segment))
