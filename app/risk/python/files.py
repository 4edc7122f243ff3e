"""Functions of Python that work on files and paths."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.effects import UNKNOWN as UNKNOWN_CALL
from app.risk.effects import Act, act_on
from app.risk.places import Place, path_from, place_of, plain_path
from app.risk.python import tables
from app.risk.python.values import ANY, Value, joined, text_of
from app.risk.rules import declare
from app.risk.words import FRESH, UNKNOWN
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

from app.risk.python.functions import function

OPENS_UP = declare(
    "python.opens_up", RiskLevel.HIGH, "Lets everybody change a file, or run it with its owner's rights.",
    "import os\nos.chmod('a.txt', 0o777)", "import os\nos.chmod('a.txt', 0o644)", language="python",
)  # fmt: skip
MOVES_MANY = declare(
    "python.moves_many", RiskLevel.HIGH, "Moves or renames all files of a folder.",
    "import os, shutil\nfor name in os.listdir('.'):\n    shutil.move(name, 'old')",
    "import os, shutil\nshutil.move('a.txt', 'old')", language="python",
)  # fmt: skip
EXTRACTS = declare(
    "python.extracts", RiskLevel.MEDIUM, "Unpacks an archive, which may overwrite files.",
    "import shutil\nshutil.unpack_archive('a.zip', 'out')", "import shutil\nshutil.which('zip')", language="python",
    unread=True,
)  # fmt: skip


OVERWRITES_MANY = declare(
    "python.overwrites_many", RiskLevel.HIGH, "Overwrites all files of a folder.",
    "from pathlib import Path\nfor p in Path('src').rglob('*.py'):\n    p.write_text('')",
    "from pathlib import Path\nPath('a.txt').write_text('')", language="python",
)  # fmt: skip
ENCRYPTS = declare(
    "python.encrypts_files", RiskLevel.CRITICAL, "Encrypts all files of a folder in place.",
    "from pathlib import Path\nfor p in Path('docs').rglob('*'):\n    p.write_bytes(f.encrypt(p.read_bytes()))",
    "from pathlib import Path\nPath('a.enc').write_bytes(f.encrypt(b'a'))", language="python",
)  # fmt: skip
_LOST = {Place.EVERYTHING, Place.HOME, Place.HOMES, Place.SYSTEM, Place.BOOT, Place.DATA, Place.BACKUP}


def _is_secret(made: Call, path: Value) -> bool:
    """Return True if a file holds secrets, or a copy of them."""
    if not path.text:
        return False
    return place_of(path.text) in (Place.SECRET, Place.ACCESS) or path.text in made.evaluator.secret_copies


_FLAGS = re.compile(r"\bO_(WRONLY|RDWR|CREAT|TRUNC|APPEND)\b")


@function(tables.READS_FILE)
def open_file(made: Call) -> Value:
    path = made.argument(0, "file", "filename", "path", "name")
    if path.kind in ("io.BytesIO", "io.StringIO"):
        return Value(kind="file", marks=path.marks)
    mode = made.argument(1, "mode", "flags")
    kind = text_of(mode) if mode.text is not None else "r"
    if mode.text is None and (flags := set(_FLAGS.findall(made.shown))):
        kind = "a" if flags == {"APPEND"} else "w" if flags != {"CREAT"} else "x"
    if not any(letter in kind for letter in "wax+"):
        made.evaluator.looked_at.add(path.text or "")
        act_on(made.reading, Act.READ, made.word(path))
        secret = _is_secret(made, path)
        frame = re.search(r"\b(?:read|scan)_\w+$", made.shown.partition("(")[0])
        kept = None if frame else path.text
        return Value(kept, kind="pandas" if frame else "file", marks=path.marks | ({"secret"} if secret else set()))
    act = Act.APPEND if "a" in kind else Act.CREATE if "x" in kind else _writing(made, path)
    act_on(made.reading, act, made.word(path))
    return Value(path.text, kind="file.write", marks=path.marks)


def save(made: Call, path: Value) -> None:
    """Note that a table, a picture, or the like is written to a file."""
    act_on(made.reading, _writing(made, path), made.word(path))


def _writing(made: Call, path: Value) -> Act:
    """Return what writing a file means: what the text has read before is there, and is replaced."""
    there = plain_path(path.text or "") in made.evaluator.listed or path.text in made.evaluator.looked_at
    if path.glob and made.many and there:
        level = RiskLevel.CRITICAL if place_of(path.text or "") in _LOST else None
        words = f"This overwrites all files that {made.word(path).display} stands for."
        made.reading.add(OVERWRITES_MANY, words, made.line, level)
    return Act.OVERWRITE if path.text and path.text in made.evaluator.looked_at else Act.WRITE


@function(tables.DELETES)
def _delete(made: Call) -> Value:
    path = _path_of(made)
    many = made.evaluator.loops > 0 and not path.known
    # A folder whose files are deleted one by one, all of them, is deleted as a whole.
    whole = path.glob and made.many and not made.filtered and (path.text or "").endswith("*")
    act_on(made.reading, Act.DELETE_ALL if whole else Act.DELETE, replace(made.word(path), several=many))
    return ANY


@function(tables.DELETES_TREE)
def _delete_tree(made: Call) -> Value:
    act_on(made.reading, Act.DELETE_ALL, made.word(_path_of(made)))
    return ANY


@function(tables.MOVES)
def _move(made: Call) -> Value:
    place = 0 if made.base.kind != "pathlib.Path" else -1
    source = made.base if place < 0 else made.argument(0, "src")
    if source.glob and made.many and not made.filtered:
        act_on(made.reading, Act.MOVE, made.word(source))
        words = f"This moves all files that {made.word(source).display} stands for."
        made.reading.add(MOVES_MANY, words, made.line, RiskLevel.MEDIUM if _renames(made, source, place) else None)
    else:
        act_on(made.reading, Act.MOVE, made.word(source))
    act_on(made.reading, Act.CREATE, made.word(made.argument(place + 1, "dst", "target")))
    return ANY


def _renames(made: Call, source: Value, place: int) -> bool:
    """Return True if files stay in their folder, each under a name of its own, and no program needs the old ones."""
    target = made.argument(place + 1, "dst", "target")
    folder = posixpath.dirname(source.text or "")
    own = place_of(source.text or "") in (Place.WORKING, Place.OUTSIDE, Place.TEMPORARY, Place.GENERATED)
    return own and not target.known and (target.glob or (target.text or "").startswith(folder or UNKNOWN))


@function(tables.COPIES)
def _copy(made: Call) -> Value:
    source, target = made.argument(0, "src"), made.argument(1, "dst")
    if source.kind not in ("file", "file.write"):
        act_on(made.reading, Act.READ, made.word(source))
        act_on(made.reading, Act.WRITE, made.word(target))
        if _is_secret(made, source) and target.text:
            made.evaluator.secret_copies.add(target.text)
    return ANY


@function(tables.CREATES | tables.WRITES_PATH)
def _create(made: Call) -> Value:
    path = _path_of(made)
    act_on(made.reading, _writing(made, path) if made.method.startswith("write") else Act.CREATE, made.word(path))
    note_encrypted(made, path, made.argument(0))
    _note_written(made, _path_of(made), made.argument(0))
    return ANY


def note_encrypted(made: Call, path: Value, content: Value) -> None:
    """Note that what is written in a loop over files is encrypted, as those do who want a ransom."""
    if made.many and "encrypted" in content.marks and (path.glob or (path.text is not None and not path.known)):
        made.reading.add(ENCRYPTS, f"This encrypts all files that {made.word(path).display} stands for.", made.line)


@function(tables.READS_PATH)
def _read_path(made: Call) -> Value:
    path = _path_of(made)
    made.evaluator.looked_at.add(path.text or "")
    act_on(made.reading, Act.READ, made.word(path))
    secret = _is_secret(made, path)
    return Value(UNKNOWN, marks=frozenset({"secret"}) if secret else frozenset())


@function(["shutil.copyfileobj", "zipfile.ZipFile.write", "tarfile.open.add"])
def _put_together(made: Call) -> Value:
    """Return nothing: what is written into has been opened before, which counts; what is read counts here."""
    source = made.argument(0)
    if source.kind not in ("file", "file.write", "response"):
        act_on(made.reading, Act.READ, made.word(source))
    return ANY


@function(tables.EMPTIES)
def _empty(made: Call) -> Value:
    act_on(made.reading, Act.EMPTY, made.word(_path_of(made)))
    return ANY


@function(tables.RIGHTS)
def _rights(made: Call) -> Value:
    act = Act.CHANGE_RIGHTS_ALL if made.many and _path_of(made).glob else Act.CHANGE_RIGHTS
    act_on(made.reading, act, made.word(_path_of(made)))
    mode = made.argument(0 if made.base.kind == "pathlib.Path" else 1, "mode").number
    if made.method in ("chmod", "lchmod") and mode is not None and (mode & 0o6000 or mode & 0o777 == 0o777):
        path = posixpath.basename(text_of(_path_of(made)))
        level = RiskLevel.CRITICAL if mode & 0o4000 and path in _GIVES_SHELL else None
        made.reading.add(OPENS_UP, "This lets everybody change a file, or run it as its owner.", made.line, level)
    return ANY


_GIVES_SHELL = ("sh", "bash", "dash", "zsh", "python3", "python", "perl", "find", "vim", "env", "cp", "tee", "nano")
"""Programs that give everybody a shell of the owner if they run as the owner."""


@function(tables.LISTS)
def _list(made: Call) -> Value:
    base = made.argument(0, "path", "top", "pathname")
    act_on(made.reading, Act.LIST, made.word(base))
    root = text_of(base) if base.text is not None else "." if not made.arguments else UNKNOWN
    pattern = root if made.method in ("glob", "iglob") else f"{root}/*"
    item = Value(pattern, glob=True)
    made.evaluator.listed |= {plain_path(pattern), plain_path(f"{root}/*/*")}
    if made.method in ("walk", "fwalk"):
        names = Value(items=(Value("*", glob=True),))
        return Value(items=(Value(items=(item, names, names)),))
    # Names of a folder's entries; joined with the folder they are paths.
    single = Value("*", glob=True) if made.method == "listdir" else item
    return Value(items=(single,))


def _path_of(made: Call) -> Value:
    return made.base if made.base.kind == "pathlib.Path" else made.argument(0, "path", "name", "filename", "dst")


def _note_written(made: Call, path: Value, content: Value) -> None:
    if path.known and "download" in content.marks:
        made.evaluator.downloaded.add(path.text or "")
    read_content(made, path, content)
    if path.text and "secret" in content.marks:
        made.evaluator.secret_copies.add(path.text)
    if path.known and content.known:
        made.evaluator.written[path.text or ""] = content.text or ""


@function(["pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.WindowsPath", "py.path.local"])
def _make_path(made: Call) -> Value:
    if not made.arguments:
        return Value(".", kind="pathlib.Path")
    return replace(joined(made.arguments, "/"), kind="pathlib.Path")


@function(["os.chdir"])
def _change_folder(made: Call) -> Value:
    path = made.argument(0, "path")
    if place_of(path.text or "") in (Place.EVERYTHING, Place.HOME, Place.HOMES, Place.SECRET):
        made.evaluator.facts.add("keeps secrets")
    if path.text is None or not (path.known or path.text.startswith(FRESH)):
        made.reading.add(
            UNKNOWN_CALL, "This goes to a folder that is not known, from which later paths lead.", made.line
        )
        return ANY
    before = str(made.reading.options.get("folder") or "")
    made.reading.options = made.reading.options | {"folder": path_from(before, path.text)}
    return ANY


@function(["pathlib.Path.home"])
def _home(_made: Call) -> Value:
    return Value("~", kind="pathlib.Path")


@function(["pathlib.Path.cwd", "os.getcwd"])
def _here(_made: Call) -> Value:
    return Value(".", kind="pathlib.Path")


@function(["os.path.join", "posixpath.join"])
def _join(made: Call) -> Value:
    parts = list(made.arguments)
    for number, part in enumerate(parts):
        if number and part.text is not None and part.text.startswith(("/", "~")):
            return joined(parts[number:], "/")
    return joined(parts, "/")


@function(
    ["os.path.expanduser", "os.path.abspath", "os.path.realpath", "os.path.normpath", "os.path.expandvars", "os.fspath"]
)
def _same(made: Call) -> Value:
    value = made.argument(0)
    for name, known in (("$HOME", "~"), ("${HOME}", "~"), ("%USERPROFILE%", "~")):
        if value.text and value.text.startswith(name):
            return replace(value, text=known + value.text[len(name) :])
    return value


@function(["os.path.dirname", "os.path.basename"])
def _part(made: Call) -> Value:
    value = made.argument(0)
    if not value.known:
        return Value(UNKNOWN)
    cut = posixpath.dirname if made.method == "dirname" else posixpath.basename
    return Value(cut(value.text or ""))


def read_content(made: Call, path: Value, content: Value) -> None:
    """Read what is written where it runs by itself."""
    language = {Place.SCHEDULE: "crontab", Place.STARTUP: "shell"}.get(place_of(path.text or ""))
    if language and content.known and content.text:
        made.reading.read(language, content.text, made.line, fixed=True, within=f"In {path.text}: ")


@function(["shutil.make_archive"])
def _archive(made: Call) -> Value:
    base, form, root = made.argument(0, "base_name"), made.argument(1, "format"), made.argument(2, "root_dir")
    path = Value(f"{text_of(base)}.{_ENDINGS.get(text_of(form), text_of(form))}")
    source = root if root.text is not None else made.keywords.get("base_dir", Value("."))
    act_on(made.reading, Act.READ, made.word(source))
    act_on(made.reading, Act.CREATE, made.word(path))
    whole = place_of(source.text or "") in (Place.SECRET, Place.ACCESS, Place.HOME, Place.HOMES)
    if whole and path.text:
        made.evaluator.secret_copies.add(path.text)
    return path


_ENDINGS = {"gztar": "tar.gz", "bztar": "tar.bz2", "xztar": "tar.xz"}


@function(["fileinput.input", "fileinput.FileInput"])
def _edit_lines(made: Call) -> Value:
    path = made.argument(0, "files")
    inplace = "inplace" in made.keywords and not made.is_false("inplace")
    for one in path.items or (path,):
        act_on(made.reading, Act.OVERWRITE if inplace else Act.READ, made.word(one))
    return Value(kind="file", marks=frozenset({"secret"}) if _is_secret(made, path) else frozenset())


@function(["joblib.dump", "skops.io.dump", "compress_pickle.dump"])
def _save(made: Call) -> Value:
    path = made.argument(1, "filename", "file", "path")
    if path.kind not in ("file", "file.write"):
        act_on(made.reading, Act.WRITE, made.word(path))
    return ANY


@function(["site.getsitepackages", "site.getusersitepackages", "sysconfig.get_path", "sysconfig.get_paths"])
def _packages(made: Call) -> Value:
    folder = Value("/usr/lib/python3/site-packages")
    return folder if made.method in ("getusersitepackages", "get_path") else Value(items=(folder,))


@function(["tempfile.gettempdir", "tempfile.mktemp", "tempfile.mkdtemp", "tempfile.TemporaryDirectory"])
def _temporary(_made: Call) -> Value:
    return Value(f"{FRESH}x")


@function(["tempfile.NamedTemporaryFile", "tempfile.TemporaryFile", "tempfile.SpooledTemporaryFile"])
def _temporary_file(made: Call) -> Value:
    return Value(f"{FRESH}{made.line}", kind="file.write")


@function(["tempfile.mkstemp"])
def _temporary_handle(made: Call) -> Value:
    return Value(items=(ANY, Value(f"{FRESH}{made.line}")))


@function(["dbutils.fs.rm"])
def _remove_there(made: Call) -> Value:
    whole = made.argument(1, "recurse").name == "builtins.True"
    act_on(made.reading, Act.DELETE_ALL if whole else Act.DELETE, made.word(made.argument(0, "dir")))
    return ANY


@function(["logging.basicConfig", "logging.FileHandler", "logging.handlers.RotatingFileHandler"])
def _log(made: Call) -> Value:
    path = made.keywords.get("filename", made.arguments[0] if made.arguments else ANY)
    if path.text is not None:
        act_on(made.reading, Act.APPEND, made.word(path))
    return Value(kind="logging")


@function(["shutil.unpack_archive", "tarfile.open.extractall", "zipfile.ZipFile.extractall"])
def _unpack(made: Call) -> Value:
    place = 1 if made.method == "unpack_archive" else 0
    extract(made, made.argument(place, "extract_dir", "path"))
    return ANY


def extract(made: Call, target: Value) -> None:
    """Note that an archive is unpacked into a folder."""
    path = target if target.text is not None else Value("." if len(made.arguments) < 2 else UNKNOWN)
    source = made.base if made.base != ANY and made.base.name == "" else made.argument(0, "filename")
    if path.known and ("download" in source.marks or (source.text and source.text in made.evaluator.downloaded)):
        made.evaluator.downloaded.add((path.text or "").rstrip("/"))
    near = place_of(path.text or "") in (Place.WORKING, Place.WORKING_ALL, Place.TEMPORARY, Place.GENERATED)
    level = RiskLevel.MEDIUM if near and "fully_trusted" not in made.shown else RiskLevel.HIGH
    if level is RiskLevel.MEDIUM and (path.text or "").startswith(FRESH):
        level = RiskLevel.LOW
    made.reading.touch(paths=[path.text or ""] if path.known else ())
    words = f"This unpacks an archive into {made.word(path).display}, over files of the same names."
    made.reading.add(EXTRACTS, words, made.line, level)
