"""Commands, parameters, and values of deployment scripts, compared with what the toolkit and PowerShell have."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.thorough import examples
from tests.workflows.toolkit.valid import FRAGMENTS, NEWER_SCRIPT, WHOLE_SCRIPT
from workflows.package_deployment.toolkit.binding import find
from workflows.package_deployment.toolkit.catalog import catalog
from workflows.package_deployment.toolkit.checks import check_script
from workflows.package_deployment.toolkit.cmdlets import cmdlet, cmdlets
from workflows.package_deployment.toolkit.findings import Level, ScriptFinding
from workflows.package_deployment.toolkit.judged_script import judged


def found(script: str, code: str) -> ScriptFinding:
    """Return the finding of this code; there must be one."""
    findings = check_script(script, fragment=True)
    matching = [finding for finding in findings if finding.code == code]
    assert matching, f"{code} not in {findings}"
    return matching[0]


def errors(script: str, *, fragment: bool = True) -> list[ScriptFinding]:
    """Return the errors of a script."""
    return [finding for finding in check_script(script, fragment=fragment) if finding.level is Level.ERROR]


# --- the catalog


def test_the_catalog_has_the_functions_of_the_toolkit_in_any_case() -> None:
    assert len(catalog()) == 142
    function = catalog()["START-adtmsiprocess"]
    assert function.name == "Start-ADTMsiProcess"
    action = function.parameter("action")
    assert action is not None
    assert action.values == ("Install", "Uninstall", "Patch", "Repair", "ActiveSetup")
    assert "Start-ADTNothing" not in catalog()


def test_the_catalog_is_free_of_what_was_read_wrongly() -> None:
    for function in catalog().values():
        for parameter in function.parameters or ():
            assert parameter.type.count("]") == parameter.type.count("["), (function.name, parameter)
            assert all(alias.isidentifier() for alias in parameter.aliases), (function.name, parameter)
            assert all(value.count("(") == value.count(")") for value in parameter.values), (function.name, parameter)
            assert parameter.sets <= set(function.sets)
            assert parameter.mandatory <= parameter.sets


def test_parameters_that_exist_only_while_a_function_is_called_are_known() -> None:
    title = catalog()["Show-ADTInstallationPrompt"].parameter("Title")
    assert title is not None
    assert title.needs_session
    assert catalog()["Show-ADTBalloonTip"].parameter("BalloonTipTitle") is not None


def test_cmdlets_have_their_parameters_and_some_only_their_names() -> None:
    item = cmdlet("get-childitem")
    assert item is not None
    assert item.parameter("af") is item.parameter("File")
    assert cmdlets()["get-aduser"].parameters is None
    assert cmdlet("Get-Nothing") is None


# --- valid scripts


@pytest.mark.parametrize("name", FRAGMENTS)
def test_valid_parts_of_scripts_have_no_errors(name: str) -> None:
    assert errors(FRAGMENTS[name]) == []


@pytest.mark.parametrize("script", [WHOLE_SCRIPT, NEWER_SCRIPT], ids=["4.1", "4.2"])
def test_valid_scripts_have_no_errors_and_no_warnings(script: str) -> None:
    assert [f for f in check_script(script) if f.level is not Level.INFO] == []


# --- commands


@pytest.mark.parametrize(
    ("script", "meant"),
    [
        ("Start-ADTMSIProces -FilePath a.msi", "Start-ADTMsiProcess"),
        ("Show-ADTInstalationWelcome", "Show-ADTInstallationWelcome"),
        ("Get-ChildItems C:\\", "Get-ChildItem"),
        ("$x = \"$(Write-ADTLogEntri -Message 'x')\"", "Write-ADTLogEntry"),
        ("function Test-Mine { }\nTest-Min", "Test-Mine"),
    ],
)
def test_commands_that_do_not_exist_are_errors_with_near_names(script: str, meant: str) -> None:
    finding = found(script, "command.unknown")
    assert finding.level is Level.ERROR
    assert finding.suggestion.lower() == f"did you mean {meant.lower()}?"


@pytest.mark.parametrize(
    "script",
    [
        "if ($x) { foreach ($y in $z) { Invoke-Nothing } }",
        "$x | Invoke-Nothing",
        "try { } catch { Invoke-Nothing }",
        "$t = @{ A = (Invoke-Nothing) }",
        "Get-Item -Path (Invoke-Nothing)",
        "Get-Item -Path \"a$(Invoke-Nothing)\"",
        "@\"\n$(Invoke-Nothing)\n\"@",
        "$x.Method((Invoke-Nothing))",
        "class A { [void] B() { Invoke-Nothing } }",
        "function a { param([ValidateScript({ Invoke-Nothing })]$X) }",
        "function a { param($X = (Invoke-Nothing)) }",
        "Get-Item C:\\ > (Invoke-Nothing)",
        "& 'Invoke-Nothing'",
        "& Invoke-Nothing",
        ". Invoke-Nothing",
        "Invoke-`Nothing",
        "$name = 'Invoke-Nothing'; & $name",
    ],
)  # fmt: skip
def test_unknown_commands_are_found_wherever_they_are(script: str) -> None:
    found(script, "command.unknown")


@pytest.mark.parametrize(
    ("script", "code", "level"),
    [
        ("& $x", "command.dynamic", Level.ERROR),
        (". $file", "command.dynamic", Level.ERROR),
        ("& (Get-Command x)", "command.dynamic", Level.ERROR),
        ("& \"$a-Thing\"", "command.dynamic", Level.ERROR),
        ("$x = 'Get-Item'; $x = $y; & $x", "command.dynamic", Level.ERROR),
        (". $_.Value", "command.dynamic", Level.ERROR),
        ("New-Variable -Name Install -Value $x", "command.dynamic", Level.ERROR),
        ("$o.$name()", "command.dynamic", Level.ERROR),
        ("iex $x", "code.from_text", Level.ERROR),
        ("Invoke-Expression 'Get-Item'", "code.from_text", Level.ERROR),
        ("[scriptblock]::Create('x')", "code.from_text", Level.ERROR),
        ("[System.Management.Automation.ScriptBlock]::Create($x).Invoke()", "code.from_text", Level.ERROR),
        ("[powershell]::Create()", "code.from_text", Level.ERROR),
        ("$ExecutionContext.InvokeCommand.InvokeScript('x')", "code.from_text", Level.ERROR),
        (". .\\more.ps1", "command.script_file", Level.ERROR),
        ("& \"$PSScriptRoot\\more.ps1\"", "command.script_file", Level.ERROR),
        ("$ExecutionContext.InvokeCommand.ExpandString($x)", "code.from_text", Level.ERROR),
        ("Invoke-ADTCommandWithRetries -Command $x", "command.dynamic", Level.ERROR),
        ("Invoke-ADTCommandWithRetries -Command \"Get-$x\"", "command.dynamic", Level.ERROR),
        ("$sb.Invoke()", "code.computed", Level.WARNING),
        ("Measure-Command -Expression $sb", "code.computed", Level.WARNING),
        ("Register-EngineEvent -SourceIdentifier x -Action $sb", "code.computed", Level.WARNING),
        ("Import-Module -Name OtherModule", "module.other", Level.WARNING),
        ("Start-Process -FilePath a.exe", "command.program", Level.WARNING),
        ("[System.Diagnostics.Process]::Start('a.exe')", "command.program", Level.WARNING),
        ("Invoke-Command -ScriptBlock $sb", "code.computed", Level.WARNING),
        ("Add-Type -TypeDefinition 'class A {}'", "code.compiled", Level.WARNING),
        ("Set-Alias -Name x -Value Get-Item", "command.new_alias", Level.WARNING),
        ("msiexec /i a.msi /qn", "command.program", Level.WARNING),
        ("reg.exe add HKLM\\X", "command.program", Level.WARNING),
        ("& 'C:\\Temp\\setup.exe' /S", "command.program", Level.WARNING),
        ("& \"$dir\\setup.exe\" /S", "command.program", Level.WARNING),
        ("gci C:\\", "command.alias", Level.INFO),
        ("1..3 | % { $_ }", "command.alias", Level.INFO),
        ("function Write-ADTLogEntry { }", "function.shadows", Level.WARNING),
        ("function Remove-Item { }", "function.shadows", Level.WARNING),
        ("Set-Alias Start-ADTMsiProcess Remove-Item", "command.redefined", Level.ERROR),
        ("New-Alias -Name $x -Value Remove-Item", "command.redefined", Level.ERROR),
        ("Set-Item Function:\\Start-ADTMsiProcess { 1 }", "command.redefined", Level.ERROR),
        ("Set-Content -Path \"function:$x\" -Value 'a'", "command.redefined", Level.ERROR),
        ("Copy-Item -Path a, b -Destination Alias:x", "command.redefined", Level.ERROR),
        ("$function:Start = Get-Content a", "command.redefined", Level.ERROR),
        ("${alias:x} = 'Invoke-Expression'", "command.redefined", Level.ERROR),
        ("$PSDefaultParameterValues['*:Path'] = 'a'", "parameter.defaults", Level.WARNING),
        (". .\\more", "command.script_file", Level.ERROR),
        ("Other\\Start-ADTMsiProcess -FilePath a.msi", "command.script_file", Level.ERROR),
        ("Invoke-Command -FilePath .\\a.ps1", "command.script_file", Level.ERROR),
        ("Start-Job -FilePath $x", "command.script_file", Level.ERROR),
        ("$x | ForEach-Object -MemberName InvokeScript -ArgumentList 'a'", "code.from_text", Level.ERROR),
        ("$x | ForEach-Object InvokeScript", "code.from_text", Level.ERROR),
        ("$x | ForEach-Object -MemberName $y", "command.dynamic", Level.ERROR),
        ("Invoke-ADTCommandWithRetries -Command Get-NoSuchThing", "command.unknown", Level.ERROR),
        ("Invoke-ADTCommandWithRetries -Command Invoke-Expression -Retries 2", "code.from_text", Level.ERROR),
        ("# a comment\rGet-NoSuchThing", "command.unknown", Level.ERROR),
        ("'a' # a comment\r\rInvoke-Expression $x", "code.from_text", Level.ERROR),
        ("#Requires -Modules Other", "module.other", Level.WARNING),
        ("using module C:\\other\\other.psm1", "module.other", Level.WARNING),
        ("Import-Module -Name PSAppDeployToolkit-other", "module.other", Level.WARNING),
        ("[System.Reflection.Assembly]::LoadFile('a.dll')", "code.compiled", Level.WARNING),
    ],
)  # fmt: skip
def test_what_runs_something_else_is_found(script: str, code: str, level: Level) -> None:
    assert found(script, code).level is level


@pytest.mark.parametrize(
    "script",
    [
        "using namespace System.IO",
        "using module PSAppDeployToolkit",
        "#Requires -Version 5.1 -Modules 'PSAppDeployToolkit'",
        "# Get-NoSuchThing\r\nGet-Item C:\\a",
        "Import-Module 'C:\\a\\PSAppDeployToolkit\\PSAppDeployToolkit.psd1'",
        "Get-Item Env:Path; Set-Item -Path Env:X -Value 1; New-Item -Path 'C:\\function' -Force",
        "Microsoft.PowerShell.Management\\Get-Item C:\\a; PSAppDeployToolkit\\Close-ADTSession",
        "1..3 | ForEach-Object ToString",
        "Invoke-ADTCommandWithRetries -Command Remove-Item -Path C:\\a",
    ],
)
def test_what_only_looks_like_it_is_not_found(script: str) -> None:
    codes = {finding.code for finding in check_script(script, fragment=True)}
    assert not codes & {"command.redefined", "command.script_file", "module.other", "code.from_text", "command.unknown"}


@pytest.mark.parametrize(
    "changed",
    [
        NEWER_SCRIPT.replace("try\n{\n    $type", "${Pre-Install} = $other\ntry\n{\n    $type"),
        NEWER_SCRIPT + "\n$other | . { process { if ($_) { . $_.Value } } }\n",
        NEWER_SCRIPT.replace('"Pre-$($adtSession.DeploymentType)", $type', "$other"),
        NEWER_SCRIPT.replace("New-Variable -Name Install -Force -Value {", "New-Variable -Name Install -Value $x; & {"),
        WHOLE_SCRIPT.replace('& "$($adtSession.DeploymentType)-ADT', '& "$($x.DeploymentType)-ADT'),
    ],
    ids=range(5),
)
def test_only_the_template_s_own_way_of_running_a_part_is_accepted(changed: str) -> None:
    assert changed not in (NEWER_SCRIPT, WHOLE_SCRIPT)
    assert "command.dynamic" in {finding.code for finding in check_script(changed)}


def test_programs_have_a_suggestion_of_what_the_toolkit_has_instead() -> None:
    assert "Start-ADTMsiProcess" in found("msiexec /x '{A}'", "command.program").suggestion
    assert "Set-ADTRegistryKey" in found("reg add HKLM\\X", "command.program").suggestion


# --- parameters


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("Start-ADTMsiProcess -Path a.msi", "parameter.unknown"),
        ("Start-ADTMsiProcess -FilePath a.msi -Parameters '/qn'", "parameter.unknown"),
        ("Get-ChildItem -Folder", "parameter.unknown"),
        ("gci -Folder", "parameter.unknown"),
        ("Invoke-ADTCommandWithRetries -Command Get-Item -Pth C:\\", "parameter.unknown"),
        ("$t = @{ Pth = 'a'; Destination = 'b' }\nCopy-ADTFile @t", "parameter.unknown"),
        ("$t = @{ Path = 'a'; Destination = 'b' }\n$t.Add('Recursive', $true)\nCopy-ADTFile @t", "parameter.unknown"),
        ("$t = @{ Path = 'a'; Destination = 'b' }\n$t.Recursive = $true\nCopy-ADTFile @t", "parameter.unknown"),
        ("$t = @{ Path = 'a' } + @{ Destnation = 'b' }\nCopy-ADTFile @t", "parameter.unknown"),
        ("function f { [CmdletBinding()] param($A) }\nf -B 1", "parameter.unknown"),
        ("Copy-ADTFile -Path a -Destination b -Robo x", "parameter.ambiguous"),
        ("Get-ChildItem -Fil x", "parameter.ambiguous"),
        ("Start-ADTMsiProcess -Action Install", "parameter.missing"),
        ("Write-ADTLogEntry", "parameter.missing"),
        ("$t = @{ Path = 'a' }\nCopy-ADTFile @t", "parameter.missing"),
        ("function f { param([Parameter(Mandatory)]$A) }\nf", "parameter.missing"),
        ("Start-ADTMsiProcess -FilePath a.msi -FilePath b.msi", "parameter.twice"),
        ("Start-ADTMsiProcess -FilePath -Action Install", "parameter.no_value"),
        ("Start-ADTMsiProcess -FilePath", "parameter.no_value"),
        ("Copy-ADTFile -Path a -LiteralPath b -Destination c", "parameter.combination"),
        ("Start-ADTMsiProcess -FilePath a.msi -ProductCode '{12345678-9ABC-4DEF-8123-456789ABCDEF}'",
         "parameter.combination"),
        ("Update-ADTGroupPolicy -Force $true", "switch.value"),
        ("Get-ADTFreeDiskSpace -Drive C: now", "argument.too_many"),
        ("Get-ADTPendingReboot now", "argument.too_many"),
        ("'x' | Get-ADTPendingReboot", "pipeline.not_taken"),
        ("Update-ADTGroupPolicy -Force:'yes'", "value.not_allowed"),
        ("Start-ADTMsiProcess -Action Instal -FilePath a.msi", "value.not_allowed"),
        ("Start-ADTMsiProcess -ProductCode 'not a code'", "value.not_allowed"),
        ("Set-ADTRegistryKey -Key HKLM:\\X -Name a -Value 1 -Type DoubleWord", "value.not_allowed"),
        ("Write-ADTLogEntry -Message x -Severity Fatal", "value.not_allowed"),
        ("Show-ADTInstallationRestartPrompt -Countdown soon", "value.not_allowed"),
        ("Start-ADTProcess -FilePath a.exe -SuccessExitCodes 0, ok", "value.not_allowed"),
        ("Set-ADTServiceStartMode -Name x -StartMode Auto", "value.not_allowed"),
        ("$t = @{ FilePath = 'a.msi'; Action = 'Instal' }\nStart-ADTMsiProcess @t", "value.not_allowed"),
        ("Get-ADTApplication -FilterScript 'x'", "value.not_allowed"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_errors(script: str, code: str) -> None:
    assert found(script, code).level is Level.ERROR


def test_suggestions_name_what_was_meant() -> None:
    assert found("Start-ADTProcess -FilPath a.exe", "parameter.unknown").suggestion == "Did you mean -FilePath?"
    assert found("Start-ADTMsiProcess -Action Instal -FilePath a", "value.not_allowed").suggestion == "-Action Install"
    assert found("Update-ADTGroupPolicy -Force $true", "switch.value").suggestion == "-Force:$true"


def test_tables_that_are_not_known_are_said_to_be_not_checked() -> None:
    script = "function f { param($t) Copy-ADTFile @t }"
    assert found(script, "splat.not_checked").level is Level.INFO
    assert errors(script) == []
    assert found("$t = Get-Something\nCopy-ADTFile @t", "splat.not_checked")


def test_the_last_table_before_a_command_counts() -> None:
    script = "$t = @{ Pth = 'a' }\n$t = @{ Path = 'a'; Destination = 'b' }\nCopy-ADTFile @t"
    assert errors(script) == []
    assert errors("$t = @{ Path = 'a'; Destination = 'b' }\nCopy-ADTFile @t\n$t = @{ Wrong = 1 }") == []


def test_misspelled_keys_of_the_session_are_errors_and_keys_of_its_own_are_warnings() -> None:
    opened = "\n$adtSession = Open-ADTSession @adtSession -PassThru"
    assert found("$adtSession = @{ AppVendr = 'x' }" + opened, "parameter.unknown").level is Level.ERROR
    assert found("$adtSession = @{ CostCenter = 'x' }" + opened, "parameter.unknown").level is Level.WARNING


def test_lines_are_those_of_the_script() -> None:
    assert found("\n\nGet-Item C:\\\nif ($x) {\n  Get-Nothing\n}", "command.unknown").line == 5
    assert found("Copy-ADTFile `\n  -Path a `\n  -Where b", "parameter.unknown").line == 3


# --- whatever is misspelled is found

_FUNCTIONS = sorted(catalog())
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@st.composite
def misspelled(draw: st.DrawFn, word: str) -> str:
    """Change one to three letters of a name."""
    letters = list(word)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(letters) - 1, 0)))
        kind = draw(st.sampled_from(["leave out", "add", "replace", "swap"]))
        if kind == "leave out" and len(letters) > 2:
            del letters[place]
        elif kind == "add":
            letters.insert(place, draw(st.sampled_from(_LETTERS)))
        elif kind == "swap" and place + 1 < len(letters):
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
        else:
            letters[place] = draw(st.sampled_from(_LETTERS))
    return "".join(letters)


@given(st.data())
@settings(max_examples=examples(400), deadline=None)
def test_misspelled_functions_are_found(data: st.DataObject) -> None:
    name = data.draw(misspelled(data.draw(st.sampled_from(_FUNCTIONS))))
    if name in catalog() or cmdlet(name):
        return
    assert {"command.unknown", "command.program"} & {finding.code for finding in check_script(name, fragment=True)}


@given(st.data())
@settings(max_examples=examples(400), deadline=None)
def test_misspelled_parameters_are_found(data: st.DataObject) -> None:
    function = catalog()[data.draw(st.sampled_from(_FUNCTIONS))]
    if not function.parameters:
        return
    name = data.draw(misspelled(data.draw(st.sampled_from(function.parameters)).name))
    parameter, possible = find(function, name)
    if parameter is not None or not name[0].isalpha():
        return
    code = "parameter.ambiguous" if possible else "parameter.unknown"
    passed_on = any(other.takes_rest for other in function.parameters)
    findings = {finding.code for finding in check_script(f"{function.name} -{name} x", fragment=True)}
    assert code in findings or passed_on


# --- hostile input


@pytest.mark.parametrize(
    "script",
    [
        "Get-Item C:\\\n" * 35_000,
        "Get-Nothing -A 1\n" * 20_000,
        "(" * 300_000,
        "{" * 100_000,
        "$(" * 150_000,
        '"$(' * 50_000,
        "@{a=" * 90_000,
        "if ($x) {" * 20_000,
        "$x = " + "1 + " * 90_000 + "1",
        "$x = " + "@{} + " * 50_000 + "@{}\nCopy-ADTFile @x",
        "".join(f"$a{i} = $a{i + 1}\n" for i in range(5_000)) + "Copy-ADTFile @a0",
        "$t = @{}\n" + "$t.Add('Path', 'a')\nCopy-ADTFile @t\n" * 3_000,
        "& " * 190_000,
        "<# " * 130_000,
        "`" * 390_000,
        "x" * 2_000_000,
        "Copy-ADTFile " + "-Path a " * 50_000,
        "Copy-ADTFile " + "@t " * 50_000,
        "\u202e\u0000\u200b" * 10_000,
    ],
    ids=range(19),
)
def test_hostile_scripts_get_an_answer_in_time(script: str) -> None:
    begun = time.thread_time()
    findings = check_script(script)
    assert time.thread_time() - begun < 30
    assert len(findings) <= 501
    assert all(len(finding.words) < 1_000 and len(finding.suggestion) < 1_000 for finding in findings)


def test_scripts_that_are_too_large_or_nested_too_deep_say_so() -> None:
    assert "at most" in found("x" * 400_001, "script.unreadable").words
    assert "nested" in found("(" * 1_000 + ")" * 1_000, "script.unreadable").words


def test_statements_that_cannot_be_parsed_are_errors() -> None:
    assert found("Get-Item C:\\\n$x = (1 + )", "script.unparsed").line == 2


@given(st.data())
@settings(max_examples=examples(400), deadline=None)
def test_whatever_is_misspelled_in_a_whole_script_is_found(data: st.DataObject) -> None:
    script = data.draw(st.sampled_from([WHOLE_SCRIPT, NEWER_SCRIPT]))
    calls = [call for call in judged(script, None, [], None).calls if call[1].command.source == "toolkit"]
    call, bound = data.draw(st.sampled_from(calls))
    named = sorted(argument.name for argument in bound.given.values() if argument.name and not argument.from_table)
    lines = script.split("\n")
    old = data.draw(st.sampled_from([bound.command.name, *named]))
    new = data.draw(misspelled(old))
    line = call.node.line - 1
    if old == bound.command.name:
        known = new in catalog() or cmdlet(new) is not None or not new[0].isalpha()
    else:
        old, new = f"-{old}", f"-{new}"
        known = find(bound.command, new[1:])[0] is not None or not new[1].isalpha()
    if known or old not in lines[line]:
        return
    lines[line] = lines[line].replace(old, new, 1)
    found = check_script("\n".join(lines))
    assert any(finding.level in (Level.ERROR, Level.WARNING) and finding.line == line + 1 for finding in found)
