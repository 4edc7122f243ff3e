"""Text editors: the commands that they are given run without a person."""

from __future__ import annotations

import re

from app.risk.commands.interpreters import INTERACTIVE, run_file
from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on
from app.risk.reading import Reading

_SHELL = re.compile(r"(?:^|[|:\n'\"(])\s*(?:[\d,$%.]*!|(?:sil(?:ent)?!?\s+)?!|r(?:ead)?\s*!|w(?:rite)?\s+!)\s*([^\n]+)")
_CALLS = re.compile(r"(?:system|systemlist|shell-command|term_start|jobstart|terminal)\s*\(?\s*['\"]([^'\"]+)['\"]")


@program("vim", "vi", "nvim", "view", "gvim", "vimdiff", "rvim", "neovim", "nano", "pico", "micro", "hx", "helix",
"kak",
         "joe", "mcedit", "emacsclient", "gedit", "kate", "subl", "mate", "edit", "jed", "mg", "ne", "zed")  # fmt: skip
def _editor(command: Command, reading: Reading) -> None:
    given_words = [word for word in command.arguments if word.text not in ("-es", "-Es", "-e", "-E", "-n", "-N")]
    given = arguments_of(given_words, "-c -S -s -u -U -i -T -w -W --cmd --startuptime -eval --eval")
    if given.exactly("--version", "--help", "-h"):
        return
    codes = given.values("-c", "--cmd", "--eval", "-eval")
    codes += [word.with_text(word.text[1:]) for word in given.operands if word.text.startswith("+") and word.text[1:2]]
    for code in codes:
        for match in (*_SHELL.finditer(code.text), *_CALLS.finditer(code.text)):
            reading.read("shell", match.group(1), code.line, fixed=True)
        if re.search(r"luafile|source|python|perl|ruby|lua |exec|load", code.text):
            reading.doubt()
    for path in given.values("-S", "-s", "-u", "-U"):
        if path.text not in ("NONE", "NORC", "DEFAULTS"):
            run_file("vim", path, reading)
    for word in given.operands:
        if not word.text.startswith("+"):
            act_on(reading, Act.READ if command.name == "view" else Act.OVERWRITE, word)
    if not codes:
        words = f"{command.words[0].display} waits for what is typed into it."
        reading.add(INTERACTIVE, words, command.line)
