"""`assent tools`: tools of an installed package, listed, checked, and called, without a portal or a database."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli.main import cli

TOOLS = '''
from pathlib import Path

from pydantic import BaseModel

from assent.toolbox import Dependency, tool


class Table(BaseModel):
    table: str


class Rows(BaseModel):
    rows: int


@tool(effect="read", version="1.10", capabilities=["database"], examples=[{"table": "orders"}])
def count_rows(inputs: Table) -> Rows:
    """Count the rows of a table.

    More about it.
    """
    return Rows(rows=len(inputs.table))


def older(inputs: Table) -> Rows:
    return Rows(rows=0)


OLDER = tool(name="count_rows", effect="read", version="1.9", description="As it was.")(older)


@tool(
    examples=[{"tabel": "orders"}],
    dependencies=lambda: [Dependency("pg_dump", False, "install it"), Dependency("a disk", True)],
)
def drop_table(inputs: Table) -> Rows:
    """Drop a table."""
    Path("dropped").write_text(inputs.table)
    return Rows(rows=7)
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with tools, and one whose tools cannot be imported."""
    for name, source in (("demo_tools", TOOLS), ("torn_tools", "import a_module_that_is_missing\n")):
        (tmp_path / f"{name}.py").write_text(source)
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[assent.toolbox]\n{name} = {name}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("demo_tools", None)


def told(*words: str, code: int = 0, stdin: str = "") -> Result:
    done = CliRunner().invoke(cli, ["tools", *words], input=stdin)
    assert done.exit_code == code, done.output
    return done


def facts(*words: str, **more: Any) -> Any:
    return json.loads(told(*words, "--json", **more).stdout)


def test_tools_are_listed_and_broken_ones_stop_no_other(package: Path) -> None:
    done = told("list")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["drop_table", "1.0", "destroy", "Drop", "a", "table."] in lines
    assert ["count_rows", "1.10", "read", "Count", "the", "rows", "of", "a", "table."] in lines
    assert "torn_tools cannot be loaded: ModuleNotFoundError" in done.stderr
    assert facts("list")["broken"].keys() == {"torn_tools"}


def test_a_tool_is_shown_with_its_schemas_and_versions(package: Path) -> None:
    shown = facts("show", "count_rows")
    assert shown["versions"] == ["1.10", "1.9"]
    assert shown["input_schema"]["required"] == ["table"]
    assert facts("show", "count_rows@<1.10")["description"] == "As it was."
    assert "Minimum risk:  high" in told("show", "drop_table").stdout


def test_an_unknown_tool_is_an_error_that_helps(package: Path) -> None:
    assert "Did you mean count_rows" in told("show", "count_row", code=2).stderr
    assert "Some tools could not be loaded: those of torn_tools." in told("show", "xyz", code=2).stderr
    assert "Nor is there an MCP server 'birds'" in told("show", "birds.count", code=2).stderr
    assert told("list", "--capability", "fish").stdout == "No tool has the capability 'fish'.\n"


def test_a_folder_with_nothing_but_tools_needs_no_other_file(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = package / "workflows" / "helpers"
    folder.mkdir(parents=True)
    (folder / "tools.py").write_text(TOOLS.replace("count_rows", "count_cows"))
    monkeypatch.setattr("app.runtime.toolbox.workflows_folder", lambda: package / "workflows")
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "workflows"}
    for name in before:
        monkeypatch.delitem(sys.modules, name)
    try:
        assert facts("show", "count_cows")["source"] == "workflows.helpers.tools"
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "workflows"]:
            del sys.modules[name]


def test_what_is_wrong_with_a_tool_is_reported_without_calling_it(package: Path) -> None:
    assert "count_rows@1.10 is valid." in told("check", "count_rows").stdout
    problems = [finding["problem"] for finding in facts("check", "drop_table", code=1)["findings"]]
    assert problems == [
        "Example 1 does not fit the input schema: table: Field required.",
        "It needs pg_dump, which is not available: install it",
    ]
    assert "torn_tools: It cannot be loaded" in told("check", code=1).stdout
    assert not (package / "dropped").exists()


def test_a_reading_tool_is_called_without_a_portal(package: Path) -> None:
    assert json.loads(told("call", "count_rows", "--input", '{"table": "orders"}').stdout) == {"rows": 6}
    assert json.loads(told("call", "count_rows", "--input", "-", stdin='{"table": "t"}').stdout) == {"rows": 1}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ('{"table": 1, "table": 2}', "--input"),
    ],
)
def test_inputs_that_are_no_object_are_a_usage_error(package: Path, given: str, words: str) -> None:
    assert words in told("call", "count_rows", "--input", given, code=2).stderr


def test_inputs_that_do_not_fit_name_the_field(package: Path) -> None:
    errors = told("call", "count_rows", "--input", '{"table": 1}', code=1).stderr
    assert errors == "Error: The inputs do not fit count_rows. table: Input should be a valid string.\n"


def test_an_input_that_the_tool_does_not_have_is_warned_of(package: Path) -> None:
    errors = told("call", "count_rows", "--input", '{"table": "t", "tabel": "u"}').stderr
    assert errors == "Warning: count_rows has no input 'tabel', so it was ignored.\n"


def test_a_tool_that_changes_something_is_refused_without_a_portal(package: Path) -> None:
    done = told("call", "drop_table", "--input", '{"table": "orders"}', code=2)
    assert "people have to approve the call" in done.stderr
    assert not (package / "dropped").exists()


@pytest.fixture
def server_file(package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that lists an MCP server, named by the setting."""
    file = package / "servers.toml"
    script = Path(__file__).parents[1] / "sdk" / "toolserver.py"
    file.write_text(f"""
        [servers.odd]
        command = {json.dumps(sys.executable)}
        args = {json.dumps([str(script), str(package)])}
    """)
    monkeypatch.setenv("ASSENT_TOOL_SERVERS", str(file))
    return file


def test_tools_of_a_server_are_called_as_the_operator_says(server_file: Path) -> None:
    shown = facts("show", "odd.add")
    assert shown["effect"] == "destroy"
    assert "people have to approve" in told("call", "odd.add", "--input", '{"a": 2, "b": 3}', code=2).stderr
    printed = told("pin", "odd.add").stdout
    assert printed == f'[servers.odd.tools.add]\neffect = "destroy"\npin = "{shown["pin"]}"\n'
    assert printed in told("pin", "odd").stdout + "\n"
    assert "not a tool of an MCP server" in told("pin", "count_rows", code=1).stderr
    server_file.write_text(server_file.read_text() + '[servers.odd.tools.add]\neffect = "read"\n')
    assert "has no pin" in told("call", "odd.add", "--input", '{"a": 2, "b": 3}', code=2).stderr
    server_file.write_text(server_file.read_text() + printed.splitlines()[-1])
    assert json.loads(told("call", "odd.add", "--input", '{"a": 2, "b": 3}').stdout) == {"sum": 5}


def test_a_file_of_servers_that_cannot_be_used_is_reported_and_stops_nothing(server_file: Path) -> None:
    server_file.write_text("[servers.odd]\ncomand = 'x'\n")
    done = told("list")
    assert "count_rows" in done.stdout
    assert "ASSENT_TOOL_SERVERS cannot be loaded" in done.stderr
    assert "command" in done.stderr


def test_steps_may_name_tools_of_servers(server_file: Path) -> None:
    step = "steps: [{id: add, tool: odd.add, inputs: {a: 1, b: 2}}]"
    (server_file.parent / "sum.yaml").write_text(f'name: sum_up\nversion: "1"\ntitle: Sum\n{step}\n')
    done = CliRunner().invoke(cli, ["workflow", "check", "sum.yaml"])
    assert (done.exit_code, done.stdout) == (0, "sum.yaml is valid.\n"), done.output
    assert "tool = odd.add" in CliRunner().invoke(cli, ["workflow", "draw", "sum.yaml"]).stdout
