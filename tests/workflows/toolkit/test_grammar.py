"""The second opinion about syntax: never against valid code, and useful where something is wrong."""

from __future__ import annotations

import time

import pytest

from tests.workflows.toolkit.valid import FRAGMENTS, NEWER_SCRIPT, WHOLE_SCRIPT
from workflows.package_deployment.toolkit.checks import check_script
from workflows.package_deployment.toolkit.findings import Level
from workflows.package_deployment.toolkit.grammar import MISREAD, REPLACED, doubtful_lines, stumbles

VALID = {
    "a number with a unit": "if ($size -gt 1MB) { Get-Date }",
    "a number with a type": "if ($size -gt 10L) { Get-Date }",
    "a nested type": "[System.Environment]::GetFolderPath([System.Environment+SpecialFolder]::Fonts)",
    "a variable that is added to": "Get-Item -Path x -ErrorVariable +problem",
    "a switch with a value": "Update-ADTGroupPolicy -Force:$value",
    "a list of bare words": "Stop-Process -Name winword, excel",
    "a list over several lines": "Stop-Process -Name a,\n b",
    "a switch in one line": "switch ($x) { 1 { Get-Date } default { Get-Item x } }",
    "a keyword as a parameter": "ForEach-Object -Begin { $x } -Process { $_ } -End { $y }",
    "a statement as a value": "$x = $(if ($y) { 1 } else { 2 })",
    "a computed property": "Get-Item -Path $parameters.($PSCmdlet.ParameterSetName) -Force",
    "a label": ":outer foreach ($x in $y) { break outer }",
    "an operator of PowerShell 7": "$x = $y ?? 1",
    "an apostrophe in a text": "Write-Host \"It's the user's turn.\"",
    "a block that begins at the end of a line": "New-Variable -Name Install -Value {\n    # nothing yet\n}\n",
    "a parameter with digits": "$y = Convert-ADTRegistryPath -Key $x -Wow6432Node:$z -SID $sid",
}
"""Valid code by what it has; the grammar is known to stumble over most of it."""


@pytest.mark.parametrize("name", VALID)
def test_valid_code_that_is_misread_is_not_doubted(name: str) -> None:
    assert doubtful_lines(VALID[name]) == []


def test_the_examples_are_of_what_the_list_names_and_the_grammar_stumbles_over_them() -> None:
    listed = {name for name, *_ in (*REPLACED, *MISREAD)}
    assert set(VALID) <= listed
    stumbled = {name for name, code in VALID.items() if list(stumbles(code))}
    assert stumbled >= {
        "a number with a unit", "a nested type", "a list of bare words", "a switch in one line",
        "an operator of PowerShell 7",
    }  # fmt: skip


@pytest.mark.parametrize("script", [*FRAGMENTS.values(), WHOLE_SCRIPT, NEWER_SCRIPT])
def test_valid_scripts_are_not_doubted(script: str) -> None:
    assert doubtful_lines(script) == []


@pytest.mark.parametrize(
    "line",
    [
        "Get-Item -Path (1 + )",
        "if ($x { Get-Date }",
        "foreach ($x of $y) { Get-Date }",
        "while ($true { Get-Date }",
        '"not closed',
        "$x = 3 +",
        "[string $x",
        "if ($x -eq ) { Get-Date }",
        "do { Get-Date }",
        "$a = $b $c",
    ],
)
def test_wrong_lines_are_doubted(line: str) -> None:
    found = doubtful_lines(f"Get-Item -Path 1\n{line}\nGet-Item -Path 2\n")
    assert found and found[0] in (2, 3)


def test_a_doubt_is_a_warning_never_an_error() -> None:
    found = [f for f in check_script("foreach $x in $y { }", fragment=True) if f.code == "syntax.doubtful"]
    assert [finding.level for finding in found] == [Level.WARNING]


@pytest.mark.parametrize(
    "script",
    ["(" * 90_000, "{" * 90_000, "if ($x) {" * 10_000, "= ) | " * 15_000, '"$(' * 30_000, "x" * 500_000, "\ud800" * 99],
    ids=range(7),
)
def test_hostile_scripts_get_an_answer_in_time(script: str) -> None:
    begun = time.thread_time()
    assert len(doubtful_lines(script)) <= 20
    assert time.thread_time() - begun < 10
