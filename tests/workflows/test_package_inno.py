"""Set-up programs of Inno Setup: what their data say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.workflows.inno_setups import VERSIONS, Setup
from tests.workflows.test_package_exe import analyze_bytes
from workflows.package_deployment.analysis import Architecture, Depth, Scope, Technology
from workflows.package_deployment.installers.inno_layouts import LAYOUTS
from workflows.package_deployment.installers.processors import Machines, machines_of_expression

TEXTS = {
    "AppName": "Exämple {{1}", "AppVersion": "3.4.5", "AppPublisher": "Example Software", "Uninstallable": "yes",
    "AppId": "{{8A3C1E52-91D4-4A5B-B0B1-0123456789AB}", "CreateUninstallRegKey": "yes",
}  # fmt: skip
FILES = {"{app}\\app.exe": b"program" * 100, "{app}\\docs\\read me.txt": b"Read me."}


@pytest.mark.parametrize(("version", "is_unicode"), [*((version, True) for version in VERSIONS), ("5.5.7", False)])
def test_the_data_of_a_version(tmp_path: Path, version: str, is_unicode: bool) -> None:
    setup = Setup(version, is_unicode=is_unicode, texts=TEXTS, files=FILES, languages=(0x0407, 0x0409))

    found = analyze_bytes(tmp_path, setup.build())

    assert found.technology is Technology.INNO_SETUP
    assert found.technology_version == version
    assert found.product_name == "Exämple {1}"
    assert (found.version, found.manufacturer, found.language) == ("3.4.5", "Example Software", "de-DE,en-US")
    assert (found.scope, found.requires_administrator) == (Scope.MACHINE, True)
    assert [(file.path, file.size, file.version) for file in found.files] == [
        ("{app}\\app.exe", 700, "1.2.3.4"), ("{app}\\docs\\read me.txt", 8, "1.2.3.4")
    ]  # fmt: skip
    assert (found.files_total, found.installed_bytes) == (2, 708)
    if not version.startswith("5."):
        assert found.files[1].sha256 == hashlib.sha256(b"Read me.").hexdigest()
    assert "{8A3C1E52-91D4-4A5B-B0B1-0123456789AB}_is1" in found.switch("uninstall").reason  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("privileges", "overrides", "scope", "administrator"),
    [("admin", 0, Scope.MACHINE, True), ("lowest", 0, Scope.USER, False), ("poweruser", 0, Scope.MACHINE, True),
     ("none", 0, Scope.EITHER, None), ("admin", 1, Scope.EITHER, None), ("lowest", 3, Scope.EITHER, None)],
)  # fmt: skip
def test_for_whom_it_installs(
    tmp_path: Path, privileges: str, overrides: int, scope: Scope, administrator: bool | None
) -> None:
    found = analyze_bytes(tmp_path, Setup(privileges=privileges, overrides=overrides, texts=TEXTS).build())

    assert (found.scope, found.requires_administrator) == (scope, administrator)
    assert (scope is Scope.EITHER and overrides > 0) == any("/CURRENTUSER" in note for note in found.notes)


@pytest.mark.parametrize(
    ("allowed", "in_64_bits", "architecture"),
    [("", "", Architecture.X86), ("x64", "x64", Architecture.X64), ("x64compatible", "x64compatible", Architecture.X64),
     ("x86 x64", "x64", Architecture.X64), ("x86os", "", Architecture.X86), ("arm64", "arm64", Architecture.ARM64),
     ("x64os or arm64", "", Architecture.X64), ("x86compatible and not x64compatible", "", Architecture.X86),
     ("nonsense(", "x64", Architecture.X64)],
)  # fmt: skip
def test_for_which_processors(tmp_path: Path, allowed: str, in_64_bits: str, architecture: Architecture) -> None:
    texts = TEXTS | {"ArchitecturesAllowed": allowed, "ArchitecturesInstallIn64BitMode": in_64_bits}

    assert analyze_bytes(tmp_path, Setup(texts=texts).build()).architecture is architecture


def test_processors_as_a_set_in_earlier_versions(tmp_path: Path) -> None:
    both, only = Setup("5.5.7", processors=(6, 4)), Setup("5.5.7", processors=(4, 0))
    any_computer = Setup("5.5.7")

    assert analyze_bytes(tmp_path, both.build()).architecture is Architecture.X64
    assert analyze_bytes(tmp_path, only.build()).architecture is Architecture.X64
    assert analyze_bytes(tmp_path, any_computer.build()).architecture is Architecture.X86


def test_expressions_of_processors() -> None:
    assert machines_of_expression("x64os and not arm64") == Machines.X64
    assert machines_of_expression("not (x86os or x64os)") == Machines.ARM64
    assert machines_of_expression("x64compatible or x86os and arm64") == Machines.X64 | Machines.ARM64
    assert not machines_of_expression("(" * 900)
    assert not machines_of_expression("and")


def test_what_is_made_at_run_time_is_not_shown_as_it_is_written(tmp_path: Path) -> None:
    texts = TEXTS | {"AppName": "{code:GetName}", "AppVersion": "{cm:Version}"}

    found = analyze_bytes(tmp_path, Setup(texts=texts).build())

    assert found.product_name == "Of the resource"
    assert found.version != "{cm:Version}"
    assert sum("made at run time" in note for note in found.notes) == 2


def test_without_an_uninstaller_there_are_no_arguments_for_one(tmp_path: Path) -> None:
    found = analyze_bytes(tmp_path, Setup(texts=TEXTS | {"Uninstallable": "no"}).build())

    assert found.switch("uninstall") is None


def test_a_version_that_is_not_known_is_not_guessed(tmp_path: Path) -> None:
    found = analyze_bytes(tmp_path, Setup(texts=TEXTS, files=FILES, named_version="9.9.9").build())

    assert found.technology is Technology.INNO_SETUP
    assert found.product_name == "Of the resource"
    assert not found.files
    assert any("9.9.9, whose layout is not known" in note for note in found.notes)


@pytest.mark.parametrize("claimed", ["6.3.0", "6.4.3", "6.1.0"])
def test_data_that_are_not_laid_out_as_their_version_says(tmp_path: Path, claimed: str) -> None:
    found = analyze_bytes(tmp_path, Setup(texts=TEXTS, files=FILES, named_version=claimed).build())

    assert not found.files
    assert any("damaged" in note or "not laid out" in note for note in found.notes)


def test_blocks_that_are_not_compressed_are_checked_all_the_same(tmp_path: Path) -> None:
    content = Setup(texts=TEXTS, files=FILES, is_packed=False).build()
    name = "Exämple".encode("utf-16-le")
    changed = content.replace(name, "Exampel".encode("utf-16-le"))

    assert analyze_bytes(tmp_path, content).product_name == "Exämple {1}"
    found = analyze_bytes(tmp_path, changed)
    assert found.product_name == "Of the resource"
    assert any("damaged" in note for note in found.notes)


def test_a_count_that_does_not_agree_with_the_locations(tmp_path: Path) -> None:
    found = analyze_bytes(tmp_path, Setup(texts=TEXTS, files=FILES, lost_locations=1).build())

    assert not found.files
    assert any("not laid out" in note for note in found.notes)


def test_damaged_data(tmp_path: Path) -> None:
    content = Setup(texts=TEXTS, files=FILES).build()
    start = content.index(b"Inno Setup Setup Data")
    changed = bytearray(content)
    changed[start + 90] ^= 1

    for damaged in (bytes(changed), content[: start + 70], content[: start + 120]):
        found = analyze_bytes(tmp_path, damaged)
        assert found.technology is Technology.INNO_SETUP
        assert any("damaged" in note for note in found.notes)


def test_no_files_with_depth_quick(tmp_path: Path) -> None:
    found = analyze_bytes(tmp_path, Setup(texts=TEXTS, files=FILES).build(), Depth.QUICK)

    assert (found.version, found.files) == ("3.4.5", [])


def test_each_layout_holds_what_is_read_of_it() -> None:
    for layout in LAYOUTS.values():
        assert layout.privileges < layout.header.size
        assert layout.original_size + 8 <= layout.location.size
        assert layout.digest + (32 if layout.has_sha256 else 20) <= layout.location.size
        assert layout.version_flags < layout.location.size
        assert layout.location_index + 4 <= layout.file.size
