"""``awk``: what its programs run and write."""

from __future__ import annotations

import re

from app.risk.commands.interpreters import run_file
from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on, run_dynamic
from app.risk.reading import Reading
from app.risk.words import UNKNOWN, Word

_AWK_ACTS = re.compile(r"system\s*\(|\|\s*getline|\|\s*\"|\|&|print[^;}\n]*\|")
_AWK_WRITES = re.compile(r"print[^;}\n\"]*(?:\"[^\"]*\"[^;}\n\"]*)*>>?\s*(\"[^\"]*\"|[A-Za-z_$][\w$]*)")
_AWK_TEXT = re.compile(
    r"system\s*\(\s*\"((?:[^\"\\]|\\.)*)\"\s*\)|\"((?:[^\"\\]|\\.)*)\"\s*\|\s*getline|\|&?\s*\"((?:[^\"\\]|\\.)*)\""
)


@program("awk", "gawk", "mawk", "nawk", "original-awk")
def _awk(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-F -v -f -e -i -l -E -o --field-separator --assign --file --source --include --exec",
        mixed=False,
    )
    sources = [*given.values("-e", "--source")]
    operands = given.operands
    for path in given.values("-f", "--file", "-E", "--exec", "-i", "--include"):
        if path.text == "inplace":
            for word in operands[1:]:
                act_on(reading, Act.WRITE, word)
        else:
            run_file("awk", path, reading)
    if not sources and not given.values("-f", "--file", "-E", "--exec") and operands:
        sources, operands = operands[:1], operands[1:]
    for code in sources:
        _awk_code(code, reading)
    for word in operands:
        if not re.match(r"[A-Za-z_]\w*=", word.text):
            act_on(reading, Act.READ, word)


def _awk_code(code: Word, reading: Reading) -> None:
    if code.text == UNKNOWN:
        run_dynamic(reading, code)
        return
    for match in _AWK_WRITES.finditer(code.text):
        target = match.group(1)
        if target.startswith('"'):
            if target.strip('"') not in ("/dev/stderr", "/dev/stdout"):
                act_on(reading, Act.WRITE, Word(target.strip('"'), code.line))
        elif not re.fullmatch(r"\d+|NR|NF", target) and re.search(
            r"print[^()]*>>?\s*" + re.escape(target), match.group()
        ):
            act_on(reading, Act.WRITE, Word(UNKNOWN, code.line, shown=target))
    if not _AWK_ACTS.search(re.sub(r"\|\|", "", code.text)):
        return
    found = False
    for match in _AWK_TEXT.finditer(code.text):
        text = match.group(1) or match.group(2) or match.group(3)
        if text:
            found = True
            reading.read("shell", text.replace('\\"', '"'), code.line, fixed=True)
    dynamic = re.search(r"system\s*\(\s*(?!\")|system\s*\([^)]*\"\s+\S|\|\s*getline", code.text)
    if not found or (dynamic and not re.search(r"^\s*\"[^\"]*\"\s*\|\s*getline", code.text)):
        run_dynamic(reading, code)
