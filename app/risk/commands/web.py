"""Programs that speak HTTP: curl, wget, and their like."""

from __future__ import annotations

import re

from app.risk.addresses import note_request
from app.risk.commands.known_files import note_download
from app.risk.commands.options import Arguments, arguments_of
from app.risk.commands.sending import connect_to, is_secret, sends_dump, sends_file
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on, run_unread
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import Word
from assent.contracts import RiskLevel

DELETES = declare(
    "http.deletes", RiskLevel.HIGH, "Asks a server to delete something.", "curl -X DELETE "
    "https://api.example.com/items/7",
    "curl https://api.example.com/items/7", language="shell",
)  # fmt: skip
DELETES_ALL = declare(
    "http.deletes_store",
    RiskLevel.CRITICAL,
    "Asks a server to delete a whole index, collection, or namespace.",
    "curl -X DELETE http://localhost:9200/orders",
    "curl http://localhost:9200/orders/_count",
    language="shell",
)
UNCHECKED = declare(
    "http.unchecked", RiskLevel.HIGH, "Does not check who the server is.", "curl -k https://api.example.com/",
    "curl https://api.example.com/", language="shell",
)  # fmt: skip
SETTINGS = declare(
    "http.settings_from_file", RiskLevel.MEDIUM, "Takes its options or addresses from a file.", "curl -K opts.txt",
    "curl https://api.example.com/", language="shell", unread=True,
)  # fmt: skip
SOCKET = declare(
    "http.socket", RiskLevel.HIGH, "Asks a service of this machine through its socket.",
    "curl --unix-socket /var/run/docker.sock http://x/containers/json", "curl http://localhost:8080/", language="shell",
)  # fmt: skip

_CURL_VALUES = (
    "-o --output --output-dir -X --request -d --data --data-ascii --data-binary --data-raw --data-urlencode --json "
    "-F --form "
    "--form-string -T --upload-file -H --header -A --user-agent -e --referer -u --user -U --proxy-user -x --proxy "
    "--preproxy "
    "-b --cookie -c --cookie-jar -K --config -m --max-time --connect-timeout --retry --retry-delay --retry-max-time -w "
    "--write-out -r --range -C --continue-at -E --cert --key --cacert --capath --pass --cert-type --key-type "
    "--ciphers -D "
    "--dump-header --resolve --connect-to --interface --unix-socket --abstract-unix-socket -z --time-cond -y -Y "
    "--limit-rate "
    "--max-filesize --max-redirs --url --netrc-file --proto --proto-default --proto-redir --tls-max "
    "--oauth2-bearer --aws-sigv4 "
    "-P --ftp-port -Q --quote --libcurl --trace --trace-ascii --stderr --variable --expand-url --parallel-max "
    "--rate --doh-url "
    "--dns-servers --noproxy --socks5 --socks5-hostname --socks4 --hostpubmd5 --etag-save --etag-compare "
    "--url-query --engine"
)
_DATA = ("-d", "--data", "--data-ascii", "--data-binary", "--data-urlencode", "--json", "-F", "--form", "--url-query")
_UNREAD_HOSTS = re.compile(r"^(?:gopher|dict|telnet|smb|ldap|tftp)s?:", re.IGNORECASE)


@program("curl", "curlie")
def _curl(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, _CURL_VALUES)
    if given.exactly("--version", "-V", "--help", "-h", "--manual", "-M"):
        return
    secret = _curl_data(given, command, reading)
    method = (given.value("-X", "--request") or Word("")).text.upper()
    sends = bool(given.values(*_DATA, "--data-raw", "--form-string", "-T", "--upload-file")) and not given.exactly(
        "-G", "--get"
    )
    sends = sends or method in ("POST", "PUT", "PATCH")
    targets = [*given.operands, *given.values("--url")]
    for word in targets[:50]:
        if _UNREAD_HOSTS.match(word.text):
            reading.add(SOCKET, f"This speaks to {word.display} in a protocol other than HTTP.", word.line)
        connect_to(word, reading, sends=sends, secret=secret)
    if sends:
        sends_dump(command, reading)
    for word in targets[:50]:
        note_request(reading, method or ("POST" if sends else "GET"), word)
    if method == "DELETE" or any("_delete_by_query" in word.text for word in targets):
        _deletes(targets, command, reading, given.values(*_DATA, "--data-raw"))
    elif method and not re.fullmatch(r"GET|HEAD|OPTIONS|POST|PUT|PATCH|PROPFIND|REPORT|QUERY", method):
        reading.doubt()
    _curl_files(given, targets, reading)
    _curl_options(given, command, reading)


_STORES = re.compile(
    r":(?:9200|5984|8086|6333|8983|8500|2379)(?:/|$)|/_all\b|/_delete_by_query|/\*|/api/v1/namespaces/[^/]+/?$"
    r"|/buckets?/[^/]+/?$"
    r"|/(?:databases?|collections|indices|indexes|repos/[^/]+)/[^/]+/?$",
    re.IGNORECASE,
)


def deletes_store(address: str) -> bool:
    """Return True if an address is that of a whole store of data, such as an index, and not of a thing in it."""
    plain = address.split("?")[0]
    return bool(_STORES.search(plain)) and not re.search(r"/_doc/|/_search/scroll|_delete_by_query", plain)


def _deletes(targets: list[Word], command: Command, reading: Reading, data: list[Word]) -> None:
    """Note a request to delete; an index, a collection, or a namespace goes with all that is in it."""
    shown = targets[0].display if targets else "the server"
    whole = any(_STORES.search(word.text.split("?")[0]) for word in targets)
    if whole and any("_delete_by_query" in word.text for word in targets):
        whole = any(re.search(r"match_all|\{\s*\}", word.text) for word in data)
    if whole and not any(re.search(r"/_doc/|/_search/scroll", word.text) for word in targets):
        reading.add(DELETES_ALL, f"This asks {shown} to delete a whole store of data.", command.line)
    else:
        reading.add(DELETES, f"This asks {shown} to delete something.", command.line)


def _curl_data(given: Arguments, command: Command, reading: Reading) -> bool:
    secret = False
    for option, value in given.options:
        if value is None:
            continue
        if option in ("-T", "--upload-file"):
            secret |= sends_file(value, command, reading)
        elif option in _DATA:
            path = _data_file(option, value.text)
            if path:
                secret |= sends_file(value.with_text(path), command, reading)
            elif not value.known:
                reading.doubt()
                secret |= is_secret(value)
        elif option in ("-H", "--header", "-b", "--cookie", "-A", "--user-agent", "--data-raw", "-e", "--referer"):
            if value.text.startswith("@"):
                secret |= sends_file(value.with_text(value.text[1:]), command, reading)
            elif not value.known and "$(" in value.shown:
                secret |= is_secret(value)
    return secret


def _data_file(option: str, text: str) -> str:
    """Return the path in ``@path``, ``name=@path;type=x``, or ``name@path``; empty if the text is no path."""
    if option in ("-F", "--form"):
        found = re.match(r"[^=]*=[@<](\"?)([^;\"]+)", text)
        return found[2] if found else ""
    if option in ("--data-urlencode", "--url-query"):
        found = re.match(r"[^=]*?@(.+)", text, re.DOTALL)
        return found[1] if found else ""
    return text[1:] if text.startswith("@") else ""


def _curl_files(given: Arguments, targets: list[Word], reading: Reading) -> None:
    for word in given.values("-o", "--output", "-c", "--cookie-jar", "-D", "--dump-header", "--trace", "--trace-ascii",
                             "--libcurl", "--stderr", "--etag-save"):  # fmt: skip
        if word.text not in ("-", "%", ""):
            act_on(reading, Act.WRITE, word)
            note_download(reading, word)
    if given.has("-O", "--remote-name", "--remote-name-all", "-J", "--remote-header-name"):
        writes_downloads(targets, given.value("--output-dir"), reading)
    for word in given.values("-b", "--cookie", "--netrc-file", "-E", "--cert", "--key"):
        if "=" not in word.text and place_of(word.text) is Place.ACCESS:
            act_on(reading, Act.READ, word)


def _curl_options(given: Arguments, command: Command, reading: Reading) -> None:
    if given.has("-k", "--insecure", "--proxy-insecure"):
        reading.add(UNCHECKED, "This does not check the server's certificate.", command.line)
    if given.value("-K", "--config"):
        reading.add(SETTINGS, "This takes options from a file, which may change what it does.", command.line)
    for word in given.values("-w", "--write-out"):
        for path in re.findall(r"%output\{(?:>>)?([^}]*)\}", word.text):
            act_on(reading, Act.WRITE, word.with_text(path))
    if socket := given.value("--unix-socket", "--abstract-unix-socket"):
        reading.add(SOCKET, f"This speaks to the service behind {socket.display}.", command.line)
    if given.value("-Q", "--quote"):
        reading.add(DELETES, "This sends commands to an FTP server, which may delete files.", command.line)
    if not (given.operands or given.value("--url", "-K", "--config")) or given.unknown:
        reading.doubt()


def writes_downloads(targets: list[Word], folder: Word | None, reading: Reading) -> None:
    """Note that downloads are written into files with the names in their addresses."""
    for word in targets[:50]:
        address = re.sub(r"^\w+://|[?#].*", "", word.text).rstrip("/")
        name = address.rpartition("/")[2] if "/" in address else "index.html"
        path = f"{folder.text.rstrip('/')}/{name}" if folder else name
        act_on(reading, Act.WRITE, word.with_text(path))
        note_download(reading, word.with_text(path))


_WGET_VALUES = (
    "-O --output-document -o --output-file -a --append-output -P --directory-prefix -i --input-file -e --execute "
    "--post-data "
    "--post-file --method --body-data --body-file --header -U --user-agent --referer --user --password --http-user "
    "--http-password -t --tries -T --timeout -w --wait -Q --quota -l --level -A --accept -R --reject -D --domains "
    "-B --base "
    "--limit-rate --config --ca-certificate --certificate --private-key --load-cookies --save-cookies --use-askpass "
    "--restrict-file-names --cut-dirs -I -X --bind-address --dns-servers --retry-on-http-error --progress"
)


@program("wget", "wget2", "aria2c", "axel", "lwp-download", "fetch-url")
def _wget(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, _WGET_VALUES if command.name.startswith("wget") else "-o -d --dir --out -i -x -s -n"
    )
    if given.exactly("--version", "-V", "--help", "-h"):
        return
    secret = False
    for word in given.values("--post-file", "--body-file"):
        secret |= sends_file(word, command, reading)
    for word in given.values("--post-data", "--body-data", "--header"):
        secret |= not word.known and is_secret(word)
    method = (given.value("--method") or Word("")).text.upper()
    sends = bool(given.values("--post-data", "--post-file", "--body-data", "--body-file")) or method in (
        "POST",
        "PUT",
        "PATCH",
    )
    for word in given.operands[:50]:
        connect_to(word, reading, sends=sends, secret=secret)
    if method == "DELETE":
        reading.add(DELETES, "This asks the server to delete something.", command.line)
    _wget_files(given, command, reading)
    if given.has("--no-check-certificate"):
        reading.add(UNCHECKED, "This does not check the server's certificate.", command.line)
    if given.value("-i", "--input-file", "--config"):
        reading.add(SETTINGS, "This takes addresses or options from a file.", command.line)
    for word in given.values("-e", "--execute", "--use-askpass"):
        run_unread(reading, word)


def _wget_files(given: Arguments, command: Command, reading: Reading) -> None:
    if given.exactly("--spider"):
        return
    output = given.value("-O", "--output-document") if command.name.startswith("wget") else given.value("-o", "--out")
    for word in given.values("-o", "--output-file", "-a", "--append-output") if command.name.startswith("wget") else ():
        act_on(reading, Act.WRITE, word)
    folder = given.value("-P", "--directory-prefix", "-d", "--dir")
    if output is not None:
        if output.text not in ("-", "/dev/stdout"):
            act_on(reading, Act.WRITE, output)
            note_download(reading, output)
    elif given.has("-r", "--recursive", "-m", "--mirror", "-p", "--page-requisites"):
        act_on(reading, Act.WRITE, folder or Word("downloads", command.line))
    else:
        writes_downloads(given.operands, folder, reading)


@program("http", "https", "xh", "xhs", "httpie")
def _httpie(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, "-o --output -a --auth -A --auth-type --session --verify --timeout --proxy -p --print -s"
    )
    words = list(given.operands)
    method = ""
    if words and re.fullmatch(r"[A-Z]{3,9}", words[0].text):
        method = words.pop(0).text
    if not words:
        return
    items = words[1:]
    secret = False
    for word in items:
        name, at, path = word.text.partition("@")
        if at and "=" not in name and ":" not in name:
            secret |= sends_file(word.with_text(path), command, reading)
        elif not word.known:
            secret |= is_secret(word)
    body = [word for word in items if re.match(r"[\w\[\].-]+(?::?=|@)(?!=)", word.text)]
    secret |= command.input_from == "secret"
    connect_to(words[0], reading, sends=bool(body) or method in ("POST", "PUT", "PATCH"), secret=secret)
    if method == "DELETE":
        reading.add(DELETES, f"This asks {words[0].display} to delete something.", command.line)
    if output := given.value("-o", "--output"):
        act_on(reading, Act.WRITE, output)
    elif given.has("-d", "--download"):
        writes_downloads(words[:1], None, reading)
    if (verify := given.value("--verify")) and verify.text.lower() in ("no", "false"):
        reading.add(UNCHECKED, "This does not check the server's certificate.", command.line)


@program("lynx", "w3m", "links", "elinks", "openurl", "xdg-open", "open", "youtube-dl", "yt-dlp", "gallery-dl",
"httping", "ab",
         "hey", "wrk", "siege", "vegeta", "grpcurl", "websocat", "wscat", "ipfs")  # fmt: skip
def _browse(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-o -O -n -c -H -d -m -t -z -r -f --output -import-path -proto")
    targets = [word for word in given.operands if "." in word.text or ":" in word.text or not word.known]
    for word in targets[:5]:
        connect_to(
            word, reading, sends=command.name in ("ab", "hey", "wrk", "siege", "vegeta", "grpcurl", "websocat", "wscat")
        )
    reading.doubt()
