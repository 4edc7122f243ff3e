"""Methods of objects: files, paths, sockets, responses, databases, and whatever else has a method of that name."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.effects import Act, act_on, connect
from app.risk.places import Place, place_of, plain_path
from app.risk.python import clients, databases, files, functions, libraries, method_names, networks, processes, tables
from app.risk.python.values import ANY, Value, count_choices, held_by, joined, one_of, text_method, text_of
from app.risk.rules import word_set
from app.risk.words import FRESH, UNKNOWN

if TYPE_CHECKING:
    from app.risk.python.calls import Call

_SENDS = word_set(
    "send sendall sendmail send_message storbinary storlines put_object upload_file upload_fileobj publish "
    "post putfo upload"
)


def call_method(made: Call) -> Value:
    """Find out what a method of an object would do, and return its value."""
    base, method = made.base, made.method
    sends = base.kind in ("response", "smtplib") or method in _SENDS
    if sends and "secret" in made.marks and method not in method_names.READS:
        connect(made.reading, made.word(Value("another machine")), secret=True)
    if handler := functions.KNOWN_FUNCTIONS.get(f"{base.kind}.{method}"):
        return handler(made)
    if base.kind == "pathlib.Path":
        return _path(made)
    if method == "cleanup" and (base.text or "").startswith(FRESH):
        return ANY  # a temporary folder, which is made in the same text
    if base.text is not None and base.kind != "file.write":
        value = text_method(base, method, made.arguments)
        if value is not None:
            return value
    if base.kind == "socket":
        return _socket(made)
    if method == "extractall":
        files.extract(made, made.argument(0, "path"))
        return ANY
    if base.kind in ("file", "file.write", "response"):
        return _stream(made)
    if method == "open" and not base.kind:
        return functions.KNOWN_FUNCTIONS["builtins.open"](replace(made, arguments=[Value(UNKNOWN), *made.arguments]))
    if base.kind == "configparser.ConfigParser" and method == "read":
        return functions.KNOWN_FUNCTIONS["builtins.open"](replace(made, arguments=made.arguments[:1]))
    if base.kind == "process":
        processes.tell_shell(made)
        return Value(kind="process", marks=base.marks)
    if base.kind == "dict" or base.items is not None:
        return _of_collection(made)
    if base.kind in tables.SESSIONS:
        return functions.call_function(made, f"{tables.SESSIONS[base.kind]}.{method}")
    if (found := clients.call_client(made, base.kind, method)) is not None:
        return found
    computes = base.kind.split(".")[0] in libraries.COMPUTING - {"duckdb"}
    for known in (libraries.call_object,) if computes else (databases.call_database, libraries.call_object):
        value = known(made)
        if value is not None:
            return value
    return method_names.by_name(made)


def _of_collection(made: Call) -> Value:
    """Return what a method of a list or dictionary returns; none of them has effects."""
    base, method = made.base, made.method
    if base.fields is None or base in made.evaluator.stale:
        items = base.items if method in ("copy", "values", "keys", "items") else None
        return Value(marks=base.marks, items=items, held=held_by([base, *made.arguments]))
    if method == "get" and made.arguments and made.arguments[0].known:
        found = [value for key, value in base.fields if key == made.arguments[0].text]
        return found[0] if found else made.argument(1, "default")
    if method == "items":
        return Value(items=tuple(Value(items=(Value(key), value)) for key, value in base.fields), marks=base.marks)
    if method == "keys":
        return Value(items=tuple(Value(key) for key, _ in base.fields))
    if method == "values":
        return Value(items=tuple(value for _, value in base.fields), marks=base.marks)
    if method == "copy":
        return base
    made.evaluator.note_stale(base)
    return Value(marks=base.marks, held=held_by([base, *made.arguments]))


def _path(made: Call) -> Value:
    if number := count_choices([made.base, *made.arguments]):
        # The path is one of several, such as a default: each of them counts.
        return one_of([_one_path(made.choosing(place)) for place in range(number)])
    return _one_path(made)


def _one_path(made: Call) -> Value:
    base, method = made.base, made.method
    name = f"pathlib.Path.{method}"
    if handler := _PATHS.get(method):
        return handler(made)
    if name in functions.KNOWN_FUNCTIONS:
        return functions.KNOWN_FUNCTIONS[name](made)
    if method == "open":
        inner = replace(made, arguments=[base, *made.arguments])
        return functions.KNOWN_FUNCTIONS["builtins.open"](inner)
    if method in ("expanduser", "resolve", "absolute"):
        return base
    if method == "joinpath":
        return replace(joined([base, *made.arguments], "/"), kind="pathlib.Path")
    if method in ("with_suffix", "with_stem"):
        # It stays where it is, and there is one for each of the files that a pattern stands for.
        return Value(f"{posixpath.dirname(text_of(base))}/{UNKNOWN}".lstrip("/"), kind="pathlib.Path", glob=base.glob)
    if method in ("with_name", "relative_to"):
        return Value(UNKNOWN, kind="pathlib.Path", glob=base.glob)
    return ANY


def _globbed(made: Call) -> Value:
    pattern = text_of(made.argument(0)) if made.arguments else "*"
    act_on(made.reading, Act.LIST, made.word(made.base))
    path = f"{text_of(made.base)}/{pattern}".removeprefix("./")
    made.evaluator.listed.add(plain_path(path))
    return Value(items=(Value(path, kind="pathlib.Path", glob=True),))


_PATHS: dict[str, Callable[[Call], Value]] = {"glob": _globbed, "rglob": _globbed, "iterdir": _globbed}


def _stream(made: Call) -> Value:
    base, method = made.base, made.method
    if method in ("write", "add") and made.arguments and re.search(r"\.(?:zip|tar|tgz|gz|bz2|xz)$", base.text or ""):
        path = made.arguments[0].text or ""
        if place_of(path) in (Place.SECRET, Place.ACCESS, Place.HOME):
            act_on(made.reading, Act.READ, made.word(made.arguments[0]))
            made.evaluator.secret_copies.add(base.text or "")
        return ANY
    if method in ("write", "writelines") and made.arguments:
        content = made.arguments[0]
        if base.text and "download" in content.marks:
            made.evaluator.downloaded.add(base.text)
        files.read_content(made, base, content)
        files.note_encrypted(made, base, content)
        if base.text and "secret" in content.marks:
            made.evaluator.secret_copies.add(base.text)
        if base.text and content.known:
            made.evaluator.written[base.text] = content.text or ""
        return ANY
    if method in tables.SAVES and made.arguments and made.arguments[0].text is not None:
        # A picture that was opened before is saved, as another one or as itself.
        files.save(made, made.arguments[0])
    if method in ("read", "readline", "readlines", "getvalue", "decode", "json"):
        return Value(UNKNOWN, marks=base.marks)
    return Value(marks=base.marks, kind=base.kind)


def _socket(made: Call) -> Value:
    method = made.method
    if method in ("connect", "connect_ex") and made.arguments:
        made.evaluator.facts.add("socket")
        address = made.arguments[0]
        connect(made.reading, made.word(address.items[0] if address.items else address))
    elif method in ("send", "sendall", "sendto") and made.arguments:
        if "secret" in made.arguments[0].marks:
            connect(made.reading, made.word(Value("another machine")), secret=True)
    elif method in ("bind", "listen"):
        if method == "listen":
            made.evaluator.facts |= {"socket", "serves"}
            made.reading.add(networks.SERVES, "This opens a port for other machines.", made.line)
    elif method in ("recv", "recvfrom", "makefile"):
        return Value(UNKNOWN, marks=frozenset({"download"}))
    elif method == "accept":
        return Value(items=(Value(kind="socket"), ANY))
    return ANY
