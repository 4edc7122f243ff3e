"""Cmdlets that talk to other machines."""

from __future__ import annotations

import re

from app.risk.addresses import note_request
from app.risk.effects import Act, connect, host_of, run_dynamic, run_unread
from app.risk.places import Place, place_of
from app.risk.powershell.call import Call
from app.risk.powershell.files import write_path
from app.risk.powershell.rules import HIGH, SENDS
from app.risk.powershell.table import cmdlet
from app.risk.powershell.values import NOTHING, Value, plain_name
from app.risk.words import UNKNOWN, Word

_READING_METHODS = frozenset({"get", "head", "options", "default"})


@cmdlet("invoke-webrequest", "invoke-restmethod", "get-webcontent", "start-bitstransfer")
def _web(call: Call) -> Value:
    if call.name == "start-bitstransfer":
        return _bits(call)
    method = call.value("method", "custommethod")
    sent = [value for value in (call.value("body"), call.value("infile"), call.value("form")) if value is not None]
    if not sent and call.input is not None and method is not None and method.text.lower() not in _READING_METHODS:
        sent = [call.input]
    for word in call.words("uri"):
        sends = bool(sent) or (method is not None and method.text.lower() not in _READING_METHODS)
        connect(call.reading, _address(word), sends=sends, secret=any(is_secret(call, value) for value in sent))
        note_request(call.reading, method.text.upper() if method is not None else "POST" if sends else "GET", word)
        if method is not None and method.text.lower() == "delete":
            call.reading.add(SENDS, f"This deletes {word.display}.", word.line, HIGH)
        if "secret" in (call.bound("uri")[0]).origin:
            connect(call.reading, _address(word), secret=True)
    outfile = call.value("outfile")
    if outfile is not None:
        for word in outfile.words(call.line):
            write_path(call, word, Act.WRITE)
            call.script.downloaded.add(plain_name(word.text))
        if not call.flag("passthru"):
            return NOTHING
    return Value(origin=frozenset({"download"}), kind="webresponse")


def _address(word: Word) -> Word:
    """An address without a scheme is one of the web."""
    return word if "://" in word.text or word.text.startswith(UNKNOWN) else word.with_text(f"http://{word.text}")


def is_secret(call: Call, value: Value) -> bool:
    """Return True if what is sent is a secret: by its origin, or as a file."""
    if "secret" in value.origin:
        return True
    held = value.table.values() if value.table is not None else value.each()
    for item in held:
        for text in item.texts:
            if text.lower() in call.script.secrets or ("secret" in item.origin):
                return True
            if UNKNOWN not in text and re.search(r"[\\/~.]", text) and place_of(text) in (Place.SECRET, Place.ACCESS):
                return True
    return False


def _bits(call: Call) -> Value:
    source, target = call.bound("source", "destination")
    upload = call.value("transfertype")
    sends = upload is not None and upload.text.lower().startswith("upload")
    for word in (target if sends else source).words(call.line):
        connect(call.reading, word, sends=sends, secret=sends and is_secret(call, source))
    if not sends and target is not NOTHING:
        for word in target.words(call.line):
            write_path(call, word, Act.WRITE)
            call.script.downloaded.add(plain_name(word.text))
    return NOTHING


@cmdlet("send-mailmessage", "send-mgusermail", "send-telegramtextmessage", "send-slackmessage",
        "new-burnttoastnotification",
        "send-mailkitmessage", "send-teamsmessage")  # fmt: skip
def _mail(call: Call) -> Value:
    if call.name == "new-burnttoastnotification":
        return NOTHING
    server = call.value("smtpserver")
    if server is not None and server.known:
        call.reading.touch(hosts=[host_of(server.text)])
    attached = call.value("attachments")
    secret = (attached is not None and is_secret(call, attached)) or "secret" in call.origins()
    if secret:
        connect(call.reading, Word(server.text if server is not None else "others", call.line), secret=True)
    to = call.value("to")
    shown = to.text if to is not None and to.known else "others"
    many = to is not None and (to.many or to.every or not to.known)
    call.reading.add(SENDS, f"This sends a mail to {shown}.", call.line, HIGH if many else None)
    return NOTHING


@cmdlet("test-connection", "test-netconnection", "resolve-dnsname", "test-wsman", "test-computersecurechannel",
        "connect-wsman", "test-connectivity", "tnc")  # fmt: skip
def _ping(call: Call) -> Value:
    if call.name == "test-computersecurechannel" and not call.flag("repair"):
        return NOTHING
    words = call.words("computername|targetname|name") or [Word("internetbeacon.msedge.net", call.line)]
    for word in words:
        connect(call.reading, word)
    return Value(kind="bool")


@cmdlet("invoke-sqlcmd", "invoke-sqlcmd2", "invoke-dbaquery", "invoke-sqlquery", "invoke-sqlitequery",
        "invoke-mysqlquery", "read-sqltabledata", "write-sqltabledata", "invoke-azsqlquery")  # fmt: skip
def _sql(call: Call) -> Value:
    dialect = {"invoke-sqlitequery": "sqlite", "invoke-mysqlquery": "mysql"}.get(call.name, "tsql")
    server, database = call.value("serverinstance", "server", "sqlinstance"), call.value("database", "datasource")
    call.reading.touch(
        hosts=[server.text] if server is not None and server.known else [],
        databases=[database.text] if database is not None and database.known else [],
    )
    file = call.value("inputfile", "file")
    if file is not None:
        for word in file.words(call.line):
            run_unread(call.reading, word)
        return Value(many=True)
    value = call.bound("query|sqlquery")[0]
    if value is NOTHING and call.input is not None:
        value = call.input
    for text in value.texts:
        if text.startswith(UNKNOWN) and not text.strip(UNKNOWN):
            run_dynamic(call.reading, "the SQL", call.line)
        else:
            call.reading.read("sql", text.replace(UNKNOWN, "unknown"), call.line, fixed=True, dialect=dialect,
                              within="In the SQL: ")  # fmt: skip
            if UNKNOWN in text:
                call.reading.doubt()
    return Value(many=True)
