"""Scripts from blocks: what strangers have named gets in as literals only, and only what the toolkit has gets in."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.workflows.package_analyses import PRODUCT_CODE, analysis_of
from tests.workflows.powershell_reading import as_read, commands_of, literals_of, parsed, structure_of
from workflows.package_deployment.analysis import ContainedFile, Technology
from workflows.package_deployment.scripts import blocks
from workflows.package_deployment.scripts.block_rendering import RENDERERS
from workflows.package_deployment.scripts.calls import Call, Filled, Folder, UnknownCallError, Within, written
from workflows.package_deployment.scripts.detection import EntryRule, FileRule, Target, detection_script
from workflows.package_deployment.scripts.digests import script_bytes
from workflows.package_deployment.scripts.instruction_base import Mode
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.scripts.instructions import structure
from workflows.package_deployment.scripts.literals import QUOTES, cleaned, quoted, safe_file_name
from workflows.package_deployment.scripts.planning import application_name, plan
from workflows.package_deployment.scripts.rendering import render

HOSTILE = [
    "O'Brien's Tool", "Tool'; Remove-Item C:\\ -Recurse; '", "$(Stop-Computer)", "`n`$x", "${env:Path}",
    "a\nRemove-Item b",
    "a\r\nb", "\u2018quoted\u2019", "\u201alow\u201b", "'\u2019'\u2018", "#> exit <#", "@'\nhere\n'@",
    "\u201cdouble\u201d\"",
    "x" * 1_000, "\u0452 \u202eexe.fdp", "\x00null", "--%", "%ProgramFiles%", "| iex", "{ }", "日本語の名前", "\ud800",
    "a; }}} Stop-Computer",
]  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(HOSTILE), st.text(min_size=1, max_size=60), st.text(alphabet=f'{QUOTES}"`$()n;x \\\n', min_size=1)
)


def script_with(name: str, technology: Technology = Technology.MSI, mode: Mode = Mode.COMPREHENSIVE) -> str:
    """Return the script of a package in which everything has this name."""
    analysis = analysis_of(
        technology, product_name=name, manufacturer=name, version=name, language=name, file_name=f"{name}.msi",
        files=[ContainedFile(path=f"folder\\{name}.exe")],
    )  # fmt: skip
    return render(plan(analysis, structure("", analysis, mode)))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_literal_says_what_the_name_says(name: str) -> None:
    plain = cleaned(name)
    assert literals_of(f"Write-Output {quoted(plain)}") == [as_read(plain)]


def test_what_was_not_cleaned_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="do not belong"):
        quoted("a\nb")


@settings(max_examples=60, deadline=None)
@given(name=NAMES)
def test_names_never_change_the_structure_of_a_script(name: str) -> None:
    plain = cleaned(name)
    assume(plain and not plain[0].isdigit())  # versions that can be compared are, so those scripts differ
    stem = safe_file_name(f"{name}.msi")
    analysis = analysis_of(product_name=name, manufacturer=name, version=name, file_name=f"{name}.msi")
    script = render(plan(analysis, structure("", analysis, Mode.COMPREHENSIVE)))
    usual = analysis_of(version="of no number")
    expected = render(plan(usual, structure("", usual, Mode.COMPREHENSIVE)))
    assert structure_of(parsed(script)) == structure_of(parsed(expected))
    found = literals_of(script)
    assert {as_read(application_name(analysis)), as_read(stem)} <= set(found)
    assert not plain or application_name(analysis) == plain


@settings(max_examples=60, deadline=None)
@given(name=NAMES, technology=st.sampled_from(list(Technology)), mode=st.sampled_from(list(Mode)))
def test_a_script_with_any_name_calls_what_a_script_with_a_usual_name_calls(
    name: str, technology: Technology, mode: Mode
) -> None:
    calls = re.compile(r"\b[A-Z][a-z]+-ADT\w+")
    known = set(calls.findall(script_with("Example Viewer", technology, mode)))
    script = script_with(name, technology, mode)
    assert set(calls.findall(" ".join(commands_of(script)))) <= known


@settings(max_examples=60, deadline=None)
@given(name=NAMES)
def test_names_never_change_the_structure_of_a_detection_script(name: str) -> None:
    plain = cleaned(name) or "x"
    for rule, usual in (
        (EntryRule(name=plain, version=name), EntryRule(name="x", version="1.0")),
        (FileRule(folder=plain, file=plain), FileRule(folder="x", file="y")),
    ):
        for target in Target:
            assert structure_of(parsed(detection_script(rule, target))) == structure_of(
                parsed(detection_script(usual, target))
            )


def test_the_same_input_gives_the_same_bytes() -> None:
    assert {script_with("Example Viewer") for _ in range(3)} == {script_with("Example Viewer")}
    assert script_bytes("x").startswith(b"\xef\xbb\xbf"), "without the mark, Windows PowerShell reads another code page"


@pytest.mark.parametrize(
    "command, parameters",
    [
        ("Execute-MSI", {"Path": "a.msi"}),
        ("Start-ADTMsiProcess", {"Path": "a.msi", "Action": "Install"}),
        ("Start-ADTMsiProcess", {"Action": "Delete", "FilePath": "a.msi"}),
        ("Start-ADTMsiProcess", {"Action": "Install"}),
        ("Start-ADTMsiProcess", {"FilePath": "a.msi", "ProductCode": PRODUCT_CODE}),
        ("Start-ADTMsiProcess", {"FilePath": True}),
        ("Show-ADTInstallationProgress", {"NotTopMost": "yes"}),
        ("start-adtmsiprocess", {"FilePath": "a.msi"}),
        ("Invoke-Expression", {"Command": "x"}),
    ],
)
def test_what_the_toolkit_does_not_have_cannot_be_written(command: str, parameters: dict) -> None:
    with pytest.raises(UnknownCallError):
        Call(command, **parameters)


def test_values_are_written_by_their_types() -> None:
    call = Call(
        "Start-ADTProcess", FilePath="a.exe", ArgumentList="/S", SuccessExitCodes=[0, 5], PassThru=True, NoWait=False
    )
    assert str(call) == "Start-ADTProcess -FilePath 'a.exe' -ArgumentList '/S' -SuccessExitCodes 0, 5 -PassThru"
    filled = Filled("/x {0} '<file>'", Within(Folder.LOGS, "a.log"))
    assert written(filled) == "('/x {{0}} ''{0}''' -f (Join-Path -Path $adtSession.LogPath -ChildPath 'a.log'))"
    assert written(Within(Folder.PROGRAM_DATA, "a'b")) == "(Join-Path -Path $envProgramData -ChildPath 'a''b')"


@pytest.mark.parametrize(
    "kind, fields",
    [
        (blocks.InstallMsi, {"file": "..\\a.msi"}),
        (blocks.InstallMsi, {"file": "a.msi", "properties": {"lower": "1"}}),
        (blocks.InstallMsi, {"file": "a.msi", "properties": {"A": 'x" TRANSFORMS="evil'}}),
        (blocks.UninstallMsi, {"product_code": "Example"}),
        (blocks.SetRegistryValue, {"key": "C:\\Windows", "name": "a"}),
        (blocks.SetRegistryValue, {"key": "HKLM:\\SOFTWARE\\X", "name": "a", "type": "DWord", "value": 2**32}),
        (blocks.RemoveShortcut, {"place": {"folder": Folder.COMMON_DESKTOP, "path": "..\\..\\x"}}),
        (blocks.RemoveShortcut, {"place": {"folder": Folder.COMMON_DESKTOP, "path": "*.lnk"}}),
        (blocks.Process, {"name": "a*"}),
        (blocks.RunInstaller, {"file": "a.exe", "code": "Stop-Computer"}),
    ],
)
def test_a_block_takes_nothing_but_its_data(kind: type[blocks.Block], fields: dict) -> None:
    with pytest.raises(ValueError):
        kind(**fields)


def test_every_kind_of_block_can_be_rendered() -> None:
    kinds = {kind for kind in blocks.Block.__subclasses__() if "kind" in kind.model_fields}
    assert kinds == set(RENDERERS)


@pytest.mark.parametrize("name", ["con", "a/b:c*", "..", "", " . ", "aux.msi", "x" * 400 + ".msi"])
def test_names_of_files_are_usable_on_windows(name: str) -> None:
    assert blocks.InstallMsi(file=safe_file_name(name))


def test_an_empty_request_has_no_unknown_words() -> None:
    assert structure("", analysis_of()).not_understood == []
    assert Instructions().items == []
