"""Tools that send HTTP requests."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from app.risk.addresses import note_request
from app.risk.commands.web import DELETES
from app.risk.effects import DOWNLOADED, Act, act_on, connect, host_of
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.tools.api_requests import DELETES_ALL, deletes_whole
from app.risk.tools.call import HTTP_METHODS, ToolCall, words_in
from app.risk.words import Word
from assent.contracts import RiskLevel

ADDRESS = declare(
    "tool.args.address", RiskLevel.HIGH, "An argument points to a local file or an internal address.",
    '{"tool": "fetch", "args": {"url": "http://10.0.0.5/"}}', '{"tool": "fetch", "args": {"url": "https://example.com/"}}',
    language="tool_call",
)  # fmt: skip

_FETCHES = word_set("download fetch url remote curl wget")
_RUNS = word_set("run exec execute eval execution runs source")
_CODE = re.compile(
    r"\.(?:sh|bash|ps1|py|exe|msi|js|rb|pl|bat|cmd|bin|run|appimage)(?:[?#]|$)|/(?:raw|install|i)(?:[./]|$)",
    re.IGNORECASE,
)
_PRIVATE_KEY = "PRIVATE KEY-----"
_REACHES_INSIDE = frozenset((
    "gopher", "dict", "ldap", "ldaps", "smb", "cifs", "nfs", "jar", "netdoc", "php", "expect", "tftp", "sftp", "scp",
    "ssh", "telnet", "imap", "smtp", "pop3", "redis", "rtsp", "data", "javascript", "view-source", "phar", "unix",
))  # fmt: skip
_SEARCH_ENGINE = re.compile(r"elastic|opensearch|solr|couchdb|:9200|:5984|:8983", re.IGNORECASE)
_URL = re.compile(r"(?:https?|file|ftp|gopher|ws|wss|dict|ldap)://\S+|//[\w.-]+/\S*", re.IGNORECASE)


def read_urls(call: ToolCall, reading: Reading) -> bool:
    """Read the URLs among a call's arguments. Returns False if the call has none as an address."""
    found = False
    for argument in call.plain_texts:
        address = bool(
            argument.words
            & {"url", "urls", "uri", "endpoint", "href", "link", "address", "server", "baseurl", "website"}
        )
        if not argument.text or "\n" in argument.text.strip() or not (address or _URL.fullmatch(argument.text.strip())):
            continue
        if "://" not in argument.text and not address:
            continue
        with reading.at_item(argument.path):
            found = _read_url(call, argument.text.strip(), reading) or found
    return found


def _read_url(call: ToolCall, url: str, reading: Reading) -> bool:
    scheme = url.partition(":")[0].lower() if "://" in url else ""
    if scheme == "file":
        path = unquote(re.sub(r"^file://(?:localhost)?", "", url, flags=re.IGNORECASE))
        act_on(reading, Act.READ, Word(path, 1, url))
        reading.add(ADDRESS, "This address points to a file of the machine.")
        return True
    if scheme and scheme not in ("http", "https", "ftp", "ws", "wss"):
        if scheme not in _REACHES_INSIDE:
            # The address of something that the tool's own server keeps, such as ``docs://handbook``.
            return False
        reading.add(ADDRESS, f"An address with {scheme}:// reaches services that are not meant for it.")
        return True
    host = _host(url)
    if not host:
        return False
    method = _method(call)
    sends = method in ("POST", "PUT", "PATCH", "DELETE")
    secret = sends and any(_PRIVATE_KEY in argument.text for argument in call.texts)
    connect(reading, Word(url if "://" in url else f"http://{url}"), sends=sends, secret=secret)
    note_request(reading, method, Word(url))
    if {*call.words} & _FETCHES and {*call.words, *call.action} & _RUNS and _CODE.search(url):
        reading.add(DOWNLOADED, "The tool's name says that it runs what it downloads.")
    if _is_internal(host):
        reading.add(ADDRESS, f"{host} is an internal address.")
    if method == "DELETE" or re.search(r"/_delete_by_query\b", url):
        path = (urlsplit(url).path if "://" in url else "").strip("/")
        engine = bool(_SEARCH_ENGINE.search(url))
        everything = "_delete_by_query" in url and "match_all" in json.dumps(call.args, default=str)
        whole = method == "DELETE" and deletes_whole(path)
        if whole or (engine and (everything or (method == "DELETE" and "/_doc/" not in url and path.count("/") == 0))):
            reading.add(DELETES_ALL, f"This deletes {path or 'everything'} with all that is in it.")
        else:
            reading.add(DELETES, "This asks another machine to delete something.")
    return True


def _host(url: str) -> str:
    try:
        host = host_of(url)
        return (
            str(ip_address(host))
            if re.fullmatch(r"[0-9a-f:.]+", host) and (":" in host or host.count(".") == 3)
            else host
        )
    except ValueError:
        return host_of(url)


def _is_internal(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host.endswith((".internal", ".local", ".localdomain", ".svc", ".cluster.local")) or host == "metadata"
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return (address.is_private or address.is_link_local) and not address.is_loopback


def _method(call: ToolCall) -> str:
    for argument in call.texts:
        if "override" in argument.words and argument.text.upper() in HTTP_METHODS:
            return argument.text.upper()
    named = call.text("method", "httpmethod", "verb", "requestmethod").upper()
    if named in HTTP_METHODS:
        return named
    return next((word.upper() for word in words_in(call.own) if word.upper() in HTTP_METHODS), "GET")
