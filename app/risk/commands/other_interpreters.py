"""Programs that run code in languages that are not fully read: Perl, Ruby, JavaScript, PHP, and others."""

from __future__ import annotations

import re

from app.risk.commands.interpreters import read_input, run_file
from app.risk.commands.other_code import read_other
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on
from app.risk.reading import Reading
from app.risk.words import Word

_CODE_OPTIONS = {
    "perl": ("-e -E", "-0 -C -D -F -I -i -l -m -M -x -V", "perl"),
    "ruby": ("-e", "-C -E -F -I -K -r -T -W -x", "ruby"),
    "node": ("-e --eval -p --print -pe", "-r --require --import --loader --experimental-loader -C --conditions",
    "javascript"),
    "php": ("-r -B -R -E", "-c -d -f -F -S -t -z", "php"),
    "lua": ("-e", "-l", "lua"),
    "luajit": ("-e", "-l", "lua"),
    "Rscript": ("-e", "", "r"),
    "tclsh": ("", "", "tcl"),
    "osascript": ("-e", "-l -s", "applescript"),
    "julia": ("-e -E --eval --print", "-J -H -C -L -p -t --project", "julia"),
    "groovy": ("-e", "-cp", "groovy"),
    "jshell": ("", "", "java"),
    "elixir": ("-e --eval", "-r -pa", "elixir"),
    "erl": ("-eval", "-s -run", "erlang"),
    "racket": ("-e", "-l -t -r", "racket"),
    "guile": ("-c", "-l -s", "guile"),
    "sbcl": ("--eval", "--load", "lisp"),
    "emacs": ("--eval", "-l --load", "lisp"),
    "pwsh": ("", "", "powershell"),
    "tsx": ("-e --eval", "", "javascript"),
    "ts-node": ("-e --eval", "-P", "javascript"),
    "nodejs": ("-e --eval -p --print", "-r --require --import", "javascript"),
    "ghci": ("-e", "", "haskell"),
    "scheme": ("", "", "scheme"),
    "octave": ("--eval", "", "octave"),
    "coffee": ("-e", "", "coffeescript"),
    "nashorn": ("", "", "javascript"),
}  # fmt: skip


@program(*(name.lower() for name in _CODE_OPTIONS if name != "pwsh"))
def _interpreter(command: Command, reading: Reading) -> None:
    name = command.name
    code, valued, language = next(row for key, row in _CODE_OPTIONS.items() if key.lower() == name)
    options = code.split()
    codes: list[Word] = []
    rest: list[Word] = []
    words = command.arguments
    place = 0
    in_place = False
    while place < len(words):
        text = words[place].text
        short = [option[1] for option in options if re.fullmatch(r"-[A-Za-z]", option)]
        if text in options and place + 1 < len(words):
            codes.append(words[place + 1])
            place += 2
            continue
        if text.startswith("-") and len(text) > 1 and not text.startswith("--") and name in ("perl", "ruby"):
            in_place |= bool(re.match(r"-[A-Za-z0-9]*i", text)) and "e" not in text.split("i")[0]
            in_place |= bool(re.match(r"-[pnwlaW0]*i", text))
        bundled = re.fullmatch(rf"-[A-Za-z0-9.]*?({'|'.join(short)})", text) if short else None
        if bundled and place + 1 < len(words) and name in ("perl", "ruby"):
            codes.append(words[place + 1])
            place += 2
            continue
        if text.startswith("--") and "=" in text and text.partition("=")[0] in options:
            codes.append(words[place].with_text(text.partition("=")[2]))
        elif text.startswith("-") and len(text) > 1:
            place += text in valued.split()
            if (
                re.match(r"-[mM](?!strict|warnings|POSIX|Data::Dumper|JSON|List::Util|MIME::Base64)", text)
                and name == "perl"
            ):
                reading.doubt()
        else:
            rest.append(words[place])
            if not codes:
                break
        place += 1
    if codes:
        for word in codes:
            read_other(language, word, reading)
        for word in rest:
            act_on(reading, Act.OVERWRITE if in_place else Act.READ, word)
    elif rest and rest[0].text != "-":
        run_file(language, rest[0], reading, words[place + 1 :])
    elif not any(re.fullmatch(r"-v|-V|--version|--help|-h", word.text) for word in words):
        if command.input is not None and command.input.known and command.input_from not in ("download", "decoded"):
            read_other(language, command.input, reading)
        else:
            read_input(language, command, reading)
