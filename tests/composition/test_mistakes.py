"""Mistakes in workflow files: each kind is reported with its file, line, column, and field, and with what to do."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from assent.composition import CompositionError, load_workflow
from assent.composition.mistakes import Mistake
from assent.composition.yaml_reader import MAX_BYTES, read_tree
from tests.composition import tools_for_tests

TABLE = Path(__file__).with_name("mistakes.txt").read_text()
CASES = dict(part.split("\n", 1) for part in TABLE.split("### ")[1:])
HEAD = CASES.pop("HEAD")


def mistakes(folder: Path, content: str | bytes) -> list[Mistake]:
    """What is said about a file."""
    file = folder / "tested" / "workflow.yaml"
    file.parent.mkdir()
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(CompositionError) as caught:
        load_workflow(file, tools_for_tests.registry())
    return caught.value.mistakes


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_reported_where_it_is_with_what_to_do(tmp_path: Path, name: str) -> None:
    content, expected = CASES[name].split("===>\n")
    said = [str(mistake) for mistake in mistakes(tmp_path, content.replace("{HEAD}\n", HEAD))]
    file = tmp_path / "tested" / "workflow.yaml"
    assert [line.replace(f"{file}:", "~:").replace(str(tmp_path), "FOLDER") for line in said] == expected.splitlines()


def test_there_are_many_kinds() -> None:
    assert len(CASES) >= 40


def test_the_beginning_itself_has_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "workflow.yaml").write_text(HEAD)
    assert load_workflow(tmp_path, tools_for_tests.registry()).name == "tested"


HOSTILE = {
    "laughs": "a: &a [x, x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a]\n" for n in range(50)),
    "laughs in inputs": HEAD + "  - id: x\n    tool: describe\n    inputs: {name: [&a [x], *a]}\n",
    "deep lists": HEAD + "  - id: x\n    inputs: " + "[" * 100_000 + "\n",
    "deep mappings": HEAD + "  - id: x\n    inputs: " + "{a: " * 50_000 + "\n",
    "deep indentation": "".join(f"{' ' * n}a:\n" for n in range(700)),
    "many values": HEAD + "  - id: x\n    inputs: {name: [" + "1," * 60_000 + "]}\n",
    "large": "a: " + "x" * MAX_BYTES,
    "many steps": HEAD + "".join(f"  - id: s{n}\n    tool: describe\n    inputs: {{name: a}}\n" for n in range(600)),
    "object": "!!python/object/apply:os.system ['touch /tmp/never']\n",
    "set": "a: !!set {x}\n",
    "binary": HEAD.encode() + b"\xff\xfe\x00",
    "UTF-16": HEAD.encode("utf-16"),
    "surrogate": HEAD + '  - id: "\\ud800"\n',
    "long key": HEAD + "  " + "k" * 20_000 + ": 1\n",
    "a key of a mapping": HEAD + "  - {a: b}: c\n",
    "long line of colons": HEAD + "  - " + ": " * 50_000 + "\n",
    "long reference": HEAD + "  - id: x\n    tool: describe\n    inputs: {name: '${find" + ".a" * 40_000 + "}'}\n",
    "many references": HEAD + "  - id: x\n    tool: describe\n    inputs: {name: '" + "${" * 100_000 + "'}\n",
    "long condition": HEAD + "  - id: x\n    tool: describe\n    when: " + "!" * 4_000 + "a\n    inputs: {name: a}\n",
    "deep condition": HEAD + "  - id: x\n    tool: describe\n    when: " + "(" * 2_000 + "\n    inputs: {name: a}\n",
    "hungry pattern": HEAD.replace("{type: integer}", "{type: string, pattern: '((a{1,500}){1,500}){1,500}'}"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_soon(tmp_path: Path, name: str) -> None:
    began = time.process_time()
    found = mistakes(tmp_path, HOSTILE[name])
    assert found and time.process_time() - began < 5
    assert all(len(mistake.message) < 1_000 for mistake in found)


@pytest.mark.parametrize("last", ["  - id: x\n    tool: nowhere\n", ""])
def test_workflows_that_multiply_each_other_are_refused_soon(tmp_path: Path, last: str) -> None:
    text = HEAD + "".join(f"  - id: s{n}\n    workflow: NEXT\n    inputs: {{text: a}}\n" for n in range(100))
    levels = ["tested", "two", "three", "four"]
    for name, following in pairwise(levels):
        (tmp_path / name).mkdir()
        (tmp_path / name / "workflow.yaml").write_text(text.replace("tested", name).replace("NEXT", following))
    (tmp_path / "four").mkdir()
    (tmp_path / "four" / "workflow.yaml").write_text(HEAD.replace("tested", "four") + last)
    began = time.process_time()
    with pytest.raises(CompositionError):
        load_workflow(tmp_path / "tested", tools_for_tests.registry())
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-5", -5), ("1.5", 1.5), ("1.0e3", 1000.0), ("true", True), ("null", None), ("~", None),
        ("'yes'", "yes"), ('"2026-11-30"', "2026-11-30"),
        ("on-call", "on-call"), ("a b", "a b"), ("1 h", "1 h"), ("v1.2", "v1.2"),
        ("|\n  two\n  lines", "two\nlines\n"), (">\n  one\n  line", "one line\n"), ("{a: [1, x]}", {"a": [1, "x"]}),
    ],
)  # fmt: skip
def test_what_a_value_means(text: str, value: object) -> None:
    tree = read_tree(f"field: {text}\n")
    assert tree.data == {"field": value} and type(tree.data["field"]) is type(value) and not tree.mistakes


def test_a_mistake_in_a_workflow_inside_another_one_names_both(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "workflow.yaml").write_text(HEAD.replace("tested", "inner").replace("find_rows", "fnd_rows"))
    [found] = mistakes(tmp_path, HEAD + "  - id: x\n    workflow: inner\n    inputs: {text: a}\n")
    assert "The workflow 'inner' has mistakes itself: " in found.message and "inner/workflow.yaml:12:5" in found.message


def test_workflows_that_contain_each_other_are_named(tmp_path: Path) -> None:
    for name, other in (("one", "two"), ("two", "tested")):
        (tmp_path / name).mkdir()
        text = HEAD.replace("tested", name) + f"  - id: x\n    workflow: {other}\n    inputs: {{text: a}}\n"
        (tmp_path / name / "workflow.yaml").write_text(text)
    [found] = mistakes(tmp_path, HEAD + "  - id: x\n    workflow: one\n    inputs: {text: a}\n")
    assert "tested contains one contains two contains tested" in found.message


def test_inputs_of_a_workflow_and_its_outputs_are_checked(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "workflow.yaml").write_text(HEAD.replace("tested", "inner"))
    steps = """\
  - id: x
    workflow: inner
    inputs: {text: '${find.count}', nummer: 5}
  - id: y1
    tool: describe
    inputs: {name: '${x.find.zip}'}
  - id: y2
    tool: describe
    inputs: {name: '${x.fnd.count}'}
  - id: y3
    tool: describe
    inputs: {name: '${x.find.count}'}
"""
    said = [mistake.message for mistake in mistakes(tmp_path, HEAD + steps)]
    assert said == [
        "${find.count} does not fit here. It is a whole number; a text is required.",
        "This does not fit. There is no field 'nummer' in it. Did you mean number?",
        "${x.find.zip} does not exist. There is no field 'zip' in it. Its fields: rows, count, complete, and mode.",
        "${x.fnd.count} does not exist. There is no field 'fnd' in it. Did you mean find?",
        "${x.find.count} does not fit here. It is a whole number; a text is required.",
    ]


def test_tools_that_cannot_be_imported_are_named(tmp_path: Path) -> None:
    (tmp_path / "tested").mkdir()
    (tmp_path / "tested" / "tools.py").write_text("import nowhere\n")
    (tmp_path / "tested" / "workflow.yaml").write_text(HEAD)
    with pytest.raises(CompositionError, match=r"tools.py beside this file cannot be used: ModuleNotFoundError"):
        load_workflow(tmp_path / "tested", tools_for_tests.registry())
