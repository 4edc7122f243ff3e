"""All programs of the table, with any arguments: reading them never fails, and what is not known is not understood."""

import time
from collections import defaultdict

import pytest

from app.risk.commands.table import Command, handlers, read_command
from app.risk.reading import Reading
from app.risk.rules import RULES
from app.risk.words import UNKNOWN, Word
from tests.thorough import sample

ARGUMENTS = [
    [],
    ["--help"],
    ["list"],
    ["delete", "everything"],
    ["-f", "file.txt", "a=b", "--force"],
    ["a", "b:c", "https://x.example/a", "-x", "-o", "out.txt"],
    ["-"],
    ["-a"],
    ["--all"],
    ["-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"],
    ["--", "-x"],
    ["-e", "x", "-c", "y", "-m", "z"],
    [UNKNOWN],
    ["a", UNKNOWN, "--option", UNKNOWN],
    ["", " ", "\\", "'", "[", "(", "*", "?", "%s"],
    ["/dev/sda", "C:\\", "/s", "/q", "/?"],
    ["@x", "+y", "::", "=", ",", ";"],
]


MOST_ALIKE = 6


def programs(number):
    """Programs for one of the lists of arguments: some of those that one function reads, and others for the next list.

    So each function is tried with all lists, and each program with some of them.
    """
    alike = defaultdict(list)
    for name, handler in handlers().items():
        alike[handler].append(name)
    for names in alike.values():
        step = min(-(-len(names) // MOST_ALIKE), len(ARGUMENTS))
        yield from names[number % step :: step]


@pytest.mark.parametrize(
    "number", range(len(ARGUMENTS)), ids=lambda at: " ".join(ARGUMENTS[at]).encode("unicode_escape").decode() or "none"
)
def test_reading_any_program_never_fails(number):
    arguments = ARGUMENTS[number]
    for name in programs(number):
        words = [Word(text) for text in (name, *arguments)]
        read_command(Command(words), Reading())
        read_command(Command(words, Word("some text\n"), environment={"A": Word("b")}), Reading())
        read_command(Command(words, None, "secret"), Reading())


@pytest.mark.parametrize(
    "arguments", [["x"] * 20_000, ["-" + "abc" * 50_000], ["--" + "x" * 200_000], ["a=b,c:d/" * 20_000]]
)
def test_long_arguments_take_no_long_time(arguments):
    slow = {}
    Reading().read("sql", "SELECT 1")  # parsers are imported on first use
    Reading().read("shell", "ls")
    for name in sample(sorted(handlers())[::25]):
        began = time.process_time()
        read_command(Command([Word(text) for text in (name, *arguments)]), Reading())
        if (took := time.process_time() - began) > 3:
            slow[name] = took
    assert slow == {}


FAMILIES = (
    "git packages project forge network http database container kubernetes cloud infrastructure vault keys service "
    "machine disk windows"
)
handlers()  # their rules are in the catalog once they are imported


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES.values() if rule.language == "shell" and rule.id.split(".")[0] in FAMILIES.split()]
)
def test_a_rule_is_triggered_by_its_example_and_not_by_the_harmless_one(rule):
    for text, expected in ((rule.example, True), (rule.harmless, False)):
        reading = Reading()
        reading.read("shell", text)
        assert (rule.id in {found.rule for found in reading.findings}) is expected, text
