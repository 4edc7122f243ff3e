"""``find`` and its likes: what is done with the files that they find."""

from __future__ import annotations

import itertools
import re
from fnmatch import fnmatchcase

from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import Act, act_on
from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.words import UNKNOWN, Word

_NAMES = word_set("-name -iname -path -ipath -wholename -iwholename -lname -ilname")
_TESTS = word_set(
    "-mtime -atime -ctime -mmin -amin -cmin -newer -anewer -cnewer -size -empty -user -group -perm -regex -iregex "
    "-uid -gid -inum -links -nouser -nogroup -samefile -used -newermt -newerct -newerat -maxdepth -executable "
    "-readable "
    "-writable -fstype"
)
_VALUED = word_set(
    "-mtime -atime -ctime -mmin -amin -cmin -newer -anewer -cnewer -size -user -group -perm -regex -iregex -uid "
    "-gid -inum "
    "-links -samefile -used -newermt -newerct -newerat -maxdepth -mindepth -type -xtype -fstype -printf -regextype "
    "-context "
    "-D -D"
)
_CHOOSING = word_set(
    "-regex -iregex -empty -user -group -nouser -nogroup -samefile -perm -inum -links -uid -gid"
).union(_NAMES)
"""Tests that choose what is found by what it is; others leave most of a folder."""
_EXECUTES = word_set("-exec -execdir -ok -okdir")
_EVERY_NAME = re.compile(r"[*.?]*")


@program("find", "gfind", "bfs")
def _find(command: Command, reading: Reading) -> None:
    words = command.arguments
    place = 0
    while place < len(words) and re.fullmatch(r"-[HLPX]|-O\d|-E|-x|-s", words[place].text):
        place += 1
    start = place
    while place < len(words) and not words[place].text.startswith(("-", "(", "!", ")", ",")):
        place += 1
    roots = words[start:place] or [Word(".", command.line)]
    tests = words[place:]
    found = _found(roots, tests)
    for root in roots:
        act_on(reading, Act.LIST, root)
    number = 0
    while number < len(tests):
        text = tests[number].text
        if text == "-delete":
            for word in found:
                # Without a test, the whole tree goes; otherwise, what matches.
                act_on(reading, Act.DELETE if word.glob else Act.DELETE_ALL, word)
        elif text in _EXECUTES:
            end = next((at for at in range(number + 1, len(tests)) if tests[at].text in (";", "+")), len(tests))
            _execute(tests[number + 1 : end], found, command, reading)
            number = end
        elif text in ("-fprint", "-fprint0", "-fls", "-fprintf") and number + 1 < len(tests):
            act_on(reading, Act.WRITE, tests[number + 1])
            number += 1
        elif not tests[number].known and tests[number].when_empty in ("", "-"):
            reading.doubt()
        number += 1


def _found(roots: list[Word], tests: list[Word]) -> list[Word]:
    """Return words that stand for what is found: a pattern, or a whole folder."""
    names: list[str] = []
    filtered = False
    number = 0
    while number < len(tests):
        text = tests[number].text
        value = tests[number + 1].text if number + 1 < len(tests) else ""
        if text in _NAMES:
            negated = number > 0 and tests[number - 1].text in ("!", "-not")
            if not _EVERY_NAME.fullmatch(value):
                filtered = True
                if not negated:
                    names.append(value.replace(UNKNOWN, "*"))
            number += 1
        elif text in _TESTS:
            filtered |= text != "-maxdepth"
            number += text in _VALUED
        elif text in _VALUED:
            number += 1
        number += 1
    only = any(one.text == "-maxdepth" and two.text == "0" for one, two in itertools.pairwise(tests))
    shallow = any(one.text == "-maxdepth" and two.text == "1" for one, two in itertools.pairwise(tests))
    found: list[Word] = []
    for root in roots:
        base = root.text.rstrip("/") or ("/" if root.text.startswith("/") else root.text)
        if not filtered:
            found.append(Word(root.text, root.line, root.shown, root.glob, several=not only))
            continue
        if not names and not shallow and not any(one.text in _CHOOSING for one in tests):
            # By age or size alone, what is found in the root folder is the system.
            last = "*" if base.rstrip("/") == "" else "*?"
            found.append(Word(f"{base.rstrip('/')}/{last}", root.line, f"what it finds in {root.display}", glob=True))
            continue
        for name in names[:5] or ["*?"]:
            if shallow and "*" not in name and "?" not in name:
                found.append(Word(f"{base.rstrip('/')}/{name}", root.line))
                continue
            last = name.rsplit("/", 1)[-1] if "/" not in name.strip("*/") else name.lstrip("*/")
            shown = last
            last = _secret_named(last) or last
            text = f"{base.rstrip('/')}/**/{last or '*?'}"
            found.append(Word(text, root.line, f"{shown if names else 'what it finds'} in {root.display}", glob=True))
    return found


_SECRET_NAMES = (
    "id_rsa", "id_ed25519", ".env", ".netrc", ".npmrc", ".pypirc", ".pgpass", ".git-credentials", "credentials",
    "kubeconfig", "a.pem", "a.key", "a.p12", "a.pfx", "a.keystore", "a.jks", "a.kdbx", "secrets.yml",
)  # fmt: skip


def _secret_named(pattern: str) -> str:
    """Return the name of a secret that a pattern is meant for, such as ``id_*``; empty if there is none."""
    if not re.search(r"[*?]", pattern) or len(re.sub(r"[*?\[\]]", "", pattern)) < 3:
        return ""
    return next((name for name in _SECRET_NAMES if fnmatchcase(name, pattern)), "")


def _execute(words: list[Word], found: list[Word], command: Command, reading: Reading) -> None:
    if not words:
        return
    for one in found[:6]:
        inner = [_put(word, one) for word in words]
        read_command(Command(inner, here=command.here, environment=command.environment), reading)


def _put(word: Word, found: Word) -> Word:
    if "{}" not in word.text:
        return word
    if word.text == "{}":
        return Word(found.text, word.line, found.display, glob=found.glob, several=found.glob or found.several)
    return Word(word.text.replace("{}", UNKNOWN), word.line, several=True)


@program("fd", "fdfind")
def _fd(command: Command, reading: Reading) -> None:
    words = command.arguments
    for place, word in enumerate(words):
        if word.text in ("-x", "--exec", "-X", "--exec-batch"):
            inner = words[place + 1 :]
            texts = [one.text for one in inner]
            if not any(re.search(r"\{[/.]*\}", text) for text in texts):
                inner = [*inner, Word("{}", command.line)]
            several = Word("./**/*?", command.line, "the files that are found", glob=True, several=True)
            filled = [several if re.fullmatch(r"\{[/.]*\}", one.text) else one for one in inner]
            if filled:
                read_command(Command(filled), reading)
            return


@program("locate", "mlocate", "plocate", "tree", "whereis", "lsof", "fuser", "ncdu", "dust", "broot", "namei")
def _locate(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, "-o -L -P -I --filelimit -n -l -d -p -u -c -i" if command.name == "tree" else ""
    )
    if command.name == "fuser" and given.has("-k", "--kill"):
        from app.risk.commands.text import KILLS

        reading.add(KILLS, "This ends the processes that use a file or a port.", command.line)
    if command.name == "tree" and (output := given.value("-o")):
        act_on(reading, Act.WRITE, output)
