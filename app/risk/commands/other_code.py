"""Code in languages that are not fully read: the commands that it runs, the files that it deletes, and more."""

from __future__ import annotations

import re
from base64 import b64decode
from itertools import islice

from app.risk.commands.interpreters import run_code_of
from app.risk.effects import HIDDEN, Act, act_on, run_dynamic
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.shell.rules import REVERSE_SHELL
from app.risk.words import Word
from assent.contracts import RiskLevel

OTHER_CODE = declare(
    "code.other_language",
    RiskLevel.HIGH,
    "Runs code in a language that cannot be read, which reaches outside itself.",
    "ruby -e 'File.write(\"a.rb\", x)'",
    "ruby -e 'puts 1 + 1'",
    language="shell",
    unread=True,
)
COMPUTES = declare(
    "code.computes",
    RiskLevel.LOW,
    "Runs a short text in a language that is not fully read; it seems only to compute.",
    "ruby -e 'puts 1 + 1'",
    "ruby --version",
    language="shell",
    unread=True,
)
LOSES_ALL = declare(
    "code.deletes_all", RiskLevel.CRITICAL, "Code in a language that is not fully read deletes all records of a kind.",
    "ruby -e 'User.delete_all'", "ruby -e 'User.count'", language="shell", unread=True,
)  # fmt: skip
_LONGEST = 50_000
_MOST_PARTS = 50
_DANGEROUS = re.compile(
    r"system|exec|qx|`|popen|unlink|rmtree|rmdir|rm_rf|child_process|spawn|fork|socket|Socket|FileUtils|delete"
    r"|File\.write"
    r"|writeFile|open\s*\(|rename|kill|eval|require|IO\.|Net::|fetch|http|fs\.|passthru|shell_exec|curl|env|ENV"
    r"|os\.|io\."
    r"|proc_open|Kernel|%x|syscall|chmod|chown|truncate|\bdo shell "
    r"script\b|\bdo\b|print\s*\{|>>?|use\s|-M|load|import|=>",
    re.IGNORECASE,
)
_CALLS = re.compile(
    r"(?:system|exec|shell_exec|passthru|popen|execSync|exec_sync|spawnSync|spawn|IO\.popen|os\.execute|io\.popen"
    r"|proc_open|"
    r"do shell script|Kernel\.system|run)\s*\(?\s*(?:\[\s*)?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|q[qx]?\{[^}]*\})"
    r"|(?:%x|qx)\s*[({\[/|](.{0,300}?)[)}\]/|]|`([^`]*)`",
    re.DOTALL,
)
_TEXT = r"(?:\"((?:[^\"\\\n]|\\.){1,500})\"|'((?:[^'\\\n]|\\.){1,500})')"
_DELETES_ALL = re.compile(
    rf"(?:remove_tree|rmtree|rm_rf|rm_r|rmSync|fs\.rm|rimraf|removeSync|emptyDirSync|rmdirSync|remove_dir_all)\s*\(?\s*{_TEXT}"
)
_DELETES = re.compile(
    rf"(?:\bunlink|unlinkSync|File\.delete|FileUtils\.rm|os\.remove|fs\.unlink|FileUtils\.rm_f)\s*\(?\s*{_TEXT}"
)
_WRITES = re.compile(
    rf"(?:writeFile|writeFileSync|appendFileSync|File\.write|IO\.write|file_put_contents|createWriteStream)\s*\(?\s*{_TEXT}"
)
_READS = re.compile(rf"(?:readFile|readFileSync|File\.read|IO\.read|file_get_contents|slurp)\s*\(?\s*{_TEXT}")
_PACKED = re.compile(rf"pack\s*\(?\s*[\"']H\*[\"']\s*,\s*{_TEXT}\s*\)?|\[\s*{_TEXT}\s*\]\.pack\([\"']H\*[\"']\)")
_ENCODED = re.compile(
    rf"(?:decode_base64|base64_decode|Base64\.(?:strict_|urlsafe_)?decode64|atob|Buffer\.from)\s*\(?\s*{_TEXT}"
    r"(?:\s*,\s*[\"'](?:base64|hex)[\"'])?\s*\)?(?:\.toString\(\))?"
)
_NETWORK = re.compile(
    r"socket|TCPSocket|fsockopen|net\.(?:connect|Socket|createConnection)|IO::Socket|UNIXSocket", re.IGNORECASE
)
_STARTS_SHELL = re.compile(
    r"/bin/(?:ba|z|da|k)?sh\b|\b(?:exec|system|spawn|popen|proc_open)\b.{0,300}\b(?:ba)?sh\b|cmd\.exe", re.DOTALL
)

_SQL = re.compile(
    r"([\"'`])(\s*(?:drop\s+(?:table|database|schema)|delete\s+from|truncate|update\s+[\w.\"`]+\s+set|alter\s+(?:table|role|user)"
    r"|grant)\b(?:(?!\1)[^\\]|\\.){0,4000})\1",
    re.IGNORECASE | re.DOTALL,
)
_LOSES = re.compile(
    r"\b[A-Z]\w*(?:\.(?:all|unscoped))?\.(?:delete_all|destroy_all)\b(?!\()|\.(?:deleteMany|destroy|remove)\(\s*\{\s*(?:where:\s*\{\s*\}"
    r"\s*,?\s*)?\}\s*\)|\.deleteMany\(\s*\)|\b(?:dropDatabase|dropAllSchemas|flush[aA]ll|flush[dD]b)\(|truncate:\s*true"
    r"|\bsync\(\s*\{\s*force:\s*true|::truncate\(\)|->truncate\(\)"
)


def _plain(text: str) -> str:
    """Return code in which encoded texts are replaced by what they say."""

    def unpacked(match: re.Match[str]) -> str:
        digits = next((group for group in match.groups() if group), "")
        try:
            return '"' + bytes.fromhex(digits).decode("utf-8", "replace").replace('"', "'") + '"'
        except ValueError:
            return match.group()

    def decoded(match: re.Match[str]) -> str:
        digits = next((group for group in match.groups() if group), "")
        try:
            raw = bytes.fromhex(digits) if "hex" in match.group()[-12:] else b64decode(digits + "==")
        except ValueError:
            return match.group()
        return '"' + raw.decode("utf-8", "replace").replace('"', "'") + '"'

    return _ENCODED.sub(decoded, _PACKED.sub(unpacked, text))


def _files(text: str, word: Word, reading: Reading) -> None:
    for pattern, act in (
        (_DELETES_ALL, Act.DELETE_ALL), (_DELETES, Act.DELETE), (_WRITES, Act.WRITE), (_READS, Act.READ),
    ):  # fmt: skip
        for match in pattern.finditer(text):
            path = next((group for group in match.groups() if group), "")
            act_on(reading, act, Word(path, word.line))


def read_other(language: str, word: Word, reading: Reading) -> None:
    """Read code in a language that has no reader as far as its calls of commands go."""
    if word.source in ("download", "decoded"):
        run_code_of(reading, word.source, word)
    if not word.known and not word.when_empty.strip():
        run_dynamic(reading, word)
        return
    text = _plain(word.text[:_LONGEST])
    if text != word.text[:_LONGEST] and _DANGEROUS.search(text):
        reading.add(HIDDEN, "This decodes hidden code, and runs it.", word.line)
    _known_parts(text, word, reading)
    if _DANGEROUS.search(word.text) or not word.known or len(word.text) > 4_000:
        words = f"{word.display} is code in a language that cannot be read, and it reaches outside itself."
        reading.add(OTHER_CODE, words, word.line)
    else:
        reading.add(COMPUTES, f"{word.display} is code in a language that is not fully read.", word.line)


def read_known_parts(text: str, reading: Reading) -> None:
    """Read commands, SQL, paths, and calls that delete everything in code whose language has no reader."""
    _known_parts(text[:_LONGEST], Word(text[:_LONGEST]), reading)


def _known_parts(text: str, word: Word, reading: Reading) -> None:
    _files(text, word, reading)
    if _NETWORK.search(text) and _STARTS_SHELL.search(text):
        message = "This gives another machine a shell here, with which it can do whatever this account may do."
        reading.add(REVERSE_SHELL, message, word.line)
    for match in islice(_CALLS.finditer(text), _MOST_PARTS):
        quoted = match.group(1)
        inner = match.group(2) or match.group(3) or (re.sub(r"^(?:q[qx]?)?.|.$", "", quoted) if quoted else "")
        if inner:
            reading.read("shell", inner, word.line, fixed=True)
    for match in islice(_SQL.finditer(text), _MOST_PARTS):
        reading.read("sql", match[2], word.line, fixed=True, within="In the SQL: ")
    if lost := _LOSES.search(text):
        reading.add(LOSES_ALL, f"{lost[0][:60]} deletes everything of its kind.", word.line)
