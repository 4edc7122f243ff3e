"""What self-extracting archives, Squirrel's programs, wrappers of an MSI, and InstallShield's launchers contain."""

from __future__ import annotations

import hashlib
import io
import random
import stat
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.workflows import registry_packages
from tests.workflows.cabinet_writer import LZX, MSZIP, STORED, cabinet
from tests.workflows.nsis_installers import build_nsis
from tests.workflows.rar_writer import new_rar, old_rar
from tests.workflows.test_package_exe import analyze, analyze_bytes
from tests.workflows.windows_programs import X64, X86, Program, manifest, version_resource
from tests.workflows.wixl_packages import build, source
from workflows.package_deployment.analysis import Architecture, Confidence, Depth, PackageAnalysis, Scope, Technology

RCDATA = 10
FILES = {"setup.exe": b"MZ program " * 900, "data/read me.txt": b"Read me.", "empty.txt": b""}
SHOWN = ["setup.exe", "data\\read me.txt", "empty.txt"]


@pytest.fixture(scope="module")
def msi(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("msi")
    return build(folder, source(name="Inner Product", version="2.3.4"), "-a", "x64").read_bytes()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def seven_zipped(folder: Path, files: Mapping[str, bytes], *options: str) -> bytes:
    """Return an archive that 7-Zip itself has written."""
    program = registry_packages.package("7zip-bin@5.2.0") / "linux/x64/7za"
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    place = folder / "packed"
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    archive = folder / "a.7z"
    archive.unlink(missing_ok=True)
    subprocess.run(
        [program, "a", "-bd", *options, archive, "."], cwd=place, check=True, capture_output=True, timeout=60
    )
    return archive.read_bytes()


def listed(found: PackageAnalysis) -> dict[str, tuple[int | None, str]]:
    return {file.path: (file.size, file.sha256) for file in found.files}


def expected(files: Mapping[str, bytes]) -> dict[str, tuple[int | None, str]]:
    return {
        name.replace("/", "\\"): (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
    }  # fmt: skip


def is_wrapper(found: PackageAnalysis) -> bool:
    return (
        found.technology is Technology.MSI_WRAPPER
        and (found.product_name, found.version, found.manufacturer) == ("Inner Product", "2.3.4", "Example Software")
        and found.architecture is Architecture.X64
        and found.scope is Scope.MACHINE
        and found.upgrade_code == "{11111111-2222-3333-4444-555555555555}"
        and found.bundle is not None
        and [package.product_code for package in found.bundle.packages] == [found.product_code]
    )


@pytest.mark.parametrize(
    "options", [(), ("-m0=lzma",), ("-m0=lzma2", "-mf=BCJ"), ("-m0=copy", "-mhc=off"), ("-m0=deflate", "-ms=off"),
                ("-m0=bzip2",)],
)  # fmt: skip
def test_an_archive_of_seven_zip(tmp_path: Path, options: tuple[str, ...]) -> None:
    config = b';!@Install@!UTF-8!\nTitle="Example"\nRunProgram="setup.exe /\\"q\\""\n;!@InstallEnd@!'
    files = FILES | {"noise.bin": random.Random(1).randbytes(300_000)}

    found = analyze_bytes(
        tmp_path, Program(overlay=config + seven_zipped(tmp_path, files, *options)).build(), Depth.DEEP
    )

    assert found.technology is Technology.SELF_EXTRACTING_ARCHIVE
    assert listed(found) == expected(files)
    assert found.product_name == "Example"
    assert 'After unpacking, it starts: setup.exe /"q"' in found.notes


def test_archives_of_seven_zip_that_cannot_be_unpacked(tmp_path: Path) -> None:
    files = {"a.txt": b"Some words. " * 500}
    hidden = analyze_bytes(tmp_path, Program(overlay=seven_zipped(tmp_path, files, "-psecret", "-mhe=on")).build())
    locked = analyze_bytes(tmp_path, Program(overlay=seven_zipped(tmp_path, files, "-psecret")).build(), Depth.DEEP)

    assert any("encrypted" in note for note in hidden.notes) and not hidden.files
    assert any("encrypted" in note for note in locked.notes) and listed(locked) == {"a.txt": (6_000, "")}


def test_an_archive_of_seven_zip_that_only_starts_an_msi(tmp_path: Path, msi: bytes) -> None:
    packed = seven_zipped(tmp_path, {"a.msi": msi})
    loud = b';!@Install@!UTF-8!\nRunProgram="msiexec /i a.msi"\n;!@InstallEnd@!'
    quiet = b';!@Install@!UTF-8!\nExecuteFile="msiexec"\nExecuteParameters="/i a.msi /qn"\n;!@InstallEnd@!'

    found = [analyze_bytes(tmp_path, Program(overlay=config + packed).build()) for config in (loud, quiet)]

    assert all(map(is_wrapper, found))
    assert [analysis.switch("install").confidence for analysis in found] == [  # type: ignore[union-attr]
        Confidence.GUESS, Confidence.LIKELY
    ]  # fmt: skip


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_archive(tmp_path: Path, method: int) -> None:
    words = {(16, 1): version_resource({"FileDescription": "Self-Extracting Archive"})}

    found = analyze_bytes(tmp_path, Program(resources=words, overlay=zipped(FILES, method)).build(), Depth.DEEP)

    assert found.technology is Technology.SELF_EXTRACTING_ARCHIVE
    assert listed(found) == expected(FILES)


@pytest.mark.parametrize("name", ["META-INF/MANIFEST.MF", "__main__.py"])
def test_a_program_with_an_archive_of_its_own_code_is_no_installer(tmp_path: Path, name: str) -> None:
    found = analyze_bytes(tmp_path, Program(overlay=zipped({name: b"x"})).build())

    assert found.technology is Technology.UNKNOWN


@pytest.mark.parametrize("method", [MSZIP, LZX], ids=["mszip", "lzx"])
def test_iexpress(tmp_path: Path, method: int) -> None:
    files = {"setup.exe": FILES["setup.exe"], "read me.txt": b"Read me."}
    resources = {
        (RCDATA, "CABINET"): cabinet(files, method), (RCDATA, "RUNPROGRAM"): b"setup.exe /x\0",
        (RCDATA, "POSTRUNPROGRAM"): b"<None>\0", (RCDATA, "ADMQCMD"): b"setup.exe /quiet\0",
        (RCDATA, "TITLE"): b"Example\0",
        (24, 1): manifest("requireAdministrator"),
    }  # fmt: skip

    found = analyze_bytes(tmp_path, Program(resources=resources).build(), Depth.DEEP)

    assert found.technology is Technology.SELF_EXTRACTING_ARCHIVE
    assert listed(found) == expected(files)
    assert (found.product_name, found.requires_administrator) == ("Example", True)
    assert [note for note in found.notes if "starts" in note] == ["After unpacking, it starts: setup.exe /x"]
    assert "setup.exe /quiet" in found.switch("install").reason  # type: ignore[union-attr]


@pytest.mark.parametrize("write", [new_rar, old_rar])
def test_a_rar_archive(tmp_path: Path, write: Callable[..., bytes]) -> None:
    comment = ";Commands\r\nTitle=Example\r\nSetup=setup.exe /x\r\nSilent=1\r\n"
    files = FILES | {"folder/": b""}

    found = analyze_bytes(tmp_path, Program(overlay=write(files, comment)).build(), Depth.DEEP)
    packed = analyze_bytes(tmp_path, Program(overlay=write(files, is_packed=True)).build(), Depth.DEEP)

    assert found.technology is Technology.SELF_EXTRACTING_ARCHIVE
    assert listed(found) == expected(FILES)
    assert found.product_name == "Example"
    assert "After unpacking, it starts: setup.exe /x" in found.notes
    assert listed(packed) == {name: (size, "") for name, (size, _) in expected(FILES).items()}


@pytest.mark.parametrize("write", [new_rar, old_rar])
def test_rar_archives_that_start_an_msi_or_cannot_be_read(
    tmp_path: Path, msi: bytes, write: Callable[..., bytes]
) -> None:
    wrapper = Program(overlay=write({"a.msi": msi}, "Setup=msiexec /i a.msi /qn")).build()
    encrypted = analyze_bytes(tmp_path, Program(overlay=write(FILES, is_encrypted=True)).build())
    cut = analyze_bytes(tmp_path, Program(overlay=write(FILES)[:60]).build())

    assert is_wrapper(analyze_bytes(tmp_path, wrapper))
    assert any("encrypted" in note for note in encrypted.notes) and not encrypted.files
    assert cut.technology is Technology.SELF_EXTRACTING_ARCHIVE


def test_iexpress_that_only_starts_an_msi(tmp_path: Path, msi: bytes) -> None:
    resources = {(RCDATA, "CABINET"): cabinet({"a.msi": msi}), (RCDATA, "RUNPROGRAM"): b"msiexec /i a.msi /qn\0"}

    assert is_wrapper(analyze_bytes(tmp_path, Program(resources=resources).build()))


def squirrel(package: bytes, *, title: str = "Example App") -> bytes:
    files = {"Update.exe": b"MZ", "RELEASES": b"x"} | ({"ExampleApp-1.2.3-full.nupkg": package} if package else {})
    resources = {("DATA", 131): zipped(files), ("FLAGS", 132): b"net45\0",
                 (16, 1): version_resource({"ProductName": "Squirrel-based application"})}  # fmt: skip
    return Program(resources=resources).build()


def nuget_package(program: bytes, title: str = "Example App") -> bytes:
    text = (
        '<?xml version="1.0"?><package xmlns="http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd"><metadata>'
        f"<id>ExampleApp</id><version>1.2.3</version>{title and f'<title>{title}</title>'}"
        "<authors>Example &amp; Software</authors></metadata></package>"
    )
    return zipped(
        {"ExampleApp.nuspec": text.encode(), "lib/net45/App.exe": program, "lib/net45/createdump.exe": b"MZ" * 9_999}
    )


@pytest.mark.parametrize(("machine", "architecture"), [(X64, Architecture.X64), (X86, Architecture.X86)])
def test_the_package_of_a_squirrel_program(tmp_path: Path, machine: int, architecture: Architecture) -> None:
    found = analyze_bytes(tmp_path, squirrel(nuget_package(Program(machine=machine).build())))

    assert found.technology is Technology.SQUIRREL
    assert (found.product_name, found.version, found.manufacturer) == ("Example App", "1.2.3", "Example & Software")
    assert (found.architecture, found.scope) == (architecture, Scope.USER)
    assert "ExampleApp-1.2.3-full.nupkg\\lib\\net45\\App.exe" in listed(found)
    assert "%LocalAppData%\\ExampleApp\\Update.exe" in found.switch("uninstall").reason  # type: ignore[union-attr]


def test_squirrel_programs_without_a_package_or_with_a_damaged_one(tmp_path: Path) -> None:
    empty, damaged = analyze_bytes(tmp_path, squirrel(b"")), analyze_bytes(tmp_path, squirrel(b"PK\3\4 damaged"))

    assert any("no package" in note for note in empty.notes)
    assert (damaged.product_name, damaged.version) == ("ExampleApp", "1.2.3")
    assert any("damaged" in note for note in damaged.notes)


def test_the_package_of_a_successor_of_squirrel(tmp_path: Path) -> None:
    signature = hashlib.sha256(b"squirrel bundle").digest()
    package = nuget_package(Program(machine=X64).build(), title="")
    stub = len(Program(sections=[(b".data", bytes(16) + signature)]).build())
    place = struct.pack("<qq", stub, len(package))

    found = analyze_bytes(tmp_path, Program(sections=[(b".data", place + signature)], overlay=package).build())
    template = analyze_bytes(tmp_path, Program(sections=[(b".data", bytes(16) + signature)]).build())

    assert found.technology is Technology.SQUIRREL
    assert (found.product_name, found.version, found.architecture) == ("ExampleApp", "1.2.3", Architecture.X64)
    assert any("Velopack" in words for words in found.evidence)
    assert template.technology is Technology.UNKNOWN


def test_an_msi_in_a_resource_or_after_the_program(tmp_path: Path, msi: bytes) -> None:
    in_resource = analyze_bytes(tmp_path, Program(resources={("BINARY", "MSI"): msi}).build())
    after = analyze_bytes(tmp_path, Program(overlay=b"Settings of the wrapper.".ljust(700) + msi).build())

    assert is_wrapper(in_resource)
    assert is_wrapper(after)


def test_an_msi_that_lies_in_an_archive_as_it_is_makes_no_wrapper(tmp_path: Path, msi: bytes) -> None:
    files = {"setup.exe": b"MZ", "a.msi": msi}
    archives = [zipped(files, zipfile.ZIP_STORED), seven_zipped(tmp_path, files, "-m0=copy"), cabinet(files, STORED)]

    for archive in archives:
        found = analyze_bytes(tmp_path, Program(overlay=archive).build())
        assert found.technology is Technology.SELF_EXTRACTING_ARCHIVE
        assert found.bundle and [package.name for package in found.bundle.packages] == ["Inner Product"]


def started(program: bytes) -> bytes:
    """Return an archive that starts a program in it."""
    resources = {
        (RCDATA, "CABINET"): cabinet({"data\\inner.exe": program}),
        (RCDATA, "RUNPROGRAM"): b'"data\\inner" /x\0',
    }
    return Program(resources=resources).build()


def test_the_installer_that_an_archive_starts(tmp_path: Path) -> None:
    inner = build_nsis(tmp_path, install_folder="$PROGRAMFILES64\\Example").read_bytes()

    deep = analyze_bytes(tmp_path, started(inner), Depth.DEEP)
    standard = analyze_bytes(tmp_path, started(inner))

    assert deep.technology is Technology.SELF_EXTRACTING_ARCHIVE
    assert deep.bundle
    (package,) = deep.bundle.packages
    assert (package.id, package.kind, package.name, package.version, package.install_arguments) == (
        "data\\inner.exe", "exe", "Example Editor", "3.4.5", "/S"
    )  # fmt: skip
    assert "data\\inner.exe was built with NSIS." in deep.notes
    assert (deep.product_name, deep.architecture, deep.scope) == ("Example Editor", Architecture.X64, Scope.MACHINE)
    assert "data\\inner.exe takes /S." in deep.switch("install").reason  # type: ignore[union-attr]
    assert standard.bundle is None


def test_installers_inside_each_other_are_read_up_to_three(tmp_path: Path) -> None:
    innermost = build_nsis(tmp_path).read_bytes()

    three = analyze_bytes(tmp_path, started(started(innermost)), Depth.DEEP)
    five = analyze_bytes(tmp_path, started(started(started(started(innermost)))), Depth.DEEP)

    assert three.bundle and [package.name for package in three.bundle.packages] == ["Example Editor", "Example Editor"]
    assert five.bundle and len(five.bundle.packages) == 2
    assert any("nested too deeply" in note for note in five.notes)


def test_a_started_program_that_is_none_or_no_installer(tmp_path: Path) -> None:
    broken = analyze_bytes(tmp_path, started(b"MZ broken"), Depth.DEEP)
    ordinary = analyze_bytes(tmp_path, started(Program().build()), Depth.DEEP)

    assert any("inner.exe could not be read" in note for note in broken.notes)
    assert any("inner.exe has no marker of an installer" in note for note in ordinary.notes)


def test_two_msis_are_listed_and_neither_is_chosen(tmp_path: Path, msi: bytes) -> None:
    other = build(tmp_path, source(name="Other Product")).read_bytes()

    found = analyze_bytes(tmp_path, Program(resources={("MSI", 1): msi, ("MSI", 2): other}).build())

    assert found.technology is Technology.MSI_WRAPPER
    assert found.product_code == ""
    assert found.bundle and sorted(package.name for package in found.bundle.packages) == [
        "Inner Product",
        "Other Product",
    ]


def advanced_installer(files: Mapping[str, bytes]) -> bytes:
    """Return a program with files, their table, and the footer; the first bytes of each second file are inverted."""
    start = len(Program().build())
    data, table = b"", b""
    for number, (name, content) in enumerate(files.items()):
        is_inverted = number % 2 == 0
        place = start + len(data)
        table += struct.pack("<6I", 0, 0, 2 if is_inverted else 0, len(content), place, len(name)) + name.encode(
            "utf-16-le"
        )
        data += (bytes(byte ^ 0xFF for byte in content[:512]) if is_inverted else content[:512]) + content[512:]
    footer_at = start + len(data) + len(table)
    footer = struct.pack("<7I", 0, footer_at, len(files), 1, 0, start + len(data), start).ljust(64, b"0")
    return Program(overlay=data + table + footer + b"ADVINSTSFX\0\0").build()


def test_advanced_installer(tmp_path: Path, msi: bytes) -> None:
    files = {"Example.msi": msi, "Example1.cab": b"cabinet" * 100, "settings.ini": b"x"}

    found = analyze_bytes(tmp_path, advanced_installer(files), Depth.DEEP)

    assert is_wrapper(found)
    assert listed(found) == expected(files)
    assert found.switch("install").arguments == "/exenoui /qn /norestart"  # type: ignore[union-attr]


def test_advanced_installer_with_its_files_packed(tmp_path: Path, msi: bytes) -> None:
    packed = seven_zipped(tmp_path, {"Example.msi": msi, "Example1.cab": b"cabinet" * 100})

    found = analyze_bytes(tmp_path, advanced_installer({"FILES.7z": packed, "decoder.dll": b"x"}))

    assert is_wrapper(found)
    assert "FILES.7z\\Example.msi" in listed(found)


MAGIC = bytes([0x13, 0x35, 0x86, 0x07])


def coded(data: bytes, name: str, block: int) -> bytes:
    key = [byte ^ MAGIC[index % 4] for index, byte in enumerate(name.encode())]
    found = bytearray()
    for index, byte in enumerate(data):
        value = ~byte & 0xFF ^ key[index % block % len(key)]
        found.append((value << 4 | value >> 4) & 0xFF)
    return bytes(found)


def installshield(files: Mapping[str, bytes], *, kind: int = 0, description: str = "", block: int = 1_024) -> bytes:
    table = b"ISSetupStream\0" + struct.pack("<HI", len(files), kind).ljust(32, b"\0")
    for name, content in files.items():
        data = coded(zlib.compress(content) if name.endswith(".msi") else content, name, block)
        encoded = name.encode("utf-16-le")
        if kind == 4:
            table += struct.pack("<IIIIQ", len(encoded), 6, 6 << 24, len(data), 0).ljust(48, b"\0")
        else:
            table += struct.pack("<II2xI8xH", len(encoded), 6, len(data), 1)
        table += encoded + data
    strings = {"FileDescription": "Example Setup"} | ({"ISInternalDescription": description} if description else {})
    return Program(resources={(16, 1): version_resource(strings)}, overlay=table).build()


@pytest.mark.parametrize("kind", [0, 4])
@pytest.mark.parametrize("block", [1_024, 1 << 40])
def test_the_files_of_an_installshield_launcher(tmp_path: Path, msi: bytes, kind: int, block: int) -> None:
    code = "{AAAAAAAA-1234-1234-1234-1234567890AB}"
    settings = f"[Startup]\r\nProduct=Example Product\r\nProductVersion=9.8\r\nProductCode={code}\r\n".encode("utf-16")
    files = {"Setup.ini": settings, "0x0409.ini": b"[0x0409]", "Example.msi": msi}

    found = analyze_bytes(tmp_path, installshield(files, kind=kind, block=block))

    assert found.technology is Technology.INSTALLSHIELD
    assert [file.path for file in found.files] == list(files)
    assert any("Basic MSI" in words for words in found.evidence)
    assert found.switch("install").confidence is Confidence.LIKELY  # type: ignore[union-attr]
    assert (found.product_name, found.version, found.architecture) == ("Inner Product", "2.3.4", Architecture.X64)
    assert found.bundle and found.bundle.packages[0].product_code == found.product_code


def test_an_installshield_launcher_with_a_script(tmp_path: Path) -> None:
    settings = b"[Startup]\r\nProductName=Example Product\r\nProductVersion=9.8\r\n"

    found = analyze_bytes(tmp_path, installshield({"setup.ini": settings, "setup.inx": b"x", "data1.cab": b"x"}))

    assert (found.product_name, found.version) == ("Example Product", "9.8")
    assert any("InstallScript" in words for words in found.evidence)
    assert found.switch("install").confidence is Confidence.GUESS  # type: ignore[union-attr]


def test_damaged_contents_are_notes(tmp_path: Path, msi: bytes) -> None:
    config = b';!@Install@!UTF-8!\nRunProgram="a"\n;!@InstallEnd@!'
    programs = [
        Program(overlay=config + seven_zipped(tmp_path, FILES)[:-20]).build(), squirrel(nuget_package(b"MZ"))[:-400],
        advanced_installer({"a.msi": msi[:2_000]}), installshield({"Example.msi": msi[:700]}),
        Program(resources={(RCDATA, "CABINET"): cabinet({"a": b"a" * 9})[:60], (RCDATA, "RUNPROGRAM"): b"a\0"}).build(),
    ]  # fmt: skip

    for program in programs:
        found = analyze_bytes(tmp_path, program, Depth.DEEP)
        assert found.technology is not Technology.UNKNOWN
        assert found.notes


def test_contents_of_a_real_squirrel_template() -> None:
    found = analyze(registry_packages.package("electron-winstaller@5.4.4") / "vendor/Setup.exe")

    assert [file.path for file in found.files] == ["Update.exe"]
    assert any("no package" in note for note in found.notes)
