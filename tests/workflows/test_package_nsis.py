"""NSIS installers: what their script says."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from tests.workflows.nsis_installers import ENTRY, MANUAL, README, UNINSTALLER, build_nsis
from tests.workflows.test_package_exe import analyze, analyze_bytes
from tests.workflows.wixl_packages import build, source
from workflows.package_deployment.analysis import Architecture, Confidence, Depth, Scope, Technology

WRAPPER = """
Name "Wrapper"
OutFile "setup.exe"
RequestExecutionLevel {level}
SetCompressor {solid} {compressor}
Section
InitPluginsDir
SetOutPath $PLUGINSDIR
File a.msi
{lines}
SectionEnd
"""


@pytest.mark.parametrize("compressor", ["zlib", "bzip2", "lzma"])
@pytest.mark.parametrize("solid", ["", "/SOLID"])
@pytest.mark.parametrize(
    ("unicode", "target"),
    [("true", ""), ("false", ""), ("true", "Target amd64-unicode")],
    ids=["unicode", "ansi", "x64"],
)
def test_files_and_the_entry_of_every_kind(
    tmp_path: Path, compressor: str, solid: str, unicode: str, target: str
) -> None:
    built = build_nsis(tmp_path, compressor=compressor, solid=solid, unicode=unicode, target=target, lines=ENTRY)

    found = analyze(built, Depth.DEEP)

    assert [file.path for file in found.files] == ["$INSTDIR\\readme.txt", "$INSTDIR\\docs\\manual.txt"]
    if compressor == "bzip2":
        assert any("bzip2 are not unpacked" in note for note in found.notes)
    else:
        assert [(file.size, file.sha256) for file in found.files] == [
            (len(content), hashlib.sha256(content).hexdigest()) for content in (README, MANUAL)
        ]
        assert found.installed_bytes == len(README) + len(MANUAL)
    assert found.version == "3.4.7"
    uninstall = found.switch("uninstall")
    assert uninstall and uninstall.arguments == "/allusers /S"
    assert "“ExampleEditor” (Example Editor 3)" in uninstall.reason
    assert found.architecture is (Architecture.X64 if target else Architecture.X86)
    assert any(compressor in words.lower() for words in found.evidence)


def test_sizes_without_digests_with_depth_standard_and_nothing_with_quick(tmp_path: Path) -> None:
    built = build_nsis(tmp_path, compressor="lzma")

    standard, quick = analyze(built), analyze(built, Depth.QUICK)

    assert [(file.size, file.sha256) for file in standard.files] == [(len(README), ""), (len(MANUAL), "")]
    assert quick.files == []


@pytest.mark.parametrize(
    ("folder", "lines", "architecture"),
    [("$PROGRAMFILES\\Example", UNINSTALLER, Architecture.X86),
     ("$PROGRAMFILES64\\Example", UNINSTALLER, Architecture.X64),
     ("$PROGRAMFILES\\Example", "SetRegView 64", Architecture.X64),
     ("$LOCALAPPDATA\\Example", UNINSTALLER, Architecture.UNKNOWN),
     ("$PROGRAMFILES\\Example", "StrCpy $INSTDIR $PROGRAMFILES64\\Example", Architecture.X64),
     ("$LOCALAPPDATA\\Example", "File /oname=$PLUGINSDIR\\app-64.7z readme.txt", Architecture.X64),
     ("$PROGRAMFILES64\\Example", "File /oname=$PLUGINSDIR\\app-arm64.7z readme.txt", Architecture.ARM64)],
)  # fmt: skip
def test_for_which_processors(tmp_path: Path, folder: str, lines: str, architecture: Architecture) -> None:
    assert analyze(build_nsis(tmp_path, install_folder=folder, lines=lines)).architecture is architecture


def test_a_script_that_writes_no_uninstaller(tmp_path: Path) -> None:
    found = analyze(build_nsis(tmp_path, lines=""))

    assert found.switch("uninstall") is None
    assert any("no uninstaller" in note for note in found.notes)


@pytest.mark.parametrize(("compressor", "solid"), [("zlib", ""), ("lzma", "/SOLID")])
def test_a_script_that_only_runs_an_msi_is_a_wrapper(tmp_path: Path, compressor: str, solid: str) -> None:
    build(tmp_path, source(name="Inner Product", version="2.3.4"))
    run = "ExecWait 'msiexec /i \"$PLUGINSDIR\\a.msi\" {}'"

    quiet = analyze(build_nsis(tmp_path, WRAPPER, compressor=compressor, solid=solid, lines=run.format("/qn")))
    asks = analyze(build_nsis(tmp_path, WRAPPER, compressor=compressor, solid=solid, lines=run.format("/passive /l x")))
    loud = analyze(build_nsis(tmp_path, WRAPPER, compressor=compressor, solid=solid, lines=run.format("")))

    assert quiet.technology is Technology.MSI_WRAPPER
    assert (quiet.product_name, quiet.version, quiet.scope) == ("Inner Product", "2.3.4", Scope.MACHINE)
    assert quiet.product_code.startswith("{") and quiet.upgrade_code == "{11111111-2222-3333-4444-555555555555}"
    assert quiet.bundle and [package.product_code for package in quiet.bundle.packages] == [quiet.product_code]
    assert [found.switch("install").confidence for found in (quiet, asks, loud)] == [  # type: ignore[union-attr]
        Confidence.LIKELY, Confidence.LIKELY, Confidence.GUESS
    ]  # fmt: skip


def test_a_script_with_an_msi_and_other_files_stays_nsis(tmp_path: Path) -> None:
    build(tmp_path, source(name="Inner Product"))
    lines = UNINSTALLER + "File a.msi\nExecWait 'msiexec /i \"$INSTDIR\\a.msi\" /qn'"

    found = analyze(build_nsis(tmp_path, lines=lines))

    assert found.technology is Technology.NSIS
    assert found.product_name == "Example Editor"
    assert found.bundle and found.bundle.packages[0].name == "Inner Product"


def test_a_file_that_is_written_twice_is_listed_once(tmp_path: Path) -> None:
    found = analyze(build_nsis(tmp_path, lines="File readme.txt\nFile readme.txt\nFile /oname=other.txt readme.txt"))

    names = [file.path.rpartition("\\")[2] for file in found.files]
    assert names == ["readme.txt", "manual.txt", "readme.txt", "other.txt"]
    assert found.files_total == 4


def test_a_script_that_runs_an_msi_and_something_else_is_no_wrapper(tmp_path: Path) -> None:
    build(tmp_path, source(name="Inner Product"))
    lines = "File readme.txt\nExecWait 'msiexec /i \"$PLUGINSDIR\\a.msi\" /qn'"

    found = analyze(build_nsis(tmp_path, WRAPPER, lines=lines))

    assert found.technology is Technology.NSIS


def test_hostile_texts_are_cleaned(tmp_path: Path) -> None:
    lines = 'File "/oname=$INSTDIR\\a\u202eb$\\r$\\nc.txt" readme.txt'

    path = analyze(build_nsis(tmp_path, lines=lines)).files[-1].path

    assert path.isprintable() and "\u202e" not in path


@pytest.mark.parametrize("solid", ["", "/SOLID"])
@pytest.mark.parametrize("compressor", ["zlib", "bzip2", "lzma"])
def test_damaged_data(tmp_path: Path, compressor: str, solid: str) -> None:
    content = build_nsis(tmp_path, compressor=compressor, solid=solid, lines=ENTRY).read_bytes()
    start = content.index(b"NullsoftInst") + 20
    changed = bytearray(content)
    changed[start + 12 : start + 40] = bytes(range(28))

    for damaged in (bytes(changed), content[: start + 30], content[: start + 4], content[:start]):
        found = analyze_bytes(tmp_path, damaged, Depth.DEEP)
        assert found.technology in (Technology.NSIS, Technology.UNKNOWN)
        assert found.notes


def test_a_header_that_claims_to_be_huge_is_not_unpacked(tmp_path: Path) -> None:
    content = bytearray(build_nsis(tmp_path).read_bytes())
    size_at = content.index(b"NullsoftInst") + 12
    content[size_at : size_at + 4] = struct.pack("<I", 1 << 30)

    found = analyze_bytes(tmp_path, bytes(content))

    assert any("larger than is unpacked" in note for note in found.notes)
