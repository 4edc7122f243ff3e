"""The analysis of MSIs that `wixl` builds, with `msiinfo` as an independent reader."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.workflows.wixl_packages import UPGRADE_CODE, build, exported, source, summary_of
from workflows.package_deployment.analysis import Architecture, Confidence, Depth, PackageAnalysis, Scope, Technology
from workflows.package_deployment.installers.analyzing import analyze
from workflows.package_deployment.installers.msi_database import Database

COMPONENTS = """
<Component Id="Main" Guid="{AAAAAAAA-0000-0000-0000-000000000001}"><File Id="app" Source="app.exe" KeyPath="yes"/>
  <ServiceInstall Id="si" Name="ExampleAgent" DisplayName="Example Agent" Type="ownProcess" Start="auto"
    ErrorControl="normal" Account="LocalSystem" Arguments="--serve"/>
  <ServiceControl Id="sc" Name="ExampleAgent" Start="install" Stop="both" Remove="uninstall" Wait="yes"/>
</Component>
<Directory Id="DATA" Name="Größe"><Component Id="Data" Guid="{AAAAAAAA-0000-0000-0000-000000000002}">
  <File Id="data" Source="data/x.txt" Name="Übersicht und mehr.txt" KeyPath="yes"/></Component></Directory>
"""
PARTS = """
<Property Id="SERVERNAME" Value="localhost"/>
<Property Id="private" Value="x"/>
<Property Id="REBOOT" Value="Force"/>
<Condition Message="[ProductName] needs Windows 10.">Installed OR (VersionNT &gt;= 603)</Condition>
<Binary Id="tool" SourceFile="app.exe"/>
<CustomAction Id="RunElevated" BinaryKey="tool" DllEntry="Configure" Execute="deferred" Impersonate="no"/>
<CustomAction Id="RunAsUser" BinaryKey="tool" JScriptCall="show" Execute="deferred" Impersonate="yes"/>
<CustomAction Id="SetIt" Property="SERVERNAME" Value="[ComputerName]"/>
<CustomAction Id="RunAtEnd" FileKey="app" ExeCommand="--once" Execute="commit" Impersonate="no" Return="ignore"/>
<InstallExecuteSequence>
  <Custom Action="SetIt" After="CostFinalize">NOT SERVERNAME</Custom>
  <Custom Action="RunElevated" Before="InstallFinalize">NOT Installed</Custom>
  <Custom Action="RunAsUser" Before="InstallFinalize">NOT REMOVE</Custom>
  <Custom Action="RunAtEnd" Before="InstallFinalize"></Custom>
</InstallExecuteSequence>
<MajorUpgrade DowngradeErrorMessage="A newer version is installed."/>
"""
DATA = b"some data " * 5_000


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MSI with a bit of everything."""
    text = source(name="Example Größe", components=COMPONENTS, parts=PARTS, folder="ProgramFiles64Folder",
                  feature='<ComponentRef Id="Main"/><Feature Id="Sub" Title="Data files" Level="3">'
                  '<ComponentRef Id="Data"/></Feature>')  # fmt: skip
    return build(tmp_path_factory.mktemp("package"), text, "-a", "x64", files={"data/x.txt": DATA})


@pytest.fixture(scope="module")
def found(package: Path) -> PackageAnalysis:
    return analyze(package, Depth.DEEP)


def test_identity(found: PackageAnalysis, package: Path):
    properties = dict(exported(package, "Property"))
    assert (found.technology, found.confidence) == (Technology.MSI, Confidence.CERTAIN)
    assert found.product_name == "Example Größe" == properties["ProductName"]
    assert found.product_code == properties["ProductCode"].upper()
    assert found.upgrade_code == UPGRADE_CODE
    assert (found.version, found.manufacturer, found.language) == ("1.2.3", "Example Software", "en-US")
    assert found.architecture is Architecture.X64
    summary = summary_of(package)
    assert found.msi and f"(UUID): {found.msi.package_code}" in summary.upper().replace("REVISION NUMBER ", "")
    assert f"Template: {found.msi.template}" in summary and found.msi.schema_version == 200


def test_each_table_is_as_an_independent_reader_sees_it(package: Path):
    with Database(package) as database:
        assert len(database.tables) > 15
        for table in sorted(database.tables - {"Binary"}):
            own = [[_as_exported(value) for value in row.values()] for row in database.rows(table)]
            assert sorted(own) == sorted(exported(package, table)), table


def _as_exported(value: object) -> str:
    return "" if value is None else str(value)


def test_files_have_their_paths_sizes_and_digests(found: PackageAnalysis):
    files = {file.path: file for file in found.files}
    main = files["ProgramFiles64Folder\\Example Program\\app.exe"]
    data = files["ProgramFiles64Folder\\Example Program\\Größe\\Übersicht und mehr.txt"]
    assert (main.size, main.component, main.sha256) == (10, "Main", hashlib.sha256(b"MZ example").hexdigest())
    assert (data.size, data.component, data.sha256) == (len(DATA), "Data", hashlib.sha256(DATA).hexdigest())
    assert (found.files_total, found.installed_bytes) == (2, len(DATA) + 10)


def test_custom_actions_are_in_words(found: PackageAnalysis):
    assert found.msi
    actions = {action.name: action for action in found.msi.custom_actions}
    elevated, as_user, sets = actions["RunElevated"], actions["RunAsUser"], actions["SetIt"]
    assert (elevated.kind, elevated.is_elevated, elevated.when) == ("DLL from the Binary table", True, "deferred")
    assert (elevated.source, elevated.target, elevated.condition) == ("tool", "Configure", "NOT Installed")
    assert (as_user.is_elevated, as_user.condition) == (False, "NOT REMOVE")
    assert (sets.kind, sets.when, sets.is_elevated) == ("sets a property", "immediate", False)
    assert (as_user.kind, actions["RunAtEnd"].kind) == ("JScript from the Binary table", "program that is installed")
    assert (actions["RunAtEnd"].when, actions["RunAtEnd"].is_elevated) == ("immediate", False)
    assert "Review the custom actions: 1 of 4 run with the rights of the system." in found.recommendations


def test_services_features_conditions_and_restarts(found: PackageAnalysis):
    assert found.msi
    [service] = found.msi.services
    assert (service.name, service.display_name, service.start) == ("ExampleAgent", "Example Agent", "automatic")
    assert (service.account, service.arguments) == ("LocalSystem", "--serve")
    assert "deletes it on removal" in service.control and "starts it on installation" in service.control
    assert [(feature.name, feature.title, feature.parent, feature.level) for feature in found.msi.features] == [
        ("Complete", "Everything", "", 1), ("Sub", "Data files", "Complete", 3),
    ]  # fmt: skip
    messages = {condition.condition: condition.message for condition in found.msi.conditions}
    assert messages["Installed OR (VersionNT >= 603)"] == "Example Größe needs Windows 10."
    assert found.msi.restarts == "It always asks for a restart at the end (REBOOT is Force)."
    assert any(words.startswith("Plan for a restart") for words in found.recommendations)
    assert {upgrade.upgrade_code for upgrade in found.msi.upgrades} == {UPGRADE_CODE}


def test_switches_and_what_a_packager_can_set(found: PackageAnalysis):
    assert found.msi
    arguments = {switch.purpose: switch.arguments for switch in found.switches}
    assert arguments["install"] == '/i "a.msi" /qn'
    assert arguments["uninstall"] == f"/x {found.product_code} /qn"
    assert arguments["repair"] == f"/f {found.product_code} /qn"
    assert arguments["no_restart"] == "/norestart" and arguments["log"] == '/l*v "<log>"'
    assert arguments["folder"] == 'INSTALLDIR="<folder>"'
    options = {option.name: (option.kind, option.value) for option in found.msi.public_properties}
    assert options["INSTALLDIR"] == ("folder", "ProgramFiles64Folder\\Example Program")
    assert options["SERVERNAME"] == ("option", "localhost")
    assert not {"private", "REBOOT", "ProductName", "WIX_DOWNGRADE_DETECTED", "TARGETDIR"} & set(options)


def test_a_quick_analysis_has_the_identity_and_the_switches_only(package: Path, found: PackageAnalysis):
    quick = analyze(package, Depth.QUICK)
    assert (quick.product_code, quick.version, quick.scope) == (found.product_code, found.version, found.scope)
    assert quick.switches == found.switches
    assert quick.files == [] and quick.msi and quick.msi.custom_actions == []


def test_a_standard_analysis_has_no_digests_of_files(package: Path):
    standard = analyze(package)
    assert len(standard.files) == 2 and not any(file.sha256 for file in standard.files)


SET_MACHINE = """<CustomAction Id="All" Property="ALLUSERS" Value="1"/>
<InstallExecuteSequence><Custom Action="All" After="CostFinalize">{condition}</Custom></InstallExecuteSequence>"""


@pytest.mark.parametrize(
    ("package", "parts", "scope", "administrator"),
    [
        ('InstallScope="perMachine"', "", Scope.MACHINE, True),
        ('InstallScope="perUser"', "", Scope.USER, False),
        ('InstallPrivileges="elevated"', "", Scope.USER, True),
        ("", '<Property Id="ALLUSERS" Value="1"/>', Scope.MACHINE, True),
        ("", '<Property Id="ALLUSERS" Value="2"/>', Scope.EITHER, None),
        ("", '<Property Id="ALLUSERS" Value="2"/><Property Id="MSIINSTALLPERUSER" Value="1"/>', Scope.EITHER, None),
        ("", '<Property Id="MSIINSTALLPERUSER" Value="1"/>', Scope.USER, True),
        ("", SET_MACHINE.format(condition=""), Scope.MACHINE, True),
        ("", SET_MACHINE.format(condition="Privileged"), Scope.EITHER, None),
    ],
)
def test_scope(tmp_path: Path, package: str, parts: str, scope: Scope, administrator: bool | None):
    found = analyze(build(tmp_path, source(package=package, parts=parts)), Depth.QUICK)
    assert (found.scope, found.requires_administrator) == (scope, administrator), found.msi
    all_users = found.switch("all_users")
    assert (all_users is None) == (scope is Scope.MACHINE)


@pytest.mark.parametrize(("option", "architecture"), [("x86", Architecture.X86), ("x64", Architecture.X64)])
def test_architecture(tmp_path: Path, option: str, architecture: Architecture):
    assert analyze(build(tmp_path, source(), "-a", option), Depth.QUICK).architecture is architecture


@pytest.mark.parametrize(
    ("number", "tag"),
    [("1031", "de-DE"), ("1041", "ja-JP"), ("1049", "ru-RU"), ("2052", "zh-CN"), ("0", ""), ("9", "en")],
)
def test_language(tmp_path: Path, number: str, tag: str):
    assert analyze(build(tmp_path, source(language=number)), Depth.QUICK).language == tag


def test_a_cabinet_beside_the_msi_is_said(tmp_path: Path):
    media = '<Media Id="1" Cabinet="one.cab" EmbedCab="no"/>'
    found = analyze(build(tmp_path, source(media=media)), Depth.DEEP)
    assert found.msi and found.msi.external_files == ["one.cab"]
    assert "Deliver the files beside the MSI that it needs: one.cab." in found.recommendations
    assert [file.sha256 for file in found.files] == [""]
