"""Clients for files and mail on other machines: FTP, SFTP, shares, and mailboxes."""

from __future__ import annotations

import re

from app.risk.commands.routers import read_device_lines
from app.risk.effects import SENDS, Act, act_on, connect
from app.risk.places import Place, place_of
from app.risk.python import networks, processes
from app.risk.python.clients import Use, library
from app.risk.python.libraries import REMOTE
from app.risk.python.values import ANY, Value, text_of
from app.risk.rules import word_set
from app.risk.words import UNKNOWN
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

_DELETES = word_set(
    "delete rmd rmdir remove unlink expunge dele rmtree removedirs delete_files remove_file delete_file rm"
)
_PUTS = word_set("put putfo put_d put_r upload upload_file copy copy_to mput storeFile write_file")
_READS = word_set(
    "retrbinary retrlines retr fetch get read_until read_all getfo download retrieveFile top read_very_eager"
)
_LISTS = word_set("nlst mlsd listdir listdir_attr listdir_iter list scandir listPath uids walk")
_LEADS = word_set(
    "search uid select login dir cwd connect auth_password chdir getcwd stat normalize close quit user pass_ pwd "
    "login_user starttls noop set_pasv from_transport open_sftp start_sftp_client cd listmethods"
)


@library(
    "ftplib", "imaplib", "poplib", "pysftp", "asyncssh", "telnetlib", "telnetlib3", "sftp", "smbclient", "smb", "scp",
    "ftputil", "aioftp", "imap_tools", "imapclient", "spur", "webdav3", "aioimaplib",
)  # fmt: skip
def call_files_elsewhere(use: Use) -> Value | None:
    """Judge a call of a client for files or mail on another machine."""
    made, method = use.made, use.method
    mail = use.path[0] in ("imaplib", "poplib", "imap_tools", "imapclient", "aioimaplib")
    if method[:1].isupper():
        if made.arguments or "host" in made.keywords:
            connect(made.reading, made.word(made.argument(0, "host")))
        return Value(kind=f"{use.path[0]}.{method}")
    if method in ("store", "add_flags", "flag", "uid", "delete_messages") and re.search(r"deleted", use.given + method):
        _deletes(use, "This marks mails as deleted.")
    elif method in _DELETES:
        _deletes(use, f"This calls {use.shown}, which deletes something on another machine.", folder=mail)
    elif method in ("open", "file", "open_file"):
        return _opens(use)
    elif method in ("storbinary", "storlines"):
        name = text_of(made.argument(0)).partition(" ")[2]
        _sends(use, Value(name) if name else ANY, made.argument(1, "fp"))
    elif method in _PUTS:
        _sends(use, made.argument(1, "remotepath", "remote_path", "remote"), made.argument(0, "localpath", "local"))
    elif method in ("rename", "posix_rename", "mkd", "mkdir", "makedirs", "append", "move", "symlink", "create_folder"):
        made.reading.add(SENDS, f"This calls {use.shown}, which changes files on another machine.", made.line)
    elif method in ("chmod", "chown"):
        act_on(made.reading, Act.CHANGE_RIGHTS, made.word(made.argument(0)))
    elif method in ("run", "execute", "write", "create_process", "spawn", "sendcmd", "voidcmd"):
        return _runs(use)
    elif method in _READS:
        return Value(UNKNOWN, marks=frozenset({"download"}))
    elif method == "search" or (method == "fetch" and mail):
        everything = re.search(r'"all"|1:\*', use.given) or not (made.arguments or made.keywords)
        return use.result("listed") if everything and not use.filters else use.result()
    elif method in _LISTS:
        folder = made.argument(0, "path").text or ""
        whole = not folder.strip("/.") or re.fullmatch(r"[/\\]{2}[^/\\]+[/\\]+[^/\\]+[/\\]*", folder)
        return use.result("listed") if whole else use.result()
    elif method in _LEADS:
        kept = made.base.marks & {"listed"}
        return Value(kind=use.result().kind, marks=kept)
    return use.result()


def _deletes(use: Use, words: str, *, folder: bool = False) -> None:
    made = use.made
    first = made.argument(0)
    everything = re.search(r"1:\*|\"all\"", use.given) or any("listed" in value.marks for value in made.arguments)
    whole = folder and use.method == "delete" and first.text is not None and not first.text.isdigit()
    counted = use.method == "dele" and made.many
    if ((made.many or everything) and use.everything) or everything or whole or (counted and not made.filtered):
        level = CRITICAL
    elif first.known and place_of(first.text or "") in (Place.SYSTEM, Place.ACCESS, Place.DATA, Place.BACKUP):
        level = CRITICAL if use.method in ("rmtree", "removedirs") else HIGH
    else:
        level = HIGH
    made.reading.add(networks.DELETES_THERE, words, made.line, level)


def _opens(use: Use) -> Value:
    """Note a file on another machine that is opened: its place is judged as one of this machine."""
    made = use.made
    path, mode = made.argument(0, "filename", "path"), text_of(made.argument(1, "mode"))
    if not re.search(r"[wax+]", mode):
        act_on(made.reading, Act.READ, made.word(path))
        return Value(path.text, kind="file", marks=frozenset({"download"}))
    act_on(made.reading, Act.APPEND if "a" in mode else Act.WRITE, made.word(path))
    made.reading.add(SENDS, f"This writes {made.word(path).display[:80]} on another machine.", made.line)
    return Value(kind="file.write")


def _sends(use: Use, remote: Value, local: Value) -> None:
    made = use.made
    kept = local.text and place_of(local.text) in (Place.SECRET, Place.ACCESS) and not local.text.endswith(".pub")
    if kept or "secret" in local.marks or (local.text and local.text in made.evaluator.secret_copies):
        connect(made.reading, made.word(Value("another machine")), secret=True)
    if remote.text:
        act_on(made.reading, Act.WRITE, made.word(remote))
    made.reading.add(SENDS, f"This calls {use.shown}, which sends a file to another machine.", made.line)


def _runs(use: Use) -> Value:
    made = use.made
    first = made.argument(0, "command")
    if use.path[0] in ("ftplib", "aioftp"):
        level = HIGH if re.match(r"(?:dele|rmd|site)", text_of(first), re.IGNORECASE) else MEDIUM
        made.reading.add(SENDS, f"This calls {use.shown} on another machine.", made.line, level)
        return use.result()
    made.reading.add(REMOTE, "This runs a command on another machine.", made.line)
    if first.items is not None:
        processes.run_words(made, first.items)
    elif first.text is not None and use.path[0].startswith("telnet"):
        read_device_lines([first.text], made.reading, made.line)
    elif first.text is not None:
        processes.read_shell(made, first)
    return use.result("download")
