"""What MongoDB's operations would do, as calls of its shell or as JSON documents."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

_LANGUAGE = "mongo"
WRITES = declare(
    "mongo.writes",
    MEDIUM,
    "Creates or changes documents.",
    "db.tags.updateOne({_id: 1}, {$set: {a: 1}})",
    "db.tags.findOne({_id: 1})",
    language=_LANGUAGE,
)
WRITES_ALL = declare(
    "mongo.writes_all",
    HIGH,
    "Changes all documents of a collection.",
    "db.tags.updateMany({}, {$set: {a: 1}})",
    "db.tags.updateOne({_id: 1}, {$set: {a: 1}})",
    language=_LANGUAGE,
)
DELETES = declare(
    "mongo.deletes",
    MEDIUM,
    "Deletes documents.",
    "db.tags.deleteOne({_id: 1})",
    "db.tags.findOne({_id: 1})",
    language=_LANGUAGE,
)
DELETES_ALL = declare(
    "mongo.deletes_all",
    CRITICAL,
    "Deletes a database, a collection, or all documents of one.",
    "db.dropDatabase()",
    "db.tags.countDocuments({})",
    language=_LANGUAGE,
)
SCHEMA = declare(
    "mongo.schema",
    MEDIUM,
    "Changes collections or indexes.",
    "db.tags.createIndex({a: 1})",
    "db.tags.getIndexes()",
    language=_LANGUAGE,
)
SERVER = declare(
    "mongo.server",
    HIGH,
    "Changes users, the server, or its cluster.",
    "db.createUser({user: 'x', roles: ['root']})",
    "db.getUsers()",
    language=_LANGUAGE,
)
CODE = declare(
    "mongo.code",
    HIGH,
    "Runs code that has not been read: from a file, on the server, or in another program.",
    "load('x.js')",
    "db.tags.find({a: 1})",
    language=_LANGUAGE,
    unread=True,
)
UNKNOWN = declare(
    "mongo.unknown",
    MEDIUM,
    "An operation of MongoDB whose effects are not known.",
    "db.tags.frobnicate()",
    "db.tags.find({})",
    language=_LANGUAGE,
    unread=True,
)

_READS = word_set(
    "find findone count countdocuments estimateddocumentcount distinct explain stats getindexes getcollectionnames "
    "getcollection getcollectioninfos getsiblingdb getmongo getname sort limit skip toarray foreach map filter "
    "pretty next hasnext "
    "print printjson status serverstatus hello ismaster currentop version stats datasize storagesize totalsize "
    "totalindexsize "
    "getindexkeys indexes getusers getuser getroles hostinfo buildinfo serverbuildinfo listcommands getprofilingstatus "
    "getreplicationinfo printreplicationinfo printsecondaryreplicationinfo conf latencystats getsharddistribution "
    "projection project "
    "hint collation maxtimems batchsize size length itcount objectid isodate numberint numberlong numberdecimal "
    "uuid date regexp "
    "tostring tojson json stringify parse keys values entries slice push join includes indexof match test some "
    "every reduce concat "
    "abs round now gettimestamp validate watch getquery listdatabases listcollections dbstats collstats ping "
    "connectionstatus "
    "readpref readconcern allowdiskuse comment returnkey showrecordid tailable addoption getlog isodate "
    "tolowercase touppercase "
    "split trim replace log console math floor ceil max min adminuse use show help sleep"
)
_ONE = word_set(
    "insert insertone insertmany updateone replaceone findoneandupdate findoneandreplace findandmodify save update "
    "upsert "
    "create_document insert_one insert_many update_one replace_one find_one_and_update"
)
_MANY = word_set("updatemany update_many")
_DELETE_ONE = word_set("deleteone findoneanddelete delete_one find_one_and_delete justone")
_DELETE_MANY = word_set("deletemany remove delete delete_many delete_documents")
_GONE = word_set("drop dropdatabase drop_database drop_collection dropcollection drop_db")
_SCHEMA = word_set(
    "createindex createindexes ensureindex createcollection createview reindex hideindex unhideindex collmod "
    "compact create_index "
    "create_collection setprofilinglevel touch"
)
_SCHEMA_GONE = word_set(
    "dropindex dropindexes renamecollection converttocapped drop_index rename_collection emptycapped clonecollection"
)
_SERVER = word_set(
    "createuser updateuser dropuser dropallusers changeuserpassword grantrolestouser revokerolesfromuser "
    "createrole updaterole "
    "droprole dropallroles grantprivilegestorole revokeprivilegesfromrole grantrolestorole shutdownserver shutdown "
    "fsynclock fsyncunlock "
    "fsync killop killsessions killallsessions initiate reconfig stepdown freeze add addarb remove_member syncfrom "
    "addshard "
    "removeshard enablesharding shardcollection movechunk splitat setbalancerstate startbalancer stopbalancer "
    "disablebalancing "
    "setparameter replsetreconfig replsetstepdown replsetinitiate setfeaturecompatibilityversion logrotate "
    "copydatabase "
    "clonedatabase resetplancache auth logout rotatecertificates invalidateusercache setdefaultrwconcern"
)
_CODE = word_set(
    "load eval mapreduce run runprogram rawmongoprogramoutput require exec spawn execsync fetch import "
    "startmongoprogram cat function"
)
_SECOND = frozenset({"bulkwrite", "bulk_write", "initializeorderedbulkop", "initializeunorderedbulkop"})
_TEXTS = re.compile(
    r"(?P<text>'(?:[^'\\\n]++|\\.)*+(?:'|(?P<open>))|\"(?:[^\"\\\n]++|\\.)*+(?:\"|(?P<open2>)))"
    r"|(?P<template>`(?:[^`\\]++|\\.)*+`?)|(?P<line>//[^\n]*+)|(?P<block>/\*(?:[^*]++|\*(?!/))*+(?:\*/|(?P<open3>)))"
    r"|(?:(?<=[(,=:\[!&|?{;])|(?<=\breturn)|\A)\s*+"
    r"(?P<pattern>/(?:[^/\\\[\n]++|\\.|\[(?:[^\]\\\n]++|\\.)*+\]?)++(?:/|(?P<open4>)))",
    re.DOTALL,
)
_CALL = re.compile(r"(?<![\w$])[0-9]*+((?:[^\W\d]|\$)[\w$]*+)\s*+\(")
_INERT = re.compile(
    r"(?:(?:show\s+\w+|use\s+[\w-]+|help|it|exit|quit|cls|[\w.$]*|//[^\n]*)[ \t]*(?:;|\n|\Z)\s*)*+", re.IGNORECASE
)
"""Commands of the shell that need no call, and names, which are only shown."""
_KEYWORDS = word_set(
    "if for while switch catch function return typeof new try else do await async of in var let const throw"
)
_MOST_CALLS = 2_000
_HIDDEN_CALL = re.compile(
    r"\]\s*(?:\?\.)?\(|\)\s*\(|\.(?:drop|dropDatabase|deleteMany|remove|updateMany|runCommand|adminCommand"
    r"|eval)\b(?!\s*\()"
)
"""A call of something that is looked up or kept under another name."""
_SLASH = re.compile(r"[\w)\]}]\s*\n\s*/(?![/*])[^\n]*['\"`]|\}\s*/(?![/*])[^\n]*['\"`]")
"""A slash that divides or begins a pattern, so that it is not clear where the texts after it begin."""


def read(text: str, reading: Reading) -> None:
    """Read calls of the shell, or a JSON document with an operation or a command."""
    stripped = text.strip()
    if stripped[:1] in "{[":
        try:
            document = json.loads(stripped)
        except (ValueError, RecursionError):
            document = None
        if document is not None:
            _documents(document if isinstance(document, list) else [document], reading)
            return
    _script(text, reading)
    if not _CALL.search(text) and not _INERT.fullmatch(stripped):
        reading.add(UNKNOWN, "This is neither a call nor a document, so what it does is not known.", 1)


def _without_text(found: re.Match[str]) -> str:
    """Return what takes the place of a text, a comment, or a pattern, so that no calls are found in it.

    What a template contains may be code, and an open text or comment has no end; both are read as code.
    """
    whole = found[0]
    if found["template"] is not None or any(found[name] is not None for name in ("open", "open2", "open3", "open4")):
        return re.sub(r"['\"`]", " ", whole)
    blank = re.sub(r"[^\n]", " ", whole)
    return "''" + blank[2:] if found["text"] is not None else blank


def _script(text: str, reading: Reading) -> None:
    plain = _TEXTS.sub(_without_text, text)
    if re.search(r"\$where\b|\$function\b|\$accumulator\b|process\s*\.|child_process", text):
        line = 1
        reading.add(CODE, "This runs JavaScript on the server, or other programs.", line)
    if found := _HIDDEN_CALL.search(plain):
        words = "What is called here is known only when it runs."
        reading.add(CODE, words, text.count("\n", 0, found.start()) + 1)
    if found := _SLASH.search(text):
        words = "It is not clear where the texts in this line begin, so calls may have been overlooked."
        reading.add(CODE, words, text.count("\n", 0, found.end()) + 1)
    if re.search(r"\$(?:out|merge)\b", text):
        reading.add(WRITES_ALL, "This writes what it computes into a collection, and may replace it.", 1)
    for number, found in enumerate(_CALL.finditer(plain)):
        if number == _MOST_CALLS:
            reading.add(UNKNOWN, "There are too many calls; the others have not been read.")
            return
        reading.budget.step()
        name = found[1]
        if name in _KEYWORDS:
            continue
        inside = plain[found.end() : found.end() + 400]
        line = text.count("\n", 0, found.start(1)) + 1
        before = plain[max(0, found.start(1) - 60) : found.start(1)]
        _operation(
            name, _is_everything(inside), _target(before), reading, line, inside=text[found.end() : found.end() + 2000]
        )


def _target(before: str) -> str:
    found = re.search(r"([\w$]+)\s*(?:\[[^\]]*\])?\.\s*$", before)
    return found[1] if found else ""


_NOTHING = r"\s*(?:\)|\{\s*\}|\{\s*_id\s*:\s*\{\s*\$(?:exists\s*:\s*true|ne\s*:\s*null|gte?\s*:[^}]{0,20})\s*\}\s*\})"


def _is_everything(arguments: str) -> bool:
    return bool(re.match(_NOTHING, arguments))


def _operation(
    name: str,
    everything: bool,
    target: str,
    reading: Reading,
    line: int | None,
    *,
    inside: str = "",
    limited: bool = False,
) -> None:
    verb = name.lower()
    of = f" of {target}" if target and target != "db" else ""
    if verb in _GONE:
        reading.add(DELETES_ALL, f"{name} deletes {target or 'a database'} with all its documents.", line)
    elif verb in _DELETE_ONE or (verb in _DELETE_MANY and limited):
        reading.add(DELETES, f"{name} deletes a document{of}.", line)
    elif verb in _DELETE_MANY:
        if everything:
            reading.add(DELETES_ALL, f"{name} deletes all documents{of}.", line)
        else:
            reading.add(DELETES, f"{name} deletes the documents{of} that match.", line, HIGH)
    elif verb in _MANY and everything:
        reading.add(WRITES_ALL, f"{name} changes all documents{of}.", line)
    elif verb in _MANY or verb in _ONE:
        level = LOW if verb.startswith("insert") else MEDIUM
        reading.add(WRITES, f"{name} creates or changes documents{of}.", line, level)
    elif verb in _SCHEMA:
        reading.add(SCHEMA, f"{name} changes a collection or its indexes{of}.", line)
    elif verb in _SCHEMA_GONE:
        reading.add(SCHEMA, f"{name} takes away a name or an index{of}.", line, HIGH)
    elif verb in _SERVER:
        reading.add(SERVER, f"{name} changes users, the server, or its cluster.", line)
    elif verb in _SECOND:
        reading.add(WRITES, f"{name} makes many changes at once{of}.", line, HIGH)
    elif verb in _CODE:
        reading.add(CODE, f"{name} runs code that has not been read.", line)
    elif verb in ("runcommand", "admincommand", "command"):
        _command_text(inside, reading, line)
    elif verb != "aggregate" and verb not in _READS:
        reading.add(UNKNOWN, f"What {name[:60]} does is not known.", line)


def _command_text(inside: str, reading: Reading, line: int | None) -> None:
    """Read the first key of a command's document, which names the command."""
    found = re.match(r"\s*\{\s*['\"]?([\w$]+)['\"]?\s*:\s*(['\"]?)([\w.$-]*)", inside)
    name = found[1] if found else (re.match(r"\s*['\"](\w+)['\"]", inside) or [None, "a command"])[1] or ""
    everything = bool(re.search(r"\bq['\"]?\s*:\s*\{\s*\}", inside))
    limited = bool(re.search(r"\blimit['\"]?\s*:\s*1", inside))
    _operation(name, everything, found[3] if found else "", reading, line, limited=limited)


_NAMES = ("operation", "op", "action", "method", "command", "name", "type")
_FILTERS = ("filter", "query", "q", "selector", "where", "criteria", "match")


def _documents(documents: list[Any], reading: Reading) -> None:
    for document in documents[:_MOST_CALLS]:
        if not isinstance(document, Mapping):
            reading.add(UNKNOWN, "This is no operation, so what it does is not known.")
        if not isinstance(document, Mapping) or not document:
            continue
        reading.budget.step()
        verb = next((document[key] for key in _NAMES if isinstance(document.get(key), str)), None)
        given = (document.get(key) for key in ("command", "cmd", "body"))
        inner = next((command for command in given if isinstance(command, Mapping)), None)
        if verb is None or inner is not None:
            _command(document if inner is None else inner, reading)
            continue
        chosen = next((document[key] for key in _FILTERS if key in document), None)
        target = str(document.get("collection") or document.get("coll") or "")
        reading.touch(objects=[target])
        text = json.dumps(document)[:20_000]
        if re.search(r"\"\$(?:where|function|accumulator)\"", text):
            reading.add(CODE, "This runs JavaScript on the server.")
        if re.search(r"\"\$(?:out|merge)\"", text):
            reading.add(WRITES_ALL, "This writes what it computes into a collection, and may replace it.")
        _operation(verb.strip(), _widest(chosen), target, reading, 1)


def _widest(chosen: Any) -> bool:
    """Return True if a filter lets everything through."""
    if isinstance(chosen, str):
        chosen = chosen.strip()
        return not chosen or bool(re.fullmatch(_NOTHING.replace(r"\)|", ""), chosen))
    if not chosen:
        return True
    text = json.dumps(chosen).replace('"', "")
    return isinstance(chosen, Mapping) and len(chosen) == 1 and bool(re.fullmatch(_NOTHING.replace(r"\)|", ""), text))


def _command(document: Mapping[str, Any], reading: Reading) -> None:
    name, target = next(iter(document.items()))
    parts = document.get("deletes") or document.get("updates") or []
    parts = [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    shown = target if isinstance(target, str) else ""
    reading.touch(objects=[shown])
    if not parts:
        _operation(str(name), _widest(document.get("filter", document.get("query"))), shown, reading, 1)
    for part in parts[:_MOST_CALLS]:
        many = name == "update" and bool(part.get("multi"))
        limited = part.get("limit") == 1 or (name == "update" and not many)
        verb = "updateMany" if many else str(name)
        _operation(verb, _widest(part.get("q")), shown, reading, 1, limited=limited)
