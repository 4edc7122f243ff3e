"""Programs that read, write, move, and delete files."""

from __future__ import annotations

from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on
from app.risk.reading import Reading


@program("cat", "head", "tail", "tac", "nl", "wc", "less", "more", "od", "xxd", "strings")
def _show(command: Command, reading: Reading) -> None:
    for word in arguments_of(command.arguments, "-n -c --lines --bytes").operands:
        act_on(reading, Act.READ, word)


@program("rm", "unlink", "rmdir")
def _remove(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments)
    act = Act.DELETE_ALL if given.has("-r", "-R", "--recursive") else Act.DELETE
    for word in given.operands:
        act_on(reading, act, word)
