"""The parts of MSIs that `wixl` cannot build, from a writer of our own, with msitools as an independent judge."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

import pytest

from tests.workflows.wixl_packages import exported
from tests.workflows.written_packages import analyzed, lzx_cabinet, written
from workflows.package_deployment import sample
from workflows.package_deployment.analysis import Architecture, Confidence, Depth, Scope, Technology
from workflows.package_deployment.compound_writer import Storage
from workflows.package_deployment.installers import lzx_library
from workflows.package_deployment.installers.analyzing import analyze
from workflows.package_deployment.installers.msi_database import Database
from workflows.package_deployment.msi_writer import PATCH, TRANSFORM, Package, Table, cabinet, encode_name, write_msi


def test_the_sample_is_what_independent_tools_read(tmp_path: Path):
    path = sample.write_sample_package(tmp_path)
    found = analyze(path, Depth.DEEP)
    assert found.notes == [] or all("signature" in note for note in found.notes)
    assert (found.product_code, found.upgrade_code) == (sample.PRODUCT_CODE, sample.UPGRADE_CODE)
    assert found.msi and [service.name for service in found.msi.services] == ["ExampleAgent"]
    with Database(path) as database:
        for table in database.tables:
            rows = [["" if value is None else str(value) for value in row.values()] for row in database.rows(table)]
            assert sorted(rows) == sorted(exported(path, table)), table
    subprocess.run(["msiextract", "-C", tmp_path / "out", path], check=True, capture_output=True, timeout=60)
    extracted = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (tmp_path / "out").rglob("*.*")}
    assert extracted == {file.path.rpartition("\\")[2]: file.sha256 for file in found.files} and len(extracted) == 2


def test_the_sample_has_the_same_bytes_each_time(tmp_path: Path):
    (tmp_path / "again").mkdir()
    first, second = sample.write_sample_package(tmp_path), sample.write_sample_package(tmp_path / "again")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("code_page", "codec", "name"),
    [
        (932, "cp932", "例のソフトウェア"), (1251, "cp1251", "Пример программы"), (65001, "utf_8", "例 Пример Ä 😀"),
        (1252, "cp1252", "Größe"), (936, "gbk", "示例软件"), (0, "cp1252", "Plain"), (99999, "cp1252", "Größe"),
    ],
)  # fmt: skip
def test_texts_are_read_in_the_code_page_of_the_package(tmp_path: Path, code_page: int, codec: str, name: str):
    found = analyzed(
        tmp_path, {"File": [("agent.exe", "Agent", f"SHORT|{name}.exe", 54_000, None, None, 512, 1)]},
        properties={"ProductName": name}, summary={3: name}, code_page=code_page, codec=codec,
    )  # fmt: skip
    assert found.product_name == name and found.msi and found.msi.code_page == code_page
    assert found.files[0].path == f"ProgramFiles64Folder\\Example Agent\\{name}.exe"


@pytest.mark.parametrize(
    ("template", "architecture"),
    [
        ("Intel;1033", Architecture.X86), (";1033", Architecture.X86), ("x64;1033", Architecture.X64),
        ("Arm64;0", Architecture.ARM64), ("Arm;0", Architecture.ARM), ("Intel64;1033", Architecture.ITANIUM),
        ("Alpha;1033", Architecture.UNKNOWN),
    ],
)  # fmt: skip
def test_the_template_says_the_architecture(tmp_path: Path, template: str, architecture: Architecture):
    assert analyzed(tmp_path, summary={7: template}, depth=Depth.QUICK).architecture is architecture


def test_several_languages(tmp_path: Path):
    assert analyzed(tmp_path, summary={7: "x64;1033,1031,1036"}).language == "en-US, de-DE, fr-FR"


@pytest.mark.parametrize(
    ("number", "kind", "when", "is_elevated"),
    [
        (1, "DLL from the Binary table", "immediate", False),
        (2 + 1024, "program from the Binary table", "deferred", False),
        (2 + 3072, "program from the Binary table", "deferred", True),
        (5 + 64, "JScript from the Binary table", "immediate", False),
        (6 + 3072 + 256, "VBScript from the Binary table", "rollback", True),
        (7, "installation of an MSI inside this one", "immediate", False),
        (17 + 3072 + 512, "DLL that is installed", "commit", True),
        (18, "program that is installed", "immediate", False),
        (19, "error message that ends the installation", "immediate", False),
        (23, "installation of an MSI beside this one", "immediate", False),
        (34 + 3072 + 8192, "program in a folder", "deferred", True),
        (35, "sets a folder", "immediate", False),
        (38 + 3072 + 4096, "VBScript in the MSI", "deferred", True),
        (50, "program whose path is in a property", "immediate", False),
        (51 + 256, "sets a property", "immediate", False),
        (54, "VBScript in a property", "immediate", False),
        (60, "unknown", "immediate", False),
    ],
)
def test_types_of_custom_actions(tmp_path: Path, number: int, kind: str, when: str, is_elevated: bool):
    found = analyzed(tmp_path, {"CustomAction": [("Act", number, "source", "target", None)]})
    assert found.msi
    [action] = found.msi.custom_actions
    assert (action.kind, action.when, action.is_elevated, action.sequence) == (kind, when, is_elevated, "")


def test_the_type_with_its_highest_bit_is_read(tmp_path: Path):
    """Bit 15 (run on removal of a patch) makes the stored number negative."""
    found = analyzed(tmp_path, {"CustomAction": [("Act", 0x8000 + 3072 + 1 - 0x10000, "source", "target", None)]})
    assert found.msi and found.msi.custom_actions[0].type == 0x8000 + 3072 + 1
    assert found.msi.custom_actions[0].is_elevated


def test_the_folder_that_a_setup_project_sets(tmp_path: Path):
    rows = sample.sample_rows()
    found = analyzed(
        tmp_path,
        {
            "Directory": [("TARGETDIR", None, "SourceDir"), ("_SUB", "TARGETDIR", "SUB|Sub folder")],
            "Component": [("Agent", None, "_SUB", 0, None, "agent.exe")],
            "File": rows["File"][:1],
            "CustomAction": [("DIRCA_TARGETDIR", 307, "TARGETDIR",
                              "[ProgramFilesFolder][Manufacturer]\\[ProductName]", None)],
            "InstallExecuteSequence": [*rows["InstallExecuteSequence"], ("DIRCA_TARGETDIR", 'TARGETDIR=""', 750)],
        },
    )  # fmt: skip
    assert [file.path for file in found.files] == [
        "ProgramFilesFolder\\Example Software\\Example Agent\\Sub folder\\ExampleAgent.exe"
    ]
    folder = found.switch("folder")
    assert folder and (folder.arguments, folder.confidence) == ('TARGETDIR="<folder>"', Confidence.LIKELY)


@pytest.mark.parametrize(
    ("names", "components", "expected"),
    [
        (["INSTALLDIR", "OTHER"], ["OTHER"], "INSTALLDIR"),
        (["PRODUCTDIR", "OTHER"], ["PRODUCTDIR", "PRODUCTDIR", "OTHER"], "PRODUCTDIR"),
        (["_E0F50CF5BF9E40F1B388D328133D5991"], ["_E0F50CF5BF9E40F1B388D328133D5991"], ""),
        (["MixedCase"], ["MixedCase"], ""),
        (["ONE", "TWO", "THREE"], ["ONE", "TWO", "THREE"], ""),
    ],
)
def test_the_property_for_the_folder(tmp_path: Path, names: list[str], components: list[str], expected: str):
    found = analyzed(
        tmp_path,
        {
            "Directory": [("TARGETDIR", None, "SourceDir"), ("ProgramFilesFolder", "TARGETDIR", "."),
                          *((name, "ProgramFilesFolder", name) for name in names)],
            "Component": [(f"C{number}", None, name, 0, None, None) for number, name in enumerate(components)],
        },
        depth=Depth.QUICK,
    )  # fmt: skip
    folder = found.switch("folder")
    assert (folder.arguments.partition("=")[0] if folder else "") == expected


def test_the_highest_folder_counts(tmp_path: Path):
    found = analyzed(
        tmp_path,
        {
            "Directory": [("TOP", "ProgramFilesFolder", "top"), ("SUB", "TOP", "sub")],
            "Component": [("C1", None, "SUB", 0, None, None), ("C2", None, "SUB", 0, None, None)],
        },
        depth=Depth.QUICK,
    )
    folder = found.switch("folder")
    assert folder and folder.arguments == 'TOP="<folder>"'


@pytest.mark.parametrize(
    ("directories", "path"),
    [
        ([("INSTALLDIR", "A", "X"), ("A", "B", "a"), ("B", "A", "b")], "b\\a\\X"),
        ([("INSTALLDIR", "INSTALLDIR", "X")], "INSTALLDIR"),
        ([("INSTALLDIR", "nowhere", "X")], "nowhere\\X"),
        ([("INSTALLDIR", "WindowsFolder.0F3A1C52_7B1E_4C0B_9A55_0D6C7E9B1A04", "X:Y")], "WindowsFolder\\X"),
        ([("INSTALLDIR", "TARGETDIR", "SHORT|Long:S|Source"), ("TARGETDIR", None, "SourceDir")], "TARGETDIR\\Long"),
        ([], "INSTALLDIR"),
    ],
)
def test_folders_are_resolved(tmp_path: Path, directories: list[tuple[str | None, ...]], path: str):
    found = analyzed(tmp_path, {"Directory": directories})
    assert found.files[0].path == f"{path}\\ExampleAgent.exe"


def test_files_that_lie_beside_the_package(tmp_path: Path):
    rows = sample.sample_rows()["File"]
    plain = [(*row[:6], 0x2000, row[7]) for row in rows[:1]] + [(*row[:6], 0x4000, row[7]) for row in rows[1:]]
    directory = [("TARGETDIR", None, "SourceDir"), ("INSTALLDIR", "TARGETDIR", "SHORT|Long:S|Source folder")]
    found = analyzed(tmp_path, {"File": plain, "Directory": directory}, depth=Depth.STANDARD)
    assert found.msi and found.msi.external_files == ["Source folder\\ExampleAgent.exe"]
    without_cabinet = analyzed(tmp_path, {"Media": [(1, 9, None, None, None, None)]}, summary={15: 0})
    assert without_cabinet.msi and len(without_cabinet.msi.external_files) == 2


@pytest.mark.parametrize(
    ("rows", "properties", "scope"),
    [
        ({"ControlEvent": [("Dialog", "All", "[ALLUSERS]", "1", "1", 1)]}, {}, Scope.EITHER),
        ({"Control": [("Dialog", "Users", "RadioButtonGroup", 0, 0, 9, 9, 3, "ALLUSERS", None, None, None)]},
         {"ALLUSERS": None}, Scope.EITHER),
        ({"ControlEvent": [("Dialog", "All", "[OTHER]", "1", "1", 1)]}, {}, Scope.MACHINE),
        ({}, {"ALLUSERS": None}, Scope.USER),
        ({}, {"ALLUSERS": "2"}, Scope.EITHER),
    ],
)  # fmt: skip
def test_dialogs_that_offer_a_choice(tmp_path: Path, rows: dict[str, list[tuple[str, ...]]],
                                     properties: dict[str, str | None], scope: Scope):  # fmt: skip
    assert analyzed(tmp_path, rows, properties=properties, depth=Depth.QUICK).scope is scope


@pytest.mark.parametrize(
    ("actions", "properties", "words"),
    [
        ([("ForceReboot", "REBOOTNOW", 4100)], {}, "It restarts during the installation (ForceReboot) if REBOOTNOW."),
        ([("ScheduleReboot", None, 6500)], {}, "It asks for a restart at the end (ScheduleReboot)."),
        ([], {"REBOOT": "F"}, "It always asks for a restart at the end (REBOOT is Force)."),
        ([], {"REBOOT": "ReallySuppress"}, ""),
    ],
)
def test_restarts(tmp_path: Path, actions: list[tuple[str, ...]], properties: dict[str, str], words: str):
    sequence = [*sample.sample_rows()["InstallExecuteSequence"], *actions]
    found = analyzed(tmp_path, {"InstallExecuteSequence": sequence}, properties=properties)
    assert found.msi and found.msi.restarts == words
    assert any(text.startswith("Plan for a restart") for text in found.recommendations) == bool(words)


def test_values_that_the_package_hides_are_hidden(tmp_path: Path):
    found = analyzed(tmp_path, properties={"PASSWORD": "hunter2", "MsiHiddenProperties": "PASSWORD;OTHER"})
    assert "hunter2" not in found.model_dump_json()
    assert found.msi and found.msi.properties["PASSWORD"] == "(hidden by the package)"


def test_what_follows_from_missing_codes(tmp_path: Path):
    found = analyzed(tmp_path, properties={"ProductCode": "none", "UpgradeCode": None})
    assert (found.product_code, found.upgrade_code, found.switch("uninstall")) == ("", "", None)
    assert "The product code of the package is not valid." in found.notes
    assert any("without a product code" in words for words in found.recommendations)


def test_several_cabinets_and_installers_inside(tmp_path: Path):
    inner = written(tmp_path, name="inner.msi").read_bytes()
    program = b"MZ" + bytes(100)
    contents = {"agent.exe": program, "readme.txt": inner}
    rows = sample.sample_rows()
    names = ("setup.exe", "inner.msi")
    files = [(*row[:2], name, len(content), *row[4:])
             for row, name, content in zip(rows["File"], names, contents.values(), strict=True)]  # fmt: skip
    found = analyzed(
        tmp_path,
        {"File": files, "Media": [(1, 1, None, "#one.cab", None, None), (2, 2, None, "#two.cab", None, None)],
         "Binary": [("Nested", inner), ("Tool", program)]},
        streams={"one.cab": cabinet({"agent.exe": program}, is_compressed=False),
                 "two.cab": cabinet({"readme.txt": inner})},
    )  # fmt: skip
    assert {file.path.rpartition("\\")[2]: file.sha256 for file in found.files} == {
        name: hashlib.sha256(content).hexdigest() for name, content in zip(names, contents.values(), strict=True)
    }
    assert found.msi
    assert [name.rpartition("\\")[2] for name in found.msi.inner_installers] == [*names, "Binary.Nested"]


def test_a_cabinet_with_quantum_is_listed_only(tmp_path: Path):
    content = bytearray(sample.sample_streams()["files.cab"])
    content[42:44] = b"\x02\x15"
    found = analyzed(tmp_path, streams={"files.cab": bytes(content)})
    assert "The cabinet files.cab is compressed with Quantum, so that its files have no digests." in found.notes
    assert len(found.files) == 2 and not any(file.sha256 for file in found.files)


def test_a_cabinet_with_lzx_is_unpacked_by_libarchive(tmp_path: Path):
    assert lzx_library.is_there(), "install libarchive13"
    contents = {"agent.exe": bytes(range(256)) * 500 + b"odd", "readme.txt": b"second file"}
    found = analyzed(tmp_path, streams={"files.cab": lzx_cabinet(contents)})
    expected = {hashlib.sha256(content).hexdigest() for content in contents.values()}
    assert {file.sha256 for file in found.files} == expected and found.notes == []


def test_without_libarchive_a_small_cabinet_with_lzx_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lzx_library, "is_there", lambda: False)
    contents = {"agent.exe": bytes(range(256)) * 500 + b"odd", "readme.txt": b"second file"}
    found = analyzed(tmp_path, streams={"files.cab": lzx_cabinet(contents)})
    assert all(file.sha256 for file in found.files) and found.notes == []
    large = {"agent.exe": bytes(17 << 20), "readme.txt": b"second file"}
    found = analyzed(tmp_path, streams={"files.cab": lzx_cabinet(large)})
    assert found.notes == ["The cabinet files.cab is compressed with LZX, so that its files have no digests. "
                           "It can be unpacked where libarchive is installed."]  # fmt: skip


def test_a_damaged_cabinet_with_lzx(tmp_path: Path):
    content = lzx_cabinet({"agent.exe": b"x" * 100, "readme.txt": b"second file"})
    at = content.index(b"readme.txt\0") + len(b"readme.txt\0") + 8
    found = analyzed(tmp_path, streams={"files.cab": content[:at] + b"\xff" * 16 + content[at + 16 :]})
    assert "The cabinet files.cab could not be unpacked. Its content is damaged." in found.notes


def test_files_that_share_their_content_have_the_same_digest(tmp_path: Path):
    content = bytearray(cabinet({"agent.exe": b"a" * 40_000, "readme.txt": b"a" * 40_000}))
    at = content.index(b"readme.txt\0") - 16
    struct.pack_into("<I", content, at + 4, 0)
    found = analyzed(tmp_path, streams={"files.cab": bytes(content)})
    assert {file.sha256 for file in found.files} == {hashlib.sha256(b"a" * 40_000).hexdigest()}


def test_many_files_are_counted_and_cut_with_more_texts_than_short_references_reach(tmp_path: Path):
    files = [(f"f{number}", "Agent", f"n{number}.txt", 10, None, None, 512, number % 30_000 + 1)
             for number in range(33_000)]  # fmt: skip
    path = written(tmp_path, {"File": files})
    found = analyze(path)
    assert (len(found.files), found.files_total, found.installed_bytes) == (5_000, 33_000, 330_000)
    assert "Only 5,000 of 33,000 files are listed." in found.notes
    assert found.product_code == sample.PRODUCT_CODE
    assert len(exported(path, "File")) == 33_000


def test_a_large_stream_needs_the_longer_list_of_sectors(tmp_path: Path):
    content = bytes(range(256)) * 40_000
    path = written(tmp_path, streams={"files.cab": cabinet({"agent.exe": content}, is_compressed=False)})
    [agent] = [file for file in analyze(path, Depth.DEEP).files if file.path.endswith(".exe")]
    assert agent.sha256 == hashlib.sha256(content).hexdigest()


def test_a_merge_module(tmp_path: Path):
    found = analyzed(
        tmp_path, {"ModuleSignature": [("Example.0F3A1C52_7B1E_4C0B_9A55_0D6C7E9B1A04", 1033, "1.5")]},
        properties={"ProductCode": None, "ProductName": None}, name="a.msm",
    )  # fmt: skip
    assert (found.technology, found.version, found.language) == (Technology.MERGE_MODULE, "1.5", "en-US")
    assert found.switches == [] and "merge module is a part" in found.recommendations[0]


def test_an_msi_that_was_built_with_a_merge_module_is_an_msi(tmp_path: Path):
    found = analyzed(tmp_path, {"ModuleSignature": [("Example.0F3A1C52_7B1E_4C0B_9A55_0D6C7E9B1A04", 1033, "1.5")]})
    assert (found.technology, found.product_name) == (Technology.MSI, "Example Agent")


def test_a_patch(tmp_path: Path):
    metadata = [(None, "DisplayName", "Example patch"), (None, "ManufacturerName", "Example Software")]
    package = Package(
        sample.tables({"MsiPatchMetadata": metadata}), class_id=PATCH,
        summary={7: sample.PRODUCT_CODE, 9: sample.PACKAGE_CODE, 15: 3},
    )  # fmt: skip
    write_msi(tmp_path / "a.msp", package)
    found = analyze(tmp_path / "a.msp")
    assert (found.technology, found.product_name) == (Technology.MSI_PATCH, "Example patch")
    assert found.msi and found.msi.package_code == sample.PACKAGE_CODE
    assert f"The patch is for the products {sample.PRODUCT_CODE}." in found.notes
    install = found.switch("install")
    assert install and install.arguments == '/p "a.msp" /qn' and found.switch("uninstall") is None


def test_a_transform(tmp_path: Path):
    codes = f"{sample.PRODUCT_CODE}1.0;{sample.PRODUCT_CODE}1.0;{sample.UPGRADE_CODE}"
    write_msi(tmp_path / "a.mst", Package({}, class_id=TRANSFORM, summary={9: codes}))
    found = analyze(tmp_path / "a.mst")
    assert (found.technology, found.product_code) == (Technology.MSI_TRANSFORM, sample.PRODUCT_CODE)
    assert found.switches == [] and "TRANSFORMS=" in found.recommendations[0]


def test_a_storage_inside_does_not_disturb(tmp_path: Path):
    inner = Storage(TRANSFORM, {encode_name("!Property"): b"\0" * 40})
    found = analyzed(tmp_path, change=lambda package: setattr(package, "storages", {"1031": inner}))
    assert found.product_name == "Example Agent"


def test_texts_are_bounded_and_made_fit_to_show(tmp_path: Path):
    name = "agent\u202egpj.exe\n" + "x" * 5_000
    found = analyzed(tmp_path, properties={"ProductName": name, "OPTION": "y" * 70_000}, code_page=65001, codec="utf_8")
    assert found.product_name.startswith("agent\ufffdgpj.exe xxx") and len(found.product_name) == 1_000
    assert found.msi and len(found.msi.properties["OPTION"]) == 1_000


def test_an_empty_table_in_the_writer_is_an_empty_table(tmp_path: Path):
    path = written(tmp_path)
    with Database(path) as database:
        assert "CustomAction" in database.tables and database.rows("CustomAction") == []
        assert database.rows("NoSuchTable") == [] and Table("Name:s72*").rows == ()
