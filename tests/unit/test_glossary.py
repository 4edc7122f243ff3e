"""The glossary holds: what it replaces is nowhere in texts that people read, and it has a term for each state."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.lifecycle import RequestState, RunState
from app.domain.people import Role
from assent.contracts import RiskLevel, Verdict

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()

RECORDS = (
    "docs/glossary.md", "docs/decisions/", "docs/performance.md", "workflows/asset_discovery/mapping/rules.txt",
    "workflows/asset_discovery/mapping/words.txt",
)  # fmt: skip
"""Quotes what is replaced; records of past decisions; printed figures; what other people call their columns."""


def table_rows() -> list[tuple[str, str, str]]:
    """Term, meaning, and what they replace."""
    rows = [line.strip("|").split("|") for line in GLOSSARY.splitlines() if line.startswith("| ")]
    return [
        (term.strip(), meaning.strip(), replaced.strip()) for term, meaning, replaced in rows if term.strip() != "term"
    ]


BANNED = sorted(
    {phrase for _, _, replaced in table_rows() for phrase in re.findall(r'"([^"]+)"', replaced)}, key=len, reverse=True
)
PATTERN = re.compile("|".join(rf"\b{re.escape(phrase)}\b" for phrase in BANNED), re.IGNORECASE)


def of_template(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a template, without comments and code of the page: text, and strings in expressions."""
    text = re.sub(r"(?s)\{#.*?#\}|<style.*?</style>", lambda found: "\n" * found[0].count("\n"), text)
    code = re.compile(r"(?s)\{[{%].*?[}%]\}")
    text = code.sub(lambda found: re.sub(r'"[a-z_]+"', '""', found[0]), text)
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(
            r"""(?x) \b(?:class|id|for|name|href|value|action|d|data-(?!left|over|said)[a-z-]+)="[^"]*" """, "", line
        )
        yield number, re.sub(r"</?[a-z]+[^<>]*?/?>", lambda tag: " ".join(re.findall(r'"([^"]*)"', tag[0])), line)


def of_script(text: str) -> Iterator[tuple[int, str]]:
    """The strings of a script."""
    text = re.sub(r"(?s)/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), 1):
        yield number, " ".join(re.findall(r'"[^"]*"|`[^`]*`', re.sub(r"(^|\s)//.*", "", line)))


def of_python(text: str) -> Iterator[tuple[int, str]]:
    """The strings of a module, docstrings included."""
    tree = ast.parse(text)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value
            and id(node) not in parts
        ):
            yield node.lineno, " ".join(node.value.split())


def of_document(text: str) -> Iterator[tuple[int, str]]:
    """The paragraphs of a document, without code."""
    text = re.sub(r"(?ms)^```.*?^```", lambda found: "\n" * found[0].count("\n"), text)
    number = 1
    for paragraph in re.split(r"(\n\n+|\n(?=[|#*-] ))", text):
        yield number, " ".join(re.sub(r"`[^`]*`|\]\([^)]*\)", "", paragraph).split())
        number += paragraph.count("\n")


READERS = {".html": of_template, ".txt": of_template, ".js": of_script, ".py": of_python, ".md": of_document}


def texts() -> list[Path]:
    """Every file with texts that people read."""
    folders = ("app", "docs", "static/js", "templates", "workflows")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in READERS]
    return sorted([*found, ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def is_held(path: Path) -> bool:
    """True if the glossary holds for the file."""
    return not str(path.relative_to(ROOT)).startswith(RECORDS)


def complaints(path: Path) -> list[str]:
    """Where a file says what the glossary replaces. Words in capitals are commands, such as REMARK of SQL*Plus."""
    name = path.relative_to(ROOT)
    read = READERS[path.suffix](path.read_text())
    every = [(number, found[0]) for number, words in read for found in PATTERN.finditer(words)]
    return [f"{name}:{number}: {said!r}" for number, said in every if not said.isupper()]


def test_nothing_says_what_the_glossary_replaces() -> None:
    held = [path for path in texts() if is_held(path)]
    assert held
    assert [complaint for path in held for complaint in complaints(path)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.html", '<p>{{ "Whom" if x }} {# the record #}</p>\n<input placeholder="A word to the agent">'),
        ("page.js", "// the record\nsay(`${name} is told`);"),
        ("module.py", 'def f():\n    """By when."""\n    return f"{f} rejects itself"'),
        ("page.md", "`the record`\n\nIt is on the\nrecord."),
    ],
)
def test_the_scan_finds_what_people_read_and_only_that(name: str, text: str) -> None:
    found = [match[0].lower() for _, words in READERS[Path(name).suffix](text) for match in PATTERN.finditer(words)]
    expected = {
        "page.html": ["a word to"],
        "page.js": ["is told"],
        "module.py": ["by when", "rejects itself"],
        "page.md": ["on the record"],
    }
    assert sorted(found) == expected[name]


def test_every_state_verdict_role_and_risk_has_its_term() -> None:
    terms = {term.strip() for row, _, _ in table_rows() for term in row.split(",")}
    states = {state.words for state in RequestState} | {
        state.value.replace("cancelled", "canceled") for state in RunState
    }
    assert states <= terms
    named = set(re.findall(r"\*(\w+)\*", GLOSSARY)) | set(
        re.findall(r"\w+", GLOSSARY.split("| risk level", 1)[1][:200])
    )
    assert {word.value for kind in (Verdict, Role, RiskLevel) for word in kind} <= named


def names_bound(source: str) -> set[str]:
    """The names of the variables and arguments of a module."""
    nodes = list(ast.walk(ast.parse(source)))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


def test_loops_say_what_they_hold() -> None:
    folders = ("app", "assent", "bench", "bin", "examples", "migrations", "tests", "wheels", "workflows")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    sources = {path: path.read_text() for path in [*files, ROOT / "bin" / "sdk-reference"]}
    assert [str(path) for path, source in sources.items() if "each" in source and "each" in names_bound(source)] == []
    files = [path for folder in ("app", "templates") for path in (ROOT / folder).rglob("*")]
    pages = [path for path in files if path.suffix in (".html", ".txt")]
    bound = re.compile(r"\{% (?:for (?:\w+, )*each\b|macro \w+\(each\b|set each\b)")
    assert [str(path) for path in pages if bound.search(path.read_text())] == []
