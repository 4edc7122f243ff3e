"""EXE installers: what they were built with, what they say about themselves, and how they install silently."""

from __future__ import annotations

import io
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.signing import tool
from tests.workflows import registry_packages
from tests.workflows.nsis_installers import build_nsis
from tests.workflows.windows_programs import ARM64, X64, X86, Program, manifest, version_resource
from workflows.package_deployment.analysis import Architecture, Confidence, Depth, PackageAnalysis, Scope, Technology
from workflows.package_deployment.installers.exe import describe_exe
from workflows.package_deployment.installers.problems import InstallerError

RCDATA = 10
MSI_HEADER = (
    bytes.fromhex("d0cf11e0a1b11ae1").ljust(30, b"\0") + struct.pack("<H", 9).ljust(18, b"\0") + struct.pack("<I", 0)
).ljust(512 + 80, b"\0") + bytes.fromhex("84100c0000000000c000000000000046").ljust(2_000, b"\0")
"""The start of a compound file whose root storage has the class of an MSI."""


def analyze(path: Path, depth: Depth = Depth.STANDARD) -> PackageAnalysis:
    analysis = PackageAnalysis(
        file_name=path.name, size_bytes=path.stat().st_size, sha256="", technology=Technology.UNKNOWN
    )
    describe_exe(path, depth, analysis)
    return analysis


def analyze_bytes(folder: Path, content: bytes, depth: Depth = Depth.STANDARD) -> PackageAnalysis:
    path = folder / "setup.exe"
    path.write_bytes(content)
    return analyze(path, depth)


@pytest.mark.parametrize("compressor", ["zlib", "bzip2", "lzma"])
@pytest.mark.parametrize("solid", ["", "/SOLID"])
@pytest.mark.parametrize("unicode", ["true", "false"])
def test_nsis_of_every_kind(tmp_path: Path, compressor: str, solid: str, unicode: str) -> None:
    found = analyze(build_nsis(tmp_path, compressor=compressor, solid=solid, unicode=unicode))

    assert found.technology is Technology.NSIS
    assert found.confidence is Confidence.CERTAIN
    assert "0xDEADBEEF NullsoftInst" in found.evidence[0]
    assert found.technology_version.startswith("3.")
    assert (found.product_name, found.version, found.manufacturer) == ("Example Editor", "3.4.5", "Example Software")
    assert found.language == "en-US"
    install = found.switch("install")
    assert install and install.arguments == "/S"
    assert install.confidence is Confidence.LIKELY


@pytest.mark.parametrize(
    ("level", "scope", "administrator"),
    [("admin", Scope.MACHINE, True), ("user", Scope.USER, False), ("highest", Scope.EITHER, None)],
)
def test_rights_that_an_nsis_installer_asks_for(
    tmp_path: Path, level: str, scope: Scope, administrator: bool | None
) -> None:
    found = analyze(build_nsis(tmp_path, level=level))

    assert found.scope is scope
    assert found.requires_administrator is administrator


def test_the_processor_of_a_small_installer_says_nothing_about_the_package(tmp_path: Path) -> None:
    found = analyze(build_nsis(tmp_path, install_folder="$LOCALAPPDATA\\Example"))

    assert found.architecture is Architecture.UNKNOWN
    assert any("x86" in note for note in found.notes)


def test_a_signature_at_the_end_hides_nothing(tmp_path: Path) -> None:
    plain = build_nsis(tmp_path)
    key, certificate, signed = tmp_path / "key.pem", tmp_path / "certificate.pem", tmp_path / "signed.exe"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=Example Software"], check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    subprocess.run(
        [tool("osslsigncode"), "sign", "-certs", certificate, "-key", key, "-h", "sha256",
         "-in", plain, "-out", signed], check=True, capture_output=True, timeout=60,
    )  # fmt: skip

    assert analyze(signed).technology is Technology.NSIS


def test_programs_that_build_or_read_installers_are_not_installers() -> None:
    inno = registry_packages.package("innosetup-compiler@6.3.1") / "bin"
    squirrel = registry_packages.package("electron-winstaller@5.4.4") / "vendor"
    archiver = registry_packages.package("7zip-bin@5.2.0") / "win"
    programs = [
        *inno.glob("*.exe"), *inno.glob("*.dll"), *inno.glob("*.e32"), *archiver.glob("*/*.exe"),
        *(path for path in squirrel.glob("*.exe") if path.name != "Setup.exe"), *squirrel.glob("*.dll"),
    ]  # fmt: skip

    found = {path.name: analyze(path) for path in programs}

    assert len(found) >= 35
    assert {name for name, analysis in found.items() if analysis.technology is not Technology.UNKNOWN} == set()
    assert all("No marker of an installer" in " ".join(analysis.notes) for analysis in found.values())
    assert found["rcedit.exe"].product_name == "rcedit"
    assert found["7za.exe"].manufacturer == "Igor Pavlov"
    assert "library" in " ".join(found["ISCmplr.dll"].notes)


def test_squirrel_from_its_registry_package() -> None:
    found = analyze(registry_packages.package("electron-winstaller@5.4.4") / "vendor/Setup.exe")

    assert found.technology is Technology.SQUIRREL
    assert "DATA 131" in found.evidence[0]
    assert found.scope is Scope.USER
    assert found.switch("install") is not None


@pytest.mark.parametrize(("name", "expected"), [("RELEASES", Technology.SQUIRREL), ("notes.txt", Technology.UNKNOWN)])
def test_an_old_squirrel_has_no_flags_but_releases(tmp_path: Path, name: str, expected: Technology) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("Update.exe", bytes(100_000))
        opened.writestr(name, "0" * 40 + " example-1.2.3-full.nupkg 1000")
    content = Program(resources={("DATA", 131): archive.getvalue()}).build()

    assert analyze_bytes(tmp_path, content).technology is expected


@pytest.mark.parametrize(
    "word", [b"Nullsoft Install System", b"\xef\xbe\xad\xdeNullsoftInst", b"Inno Setup Setup Data (6.3.0)",
             b"rDlPtS", b".wixburn", b"InstallShield\0", b"ISSetupStream\0", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\0",
             b"ADVINSTSFX", b";!@Install@!UTF-8!", bytes.fromhex("d0cf11e0a1b11ae1"), b"MSCF\0\0\0\0"],
)  # fmt: skip
def test_a_word_in_the_wrong_place_is_no_marker(tmp_path: Path, word: bytes) -> None:
    content = Program(sections=[(b".data", b"\0" * 100 + word + b"\0" * 100)], overlay=b"x" * 2_000 + word).build()

    assert analyze_bytes(tmp_path, content).technology is Technology.UNKNOWN


def test_a_whole_header_in_the_wrong_place_is_no_marker(tmp_path: Path) -> None:
    nsis = struct.pack("<I", 0) + b"\xef\xbe\xad\xdeNullsoftInst" + struct.pack("<II", 500, 2_000)
    archive = b"7z\xbc\xaf\x27\x1c\0\4".ljust(64, b"\0")
    programs = [
        Program(sections=[(b".data", nsis.ljust(4_096, b"\0"))]),
        Program(overlay=b"x" * 100 + nsis.ljust(4_096, b"\0")),
        Program(overlay=b"x" * 600 + archive), Program(overlay=b"x" * 600 + b"PK\3\4".ljust(64, b"\0")),
        Program(resources={(RCDATA, 5): nsis + archive}), Program(resources={(RCDATA, "CABINET"): b"MSCF\0\0\0\0"}),
        Program(resources={("DATA", 131): b"PK\3\4".ljust(64, b"\0")}), Program(sections=[(b".wixburn", b"x" * 80)]),
        Program(resources={(RCDATA, 11111): b"Inno Setup Setup Data (6.3.0)"}),
    ]  # fmt: skip

    found = [analyze_bytes(tmp_path, program.build()).technology for program in programs]

    assert found == [Technology.UNKNOWN] * len(programs)


@pytest.mark.parametrize(
    ("machine", "architecture"), [(X86, Architecture.X86), (X64, Architecture.X64), (ARM64, Architecture.ARM64)]
)
def test_the_processor_of_a_program(tmp_path: Path, machine: int, architecture: Architecture) -> None:
    assert analyze_bytes(tmp_path, Program(machine=machine).build()).architecture is architecture


def test_the_version_resource_and_the_manifest(tmp_path: Path) -> None:
    strings = {"ProductName": "  Exämple  ", "CompanyName": "Example Software", "ProductVersion": "2.0 beta",
               "Evil": "one\ntwo\u202ethree", "Long": "x" * 5_000}  # fmt: skip
    resources = {(16, 1): version_resource(strings), (24, 1): manifest("requireAdministrator")}

    found = analyze_bytes(tmp_path, Program(resources=resources).build())

    assert (found.product_name, found.version, found.manufacturer) == ("Exämple", "2.0 beta", "Example Software")
    assert found.language == "en-US"
    assert found.requires_administrator is True
    assert found.version_resource["Evil"] == "one two\N{REPLACEMENT CHARACTER}three"
    assert len(found.version_resource["Long"]) == 1_000


def test_the_numbers_of_the_version_resource_where_it_has_no_texts(tmp_path: Path) -> None:
    found = analyze_bytes(tmp_path, Program(resources={(16, 1): version_resource({}, (7, 1, 0, 2))}).build())

    assert found.version == "7.1.0.2"


@pytest.mark.parametrize(
    ("strings", "version"),
    [({"ProductVersion": "0.0.0.0", "FileVersion": "2.1"}, "2.1"), ({"ProductVersion": "0.0"}, "7.1.0.2"),
     ({"ProductVersion": "0.1"}, "0.1")],
)  # fmt: skip
def test_a_version_that_nobody_filled_in_is_none(tmp_path: Path, strings: dict[str, str], version: str) -> None:
    found = analyze_bytes(tmp_path, Program(resources={(16, 1): version_resource(strings, (7, 1, 0, 2))}).build())

    assert found.version == version


def test_a_bundle_of_wix(tmp_path: Path) -> None:
    guid = bytes(range(16))
    section = struct.pack("<II16sIIIIII", 0x00F14300, 2, guid, 0x1000, 0, 0, 0, 1, 1) + struct.pack("<I", 10)

    found = analyze_bytes(tmp_path, Program(sections=[(b".wixburn", section)], overlay=b"MSCF" * 3).build())

    assert found.technology is Technology.WIX_BURN
    assert found.switch("install").arguments == "/quiet /norestart"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("description", "kind", "confidence"),
    [("Setup Launcher Unicode", "Basic MSI", Confidence.LIKELY),
     ("InstallScript Setup Launcher Unicode", "InstallScript", Confidence.GUESS)],
)  # fmt: skip
@pytest.mark.parametrize("header", [b"InstallShield\0", b"ISSetupStream\0"])
def test_installshield(tmp_path: Path, description: str, kind: str, confidence: Confidence, header: bytes) -> None:
    version = version_resource({"ISInternalDescription": description, "ISInternalVersion": "27.0.58"})
    overlay = header + struct.pack("<HI", 3, 4).ljust(32, b"\0") + b"files"

    found = analyze_bytes(tmp_path, Program(resources={(16, 1): version}, overlay=overlay).build())

    assert found.technology is Technology.INSTALLSHIELD
    assert found.technology_version == "27.0.58"
    assert f"Kind: {kind}" in found.evidence
    assert found.switch("install").confidence is confidence  # type: ignore[union-attr]


def test_an_msi_in_a_resource_and_after_the_program(tmp_path: Path) -> None:
    in_resource = Program(resources={("MSI", 100): MSI_HEADER}).build()
    after = Program(overlay=b"config".ljust(512) + MSI_HEADER).build()
    document = MSI_HEADER.replace(bytes.fromhex("84100c00"), bytes.fromhex("06090200"))

    assert analyze_bytes(tmp_path, in_resource).technology is Technology.MSI_WRAPPER
    assert analyze_bytes(tmp_path, after).technology is Technology.MSI_WRAPPER
    assert analyze_bytes(tmp_path, Program(overlay=document).build()).technology is Technology.UNKNOWN


def test_advanced_installer(tmp_path: Path) -> None:
    start = len(Program().build())
    table = start + 100
    footer = struct.pack("<IIIIII", 0, start + 200, 2, 1, start, table).ljust(64, b"\0") + b"ADVINSTSFX\0\0"

    found = analyze_bytes(tmp_path, Program(overlay=b"f" * 200 + footer).build())

    assert found.technology is Technology.MSI_WRAPPER
    assert found.switch("install").arguments.startswith("/exenoui /qn")  # type: ignore[union-attr]


SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c\0\4".ljust(64, b"\0")
CONFIG = b';!@Install@!UTF-8!\r\nRunProgram="setup.exe"\r\n;!@InstallEnd@!'


@pytest.mark.parametrize(
    ("overlay", "kind"),
    [(SEVEN_ZIP, "7-Zip"), (CONFIG + SEVEN_ZIP, "7-Zip"), (b"\xef\xbb\xbf" + CONFIG + b"\r\n" + SEVEN_ZIP, "7-Zip"),
     (b"Rar!\x1a\x07\0".ljust(64, b"\0"), "WinRAR"), (b"Rar!\x1a\x07\1\0".ljust(64, b"\0"), "WinRAR"),
     (b"MSCF\0\0\0\0".ljust(64, b"\0"), "cabinet")],
)  # fmt: skip
def test_self_extracting_archives(tmp_path: Path, overlay: bytes, kind: str) -> None:
    found = analyze_bytes(tmp_path, Program(overlay=overlay).build())

    assert found.technology is Technology.SELF_EXTRACTING_ARCHIVE
    assert f"Kind: {kind}" in found.evidence


def test_iexpress(tmp_path: Path) -> None:
    resources = {(RCDATA, "CABINET"): b"MSCF\0\0\0\0".ljust(64, b"\0"), (RCDATA, "RUNPROGRAM"): b"setup.exe\0"}

    found = analyze_bytes(tmp_path, Program(resources=resources).build())

    assert found.technology is Technology.SELF_EXTRACTING_ARCHIVE
    assert found.switch("install").arguments == "/Q /R:N"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "content", [b"MZ", b"MZ".ljust(64, b"\0"), b"PE\0\0", b"MZ".ljust(60, b"\0") + b"\x40\0\0\0PE\0\0"]
)
def test_what_is_no_program(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "setup.exe"
    path.write_bytes(content)

    with pytest.raises(InstallerError):
        analyze(path)


def test_a_program_that_is_cut_off(tmp_path: Path) -> None:
    whole = build_nsis(tmp_path).read_bytes()

    found = analyze_bytes(tmp_path, whole[:-1_000])

    assert found.technology is Technology.NSIS
    assert any("cut off" in note for note in found.notes)


def test_the_uninstaller_of_an_installer_is_named_so(tmp_path: Path) -> None:
    content = build_nsis(tmp_path).read_bytes()
    header = content.index(b"\xef\xbe\xad\xdeNullsoftInst") - 4
    flags = struct.unpack_from("<I", content, header)[0] | 1

    found = analyze_bytes(tmp_path, content[:header] + struct.pack("<I", flags) + content[header + 4 :])

    assert any("uninstaller" in note for note in found.notes)
